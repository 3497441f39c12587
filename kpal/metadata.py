"""Metadata of Pillow images, as far as they make sense and a `.kpal` file can hold them."""

from __future__ import annotations

from typing import Final

from PIL import Image

from kpal_format import INCH, Metadata

PNG_XMP: Final = "XML:com.adobe.xmp"  # the keyword of a PNG text that is an XMP packet (XMP specification, part 3)


def metadata_of(image: Image.Image) -> Metadata:
    """All that a Pillow image carries and a `.kpal` file can: ICC profile, Exif, XMP, text, resolution.

    An ICC profile of another colour space than RGB is left out, as it does not describe the RGB colours that are
    stored; so is the Exif of a TIFF file, which is one with the layout of that file. Strangers wrote all this: what
    makes no sense is left out, too.
    """
    image.load()  # some formats (PNG among them) find their metadata behind the pixels
    return Metadata(
        icc_profile=rgb_profile(image.info.get("icc_profile")),
        exif=_as_blob(image.info.get("exif")),
        xmp=_as_blob(image.info.get("xmp")),
        text=_as_text(getattr(image, "text", None) or image.info.get("text")),
        density=density_of(image.info.get("dpi")),
    )


def rgb_profile(profile: object) -> bytes | None:
    """The ICC profile if it describes RGB data (ICC.1:2022, 7.2.6: the colour space's signature is at byte 16)."""
    return profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None


def density_of(dpi: object) -> tuple[int, int] | None:
    """Dots per inch, two numbers, as pixels per metre; None where they make no sense."""
    try:
        x, y = (round(float(value) / INCH) for value in dpi)  # type: ignore[attr-defined]
        return Metadata(density=(x, y)).density
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):  # Pillow's fractions may have a denominator of 0
        return None


def _as_blob(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, (bytes, bytearray)) else None


def _as_text(text: object) -> dict[str, str]:
    """The texts, without those by which PNG files carry what is not text."""
    if not isinstance(text, dict):
        return {}
    pairs = {str(key): str(value) for key, value in text.items()}
    return {key: value for key, value in pairs.items() if key != PNG_XMP and not key.startswith("Raw profile type ")}
