"""The coders `mix` and `max` (KPAL.md, section 5.2): context mixing over what a palette tells, in two sizes.

`mixing/README.md` explains the model. Its stages are compiled as `kernel` or run, some hundred times slower, as plain
Python; they are loaded on first use.
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

if TYPE_CHECKING:
    from ..kernel import ChoosingTile, Tile

_MANY_PIXELS: Final = 1 << 12  # what plain Python codes in some seconds
_MOST_CELLS: Final = 1 << 27  # with margins; so that every position fits an int
_MOST_COLUMNS: Final = 1 << 22  # each of which takes some 32 bytes


def compiled() -> bool:
    """Whether the inner loop is compiled, found out without loading it."""
    spec = importlib.util.find_spec("kpal_format.kernel")
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")


@dataclass(frozen=True)
class Wishes:
    """What pixels are to look like, for an encoder that weighs that against what indices cost.

    Colours are points with whole coordinates from 0 to 2040, errors are squared distances.

    positions: int32 (h, w), which of the points each pixel wants to be.
    points: int32 (n, 4).
    labels: uint8 (n,), for each point the nearest entry of the palette.
    busy: uint16 (h, w), each pixel's class.
    prices: int32 (m,), for each class the error that a bit is worth, 0 to 2**20.
    shares: uint8 (m,), for each class how much its pixels take of their neighbours' errors, of 256.
    centers: int32 (k, 4), the entries of the palette.
    near: uint8 (k, k), for each entry all of them, itself first, then the nearest.
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
        """Raises ValueError unless all is within its bounds for a palette of k: the compiled loop trusts it."""
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
        """Those of some of the pixels."""
        return replace(self, positions=self.positions[tile], busy=self.busy[tile])


@dataclass(frozen=True)
class Mix:
    """One of the two profiles of the model: 0, the practical one, or 1, with more contexts."""

    ID: int
    NAME: str
    profile: int

    def encode(self, indices: U8, palette: U8, tell: Count | None = None) -> bytes:
        """One tile, as `Coder` promises it."""
        return self._tile(indices.shape, palette, None).encode(memoryview(indices.tobytes()), tell)

    def choose(self, wishes: Wishes, palette: U8, tell: Count | None = None) -> U8:
        """Indices for one tile, uint8 (rows, width): near to what is wanted, and coded in few bytes.

        Each pixel gets the colour with the least error + price x bits (mixing/rate_choice.py), and errors are diffused
        to the pixels that come. Opaque colours stay opaque, and clear ones clear.

        palette: uint8 (k, 3 or 4), k >= 2.
        tell: as in `encode`.
        """
        indices = np.empty(wishes.positions.shape, np.uint8)
        kind: type[ChoosingTile] = load_module("kpal_format.kernel").ChoosingTile
        tile = kind(*self._about(wishes.positions.shape, palette), None)
        tile.choose(_flat(indices), *(_flat(getattr(wishes, field.name)) for field in fields(wishes)), tell=tell)
        return indices

    def decode(
        self,
        data: bytes | memoryview,
        shape: tuple[int, int],
        palette: U8,
        *,
        partial: bool = False,
        tell: Count | None = None,
    ) -> U8:
        """The inverse of `encode`, as `Coder` promises it."""
        rows, width = shape
        if width > _MOST_COLUMNS or (rows + 3) * (width + 16) > _MOST_CELLS:
            raise DamagedError(
                f"index stream: a tile of {width} x {rows} pixels is too large for the coder {self.NAME}"
            )
        content = bytearray(rows * width)
        if not self._tile(shape, palette, bytes(data)).decode(memoryview(content), tell) and not partial:
            raise DamagedError("index stream: it does not end where the pixels do")
        return np.frombuffer(content, np.uint8).reshape(shape)

    def _tile(self, shape: tuple[int, int], palette: U8, data: bytes | None) -> Tile:
        """What codes a tile: data is the stream to decode, or None."""
        kind: type[Tile] = load_module("kpal_format.kernel").Tile
        return kind(*self._about(shape, palette), data)

    def _about(self, shape: tuple[int, int], palette: U8) -> tuple[int, bytes, bool, int, int]:
        """What the kernel is told of a tile."""
        rows, width = shape
        _expect(rows * width)
        return self.profile, _rgba(palette), bool((palette[:, 3:] == 255).all()), width, rows


MIX: Final = Mix(1, "mix", 0)
MAX: Final = Mix(2, "max", 1)


def _flat(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).data


def _rgba(palette: U8) -> bytes:
    rgba = np.full((len(palette), 4), 255, np.uint8)
    rgba[:, : palette.shape[1]] = palette
    return rgba.tobytes()


def _expect(pixels: int) -> None:
    if pixels > _MANY_PIXELS and not compiled():
        _warn_once()


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "kpal was installed without a C compiler: the coders mix and max, and rates, run as plain Python, about a "
        "millisecond a pixel. Install a compiler and then kpal again, or encode with the coder zstd and no rate",
        RuntimeWarning,
        stacklevel=2,
    )
