"""Agglomerative clustering, beside a search of all pairs for the cheapest at each step."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kpal.clustering.merging import Hierarchy

from .test_lattice import inertia_about_mean, scattered

Ints = NDArray[np.int64]


def shared(v: float, w: float) -> float:
    """The part of the cost of a union that follows from the weights; a fixed cluster weighs infinitely much."""
    return min(v, w) if max(v, w) == np.inf else v * w / (v + w)


def merged_pairwise(points: Ints, weights: Ints, fixed: Ints, k: int) -> set[frozenset[int]]:
    """The clusters, as sets of points, after merging the cheapest of all pairs until k are left."""
    centers = [*fixed.astype(float), *points.astype(float)]
    heavy = [np.inf] * len(fixed) + [float(w) for w in weights]
    members = [set[int]() for _ in fixed] + [{i} for i in range(len(points))]
    while len(centers) > k:
        _, a, b = min(
            (shared(heavy[i], heavy[j]) * np.square(centers[i] - centers[j]).sum(), i, j)
            for i in range(len(centers))
            for j in range(max(i + 1, len(fixed)), len(centers))
        )
        if heavy[a] < np.inf:
            centers[a] = (heavy[a] * centers[a] + heavy[b] * centers[b]) / (heavy[a] + heavy[b])
            centers[a] = np.floor(centers[a] + 0.5)
        heavy[a] += heavy[b]
        members[a] |= members[b]
        del centers[b], heavy[b], members[b]
    return {frozenset(each) for each in members if each}


@pytest.mark.parametrize("fixed", [0, 3])
@pytest.mark.parametrize("d", [1, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_of_all_pairs_is_merged_at_each_step(seed: int, d: int, fixed: int) -> None:
    points, weights = scattered(40, d, seed)
    weights = weights ** np.random.default_rng(seed).integers(1, 5, len(weights))
    starts = scattered(fixed + 1, d, 99)[0][:fixed]
    hierarchy = Hierarchy(points, weights, starts)
    for k in (30, 12, max(fixed, 1)):
        labels = hierarchy.labels(k)
        found = {frozenset(np.flatnonzero(labels == label).tolist()) for label in range(k)} - {frozenset()}
        assert found == merged_pairwise(points, weights, starts, k)


def test_fixed_clusters_come_first_and_may_be_empty() -> None:
    points = np.array([[0, 0], [5, 5], [1000, 1000], [1010, 1000]])
    fixed = np.array([[2000, 0], [1, 1]])
    assert Hierarchy(points, np.ones(4, np.int64), fixed).labels(3).tolist() == [1, 1, 2, 2]


def test_the_inertia_is_what_merging_added() -> None:
    points, weights = scattered(300, 3)
    hierarchy = Hierarchy(points, weights, points[:0])
    assert hierarchy.inertia(len(points)) == 0
    for k in (1, 20, 150):
        labels = hierarchy.labels(k)
        parts = [labels == label for label in range(k)]
        expected = sum(inertia_about_mean(points[part], weights[part]) for part in parts)
        assert hierarchy.inertia(k) == pytest.approx(expected, rel=0.01)


def test_equal_points_merge_first() -> None:
    points = np.array([[7, 7], [900, 3], [7, 7], [900, 3], [20, 7]])
    labels = Hierarchy(points, np.array([1, 2, 3, 4, 5]), points[:0]).labels(3)
    assert labels[0] == labels[2]
    assert labels[1] == labels[3]
    assert len(set(labels.tolist())) == 3


def test_the_cheapest_pair_is_found_whatever_the_weights_and_in_any_crowd() -> None:
    random = np.random.default_rng(4)
    points = random.integers(0, 2041, (90, 3))
    points[:, 0] = random.integers(0, 3, 90)  # few places along the first axis, each with more than a margin of points
    points[::2, 0] += 2000
    weights = (10 ** random.uniform(0, 9, 90)).astype(np.int64)
    hierarchy = Hierarchy(points, weights, points[:0])
    for k in (2, 10, 40, 80):
        labels = hierarchy.labels(k)
        found = {frozenset(np.flatnonzero(labels == label).tolist()) for label in range(k)}
        assert found == merged_pairwise(points, weights, points[:0], k)
