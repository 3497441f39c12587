"""Makes blue_noise.png, the thresholds with which dithering.py mixes two colours without a visible pattern.

    python -m kpal.quantizer.make_blue_noise

The void-and-cluster method (R. A. Ulichney, "The void-and-cluster method for dither array generation", Proc. SPIE 1913,
1993) ranks the cells of a square that repeats in both directions: each further cell goes into the largest void among
those before it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kpal_format import U8

from .dithering import BLUE_NOISE

_SIZE: Final = 64
_LEVELS: Final = 256
_SIGMA: Final = 1.5  # of the Gaussian that weighs distances, in cells, as in the paper
_UNIT: Final = 1 << 30  # weights are whole numbers, so that their sums are exact
_FIRST: Final = 10  # one cell in ten is in the first pattern


def thresholds(size: int = _SIZE) -> U8:
    """Thresholds, uint8 (size, size), of which each of the levels from 0 to 255 occurs equally often."""
    return (ranks(size) * _LEVELS // (size * size)).astype(np.uint8)


def ranks(size: int) -> NDArray[np.int64]:
    """The cells in the order of the void-and-cluster method, int64 (size, size), from 0."""
    spread = _spread(size)
    pattern = _evened(_random_pattern(size), spread)
    found = np.zeros(size * size, np.int64)
    first = int(pattern.sum())
    cells, crowd = pattern.copy(), _crowd(pattern, spread)
    for rank in reversed(range(first)):  # those of the first pattern, the most crowded last
        cell = _tightest(cells, crowd)
        cells[cell] = False
        crowd -= _around(cell, spread)
        found[cell] = rank
    cells, crowd = pattern.copy(), _crowd(pattern, spread)
    for rank in range(first, size * size):
        cell = _emptiest(cells, crowd)
        cells[cell] = True
        crowd += _around(cell, spread)
        found[cell] = rank
    return found.reshape(size, size)


def _random_pattern(size: int) -> NDArray[np.bool_]:
    """A tenth of the cells, by a generator of pseudo-random numbers that numpy cannot change."""
    state, keys = 1, np.zeros(size * size, np.int64)
    for cell in range(size * size):
        state = state * 48271 % 0x7FFFFFFF  # Park and Miller's
        keys[cell] = state
    return np.argsort(np.argsort(keys)) < size * size // _FIRST


def _evened(pattern: NDArray[np.bool_], spread: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The pattern, after its most crowded cells have moved into its largest voids until that changes nothing."""
    crowd = _crowd(pattern, spread)
    while True:
        source = _tightest(pattern, crowd)
        pattern[source] = False
        crowd -= _around(source, spread)
        target = _emptiest(pattern, crowd)
        pattern[target] = True
        crowd += _around(target, spread)
        if source == target:
            return pattern


def _spread(size: int) -> NDArray[np.int64]:
    """How much a cell at the origin crowds each cell of the square, whose edges meet."""
    distance = np.minimum(np.arange(size), size - np.arange(size))
    squared = distance[:, None] ** 2 + distance**2
    weights: NDArray[np.int64] = np.rint(_UNIT * np.exp(-squared / (2 * _SIGMA**2))).astype(np.int64)
    return weights


def _around(cell: int, spread: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.roll(spread, divmod(cell, len(spread)), (0, 1)).reshape(-1)


def _crowd(pattern: NDArray[np.bool_], spread: NDArray[np.int64]) -> NDArray[np.int64]:
    crowd = np.zeros(len(pattern), np.int64)
    for cell in np.flatnonzero(pattern):
        crowd += _around(int(cell), spread)
    return crowd


def _tightest(cells: NDArray[np.bool_], crowd: NDArray[np.int64]) -> int:
    return int(np.where(cells, crowd, -1).argmax())


def _emptiest(cells: NDArray[np.bool_], crowd: NDArray[np.int64]) -> int:
    return int(np.where(cells, np.iinfo(np.int64).max, crowd).argmin())


if __name__ == "__main__":
    Image.fromarray(thresholds()).save(BLUE_NOISE, optimize=True)
