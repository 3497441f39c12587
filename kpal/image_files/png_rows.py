"""Indexed PNG files larger than memory, made from rows of indices."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from PIL import Image

from kpal_format import U8

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_SIZE: Final = struct.Struct(">II")  # width and height, at the start of IHDR
_DEPTH: Final = 8  # the position of the bit depth in IHDR


def png_of_rows(
    model: Image.Image, options: Mapping[str, Any], size: tuple[int, int], rows: Iterable[U8]
) -> Iterator[bytes]:
    """The bytes of an indexed PNG, in parts, as Pillow would write it with `options`.

    model: an indexed image of any size, with the palette and the transparency.
    size: width and height.
    rows: the indices from the top down, uint8 (n, width), any number of rows at a time.
    """
    small = io.BytesIO()
    model.save(small, "PNG", **options)
    data = small.getvalue()
    yield SIGNATURE
    depth, written = 8, False
    for kind, content in _chunks(data):
        if kind == b"IHDR":
            depth = content[_DEPTH]
            yield chunk(kind, _SIZE.pack(*size) + content[_SIZE.size :])
        elif kind != b"IDAT":
            yield chunk(kind, content)
        elif not written:
            written = True
            yield from (chunk(kind, part) for part in _compressed(rows, depth))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The types and contents of the chunks of a PNG file."""
    at = len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file, with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _compressed(rows: Iterable[U8], depth: int) -> Iterator[bytes]:
    """The zlib stream of the rows, in parts."""
    stream = zlib.compressobj(memLevel=9)  # like Pillow
    for some in rows:
        packed = _packed(some, depth)
        unfiltered = np.zeros((len(packed), 1), np.uint8)  # filters do not suit indices (PNG, 12.7)
        if part := stream.compress(np.hstack((unfiltered, packed)).tobytes()):
            yield part
    yield stream.flush()


def _packed(indices: U8, depth: int) -> U8:
    """The indices in as many bits each, the first one in the highest bits of a byte."""
    if depth == 8:
        return indices
    several = 8 // depth
    padded = np.pad(indices, ((0, 0), (0, -indices.shape[1] % several)))
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    parts = padded.reshape(len(indices), -1, several) << shifts
    packed: U8 = np.bitwise_or.reduce(parts, axis=2, dtype=np.uint8)
    return packed
