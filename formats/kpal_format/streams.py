"""Writing images row by row, and reading rows or regions, without holding the whole image in memory."""

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

_FIRST_READ: Final = 1 << 12  # bytes; enough for the head of nearly all files
_LONGEST_VARINT: Final = 5
_CHUNK: Final = 1 << 20  # bytes of a checksum step; also pixels that `rows` yields at once if there are no tiles
_REPORT_EVERY: Final = 64  # tiles verified between two progress reports


class Writer:
    """Writes a `.kpal` file from rows of indices; buffers at most one row of tiles.

    file: a binary file or any object with `write`; it stays open.
    palette: uint8 (k, 3 or 4).
    coder: one of CODERS.

    tile_rows: attribute, the number of rows that are coded together. Rows are buffered until there are enough.

    As a context manager, the writer closes itself, except after an exception, when the file is incomplete.
    Raises TypeError or ValueError for invalid arguments, and ValueError after `close`.
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
        self._left = height  # rows not yet written
        self._crc = 0
        self._broken = self._closed = False
        self._put(head)

    def write(self, indices: U8) -> None:
        """Writes the next rows: uint8 (n, width), each index below k.

        Invalid rows leave the writer unchanged. After any other exception, the writer cannot be used any more.
        """
        self._check_usable()
        check_indices(indices, len(self._palette))
        if indices.shape[1] != self._width or len(indices) > self._left:
            rows, columns = indices.shape
            raise ValueError(f"{self._left} rows of {self._width} pixels are missing, not {rows} of {columns}")
        self._broken = True  # until the rows are written
        self._left -= len(indices)
        if not self._flat:
            self._code(indices)
        self._broken = False

    def _code(self, indices: U8) -> None:
        if self._held or (self._left and len(indices) < self.tile_rows):
            self._held.append(indices.copy())  # the caller may reuse the array
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
        """Writes the end of the file; further calls do nothing. Raises ValueError if rows are missing."""
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
            raise ValueError("rows could not be written: the file is incomplete and holds no image")

    def _put(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)


class Reader:
    """Reads regions of a `.kpal` file without loading the whole file.

    The constructor verifies the framing and the checksum of the whole file, chunk by chunk. Later reads decode only the
    tiles that they need, and raise an error if these tiles have changed since.

    Any number of threads and forked processes may use one reader at the same time.

    file: open for binary reading, with `seek`; it is read from its start, and stays open. In a forked process, a file
        that has a descriptor but is not a regular file raises ValueError.
    max_pixels: raise LimitError for reads that have to decode more pixels than this.
    progress: called with the stage "checking" and the fraction of tiles verified. An exception that it raises cancels
        the work and propagates; the same holds for the methods with this parameter.

    width, height, palette, metadata: attributes as in `IndexedImage`.

    The constructor and all methods raise KpalError for invalid files, and the methods raise ValueError after `close`.
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
        """Decodes the region (x0, y0, x1, y1), x1 and y1 excluded, or the whole image.

        progress: called with the stage "decoding" and the fraction of pixels done.
        """
        return self.fetch(region)(progress)

    def fetch(self, region: Region | None = None) -> Callable[..., IndexedImage]:
        """Reads the tiles of a region; the function returned decodes them and does not need the file."""
        box = self._head.box(region)
        self._head.check_pixels(box, self._max_pixels)
        tiles = [(number, self._tiles.section(self._read_at, number)) for number in self._head.tiles_of(box)]

        def decode(progress: Progress | None = None) -> IndexedImage:
            indices = staged(progress, "decoding", lambda: decode_tiles(self._head, box, tiles, self.palette))
            return IndexedImage(indices, self.palette, self.metadata)

        return decode

    def rows(self, *, progress: Progress | None = None) -> Iterator[U8]:
        """Yields all indices from top to bottom, one row of tiles at a time: uint8 (n, width).

        progress: called with the stage "decoding" and the fraction of the image done.
        """
        step = self._head.tile_rows if self._head.tiles else max(1, _CHUNK // self.width)
        for y in range(0, self.height, step):
            rows = min(step, self.height - y)
            part = None if progress is None else _part_of(progress, y, rows, self.height)
            yield self.read((0, y, self.width, y + rows), progress=part).indices

    def close(self) -> None:
        """Releases the file, which stays open; reads in progress in other threads are completed."""
        self._read_at = _closed


class _Tiles:
    """The position of each tile in a file, and its checksum at the time when the file was verified.

    A file may have millions of tiles; in arrays, each takes at most 24 bytes.
    """

    def __init__(self) -> None:
        self._starts, self._sizes, self._checksums = array("Q"), array("Q"), array("L")

    def add(self, start: int, size: int, checksum: int) -> None:
        self._starts.append(start)
        self._sizes.append(size)
        self._checksums.append(checksum)

    def section(self, read_at: ReadAt, number: int) -> Section:
        """The bytes of a tile; raises DamagedError if they have changed."""
        at = self._starts[number]
        data = read_at(at, self._sizes[number])
        if len(data) < self._sizes[number]:
            raise TruncatedError("the file became shorter while it was read", at)
        if zlib.crc32(data) != self._checksums[number]:
            raise DamagedError("the file was changed while it was read", at)
        return Section(data, at)


def head_of(file: IO[bytes]) -> Head:
    """Parses the head of a file, read from its current position; raises KpalError."""
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
    """Finds all tiles and verifies the framing and the checksum of the whole file."""
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
        if number % _REPORT_EVERY == 0:
            tell(number / head.tiles)
    check_crc(crc, read_at(at, CRC_SIZE + 1), at)
    return tiles


def _part_of(progress: Progress, start: int, size: int, total: int) -> Progress:
    """A callback for part of the work, which scales fractions to the whole for `progress`."""
    return lambda stage, fraction: progress(stage, (start + size * fraction) / total)


def _closed(at: int, size: int) -> bytes:
    raise ValueError("the reader is closed")
