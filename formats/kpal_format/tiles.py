"""Coding the tiles of an index stream in parallel threads.

If the calling thread's work is watched (see `parallel`), the fraction of pixels done is reported.
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

Part = tuple[slice, slice]  # rows and columns of an image


def encode_tiles(indices: U8, palette: U8, coder: Coder, rows: int, columns: int) -> list[bytes]:
    """Cuts indices, uint8 (h, w), into tiles of the given numbers of rows and columns, and encodes each tile."""

    def encode(part: Part, count: Count) -> bytes:
        return coder.encode(indices[part], palette, count)

    height, width = indices.shape
    return in_parallel(encode, _cut(height, width, rows, columns), indices.size)


def choose_indices(wishes: Wishes, palette: U8) -> U8:
    """Chooses indices, uint8 (h, w), by rate-distortion optimisation, tile by tile: see `Mix.choose`.

    Raises ValueError if the wishes do not match the palette.
    """
    wishes.check(len(palette))
    height, width = wishes.positions.shape
    indices = np.empty((height, width), np.uint8)

    def choose(part: Part, count: Count) -> None:
        indices[part] = MIX.choose(wishes.part(part), palette, count)

    in_parallel(choose, _cut(height, width, *tile_shape(width, height)), indices.size)
    return indices


def _cut(height: int, width: int, rows: int, columns: int) -> list[Part]:
    """The tiles of an image, given the numbers of rows and columns of a tile."""
    tops, lefts = range(0, height, rows), range(0, width, columns)
    return [(slice(y, y + rows), slice(x, x + columns)) for y in tops for x in lefts]


def decode_tiles(
    head: Head,
    box: Box,
    tiles: list[tuple[int, Section]],
    palette: U8,
    *,
    partial: bool = False,
    damage: dict[int, DamagedError] | None = None,
) -> U8:
    """The indices in the box, uint8, read-only; pixels without a tile are zeros.

    tiles: the number and the coded bytes of each tile.
    partial: the last tile may be truncated.
    damage: if given, receives the errors of tiles that cannot be decoded, which are left out.

    Raises DamagedError, which names the tile if there are several.
    """

    def decode(tile: tuple[int, Box, Section], count: Count) -> U8:
        number, covered, section = tile
        try:
            with section.decoding():
                indices = head.coder.decode(section.data, covered.shape, palette, partial=partial, tell=count)
                highest = int(indices.max())
                if highest >= head.colors:
                    if not partial:
                        raise DamagedError(
                            f"index stream: index {highest} is outside a palette of {head.colors} colours"
                        )
                    indices = np.where(indices < head.colors, indices, np.uint8(0))
        except DamagedError as error:
            raise head.in_tile(number, error) from error.__cause__
        return indices

    parts = [(number, head.tile(number), section) for number, section in tiles]
    pixels = sum(math.prod(covered.shape) for _, covered, _ in parts)
    if damage is None and len(parts) == 1 and parts[0][1] == box:  # allocate only after the coder has checked the bytes
        (indices,) = in_parallel(decode, parts, pixels)
    else:
        indices = np.zeros(box.shape, np.uint8)

        def place(tile: tuple[int, Box, Section], count: Count) -> None:
            number, covered, _ = tile
            try:
                part = decode(tile, count)
            except DamagedError as error:
                if damage is None:
                    raise
                damage[number] = error
                return
            x0, y0 = max(box.x0, covered.x0), max(box.y0, covered.y0)
            x1, y1 = min(box.x1, covered.x1), min(box.y1, covered.y1)
            indices[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = part[
                y0 - covered.y0 : y1 - covered.y0, x0 - covered.x0 : x1 - covered.x0
            ]

        in_parallel(place, parts, pixels)
    indices.flags.writeable = False
    return indices
