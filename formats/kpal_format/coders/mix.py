"""The coders `mix` and `max` (KPAL.md, section 5.2): context mixing over what a palette tells, in two sizes.

The work is done by `kernel.py`, compiled or, some hundred times slower, as plain Python; it is loaded on first use.
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
from ..indexed import U8
from .tile import check_size, rgba

if TYPE_CHECKING:
    from ..kernel import Tile

_MANY_PIXELS: Final = 1 << 12  # what plain Python codes in some seconds


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

    def encode(self, indices: U8, palette: U8) -> bytes:
        """One tile, as `Coder` promises it."""
        return self._tile(indices.shape, palette, None).encode(memoryview(indices.tobytes()))

    def choose(self, wishes: Wishes, palette: U8) -> U8:
        """Indices for one tile, uint8 (rows, width): near to what is wanted, and coded in few bytes.

        Pixel by pixel, the one is taken with the least error + price x bits, by the chances that the coder would give
        it. Errors are passed on as R. W. Floyd and L. Steinberg have it ("An adaptive algorithm for spatial
        greyscale", Proc. SID 17, 1976). What is opaque, or clear, stays so.

        palette: uint8 (k, 3 or 4), k >= 2.
        """
        indices = np.empty(wishes.positions.shape, np.uint8)
        tile = self._tile(wishes.positions.shape, palette, None)
        tile.choose(_flat(indices), *(_flat(getattr(wishes, field.name)) for field in fields(wishes)))
        return indices

    def decode(self, data: bytes | memoryview, shape: tuple[int, int], palette: U8, *, partial: bool = False) -> U8:
        """The inverse of `encode`, as `Coder` promises it."""
        rows, width = shape
        check_size(rows, width, self.NAME)
        content = bytearray(rows * width)
        if not self._tile(shape, palette, bytes(data)).decode(memoryview(content)) and not partial:
            raise DamagedError("index stream: it does not end where the pixels do")
        return np.frombuffer(content, np.uint8).reshape(shape)

    def _tile(self, shape: tuple[int, int], palette: U8, data: bytes | None) -> Tile:
        """What codes a tile: data is the stream to decode, or None."""
        rows, width = shape
        _expect(rows * width)
        from ..kernel import Tile

        return Tile(self.profile, rgba(palette), bool((palette[:, 3:] == 255).all()), width, rows, data)


MIX: Final = Mix(1, "mix", 0)
MAX: Final = Mix(2, "max", 1)


def _flat(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).data


def _expect(pixels: int) -> None:
    if pixels > _MANY_PIXELS and not compiled():
        _warn_once()


@functools.cache
def _warn_once() -> None:
    warnings.warn(
        "kpal was installed without a C compiler: the coders mix and max, and rates, run as plain Python, about a "
        "millisecond a pixel. Install a compiler and then kpal again, or encode with the coder fast and no rate, some "
        "microseconds a pixel",
        RuntimeWarning,
        stacklevel=2,
    )
