"""The `zstd` coder (KPAL.md, section 5.1): fast, and effective on images with repeating rows.

Indices are compressed both as bytes and packed several to a byte, and the smaller result is kept: packing hides matches
that are not aligned to bytes, so on real images of 16 colours it loses more often than it wins.

The frames of an animation follow each other in one Zstandard frame, whose window reaches back to the frame before at
least. A third form has the differences from the frame before, modulo the number of colours: it wins where the same
changes recur at other colours. All forms are compressed side by side, because the frames come only once.

A frame is compressed in one call, because Zstandard splits the same bytes into different blocks if they arrive in
pieces. Cancelled work therefore continues to the end of its frame: at most 4 MiB, or several seconds at level 19.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .. import zstd_frame
from ..errors import DamagedError
from ..indexed import U8
from ..parallel import Count

ID: Final = 0
NAME: Final = "zstd"

_PLAIN, _PACKED, _STORED, _DIFFERENCES = range(4)  # the form, the first byte of a tile
_STILL_FORMS: Final = (_PLAIN, _PACKED, _STORED)
_MOVING_FORMS: Final = (_PLAIN, _PACKED, _DIFFERENCES)  # of a tile of several frames
_WINDOW: Final = 1 << 24  # bytes; the largest window for several frames, unless two of them are larger
_WHAT: Final = "index stream"


class StillEncoder:
    """Encodes a tile of one frame: see `Coder.encoder`."""

    def __init__(self, palette: U8) -> None:
        self._bits = _bits(len(palette))
        self._stream = b""

    def write(self, indices: U8, tell: Count | None = None) -> None:
        """Encodes the frame in the smallest form."""
        packed = _pack(indices, self._bits)
        tell = tell or (lambda _: None)
        candidates = [bytes((_PLAIN,)) + zstd_frame.compress(indices.tobytes())]
        tell(indices.size if self._bits == 8 else indices.size // 2)
        if self._bits < 8:
            candidates.append(bytes((_PACKED,)) + zstd_frame.compress(packed))
            tell(indices.size - indices.size // 2)
        if len(packed) < min(map(len, candidates)):
            candidates.append(bytes((_STORED,)) + packed)
        self._stream = min(candidates, key=len)

    def finish(self) -> bytes:
        """The stream."""
        return self._stream


class MovingEncoder:
    """Encodes a tile of several frames: see `Coder.encoder`."""

    def __init__(self, shape: tuple[int, int, int], palette: U8) -> None:
        frames, rows, width = shape
        self._colors, self._packed_bits = len(palette), _bits(len(palette))
        self._before = np.zeros((rows, width), np.uint8)
        self._streams: dict[int, zstd_frame.Compressor] = {}
        for form in _MOVING_FORMS:
            if _is_known(form, palette, _MOVING_FORMS):
                size = rows * _row_size(width, self._packed_bits if form == _PACKED else 8)
                self._streams[form] = zstd_frame.Compressor(frames * size, max(_WINDOW, 2 * size))

    def write(self, indices: U8, tell: Count | None = None) -> None:
        """Encodes the next frame in all forms."""
        for form, stream in self._streams.items():
            if form == _DIFFERENCES:
                wrapped = np.where(indices < self._before, self._colors, 0)
                stream.write((indices - self._before + wrapped).astype(np.uint8).tobytes())
            else:
                stream.write(_pack(indices, self._packed_bits if form == _PACKED else 8))
        self._before = indices.copy()
        if tell is not None:
            tell(indices.size)

    def finish(self) -> bytes:
        """The stream, after the last frame, in the smallest form."""
        return min((bytes((form,)) + stream.finish() for form, stream in self._streams.items()), key=len)


class StillDecoder:
    """Decodes a tile of one frame: see `Coder.decoder`."""

    def __init__(self, data: bytes | memoryview, shape: tuple[int, int], palette: U8, *, partial: bool) -> None:
        self._data, self._shape, self._palette, self._partial = data, shape, palette, partial

    def read(self, tell: Count | None = None) -> U8:
        """The frame."""
        form = self._data[0] if self._data else None
        if not _is_known(form, self._palette, _STILL_FORMS):
            if self._partial:
                return np.zeros(self._shape, np.uint8)
            raise DamagedError(f"{_WHAT}: unknown form {form}")
        bits = 8 if form == _PLAIN else _bits(len(self._palette))
        size = self._shape[0] * _row_size(self._shape[1], bits)
        indices = _unpack(self._content(form, size), self._shape, bits)
        if tell is not None:
            tell(indices.size)
        return indices

    def finish(self) -> None:
        """Does nothing: `read` has seen the end."""

    def _content(self, form: int | None, size: int) -> bytes:
        """The plain or packed indices, of so many bytes."""
        body = memoryview(self._data)[1:]
        if self._partial:
            found = bytes(body) if form == _STORED else zstd_frame.decompress_some(body, size)
            return found[:size].ljust(size, b"\0")
        if form != _STORED:
            return zstd_frame.decompress(body, size, _WHAT)
        if len(body) != size:
            raise DamagedError(f"{_WHAT}: {len(body)} bytes where {size} are required")
        return bytes(body)


class MovingDecoder:
    """Decodes a tile of several frames: see `Coder.decoder`."""

    def __init__(self, data: bytes | memoryview, shape: tuple[int, int, int], palette: U8, *, partial: bool) -> None:
        frames, rows, width = shape
        if not _is_known(form := data[0] if data else None, palette, _MOVING_FORMS):
            if not partial:
                raise DamagedError(f"{_WHAT}: unknown form {form}")
            data = bytes((_PLAIN,))  # which yields nothing
        self._shape, self._colors, self._partial = (rows, width), len(palette), partial
        self._form = data[0]
        self._bits = _bits(len(palette)) if self._form == _PACKED else 8
        self._size = rows * _row_size(width, self._bits)
        body, window = memoryview(data)[1:], max(_WINDOW, 2 * self._size)
        self._stream = zstd_frame.Decompressor(body, frames * self._size, window, _WHAT, partial=partial)
        self._before: U8 | None = None

    def read(self, tell: Count | None = None) -> U8:
        """The next frame."""
        content = self._stream.read(self._size)
        if len(content) < self._size:
            self._form = _PLAIN  # zeros are pixels then, not differences
        indices = _unpack(content.ljust(self._size, b"\0"), self._shape, self._bits)
        if self._form == _DIFFERENCES:
            if indices.max() >= self._colors and not self._partial:
                raise DamagedError(f"{_WHAT}: a difference of {indices.max()} in {self._colors} colours")
            if self._before is not None:
                indices = ((self._before.astype(np.uint16) + indices) % self._colors).astype(np.uint8)
            self._before = indices
        if tell is not None:
            tell(indices.size)
        return indices

    def finish(self) -> None:
        """Raises DamagedError unless the stream ends with the last frame."""
        self._stream.finish()


def encoder(shape: tuple[int, int, int], palette: U8) -> StillEncoder | MovingEncoder:
    """Encodes one tile of (frames, rows, width): see `Coder.encoder`."""
    return MovingEncoder(shape, palette) if shape[0] > 1 else StillEncoder(palette)


def decoder(
    data: bytes | memoryview, shape: tuple[int, int, int], palette: U8, *, partial: bool = False
) -> StillDecoder | MovingDecoder:
    """Decodes one tile of (frames, rows, width): see `Coder.decoder`."""
    if shape[0] > 1:
        return MovingDecoder(data, shape, palette, partial=partial)
    return StillDecoder(data, shape[1:], palette, partial=partial)


def _is_known(form: int | None, palette: U8, forms: tuple[int, ...]) -> bool:
    return form in forms and (form != _PACKED or _bits(len(palette)) < 8)


def _bits(colors: int) -> int:
    return 1 if colors <= 2 else 2 if colors <= 4 else 4 if colors <= 16 else 8


def _row_size(width: int, bits: int) -> int:
    """Bytes of a row, packed or plain."""
    return -(-width * bits // 8)


def _pack(indices: U8, bits: int) -> bytes:
    """Packs indices, the first one into the highest bits; every row begins with a new byte and is padded with zeros."""
    if bits == 8:
        return indices.tobytes()
    rows, width = indices.shape
    per_byte = 8 // bits
    groups = np.pad(indices, ((0, 0), (0, -width % per_byte))).reshape(rows, -1, per_byte)
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    packed: U8 = np.bitwise_or.reduce(groups << shifts, axis=2)
    return packed.tobytes()


def _unpack(content: bytes, shape: tuple[int, int], bits: int) -> U8:
    rows, width = shape
    values = np.frombuffer(content, np.uint8).reshape(rows, -1)
    if bits == 8:
        return values
    per_byte = 8 // bits
    if (values[:, -1] & np.uint8((1 << bits * (-width % per_byte)) - 1)).any():
        raise DamagedError(f"{_WHAT}: the padding bits that fill up a row must be zero")
    indices = np.empty(shape, np.uint8)
    # One column at a time: all at once would take eight times the memory of a narrow image.
    for column in range(per_byte):
        fields = indices[:, column::per_byte]
        np.right_shift(values[:, : fields.shape[1]], 8 - bits - bits * column, out=fields)
    indices &= (1 << bits) - 1
    return indices
