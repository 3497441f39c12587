"""Coding the tiles of an image in parallel threads, frame by frame.

If the calling thread's work is watched (see `parallel`), the fraction of pixels done is reported.
"""

from __future__ import annotations

import math

import numpy as np

from .coders import Coder, Decoder, Encoder
from .coders.mix import MIX, Wishes
from .container import Box, Head, Section, tile_shape
from .errors import DamagedError
from .indexed import U8
from .parallel import Count, in_parallel

Part = tuple[slice, slice]  # rows and columns of an image


class Encoding:
    """Encodes the tiles of a group of frames as their rows arrive.

    frames, height: of the group; a still image is a group of one frame.
    rows, columns: of a tile.
    """

    def __init__(self, palette: U8, coder: Coder, frames: int, height: int, rows: int, columns: int) -> None:
        self._palette, self._coder, self._rows, self._columns = palette, coder, rows, columns
        self._frames, self._height = frames, height
        self._frame = self._top = self._at = 0  # the frame, row and tile that are next
        self._encoders: list[Encoder] = []  # of all tiles, if there are several frames

    @property
    def complete(self) -> bool:
        return self._frame == self._frames

    def write(self, indices: U8) -> list[bytes]:
        """Encodes the next rows of tiles of a frame, uint8 (n, width); in the last frame, returns their streams."""
        height, width = indices.shape
        places = _cut(height, width, self._rows, self._columns)
        encoders = self._next(indices, places)
        last = self._frame == self._frames - 1

        def encode(tile: tuple[Encoder, Part], count: Count) -> bytes:
            encoder, place = tile
            encoder.write(indices[place], count)
            return encoder.finish() if last else b""

        coded = in_parallel(encode, list(zip(encoders, places, strict=True)), indices.size)
        self._at, self._top = self._at + len(places), self._top + len(indices)
        if self._top == self._height:
            self._frame, self._top, self._at = self._frame + 1, 0, 0
        return coded if last else []

    def _next(self, indices: U8, places: list[Part]) -> list[Encoder]:
        if self._frame:
            return self._encoders[self._at : self._at + len(places)]
        shapes = [(self._frames, *indices[place].shape) for place in places]
        encoders = [self._coder.encoder(shape, self._palette) for shape in shapes]
        if self._frames > 1:
            self._encoders += encoders
        return encoders


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


class Decoding:
    """Decodes the frames of a group in a box, one after the other.

    tiles: the number and the coded bytes of each tile of the group that overlaps the box; pixels without a tile are 0.
    partial: the last tile may be truncated.
    damage: if given, receives the errors of tiles that cannot be decoded, which are left out.
    """

    def __init__(
        self,
        head: Head,
        box: Box,
        tiles: list[tuple[int, Section]],
        palette: U8,
        *,
        partial: bool = False,
        damage: dict[int, DamagedError] | None = None,
    ) -> None:
        self._head, self._box, self._palette, self._partial, self._damage = head, box, palette, partial, damage
        self._tiles = tiles
        self._covered = {number: head.tile(number) for number, _ in tiles}
        self._pixels = sum(math.prod(covered.shape) for covered in self._covered.values())
        self._decoders: dict[int, Decoder] = {}
        self._frame = 0  # the next one, within the group

    def read(self, frames: int = 1) -> U8:
        """Decodes so many frames and returns the last one, uint8, read-only.

        Raises DamagedError, which names the tile if there are several.
        """
        indices = np.empty(0, np.uint8)
        for number in range(frames):
            indices = self._read(number, frames)
        return indices

    def _read(self, number: int, frames: int) -> U8:
        box, progress = self._box, (self._pixels * frames, self._pixels * number)
        if self._damage is None and list(self._covered.values()) == [box]:
            # Memory is allocated only after the coder has checked the bytes.
            (indices,) = in_parallel(self._decode, self._tiles, *progress)
        else:
            indices = np.zeros(box.shape, np.uint8)
            failed: list[int] = []  # a tile that is only cut off may have pixels in the next frames, too

            def place(tile: tuple[int, Section], count: Count) -> None:
                try:
                    part = self._decode(tile, count)
                except DamagedError as error:
                    if self._damage is None:
                        raise
                    self._damage[tile[0]] = error
                    failed.append(tile[0])
                else:
                    _paste(part, self._covered[tile[0]], indices, box)

            in_parallel(place, self._tiles, *progress)
            self._tiles = [tile for tile in self._tiles if tile[0] not in failed]
        self._frame += 1
        indices.flags.writeable = False
        return indices

    def _decode(self, tile: tuple[int, Section], count: Count) -> U8:
        """The next frame of a tile."""
        number, section = tile
        head, frames = self._head, len(self._head.frames_of(number))
        try:
            with section.decoding():
                if self._frame == 0:
                    shape = frames, *self._covered[number].shape
                    coder = head.coder.decoder(section.data, shape, self._palette, partial=self._partial)
                    self._decoders[number] = coder
                decoder = self._decoders[number]
                indices = self._checked(decoder.read(count))
                if self._frame == frames - 1:
                    decoder.finish()
        except DamagedError as error:
            raise head.in_tile(number, error) from error.__cause__
        return indices

    def _checked(self, indices: U8) -> U8:
        highest, colors = int(indices.max()), self._head.colors
        if highest < colors:
            return indices
        if not self._partial:
            raise DamagedError(f"index stream: index {highest} is outside a palette of {colors} colours")
        return np.where(indices < colors, indices, np.uint8(0))


def _paste(part: U8, covered: Box, indices: U8, box: Box) -> None:
    """Copies the pixels of a tile that lie in the box."""
    x0, y0 = max(box.x0, covered.x0), max(box.y0, covered.y0)
    x1, y1 = min(box.x1, covered.x1), min(box.y1, covered.y1)
    indices[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = part[
        y0 - covered.y0 : y1 - covered.y0, x0 - covered.x0 : x1 - covered.x0
    ]
