"""Nearest-centre search in exact arithmetic.

The centre c nearest to a point x minimises |c|**2 / 2 - x.c, which one matrix product computes for many points. Matrix
libraries choose their own order of summation, and rounding would make results differ between machines, but here nothing
is rounded. With integer coordinates from 0 to 2040 in at most four dimensions, every partial sum of x.c is an integer
below 2**24, and every partial sum that includes |c|**2 / 2 is a multiple of 1/2 below 2**23: single precision holds
both exactly. More dimensions, or points outside of that range, take double precision.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import pulse

from ..color.spaces import STEPS
from . import _loops

# Multiplications in one matrix product. Results stay in the cache. OpenBLAS would compute larger products in threads,
# which gains nothing here, and waiting for threads on a busy machine can take a hundred times as long.
BLOCK: Final = 1 << 18


class Points:
    """Points (n, d) prepared for many searches.

    With compiled loops, each search starts from the labels of the previous one.
    """

    def __init__(self, points: NDArray[Any]) -> None:
        n, d = points.shape
        exact_in_single = d <= 4 and n > 0 and points.min() >= 0 and points.max() <= STEPS
        self._augmented = np.ones((n, d + 1), np.float32 if exact_in_single else np.float64)
        self._augmented[:, :d] = points
        self._loop = _Loop(points) if exact_in_single and _loops.COMPILED else None

    def guess(self, labels: NDArray[np.intp]) -> None:
        """Set the labels from which the next search starts; they affect its speed, not its result."""
        if self._loop is not None:
            self._loop.labels = labels

    def nearest(self, centers: NDArray[np.int64]) -> NDArray[np.intp]:
        """For each point, the index of the nearest of `centers` (k, d), the lowest in a tie."""
        pulse()
        if self._loop is not None and self._loop.labels is not None:
            return self._loop.nearest(centers)
        n, weights = len(self._augmented), _weights(centers, self._augmented.dtype)
        labels = np.empty(n, np.intp)
        step = max(1, BLOCK // weights.size)
        products = np.empty((min(n, step), len(centers)), weights.dtype)
        for start in range(0, n, step):
            pulse()
            block = self._augmented[start : start + step]
            product(block, weights, products[: len(block)]).argmin(axis=1, out=labels[start : start + step])
        if self._loop is not None:
            self._loop.labels = labels
        return labels

    def lloyd(
        self, weights: NDArray[np.int64], centers: NDArray[np.int64], fixed: int, rounds: int, tol: float, energy: int
    ) -> tuple[NDArray[np.int64], NDArray[np.intp], int, int] | None:
        """Lloyd's algorithm as lattice.py has it: centres, labels, inertia, rounds. None without compiled loops."""
        return None if self._loop is None else self._loop.lloyd(weights, centers, fixed, rounds, tol, energy)

    def totals(self, labels: NDArray[np.intp], weights: NDArray[np.int64], k: int) -> NDArray[np.int64] | None:
        """For each of k labels, the sums of w and of w x: int64 (k, 1 + d). None if the loops are not compiled."""
        if self._loop is None:
            return None
        totals = np.zeros((k, 5), np.int64)
        _loops.add_up(self._loop.points, weights, labels, totals)
        return totals[:, : self._augmented.shape[1]]


def nearest_other(centers: NDArray[np.int64]) -> NDArray[np.intp]:
    """For each of two or more centres (k, d), the index of the nearest other centre, the lowest in a tie."""
    points = Points(centers)._augmented
    products = product(points, _weights(centers, points.dtype))
    products.reshape(-1)[:: len(centers) + 1] = np.inf
    partner: NDArray[np.intp] = products.argmin(axis=1)
    return partner


def _weights(centers: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The matrix (d + 1, k) for `centers` (k, d) by which points, extended by a one, are multiplied."""
    weights = np.empty((centers.shape[1] + 1, len(centers)), dtype)
    weights[:-1] = -centers.T
    weights[-1] = (centers * centers).sum(axis=1) / 2
    return weights


class _Loop:
    """The compiled search."""

    def __init__(self, points: NDArray[Any]) -> None:
        self.points = four(points)
        self.labels: NDArray[np.intp] | None = None

    def nearest(self, centers: NDArray[np.int64]) -> NDArray[np.intp]:
        assert self.labels is not None
        k = len(centers)
        labels = np.minimum(self.labels, k - 1)
        _loops.reassign(self.points, four(centers), labels, *_scratch(k))
        self.labels = labels
        return labels

    def lloyd(
        self, weights: NDArray[np.int64], centers: NDArray[np.int64], fixed: int, rounds: int, tol: float, energy: int
    ) -> tuple[NDArray[np.int64], NDArray[np.intp], int, int]:
        n, (k, d) = len(self.points), centers.shape
        three, labels = np.empty((3, k, 4), np.int32), np.zeros((2, n), np.intp)
        three[0] = four(centers)
        if self.labels is not None:
            np.minimum(self.labels, k - 1, out=labels[0])
        totals = np.empty((k, 5), np.int64)
        inertia, done = _loops.lloyd(
            *(self.points, weights, three, labels, fixed, rounds, tol, energy),
            *(*_scratch(k), totals, np.empty(n)),
        )
        self.labels = labels[1]
        return three[0, :, :d].astype(np.int64), labels[1], inertia, done


def _scratch(k: int) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.float32]]:
    """The arrays that the compiled loops work in, for k centres."""
    return np.arange(k), np.empty(k, np.int32), np.empty((4, k + 2 * _loops.MARGIN), np.float32)


def four(points: NDArray[Any]) -> NDArray[np.int32]:
    """Points padded with zeros to four dimensions, as the compiled loops take them."""
    four = np.zeros((len(points), 4), np.int32)
    four[:, : points.shape[1]] = points
    return four


def neighbours(centers: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """For each of k centres, all centres by distance, itself first, and their squared distances: (k, k) each."""
    apart = np.square(centers[:, None] - centers).sum(axis=2)
    np.fill_diagonal(apart, -1)  # sorts each centre before its duplicates
    near = np.argsort(apart, axis=1, kind="stable")
    return near, np.take_along_axis(apart, near, axis=1)


def product(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The product of two matrices whose sums are exact in any order.

    Kernels for wide registers also compute on memory beside the operands and discard the result, but numpy from 2.3 on
    reports the floating-point exceptions that this raises: ignore them.
    """
    with np.errstate(all="ignore"):
        return np.dot(a, b, out=out)


def nearest(points: NDArray[Any], centers: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find the nearest of `centers` (k, d) for each of `points` (n, d).

    Returns the index of the nearest centre, the lowest in a tie, and the squared distance to it.
    """
    labels = Points(points).nearest(centers)
    return labels, np.square(points - centers[labels], dtype=np.float64).sum(axis=1)
