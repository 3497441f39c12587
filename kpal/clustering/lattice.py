"""K-means on weighted points, the same to the last bit on every machine.

Points and centres live on an integer lattice (space.py), where distances are exact whatever adds them up
(nearest.py); weighted sums are integers that double precision holds exactly; a mean is rounded to the lattice by
integer division. Nothing depends on the order of summation, on threads or on the matrix library, and nothing is
random.

It works from coarse to fine: on cells of the lattice, where there are few points, then on the points themselves.

- The start is *grown*: from the mean of all points, the clusters whose division gains most are divided, half as many
  again at a time.
- Lloyd's rounds (S. P. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982) are
  over-relaxed while that helps: a centre moves beyond its cluster's mean, in the direction in which it is bound anyway.
- It *breathes* to leave a local optimum (B. Fritzke, "The breathing k-means algorithm", arXiv:2006.15666): some
  clusters are divided, the centres that are worth least are removed, and the result is kept if it is better.
- Few centres, whose local optima are far apart, also *swap*: one cluster is divided and one centre removed, those that
  promise most, pair by pair.

The first centres may be fixed: they take part but neither move nor go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..color.spaces import STEPS, summed
from .nearest import Points, nearest_other

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

BITS: Final = STEPS.bit_length()  # of a coordinate: 11
_ROUNDS_MORE: Final = 1  # of Lloyd's algorithm in a breath, with more centres
_LEAST_BREATH: Final = 32  # the part of the centres: breaths of fewer take a third of the time for .1 % of the error
_REMOVALS: Final = 3  # in which they go, with a round after each: what is worth least changes with the others
# Of Lloyd's algorithm, until a swap must be better: most show within the least, but few large clusters move slowly.
_ROUNDS_SWAPPED: Final = 3
_ROUNDS_SWAPPED_TOTAL: Final = 48  # times centres
_MOST_CELLS: Final = 1 << 20
_POWER_ROUNDS: Final = 6  # a rough principal axis will do, as rounds of 2-means follow
_HALVING_ROUNDS: Final = 1


@dataclass(frozen=True)
class Effort:
    """How much time to spend.

    cells: the least number of cells for each centre, and in all, on the coarse level.
    starts: (most centres, how often to grow and breathe, pairs to try in a swap); 1 and 0 for more centres than in any.
    breath: the part of the centres that breathing begins with; it ends when the least part gains nothing.
    rounds: of Lloyd's algorithm at the most, on the coarse level and on the finest.
    tol: a round that lowers the inertia by no more than this fraction is the last.
    """

    cells: tuple[int, int]
    starts: tuple[tuple[int, int, int], ...]
    breath: float
    rounds: tuple[int, int]
    tol: float


DEFAULT: Final = Effort(cells=(24, 4000), starts=((32, 2, 16), (64, 1, 32)), breath=0.25, rounds=(8, 10), tol=5e-5)
ONCE: Final = replace(DEFAULT, starts=())
FAST: Final = Effort(cells=(12, 1000), starts=(), breath=0.0, rounds=(5, 2), tol=1e-3)


@dataclass(frozen=True)
class Clustering:
    """What `cluster` finds.

    centers: int64 (k, d), on the lattice.
    labels: intp (n,), the nearest of them to each point, the lowest in a tie.
    inertia: weighted sum of the squared distances, in lattice steps, of points to their centres.
    n_iter: rounds run on the finest level, the one that gained nothing, too.
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
    """The k-means of distinct lattice points.

    points: int64 (n, d), n > k, from 0 to STEPS.
    weights: int64 (n,), at least 1.
    fixed: int64 (m, d), m <= k, centres that stay where they are; they become the first of the result.
    effort: how much time to spend.
    """
    start = np.empty((0, points.shape[1]), np.int64) if fixed is None else fixed
    level = finest = _Level(points, weights, len(start))
    cells = _cells(points, max(effort.cells[0] * k, effort.cells[1]))
    if cells is not None:
        weight, sums = finest.sums(cells, int(cells.max()) + 1)
        level = _Level(_means(weight, sums), weight, finest.fixed)
    rounds = effort.rounds[0 if cells is not None else 1]
    results = []
    starts, swaps = next((start[1:] for start in effort.starts if k <= start[0]), (1, 0))
    for attempt in range(starts):
        result = _lloyd(level, _grow(level, start, k, 1 / (attempt + 2)), rounds, effort.tol)
        if effort.breath:
            result = _breathe(level, result, math.ceil(effort.breath * k))
        result = _swap(level, result, swaps, effort.tol)
        results.append(result)
    result = min(results, key=lambda result: result.inertia)
    if cells is not None:
        finest.search.guess(result.labels[cells])
    return _lloyd(finest, result.centers, effort.rounds[1], effort.tol)


class _Level:
    """Weighted lattice points, with the products that every round needs, of which the first `fixed` centres stay."""

    def __init__(self, x: Ints, weights: Ints, fixed: int) -> None:
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
        """Per label: the weight (k,), and the weighted sum of coordinates (k, d). Exact: integers below 2**53."""
        if (totals := self.search.totals(labels, self.weights, k)) is not None:
            return totals[:, 0], totals[:, 1:]
        weight = np.bincount(labels, self.w, k).astype(np.int64)
        sums = np.empty((k, len(self.wx)), np.int64)
        for i, wx in enumerate(self.wx):
            sums[:, i] = np.bincount(labels, wx, k)
        return weight, sums

    def inertia(self, centers: Ints, weight: Ints, sums: Ints) -> int:
        """The sum of w |x - c|**2, from the sums of w and w x of each cluster."""
        return self.energy + int((weight * np.square(centers).sum(axis=1) - 2 * (centers * sums).sum(axis=1)).sum())

    def means(self, centers: Ints, weight: Ints, sums: Ints) -> Ints:
        """The means of clusters, but the centres where they are empty or fixed."""
        means = np.where(weight[:, None] > 0, _means(weight, sums), centers)
        means[: self.fixed] = centers[: self.fixed]
        return means

    def assign(self, centers: Ints) -> tuple[Labels, Ints, Ints]:
        """The nearest centre of each point, and the sums of the clusters."""
        labels = self.search.nearest(centers)
        return labels, *self.sums(labels, len(centers))

    def round(self, centers: Ints) -> tuple[Ints, Ints]:
        """One round of Lloyd's algorithm: the new centres, and the weights of their clusters."""
        _, weight, sums = self.assign(centers)
        return self.means(centers, weight, sums), weight

    def worst(self, centers: Ints, labels: Labels, count: int) -> Ints:
        """The points that fit worst."""
        errors = self.w * np.square(self.x - centers[labels]).sum(axis=1)
        return self.x[np.argsort(-errors, kind="stable")[:count]]


def _cells(points: Ints, wanted: int) -> Labels | None:
    """The cell of each point, in a grid as wide as leaves `wanted` cells that are not empty.

    None where that is more than half as many as there are points, or the grid has more than four dimensions.
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
    """Assign and update, at most `rounds` times, until that gains no more than `tol`; the best centres met."""
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
    """More centres, up to k of them, by dividing the clusters that gain most by it."""
    if len(centers) == 0:
        centers = _means(*data.sums(np.zeros(len(data.x), np.intp), 1))
    while len(centers) < k:
        labels = data.search.nearest(centers)
        centers = _divided(data, centers, labels, min(k - len(centers), max(1, int(len(centers) * ratio))))
        centers, _ = data.round(centers)
    return centers


def _breathe(data: _Level, best: Clustering, count: int) -> Clustering:
    """Divide `count` clusters, take away as many centres, and so on while that is better, then with half as many."""
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
    """Divide one cluster and take away one centre, while one of the `tries` pairs that promise most is better."""
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
    """Without the `count` centres that cost least. The last centres take the places of those that go."""
    k = len(centers)
    cost, _ = _merging_costs(data, centers, weights)
    gone = np.sort(np.argsort(cost, kind="stable")[:count])
    rest = np.setdiff1d(np.arange(k - count, k), gone, assume_unique=True)
    kept = centers[: k - count].copy()
    kept[gone[: len(rest)]] = centers[rest]
    return kept


def _merging_costs(data: _Level, centers: Ints, weights: Ints) -> tuple[Floats, Labels]:
    """What it costs to merge each centre with the nearest other one d, w v / (w + v) |c - d|**2, and which that is.

    Infinite for fixed centres and, of two that would merge with each other, for the heavier.
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
    """`count` more centres: those of clusters that gain most by division."""
    k = len(centers)
    first, second, gain, side = _halves(data, labels, centers)
    chosen = np.argsort(-gain, kind="stable")[:count]
    chosen = chosen[gain[chosen] > 0]
    if not len(chosen):  # clusters so small that the parts' means fall on one point of the lattice
        return np.vstack((centers, data.worst(centers, labels, count)))
    moved = np.arange(k)
    moved[chosen] = np.arange(k, k + len(chosen))
    data.search.guess(np.where(side, moved[labels], labels))
    centers = np.vstack((centers, second[chosen]))
    centers[chosen] = first[chosen]
    return centers


def _halves(data: _Level, labels: Labels, centers: Ints) -> tuple[Ints, Ints, Floats, NDArray[np.bool_]]:
    """Each cluster in two: the means of its parts, by how much that lowers the inertia, and which points are in which.

    The first part of a cluster whose centre is fixed keeps that centre.
    """
    k = len(centers)
    side = _beyond_mean(data, labels, k)
    for _ in range(_HALVING_ROUNDS):
        weights, sums = data.sums(2 * labels + side, 2 * k)
        means = _means(weights, sums)
        first, second = means[0::2], means[1::2]
        first[: data.fixed] = centers[: data.fixed]
        # Nearer to the second mean: |x - b|**2 < |x - a|**2, in whole numbers.
        normal = 2.0 * (second - first)
        offset = (second * second - first * first).sum(axis=1).astype(np.float64)
        side = summed([c * n[labels] for c, n in zip(data.columns, normal.T, strict=True)]) > offset[labels]
    a, b = weights[0::2].astype(np.float64), weights[1::2].astype(np.float64)
    distance = np.square(first - second).sum(axis=1)
    gain = a * b / np.maximum(a + b, 1) * distance
    gain[: data.fixed] = (b * distance)[: data.fixed]
    return first, second, gain, side


def _beyond_mean(data: _Level, labels: Labels, k: int) -> NDArray[np.bool_]:
    """Whether each point is beyond its cluster's mean along its principal axis.

    Floats, but the same everywhere: element by element, or in the order of the points, as bincount adds.
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


def distinct(points: Ints) -> tuple[Ints, Labels]:
    """The distinct of lattice `points` (n, d), and for each point which of them it is."""
    if points.shape[1] * BITS <= 63:  # sorting numbers is an order of magnitude faster than sorting rows
        _, first, inverse = np.unique(_pack(points, BITS), return_index=True, return_inverse=True)
        return points[first], inverse
    rows, inverse = np.unique(points, axis=0, return_inverse=True)
    return rows, inverse.reshape(-1)
