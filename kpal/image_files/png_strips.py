"""PNG files larger than memory, as small files of some rows each."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from kpal_format import U8

from .png_rows import SIGNATURE, chunk

if TYPE_CHECKING:
    from PIL import PngImagePlugin

_IHDR: Final = struct.Struct(">IIBBBBB")  # width, height, depth, kind of pixels, compression, filters, interlacing
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the kind of pixels: gray, RGB, palette, gray and alpha, RGBA
_KINDS: Final = (None, 0, 4, 2, 6)  # by the number of channels, without palette
_NEEDED: Final = (b"PLTE", b"tRNS", b"iCCP")  # the chunks that change what pixels mean to `to_array`
_READ: Final = 1 << 16  # bytes at a time


def why_not(image: PngImagePlugin.PngImageFile) -> str | None:
    """Why an image cannot be read in strips."""
    file = _file_of(image)
    file.seek(len(SIGNATURE) + 8)
    if _IHDR.unpack(file.read(_IHDR.size))[-1]:
        return "it is interlaced"
    return "it is a frame of an animation" if image.n_frames > 1 else None


def strips(image: PngImagePlugin.PngImageFile, rows: int) -> Iterator[bytes]:
    """PNG files of `rows` rows each, the last one of those that are left."""
    file = _file_of(image)
    head = list(_chunks_before_pixels(file))
    width, height, depth, kind, *rest = _IHDR.unpack(head[0][1])
    needed = b"".join(chunk(name, content) for name, content in head if name in _NEEDED)
    bits = _CHANNELS[kind] * depth
    length, step = -(-width * bits // 8), max(1, bits // 8)
    pixels = _Inflated(file)
    above = np.zeros((1, length), np.uint8)
    for top in range(0, height, rows):
        count = min(rows, height - top)
        filtered = np.frombuffer(pixels.read(count * (1 + length)), np.uint8).reshape(count, 1 + length)
        plain = _unfiltered(filtered, above, step)
        above = plain[-1:]
        unfiltered = np.zeros((count, 1), np.uint8)
        yield _png(_IHDR.pack(width, count, depth, kind, *rest), needed, np.hstack((unfiltered, plain)))


def without_pixels(image: PngImagePlugin.PngImageFile) -> bytes:
    """A PNG of one row that has all other chunks of the file, and so its metadata."""
    file = _file_of(image)
    head = list(_chunks_before_pixels(file))
    width, _, depth, kind, *rest = _IHDR.unpack(head[0][1])
    while _skip_pixels(file):
        pass
    before = b"".join(chunk(*each) for each in head[1:])
    row = np.zeros((1, 1 + -(-width * _CHANNELS[kind] * depth // 8)), np.uint8)
    return _png(_IHDR.pack(width, 1, depth, kind, *rest), before, row, file.read())


def _file_of(image: PngImagePlugin.PngImageFile) -> IO[bytes]:
    assert image.fp is not None  # the image is not loaded
    return image.fp


def _png(header: bytes, before: bytes, rows: U8, after: bytes = b"") -> bytes:
    """A PNG of rows with their filters, not compressed."""
    pixels = chunk(b"IDAT", zlib.compress(rows.tobytes(), 0))
    return b"".join((SIGNATURE, chunk(b"IHDR", header), before, pixels, after or chunk(b"IEND", b"")))


def _chunks_before_pixels(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The types and contents of the chunks before the first IDAT, where the file is then."""
    file.seek(len(SIGNATURE))
    while (kind := _peeked(file)[1]) != b"IDAT":
        size, _ = struct.unpack(">I4s", file.read(8))
        yield kind, file.read(size)
        file.seek(4, io.SEEK_CUR)


def _skip_pixels(file: IO[bytes]) -> bool:
    """Moves behind a chunk IDAT; false if the next chunk is another."""
    size, kind = _peeked(file)
    if kind == b"IDAT":
        file.seek(8 + size + 4, io.SEEK_CUR)
    return kind == b"IDAT"


def _peeked(file: IO[bytes]) -> tuple[int, bytes]:
    """The size and type of the next chunk."""
    head = file.read(8)
    if len(head) < 8:
        raise OSError("image file is truncated")  # as Pillow says
    file.seek(-8, io.SEEK_CUR)
    size, kind = struct.unpack(">I4s", head)
    return size, kind


class _Inflated:
    """The decompressed content of the chunks IDAT from the position of the file on."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = 0  # bytes of the chunk
        self._inflater = zlib.decompressobj()

    def read(self, size: int) -> bytes:
        """The next bytes; OSError if there are fewer."""
        found = bytearray()
        while len(found) < size:
            compressed = self._inflater.unconsumed_tail or self._compressed()
            found += self._inflater.decompress(compressed, size - len(found))
            if self._inflater.eof and len(found) < size:
                raise OSError("image file is truncated")
        return bytes(found)

    def _compressed(self) -> bytes:
        while not self._left:
            size, kind = _peeked(self._file)
            if kind != b"IDAT":
                raise OSError("image file is truncated")
            self._file.seek(8, io.SEEK_CUR)
            self._left = size
            if not size:
                self._file.seek(4, io.SEEK_CUR)
        data = self._file.read(min(self._left, _READ))
        if not data:
            raise OSError("image file is truncated")
        self._left -= len(data)
        if not self._left:
            self._file.seek(4, io.SEEK_CUR)  # the checksum, which Pillow does not verify either
        return data


def _unfiltered(rows: U8, above: U8, step: int) -> U8:
    """The bytes of rows without their filters.

    rows: uint8 (n, 1 + length), a filter and the filtered bytes in each; above: (1, length), the row before.
    step: the bytes of a pixel, between bytes that a filter relates.

    Pillow removes the filters: to them, a row is one of 8-bit pixels with as many channels as there are bytes. Where
    those are more than 4, in 16-bit colours, the high and the low bytes are rows of their own.
    """
    result = np.empty((len(rows), rows.shape[1] - 1), np.uint8)
    lanes = 1 if step < len(_KINDS) else 2
    channels = step // lanes
    for lane in range(lanes):
        first = np.hstack(([[np.uint8(0)]], above[:, lane::lanes]))
        filtered = np.vstack((first, np.hstack((rows[:, :1], rows[:, 1 + lane :: lanes]))))
        width = (filtered.shape[1] - 1) // channels
        header = _IHDR.pack(width, len(filtered), 8, _KINDS[channels], 0, 0, 0)
        with Image.open(io.BytesIO(_png(header, b"", filtered)), formats=("PNG",)) as image:
            result[:, lane::lanes] = np.asarray(image).reshape(len(filtered), -1)[1:]
    return result
