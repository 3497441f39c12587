"""The `zstd` coder (KPAL.md, section 5.1): fast, and effective on images with repeating rows.

Indices are compressed both as bytes and packed several to a byte, and the smaller result is kept: packing hides matches
that are not aligned to bytes, so on real images of 16 colours it loses more often than it wins.

A frame is compressed in one call, because Zstandard splits the same bytes into different blocks if they arrive in
pieces. Cancelled work therefore continues to the end of its frame: at most 4 MiB, or several seconds at level 19.
"""

from __future__ import annotations

import sys
from typing import Final

import numpy as np

from .. import frame
from ..errors import DamagedError
from ..indexed import U8
from ..parallel import Count
from .stacked import StackedDecoder, StackedEncoder

ID: Final = 0
NAME: Final = "zstd"

_PLAIN, _PACKED, _STORED = range(3)  # the form, the first byte of a tile


def encoder(shape: tuple[int, int, int], palette: U8) -> StackedEncoder:
    return StackedEncoder(sys.modules[__name__], shape, palette)


def decoder(
    data: bytes | memoryview, shape: tuple[int, int, int], palette: U8, *, partial: bool = False
) -> StackedDecoder:
    return StackedDecoder(sys.modules[__name__], data, shape, palette, partial=partial)


def encode(indices: U8, palette: U8, tell: Count | None = None) -> bytes:
    """Encodes one tile in the smallest form: see `Coder.encode`."""
    bits = _bits(len(palette))
    packed = _pack(indices, bits)
    tell = tell or (lambda _: None)
    candidates = [bytes((_PLAIN,)) + frame.compress(indices.tobytes())]
    tell(indices.size if bits == 8 else indices.size // 2)
    if bits < 8:
        candidates.append(bytes((_PACKED,)) + frame.compress(packed))
        tell(indices.size - indices.size // 2)
    if len(packed) < min(map(len, candidates)):
        candidates.append(bytes((_STORED,)) + packed)
    return min(candidates, key=len)


def decode(
    data: bytes | memoryview,
    shape: tuple[int, int],
    palette: U8,
    *,
    partial: bool = False,
    tell: Count | None = None,
) -> U8:
    """Decodes one tile: see `Coder.decode`."""
    bits = _bits(len(palette))
    form = data[0] if data else None
    if form not in (_PLAIN, _PACKED, _STORED) or (form == _PACKED and bits == 8):
        if partial:
            return np.zeros(shape, np.uint8)
        raise DamagedError(f"index stream: unknown form {form}")
    if form == _PLAIN:
        bits = 8
    rows, width = shape
    size = rows * (-(-width * bits // 8))
    body = memoryview(data)[1:]
    if partial:
        content = (bytes(body) if form == _STORED else frame.decompress_some(body, size))[:size].ljust(size, b"\0")
    elif form != _STORED:
        content = frame.decompress(body, size, "index stream")
    elif len(body) != size:
        raise DamagedError(f"index stream: {len(body)} bytes where {size} are required")
    else:
        content = bytes(body)
    indices = _unpack(content, shape, bits)
    if tell is not None:
        tell(indices.size)
    return indices


def _bits(colors: int) -> int:
    return 1 if colors <= 2 else 2 if colors <= 4 else 4 if colors <= 16 else 8


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
        raise DamagedError("index stream: the padding bits that fill up a row must be zero")
    indices = np.empty(shape, np.uint8)
    # One column at a time: all at once would take eight times the memory of a narrow image.
    for column in range(per_byte):
        fields = indices[:, column::per_byte]
        np.right_shift(values[:, : fields.shape[1]], 8 - bits - bits * column, out=fields)
    indices &= (1 << bits) - 1
    return indices
