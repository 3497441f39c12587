"""Agglomerative clustering: from a cluster for each point, the two whose union costs least are merged again and again.

For a few thousand points this takes a few milliseconds and leaves less error than growing clusters by splitting them.
One run gives a clustering for every number of clusters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import _loops

MOST_MERGED: Final = 1 << 13  # points; the time grows with their number to the power of 1.5
MOST_DIMENSIONS: Final = 4


class Hierarchy:
    """The unions of clusters, from one for each point to a single one.

    points: int64 (n, d), d <= MOST_DIMENSIONS, from 0 to STEPS.
    weights: int64 (n,), at least 1.
    fixed: int64 (m, d), centres of clusters that absorb points but do not move; no two of them merge.
    """

    def __init__(self, points: NDArray[np.int64], weights: NDArray[np.int64], fixed: NDArray[np.int64]) -> None:
        starts = np.vstack((fixed, points))
        starts = starts[:, np.argsort(-np.ptp(points, axis=0), kind="stable")]  # the widest axis separates most
        self._fixed = len(fixed)
        self._order = np.argsort(starts[:, 0], kind="stable")
        n = len(starts)
        weight = np.concatenate((np.full(len(fixed), _loops.FIXED), weights))[self._order]
        columns = np.zeros((5, n + 2 * _loops.MARGIN), np.float32)
        columns[: starts.shape[1], _loops.MARGIN : -_loops.MARGIN] = starts[self._order].T
        columns[4, _loops.MARGIN : -_loops.MARGIN] = weight
        sums = np.zeros((n, 4))
        sums[:, : starts.shape[1]] = starts[self._order] * weight[:, None]
        merges, costs = np.empty((n - 1, 2), np.int32), np.empty(n - 1)
        scratch = np.empty((6, columns.shape[1]), np.int32)
        done = _loops.merge(columns, weight, sums, merges, costs, scratch, np.empty(n))
        self._gone, self._into = self._order[merges[:done]].T
        self._inertias = np.add.accumulate(np.concatenate(((0.0,), costs[:done])))  # one by one, the same everywhere

    def labels(self, k: int) -> NDArray[np.intp]:
        """The cluster of each point among k, of which the fixed ones come first: intp (n,)."""
        n = len(self._order)
        into = np.arange(n)
        into[self._gone[: n - k]] = self._into[: n - k]
        while not np.array_equal(further := into[into], into):
            into = further
        left = into == np.arange(n)
        return (np.cumsum(left) - 1)[into[self._fixed :]]

    def inertia(self, k: int) -> float:
        """About the inertia of k clusters, the sum of what the unions added."""
        return float(self._inertias[len(self._order) - k])
