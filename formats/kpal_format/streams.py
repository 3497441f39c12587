"""Images that need not fit into memory: rows in, a file out, and a file in, rows or regions out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Final

import numpy as np

from .coders import BY_NAME, DEFAULT
from .container import (
    CRC_SIZE,
    MAX_PIXELS,
    Box,
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
from .errors import TruncatedError
from .indexed import U8, IndexedImage, Metadata, check_indices, check_palette, check_size
from .tiles import decode_tiles, encode_tiles

_FIRST_READ: Final = 1 << 12  # bytes; holds the head of nearly all files
_LONGEST_VARINT: Final = 5
_CHUNK: Final = 1 << 20  # bytes, for the checksum


class Writer:
    """Writes a `.kpal` file from rows of indices; holds no more of them than one row of tiles takes.

    file: anything to which bytes can be written; it stays open.
    palette: uint8 (k, 3 or 4).
    coder: one of CODERS.

    tile_rows: how many rows are coded together. Fewer are kept until there are so many.

    As a context manager it closes itself, but not after an exception: what was written then is no image.
    Raises TypeError or ValueError for arguments that are wrong.
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
        self._put(head)

    def write(self, indices: U8) -> None:
        """The next rows: uint8 (n, width), each below k."""
        check_indices(indices, len(self._palette))
        if indices.shape[1] != self._width or len(indices) > self._left:
            rows, columns = indices.shape
            raise ValueError(f"{self._left} rows of {self._width} pixels are missing, not {rows} of {columns}")
        self._left -= len(indices)
        if self._flat:
            return
        if self._held or (self._left and len(indices) < self.tile_rows):
            self._held.append(indices.copy())  # the caller may fill the same array again
            if self._left and sum(map(len, self._held)) < self.tile_rows:
                return
            indices = np.concatenate(self._held)
            self._held.clear()
        whole = len(indices) if not self._left else len(indices) // self.tile_rows * self.tile_rows
        for tile in encode_tiles(indices[:whole], self._palette, self._coder, self.tile_rows, self._tile_columns):
            self._put(framed(tile))
        if whole < len(indices):
            self._held.append(indices[whole:].copy())

    def close(self) -> None:
        """Writes what ends the file. Raises ValueError while rows are missing."""
        if self._left:
            raise ValueError(f"{self._left} of {self._height} rows are missing")
        self._file.write(self._crc.to_bytes(CRC_SIZE, "little"))

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def _put(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)


class Reader:
    """Reads a `.kpal` file that stays where it is.

    The framing and the checksum of the whole file are verified at first, a chunk at a time: what comes later is of an
    intact file. Only the tiles that are asked for are decoded.

    file: open for binary reading, with `seek`; it is read from its start, and stays open.
    max_pixels: refuse with LimitError what needs more pixels to be decoded at once.

    width, height, palette, metadata: as in `IndexedImage`.

    Raises KpalError, now or later, for whatever the file holds.
    """

    def __init__(self, file: IO[bytes], *, max_pixels: int | None = MAX_PIXELS) -> None:
        self._file, self._max_pixels = file, max_pixels
        file.seek(0)
        self._head = head_of(file)
        self._tiles = _scan(file, self._head)
        self.width, self.height = self._head.width, self._head.height
        self.palette = self._head.palette()
        self.metadata = self._head.metadata()

    def read(self, region: Region | None = None) -> IndexedImage:
        """The region (x0, y0, x1, y1), those last not included, or the whole image."""
        return IndexedImage(self._indices(self._head.box(region)), self.palette, self.metadata)

    def rows(self) -> Iterator[U8]:
        """All indices from the top down, uint8 (n, width): as many rows at a time as are coded together."""
        step = self._head.tile_rows if self._tiles else max(1, _CHUNK // self.width)
        for y in range(0, self.height, step):
            yield self._indices(Box(0, y, self.width, min(y + step, self.height)))

    def _indices(self, box: Box) -> U8:
        self._head.check_pixels(box, self._max_pixels)
        tiles = [(number, self._section(number)) for number in self._head.tiles_of(box)]
        return decode_tiles(self._head, box, tiles, self.palette)

    def _section(self, number: int) -> Section:
        at, size = self._tiles[number]
        self._file.seek(at)
        return Section(_exactly(self._file, size), at)


def head_of(file: IO[bytes]) -> Head:
    """The head of the file that is read from here; raises KpalError."""
    data = file.read(_FIRST_READ)
    while True:
        try:
            return read_head(data)
        except TruncatedError:
            more = file.read(len(data) or 1)
            if not more:
                raise
            data += more


def _scan(file: IO[bytes], head: Head) -> list[tuple[int, int]]:
    """Where each tile begins and how long it is, all else being as it must be."""
    at, tiles = head.size, []
    for _ in range(head.tiles):
        file.seek(at)
        size, at = read_length(file.read(_LONGEST_VARINT), at)
        tiles.append((at, size))
        at += size
    file.seek(0)
    crc, left = 0, at
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise TruncatedError("the file ends in its index stream", at - left)
        crc = zlib.crc32(chunk, crc)
        left -= len(chunk)
    check_crc(crc, file.read(CRC_SIZE + 1), at)
    return tiles


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise TruncatedError("the file became shorter while it was read")
    return data
