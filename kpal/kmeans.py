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
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .nearest import nearest
from .space import SCALE, STEPS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_BITS: Final = STEPS.bit_length()  # of a coordinate: 11
_COARSE: Final = (6, 5)  # low bits of a coordinate that the coarse levels ignore: 32 and 64 cells a dimension
_INERTIA_BITS: Final = 62  # of an int64: 22 for a squared distance in one dimension, the rest for the total weight
_FAR: Final = 1 << 36  # lattice steps: beyond, the nearest centre depends on the direction alone, and products overflow
_SMALLEST_SPAN: Final = 1e-290  # of data: scales stay far from the limits of a double
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
        self._w = weights.astype(np.float64)
        self._wx = [self._w * column for column in x.T]

    def sums(self, labels: NDArray[np.intp], k: int) -> tuple[Ints, Ints]:
        """Per label: the weight (k,), and the weighted sum of coordinates (k, d). Exact: integers below 2**53."""
        weight = np.bincount(labels, self._w, k).astype(np.int64)
        return weight, np.column_stack([np.bincount(labels, wx, k).astype(np.int64) for wx in self._wx])

    def mean(self) -> Ints:
        return _means(*self.sums(np.zeros(len(self.x), np.intp), 1))

    def worst(self, errors: Floats, count: int) -> Ints:
        """The points that fit worst, given their squared distances."""
        return self.x[np.argsort(-(errors * self._w), kind="stable")[:count]]

    def inertia(self, errors: Floats) -> int:
        return int((errors.astype(np.int64) * self.weights).sum())


def _levels(finest: _Points, k: int) -> Iterator[_Points]:
    """From coarse to fine; a coarse level only if it has far fewer points than the finest, but many a cluster."""
    for shift in _COARSE:
        if len(finest.x) < 8 * k or finest.x.shape[1] * (_BITS - shift) > 63:
            continue
        _, cells = np.unique(_pack(finest.x >> shift, _BITS - shift), return_inverse=True)
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
        part_weights, part_sums = data.sums(2 * labels + side, 2 * k)
        means = _means(part_weights, part_sums)
        first, second = means[0::2], means[1::2]
        # Nearer to the second mean: |x - b|**2 < |x - a|**2, in integers.
        normal = second - first
        offset = (second * second - first * first).sum(axis=1)
        side = (2 * (data.x * normal[labels]).sum(axis=1) > offset[labels]).astype(np.intp)
    part_weights, part_sums = data.sums(2 * labels + side, 2 * k)
    means = _means(part_weights, part_sums)
    first, second = means[0::2], means[1::2]
    a, b = part_weights[0::2].astype(np.float64), part_weights[1::2].astype(np.float64)
    distance = np.square(first - second).sum(axis=1)
    return first, second, a * b / np.maximum(a + b, 1) * distance


def _beyond_mean(data: _Points, labels: NDArray[np.intp], means: Floats) -> NDArray[np.intp]:
    """1 for the points beyond their cluster's mean along its principal axis, else 0.

    Floats, but the same everywhere: element by element, never in a sum whose order is the library's choice.
    """
    d = data.x.shape[1]
    centered = [data.x[:, i] - means[labels, i] for i in range(d)]
    w = data.weights.astype(np.float64)
    covariance = [[np.bincount(labels, w * centered[i] * centered[j], len(means)) for j in range(d)] for i in range(d)]
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


class KMeans:
    """K-means clustering as scikit-learn's users know it, deterministic and on weighted, distinct points.

    n_clusters: how many clusters.
    max_iter: rounds of assignment and update at the most.
    tol: stop when a round lowers the inertia by no more than this fraction of it.

    After `fit`:

    cluster_centers_: float64 (n_clusters, d).
    labels_: intp (n,), the nearest centre of each row of X, ties to the lowest.
    inertia_: weighted sum of squared distances to it.
    n_iter_: rounds run.

    It is made for colours. Data are rounded to a lattice, which is what makes the result exact and repeatable, and
    labels and inertia are those of the rounded data: values from 0 to 255 in steps of 1/8 are taken as they are, others
    to between 1/1020 and 1/2040 of the range of all columns together. Where X has fewer distinct rows than
    `n_clusters`, the last centres repeat.

    >>> import numpy as np
    >>> model = KMeans(2).fit(np.array([[0, 0], [0, 2], [100, 100], [100, 104]]))
    >>> model.cluster_centers_
    array([[  0.,   1.],
           [100., 102.]])
    >>> model.predict(np.array([[90, 90]]))
    array([1])
    """

    cluster_centers_: Floats
    labels_: NDArray[np.intp]
    inertia_: float
    n_iter_: int

    def __init__(self, n_clusters: int = 8, *, max_iter: int = 300, tol: float = 1e-4) -> None:
        for name, value in (("n_clusters", n_clusters), ("max_iter", max_iter)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                raise TypeError(f"{name} must be an int, not {value!r}")
        if n_clusters < 1 or max_iter < 1 or not tol >= 0:
            raise ValueError("n_clusters and max_iter must be at least 1, tol at least 0")
        self.n_clusters = n_clusters
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> KMeans:
        """Cluster the rows of X (n, d); `sample_weight` (n,) says how much each counts, 1 by default.

        Raises ValueError for data or weights that are not finite numbers of that shape.
        """
        data = _as_rows(X)
        weights, unit = _as_weights(sample_weight, *data.shape)
        data, weights = data[weights > 0], weights[weights > 0]
        self._offset, self._scale = _lattice(data)
        points, inverse = distinct(self._to_points(data).astype(np.int64))
        counts = np.bincount(inverse, weights.astype(np.float64)).astype(np.int64)
        if len(points) <= self.n_clusters:
            repeats = np.minimum(np.arange(self.n_clusters), len(points) - 1)
            result = Clustering(points[repeats], 0, 0)
        else:
            result = cluster(points, counts, self.n_clusters, tol=self.tol, max_iter=self.max_iter)
        self._centers = result.centers
        self.cluster_centers_ = self._offset + result.centers / self._scale
        self.labels_ = self.predict(X)
        self.inertia_ = result.inertia * unit / self._scale**2
        self.n_iter_ = result.n_iter
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """The index of the nearest centre for each row of X (n, d)."""
        if not hasattr(self, "_centers"):
            raise ValueError("this KMeans is not fitted yet; call fit first")
        data = _as_rows(X)
        if data.shape[1] != self._centers.shape[1]:
            raise ValueError(f"X has {data.shape[1]} columns, the model was fitted with {self._centers.shape[1]}")
        return nearest(self._to_points(data), self._centers)[0]

    def _to_points(self, data: NDArray[Any]) -> Floats:
        return np.clip(np.rint((data - self._offset) * self._scale), -_FAR, _FAR)


def _as_rows(X: ArrayLike) -> NDArray[Any]:
    data = np.asarray(X)
    if data.ndim != 2 or 0 in data.shape or data.dtype.kind not in "buif":
        raise ValueError(f"X must be numbers of shape (n, d), neither of them 0, not {data.dtype} of {data.shape}")
    with np.errstate(over="ignore"):  # what is too large for a double becomes infinite
        data = data.astype(np.float64)
    if not np.isfinite(data).all():
        raise ValueError("X must be finite")
    return data


def _as_weights(sample_weight: ArrayLike | None, n: int, d: int) -> tuple[Ints, float]:
    """Weights as whole numbers of a unit, and the unit: a power of two; 1 where they are such numbers already."""
    bits = _INERTIA_BITS - 2 * _BITS - (d - 1).bit_length()
    weights = np.ones(n) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if weights.shape != (n,) or not np.isfinite(weights).all() or (weights < 0).any() or not (weights > 0).any():
        raise ValueError(f"sample_weight must be {n} finite numbers of 0 or more, not all of them 0")
    largest = int(np.frexp(weights.max())[1])
    scaled = np.ldexp(weights, -largest)  # up to 1, so that the total is finite
    unit = int(np.frexp(scaled.sum())[1]) - bits + largest
    if unit <= 0 and (weights == np.rint(weights)).all():
        return weights.astype(np.int64), 1.0
    return np.rint(np.ldexp(weights, -unit)).astype(np.int64), float(np.ldexp(1.0, unit))


def _lattice(data: Floats) -> tuple[float, float]:
    """Offset and scale that put the data on the lattice."""
    low, high = float(data.min()), float(data.max())
    if low >= 0 and high <= STEPS / SCALE and (data * SCALE == np.rint(data * SCALE)).all():
        return 0.0, float(SCALE)
    if low == high:
        return low, 1.0
    span = high - low
    if not _SMALLEST_SPAN < span < 1 / _SMALLEST_SPAN:
        raise ValueError(f"X spans {span}; from {_SMALLEST_SPAN} to {1 / _SMALLEST_SPAN} are possible")
    return low, 2.0 ** (np.frexp(STEPS / span)[1] - 1)


def distinct(points: Ints) -> tuple[Ints, NDArray[np.intp]]:
    """The distinct of lattice `points` (n, d), and for each point which of them it is."""
    if points.shape[1] * _BITS <= 63:  # sorting numbers is an order of magnitude faster than sorting rows
        _, first, inverse = np.unique(_pack(points, _BITS), return_index=True, return_inverse=True)
        return points[first], inverse
    rows, inverse = np.unique(points, axis=0, return_inverse=True)
    return rows, inverse.reshape(-1)
