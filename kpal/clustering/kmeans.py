"""`KMeans`: the clustering of lattice.py for arbitrary data, with the interface of scikit-learn's KMeans.

Data and weights are scaled to the integers that lattice.py works on, and the result is scaled back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kpal_format.indexed import describe

from ..color.spaces import SCALE, STEPS
from .lattice import BITS, DEFAULT, Floats, Ints, cluster, distinct
from .nearest import nearest

_INERTIA_BITS: Final = 62  # in an int64: 22 for a squared distance in one dimension, the rest for the total weight
_FAR: Final = 1 << 36  # lattice steps; coordinates are clipped here, before their products overflow
_SMALLEST_SPAN: Final = 1e-290  # spans of data are limited so that scales stay far from the limits of a double


class KMeans:
    """Deterministic k-means clustering of weighted points, with the interface of scikit-learn's KMeans.

    n_clusters: the number of clusters.
    max_iter: the maximum number of rounds of assignment and update.
    tol: stop when a round lowers the inertia by no more than this fraction.

    After `fit`:

    cluster_centers_: float64 (n_clusters, d).
    labels_: intp (n,), the nearest centre of each row of X, the lowest index in a tie.
    inertia_: weighted sum of squared distances of the rows to their centres.
    n_iter_: rounds run.

    The class is made for colours. Data are rounded to a lattice, which makes the result exact and repeatable; labels
    and inertia refer to the rounded data. Values from 0 to 255 in steps of 1/8 stay as they are. Other data are rounded
    to between 1/1020 and 1/2040 of the range of all columns together. If X has fewer distinct rows than `n_clusters`,
    the last centres are equal.

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
                raise TypeError(f"{name} must be an int, not {describe(value)}")
        if isinstance(tol, bool) or not isinstance(tol, (int, float, np.number)):
            raise TypeError(f"tol must be a number, not {describe(tol)}")
        if n_clusters < 1 or max_iter < 1 or not tol >= 0:
            raise ValueError("n_clusters and max_iter must be at least 1, tol at least 0")
        self.n_clusters = n_clusters
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> KMeans:
        """Cluster the rows of X (n, d), weighted by `sample_weight` (n,), by default 1.

        Raises ValueError for data or weights of another shape, or that are not finite numbers.
        """
        rows = _as_rows(X)
        weights, unit = _as_weights(sample_weight, *rows.shape)
        data, weights = rows[weights > 0], weights[weights > 0]
        self._offset, self._scale = _lattice(data)
        points, inverse = distinct(self._to_points(data).astype(np.int64))
        counts = np.bincount(inverse, weights.astype(np.float64)).astype(np.int64)
        if len(points) <= self.n_clusters:
            repeats = np.minimum(np.arange(self.n_clusters), len(points) - 1)
            self._centers, inertia, self.n_iter_ = points[repeats], 0, 0
            labels = np.arange(len(points))
        else:
            effort = replace(DEFAULT, rounds=(self.max_iter, self.max_iter), tol=self.tol)
            result = cluster(points, counts, self.n_clusters, effort=effort)
            self._centers, inertia, self.n_iter_ = result.centers, result.inertia, result.n_iter
            labels = result.labels
        self.cluster_centers_ = self._offset + self._centers / self._scale
        self.labels_ = (
            labels[inverse] if len(data) == len(rows) else self.predict(rows)
        )  # rows of weight 0 also get labels
        self.inertia_ = inertia * unit / self._scale**2
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
    with np.errstate(over="ignore"):  # values too large for a double become infinite
        data = data.astype(np.float64)
    if not np.isfinite(data).all():
        raise ValueError("X must be finite")
    return data


def _as_weights(sample_weight: ArrayLike | None, n: int, d: int) -> tuple[Ints, float]:
    """Weights as integer multiples of a unit, and the unit, a power of two; 1 if the weights are small integers."""
    bits = _INERTIA_BITS - 2 * BITS - (d - 1).bit_length()
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
