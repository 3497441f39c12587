"""The codec "kpal" for numcodecs, and so for Zarr format 2: `zarr.create_array(..., compressors=Kpal())`.

numcodecs tells a decoder neither the dtype nor the shape, so they precede the bytes of label_chunks.py: three
characters of numpy for the dtype, such as "<i4", "C" or "F" for the order of the elements, the number of dimensions in
one byte, and the length of each in four, the lowest first. In "F" order, the transposed array follows.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ensure_ndarray, ndarray_copy
from numpy.typing import NDArray

from kpal_format import DEFAULT_CODER, MAX_PIXELS, DamagedError, LimitError, TruncatedError
from kpal_format.coders import coder_named

from . import label_chunks

_HEAD: Final = struct.Struct("<3scB")
_LENGTH: Final = 4  # bytes of a dimension
_MOST_DIMENSIONS: Final = 32  # of all versions of numpy


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
        if array.size > MAX_PIXELS:
            raise ValueError(f"an array of {array.size} elements; a chunk has at most {MAX_PIXELS}")
        order = b"C" if array.flags.c_contiguous or not array.flags.f_contiguous else b"F"
        shape = struct.pack(f"<{array.ndim}I", *array.shape)
        head = _HEAD.pack(array.dtype.str.encode(), order, array.ndim) + shape
        return head + label_chunks.encode(array if order == b"C" else array.T, coder=self.coder)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The array that `encode` was given, or `out` filled with it; raises KpalError for damaged bytes."""
        data = memoryview(ensure_bytes(buf))
        dtype, order, shape = _read_head(data)
        chunk = data[_HEAD.size + _LENGTH * len(shape) :]
        if order == b"C":
            return ndarray_copy(label_chunks.decode(chunk, shape, dtype), out)
        return ndarray_copy(label_chunks.decode(chunk, shape[::-1], dtype).T, out)


def _read_head(data: memoryview) -> tuple[np.dtype[Any], bytes, tuple[int, ...]]:
    """The dtype, the order and the shape."""
    if len(data) < _HEAD.size or len(data) < _HEAD.size + _LENGTH * data[_HEAD.size - 1]:
        raise TruncatedError("the chunk ends in its head", len(data))
    name, order, dimensions = _HEAD.unpack_from(data)
    shape = struct.unpack_from(f"<{dimensions}I", data, _HEAD.size)
    try:
        dtype = np.dtype(name.decode("ascii"))
        label_chunks.check_dtype(dtype)
    except (TypeError, ValueError) as error:
        raise DamagedError(f"the chunk does not begin with a dtype: {error}", 0) from error
    if order not in (b"C", b"F") or dimensions > _MOST_DIMENSIONS:
        raise DamagedError("the chunk does not begin with the shape of an array", 3)
    if math.prod(shape) > MAX_PIXELS:
        raise LimitError(f"a chunk of {math.prod(shape)} elements; the limit is {MAX_PIXELS}")
    return dtype, order, shape
