"""The codec "kpal.labels" for Zarr format 3: `zarr.create_array(..., serializer=KpalCodec())`.

It takes the place of the codec "bytes" and of a compressor, for arrays of labels. label_chunks.py defines the bytes of
a chunk, each of which is a `.kpal` file if it has at most 256 different values.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin
from zarr.core.common import parse_named_configuration

from kpal_format import DEFAULT_CODER, Region
from kpal_format.coders import coder_named

from . import label_chunks

if TYPE_CHECKING:
    from zarr.abc.store import ByteGetter
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer
    from zarr.core.common import JSON

NAME: Final = "kpal.labels"


@dataclass(frozen=True)
class KpalCodec(ArrayBytesCodecPartialDecodeMixin, ArrayBytesCodec):
    """Stores chunks of integers or booleans, exactly.

    coder: one of `kpal.CODERS`, for writing; every coder can be read.

    Chunks of more than 256 different values, or of values beyond 32 bits, are stored as Zstandard frames. Reading a
    part of a chunk of more than 4 million elements decodes only the tiles of the file that hold it.
    """

    coder: str = DEFAULT_CODER

    is_fixed_size = False

    def __post_init__(self) -> None:
        coder_named(self.coder)

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> KpalCodec:
        _, configuration = parse_named_configuration(data, NAME, require_configuration=False)
        options: dict[str, Any] = dict(configuration or {})
        return cls(**options)

    def to_dict(self) -> dict[str, JSON]:
        return {"name": NAME, "configuration": {"coder": self.coder}}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Raises TypeError for arrays of another dtype than integers and booleans."""
        label_chunks.check_dtype(dtype.to_native_dtype())

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("the size depends on the values")

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        values = chunk_data.as_numpy_array()
        data = await asyncio.to_thread(label_chunks.encode, values, coder=self.coder)
        return chunk_spec.prototype.buffer.from_bytes(data)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await _decoded(chunk_data, chunk_spec, None)

    async def _decode_partial_single(
        self, byte_getter: ByteGetter, selection: Any, chunk_spec: ArraySpec
    ) -> NDBuffer | None:
        chunk_data = await byte_getter.get(prototype=chunk_spec.prototype)
        if chunk_data is None:
            return None
        return (await _decoded(chunk_data, chunk_spec, _region_of(selection, chunk_spec.shape)))[selection]


async def _decoded(chunk_data: Buffer, chunk_spec: ArraySpec, region: Region | None) -> NDBuffer:
    dtype = chunk_spec.dtype.to_native_dtype()
    values = await asyncio.to_thread(label_chunks.decode, chunk_data.to_bytes(), chunk_spec.shape, dtype, region)
    return chunk_spec.prototype.nd_buffer.from_numpy_array(values)


def _region_of(selection: Any, shape: tuple[int, ...]) -> Region | None:
    """The part of a chunk's stacked planes, x0, y0, x1, y1, that holds a selection of its elements; None for all."""
    if not isinstance(selection, tuple) or len(selection) != len(shape):
        return None
    bounds = [_bounds(selector, size) for selector, size in zip(selection, shape, strict=True)]
    if any(last < first for first, last in bounds):
        return None
    *stacked, (x0, x1) = [(0, 0), *bounds]
    first = last = 0  # rows
    for (low, high), size in zip(stacked, (1, *shape), strict=False):
        first, last = first * size + low, last * size + high
    return x0, first, x1 + 1, last + 1


def _bounds(selector: Any, size: int) -> tuple[int, int]:
    """The first and the last index along an axis that a selector asks for."""
    if isinstance(selector, slice):
        indices = range(*selector.indices(size))
        return (min(indices), max(indices)) if indices else (0, -1)
    index = np.asarray(selector)
    if index.dtype.kind not in "iu" or not index.size or index.min() < 0:
        return 0, size - 1
    return int(index.min()), int(index.max())
