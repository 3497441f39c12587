"""Nearest centre by exact arithmetic.

The nearest of some centres c to a point x is where |c|**2 / 2 - x.c is least: one matrix product for many points.
Matrix libraries add up in an order of their own, and rounding would make their results differ between machines. Here
there is nothing to round. With integer coordinates from 0 to 2040 in at most four dimensions, every partial sum of x.c
is an integer below 2**24, and one that has |c|**2 / 2 in it is a multiple of 1/2 of less than 2**23: single precision
holds both exactly, in whatever order they are added. More dimensions, or points from elsewhere, take double precision.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .space import STEPS

# Multiplications in a block of points. Results stay in the cache, and OpenBLAS hands larger products to threads, which
# gains nothing at this size and, on a busy machine, loses a hundredfold by waiting for them.
_BLOCK: Final = 1 << 18


def nearest(points: NDArray[Any], centers: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The nearest of `centers` (k, d) to each of `points` (n, d).

    Returns its index, the lowest in a tie, and the squared distance to it.
    """
    n, d = points.shape
    exact_in_single = d <= 4 and n > 0 and points.min() >= 0 and points.max() <= STEPS
    dtype = np.float32 if exact_in_single else np.float64
    augmented = np.ones((n, d + 1), dtype)
    augmented[:, :d] = points
    weights = np.empty((d + 1, len(centers)), dtype)
    weights[:d] = -centers.T
    weights[d] = (centers * centers).sum(axis=1) / 2
    labels = np.empty(n, np.intp)
    scores = np.empty(n, dtype)
    step = max(1, _BLOCK // weights.size)
    products = np.empty((min(n, step), len(centers)), dtype)
    rows = np.arange(len(products)) * len(centers)
    for start in range(0, n, step):
        block = slice(start, min(start + step, n))
        size = block.stop - start
        np.dot(augmented[block], weights, out=products[:size]).argmin(axis=1, out=labels[block])
        np.take(products, rows[:size] + labels[block], out=scores[block], mode="clip")  # clip: "raise" would copy `out`
    squares = np.square(points, dtype=np.float64).sum(axis=1)
    return labels, squares + 2 * scores.astype(np.float64)
