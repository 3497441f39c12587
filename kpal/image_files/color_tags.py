"""Colour tags of image files that Pillow ignores: primaries and transfer function, or an ICC profile.

Pillow ignores cICP in PNG, nclx in AVIF, the ICC profile of JPEG 2000 and BMP, and the primaries of TIFF. All of them
are in the head of the file, which must be read before the pixels are loaded, because Pillow then closes the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from PIL import Image

from .icc_profiles import Primaries, power, power_with_toe

if TYPE_CHECKING:
    from PIL import TiffImagePlugin

_D65: Final = (31270, 32900)
_C: Final = (31000, 31600)

# Transfer functions as ICC curves, which are the inverse of the functions in H.273.
SRGB_CURVE: Final = power_with_toe(Fraction(12, 5), Fraction(55, 1000), Fraction(1292, 100), Fraction(4045, 100_000))
_BT709_CURVE: Final = power_with_toe(Fraction(100, 45), Fraction(99, 1000), Fraction(45, 10), Fraction(81, 1000))
_SMPTE240_CURVE: Final = power_with_toe(Fraction(100, 45), Fraction(1115, 10_000), Fraction(4), Fraction(912, 10_000))

_UNSPECIFIED: Final = 2
_PRIMARIES: Final = {  # H.273, table 2
    1: Primaries(_D65, (64000, 33000), (30000, 60000), (15000, 6000)),
    4: Primaries(_C, (67000, 33000), (21000, 71000), (14000, 8000)),
    5: Primaries(_D65, (64000, 33000), (29000, 60000), (15000, 6000)),
    6: Primaries(_D65, (63000, 34000), (31000, 59500), (15500, 7000)),
    7: Primaries(_D65, (63000, 34000), (31000, 59500), (15500, 7000)),
    8: Primaries(_C, (68100, 31900), (24300, 69200), (14500, 4900)),
    9: Primaries(_D65, (70800, 29200), (17000, 79700), (13100, 4600)),
    10: Primaries((33333, 33333), (100_000, 0), (0, 100_000), (0, 0)),
    11: Primaries((31400, 35100), (68000, 32000), (26500, 69000), (15000, 6000)),
    12: Primaries(_D65, (68000, 32000), (26500, 69000), (15000, 6000)),
    22: Primaries(_D65, (63000, 34000), (29500, 60500), (15500, 7700)),
}
_TRANSFER: Final = {  # H.273, table 3; a matrix profile cannot express high dynamic range (16 and 18)
    **dict.fromkeys((1, 6, 11, 12, 14, 15), _BT709_CURVE),
    4: power(Fraction(22, 10)),
    5: power(Fraction(28, 10)),
    7: _SMPTE240_CURVE,
    8: power(Fraction(1)),
    13: SRGB_CURVE,
}
_NAMES: Final = {(9, 13): "BT.2020", (12, 13): "Display P3", (11, 13): "DCI-P3", (1, 8): "linear sRGB"}
SRGB_PRIMARIES: Final = _PRIMARIES[1]


@dataclass(frozen=True)
class ColorTag:
    """The colour description of a file: a `profile`, or `primaries` and `curve`, or neither if kpal cannot express it.

    name: the name of the tag, for messages.
    first: whether the tag takes precedence over an ICC profile.
    """

    name: str
    profile: bytes | None = None
    primaries: Primaries | None = None
    curve: bytes | None = None
    first: bool = False


def color_tag(image: Image.Image) -> ColorTag | None:
    """The colour tag, ignored by Pillow, in the file of an opened image; None if there is none."""
    read = _READERS.get(image.format or "")
    if read is None:
        return None
    with open_file(image) as file:
        try:
            return read(image, file) if file is not None else None
        except (struct.error, ValueError, TypeError, ZeroDivisionError):  # a damaged tag counts as none
            return None


def png_chunks(file: IO[bytes]) -> dict[bytes, bytes]:
    """The chunks before the pixels of a PNG file, the first of each kind, cut to `_SHORT` bytes."""
    found: dict[bytes, bytes] = {}
    file.seek(8)
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            break
        found.setdefault(kind, file.read(min(size, _SHORT)))
        file.seek(max(0, size - _SHORT) + 4, 1)
    return found


_SHORT: Final = 64  # bytes


@contextmanager
def open_file(image: Image.Image) -> Iterator[IO[bytes] | None]:
    """The file of an image, whose position is restored; None if the file is closed and has no name."""
    file = getattr(image, "fp", None)
    name = os.fsdecode(getattr(image, "filename", ""))
    if file is not None and not getattr(file, "closed", False):
        at = file.tell()
        try:
            yield file
        finally:
            file.seek(at)
    elif name and Path(name).is_file():
        with Path(name).open("rb") as file:
            yield file
    else:
        yield None


def _of_png(image: Image.Image, file: IO[bytes]) -> ColorTag | None:
    """The chunk cICP (PNG, third edition, 11.3.2.6), which takes precedence over all others."""
    chunk = png_chunks(file).get(b"cICP")
    if chunk is None or len(chunk) != 4:
        return None
    primaries, transfer, matrix, full_range = chunk
    if matrix != 0 or full_range != 1:
        return ColorTag("cICP")
    return _of_code_points("cICP", primaries, transfer, first=True)


def _of_avif(image: Image.Image, file: IO[bytes]) -> ColorTag | None:
    """The property colr of type nclx (ISO/IEC 23008-12, 6.5.5); an ICC profile takes precedence over it."""
    file.seek(0)
    data = memoryview(file.read())
    for path in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        data = next((content[path[1] :] for kind, content in _boxes(data) if kind == path[0]), memoryview(b""))
    for kind, content in _boxes(data):
        if kind == b"colr" and bytes(content[:4]) == b"nclx":
            return _of_code_points("nclx", *struct.unpack_from(">HH", content, 4))
    return None


def _of_jpeg_2000(image: Image.Image, file: IO[bytes]) -> ColorTag | None:
    """The box colr with an ICC profile (ISO/IEC 15444-1, I.5.3.3)."""
    file.seek(0)
    data = memoryview(file.read())
    header = next((content for kind, content in _boxes(data) if kind == b"jp2h"), memoryview(b""))
    for kind, content in _boxes(header):
        if kind == b"colr" and bytes(content[:1]) in (b"\x02", b"\x03"):
            return ColorTag("ICC profile", profile=bytes(content[3:]))
    return None


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Type and content of all complete boxes (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = len(data) if size == 0 else at + size
        if not start <= end <= len(data):
            return
        yield kind, data[start:end]
        at = end


def _of_bmp(image: Image.Image, file: IO[bytes]) -> ColorTag | None:
    """The profile or the calibrated colours in a header of version 4 or 5 (BITMAPV5HEADER)."""
    file.seek(14)
    head = file.read(124)
    (size,) = struct.unpack_from("<I", head)
    if size not in (108, 124):
        return None
    space = head[56:60]
    if space == b"DEBM" and size == 124:  # PROFILE_EMBEDDED, 'MBED' in little-endian order
        start, length = struct.unpack_from("<II", head, 112)
        file.seek(14 + start)
        return ColorTag("ICC profile", profile=file.read(length))
    if space == b"KNIL":
        return ColorTag("the name of an ICC profile in another file")
    if space != b"\0\0\0\0":
        return None
    endpoints = [struct.unpack_from("<III", head, 60 + 12 * i) for i in range(3)]
    red, green, blue = ((_share(x, x + y + z), _share(y, x + y + z)) for x, y, z in endpoints)
    x, y, z = (sum(values) for values in zip(*endpoints, strict=True))
    gammas = {Fraction(value, 1 << 16) for value in struct.unpack_from("<III", head, 96)}
    primaries = Primaries((_share(x, x + y + z), _share(y, x + y + z)), red, green, blue)
    if len(gammas) > 1:
        return ColorTag("calibrated colours")
    gamma = gammas.pop()
    return ColorTag("calibrated colours", primaries=primaries, curve=power(gamma) if gamma else SRGB_CURVE)


def _of_tiff(image: Image.Image, file: IO[bytes]) -> ColorTag | None:
    """The tags WhitePoint and PrimaryChromaticities (TIFF 6.0, section 20)."""
    tags = cast("TiffImagePlugin.TiffImageFile", image).tag_v2
    white, others = tags.get(318), tags.get(319)
    if white is None or others is None:
        return None
    xy = [round(Fraction(float(value)).limit_denominator(1_000_000) * 100_000) for value in (*white, *others)]
    pairs = list(zip(xy[::2], xy[1::2], strict=True))
    return ColorTag("primaries", primaries=Primaries(*pairs), curve=SRGB_CURVE)


_READERS: Final[dict[str, Callable[[Image.Image, IO[bytes]], ColorTag | None]]] = {
    "PNG": _of_png,
    "AVIF": _of_avif,
    "JPEG2000": _of_jpeg_2000,
    "BMP": _of_bmp,
    "TIFF": _of_tiff,
}


def _of_code_points(kind: str, primaries: int, transfer: int, *, first: bool = False) -> ColorTag | None:
    """The colours that code points of H.273 describe; None if both are unspecified."""
    if primaries == transfer == _UNSPECIFIED:
        return None
    chosen = SRGB_PRIMARIES if primaries == _UNSPECIFIED else _PRIMARIES.get(primaries)
    curve = SRGB_CURVE if transfer == _UNSPECIFIED else _TRANSFER.get(transfer)
    if chosen is None or curve is None:
        high = {16: " (PQ)", 18: " (HLG)"}.get(transfer, "")
        return ColorTag(f"{kind} {primaries}/{transfer}{high}")
    name = _NAMES.get((primaries, transfer), f"{kind} {primaries}/{transfer}")
    return ColorTag(name, primaries=chosen, curve=curve, first=first)


def _share(value: int, total: int) -> int:
    return round(Fraction(100_000 * value, total))
