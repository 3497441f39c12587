"""Images that need not fit into memory: rows in, a file out, and a file in, rows or regions out."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Final

import numpy as np

from .coders import BY_NAME, DEFAULT
from .container import (
    CRC_SIZE,
    MAX_PIXELS,
    Head,
    Region,
    Section,
    check_crc,
    framed,
    pack_head,
    read_head,
    read_length,
    tile_shape,
)
from .errors import DamagedError, TruncatedError
from .indexed import U8, IndexedImage, Metadata, check_indices, check_palette, check_size
from .parallel import Progress, pulse, staged, tell
from .positioned import ReadAt, reader_of
from .tiles import decode_tiles, encode_tiles

_FIRST_READ: Final = 1 << 12  # bytes; holds the head of nearly all files
_LONGEST_VARINT: Final = 5
_CHUNK: Final = 1 << 20  # bytes, for the checksum
_TILES_TOLD: Final = 64  # tiles between two calls of who is told how many are verified


class Writer:
    """Writes a `.kpal` file from rows of indices; holds no more of them than one row of tiles takes.

    file: anything to which bytes can be written; it stays open.
    palette: uint8 (k, 3 or 4).
    coder: one of CODERS.

    tile_rows: how many rows are coded together. Fewer are kept until there are so many.

    As a context manager it closes itself, but not after an exception: what was written then is no image.
    Raises TypeError or ValueError for arguments that are wrong, and ValueError after `close`.
    """

    def __init__(
        self,
        file: IO[bytes],
        width: int,
        height: int,
        palette: U8,
        *,
        coder: str = DEFAULT,
        metadata: Metadata | None = None,
    ) -> None:
        check_size(width, height)
        check_palette(palette)
        self._file, self._width, self._height, self._palette = file, width, height, palette
        self._flat = len(palette) == 1  # there is nothing to code
        self.tile_rows, self._tile_columns = (height, width) if self._flat else tile_shape(width, height)
        tile = None if (self.tile_rows, self._tile_columns) == (height, width) else (self.tile_rows, self._tile_columns)
        head = pack_head(width, height, palette, coder, metadata or Metadata(), tile=tile)
        self._coder = BY_NAME[coder]
        self._held: list[U8] = []
        self._left = height  # rows to come
        self._crc = 0
        self._broken = self._closed = False
        self._put(head)

    def write(self, indices: U8) -> None:
        """The next rows: uint8 (n, width), each below k.

        Wrong rows change nothing. After any other exception nothing more can be written.
        """
        self._check_usable()
        check_indices(indices, len(self._palette))
        if indices.shape[1] != self._width or len(indices) > self._left:
            rows, columns = indices.shape
            raise ValueError(f"{self._left} rows of {self._width} pixels are missing, not {rows} of {columns}")
        self._broken = True  # unless all goes well
        self._left -= len(indices)
        if not self._flat:
            self._code(indices)
        self._broken = False

    def _code(self, indices: U8) -> None:
        if self._held or (self._left and len(indices) < self.tile_rows):
            self._held.append(indices.copy())  # the caller may fill the same array again
            if self._left and sum(map(len, self._held)) < self.tile_rows:
                return
            indices = np.concatenate(self._held)
            self._held.clear()
        whole = len(indices) if not self._left else len(indices) // self.tile_rows * self.tile_rows
        sides = self.tile_rows, self._tile_columns
        for tile in encode_tiles(indices[:whole], self._palette, self._coder, *sides):
            self._put(framed(tile))
        if whole < len(indices):
            self._held.append(indices[whole:].copy())

    def close(self) -> None:
        """Writes what ends the file; again, does nothing. Raises ValueError while rows are missing."""
        if self._closed:
            return
        self._check_usable()
        if self._left:
            raise ValueError(f"{self._left} of {self._height} rows are missing")
        self._closed = True
        self._file.write(self._crc.to_bytes(CRC_SIZE, "little"))

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def _check_usable(self) -> None:
        if self._closed:
            raise ValueError("the writer is closed")
        if self._broken:
            raise ValueError("rows could not be written: what there is of the file is no image")

    def _put(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)


class Reader:
    """Reads a `.kpal` file that stays where it is.

    The framing and the checksum of the whole file are verified at first, a chunk at a time: what comes later is of an
    intact file. Only the tiles that are asked for are decoded; if the file has changed since, that is an error.

    Any number of threads and forked processes may use one reader at the same time.

    file: open for binary reading, with `seek`; it is read from its start, and stays open. In a forked process, files
        that have a descriptor and are not regular ones raise ValueError.
    max_pixels: refuse with LimitError what needs more pixels to be decoded at once.
    progress: called with the stage "checking" and the fraction of the tiles that are verified. An exception that it
        raises ends the work and passes through, as in the methods that take it.

    width, height, palette, metadata: as in `IndexedImage`.

    Raises KpalError, now or later, for whatever the file holds; ValueError after `close`.
    """

    def __init__(
        self, file: IO[bytes], *, max_pixels: int | None = MAX_PIXELS, progress: Progress | None = None
    ) -> None:
        read_at = self._read_at = reader_of(file)
        self._max_pixels = max_pixels
        head = self._head = _head(read_at)
        self._tiles = staged(progress, "checking", lambda: _scan(read_at, head))
        self.width, self.height = head.width, head.height
        self.palette = head.palette()
        self.metadata = head.metadata()

    def read(self, region: Region | None = None, *, progress: Progress | None = None) -> IndexedImage:
        """The region (x0, y0, x1, y1), those last not included, or the whole image.

        progress: called with the stage "decoding" and the fraction of the tiles that is done.
        """
        return self.fetch(region)(progress)

    def fetch(self, region: Region | None = None) -> Callable[..., IndexedImage]:
        """Reads what a region takes; the function that comes back decodes it, without the file."""
        box = self._head.box(region)
        self._head.check_pixels(box, self._max_pixels)
        tiles = [(number, self._tiles.section(self._read_at, number)) for number in self._head.tiles_of(box)]

        def decode(progress: Progress | None = None) -> IndexedImage:
            indices = staged(progress, "decoding", lambda: decode_tiles(self._head, box, tiles, self.palette))
            return IndexedImage(indices, self.palette, self.metadata)

        return decode

    def rows(self, *, progress: Progress | None = None) -> Iterator[U8]:
        """All indices from the top down, uint8 (n, width): as many rows at a time as are coded together.

        progress: called with the stage "decoding" and the fraction of the image that is done.
        """
        step = self._head.tile_rows if self._head.tiles else max(1, _CHUNK // self.width)
        for y in range(0, self.height, step):
            rows = min(step, self.height - y)
            part = None if progress is None else _part_of(progress, y, rows, self.height)
            yield self.read((0, y, self.width, y + rows), progress=part).indices

    def close(self) -> None:
        """Lets go of the file, which stays open; what other threads are reading, they read to its end."""
        self._read_at = _closed


class _Tiles:
    """Where the tiles of a file are, and what their bytes were when the file was verified.

    There may be millions; in arrays they take 20 bytes each.
    """

    def __init__(self) -> None:
        self._starts, self._sizes, self._checksums = array("Q"), array("Q"), array("L")

    def add(self, start: int, size: int, checksum: int) -> None:
        self._starts.append(start)
        self._sizes.append(size)
        self._checksums.append(checksum)

    def section(self, read_at: ReadAt, number: int) -> Section:
        """The bytes of a tile; raises DamagedError where they are others now."""
        at = self._starts[number]
        data = read_at(at, self._sizes[number])
        if len(data) < self._sizes[number]:
            raise TruncatedError("the file became shorter while it was read", at)
        if zlib.crc32(data) != self._checksums[number]:
            raise DamagedError("the file was changed while it was read", at)
        return Section(data, at)


def head_of(file: IO[bytes]) -> Head:
    """The head of the file that is read from here; raises KpalError."""
    return _head(lambda _, size: file.read(size))


def _head(read_at: ReadAt) -> Head:
    data = read_at(0, _FIRST_READ)
    while True:
        try:
            return read_head(data)
        except TruncatedError:
            more = read_at(len(data), len(data) or 1)
            if not more:
                raise
            data += more


def _scan(read_at: ReadAt, head: Head) -> _Tiles:
    """The tiles, after all of the file was found to be as it must be."""
    tiles = _Tiles()
    at, crc = head.size, zlib.crc32(read_at(0, head.size))
    for number in range(head.tiles):
        prefix = read_at(at, _LONGEST_VARINT)
        size, start = read_length(prefix, at)
        crc, checksum = zlib.crc32(prefix[: start - at], crc), 0
        for at in range(start, start + size, _CHUNK):
            pulse()
            chunk = read_at(at, min(_CHUNK, start + size - at))
            crc, checksum = zlib.crc32(chunk, crc), zlib.crc32(chunk, checksum)
            if len(chunk) < min(_CHUNK, start + size - at):
                raise TruncatedError("the file ends in its index stream", at + len(chunk))
        tiles.add(start, size, checksum)
        at = start + size
        if number % _TILES_TOLD == 0:
            tell(number / head.tiles)
    check_crc(crc, read_at(at, CRC_SIZE + 1), at)
    return tiles


def _part_of(progress: Progress, start: int, size: int, total: int) -> Progress:
    """What tells `progress` of a part of the work."""
    return lambda stage, fraction: progress(stage, (start + size * fraction) / total)


def _closed(at: int, size: int) -> bytes:
    raise ValueError("the reader is closed")
