"""What follows the head of a file (KPAL.md, section 2.2): the places and checksums of the tiles.

A file of one tile has its only checksum at its end. A file of several has an index with the length and the checksum of
each tile, and a checksum of everything up to there, so that its parts can be read and verified on their own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .container import CRC_SIZE, ENTRY_SIZE, Cursor, Head, Section
from .errors import DamagedError, TruncatedError
from .parallel import pulse
from .positioned import ReadAt

_RUN: Final = 1 << 24  # bytes; neighbouring tiles are read at once up to this size
_CHUNK: Final = 1 << 24  # bytes of a checksum step


@dataclass(frozen=True)
class Index:
    """Where the tiles are, and how to verify them.

    offsets: where each tile begins, and after these where the last one ends.
    checksums: the CRC-32 of each tile, uint32 (tiles,); None if there is at most one tile.
    crc: the CRC-32 of everything before the first tile.
    """

    offsets: Sequence[int] | NDArray[np.uint64]
    checksums: NDArray[np.uint32] | None
    crc: int

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The offsets at which the first tile begins and the last one ends."""
        return int(self.offsets[first]), int(self.offsets[last + 1])


def pack_index(lengths: Sequence[int], checksums: Sequence[int], head: bytes) -> bytes:
    """The index and the checksum of head and index."""
    entries = np.column_stack((np.asarray(lengths, "<u4"), np.asarray(checksums, "<u4"))).tobytes()
    return entries + zlib.crc32(entries, zlib.crc32(head)).to_bytes(CRC_SIZE, "little")


def read_index(data: bytes | memoryview, head: Head) -> Index:
    """Parses what follows the head of a file, up to the first tile; `data` may be only the beginning of the file.

    Raises DamagedError; TruncatedError if `data` ends too early.
    """
    cursor = Cursor(data, head.size)
    if not head.indexed:
        size = cursor.varint("length of the index stream", least=1) if head.tiles else 0
        ends = (cursor.at + size,) if head.tiles else ()
        return Index((cursor.at, *ends), None, zlib.crc32(cursor.data[: cursor.at]))
    cursor.reserve = CRC_SIZE
    entries = cursor.take(head.tiles * ENTRY_SIZE, "index")
    cursor.reserve = 0
    crc = _crc(cursor.data[: cursor.at])
    if int.from_bytes(cursor.take(CRC_SIZE, "checksum of the index"), "little") != crc:
        message = "the checksum of head and index does not match: the file was changed or damaged"
        raise DamagedError(message, cursor.at - CRC_SIZE)
    lengths, checksums = np.frombuffer(entries, "<u4").reshape(-1, 2).T.astype(np.uint32, order="C")
    if not lengths.all():
        number = int(np.argmin(lengths))
        raise head.in_tile(number, DamagedError("its length is 0", head.size + number * ENTRY_SIZE))
    offsets = np.empty(len(lengths) + 1, np.uint64)
    offsets[0] = cursor.at
    np.cumsum(lengths, dtype=np.uint64, out=offsets[1:])
    offsets[1:] += np.uint64(cursor.at)
    return Index(offsets, checksums.copy(), crc)  # without the array of both columns


def read_tiles(
    read_at: ReadAt,
    head: Head,
    index: Index,
    numbers: Sequence[int],
    damage: dict[int, DamagedError] | None = None,
    *,
    to_end: bool = True,
) -> Iterator[tuple[int, Section]]:
    """Reads and verifies tiles of a file with an index, neighbouring ones at once; yields their numbers and bytes.

    numbers: ascending.
    damage: if given, receives the errors of damaged tiles, which are left out.
    to_end: after the last tile of the file, verify that nothing follows it.

    Raises DamagedError, which names the tile.
    """
    assert index.checksums is not None
    for first, last in _runs(index, numbers):
        start, end = index.span(first, last)
        data = memoryview(read_at(start, end - start + (to_end and last == head.tiles - 1)))
        for number in range(first, last + 1):
            at, stop = index.span(number, number)
            tile = Section(data[at - start : stop - start], at)
            try:
                _check(tile, stop - at, int(index.checksums[number]))
            except DamagedError as error:
                if damage is None:
                    raise head.in_tile(number, error) from None
                damage[number] = head.in_tile(number, error)
            else:
                yield number, tile
        if len(data) > end - start:
            raise DamagedError("bytes follow the end of the image", end)


def read_only_tile(read_at: ReadAt, index: Index) -> Section | None:
    """Reads and verifies a file of at most one tile; returns the tile, or None for an image of one colour."""
    start, end = int(index.offsets[0]), int(index.offsets[-1])
    cursor = Cursor(read_at(start, end - start + CRC_SIZE + 1), base=start)
    tile = cursor.take(end - start, "index stream")
    stored = cursor.take(CRC_SIZE, "checksum")
    if cursor.at < len(cursor.data):
        raise DamagedError("bytes follow the end of the image", end + CRC_SIZE)
    if int.from_bytes(stored, "little") != _crc(tile, index.crc):
        raise DamagedError("the checksum does not match: the file was changed or damaged", end)
    return Section(tile, start) if end > start else None


def cut_tile(read_at: ReadAt, index: Index) -> Section | None:
    """What is left of the only tile of a file that was cut off, unverified; None for an image of one colour."""
    start, end = int(index.offsets[0]), int(index.offsets[-1])
    return Section(read_at(start, end - start), start) if end > start else None


def _check(tile: Section, size: int, checksum: int) -> None:
    if len(tile.data) < size:
        raise TruncatedError(f"the file ends here: {size} bytes needed, {len(tile.data)} left", tile.offset)
    if _crc(tile.data) != checksum:
        raise DamagedError("its checksum does not match: the file was changed or damaged", tile.offset)


def _crc(data: bytes | memoryview, crc: int = 0) -> int:
    for at in range(0, len(data), _CHUNK):
        pulse()
        crc = zlib.crc32(data[at : at + _CHUNK], crc)
    return crc


def _runs(index: Index, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and last numbers of runs of neighbouring tiles."""
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = number
        else:
            start, end = index.span(first, number)
            if number != last + 1 or end - start > _RUN:
                yield first, last
                first = number
        last = number
    if first is not None and last is not None:
        yield first, last
