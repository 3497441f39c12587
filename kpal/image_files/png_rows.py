"""PNG files that are never in memory as a whole: indexed ones made from rows, and animated ones made from frames."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any, Final

import numpy as np
from PIL import Image

from kpal_format import U8

from .changes import changed_box

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_SIZE: Final = struct.Struct(">II")  # width and height, at the start of IHDR
_DEPTH: Final = 8  # the position of the bit depth in IHDR
_KEEP: Final = 0  # disposal: the next frame is drawn over this one
_REPLACE: Final = 0  # blending: the pixels of a frame replace those below, alpha too
_BITS: Final = 8  # of an index in animations: ffmpeg misplaces frames of fewer
_OVER: Final = 1  # blending: the pixels of a frame are drawn over those below


def png_of_rows(
    model: Image.Image, options: Mapping[str, Any], size: tuple[int, int], rows: Iterable[U8]
) -> Iterator[bytes]:
    """The bytes of an indexed PNG, in parts, as Pillow would write it with `options`.

    model: an indexed image of any size, with the palette and the transparency.
    size: width and height.
    rows: the indices from the top down, uint8 (n, width), any number of rows at a time.
    """
    yield from _png(model, options, size, lambda depth: (chunk(b"IDAT", part) for part in _compressed(rows, depth)))


def apng_of_frames(
    model: Image.Image,
    options: Mapping[str, Any],
    frames: Iterable[U8],
    delays: Sequence[tuple[int, int]],
    loop: int,
    *,
    alphas: U8 | None = None,
    clear: int | None = None,
) -> Iterator[bytes]:
    """The bytes of an APNG, in parts. Of frames after the first, it holds the box around what changes.

    model: an image of any size and of the same mode as the result, with the palette and the transparency.
    options: for Pillow's `save`.
    frames: indices, uint8 (h, w), or pixels, uint8 (h, w, c), one frame at a time.
    delays: how long each frame is shown: numerator and denominator of seconds, each 16 bits.
    loop: how many times all are shown; 0 for ever.
    alphas: uint8 (k,), of the entries of the palette.
    clear: an index of alpha 0, or 0 for RGBA pixels. It replaces unchanged pixels of the box where that is smaller.
    """
    left = iter(frames)
    first = next(left)
    size = first.shape[1], first.shape[0]
    control = chunk(b"acTL", struct.pack(">II", len(delays), loop))
    written = _frames(chain((first,), left), delays, alphas, clear)
    yield from _png(model, options, size, lambda _: written, control=control, depth=_BITS)


def _png(
    model: Image.Image,
    options: Mapping[str, Any],
    size: tuple[int, int],
    pixels: Callable[[int], Iterable[bytes]],
    *,
    control: bytes = b"",
    depth: int | None = None,
) -> Iterator[bytes]:
    """The parts of a file: what Pillow writes around the pixels of the model, and the chunks that `pixels` gives.

    pixels: called with the bit depth.
    control: chunks to go behind the header.
    depth: the bit depth, if it is not to be the one that Pillow chooses.
    """
    small = io.BytesIO()
    model.save(small, "PNG", **options)
    data = small.getvalue()
    yield SIGNATURE
    written = False
    for kind, content in _chunks(data):
        if kind == b"IHDR":
            depth = depth or content[_DEPTH]
            yield chunk(kind, _SIZE.pack(*size) + bytes((depth,)) + content[_DEPTH + 1 :]) + control
        elif kind != b"IDAT":
            yield chunk(kind, content)
        elif not written:
            written = True
            yield from pixels(depth or 8)


def _frames(
    frames: Iterable[U8], delays: Sequence[tuple[int, int]], alphas: U8 | None, clear: int | None
) -> Iterator[bytes]:
    """The chunks of the frames: each changes a box of the one before, which stays under it."""
    numbers = count()
    before: U8 | None = None
    for frame, delay in zip(frames, delays, strict=True):
        differs = np.ones(frame.shape[:2], np.bool_)
        if before is not None:
            differs = (frame != before).reshape(*frame.shape[:2], -1).any(axis=2)
        rows, columns = box = changed_box(differs)
        pixels, changed = frame[box], differs[box]
        versions = [(_REPLACE, list(_pixels(pixels)))]
        shown = pixels[:, :, -1] if alphas is None else alphas[pixels]
        if clear is not None and not changed.all() and (shown[changed] == 255).all():
            sparse = np.where(changed if pixels.ndim == 2 else changed[:, :, np.newaxis], pixels, np.uint8(clear))
            versions.append((_OVER, list(_pixels(sparse))))
        blending, parts = min(versions, key=lambda version: sum(map(len, version[1])))
        place = (columns.stop - columns.start, rows.stop - rows.start, columns.start, rows.start)
        yield chunk(b"fcTL", struct.pack(">IIIIIHHBB", next(numbers), *place, *delay, _KEEP, blending))
        for part in parts:
            yield chunk(b"IDAT", part) if before is None else chunk(b"fdAT", struct.pack(">I", next(numbers)) + part)
        before = frame


def _pixels(pixels: U8) -> Iterator[bytes]:
    """The parts of the zlib stream of some indices or pixels, of 8 bits, as Pillow writes it."""
    image = Image.fromarray(pixels)
    if image.mode == "L":
        image.putpalette(bytes(3 << _BITS))  # for a shorter palette, Pillow would write fewer bits
    file = io.BytesIO()
    image.save(file, "PNG")
    return (content for kind, content in _chunks(file.getvalue()) if kind == b"IDAT")


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
