"""The tiles of an index stream, side by side in threads: each is coded independently of the others.

If that is a stage of work that somebody watches, they are told the fraction of the pixels that is done.
"""

from __future__ import annotations

import math

import numpy as np

from .coders import Coder
from .coders.mix import MIX, Wishes
from .container import Box, Head, Section, tile_shape
from .errors import DamagedError
from .indexed import U8
from .parallel import Count, in_parallel

Part = tuple[slice, slice]  # of an image: rows and columns


def encode_tiles(indices: U8, palette: U8, coder: Coder, rows: int, columns: int) -> list[bytes]:
    """Indices, uint8 (h, w), cut into tiles of that many rows and columns, each of them coded."""

    def encode(part: Part, count: Count) -> bytes:
        return coder.encode(indices[part], palette, count)

    height, width = indices.shape
    return in_parallel(encode, _cut(height, width, rows, columns), indices.size)


def choose_indices(wishes: Wishes, palette: U8) -> U8:
    """Indices, uint8 (h, w), near to what is wanted and coded in few bytes, tile by tile: `Mix.choose`.

    Raises ValueError for wishes that do not go with that palette.
    """
    wishes.check(len(palette))
    height, width = wishes.positions.shape
    indices = np.empty((height, width), np.uint8)

    def choose(part: Part, count: Count) -> None:
        indices[part] = MIX.choose(wishes.part(part), palette, count)

    in_parallel(choose, _cut(height, width, *tile_shape(width, height)), indices.size)
    return indices


def _cut(height: int, width: int, rows: int, columns: int) -> list[Part]:
    """The tiles of that many rows and columns that an image is cut into."""
    tops, lefts = range(0, height, rows), range(0, width, columns)
    return [(slice(y, y + rows), slice(x, x + columns)) for y in tops for x in lefts]


def decode_tiles(head: Head, box: Box, tiles: list[tuple[int, Section]], palette: U8, *, partial: bool = False) -> U8:
    """The indices in the box, uint8, read-only, from those tiles, each with its number; zeros where there is none.

    partial: the last tile may be cut off.

    Raises DamagedError.
    """

    def decode(tile: tuple[Box, Section], count: Count) -> U8:
        covered, section = tile
        with section.decoding():
            indices = head.coder.decode(section.data, covered.shape, palette, partial=partial, tell=count)
            highest = int(indices.max())
            if highest >= head.colors:
                if not partial:
                    raise DamagedError(f"index stream: index {highest} is outside a palette of {head.colors} colours")
                indices = np.where(indices < head.colors, indices, np.uint8(0))
        return indices

    parts = [(head.tile(number), section) for number, section in tiles]
    pixels = sum(math.prod(covered.shape) for covered, _ in parts)
    if len(parts) == 1 and parts[0][0] == box:  # whose bytes are checked before anything is allocated
        (indices,) = in_parallel(decode, parts, pixels)
    else:
        indices = np.zeros(box.shape, np.uint8)

        def place(tile: tuple[Box, Section], count: Count) -> None:
            covered, part = tile[0], decode(tile, count)
            x0, y0 = max(box.x0, covered.x0), max(box.y0, covered.y0)
            x1, y1 = min(box.x1, covered.x1), min(box.y1, covered.y1)
            indices[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = part[
                y0 - covered.y0 : y1 - covered.y0, x0 - covered.x0 : x1 - covered.x0
            ]

        in_parallel(place, parts, pixels)
    indices.flags.writeable = False
    return indices
