"""The parts of k-means, each against its definition, and the whole against all there is to choose from."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from kpal.clustering import lattice as clustering
from kpal.clustering.lattice import DEFAULT, FAST, ONCE, Effort, cluster, distinct
from kpal.color.spaces import STEPS

Ints = NDArray[np.int64]


def scattered(n: int, d: int, seed: int = 0, most: int = STEPS) -> tuple[Ints, Ints]:
    """Distinct points, and weights."""
    random = np.random.default_rng((seed, n, d))
    points = np.unique(random.integers(0, most + 1, (n, d)), axis=0)
    random.shuffle(points)
    return points, random.integers(1, 9, len(points))


def inertia_of(points: Ints, weights: Ints, centers: Ints) -> float:
    return float((weights * np.square(points[:, None] - centers).sum(axis=2).min(axis=1)).sum())


def inertia_about_mean(points: Ints, weights: Ints) -> float:
    mean = np.average(points, axis=0, weights=weights) if len(points) else 0
    return float((weights * np.square(points - mean).sum(axis=1)).sum())


@pytest.fixture(params=[True, False], ids=["compiled loop", "numpy"])
def _loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpal.clustering._loops.COMPILED", request.param)


# --- the whole


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_of_few_points_the_best_of_all_clusterings_is_found(seed: int, k: int) -> None:
    points, weights = scattered(8, 2, seed)
    best = np.inf
    for assignment in product(range(k), repeat=len(points) - 1):
        labels = np.array((0, *assignment))
        parts = [labels == label for label in range(k)]
        best = min(best, sum(inertia_about_mean(points[part], weights[part]) for part in parts))
    found = cluster(points, weights, k)
    assert best <= found.inertia <= best + weights.sum()  # centres are rounded: by half a step in two dimensions


@pytest.mark.usefixtures("_loop")
@pytest.mark.parametrize("effort", [DEFAULT, ONCE, FAST])
@pytest.mark.parametrize(("n", "d", "k"), [(40, 3, 12), (3000, 3, 30), (1500, 4, 70), (300, 5, 9), (50, 1, 49)])
def test_labels_and_inertia_are_those_of_the_centres(effort: Effort, n: int, d: int, k: int) -> None:
    points, weights = scattered(n, d, most=STEPS if d > 1 else 400)
    k = min(k, len(points) - 1)
    found = cluster(points, weights, k, effort=effort)
    assert found.centers.shape == (k, d)
    assert found.centers.min() >= 0
    assert found.centers.max() <= STEPS
    distances = np.square(points[:, None] - found.centers).sum(axis=2)
    assert np.array_equal(found.labels, distances.argmin(axis=1))
    assert found.inertia == inertia_of(points, weights, found.centers)
    assert 1 <= found.n_iter <= effort.rounds[1]


def test_results_do_not_depend_on_the_compiled_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    points, weights = scattered(2000, 3)
    results = []
    for compiled in (True, False):
        monkeypatch.setattr("kpal.clustering._loops.COMPILED", compiled)
        results.append(cluster(points, weights, 20))
    assert np.array_equal(results[0].centers, results[1].centers)
    assert results[0].inertia == results[1].inertia


def test_more_effort_makes_a_smaller_error() -> None:
    points, weights = scattered(5000, 3)
    fast, once, default = (cluster(points, weights, 48, effort=effort).inertia for effort in (FAST, ONCE, DEFAULT))
    assert default < once < fast


@pytest.mark.parametrize("k", [3, 4, 20])
@pytest.mark.parametrize("n", [60, 2000])
def test_fixed_centres_come_first_and_stay(n: int, k: int) -> None:
    points, weights = scattered(n, 3)
    fixed = np.array([[0, 0, 0], [STEPS, STEPS, 0], [7, 1000, 3]])
    found = cluster(points, weights, k, fixed=fixed)
    assert np.array_equal(found.centers[:3], fixed)
    assert found.inertia == inertia_of(points, weights, found.centers)
    assert k == 3 or found.inertia < inertia_of(points, weights, fixed)
    assert len(np.unique(found.labels[found.labels >= 3])) == k - 3


# --- sums and means


@pytest.mark.usefixtures("_loop")
def test_sums_of_clusters_are_exact() -> None:
    points, weights = scattered(500, 3)
    weights = weights << 20
    labels = np.random.default_rng(1).integers(0, 7, len(points))
    level = clustering._Level(points, weights, 0)
    weight, sums = level.sums(labels, 9)
    for label in range(9):
        chosen = labels == label
        assert weight[label] == weights[chosen].sum()
        assert np.array_equal(sums[label], (weights[chosen, None] * points[chosen]).sum(axis=0))
    centers = scattered(9, 3)[0]
    expected = (weights * np.square(points - centers[labels]).sum(axis=1)).sum()
    assert level.inertia(centers, weight, sums) == expected


def test_means_are_rounded_to_the_nearest_step_and_halves_up() -> None:
    weights, sums = np.array([3, 3, 2, 2, 1, 0]), np.array([[10, 11], [0, 1], [3, 5], [2, 4], [7, 9], [0, 0]])
    means = clustering._means(weights, sums)
    assert means[:5].tolist() == [[3, 4], [0, 0], [2, 3], [1, 2], [7, 9]]


def test_empty_and_fixed_clusters_keep_their_centres() -> None:
    points = np.array([[0, 0], [20, 20], [30, 40]])
    level = clustering._Level(points, np.array([1, 1, 3]), 1)
    centers = np.array([[0, 3], [30, 30], [2000, 2000]])
    moved, weight = level.round(centers)
    assert weight.tolist() == [1, 4, 0]
    assert moved.tolist() == [[0, 3], [28, 35], [2000, 2000]]


def test_the_points_that_fit_worst_come_by_their_weighted_error() -> None:
    points = np.array([[0], [10], [20], [31]])
    level = clustering._Level(points, np.array([1, 9, 1, 2]), 0)
    worst = level.worst(np.array([[0], [20]]), np.array([0, 0, 1, 1]), 2)
    assert worst.tolist() == [[10], [31]]  # 9 * 10**2 and 2 * 11**2


# --- dividing and merging


def test_a_cluster_is_divided_across_its_longest_axis() -> None:
    random = np.random.default_rng(2)
    for d in (1, 2, 3, 4):
        shape = random.normal(0, 1, (d, d))
        shape[0] *= 8
        points = np.unique(
            np.rint(random.normal(0, 40, (400, d)) @ shape + 1000).clip(0, STEPS).astype(np.int64), axis=0
        )
        weights = random.integers(1, 5, len(points))
        side = clustering._beyond_mean(clustering._Level(points, weights, 0), np.zeros(len(points), np.intp), 1)
        away = points - np.average(points, axis=0, weights=weights)
        axis = np.linalg.eigh(np.cov(points.T, aweights=weights, ddof=0).reshape(d, d))[1][:, -1]
        agree = (side == (away @ axis > 0)).mean()
        assert max(agree, 1 - agree) > 0.98


@pytest.mark.parametrize("fixed", [0, 2])
def test_the_gain_of_a_division_is_what_the_inertia_falls_by(fixed: int) -> None:
    points, weights = scattered(900, 3)
    centers = points[:6].copy()
    level = clustering._Level(points, weights, fixed)
    labels = level.search.nearest(centers)
    first, second, gain, side = clustering._halves(level, labels, centers)
    parts = clustering._beyond_mean(level, labels, len(centers))
    for label in range(len(centers)):
        x, y = (points[(labels == label) & part] for part in (~parts, parts))
        v, w = (weights[(labels == label) & part] for part in (~parts, parts))
        if label < fixed:  # the first half keeps the centre
            assert np.array_equal(first[label], centers[label])
            fall = inertia_of(y, w, centers[label][None]) - inertia_about_mean(y, w)
        else:
            assert np.abs(first[label] - np.average(x, axis=0, weights=v)).max() <= 0.5
            fall = inertia_about_mean(np.vstack((x, y)), np.hstack((v, w)))
            fall -= inertia_about_mean(x, v) + inertia_about_mean(y, w)
        assert np.abs(second[label] - np.average(y, axis=0, weights=w)).max() <= 0.5
        assert gain[label] == pytest.approx(fall, rel=0.01)
    distances = [np.square(points - half[labels]).sum(axis=1) for half in (first, second)]
    assert np.array_equal(side, distances[1] < distances[0])


@pytest.mark.parametrize("fixed", [0, 3])
def test_the_cost_of_merging_is_what_the_inertia_rises_by(fixed: int) -> None:
    points, weights = scattered(400, 3, seed=5)
    level = clustering._Level(points, weights, fixed)
    centers = points[:15].copy()
    for _ in range(20):  # until centres are the means of their clusters
        labels = level.search.nearest(centers)
        centers, weight = clustering._means(*level.sums(labels, 15)), level.sums(labels, 15)[0]
    cost, partner = clustering._merging_costs(level, centers, weight)
    apart = np.square(centers[:, None] - centers).sum(axis=2) + np.diag([1 << 40] * 15)
    assert np.array_equal(partner, apart.argmin(axis=1))
    for number, other in enumerate(partner):
        parts = [labels == number, labels == other]
        rise = inertia_about_mean(points[parts[0] | parts[1]], weights[parts[0] | parts[1]])
        rise -= sum(inertia_about_mean(points[part], weights[part]) for part in parts)
        mutual = partner[other] == number and (weight[number], -number) > (weight[other], -other)
        expected = np.inf if number < fixed or mutual else pytest.approx(rise, rel=0.01)
        assert cost[number] == expected


def test_of_two_equal_clusters_that_would_merge_only_the_later_may_go() -> None:
    level = clustering._Level(np.array([[0], [10], [1000], [1010]]), np.ones(4, np.int64), 0)
    cost, partner = clustering._merging_costs(level, level.x, level.weights)
    assert partner.tolist() == [1, 0, 3, 2]
    assert cost.tolist() == [np.inf, 50, np.inf, 50]


def test_the_cheapest_centres_go_and_the_last_take_their_places() -> None:
    centers = np.array([[0], [100], [130], [500], [1000], [1010]])
    level = clustering._Level(centers, np.ones(6, np.int64), 1)
    left = clustering._without_cheapest(level, centers, np.ones(6, np.int64), 2)
    assert left.tolist() == [[0], [100], [1000], [500]]
    assert clustering._without_cheapest(level, centers, np.ones(6, np.int64), 1).tolist() == centers[:5].tolist()


def test_where_no_division_gains_the_worst_points_become_centres() -> None:
    points = np.array([[0, 0], [1, 0], [900, 900]])
    level = clustering._Level(points, np.array([1, 1, 1]), 0)
    labels = np.array([0, 0, 0])
    divided = clustering._divided(level, np.array([[300, 300]]), labels, 1)
    assert divided.tolist() == [[1, 0], [900, 900]] or divided.tolist() == [[900, 900], [1, 0]]
    alike = clustering._Level(points[:2], np.array([1, 1]), 0)
    assert clustering._divided(alike, points[:2], np.array([0, 1]), 1).shape == (3, 2)


# --- cells


def test_cells_are_boxes_of_a_grid_and_as_many_as_wanted() -> None:
    for d, wanted, most in ((1, 30, STEPS), (2, 100, STEPS), (3, 200, 1200), (4, 60, 700)):
        points, _ = scattered(2500, d, most=most)
        cells = clustering._cells(points, wanted)
        assert cells is not None
        count = int(cells.max()) + 1
        assert np.array_equal(np.unique(cells), np.arange(count))
        assert wanted <= count <= len(points) / 2
        lows, highs = (np.array([f(points[cells == cell], axis=0) for cell in range(count)]) for f in (np.min, np.max))
        width = int((highs - lows).max()) + 1
        assert width <= STEPS // 8
        for cell in range(count):  # no other point lies in the box of a cell
            inside = ((points >= lows[cell]) & (points <= highs[cell])).all(axis=1)
            assert (cells[inside] == cell).all()


def test_there_are_no_cells_for_few_points_nor_in_many_dimensions() -> None:
    points, _ = scattered(3000, 3)
    assert clustering._cells(points, len(points) // 2 + 1) is None
    assert clustering._cells(scattered(3000, 5, most=600)[0], 10) is None
    assert clustering._cells(scattered(3000, 4, most=600)[0], 10) is not None


# --- rounds


def test_rounds_end_at_the_limit_or_where_nothing_is_gained() -> None:
    points, weights = scattered(2000, 2)
    level = clustering._Level(points, weights, 0)
    start = points[:12].copy()
    results = [clustering._lloyd(level, start, rounds, 0) for rounds in (1, 2, 5, 500)]
    assert [result.n_iter for result in results[:3]] == [1, 2, 5]
    inertias = [inertia_of(points, weights, start), *(result.inertia for result in results)]
    assert inertias == sorted(inertias, reverse=True)
    final = results[-1]
    assert 5 < final.n_iter < 500
    means, _ = level.round(final.centers)
    assert np.abs(means - final.centers).max() <= 2
    loose = clustering._lloyd(level, start, 500, 0.01)
    assert 1 < loose.n_iter < final.n_iter
    assert final.inertia < loose.inertia < 1.1 * final.inertia


def test_a_cluster_that_becomes_empty_takes_the_point_that_fits_worst() -> None:
    points = np.array([[0, 0], [2, 0], [1000, 0], [1000, 900]])
    level = clustering._Level(points, np.array([1, 1, 1, 1]), 0)
    found = clustering._lloyd(level, np.array([[1, 0], [1000, 100], [2000, 2000]]), 60, 0)
    assert sorted(found.centers.tolist()) == [[1, 0], [1000, 0], [1000, 900]]
    assert found.inertia == 2


@pytest.mark.parametrize("fixed", [0, 2])
@pytest.mark.parametrize(("n", "k"), [(40, 12), (900, 5), (900, 200)])
def test_rounds_are_the_same_compiled_and_in_numpy(n: int, k: int, fixed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points, weights = scattered(n, 3, most=200)
    start = points[:k].copy()
    start[-2:] = STEPS  # far from all points, so that their clusters are empty
    results = []
    for compiled in (True, False):
        monkeypatch.setattr("kpal.clustering._loops.COMPILED", compiled)
        results.append(clustering._lloyd(clustering._Level(points, weights, fixed), start, 9, 1e-4))
    first, second = results
    assert np.array_equal(first.centers, second.centers)
    assert np.array_equal(first.labels, second.labels)
    assert (first.inertia, first.n_iter) == (second.inertia, second.n_iter)


def test_points_too_heavy_for_doubles_are_clustered_all_the_same() -> None:
    points, weights = scattered(60, 2)
    light, heavy = (clustering._Level(points, weights << by, 0) for by in (0, 36))
    assert light.energy < 1 << 53 < heavy.energy
    results = [clustering._lloyd(level, points[:7].copy(), 9, 1e-4) for level in (light, heavy)]
    assert np.array_equal(results[0].centers, results[1].centers)


# --- distinct points


@pytest.mark.parametrize("d", [1, 3, 5, 6, 9])
def test_distinct_points_and_which_of_them_each_is(d: int) -> None:
    random = np.random.default_rng(d)
    points = random.integers(0, 2, (200, d)) * random.integers(0, STEPS + 1, (1, d))
    points[0] = STEPS
    rows, inverse = distinct(points)
    assert np.array_equal(rows[inverse], points)
    assert sorted(map(tuple, rows.tolist())) == sorted(set(map(tuple, points.tolist())))
