"""Chunks of label arrays as bytes, for the codecs of zarr.py and numcodecs.py.

A chunk is an array of integers or booleans of any number of dimensions. If it has at most 256 different values that fit
into 32 bits, it becomes a `.kpal` file. The last two dimensions are the rows and columns of a plane; an array of one
dimension is one row. Several planes are the frames of an animation if they are not tiny and the coder is `mix` or
`max`, which predict a plane from those before. Otherwise, they are stacked below each other in one image. The palette
holds the values: the four bytes of an entry, R to A, are the value in 32 bits, the lowest byte first, in two's
complement if the dtype is signed. All other chunks become a Zstandard frame with a checksum, of their values in C
order, the lowest byte first. The magic number tells which it is. An array without elements becomes no bytes.

The shape and the dtype of a chunk are the caller's to know.
"""

from __future__ import annotations

import io
import math
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from kpal_format import (
    MAGIC,
    MAX_COLORS,
    U8,
    Animation,
    DamagedError,
    IndexedImage,
    Reader,
    Region,
    Writer,
    encode_indexed,
    look_up,
    morton_keys,
    read_head,
)
from kpal_format.animation import MAX_FRAMES
from kpal_format.indexed import MAX_SIDE

Integers = NDArray[Any]  # of a dtype that check_dtype accepts

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_LEVEL: Final = 9  # of Zstandard; 19 takes a tenth to a fifth off, for thirty times the time
_EXPANSION: Final = 1 << 15  # bytes of content for a stored byte: the shortest block, four bytes, holds 128 KiB
_SPAN: Final = 1 << 16  # values up to this far apart are counted in a table; others are sorted
_FRAME_CODERS: Final = ("mix", "max")  # with the others, frames take as many bytes as one tall image, or more
_LEAST_FRAME: Final = 1 << 8  # elements of a plane; for smaller ones, the time of a frame is mostly overhead
_GROUP: Final = 1 << 22  # elements of planes that are decoded together, as of a tile of one tall image
_STRIP: Final = 1 << 18  # elements at a time, as numpy widens each index to eight bytes


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Raises TypeError unless arrays of this dtype can be stored."""
    if dtype.kind not in "biu":
        raise TypeError(f"kpal stores labels, which are integers or booleans, not {dtype}")


def encode(values: Integers, *, coder: str) -> bytes:
    """The bytes of a chunk; raises TypeError for a dtype that is neither an integer nor bool.

    coder: one of `kpal.CODERS`.
    """
    check_dtype(values.dtype)
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    if not values.size:
        return b""
    image = _as_image(values)
    if image is None:
        compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=0, write_checksum=True, write_content_size=True)
        return compressor.compress(values.tobytes())
    planes, height, width = planes_of(values.shape)
    if coder in _FRAME_CODERS and 1 < planes <= MAX_FRAMES and height * width >= _LEAST_FRAME:
        return _in_frames(image.indices.reshape(planes, height, width), image.palette, coder)
    return encode_indexed(image, coder=coder)


def decode(
    data: bytes | memoryview, shape: tuple[int, ...], dtype: np.dtype[Any], region: Region | None = None
) -> Integers:
    """The values of a chunk, an array of this shape and dtype.

    region: x0, y0, x1, y1, of all planes stacked below each other: the other elements are undefined, and need not be
        decoded.

    Raises KpalError unless the bytes hold such an array; nothing larger is decoded.
    """
    check_dtype(dtype)
    if not math.prod(shape) and not len(data):
        return np.empty(shape, dtype)
    if bytes(data[: len(MAGIC)]) == MAGIC:
        return _decode_image(data, shape, dtype, region)
    if bytes(data[: len(_ZSTD_MAGIC)]) == _ZSTD_MAGIC:
        content = _decode_frame(data, math.prod(shape) * dtype.itemsize)
        return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    raise DamagedError("the chunk is neither a .kpal file nor a Zstandard frame", 0)


def planes_of(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The number of planes of an array of this shape, and their rows and columns."""
    *stacked, height, width = (1, 1, *shape)
    return math.prod(stacked), height, width


def _in_frames(planes: U8, palette: U8, coder: str) -> bytes:
    count, height, width = planes.shape
    file = io.BytesIO()
    animation = Animation((0,) * count, restart=max(1, _GROUP // (height * width)))
    with Writer(file, width, height, palette, coder=coder, animation=animation) as writer:
        for plane in planes:
            writer.write(plane)
    return file.getvalue()


def _as_image(values: Integers) -> IndexedImage | None:
    """The image of a chunk; None if it has too many values, or too large ones."""
    planes, height, columns = planes_of(values.shape)
    rows = planes * height
    low, high = int(values.min()), int(values.max())
    least, most = _range_in_32_bits(values.dtype)
    if low < least or high > most or max(rows, columns) > MAX_SIDE:
        return None
    found = _in_a_table(values, low, high) if high - low < _SPAN else _sorted(values)
    if found is None:
        return None
    distinct, positions = found
    palette = (distinct & 0xFFFFFFFF).astype("<u4").view(np.uint8).reshape(-1, 4)
    order = np.argsort(morton_keys(palette))  # in which a palette takes the fewest bytes
    rank = np.empty(len(order), np.uint8)
    rank[order] = np.arange(len(order))
    return IndexedImage(look_up(rank, positions.reshape(rows, columns)), np.ascontiguousarray(palette[order]))


def _in_a_table(values: Integers, low: int, high: int) -> tuple[NDArray[np.int64], U8] | None:
    """The distinct values, ascending, and the position of each element among them; None if there are too many.

    low, high: the least and the largest value.
    """
    # As unsigned integers, because differences may overflow the signed ones.
    unsigned = values.view(f"<u{values.dtype.itemsize}").reshape(-1)
    offsets = (unsigned - unsigned.dtype.type(low % (1 << 8 * unsigned.itemsize))).astype(np.uint16)
    strips = [slice(start, start + _STRIP) for start in range(0, len(offsets), _STRIP)]
    occurs = np.zeros(high - low + 1, np.bool_)
    for strip in strips:
        occurs |= np.bincount(offsets[strip], minlength=len(occurs)) > 0
    distinct = np.flatnonzero(occurs)
    if len(distinct) > MAX_COLORS:
        return None
    table = np.zeros(len(occurs), np.uint8)
    table[distinct] = np.arange(len(distinct))
    positions = np.empty(len(offsets), np.uint8)
    for strip in strips:
        positions[strip] = table[offsets[strip]]
    return distinct + low, positions


def _sorted(values: Integers) -> tuple[NDArray[np.int64], U8] | None:
    """The same for values that are far apart."""
    distinct = np.unique(values)
    if len(distinct) > MAX_COLORS:
        return None
    return distinct.astype(np.int64), np.searchsorted(distinct, values).astype(np.uint8)


def _decode_image(
    data: bytes | memoryview, shape: tuple[int, ...], dtype: np.dtype[Any], region: Region | None
) -> Integers:
    head = read_head(data)
    planes, height, columns = planes_of(shape)
    rows, stored = planes * height, head.frames * head.height
    if (stored, head.width) != (rows, columns):
        raise DamagedError(f"the chunk holds {stored} x {head.width} values instead of {rows} x {columns}")
    reader = Reader(data, max_pixels=None)  # no more than the shape
    table = _values_of(reader.palette, dtype)
    values = np.empty((rows, columns), dtype)
    x0, y0, x1, y1 = region or (0, 0, columns, rows)
    first, end = y0 // head.height, -(-y1 // head.height)  # of the frames
    top, bottom = (y0 - first * head.height, y1 - first * head.height) if end - first == 1 else (0, head.height)
    step = max(1, _STRIP // (x1 - x0))
    for frame, indices in enumerate(reader.iterate((x0, top, x1, bottom), start=first, stop=end), first):
        for row in range(0, bottom - top, step):
            strip = table[indices[row : row + step]]
            start = frame * head.height + top + row
            values[start : start + len(strip), x0:x1] = strip
    return values.reshape(shape)


def _decode_frame(data: bytes | memoryview, size: int) -> bytes:
    """The content of a Zstandard frame that declares this size and has a checksum; raises DamagedError."""
    if not 0 < size <= len(data) * _EXPANSION:
        raise DamagedError(f"{len(data)} bytes cannot hold a chunk of {size} bytes")
    try:
        parameters = zstandard.get_frame_parameters(data)
        if parameters.content_size != size or not parameters.has_checksum:
            raise DamagedError(f"the chunk is not a Zstandard frame of {size} bytes with a checksum")
        content = zstandard.ZstdDecompressor().decompress(data, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedError(f"the chunk cannot be decompressed: {error}") from error
    if len(content) != size:  # zstandard may return less for truncated data
        raise DamagedError(f"the chunk holds {len(content)} bytes instead of {size}")
    return content


def _values_of(palette: U8, dtype: np.dtype[Any]) -> Integers:
    """The values that the palette of a chunk holds; raises DamagedError for a value that the dtype cannot hold."""
    if palette.shape[1] != 4:
        raise DamagedError("the chunk is a picture: the palette of a label array has four channels")
    values = np.ascontiguousarray(palette).view("<i4" if dtype.kind == "i" else "<u4")[:, 0].astype(np.int64)
    least, most = _range_in_32_bits(dtype)
    if (wrong := values[(values < least) | (values > most)]).size:
        raise DamagedError(f"the chunk holds the value {wrong[0]}, which {dtype} cannot")
    return values.astype(dtype)


def _range_in_32_bits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The least and the largest value of the dtype that fit into 32 bits."""
    if dtype.kind == "b":
        return 0, 1
    narrow = np.iinfo(np.dtype(f"{dtype.kind}{min(dtype.itemsize, 4)}"))
    return int(narrow.min), int(narrow.max)
