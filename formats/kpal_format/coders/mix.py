"""The coders `mix` and `max` (KPAL.md, section 5.2): context mixing of palette indices, in two sizes.

`mixing/README.md` explains the model. Its stages are compiled as the module `kernel`; otherwise they run as plain
Python, hundreds of times slower. The kernel is loaded on first use.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import DamagedError
from ..forks import load_module
from ..indexed import U8
from ..parallel import Count
from .tile import check_size, rgba

if TYPE_CHECKING:
    from ..kernel import ChoosingTile, Tile

_SLOW_PIXELS: Final = 1 << 12  # pixels that take plain Python several seconds
_MAX_FRAME: Final = 1 << 26  # cells of a frame that has others beside it: every position in two of them takes 27 bits


def compiled() -> bool:
    """Whether the kernel is compiled; does not load it."""
    spec = importlib.util.find_spec("kpal_format.kernel")
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")


@dataclass(frozen=True)
class Wishes:
    """The input of rate-distortion optimisation: wanted colours, and what error a bit is worth.

    Colours are points with integer coordinates from 0 to 2040; errors are squared distances.

    positions: int32 (h, w), the index in `points` of the colour wanted at each pixel.
    points: int32 (n, 4), the wanted colours.
    labels: uint8 (n,), the nearest palette entry of each point.
    busy: uint16 (h, w), the masking class of each pixel.
    prices: int32 (m,), the error worth one bit in each class, 0 to 2**20.
    shares: uint8 (m,), the part, in 1/256, of diffused errors that pixels of each class take.
    centers: int32 (k, 4), the palette entries as points.
    near: uint8 (k, k), for each entry all entries by increasing distance, itself first.
    """

    positions: NDArray[np.int32]
    points: NDArray[np.int32]
    labels: U8
    busy: NDArray[np.uint16]
    prices: NDArray[np.int32]
    shares: U8
    centers: NDArray[np.int32]
    near: U8

    def check(self, k: int) -> None:
        """Raises ValueError unless all values are valid for a palette of k; the compiled loop does not check them."""
        n, m = len(self.points), len(self.prices)
        shapes = {"points": (n, 4), "labels": (n,), "prices": (m,), "shares": (m,), "centers": (k, 4), "near": (k, k)}
        shapes |= {"busy": self.positions.shape}
        ends = {"positions": n, "points": 2041, "labels": k, "busy": m, "prices": 2**20 + 1, "centers": 2041, "near": k}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have the shape {shape}, not {getattr(self, name).shape}")
        for name, end in ends.items():
            if (values := getattr(self, name)).size and not 0 <= values.min() <= values.max() < end:
                raise ValueError(f"{name} must be from 0 to {end - 1}, not {values.min()} to {values.max()}")

    def part(self, tile: tuple[slice, slice]) -> Wishes:
        """The same wishes, restricted to the pixels of a tile."""
        return replace(self, positions=self.positions[tile], busy=self.busy[tile])


class MixEncoder:
    """Encodes the frames of one tile: see `Encoder`."""

    def __init__(self, tile: Tile) -> None:
        self._tile = tile

    def write(self, indices: U8, tell: Count | None = None) -> None:
        self._tile.encode_frame(memoryview(indices.tobytes()), tell)

    def finish(self) -> bytes:
        return self._tile.finish()


class MixDecoder:
    """Decodes the frames of one tile: see `Decoder`."""

    def __init__(self, tile: Tile, shape: tuple[int, int], *, partial: bool) -> None:
        self._tile, self._partial = tile, partial
        self._frame = np.zeros(shape, np.uint8)

    def read(self, tell: Count | None = None) -> U8:
        self._tile.decode_frame(_flat(self._frame), tell)  # which only sets what has changed
        return self._frame.copy()

    def finish(self) -> None:
        if not self._partial and not self._tile.finished():
            raise DamagedError("index stream: it does not end where the pixels do")


@dataclass(frozen=True)
class Mix:
    """A coder that uses the model with one of its two profiles: 0 for `mix`, or 1, with more contexts, for `max`."""

    ID: int
    NAME: str
    profile: int

    def encoder(self, shape: tuple[int, int, int], palette: U8) -> MixEncoder:
        """An encoder of one tile, (frames, rows, width): see `Coder.encoder`."""
        return MixEncoder(self._tile(shape, palette, None))

    def decoder(
        self, data: bytes | memoryview, shape: tuple[int, int, int], palette: U8, *, partial: bool = False
    ) -> MixDecoder:
        """A decoder of one tile, (frames, rows, width): see `Coder.decoder`."""
        check_size(shape[1:], self.NAME)
        if shape[0] > 1 and (shape[1] + 3) * (shape[2] + 16) > _MAX_FRAME:
            raise DamagedError(f"index stream: frames of {shape[2]} x {shape[1]} pixels are too large for {self.NAME}")
        return MixDecoder(self._tile(shape, palette, bytes(data)), shape[1:], partial=partial)

    def choose(self, wishes: Wishes, palette: U8, tell: Count | None = None) -> U8:
        """Chooses the indices of one tile, uint8 (rows, width), by rate-distortion optimisation.

        Each pixel gets the entry with the least error + price x bits (mixing/rate_choice.py), and its error is diffused
        to later pixels. Opaque colours stay opaque, and clear ones clear.

        palette: uint8 (k, 3 or 4), k >= 2.
        tell: as in `encode`.
        """
        indices = np.empty(wishes.positions.shape, np.uint8)
        kind: type[ChoosingTile] = load_module("kpal_format.kernel").ChoosingTile
        tile = kind(*self._tile_arguments((1, *wishes.positions.shape), palette), None)
        tile.choose(_flat(indices), *(_flat(getattr(wishes, field.name)) for field in fields(wishes)), tell=tell)
        return indices

    def _tile(self, shape: tuple[int, int, int], palette: U8, data: bytes | None) -> Tile:
        """The kernel's coder for one tile; `data` is the stream to decode, or None to encode."""
        kind: type[Tile] = load_module("kpal_format.kernel").Tile
        return kind(*self._tile_arguments(shape, palette), data)

    def _tile_arguments(self, shape: tuple[int, int, int], palette: U8) -> tuple[int, bytes, bool, int, int, int]:
        """The arguments of the kernel's `Tile`, except for the stream."""
        frames, rows, width = shape
        _warn_if_slow(frames * rows * width)
        return self.profile, rgba(palette), bool((palette[:, 3:] == 255).all()), width, rows, frames


MIX: Final = Mix(1, "mix", 0)
MAX: Final = Mix(2, "max", 1)


def _flat(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).data


def _warn_if_slow(pixels: int) -> None:
    if pixels > _SLOW_PIXELS and not compiled():
        _warn_once()


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "kpal was installed without a C compiler: the coders mix and max, and the option rate, run as plain Python, at "
        "about a millisecond per pixel. Install a compiler and reinstall kpal, or use the coder fast without a rate",
        RuntimeWarning,
        stacklevel=2,
    )
