"""The formats to which `.kpal` files are decoded: what each can hold, and its options for Pillow."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import Image, PngImagePlugin

from kpal_format import Metadata

from ..errors import KpalWarning
from .metadata import COMMENT, PARTS, PNG_XMP, stripped
from .orientation import read_exif

_EXIF_PREFIX: Final = b"Exif\0\0"
_JPEG_SEGMENT: Final = 65533  # the maximum bytes of a segment, without its length field
_JPEG_XMP: Final = len(b"http://ns.adobe.com/xap/1.0/\0")
_TIFF_XMP: Final = 700
_ICON: Final = 256  # the maximum pixels a side of an icon


@dataclass(frozen=True)
class Target:
    """What a format can hold.

    holds: the fields of `Metadata` that Pillow writes to the format.
    comment: whether the only text that the format holds is a comment.
    turns: whether viewers heed the orientation in Exif.
    palettes: whether the format holds palettes with transparency.
    lossy: whether the format is known to change pixels.
    options: options for Pillow that keep pixels unchanged, or nearly.
    """

    holds: tuple[str, ...] = ()
    comment: bool = False
    turns: bool = False
    palettes: bool = False
    lossy: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


_PHOTO: Final = ("icc_profile", "exif", "xmp")
_JPEG: Final = Target(
    (*_PHOTO, "text", "density"), comment=True, turns=True, lossy=True, options={"quality": 95, "subsampling": 0}
)
TARGETS: Final[dict[str, Target]] = {
    "PNG": Target(PARTS, turns=True, palettes=True),
    "KPAL": Target(PARTS, turns=True, palettes=True, options={"keep_palette": True}),
    "GIF": Target(("text",), comment=True, palettes=True),
    "WEBP": Target(_PHOTO, turns=True, options={"lossless": True, "exact": True}),
    "JPEG": _JPEG,
    "MPO": _JPEG,
    # Pillow cannot select AVIF's lossless matrix: gray stays unchanged, colours change by a few levels. Pillow writes
    # the orientation of Exif as an image property, which XMP might contradict.
    "AVIF": Target(_PHOTO, lossy=True, options={"quality": 100, "subsampling": "4:4:4"}),
    "JXL": Target(_PHOTO, options={"lossless": True}),  # readers heed the orientation of the codestream, not of Exif
    "JPEG2000": Target(("text",), comment=True, options={"irreversible": False}),
    "TIFF": Target((*_PHOTO, "density")),  # some readers of TIFF ignore the orientation
    "BMP": Target(("density",)),
    "DIB": Target(("density",)),
}


def held(format: str, metadata: Metadata) -> Metadata:
    """The metadata that the format can hold; warns of the rest."""
    target = TARGETS.get(format, Target())
    holds = [name for name in target.holds if name != "text" or not target.comment or COMMENT in metadata.text]
    lost = [name for name in PARTS if getattr(metadata, name) and name not in holds]
    missing = [name.replace("density", "dpi") for name in lost]
    for name in ("exif", "xmp"):
        blob = getattr(metadata, name)
        if blob and name not in lost and not _holds_blob(format, name, blob):
            lost.append(name)
            missing.append(f"this {name}, which is damaged or too long")
    rest = stripped(metadata, lost)
    text = {key: value for key, value in rest.text.items() if _holds_text(format, target, key, value)}
    missing += [f"the text {key!r}" for key in rest.text if key not in text]
    for name in missing:
        warnings.warn(f"{format} cannot hold {name}: it is left out", KpalWarning, stacklevel=2)
    return dataclasses.replace(rest, text=text)


def save_options(format: str, image: Image.Image, metadata: Metadata) -> dict[str, Any]:
    """The options with which Pillow saves the image and the metadata that `held` returns."""
    target = TARGETS.get(format, Target())
    options = dict(target.options)
    for name in ("icc_profile", "exif", "xmp"):
        if blob := getattr(metadata, name):
            options[name] = blob
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    exif = options.get("exif")
    if exif is not None and not exif.startswith(_EXIF_PREFIX):
        options["exif"] = _EXIF_PREFIX + exif
    if target.comment:
        if COMMENT in metadata.text:
            options["comment"] = metadata.text[COMMENT].encode()
    elif format == "PNG":
        options["pnginfo"] = _png_text(metadata.text, options.pop("xmp", b""))
    elif metadata.text:
        options["text"] = dict(metadata.text)
    if format == "TIFF":
        options |= _tiff_tags(options.pop("exif", None), options.pop("xmp", None))
    if format == "AVIF" and image.mode == "L":
        del options["subsampling"]
    if format == "ICO" and max(image.size) <= _ICON:
        options["sizes"] = [image.size]
    return options


def _holds_text(format: str, target: Target, key: str, value: str) -> bool:
    if format == "PNG":
        # PNG 1.2, 4.2.3: keywords have 1 to 79 Latin-1 characters, and neither they nor texts have zeros.
        return 1 <= len(key) <= 79 and all(c < "\u0100" for c in key) and "\0" not in key + value
    if format in ("JPEG", "MPO") and len(value.encode()) > _JPEG_SEGMENT:
        return False
    return not target.comment or key == COMMENT


def _holds_blob(format: str, name: str, blob: bytes) -> bool:
    if format in ("JPEG", "MPO"):
        return len(blob) + (_JPEG_XMP if name == "xmp" else len(_EXIF_PREFIX)) <= _JPEG_SEGMENT
    if name == "xmp" and format == "PNG":
        return _is_utf8(blob)
    if name == "exif" and format in ("AVIF", "TIFF"):  # Pillow parses Exif to write these
        try:
            exif = read_exif(blob)
            return len(exif) > 0 and bool(exif.tobytes())
        except Exception:  # Pillow raises nearly every kind for damaged Exif
            return False
    return True


def _is_utf8(blob: bytes) -> bool:
    try:
        blob.decode()
    except UnicodeDecodeError:
        return False
    return True


def _png_text(text: Mapping[str, str], xmp: bytes) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_itxt(key, value)
    if xmp:
        info.add_itxt(PNG_XMP, xmp.decode())
    return info


def _tiff_tags(exif: bytes | None, xmp: bytes | None) -> dict[str, Any]:
    """Exif and XMP as tags of a TIFF file, which uses the same tags as Exif."""
    tags = Image.Exif()
    tags.load(exif or b"")
    if xmp:
        tags[_TIFF_XMP] = xmp
    return {"exif": tags} if len(tags) else {}
