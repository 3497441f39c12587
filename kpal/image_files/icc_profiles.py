"""ICC profiles: built from primaries and a curve, or inspected. Numbers below are sections of ICC.1:2022.

A matrix profile consists of three primaries, a white point and, here, one curve. Everything is computed in exact
fractions, so that a profile has the same bytes on every machine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

Matrix = tuple[tuple[Fraction, ...], ...]

_D50: Final = (Fraction(0xF6D6, 1 << 16), Fraction(1), Fraction(0xD32D, 1 << 16))  # 7.2.16
_BRADFORD: Final = tuple(  # from XYZ to the responses of the cones, Annex E.3
    tuple(Fraction(value, 10_000) for value in row)
    for row in ((8951, 2664, -1614), (-7502, 17135, 367), (389, -685, 10296))
)
_HEADER: Final = 128  # bytes
_DATE: Final = (2022, 1, 1, 0, 0, 0)  # a fixed date, so that the same input gives the same profile
_LARGEST: Final = 1 << 15  # an s15Fixed16Number is below this limit


@dataclass(frozen=True)
class Primaries:
    """Chromaticities x and y in units of 1/100000, in the order of PNG's cHRM."""

    white: tuple[int, int]
    red: tuple[int, int]
    green: tuple[int, int]
    blue: tuple[int, int]

    def near(self, other: Primaries, within: int) -> bool:
        """Whether every chromaticity differs from its counterpart in `other` by at most `within`."""
        pairs = zip(self._flat(), other._flat(), strict=True)
        return all(abs(a - b) <= within for a, b in pairs)

    def _flat(self) -> tuple[int, ...]:
        return (*self.white, *self.red, *self.green, *self.blue)


def color_space(profile: bytes) -> bytes:
    """The signature of the profile's data colour space, four bytes such as `b"RGB "` (7.2.6)."""
    return profile[16:20]


def matrix_profile(name: str, primaries: Primaries, curve: bytes) -> bytes:
    """A version 4 profile for RGB values with these primaries and this curve.

    name: an ASCII name, shown to users.
    curve: the data of a curve tag that linearises the values.

    Raises ValueError for primaries that do not form a triangle, and for a white point without light.
    """
    try:
        to_xyz = _columns_that_make(primaries)
        adaptation = _adapted_to_d50(_xyz(primaries.white))
        colorants = list(zip(*_product(adaptation, to_xyz), strict=True))
        numbers = [_xyz_number(column) for column in colorants]
        adapting = b"sf32\0\0\0\0" + b"".join(map(_fixed, (value for row in adaptation for value in row)))
    except (ZeroDivisionError, OverflowError) as error:
        raise ValueError("primaries that make no sense") from error
    tags = [
        (b"desc", _text(name)),
        (b"cprt", _text("CC0")),  # required by 9.2.21
        (b"wtpt", _xyz_number(_D50)),
        (b"chad", adapting),
        *zip((b"rXYZ", b"gXYZ", b"bXYZ"), numbers, strict=True),
        *((tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    return _packed(tags)


def power(gamma: Fraction) -> bytes:
    """The curve x ** gamma (10.18, function type 0)."""
    return _parametric(0, gamma)


def power_with_toe(gamma: Fraction, offset: Fraction, slope: Fraction, end: Fraction) -> bytes:
    """The curve ((x + offset) / (1 + offset)) ** gamma, and x / slope below `end` (10.18, function type 3)."""
    return _parametric(3, gamma, 1 / (1 + offset), offset / (1 + offset), 1 / slope, end)


def gray_curve(profile: bytes) -> bytes | None:
    """The data of the curve of a gray profile that consists of one curve; None for any other kind of profile.

    The curve gives luminance relative to white (8.4.2), like the curves of an RGB profile.
    """
    if color_space(profile) != b"GRAY" or profile[20:24] != b"XYZ ":
        return None
    tags = _tags(profile)
    curve = tags.get(b"kTRC", b"")
    return curve if b"A2B0" not in tags and curve[:4] in (b"curv", b"para") and len(curve) >= 12 else None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Signature -> data of all complete tags."""
    count = min(int.from_bytes(profile[_HEADER : _HEADER + 4], "big"), (len(profile) - _HEADER) // 12)
    found = {}
    for at in range(_HEADER + 4, _HEADER + 4 + 12 * count, 12):
        if at + 12 <= len(profile):
            signature, start, size = struct.unpack_from(">4sII", profile, at)
            if start + size <= len(profile):
                found[signature] = profile[start : start + size]
    return found


def _packed(tags: list[tuple[bytes, bytes]]) -> bytes:
    """The header (7.2), the table of tags and their data; equal data are stored once (7.3.1)."""
    start = _HEADER + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    table = struct.pack(">I", len(tags))
    for signature, data in tags:
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", signature, places[data], len(data))
    size = start + len(body)
    header = struct.pack(">I4xI4s4s4s6H4s", size, 0x04400000, b"mntr", b"RGB ", b"XYZ ", *_DATE, b"acsp")
    return header + bytes(28) + b"".join(map(_fixed, _D50)) + bytes(48) + table + body


def _columns_that_make(primaries: Primaries) -> Matrix:
    """The matrix from linear RGB to XYZ, whose primaries add up to white."""
    columns = [(Fraction(x), Fraction(y), Fraction(100_000 - x - y)) for x, y in _rgb(primaries)]
    matrix = tuple(zip(*columns, strict=True))
    amounts = _applied(_inverse(matrix), _xyz(primaries.white))
    return tuple(tuple(value * amount for value, amount in zip(row, amounts, strict=True)) for row in matrix)


def _rgb(primaries: Primaries) -> tuple[tuple[int, int], ...]:
    return primaries.red, primaries.green, primaries.blue


def _xyz(white: tuple[int, int]) -> tuple[Fraction, ...]:
    x, y = white
    return Fraction(x, y), Fraction(1), Fraction(100_000 - x - y, y)


def _adapted_to_d50(white: tuple[Fraction, ...]) -> Matrix:
    """The matrix that adapts XYZ from the white point `white` to D50 (Annex E)."""
    scales = [a / b for a, b in zip(_applied(_BRADFORD, _D50), _applied(_BRADFORD, white), strict=True)]
    scaled = tuple(tuple(scale * value for value in row) for scale, row in zip(scales, _BRADFORD, strict=True))
    return _product(_inverse(_BRADFORD), scaled)


def _applied(matrix: Matrix, vector: Iterable[Fraction]) -> tuple[Fraction, ...]:
    vector = tuple(vector)
    return tuple(sum((a * b for a, b in zip(row, vector, strict=True)), Fraction()) for row in matrix)


def _product(a: Matrix, b: Matrix) -> Matrix:
    return tuple(zip(*(_applied(a, column) for column in zip(*b, strict=True)), strict=True))


def _inverse(matrix: Matrix) -> Matrix:
    """The inverse, by cofactors; ZeroDivisionError for a singular matrix."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    return tuple(tuple(value / determinant for value in row) for row in cofactors)


def _parametric(kind: int, *parameters: Fraction) -> bytes:
    return b"para" + struct.pack(">4xHH", kind, 0) + b"".join(map(_fixed, parameters))


def _xyz_number(values: Iterable[Fraction]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _fixed(value: Fraction) -> bytes:
    """An s15Fixed16Number; OverflowError for a value out of its range."""
    if abs(value) >= _LARGEST:
        raise OverflowError
    return struct.pack(">i", round(value * 65536))


def _text(text: str) -> bytes:
    """A multiLocalizedUnicodeType (10.15) in one language."""
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
