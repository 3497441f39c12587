"""The coder `fast` (KPAL.md, section 5.3): symbol ranking by hash slots, neighbours and adaptive colour lists.

`ranking/README.md` explains the model. Its stages are compiled as the module `ranking.kernel`; otherwise they run as
plain Python, at some microseconds per pixel. The kernel is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import DamagedError
from ..forks import load_module
from ..indexed import U8
from ..parallel import Count
from .motion import find_motion, may_move
from .tile import check_size, rgba

if TYPE_CHECKING:
    from ..ranking.kernel import Tile

ID: Final = 3
NAME: Final = "fast"


class Encoder:
    """Encodes one tile: see `Coder.encoder`.

    Frames are coded without motion and with it, because it pays only in the long run, and the shorter stream counts.
    """

    def __init__(self, shape: tuple[int, int, int], palette: U8) -> None:
        self._still = _tile(shape, palette, None)
        self._moving = _tile(shape, palette, None) if may_move(*shape) else None
        self._before: U8 | None = None

    def write(self, indices: U8, tell: Count | None = None) -> None:
        """Encodes the next frame."""
        pixels = memoryview(bytearray(indices.tobytes()))
        self._still.encode_frame(pixels, tell)
        if self._moving is not None:
            motion = ([], b"") if self._before is None else find_motion(indices, self._before)
            self._moving.encode_frame(pixels, None, *motion)
            self._before = indices.copy()

    def finish(self) -> bytes:
        """The stream, after the last frame."""
        return min((tile.finish() for tile in (self._still, self._moving) if tile is not None), key=len)


class Decoder:
    """Decodes one tile: see `Coder.decoder`."""

    def __init__(self, tile: Tile, shape: tuple[int, int], *, partial: bool) -> None:
        self._tile, self._shape, self._partial = tile, shape, partial

    def read(self, tell: Count | None = None) -> U8:
        """The next frame."""
        content = bytearray(self._shape[0] * self._shape[1])
        self._tile.decode_frame(memoryview(content), tell)
        return np.frombuffer(content, np.uint8).reshape(self._shape)

    def finish(self) -> None:
        """Raises DamagedError unless the stream ends with the last frame."""
        if not self._tile.finished() and not self._partial:
            raise DamagedError("index stream: it does not end where the pixels do")


def encoder(shape: tuple[int, int, int], palette: U8) -> Encoder:
    """Encodes one tile of (frames, rows, width): see `Coder.encoder`."""
    return Encoder(shape, palette)


def decoder(data: bytes | memoryview, shape: tuple[int, int, int], palette: U8, *, partial: bool = False) -> Decoder:
    """Decodes one tile of (frames, rows, width): see `Coder.decoder`."""
    check_size(shape[1:], NAME)
    return Decoder(_tile(shape, palette, bytes(data)), shape[1:], partial=partial)


def _tile(shape: tuple[int, int, int], palette: U8, data: bytes | None) -> Tile:
    """The kernel's coder for one tile; `data` is the stream to decode, or None to encode."""
    frames, rows, width = shape
    kind: type[Tile] = load_module("kpal_format.ranking.kernel").Tile
    return kind(rgba(palette), width, rows, frames, data)
