"""K-means on weighted points, the same to the last bit on every machine.

Points and centres live on an integer lattice (space.py), where distances are exact whatever adds them up
(nearest.py); weighted sums are integers that double precision holds exactly; a mean is rounded to the lattice by
integer division. Nothing depends on the order of summation, on threads or on the matrix library, and nothing is
random.

The start is grown: from the mean of all points, the clusters whose division gains most are divided, half as many
again at a time. It runs on coarse cells of the lattice first, where there are few points, and each finer level
continues from the result of the coarser one (Lloyd's algorithm: S. P. Lloyd, "Least squares quantization in
PCM", IEEE Trans. Inf. Theory 28, 1982).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .nearest import nearest
from .space import STEPS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BITS: Final = STEPS.bit_length()  # of a coordinate: 11
_COARSE: Final = (6, 5)  # low bits of a coordinate that the coarse levels ignore: 32 and 64 cells a dimension
_POWER_ROUNDS: Final = 6  # a rough principal axis will do, as two rounds of 2-means follow


@dataclass(frozen=True)
class Clustering:
    """What `cluster` finds.

    centers: int64 (k, d), on the lattice.
    inertia: weighted sum of the squared distances, in lattice steps, of points to their centres.
    n_iter: rounds run on the finest level.
    """

    centers: Ints
    inertia: int
    n_iter: int


def cluster(points: Ints, weights: Ints, k: int, *, tol: float, max_iter: int) -> Clustering:
    """The k-means of distinct lattice points.

    points: int64 (n, d), n > k, from 0 to STEPS.
    weights: int64 (n,), at least 1.
    tol: stop when a round lowers the inertia by no more than this fraction.
    max_iter: rounds on each level at the most.
    """
    result = None
    for level in _levels(_Points(points, weights), k):
        centers = _grow(level, level.mean() if result is None else result.centers, k)
        result = _lloyd(level, centers, tol, max_iter)
    assert result is not None  # there is always the finest level
    return result


class _Points:
    """Weighted lattice points, with the products that every round needs."""

    def __init__(self, x: Ints, weights: Ints) -> None:
        self.x = x
        self.weights = weights
        self.w = weights.astype(np.float64)
        self.wx = [self.w * column for column in x.T]

    def sums(self, labels: NDArray[np.intp], k: int) -> tuple[Ints, Ints]:
        """Per label: the weight (k,), and the weighted sum of coordinates (k, d). Exact: integers below 2**53."""
        weight = np.bincount(labels, self.w, k).astype(np.int64)
        return weight, np.column_stack([np.bincount(labels, wx, k).astype(np.int64) for wx in self.wx])

    def parts(self, labels: NDArray[np.intp], side: NDArray[np.intp], k: int) -> tuple[Ints, Ints, Ints]:
        """Of clusters divided by `side`: the weights of both parts in turn (2 k,), the means (k, d) of either."""
        weight, sums = self.sums(2 * labels + side, 2 * k)
        means = _means(weight, sums)
        return weight, means[0::2], means[1::2]

    def mean(self) -> Ints:
        return _means(*self.sums(np.zeros(len(self.x), np.intp), 1))

    def worst(self, errors: Floats, count: int) -> Ints:
        """The points that fit worst, given their squared distances."""
        return self.x[np.argsort(-(errors * self.w), kind="stable")[:count]]

    def inertia(self, errors: Floats) -> int:
        return int((errors.astype(np.int64) * self.weights).sum())


def _levels(finest: _Points, k: int) -> Iterator[_Points]:
    """From coarse to fine; a coarse level only if it has far fewer points than the finest, but many a cluster."""
    for shift in _COARSE:
        if len(finest.x) < 8 * k or finest.x.shape[1] * (BITS - shift) > 63:
            continue
        _, cells = np.unique(_pack(finest.x >> shift, BITS - shift), return_inverse=True)
        count = int(cells.max()) + 1
        if 4 * k <= count <= len(finest.x) // 2:
            weights, sums = finest.sums(cells, count)
            yield _Points(_means(weights, sums), weights)
    yield finest


def _lloyd(data: _Points, centers: Ints, tol: float, max_iter: int) -> Clustering:
    """Assign and update until a round gains no more than `tol`; the best centres met.

    Empty clusters are given to the points that fit worst.
    """
    best: Clustering | None = None
    for rounds in range(1, max_iter + 1):
        labels, errors = nearest(data.x, centers)
        inertia = data.inertia(errors)
        gain = None if best is None else best.inertia - inertia
        if best is None or inertia < best.inertia:
            best = Clustering(centers, inertia, rounds)
        if gain is not None and gain <= tol * best.inertia:
            break
        weights, sums = data.sums(labels, len(centers))
        centers = _means(weights, sums)
        if len(empty := np.flatnonzero(weights == 0)):
            centers[empty] = data.worst(errors, len(empty))
    assert best is not None  # max_iter is at least 1
    return replace(best, n_iter=rounds)


def _grow(data: _Points, centers: Ints, k: int) -> Ints:
    """More centres, up to k of them, by dividing the clusters that gain most by it."""
    while len(centers) < k:
        labels, errors = nearest(data.x, centers)
        first, second, gain = _divide(data, labels, len(centers))
        wanted = min(k - len(centers), max(1, len(centers) // 2))
        chosen = np.argsort(-gain, kind="stable")[:wanted]
        chosen = chosen[gain[chosen] > 0]
        if len(chosen):
            centers = centers.copy()
            centers[chosen] = first[chosen]
            centers = np.vstack((centers, second[chosen]))
        else:  # clusters so small that the parts' means fall on one point of the lattice
            centers = np.vstack((centers, data.worst(errors, wanted)))
        labels, _ = nearest(data.x, centers)
        weights, sums = data.sums(labels, len(centers))
        centers = np.where(weights[:, None] > 0, _means(weights, sums), centers)
    return centers


def _divide(data: _Points, labels: NDArray[np.intp], k: int) -> tuple[Ints, Ints, Floats]:
    """Each cluster in two: the means of its parts, and by how much that lowers the inertia."""
    weights, sums = data.sums(labels, k)
    side = _beyond_mean(data, labels, sums / np.maximum(weights, 1)[:, None])
    for _ in range(2):
        _, first, second = data.parts(labels, side, k)
        # Nearer to the second mean: |x - b|**2 < |x - a|**2, in integers.
        normal = second - first
        offset = (second * second - first * first).sum(axis=1)
        side = (2 * (data.x * normal[labels]).sum(axis=1) > offset[labels]).astype(np.intp)
    weights, first, second = data.parts(labels, side, k)
    a, b = weights[0::2].astype(np.float64), weights[1::2].astype(np.float64)
    distance = np.square(first - second).sum(axis=1)
    return first, second, a * b / np.maximum(a + b, 1) * distance


def _beyond_mean(data: _Points, labels: NDArray[np.intp], means: Floats) -> NDArray[np.intp]:
    """1 for the points beyond their cluster's mean along its principal axis, else 0.

    Floats, but the same everywhere: element by element, never in a sum whose order is the library's choice.
    """
    d = data.x.shape[1]
    centered = [data.x[:, i] - means[labels, i] for i in range(d)]
    covariance = [
        [np.bincount(labels, data.w * centered[i] * centered[j], len(means)) for j in range(d)] for i in range(d)
    ]
    widest = np.argmax([covariance[i][i] for i in range(d)], axis=0)
    axis = [(widest == i).astype(np.float64) for i in range(d)]
    for _ in range(_POWER_ROUNDS):
        axis = [_sum([covariance[i][j] * axis[j] for j in range(d)]) for i in range(d)]
        longest = np.maximum.reduce([np.abs(a) for a in axis])
        axis = [a / np.where(longest > 0, longest, 1.0) for a in axis]
    return (_sum([centered[i] * axis[i][labels] for i in range(d)]) > 0).astype(np.intp)


def _sum(terms: list[Floats]) -> Floats:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _means(weights: Ints, sums: Ints) -> Ints:
    """Weighted means, rounded to the lattice; anything for a weight of zero."""
    divisor = np.maximum(weights, 1)[:, None]
    means: Ints = (2 * sums + divisor) // (2 * divisor)
    return means


def _pack(x: Ints, bits: int) -> Ints:
    """Coordinates of `bits` bits side by side in one number a point."""
    keys = np.zeros(len(x), np.int64)
    for column in x.T:
        keys = keys << bits | column
    return keys


def distinct(points: Ints) -> tuple[Ints, NDArray[np.intp]]:
    """The distinct of lattice `points` (n, d), and for each point which of them it is."""
    if points.shape[1] * BITS <= 63:  # sorting numbers is an order of magnitude faster than sorting rows
        _, first, inverse = np.unique(_pack(points, BITS), return_index=True, return_inverse=True)
        return points[first], inverse
    rows, inverse = np.unique(points, axis=0, return_inverse=True)
    return rows, inverse.reshape(-1)
