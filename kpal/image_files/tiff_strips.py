"""TIFF files larger than memory, as small files of some rows each."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from PIL import TiffImagePlugin

# Tags
_WIDTH: Final = 256
_HEIGHT: Final = 257
_BITS: Final = 258
_COMPRESSION: Final = 259
_PHOTOMETRIC: Final = 262
_STRIP_OFFSETS: Final = 273
_SAMPLES: Final = 277
_STRIP_ROWS: Final = 278
_STRIP_SIZES: Final = 279
_PLANES: Final = 284
_TILE_WIDTH: Final = 322
_TILE_HEIGHT: Final = 323
_TILE_OFFSETS: Final = 324
_TILE_SIZES: Final = 325
# The other tags that change what pixels mean: of compression, of colours and of their profile.
_OTHERS: Final = (266, 292, 293, 317, 320, 332, 338, 339, 347, 529, 530, 531, 532, 34675, 50674)
_KEPT: Final = (_WIDTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES, _TILE_WIDTH, _TILE_HEIGHT, *_OTHERS)

# Values
_RAW: Final = 1
_OLD_JPEG: Final = 6  # has its tables anywhere in the file
_YCBCR: Final = 6  # stores several rows together
_SHORT: Final = 3
_LONG: Final = 4
_RATIONAL: Final = 5
_BYTES: Final = (1, 2, 7)  # types whose values are bytes

_MOST: Final = 1 << 25  # pixels of a part, which is decoded at once
_BYTES_A_PIXEL: Final = 64  # of a part, at most; the widest pixels have 16
_HEAD: Final = 1 << 16  # further bytes of a compressed part, at most


@dataclass(frozen=True)
class _Layout:
    """The parts of an image: strips, or tiles.

    rows: of a part; across: parts beside each other.
    offsets, sizes: of the parts in the file, plane by plane, from the top down and from left to right.
    """

    rows: int
    across: int
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


def why_not(image: TiffImagePlugin.TiffImageFile) -> str | None:
    """Why an image cannot be read in strips."""
    if image.tag_v2.get(_COMPRESSION) == _OLD_JPEG:
        return "its compression is the old kind of JPEG"
    width = image.tag_v2[_WIDTH]
    if _layout(image, max(1, _MOST // width)).rows * width > _MOST:
        return "its pixels are compressed in parts that are too large"
    return None


def strips(image: TiffImagePlugin.TiffImageFile, rows: int) -> Iterator[bytes]:
    """TIFF files of whole parts, of at most `rows` rows each unless a part has more."""
    tags, layout = image.tag_v2, _layout(image, rows)
    height, down = tags[_HEIGHT], -(-tags[_HEIGHT] // layout.rows)
    planes = tags.get(_SAMPLES, 1) if tags.get(_PLANES) == 2 else 1
    if min(len(layout.offsets), len(layout.sizes)) < planes * down * layout.across:
        raise OSError("the file lacks parts of its pixels")
    several = max(1, rows // layout.rows)
    for first in range(0, down, several):
        last = min(first + several, down)
        parts = [
            (plane * down + row) * layout.across + column
            for plane in range(planes)
            for row in range(first, last)
            for column in range(layout.across)
        ]
        yield _small_file(image, layout, parts, min(last * layout.rows, height) - first * layout.rows)


def _layout(image: TiffImagePlugin.TiffImageFile, rows: int) -> _Layout:
    """The parts of the image; the only strip of pixels that are not compressed counts as several of `rows` rows."""
    tags, height = image.tag_v2, image.tag_v2[_HEIGHT]
    if _TILE_OFFSETS in tags:
        if min(tags[_TILE_WIDTH], tags[_TILE_HEIGHT]) < 1:
            raise OSError("the tiles of its pixels have no size")
        across = -(-tags[_WIDTH] // tags[_TILE_WIDTH])
        return _Layout(tags[_TILE_HEIGHT], across, tags[_TILE_OFFSETS], tags.get(_TILE_SIZES, ()))
    most = max(1, min(tags.get(_STRIP_ROWS, height), height))
    strip = _Layout(most, 1, tags.get(_STRIP_OFFSETS, ()), tags.get(_STRIP_SIZES, ()))
    if strip.rows < height or tags.get(_COMPRESSION, _RAW) != _RAW or tags.get(_PHOTOMETRIC) == _YCBCR:
        return strip
    bits = tags.get(_BITS, (1,))
    size = -(-tags[_WIDTH] * (bits[0] if tags.get(_PLANES) == 2 else sum(bits)) // 8)
    tops = range(0, height, rows)
    return _Layout(
        rows,
        1,
        tuple(offset + size * top for offset in strip.offsets for top in tops),
        tuple(size * min(rows, height - top) for _ in strip.offsets for top in tops),
    )


def _small_file(image: TiffImagePlugin.TiffImageFile, layout: _Layout, parts: list[int], height: int) -> bytes:
    """A TIFF file of some parts of the image that make up `height` rows."""
    tags, order = image.tag_v2, "<" if image.tag_v2.prefix == b"II" else ">"
    file = io.BytesIO()
    file.write(tags.prefix + struct.pack(f"{order}HI", 42, 0))
    offsets, sizes = [], []
    for part in parts:
        offsets.append(file.tell())
        sizes.append(file.write(_part(image, layout, part)))
    entries = {tag: _packed(order, tags.tagtype[tag], tags[tag]) for tag in _KEPT if tag in tags}
    entries[_HEIGHT] = _packed(order, _LONG, height)
    if _TILE_OFFSETS in tags:
        names = _TILE_OFFSETS, _TILE_SIZES
    else:
        names = _STRIP_OFFSETS, _STRIP_SIZES
        entries[_STRIP_ROWS] = _packed(order, _LONG, layout.rows)
    for name, numbers in zip(names, (offsets, sizes), strict=True):
        entries[name] = _packed(order, _LONG, tuple(numbers))
    _write_directory(file, order, entries)
    return file.getvalue()


def _part(image: TiffImagePlugin.TiffImageFile, layout: _Layout, number: int) -> bytes:
    """The bytes of a part in the file."""
    file, size = image.fp, layout.sizes[number]
    assert file is not None  # the image is not loaded
    if size > _HEAD + _BYTES_A_PIXEL * layout.rows * image.tag_v2.get(_TILE_WIDTH, image.tag_v2[_WIDTH]):
        raise OSError("a part of the pixels takes more bytes than it can have")
    file.seek(layout.offsets[number])
    data = file.read(size)
    if len(data) < size:
        raise OSError("image file is truncated")  # as Pillow says
    return data


def _packed(order: str, kind: int, value: Any) -> tuple[int, int, bytes]:
    """The type, the count and the bytes of a tag's value."""
    if kind in _BYTES:
        content = value.encode("latin-1") if isinstance(value, str) else bytes(value)
        return kind, len(content), content
    values = value if isinstance(value, tuple) else (value,)
    if kind == _RATIONAL:
        pairs = [number for each in values for number in (each.numerator, each.denominator)]
        return kind, len(values), struct.pack(f"{order}{len(pairs)}I", *pairs)
    if kind == _SHORT:
        return kind, len(values), struct.pack(f"{order}{len(values)}H", *values)
    return _LONG, len(values), struct.pack(f"{order}{len(values)}I", *values)  # also for the 8 bytes of BigTIFF


def _write_directory(file: io.BytesIO, order: str, entries: dict[int, tuple[int, int, bytes]]) -> None:
    """Writes the tags at the end of the file, and their position into its head."""
    start = file.tell() + file.tell() % 2
    long_values = start + 2 + 12 * len(entries) + 4
    directory, behind = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, count, content) in sorted(entries.items()):
        directory += struct.pack(f"{order}HHI", tag, kind, count)
        if len(content) <= 4:
            directory += content.ljust(4, b"\0")
        else:
            directory += struct.pack(f"{order}I", long_values + len(behind))
            behind += content + bytes(len(content) % 2)
    file.seek(start)
    file.write(directory + bytes(4) + behind)
    file.seek(4)
    file.write(struct.pack(f"{order}I", start))
