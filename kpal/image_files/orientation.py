"""Orientation: read from Exif and XMP, applied to the pixels, and reset to upright in the metadata.

As in Pillow and in viewers, the orientation of Exif takes precedence over XMP. Numbers are replaced in place, so that
everything else in Exif and XMP stays unchanged.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import struct
from collections.abc import Iterator
from typing import Final

from PIL import ExifTags, Image

from kpal_format import Metadata

_TAG: Final = int(ExifTags.Base.Orientation)
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)
_PREFIX: Final = b"Exif\0\0"
_INTEGERS: Final = {3: "H", 4: "I", 8: "h", 9: "i"}  # TIFF's types SHORT, LONG, SSHORT and SLONG
_NAMESPACE: Final = re.compile(rb"""xmlns(?::([\w.-]+))?\s*=\s*["']http://ns\.adobe\.com/tiff/1\.0/["']""")
_UNPREFIXED: Final = re.compile(rb"<Orientation(\s[^<>]*)>\s*([0-9]{1,9})\s*<")
_PREFIXES: Final = 8  # namespace prefixes to search for; no real packet has more, and each takes time


def orientation_of(metadata: Metadata) -> int:
    """The orientation as in Exif, from 1 (upright) to 8."""
    value = exif_orientation(metadata.exif)
    if value is None:
        value = xmp_orientation(metadata.xmp)
    return value if value in _TURNS else 1


def exif_orientation(exif: bytes | None) -> int | None:
    """The orientation in an Exif block, 0 if it is not a number; None if it is missing or the block is damaged."""
    for number, at in _entries(exif or b""):
        return int(struct.unpack_from(number, exif or b"", at)[0]) if number else 0
    return None


def read_exif(exif: object) -> Image.Exif:
    """The tags of an Exif block; no tags if it is damaged."""
    tags = Image.Exif()
    if isinstance(exif, bytes):
        try:
            tags.load(exif)
        except Exception:  # Pillow raises nearly every kind for damaged data
            return Image.Exif()
    return tags


def xmp_orientation(xmp: bytes | None) -> int | None:
    """The orientation in an XMP packet; None if it is missing."""
    values = _xmp_values(xmp or b"")
    return int((xmp or b"")[values[0]]) if values else None


def upright(metadata: Metadata) -> Metadata:
    """The metadata with every orientation set to upright."""
    if metadata.exif is None and metadata.xmp is None:
        return metadata
    exif, xmp = (bytearray(blob or b"") for blob in (metadata.exif, metadata.xmp))
    for number, at in _entries(metadata.exif or b""):
        if number:
            struct.pack_into(number, exif, at, 1)
    for place in _xmp_values(metadata.xmp or b""):
        xmp[place] = b"1".rjust(place.stop - place.start, b"0")
    return dataclasses.replace(metadata, exif=bytes(exif), xmp=bytes(xmp))


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as a viewer would show it with this orientation."""
    method = _TURNS.get(orientation)
    if method is None:
        return image
    result = image.transpose(method)
    result.format = image.format  # the meaning of some modes depends on the format
    return result


def turned_density(metadata: Metadata, orientation: int) -> Metadata:
    """The metadata of an image turned by this orientation, which may swap horizontal and vertical density."""
    if metadata.density is None or orientation not in _SIDEWAYS:
        return metadata
    return dataclasses.replace(metadata, density=metadata.density[::-1])


def turn_of(metadata: Metadata, kept: Metadata, *, heeded: bool = True) -> tuple[int, Metadata]:
    """The orientation by which to turn the pixels of an image, and the metadata to store with them.

    metadata: the metadata of the image; kept: the part of it that the result will have.
    heeded: whether viewers of the result heed its orientation.
    """
    orientation = orientation_of(metadata)
    decider = "xmp" if exif_orientation(metadata.exif) is None else "exif"
    if heeded and getattr(kept, decider) == getattr(metadata, decider):
        return 1, kept
    return orientation, turned_density(upright(kept), orientation)


def _entries(exif: bytes) -> Iterator[tuple[str, int]]:
    """The orientations in the first directory of an Exif block: struct format (empty unless a number) and offset."""
    start = 0
    while exif.startswith(_PREFIX, start):
        start += len(_PREFIX)
    order = {b"II": "<", b"MM": ">"}.get(exif[start : start + 2])
    if order is None or len(exif) < start + 8:
        return
    (directory,) = struct.unpack_from(order + "I", exif, start + 4)
    first = start + directory + 2
    if first > len(exif):
        return
    (count,) = struct.unpack_from(order + "H", exif, first - 2)
    for at in range(first, min(first + 12 * count, len(exif) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", exif, at)
        if tag == _TAG:
            yield order + _INTEGERS[kind] if number == 1 and kind in _INTEGERS else "", at + 8


def _xmp_values(xmp: bytes) -> list[slice]:
    """The positions of the digits of each `tiff:Orientation`, as an attribute or an element, with any prefix."""
    if b"Orientation" not in xmp:
        return []
    bound = itertools.islice((match[1] for match in _NAMESPACE.finditer(xmp) if match[1]), _PREFIXES)
    names = b"|".join(map(re.escape, sorted({b"tiff", *bound})))
    attribute = rb"""\s(?:%b):Orientation\s*=\s*["']\s*([0-9]{1,9})\s*["']""" % names
    element = rb"<(?:%b):Orientation(?:\s[^<>]*)?>\s*([0-9]{1,9})\s*<" % names
    found = [match.span(1) for pattern in (attribute, element) for match in re.finditer(pattern, xmp)]
    # An element may also declare the namespace itself, without a prefix.
    found += [match.span(2) for match in _UNPREFIXED.finditer(xmp) if _NAMESPACE.search(match[1])]
    return [slice(*span) for span in sorted(found)]
