"""Remapping with an eye to the size of the file: indices that repeat their neighbour's cost next to nothing.

A pixel takes the entry of its left neighbour, or of the one above, where that adds little to its error: little beside
the error that the palette makes anyway, and less where the picture is flat, as it would show there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from . import loops
from .nearest import four
from .weights import activity

_BUSIEST: Final = 4  # times the mean activity, beyond which no more is allowed
_MOST: Final = 1 << 28  # squared lattice steps


def remap(
    pixels: U8,
    positions: NDArray[np.int32],
    points: NDArray[np.int64],
    labels: NDArray[np.intp],
    centers: NDArray[np.int64],
    rate: float,
) -> U8:
    """Indices uint8 (h, w) that are coded in fewer bytes than those of the nearest entries.

    pixels: uint8 (h, w, 3 or 4); positions: int32 (h, w), where in `points` (n, d) the colour of each is.
    labels: intp (n,), the nearest of `centers` (k, d) to each point.
    rate: the error that a pixel of mean activity may gain, in times the mean error; 0 for none.
    """
    indices = labels.astype(np.uint8)[positions]
    errors = np.square(points - centers[labels]).sum(axis=1)
    total = int((errors * np.bincount(positions.reshape(-1), minlength=len(points))).sum())
    busy = activity(pixels)
    mean_busy = max(int(busy.sum(dtype=np.int64)), 1) / busy.size
    allowed = np.minimum(busy, _BUSIEST * mean_busy) * (rate * total / (positions.size * mean_busy))
    loops.follow(indices, positions, four(points), four(centers), np.minimum(allowed, _MOST).astype(np.int32))
    return indices
