"""Metadata of Pillow images, converted to what a `.kpal` file can hold."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Collection
from dataclasses import fields
from typing import IO, Any, Final, cast

from PIL import ExifTags, Image

from kpal_format import INCH, Metadata

from ..errors import KpalWarning
from .color_management import rgb_profile_of
from .color_tags import open_file, png_chunks
from .orientation import read_exif, turned_density, upright

COMMENT: Final = "Comment"  # the keyword for the comment of formats that have only one text (PNG, 11.3.3.2)
PARTS: Final = tuple(field.name for field in fields(Metadata))
PNG_XMP: Final = "XML:com.adobe.xmp"  # the keyword of a PNG text that is an XMP packet (XMP specification, part 3)

_RAW_PROFILE: Final = "Raw profile type "  # keywords of PNG texts that hold hexadecimal data begin with this
# Tags of a TIFF file's first directory that describe the picture; the others describe the layout of the file.
_DESCRIPTIVE: Final = (
    *(270, 271, 272, 305, 306, 315, 316, 33432),  # ImageDescription, Make, Model, Software, DateTime, Artist ...
    *(18246, 18249),  # ratings
    *range(40091, 40096),  # titles, comments, authors and keywords by Windows
)
_X_RESOLUTION: Final = int(ExifTags.Base.XResolution)
_Y_RESOLUTION: Final = int(ExifTags.Base.YResolution)
_IFDS: Final = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# Metadata that a .kpal file cannot hold and that the author of a picture may miss.
_TIFF_TAGS: Final = {
    301: "a transfer function",
    33723: "IPTC",
    **dict.fromkeys((33550, 33922, 34264, 34735), "GeoTIFF"),
    **dict.fromkeys((42112, 42113), "GDAL metadata"),
}
_PNG_CHUNKS: Final = {
    b"sCAL": "the physical scale",
    b"pCAL": "the calibration of its values",
    b"oFFs": "the offset",
    b"npTc": "the nine-patch",
    b"caBX": "content credentials",
}
_JPEG_SEGMENTS: Final = {
    ("APP1", b"http://ns.adobe.com/xmp/extension/\0"): "extended XMP",
    ("APP11", b"JP"): "content credentials",
}
_SIDEWAYS: Final = 6  # an orientation that swaps rows and columns
_PHOTOSHOP_IPTC: Final = 1028  # numbers of Photoshop's image resources
_PHOTOSHOP_RESOLUTION: Final = 1005
_PHOTOSHOP_EXIF: Final = 1058
_PHOTOSHOP_XMP: Final = 1060
_PHOTOSHOP_ASPECT: Final = 1064


def metadata_of(image: Image.Image) -> Metadata:
    """All metadata of a Pillow image that a `.kpal` file can hold: ICC profile, Exif, XMP, text, resolution.

    The ICC profile describes the stored pixels: it is the RGB profile of the image, or a profile built from a gray
    profile or from PNG's gAMA, cHRM and cICP; None if `encode` converts the pixels to sRGB. The text "Comment" is the
    comment of a JPEG, GIF or JPEG 2000 file. Invalid metadata are left out.

    Call before the pixels are loaded, while Pillow has the file open. A `KpalWarning` names metadata that a `.kpal`
    file cannot hold: profiles of other colour spaces, IPTC, the georeference of TIFF files, pixel aspect ratios without
    a resolution, and the like. Thumbnails, file dates and background colours are left out without a warning.
    """
    return carried(image)


def carried(image: Image.Image, *, unneeded: Collection[str] = (), load: bool = True) -> Metadata:
    """Like `metadata_of`, without warnings that concern the `unneeded` fields, which the caller will drop.

    load: whether to load the pixels, behind which a PNG may have metadata.
    """
    profile = None if "icc_profile" in unneeded else rgb_profile_of(image)
    left_out = _left_out(image, unneeded)
    tag, size = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation), image.size
    if load:
        image.load()  # some formats, such as PNG, may have metadata after the pixels
    raw = _raw_profiles(image)
    resources = _photoshop_resources(image)
    density = density_of(_dpi_of(image)) or _photoshop_density(resources.get(_PHOTOSHOP_RESOLUTION, b""))
    # Neither Pillow nor viewers heed the orientation in these.
    others = upright(
        Metadata(
            exif=raw.get("app1 exif") or resources.get(_PHOTOSHOP_EXIF),
            xmp=raw.get("app1 xmp") or raw.get("xmp") or resources.get(_PHOTOSHOP_XMP),
        )
    )
    metadata = Metadata(
        icc_profile=profile,
        exif=_exif_of(image) or raw.get("exif") or others.exif,
        xmp=_as_blob(image.info.get("xmp")) or others.xmp,
        text=_text_of(image),
        density=density,
    )
    # Pillow turns the pixels of TIFF files when it loads them, but adapts neither the resolution nor all of XMP.
    if tag is not None:
        metadata = turned_density(upright(metadata), tag)
    elif image.size != size:
        metadata = turned_density(metadata, _SIDEWAYS)
    if "icc_profile" not in unneeded and raw.keys() & {"icc", "icm"}:
        left_out.append("an ICC profile as text")
    if "iptc" in raw or _PHOTOSHOP_IPTC in resources:
        left_out.append("IPTC")
    if left_out and not set(PARTS) <= set(unneeded):
        warnings.warn(f"left out, as a .kpal file cannot hold it: {', '.join(left_out)}", KpalWarning, stacklevel=3)
    return metadata


def stripped(metadata: Metadata, without: Collection[str]) -> Metadata:
    """The metadata without some of its fields."""
    return Metadata(**{name: getattr(metadata, name) for name in PARTS if name not in without})


def density_of(dpi: object) -> tuple[int, int] | None:
    """Dots per inch, two numbers, as pixels per metre; None for invalid values."""
    try:
        x, y = (round(float(value) / INCH) for value in dpi)  # type: ignore[attr-defined]
        return Metadata(density=(x, y)).density
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):  # Pillow's fractions may have a denominator of 0
        return None


def _dpi_of(image: Image.Image) -> object:
    """Pillow's resolution of the image, unless it is a default for a file that has none."""
    dpi = image.info.get("dpi")
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        return dpi if _X_RESOLUTION in tags and _Y_RESOLUTION in tags else None
    if image.format in ("JPEG", "MPO") and dpi == (72, 72) and image.info.get("jfif_unit") not in (1, 2):
        return dpi if _X_RESOLUTION in read_exif(image.info.get("exif")) else None
    return dpi


def _as_blob(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, (bytes, bytearray)) else None


def _text_of(image: Image.Image) -> dict[str, str]:
    """The texts and the comment, without PNG texts that hold other data."""
    text = getattr(image, "text", None) or image.info.get("text")
    pairs = {str(key): str(value) for key, value in text.items()} if isinstance(text, dict) else {}
    found = {key: value for key, value in pairs.items() if key != PNG_XMP and not key.startswith(_RAW_PROFILE)}
    # Pillow's info has only the last comment of a JPEG file.
    comments = [content for name, content in getattr(image, "applist", ()) if name == "COM"]
    comments = comments or [image.info[key] for key in ("comment", "id_section") if image.info.get(key)]
    comment = "\n".join(filter(None, map(_as_text, comments)))
    if comment:
        found.setdefault(COMMENT, comment)
    return found


def _as_text(comment: object) -> str:
    """A comment decoded to text, as formats name no encoding; some comments end with a zero, as in C."""
    if not isinstance(comment, (bytes, bytearray)):
        return str(comment)
    comment = bytes(comment).rstrip(b"\0")
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _raw_profiles(image: Image.Image) -> dict[str, bytes]:
    """Kind -> data that the texts of a PNG file hold in hexadecimal, as ImageMagick writes them."""
    found = {}
    for key, value in image.info.items():
        if isinstance(key, str) and key.startswith(_RAW_PROFILE):
            kind = key.removeprefix(_RAW_PROFILE).lower()
            try:
                data = bytes.fromhex("".join(str(value).split("\n")[3:]))
            except ValueError:
                continue
            if kind == "app1":
                kind = "app1 exif" if data.startswith(b"Exif\0\0") else "app1 xmp"
                data = data.removeprefix(b"http://ns.adobe.com/xap/1.0/\0")
            found["iptc" if kind == "8bim" else kind] = data
    return found


def _exif_of(image: Image.Image) -> bytes | None:
    if image.format != "TIFF" or "exif" in image.info:
        return _as_blob(image.info.get("exif"))
    try:
        found, exif = image.getexif(), Image.Exif()
        for tag in _DESCRIPTIVE:
            if tag in found:
                exif[tag] = found[tag]
        for ifd in _IFDS:
            if content := found.get_ifd(ifd):
                exif[ifd] = dict(content)
        return exif.tobytes() if len(exif) else None
    except Exception as error:  # Pillow raises nearly every kind for values that are not what their tags say
        warnings.warn(f"the Exif data cannot be read ({error}): they are left out", KpalWarning, stacklevel=3)
        return None


def _left_out(image: Image.Image, unneeded: Collection[str]) -> list[str]:
    """The names of metadata in the file that a `.kpal` file cannot hold."""
    found = []
    tags = getattr(image, "tag_v2", {})
    found += [name for tag, name in _TIFF_TAGS.items() if tag in tags]
    with open_file(image) as file:
        if image.format == "PNG" and file is not None:
            found += [_PNG_CHUNKS[kind] for kind in png_chunks(file) if kind in _PNG_CHUNKS]
        if "density" not in unneeded and (aspect := _aspect(image, file)) is not None:
            found.append(f"the shape of its pixels, {aspect[0]:g}:{aspect[1]:g}")
    for segment, content in getattr(image, "applist", ()):
        for (number, start), name in _JPEG_SEGMENTS.items():
            if segment == number and content.startswith(start):
                found.append(name)
    if image.format == "MPO":
        found.append("its other views")
    return list(dict.fromkeys(found))


def _aspect(image: Image.Image, file: IO[bytes] | None) -> tuple[float, float] | None:
    """The horizontal and vertical pixel density, without a unit, if they differ; None otherwise."""
    found: Any = image.info.get("aspect")  # PNG's pHYs
    if image.info.get("jfif_unit") == 0:
        found = image.info.get("jfif_density")
    elif "resolution" in image.info and "dpi" not in image.info:
        found = image.info["resolution"]  # TIFF without unit
    elif image.format == "GIF" and file is not None:
        file.seek(12)
        number = file.read(1)
        # GIF89a, 18: the aspect ratio of a pixel, width / height, is (value + 15) / 64.
        found = (64, number[0] + 15) if number and number[0] else None
    elif _PHOTOSHOP_ASPECT in (resources := _photoshop_resources(image)):
        content = resources[_PHOTOSHOP_ASPECT]
        found = (1.0, struct.unpack_from(">d", content, 4)[0]) if len(content) >= 12 else None
    try:
        x, y = (float(value) for value in found)
        return (x, y) if x > 0 and y > 0 and x != y else None
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None


def _photoshop_resources(image: Image.Image) -> dict[int, bytes]:
    """Number -> data of Photoshop's image resources in PSD files and in JPEG files written by Photoshop."""
    found = {number: data for number, _, data in getattr(image, "resources", ())}
    jpeg = image.info.get("photoshop")
    if isinstance(jpeg, dict) and _PHOTOSHOP_IPTC in jpeg:
        found[_PHOTOSHOP_IPTC] = cast(bytes, jpeg[_PHOTOSHOP_IPTC])
    return found


def _photoshop_density(resource: bytes) -> tuple[int, int] | None:
    """The resource ResolutionInfo, in 65536ths of a pixel per inch, as pixels per metre."""
    if len(resource) < 12:
        return None
    across, down = struct.unpack_from(">I4xI", resource)
    return density_of((across / 65536, down / 65536))
