"""Image files of other formats to `.kpal` files and back, in memory: what `kpal encode` and `decode` do to each."""

from __future__ import annotations

import dataclasses
import io
from typing import Any, Final

from PIL import Image, ImageOps, PngImagePlugin

from kpal_format import MAX_COLORS, Metadata

from .codec import DEFAULT_CODER, encode
from .pixels import metadata_of
from .quantizer import Dither

_KEEP_PALETTE: Final = (
    "PNG",
    "GIF",
    "TIFF",
    "KPAL",
)  # formats that hold palette images, those with transparency included
_ONE_PICTURE: Final = ("MPO",)  # several views of one photo, of which the first is the picture


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
    with Image.open(io.BytesIO(data)) as image:
        if getattr(image, "is_animated", False) and image.format not in _ONE_PICTURE:
            raise ValueError("an animation or several pages: kpal holds one picture and does not drop the others")
        metadata = dataclasses.replace(metadata_of(image), **{name: getattr(Metadata(), name) for name in strip})
        if "exif" in strip:  # which says which way up the picture is: without it, turn the pixels themselves
            ImageOps.exif_transpose(image, in_place=True)
        return encode(image, colors=colors, coder=coder, dither=dither, keep_palette=keep_palette, metadata=metadata)


def from_kpal(data: bytes, format: str) -> bytes:
    """A `.kpal` file in another of Pillow's formats, as a palette image where the format has such."""
    with Image.open(io.BytesIO(data), formats=("KPAL",)) as image:
        options: dict[str, Any] = {
            name: image.info[name] for name in ("icc_profile", "exif", "xmp", "dpi") if name in image.info
        }
        text = image.info.get("text", {})
        if format == "PNG":
            options["pnginfo"] = PngImagePlugin.PngInfo()
            for key, value in text.items():
                options["pnginfo"].add_itxt(key, value)
        elif format == "KPAL":
            options |= {"text": text, "keep_palette": True}
        elif format == "WEBP":
            options |= {"lossless": True, "exact": True}
        plain = image if format in _KEEP_PALETTE else image.convert("RGBA" if image.has_transparency_data else "RGB")
        file = io.BytesIO()
        plain.save(file, format, **options)
        return file.getvalue()
