"""The coders `mix` and `max` (KPAL.md, section 5.2): context mixing over what a palette tells, in two sizes.

The work is done by `kernel.py`, compiled or, some hundred times slower, as plain Python; it is loaded on first use.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..errors import DamagedError
from ..indexed import U8

_MANY_PIXELS: Final = 1 << 12  # what plain Python codes in some seconds
_MOST_CELLS: Final = 1 << 27  # with margins; so that every position fits an int
_MOST_COLUMNS: Final = 1 << 22  # each of which takes some 32 bytes


def compiled() -> bool:
    """Whether the inner loop is compiled, found out without loading it."""
    spec = importlib.util.find_spec("kpal_format.kernel")
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")


@dataclass(frozen=True)
class Mix:
    """One of the two profiles of the model: 0, the practical one, or 1, with more contexts."""

    ID: int
    NAME: str
    profile: int

    def encode(self, indices: U8, palette: U8) -> bytes:
        """One tile, as `Coder` promises it."""
        rows, width = indices.shape
        _expect(rows * width)
        from ..kernel import Tile

        tile = Tile(self.profile, _rgba(palette), bool((palette[:, 3:] == 255).all()), width, rows, None)
        return tile.encode(memoryview(indices.tobytes()))

    def decode(self, data: bytes | memoryview, shape: tuple[int, int], palette: U8, *, partial: bool = False) -> U8:
        """The inverse of `encode`, as `Coder` promises it."""
        rows, width = shape
        if width > _MOST_COLUMNS or (rows + 3) * (width + 16) > _MOST_CELLS:
            raise DamagedError(
                f"index stream: a tile of {width} x {rows} pixels is too large for the coder {self.NAME}"
            )
        _expect(rows * width)
        from ..kernel import Tile

        content = bytearray(rows * width)
        tile = Tile(self.profile, _rgba(palette), bool((palette[:, 3:] == 255).all()), width, rows, bytes(data))
        if not tile.decode(memoryview(content)) and not partial:
            raise DamagedError("index stream: it does not end where the pixels do")
        return np.frombuffer(content, np.uint8).reshape(shape)


MIX: Final = Mix(1, "mix", 0)
MAX: Final = Mix(2, "max", 1)


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
        "kpal was installed without a C compiler: the coders mix and max run as plain Python, about a millisecond a "
        "pixel. Install a compiler and then kpal again, or encode with the coder zstd",
        RuntimeWarning,
        stacklevel=2,
    )
