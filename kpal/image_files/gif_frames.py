"""GIF animations of one palette, in which every frame keeps its pixels and none is merged with another."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Final

import numpy as np
from PIL import GifImagePlugin, Image

from kpal_format import MAX_COLORS, U8

from .changes import Mask, changed_box

MAX_LOOP: Final = 1 << 16  # showings; the file has 16 bits for the repeats after the first
LONGEST: Final = (1 << 16) - 1  # hundredths of a second

_KEEP: Final = 1  # disposal: the next frame is drawn over this one
_CLEAR: Final = 2  # disposal: the area of this frame becomes transparent before the next one is drawn
_GLOBAL_TABLE: Final = 0xF0  # one palette for all frames, of 8 bits a channel
_WIDEST: Final = (1 << 16) - 1  # pixels a side
_BLOCK: Final = 255  # the maximum bytes of a sub-block


def gif_of_frames(
    palette: U8, frames: Iterable[U8], hundredths: Iterable[int], *, loop: int, comment: bytes = b""
) -> Iterator[bytes]:
    """The bytes of a GIF, in parts.

    palette: uint8 (k, 3 or 4), with an alpha of 0 or 255. Its order is kept; entries of alpha 0 become one.
    frames: indices, uint8 (h, w), one frame at a time.
    hundredths: how long each frame is shown, in hundredths of a second, up to LONGEST.
    loop: how many times all are shown, up to MAX_LOOP; 0 for ever.

    Raises ValueError for frames of more than 65535 pixels a side.
    """
    clear, joined = _joined(palette)
    # Pixels that stay as they are need not be drawn: they get the transparent index, or one that is in no other use.
    spare = clear if clear is not None else len(palette) if len(palette) < MAX_COLORS else None
    canvas: U8 | None = None  # what viewers have before a frame is drawn
    ahead = pairwise(chain((joined[frame] for frame in frames), (None,)))
    for (frame, following), shown in zip(ahead, hundredths, strict=True):
        assert frame is not None  # only the end of the chain is
        if canvas is None:
            yield _head(frame.shape, palette, max(len(palette), (spare or 0) + 1), loop)
            yield _comment(comment)
        changed = np.ones(frame.shape, np.bool_) if canvas is None else canvas != frame
        # Nothing can be drawn to make a pixel transparent: the frame before must be disposed of.
        vanishing = np.zeros_like(changed)
        if clear is not None and following is not None:
            vanishing = (frame != clear) & (following == clear)
        box = changed_box(changed | vanishing)
        disposal = _CLEAR if vanishing.any() else _KEEP
        yield _coded(frame[box], changed[box], (box[1].start, box[0].start), 10 * shown, disposal, clear, spare)
        canvas = frame
        if disposal == _CLEAR and clear is not None:
            canvas = frame.copy()
            canvas[box] = clear
    yield b";"


def _joined(palette: U8) -> tuple[int | None, U8]:
    """The transparent index, of which GIF has one, and a table that replaces other entries of alpha 0 by it."""
    table = np.arange(len(palette), dtype=np.uint8)
    transparent = np.flatnonzero(palette[:, 3] == 0) if palette.shape[1] == 4 else np.zeros(0, np.intp)
    if not transparent.size:
        return None, table
    table[transparent] = transparent[0]
    return int(transparent[0]), table


def _head(shape: tuple[int, ...], palette: U8, colors: int, loop: int) -> bytes:
    bits = max(1, (colors - 1).bit_length())
    table = np.zeros((1 << bits, 3), np.uint8)
    table[: len(palette)] = palette[:, :3]
    height, width = shape
    if max(shape) > _WIDEST:
        raise ValueError(f"GIF holds at most {_WIDEST:,} pixels a side, not {width:,} x {height:,}")
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, _GLOBAL_TABLE | (bits - 1), 0, 0) + table.tobytes()
    if loop == 1:  # without the extension, an animation is shown once
        return head
    return head + b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", loop - 1 if loop else 0, 0)


def _comment(comment: bytes) -> bytes:
    if not comment:
        return b""
    blocks = [comment[at : at + _BLOCK] for at in range(0, len(comment), _BLOCK)]
    return b"!\xfe" + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"


def _coded(
    pixels: U8, changed: Mask, at: tuple[int, int], duration: int, disposal: int, clear: int | None, spare: int | None
) -> bytes:
    """A frame with all of its pixels, or with the changed ones alone where that is smaller."""
    versions = [(pixels, clear)]
    if spare is not None and not changed.all():
        versions.append((np.where(changed, pixels, np.uint8(spare)), spare))
    coded = []
    for shown, transparency in versions:
        options = {"duration": duration, "disposal": disposal}
        if transparency is not None:
            options["transparency"] = transparency
        coded.append(b"".join(GifImagePlugin.getdata(Image.fromarray(shown), at, **options)))
    return min(coded, key=len)
