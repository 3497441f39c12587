"""The codec "kpal" for numcodecs, and so for Zarr format 2: `zarr.create_array(..., compressors=Kpal())`.

numcodecs tells a decoder neither the dtype nor the shape, so a head precedes the bytes of label_chunks.py: three
characters of numpy for the dtype, such as "<i4"; "C" or "F" for the order of the elements; the number of dimensions in
one byte; the length of each, and a CRC-32 of all this, in four bytes, the lowest first. In "F" order, the transposed
array follows.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ensure_ndarray, ndarray_copy
from numpy.typing import NDArray

from kpal_format import DEFAULT_CODER, MAX_PIXELS, DamagedError, LimitError, TruncatedError
from kpal_format.coders import coder_named

from . import label_chunks

_HEAD: Final = struct.Struct("<3scB")
_NUMBER: Final = 4  # bytes of a dimension, and of the checksum
_MOST_DIMENSIONS: Final = 32  # of all versions of numpy
_NAMES: Final = (
    "|b1",
    "|u1",
    "|i1",
    *(f"{order}{kind}{size}" for order in "<>" for kind in "ui" for size in (2, 4, 8)),
)
_DTYPES: Final = {name.encode(): np.dtype(name) for name in _NAMES}


class Kpal(Codec):  # type: ignore[misc]  # numcodecs has no types
    """Stores arrays of integers or booleans, exactly.

    coder: one of `kpal.CODERS`, for writing; every coder can be read.

    Arrays of more than 256 different values, or of values beyond 32 bits, are stored as Zstandard frames.
    """

    codec_id = "kpal"

    def __init__(self, coder: str = DEFAULT_CODER) -> None:
        coder_named(coder)
        self.coder = coder

    def encode(self, buf: Any) -> bytes:
        """The bytes of an array; raises TypeError for another dtype, and ValueError for too many elements."""
        array: NDArray[Any] = ensure_ndarray(buf)
        label_chunks.check_dtype(array.dtype)
        if _elements(array.shape) > MAX_PIXELS or array.ndim > _MOST_DIMENSIONS:
            most = f"{MAX_PIXELS} elements and {_MOST_DIMENSIONS} dimensions"
            raise ValueError(f"an array of shape {array.shape}; a chunk has at most {most}")
        order = b"C" if array.flags.c_contiguous or not array.flags.f_contiguous else b"F"
        head = _HEAD.pack(array.dtype.str.encode(), order, array.ndim) + struct.pack(f"<{array.ndim}I", *array.shape)
        chunk = label_chunks.encode(array if order == b"C" else array.T, coder=self.coder)
        return head + zlib.crc32(head).to_bytes(_NUMBER, "little") + chunk

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The array that `encode` was given, or `out` filled with it; raises KpalError for damaged bytes."""
        data = memoryview(ensure_bytes(buf))
        dtype, order, shape = _read_head(data)
        chunk = data[_HEAD.size + _NUMBER * (len(shape) + 1) :]
        if order == b"C":
            return ndarray_copy(label_chunks.decode(chunk, shape, dtype), out)
        return ndarray_copy(label_chunks.decode(chunk, shape[::-1], dtype).T, out)


def _read_head(data: memoryview) -> tuple[np.dtype[Any], bytes, tuple[int, ...]]:
    """The dtype, the order and the shape."""
    if len(data) < _HEAD.size or len(data) < _HEAD.size + _NUMBER * (data[_HEAD.size - 1] + 1):
        raise TruncatedError("the chunk ends in its head", len(data))
    name, order, dimensions = _HEAD.unpack_from(data)
    *shape, checksum = struct.unpack_from(f"<{dimensions + 1}I", data, _HEAD.size)
    if zlib.crc32(data[: _HEAD.size + _NUMBER * dimensions]) != checksum:
        raise DamagedError("the checksum of the chunk's head does not match", 0)
    if name not in _DTYPES or order not in (b"C", b"F") or dimensions > _MOST_DIMENSIONS:
        raise DamagedError("the chunk does not begin with the dtype, the order and the shape of an array", 0)
    if _elements(shape) > MAX_PIXELS:
        raise LimitError(f"a chunk of shape {tuple(shape)}; the limit is {MAX_PIXELS} elements")
    return _DTYPES[name], order, tuple(shape)


def _elements(shape: Iterable[int]) -> int:
    """The number of elements; a dimension of 0 counts as 1, because numpy, too, limits the product of the others."""
    return math.prod(max(1, side) for side in shape)
