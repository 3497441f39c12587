"""Image files of other formats to `.kpal` files and back, in memory: what `kpal encode` and `decode` do to each."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from kpal_format import U8, Metadata

from .codec import encode
from .metadata import PNG_XMP, metadata_of
from .precision import DEPTH, Rounding, settle

with contextlib.suppress(ImportError):
    import pillow_jxl  # noqa: F401  # registers JPEG XL with Pillow, where it is installed

_COMPARED: Final = 1 << 22  # pixels at a time: as RGBA, they take four times what they do in a palette image
_ONE_PICTURE: Final = ("MPO",)  # several views of one photo, of which the first is the picture
_PALETTES: Final = ("PNG", "GIF", "KPAL")  # formats that hold palettes with transparency
_LOSSY: Final = ("JPEG", "MPO", "AVIF")  # formats that are known to change pixels
_LOSSLESSLY: Final[dict[str, dict[str, Any]]] = {  # what other formats need to be told
    "WEBP": {"lossless": True, "exact": True},
    "JXL": {"lossless": True},
    "KPAL": {"keep_palette": True},
}
_HOLDS: Final[dict[str, tuple[str, ...]]] = {  # the metadata that Pillow writes to each format; to others, none
    "PNG": ("icc_profile", "exif", "xmp", "text", "dpi"),
    "KPAL": ("icc_profile", "exif", "xmp", "text", "dpi"),
    "WEBP": ("icc_profile", "exif", "xmp"),
    "JPEG": ("icc_profile", "exif", "xmp", "dpi"),
    "AVIF": ("icc_profile", "exif", "xmp"),
    "JXL": ("icc_profile", "exif", "xmp"),
    "TIFF": ("icc_profile", "dpi"),
    "BMP": ("dpi",),
}


def to_kpal(data: bytes, *, strip: tuple[str, ...] = (), depth: int | None = None, **options: Any) -> bytes:
    """An image file that Pillow reads as a `.kpal` file.

    strip: the fields of `Metadata` to leave out of what the file carries.
    depth: as in `in_depth`.
    options: those of `encode`.

    Raises ValueError for an animation, what `encode` raises, and whatever Pillow raises for a damaged file.
    """
    with open_picture(data) as image:
        metadata = dataclasses.replace(metadata_of(image), **{name: getattr(Metadata(), name) for name in strip})
        in_depth(image, data, depth, exact=options.get("exact", False))
        upright = _upright(image) if "exif" in strip else image
        return encode(upright, metadata=metadata, **options)


def from_kpal(data: bytes, format: str) -> bytes:
    """A `.kpal` file in another of Pillow's formats, as a palette image where the format has such.

    Warns of metadata that the format cannot hold. Raises ValueError where it cannot hold the pixels, unless it is one
    that is known to change them.
    """
    with Image.open(io.BytesIO(data), formats=("KPAL",)) as image:
        image.load()
        file = io.BytesIO()
        _suited_to(format, image).save(file, format, **_metadata_for(format, image.info), **_LOSSLESSLY.get(format, {}))
        if format not in _LOSSY:
            with Image.open(io.BytesIO(file.getvalue())) as written:
                if not _look_alike(written, image):
                    raise ValueError(f"{format} cannot hold these pixels; PNG and WebP hold all")
        return file.getvalue()


def _metadata_for(format: str, info: dict[str | tuple[int, int], Any]) -> dict[str, Any]:
    """Save options for what `info`, of an image from a `.kpal` file, has of metadata."""
    found = {}
    for name in _HOLDS["KPAL"]:
        if name in info and name in _HOLDS.get(format, ()):
            found[name] = info[name]
        elif name in info:
            warnings.warn(f"{format} cannot hold {name}: it is left out", stacklevel=2)
    if format == "PNG":
        found["pnginfo"] = _png_text(found.pop("text", {}), found.pop("xmp", b""))
    return found


def _look_alike(a: Image.Image, b: Image.Image) -> bool:
    if a.size != b.size:
        return False
    a.load()
    rows = max(1, _COMPARED // a.width)
    strips = ((0, top, a.width, min(top + rows, a.height)) for top in range(0, a.height, rows))
    return all(np.array_equal(_seen(a.crop(strip)), _seen(b.crop(strip))) for strip in strips)


def _seen(image: Image.Image) -> U8:
    """RGBA pixels, without the colours of what is fully transparent."""
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[:, :, 3] == 0] = 0
    return pixels


@contextmanager
def open_picture(data: bytes) -> Iterator[Image.Image]:
    """The image in `data`; ValueError for one of several frames, most of which would be lost."""
    with Image.open(io.BytesIO(data)) as image:
        if getattr(image, "is_animated", False) and image.format not in _ONE_PICTURE:
            raise ValueError("an animation or several pages: kpal holds one picture and does not drop the others")
        yield image


def in_depth(image: Image.Image, data: bytes, depth: int | None, *, exact: bool = False) -> None:
    """Gives the image that `data` holds 8 bits a channel, in place: as `encode` would, or if depth is 8, at any cost.

    Raises ValueError where the image would lose what it must not; warns of what is rounded.
    """
    settle(image, Rounding(exact=exact, forced=depth == DEPTH, way_out=f"--depth {DEPTH} rounds it nevertheless"), data)


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its Exif orientation asks: what shows it the right way up without Exif."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error):  # damaged Exif: nothing is known of its pixels
        return image
    alone = Image.Exif()  # without the other tags, which may be damaged
    alone[ExifTags.Base.Orientation] = orientation
    image = image.copy()
    image.info["exif"] = alone.tobytes()
    return ImageOps.exif_transpose(image)


def _suited_to(format: str, image: Image.Image) -> Image.Image:
    if format not in _PALETTES:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = image.info.get("transparency")
    if format != "GIF" or alpha is None:
        return image
    if not set(alpha) <= {0, 255}:
        raise ValueError("GIF cannot hold soft alpha; PNG and WebP can")
    # GIF has one transparent index: let it stand for all that are.
    clear = alpha.index(0)
    image = image.point([clear if index < len(alpha) and not alpha[index] else index for index in range(256)])
    image.info["transparency"] = clear
    return image


def _png_text(text: dict[str, str], xmp: bytes) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        # PNG 1.2, 4.2.3: keywords have 1 to 79 Latin-1 characters, and neither they nor texts have zeros.
        if 1 <= len(key) <= 79 and all(c < "\u0100" for c in key) and "\0" not in key + value:
            info.add_itxt(key, value)
        else:
            warnings.warn(f"PNG cannot hold the text {key!r}: it is left out", stacklevel=2)
    if xmp:
        try:
            info.add_itxt(PNG_XMP, xmp.decode())
        except UnicodeDecodeError:
            warnings.warn("PNG cannot hold this XMP packet, which is not UTF-8: it is left out", stacklevel=2)
    return info
