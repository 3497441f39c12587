"""K-means: exact, deterministic, as good as it should be, and in the shape that scikit-learn's users know."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kpal
import kpal.clustering._loops
from kpal import KMeans
from kpal.clustering import kmeans
from kpal.clustering.nearest import nearest, nearest_other


def brute_force(points: NDArray[Any], centers: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    distances = np.square(points[:, None].astype(np.int64) - centers[None]).sum(axis=2)
    return distances.argmin(axis=1), distances.min(axis=1)


def blobs(n: int, d: int, centers: int, seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    middles = random.uniform(20, 235, (centers, d))
    return np.asarray(middles[random.integers(0, centers, n)] + random.normal(0, 3, (n, d)))


@pytest.mark.parametrize("d", [1, 3, 4, 7])
def test_the_nearest_centre_is_exact_with_ties_to_the_lowest(d: int) -> None:
    random = np.random.default_rng(d)
    points = random.integers(0, 2041, (3000, d))
    centers = random.integers(0, 2041, (100, d))
    centers[50:60] = centers[:10]
    points[:100] = centers
    labels, errors = nearest(points, centers)
    expected, distances = brute_force(points, centers)
    assert np.array_equal(labels, expected)
    assert np.array_equal(errors, distances)


def test_extremes_of_the_lattice_are_exact_in_single_precision() -> None:
    corners = np.stack(np.meshgrid(*[[0, 1, 2039, 2040]] * 4), axis=-1).reshape(-1, 4)
    labels, errors = nearest(corners, corners[::-1])
    assert np.array_equal(labels, np.arange(len(corners))[::-1])
    assert not errors.any()


def test_flags_that_the_matrix_library_leaves_behind_warn_no_one(monkeypatch: pytest.MonkeyPatch) -> None:
    product, infinity = np.dot, np.float32(np.inf)

    def careless_product(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        _ = infinity - infinity
        return product(a, b, out=out)

    monkeypatch.setattr(np, "dot", careless_product)
    points = np.random.default_rng(4).integers(0, 2041, (100, 4))
    assert np.array_equal(nearest(points, points[:9])[0], brute_force(points, points[:9])[0])
    assert np.array_equal(nearest_other(points[:2]), [1, 0])


def plain_loops() -> ModuleType:
    """The loops as plain Python, compiled or not."""
    path = Path(kpal.__file__).with_name("clustering") / "_loops.py"
    spec = importlib.util.spec_from_file_location("plain_loops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("module", [kpal.clustering._loops, plain_loops()], ids=["as installed", "plain"])
@pytest.mark.parametrize("k", [1, 2, 40])
def test_the_search_from_a_guess_finds_the_nearest_centre_whatever_the_guess(module: ModuleType, k: int) -> None:
    random = np.random.default_rng(k)
    points = random.integers(0, 40, (500, 4)).astype(np.int32)
    points[:5] = [[0, 0, 0, 0], [2040, 2040, 2040, 2040], [0, 2040, 0, 2040], [0, 0, 0, 2040], [2040, 0, 0, 0]]
    centers = random.integers(0, 40, (k, 4)).astype(np.int32)
    centers[k // 2 :] = centers[: k - k // 2]
    labels = random.integers(0, k, len(points))
    order = np.argsort(centers[:, 0])
    module.reassign(points, centers, labels, order, *np.empty((4, k), np.int32), np.empty(len(points), np.int32))
    assert np.array_equal(labels, brute_force(points, centers)[0])


@pytest.mark.parametrize("module", [kpal.clustering._loops, plain_loops()], ids=["as installed", "plain"])
def test_totals_are_the_sums_of_weights_and_of_weighted_points(module: ModuleType) -> None:
    random = np.random.default_rng(3)
    points = random.integers(0, 2041, (300, 4)).astype(np.int32)
    weights = random.integers(1, 1 << 40, len(points))
    labels = random.integers(0, 9, len(points))
    totals = np.zeros((10, 5), np.int64)
    module.add_up(points, weights, labels, totals)
    for label, total in enumerate(totals):
        chosen = labels == label
        weighted = weights[chosen, None] * points[chosen]
        assert total.tolist() == [weights[chosen].sum(), *weighted.sum(axis=0)]


@pytest.mark.parametrize("channels", [3, 4])
def test_loops_are_the_same_compiled_and_plain(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    pixels = random.integers(0, 256, (15, 22, channels), dtype=np.uint8)
    options: list[dict[str, Any]] = [{"dither": "floyd-steinberg"}, {}]
    installed = [kpal.quantize(pixels, 9, **option).indices for option in options]
    frames = [pixels, np.where(np.arange(22)[:, None] < 9, pixels, 255 - pixels)]
    moving = kpal.encode_frames(frames, 9, dither="floyd-steinberg", coder="zstd")
    plain = plain_loops()
    for name in ("reassign", "add_up", "lloyd", "merge", "diffuse", "COMPILED"):
        monkeypatch.setattr(kpal.clustering._loops, name, getattr(plain, name))
    for option, indices in zip(options, installed, strict=True):
        assert np.array_equal(kpal.quantize(pixels, 9, **option).indices, indices)
    assert kpal.encode_frames(frames, 9, dither="floyd-steinberg", coder="zstd") == moving


def test_separate_clusters_are_found() -> None:
    data = np.array([[0, 0, 0], [2, 0, 0], [100, 100, 100], [100, 104, 100], [255, 0, 255]])
    model = KMeans(3).fit(data)
    assert sorted(model.cluster_centers_.tolist()) == [[1, 0, 0], [100, 102, 100], [255, 0, 255]]
    assert model.inertia_ == 2 + 8
    assert len(set(model.labels_[[0, 2, 4]])) == 3
    assert (model.labels_[0], model.labels_[2]) == (model.labels_[1], model.labels_[3])


@pytest.mark.parametrize("d", [1, 2, 3, 4, 6])
def test_inertia_and_labels_are_those_of_the_centres(d: int) -> None:
    data = np.rint(blobs(2000, d, 30))
    model = KMeans(12).fit(data)
    distances = np.square(data[:, None] - model.cluster_centers_[None]).sum(axis=2)
    assert np.array_equal(model.labels_, distances.argmin(axis=1))
    assert model.inertia_ == pytest.approx(distances.min(axis=1).sum(), rel=1e-12)
    assert np.array_equal(model.predict(data), model.labels_)


def test_no_cluster_is_left_empty_and_no_round_would_gain_much() -> None:
    data = blobs(5000, 3, 40)
    model = KMeans(64, tol=0).fit(data)
    counts = np.bincount(model.labels_, minlength=64)
    assert counts.min() > 0
    means = np.column_stack([np.bincount(model.labels_, column) / counts for column in data.T])
    assert np.abs(means - model.cluster_centers_).max() < 0.2


def test_it_beats_the_best_of_several_random_starts() -> None:
    data = blobs(3000, 3, 25, seed=5)
    random = np.random.default_rng(0)
    best = np.inf
    for _ in range(5):
        centers = data[random.choice(len(data), 25, replace=False)]
        for _ in range(50):
            labels = np.square(data[:, None] - centers[None]).sum(axis=2).argmin(axis=1)
            centers = np.array(
                [data[labels == i].mean(axis=0) if (labels == i).any() else centers[i] for i in range(25)]
            )
        best = min(best, np.square(data[:, None] - centers[None]).sum(axis=2).min(axis=1).sum())
    assert KMeans(25).fit(data).inertia_ <= best


def test_a_weight_is_worth_as_many_copies() -> None:
    data = np.rint(blobs(300, 3, 8))
    weights = np.random.default_rng(1).integers(1, 5, len(data))
    weighted = KMeans(8).fit(data, sample_weight=weights)
    repeated = KMeans(8).fit(np.repeat(data, weights, axis=0))
    assert np.array_equal(weighted.cluster_centers_, repeated.cluster_centers_)
    assert weighted.inertia_ == repeated.inertia_


def test_fractional_and_zero_weights_count_for_what_they_are() -> None:
    data = np.array([[0.0], [10.0], [200.0], [255.0]])
    model = KMeans(2).fit(data, sample_weight=[0.75, 0.25, 0.5, 0])
    assert model.cluster_centers_.ravel().tolist() == pytest.approx([2.5, 200])
    assert model.labels_.tolist() == [0, 0, 1, 1]


def test_all_clusters_are_used_even_for_points_next_to_each_other_on_the_lattice() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        data = random.integers(0, 4, (12, 2)) / 8
        k = len(np.unique(data, axis=0)) - 1
        model = KMeans(k).fit(data)
        assert model.cluster_centers_.shape == (k, 2)
        assert len(np.unique(model.labels_)) == k


def test_weights_of_very_different_size_all_count() -> None:
    data = np.rint(blobs(2000, 2, 10))
    weights = np.ones(len(data))
    weights[0] = 1e9
    model = KMeans(10).fit(data, sample_weight=weights)
    distances = np.square(data[:, None] - model.cluster_centers_[None]).sum(axis=2).min(axis=1)
    assert model.inertia_ == pytest.approx((weights * distances).sum(), rel=1e-3)
    for scale in (1e308, 5e-324):
        assert KMeans(2).fit(data, sample_weight=np.full(len(data), scale)).cluster_centers_.shape == (2, 2)


def test_more_clusters_than_points_repeat_the_last() -> None:
    model = KMeans(5).fit(np.array([[1, 2], [3, 4], [1, 2]]))
    assert model.cluster_centers_.shape == (5, 2)
    assert model.inertia_ == 0
    assert model.predict([[1, 2], [3, 4]]).tolist() == model.labels_[:2].tolist()


@pytest.mark.parametrize(("low", "high"), [(-1e-9, 1e-9), (-5.0, 1e6), (1e12, 1e12 + 1000)])
def test_data_of_any_range_are_clustered(low: float, high: float) -> None:
    unit = np.array([0.0, 0.01, 0.02, 0.5, 0.51, 0.98, 0.99, 1.0])
    data = (low + unit * (high - low))[:, None]
    model = KMeans(3).fit(data)
    assert model.labels_.tolist() in ([0, 0, 0, i, i, j, j, j] for i, j in ((1, 2), (2, 1)))
    assert np.abs(model.cluster_centers_[0] - (low + 0.01 * (high - low))).max() < (high - low) / 1000


@pytest.mark.parametrize(
    ("data", "weights", "message"),
    [
        ([1, 2, 3], None, "shape"),
        (np.zeros((0, 3)), None, "shape"),
        ([[np.nan, 1]], None, "finite"),
        ([["a"]], None, "numbers"),
        ([[-1e308], [1e308]], None, "spans"),
        ([[0], [1e-300]], None, "spans"),
        ([[1], [2]], [1], "sample_weight"),
        ([[1], [2]], [1, -1], "sample_weight"),
        ([[1], [2]], [0, 0], "sample_weight"),
        ([[1], [2]], [1, np.inf], "sample_weight"),
    ],
)
def test_data_that_cannot_be_clustered_are_refused(data: object, weights: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KMeans(1).fit(data, sample_weight=weights)  # type: ignore[arg-type]


def test_wrong_parameters_are_refused() -> None:
    wrong: dict[str, Any]
    for wrong in ({"n_clusters": 0}, {"max_iter": 0}, {"tol": -1}, {"tol": np.nan}):
        with pytest.raises(ValueError, match="at least"):
            KMeans(**wrong)
    for wrong in ({"n_clusters": 2.0}, {"n_clusters": True}, {"max_iter": "9"}):
        with pytest.raises(TypeError, match="must be an int"):
            KMeans(**wrong)
    with pytest.raises(ValueError, match="call fit first"):
        KMeans(2).predict([[1]])
    assert KMeans(2).fit([[1], [2]]).predict([[1e300], [-1e300]]).shape == (2,)
    with pytest.raises(ValueError, match="columns"):
        KMeans(1).fit([[1, 2]]).predict([[1]])


def test_defaults_are_those_that_users_of_scikit_learn_know() -> None:
    model = KMeans()
    assert (model.n_clusters, model.max_iter, model.tol) == (8, 300, 1e-4)


def test_the_least_of_all_parameters_are_allowed() -> None:
    model = KMeans(1, max_iter=1, tol=0).fit([[1], [2], [6]])
    assert model.cluster_centers_.tolist() == [[3]]
    assert model.n_iter_ == 1
    assert model.inertia_ == 4 + 1 + 9


@pytest.mark.parametrize("unit", [1 / 16, 1 / 4, 1, 2, 1e6])
def test_values_are_told_apart_whatever_their_unit(unit: float) -> None:
    data = unit * np.array([[0], [1], [40], [41], [60], [61]])
    model = KMeans(3).fit(data)
    assert sorted(model.cluster_centers_.ravel() / unit) == pytest.approx([0.5, 40.5, 60.5], abs=0.04)
    assert model.inertia_ == pytest.approx(6 * (unit / 2) ** 2, rel=0.2)


def test_data_beyond_colours_or_between_eighths_have_a_lattice_of_their_own() -> None:
    for low, high, offset, scale in ((0, 255, 0, 8), (0, 256, 0, 4), (-1, 254, -1, 8), (0, 0.0625, 0, 16384)):
        assert kmeans._lattice(np.array([[low], [high]], np.float64)) == (offset, scale)
    assert kmeans._lattice(np.array([[0.0], [0.0625], [255]])) == (0, 8)
    assert kmeans._lattice(np.array([[7.3], [7.3]])) == (7.3, 1)


def test_whole_weights_are_taken_as_they_are_and_others_in_units_of_a_power_of_two() -> None:
    weights, unit = kmeans._as_weights([3, 0, 5], 3, 3)
    assert (weights.tolist(), unit) == ([3, 0, 5], 1)
    weights, unit = kmeans._as_weights([0.75, 0.25, 3.0], 3, 3)
    assert (weights * unit).tolist() == [0.75, 0.25, 3.0]
    for d in (1, 2, 3, 4, 5):  # the largest squared distance in d dimensions times all of the weight fits 63 bits
        for given in ([0.3, 0.7, 1e-9], [2.0**60, 1, 1], [1e300, 1, 1e299]):
            weights, unit = kmeans._as_weights(given, 3, d)
            assert np.log2(unit) % 1 == 0
            assert 2**36 < int(weights.sum()) * d * 2040**2 // 2**22 < 2**42
            assert (weights * unit)[0] == pytest.approx(given[0], rel=1e-9)
            assert int(weights.sum()) * d * 2040**2 < 2**63


def test_labels_of_rows_without_weight_are_those_of_the_nearest_centre() -> None:
    data = np.array([[0.0], [1.0], [9.0], [250.0], [8.0]])
    model = KMeans(2).fit(data, sample_weight=[1, 1, 0, 1, 0])
    assert model.labels_.tolist() == model.predict(data).tolist()
    assert sorted(model.cluster_centers_.ravel()) == [0.5, 250]


SAME_EVERYWHERE = """
import hashlib, numpy as np, kpal
random = np.random.default_rng(7)
y, x = np.mgrid[0:90, 0:120]
rgb = np.stack((x * 2 + random.integers(0, 9, x.shape), y * 2, (x * y) % 256), axis=2).astype(np.uint8)
rgba = np.dstack((rgb, (x + y).clip(0, 255).astype(np.uint8)))
digest = hashlib.sha256()
for pixels in (rgb, rgba):
    for colors, options in (
        (7, {"dither": "floyd-steinberg"}),
        (7, {"dither": "ordered", "metric": "rgb"}),
        (64, {"metric": "rgb"}),
        (64, {"rate": 1}),
        (256, {}),
        (256, {"speed": "fast"}),
    ):
        image = kpal.quantize(pixels, colors, **options)
        digest.update(image.indices.tobytes() + image.palette.tobytes())
digest.update(kpal.KMeans(20).fit(rgb.reshape(-1, 3) / 255).cluster_centers_.tobytes())
print(digest.hexdigest())
"""


def test_results_do_not_depend_on_threads_or_on_the_matrix_library_s_kernel() -> None:
    digests = set()
    for settings in (
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "2"},
        {"OPENBLAS_CORETYPE": "Prescott"},
        {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX"},
    ):
        run = subprocess.run(
            [sys.executable, "-c", SAME_EVERYWHERE],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(run.stdout)
    assert len(digests) == 1
