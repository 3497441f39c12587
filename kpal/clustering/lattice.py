"""K-means on weighted points, identical to the last bit on every machine.

Points and centres lie on an integer lattice (color/spaces.py). Distances are exact in any order of summation
(nearest.py), weighted sums are integers that double precision holds exactly, and means are rounded to the lattice by
integer division. The result does not depend on threads or the matrix library, and nothing is random.

The algorithm works from coarse to fine: first on cells of the lattice, which are few, then on the points themselves.

- Initialisation *grows* the centres: starting from the mean of all points, it splits the clusters that gain most by
  splitting, and adds half as many centres at a time.
- Rounds of Lloyd's algorithm (S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982) are
  over-relaxed while this helps: each centre moves beyond the mean of its cluster.
- *Breathing* escapes local optima (B. Fritzke, "The breathing k-means algorithm", arXiv:2006.15666): split some
  clusters, remove the centres that contribute least, and keep the result if it is better.
- Up to MOST_MERGED points do not need this: merging.py finds better centres sooner, by merging the points themselves.
  Breathing then pays only if there are many points for each centre, with few centres at a time.
- *Swapping* also helps with few centres, whose local optima differ most: split one cluster and remove one centre,
  trying the most promising pairs in turn.

The first centres may be fixed: points are assigned to them, but they neither move nor disappear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..color.spaces import STEPS, summed
from .merging import MOST_DIMENSIONS, MOST_MERGED, Hierarchy
from .nearest import Points, nearest_other

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

BITS: Final = STEPS.bit_length()  # a coordinate takes 11 bits
_ROUNDS_MORE: Final = 1  # rounds of Lloyd's algorithm with the added centres of a breath
_LEAST_BREATH: Final = 32  # breathing ends at 1/32 of the centres: smaller breaths take a third of the time for 0.1 %
_REMOVALS: Final = 3  # a breath removes centres in 3 batches with a round after each, as removal costs change
# A swap must pay off within this many rounds of Lloyd's algorithm. Three rounds show most gains, but a few large
# clusters move slowly, so the limit rises as the number of centres falls.
_ROUNDS_SWAPPED: Final = 3
_ROUNDS_SWAPPED_TOTAL: Final = 48  # rounds times centres
_MOST_CELLS: Final = 1 << 20
_POINTS_BREATHING: Final = 16  # for each centre: breathing gains little with fewer points
_BREATH_MERGED: Final = 0.25  # the part of the first breath that is enough for centres found by merging
_POWER_ROUNDS: Final = 6  # a rough principal axis is enough, because rounds of 2-means follow
_HALVING_ROUNDS: Final = 1


@dataclass(frozen=True)
class Effort:
    """How much time to spend.

    cells: the minimum number of cells on the coarse level, per centre and in total.
    starts: tuples of (up to how many centres the tuple applies, how often to grow and breathe, pairs to try in a swap);
        for more centres, 1 and 0.
    breath: the fraction of the centres that the first breath splits.
    rounds: the maximum rounds of Lloyd's algorithm, on the coarse level and on the finest.
    tol: rounds end when one lowers the inertia by no more than this fraction.
    """

    cells: tuple[int, int]
    starts: tuple[tuple[int, int, int], ...]
    breath: float
    rounds: tuple[int, int]
    tol: float


DEFAULT: Final = Effort(cells=(24, 4000), starts=((32, 2, 16), (64, 1, 32)), breath=0.25, rounds=(8, 10), tol=5e-5)
ONCE: Final = replace(DEFAULT, starts=())
QUICK: Final = replace(ONCE, breath=0.0)
FAST: Final = Effort(cells=(12, 1000), starts=(), breath=0.0, rounds=(5, 2), tol=1e-3)


@dataclass(frozen=True)
class Clustering:
    """The result of `cluster`.

    centers: int64 (k, d), on the lattice.
    labels: intp (n,), the nearest centre of each point, the lowest index in a tie.
    inertia: weighted sum of the squared distances of points to their centres, in lattice steps.
    n_iter: rounds run on the finest level, including a last one without gain.
    """

    centers: Ints
    labels: Labels
    inertia: int
    n_iter: int


def cluster(
    points: Ints,
    weights: Ints,
    k: int,
    *,
    fixed: Ints | None = None,
    effort: Effort = DEFAULT,
) -> Clustering:
    """Cluster distinct lattice points by k-means.

    points: int64 (n, d), n > k, from 0 to STEPS.
    weights: int64 (n,), at least 1.
    fixed: int64 (m, d), m <= k, centres that do not move; they come first in the result.
    effort: how much time to spend.
    """
    return Clusterer(points, weights).cluster(k, fixed=fixed, effort=effort)


class Clusterer:
    """Clusters the same points several times; the parameters are those of `cluster`."""

    def __init__(self, points: Ints, weights: Ints) -> None:
        self._finest = _Level(points, weights)
        self._hierarchies: dict[bytes, Hierarchy] = {}

    @property
    def merges(self) -> bool:
        """Whether the points are few enough for `merged`."""
        return len(self._finest.x) <= MOST_MERGED and self._finest.x.shape[1] <= MOST_DIMENSIONS

    def cluster(self, k: int, *, fixed: Ints | None = None, effort: Effort = DEFAULT) -> Clustering:
        finest, start = self._finest, self._start(fixed)
        finest.fixed = len(start)
        level, cells = finest, None
        if not self.merges:
            level, cells = _coarse(finest, max(effort.cells[0] * k, effort.cells[1]))
        rounds = effort.rounds[0 if cells is not None else 1]
        results = []
        starts, swaps = next((start[1:] for start in effort.starts if k <= start[0]), (1, 0))
        for attempt in range(starts):
            if self.merges and attempt == 0:
                centers, breath = self._merged_centers(k, start), effort.breath * _BREATH_MERGED
            else:
                centers, breath = _grow(level, start, k, 1 / (attempt + 2)), effort.breath
            result = _lloyd(level, centers, rounds, effort.tol)
            if breath and len(level.x) >= _POINTS_BREATHING * k:
                result = _breathe(level, result, math.ceil(breath * k))
            results.append(_swap(level, result, swaps, effort.tol))
        result = min(results, key=lambda result: result.inertia)
        if self.merges:
            return result
        if cells is not None:
            finest.search.guess(result.labels[cells])
        return _lloyd(finest, result.centers, effort.rounds[1], effort.tol)

    def merged(self, fixed: Ints | None = None) -> Hierarchy:
        """The points merged step by step, from which `cluster` starts, whatever k."""
        start = self._start(fixed)
        key = start.tobytes()
        if key not in self._hierarchies:
            self._hierarchies[key] = Hierarchy(self._finest.x, self._finest.weights, start)
        return self._hierarchies[key]

    def _start(self, fixed: Ints | None) -> Ints:
        return np.empty((0, self._finest.x.shape[1]), np.int64) if fixed is None else fixed

    def _merged_centers(self, k: int, start: Ints) -> Ints:
        data, labels = self._finest, self.merged(start).labels(k)
        data.search.guess(labels)
        centers = np.zeros((k, start.shape[1]), np.int64)
        centers[: len(start)] = start
        return data.means(centers, *data.sums(labels, k))


class _Level:
    """Weighted lattice points with the products that every round needs; the first `fixed` centres do not move."""

    def __init__(self, x: Ints, weights: Ints, fixed: int = 0) -> None:
        self.x = x
        self.weights = np.ascontiguousarray(weights)
        self.fixed = fixed
        self.columns = [column.astype(np.float64) for column in x.T]
        self.w = weights.astype(np.float64)
        self.wx = [self.w * column for column in self.columns]
        d = len(self.columns)
        self.wxx = {(i, j): self.wx[i] * self.columns[j] for i in range(d) for j in range(i + 1)}
        self.energy = int((weights * np.square(x).sum(axis=1)).sum())
        self.search = Points(x)

    def sums(self, labels: Labels, k: int) -> tuple[Ints, Ints]:
        """For each label, the weight (k,) and the weighted sum of coordinates (k, d); exact, being below 2**53."""
        if (totals := self.search.totals(labels, self.weights, k)) is not None:
            return totals[:, 0], totals[:, 1:]
        weight = np.bincount(labels, self.w, k).astype(np.int64)
        sums = np.empty((k, len(self.wx)), np.int64)
        for i, wx in enumerate(self.wx):
            sums[:, i] = np.bincount(labels, wx, k)
        return weight, sums

    def inertia(self, centers: Ints, weight: Ints, sums: Ints) -> int:
        """The sum of w |x - c|**2, computed from the sums of w and w x of each cluster."""
        return self.energy + int((weight * np.square(centers).sum(axis=1) - 2 * (centers * sums).sum(axis=1)).sum())

    def means(self, centers: Ints, weight: Ints, sums: Ints) -> Ints:
        """The means of the clusters; the centre itself if a cluster is empty or fixed."""
        means = np.where(weight[:, None] > 0, _means(weight, sums), centers)
        means[: self.fixed] = centers[: self.fixed]
        return means

    def assign(self, centers: Ints) -> tuple[Labels, Ints, Ints]:
        """The nearest centre of each point, and the weights and sums of the clusters."""
        labels = self.search.nearest(centers)
        return labels, *self.sums(labels, len(centers))

    def round(self, centers: Ints) -> tuple[Ints, Ints]:
        """One round of Lloyd's algorithm: the new centres, and the weights of their clusters."""
        _, weight, sums = self.assign(centers)
        return self.means(centers, weight, sums), weight

    def worst(self, centers: Ints, labels: Labels, count: int) -> Ints:
        """The points with the largest weighted error."""
        errors = self.w * np.square(self.x - centers[labels]).sum(axis=1)
        return self.x[np.argsort(-errors, kind="stable")[:count]]


def _coarse(finest: _Level, wanted: int) -> tuple[_Level, Labels | None]:
    """The cells of a grid as a level, with the cell of each point; the finest level itself if there is no such grid."""
    cells = _cells(finest.x, wanted)
    if cells is None:
        return finest, None
    weight, sums = finest.sums(cells, int(cells.max()) + 1)
    return _Level(_means(weight, sums), weight, finest.fixed), cells


def _cells(points: Ints, wanted: int) -> Labels | None:
    """The cell of each point, in the coarsest grid with at least `wanted` non-empty cells.

    None if every such grid has more than half as many cells as points, or more than four dimensions.
    """
    if points.shape[1] > 4:
        return None
    x = points - points.min(axis=0)
    spans = [int(span) for span in x.max(axis=0)]
    width = STEPS // 8
    while 2 * wanted <= len(x) and width > 1:
        sizes = [span // width + 1 for span in spans]
        total = math.prod(sizes)
        if total > _MOST_CELLS:
            break
        if total >= wanted:
            cells = np.zeros(len(x), np.intp)
            for column, size in zip((x // width).T, sizes, strict=True):
                cells = cells * size + column
            met = np.zeros(total, np.bool_)
            met[cells] = True
            if (count := np.count_nonzero(met)) >= wanted:
                return (np.cumsum(met) - 1)[cells] if 2 * count <= len(x) else None
        width = width * 6 // 7
    return None


def _lloyd(data: _Level, centers: Ints, rounds: int, tol: float) -> Clustering:
    """Lloyd's algorithm, until a round gains no more than `tol`, for at most `rounds` rounds; its best centres."""
    best = None
    relaxed = True
    for done in range(rounds + 1):
        labels, weight, sums = data.assign(centers)
        inertia = data.inertia(centers, weight, sums)
        gain = best.inertia - inertia if best is not None else inertia
        if best is None or gain > 0:
            best = Clustering(centers, labels, inertia, done)
            means = data.means(centers, weight, sums)
            if len(empty := np.flatnonzero(weight[data.fixed :] == 0)):
                means[data.fixed + empty] = data.worst(centers, labels, len(empty))
        if done and gain <= tol * best.inertia:
            if not relaxed:
                break
            relaxed = False
        centers = means if not relaxed else np.clip(centers + (9 * (means - centers) + 2) // 5, 0, STEPS)
        if np.array_equal(centers, best.centers):
            break
    assert best is not None
    return replace(best, n_iter=min(done + 1, rounds))


def _grow(data: _Level, centers: Ints, k: int, ratio: float) -> Ints:
    """Add centres, up to k in total, by splitting the clusters that gain most."""
    if len(centers) == 0:
        centers = _means(*data.sums(np.zeros(len(data.x), np.intp), 1))
    while len(centers) < k:
        labels = data.search.nearest(centers)
        centers = _divided(data, centers, labels, min(k - len(centers), max(1, int(len(centers) * ratio))))
        centers, _ = data.round(centers)
    return centers


def _breathe(data: _Level, best: Clustering, count: int) -> Clustering:
    """Split `count` clusters and remove as many centres; repeat while this helps, then with half the count."""
    count = min(count, len(best.centers) - data.fixed)
    while count > len(best.centers) // _LEAST_BREATH:
        centers = _divided(data, best.centers, best.labels, count)
        for _ in range(_ROUNDS_MORE):
            centers, weight = data.round(centers)
        excess = len(centers) - len(best.centers)
        for left in range(_REMOVALS, 0, -1):
            centers = _without_cheapest(data, centers, weight, -(-excess // left))
            excess -= -(-excess // left)
            centers, weight = data.round(centers)
        centers, _ = data.round(centers)
        labels, weight, sums = data.assign(centers)
        inertia = data.inertia(centers, weight, sums)
        if inertia < best.inertia:
            best = replace(best, centers=centers, labels=labels, inertia=inertia)
        else:
            count //= 2
    return best


def _swap(data: _Level, best: Clustering, tries: int, tol: float) -> Clustering:
    """Split one cluster and remove one centre, as long as one of the `tries` most promising pairs is better."""
    k = len(best.centers)
    rounds = max(_ROUNDS_SWAPPED, _ROUNDS_SWAPPED_TOTAL // k)
    better = tries > 0
    while better:
        weights, _ = data.sums(best.labels, k)
        cost, partner = _merging_costs(data, best.centers, weights)
        first, second, gain, side = _halves(data, best.labels, best.centers)
        promise = gain[:, None] - cost
        np.fill_diagonal(promise, -np.inf)
        better = False
        possible = np.count_nonzero(promise > -np.inf)
        for pair in np.argsort(-promise, axis=None, kind="stable")[: min(tries, possible)]:
            divided, gone = divmod(int(pair), k)
            centers = best.centers.copy()
            centers[divided], centers[gone] = first[divided], second[divided]
            labels = np.where(best.labels == gone, partner[gone], best.labels)
            labels[(best.labels == divided) & side] = gone
            data.search.guess(labels)
            result = _lloyd(data, centers, rounds, tol)
            if result.inertia < best.inertia:
                best, better = result, True
                break
    return best


def _without_cheapest(data: _Level, centers: Ints, weights: Ints, count: int) -> Ints:
    """Remove the `count` centres that are cheapest to merge. The last centres take their places."""
    k = len(centers)
    cost, _ = _merging_costs(data, centers, weights)
    gone = np.sort(np.argsort(cost, kind="stable")[:count])
    rest = np.setdiff1d(np.arange(k - count, k), gone, assume_unique=True)
    kept = centers[: k - count].copy()
    kept[gone[: len(rest)]] = centers[rest]
    return kept


def _merging_costs(data: _Level, centers: Ints, weights: Ints) -> tuple[Floats, Labels]:
    """The cost w v / (w + v) |c - d|**2 of merging each centre c with the nearest other centre d, and the index of d.

    The cost is infinite for fixed centres, and for the heavier of two centres that are nearest to each other.
    """
    weight = weights.astype(np.float64)
    partner = nearest_other(centers)
    merged = np.maximum(weight + weight[partner], 1)
    cost = weight * weight[partner] / merged * np.square(centers - centers[partner]).sum(axis=1)
    numbers = np.arange(len(centers))
    heavier = (weight > weight[partner]) | ((weight == weight[partner]) & (numbers < partner))
    cost[(partner[partner] == numbers) & heavier] = np.inf
    cost[: data.fixed] = np.inf
    return cost, partner


def _divided(data: _Level, centers: Ints, labels: Labels, count: int) -> Ints:
    """The centres with `count` more, made by splitting the clusters that gain most."""
    k = len(centers)
    first, second, gain, side = _halves(data, labels, centers)
    chosen = np.argsort(-gain, kind="stable")[:count]
    chosen = chosen[gain[chosen] > 0]
    if not len(chosen):  # in every cluster, the means of both halves round to one lattice point
        return np.vstack((centers, data.worst(centers, labels, count)))
    moved = np.arange(k)
    moved[chosen] = np.arange(k, k + len(chosen))
    data.search.guess(np.where(side, moved[labels], labels))
    centers = np.vstack((centers, second[chosen]))
    centers[chosen] = first[chosen]
    return centers


def _halves(data: _Level, labels: Labels, centers: Ints) -> tuple[Ints, Ints, Floats, NDArray[np.bool_]]:
    """Split each cluster: the means of both halves, the decrease in inertia, and which points are in the second half.

    If the centre of a cluster is fixed, the first half keeps it.
    """
    k = len(centers)
    side = _beyond_mean(data, labels, k)
    for _ in range(_HALVING_ROUNDS):
        weights, sums = data.sums(2 * labels + side, 2 * k)
        means = _means(weights, sums)
        first, second = means[0::2], means[1::2]
        first[: data.fixed] = centers[: data.fixed]
        # Nearer to the second mean: |x - b|**2 < |x - a|**2, in exact integers.
        normal = 2.0 * (second - first)
        offset = (second * second - first * first).sum(axis=1).astype(np.float64)
        side = summed([c * n[labels] for c, n in zip(data.columns, normal.T, strict=True)]) > offset[labels]
    a, b = weights[0::2].astype(np.float64), weights[1::2].astype(np.float64)
    distance = np.square(first - second).sum(axis=1)
    gain = a * b / np.maximum(a + b, 1) * distance
    gain[: data.fixed] = (b * distance)[: data.fixed]
    return first, second, gain, side


def _beyond_mean(data: _Level, labels: Labels, k: int) -> NDArray[np.bool_]:
    """Whether each point lies beyond the mean of its cluster along the principal axis.

    The floats are the same on every machine: computed element by element, or added by bincount in point order.
    """
    d = len(data.columns)
    total = np.maximum(np.bincount(labels, data.w, k), 1)
    means = [np.bincount(labels, wx, k) / total for wx in data.wx]
    covariance = [[means[0]] * d for _ in range(d)]
    for (i, j), wxx in data.wxx.items():
        covariance[i][j] = covariance[j][i] = np.bincount(labels, wxx, k) / total - means[i] * means[j]
    widest = np.argmax([covariance[i][i] for i in range(d)], axis=0)
    axis = [(widest == i).astype(np.float64) for i in range(d)]
    for _ in range(_POWER_ROUNDS):
        axis = [summed([covariance[i][j] * axis[j] for j in range(d)]) for i in range(d)]
        longest = np.maximum.reduce([np.abs(a) for a in axis])
        axis = [a / np.where(longest > 0, longest, 1.0) for a in axis]
    threshold = summed([a * m for a, m in zip(axis, means, strict=True)])
    along: NDArray[np.bool_] = (
        summed([c * a[labels] for c, a in zip(data.columns, axis, strict=True)]) > threshold[labels]
    )
    return along


def _means(weights: Ints, sums: Ints) -> Ints:
    """Weighted means, rounded to the lattice; arbitrary for a weight of zero."""
    divisor = np.maximum(weights, 1)[:, None]
    means: Ints = (2 * sums + divisor) // (2 * divisor)
    return means


def _pack(x: Ints, bits: int) -> Ints:
    """The coordinates of each point, of `bits` bits each, packed into one integer."""
    keys = np.zeros(len(x), np.int64)
    for column in x.T:
        keys = keys << bits | column
    return keys


def distinct(points: Ints) -> tuple[Ints, Labels]:
    """The distinct lattice points among `points` (n, d), and the index of each point among them."""
    if points.shape[1] * BITS <= 63:  # sorting numbers is an order of magnitude faster than sorting rows
        _, first, inverse = np.unique(_pack(points, BITS), return_index=True, return_inverse=True)
        return points[first], inverse
    rows, inverse = np.unique(points, axis=0, return_inverse=True)
    return rows, inverse.reshape(-1)
