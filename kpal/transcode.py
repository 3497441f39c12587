"""Image files of other formats to `.kpal` files and back, in memory: what `kpal encode` and `decode` do to each."""

from __future__ import annotations

import dataclasses
import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from kpal_format import MAX_COLORS, Metadata

from .codec import DEFAULT_CODER, encode
from .pixels import metadata_of
from .quantizer import Dither

_ONE_PICTURE: Final = ("MPO",)  # several views of one photo, of which the first is the picture
_PALETTES: Final = ("PNG", "GIF", "KPAL")  # formats that hold palettes with transparency
_LOSSY: Final = ("JPEG", "MPO", "AVIF")  # formats that are known to change pixels
_EXIF: Final = ("PNG", "WEBP", "JPEG", "AVIF", "JXL", "KPAL")  # formats that hold an Exif block as it is
_LOSSLESSLY: Final[dict[str, dict[str, Any]]] = {  # what other formats need to be told
    "WEBP": {"lossless": True, "exact": True},
    "JXL": {"lossless": True},
    "KPAL": {"keep_palette": True},
}


def to_kpal(
    data: bytes,
    *,
    colors: int = MAX_COLORS,
    coder: str = DEFAULT_CODER,
    dither: Dither = "none",
    keep_palette: bool = False,
    strip: tuple[str, ...] = (),
) -> bytes:
    """An image file that Pillow reads as a `.kpal` file.

    strip: the fields of `Metadata` to leave out of what the file carries.

    Raises ValueError for an animation, and whatever Pillow raises for a damaged file.
    """
    with open_picture(data) as image:
        metadata = dataclasses.replace(metadata_of(image), **{name: getattr(Metadata(), name) for name in strip})
        upright = _upright(image) if "exif" in strip else image
        return encode(upright, colors=colors, coder=coder, dither=dither, keep_palette=keep_palette, metadata=metadata)


def from_kpal(data: bytes, format: str) -> bytes:
    """A `.kpal` file in another of Pillow's formats, as a palette image where the format has such.

    Raises ValueError where the format cannot hold the pixels, unless it is one that is known to change them.
    """
    with Image.open(io.BytesIO(data), formats=("KPAL",)) as image:
        image.load()
        options: dict[str, Any] = {
            name: image.info[name] for name in ("icc_profile", "xmp", "dpi") if name in image.info
        }
        options |= _LOSSLESSLY.get(format, {})
        if format in _EXIF and "exif" in image.info:
            options["exif"] = image.info["exif"]
        if format == "PNG":
            options["pnginfo"] = _png_text(image.info.get("text", {}))
        elif format == "KPAL":
            options["text"] = image.info.get("text", {})
        file = io.BytesIO()
        _suited_to(format, image).save(file, format, **options)
        if format not in _LOSSY:
            with Image.open(io.BytesIO(file.getvalue())) as written:
                if not np.array_equal(np.asarray(written.convert("RGBA")), np.asarray(image.convert("RGBA"))):
                    raise ValueError(f"{format} cannot hold these pixels; PNG and WebP hold all")
        return file.getvalue()


@contextmanager
def open_picture(data: bytes) -> Iterator[Image.Image]:
    """The image in `data`; ValueError for one of several frames, most of which would be lost."""
    with Image.open(io.BytesIO(data)) as image:
        if getattr(image, "is_animated", False) and image.format not in _ONE_PICTURE:
            raise ValueError("an animation or several pages: kpal holds one picture and does not drop the others")
        yield image


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


def _png_text(text: dict[str, str]) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        # PNG 1.2, 4.2.3: keywords have 1 to 79 Latin-1 characters, and neither they nor texts have zeros.
        if 1 <= len(key) <= 79 and all(c < "\u0100" for c in key) and "\0" not in key + value:
            info.add_itxt(key, value)
        else:
            warnings.warn(f"PNG cannot hold the text {key!r}: it is left out", stacklevel=2)
    return info
