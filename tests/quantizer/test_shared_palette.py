"""One palette for many images."""

from __future__ import annotations

import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import kpal
from kpal.quantizer.histogram import Histogram, PooledHistogram

from ..images import gradient, random_indexed, soft_icon, squared_error

HALVES = (gradient()[:, :32], gradient()[:, 32:])


def test_the_palette_of_the_parts_is_that_of_the_whole() -> None:
    whole = kpal.quantize(gradient(), 40, metric="rgb").palette
    assert np.array_equal(kpal.shared_palette(HALVES, 40, metric="rgb"), whole)
    assert np.array_equal(kpal.shared_palette(reversed(HALVES), 40, metric="rgb"), whole)


def test_few_colours_are_shared_exactly() -> None:
    images = [random_indexed(9, 9, 20, seed=seed) for seed in range(3)]
    palette = kpal.shared_palette([image.pixels() for image in images])
    assert len(palette) == len(np.unique(np.vstack([image.palette for image in images]), axis=0))
    for image in images:
        assert np.array_equal(kpal.decode(kpal.encode(image.pixels(), palette=palette)), image.pixels())


def test_images_with_and_without_alpha_share_a_palette() -> None:
    palette = kpal.shared_palette([gradient(), soft_icon()], 64)
    assert palette.shape[1] == 4
    assert palette[:, 3].min() < 8
    assert palette[:, 3].max() == 255
    shown = kpal.quantize(gradient(), palette=palette).pixels()
    assert (shown[..., 3] == 255).mean() > 0.95
    assert squared_error(shown[..., :3], gradient()) < 6 * squared_error(
        kpal.quantize(gradient(), 64).pixels(), gradient()
    )


def test_images_are_taken_one_at_a_time() -> None:
    given: list[weakref.ref[np.ndarray]] = []

    def image(half: np.ndarray) -> np.ndarray:
        assert all(earlier() is None for earlier in given)
        copy = half.copy()
        given.append(weakref.ref(copy))
        return copy

    assert len(kpal.shared_palette((image(half) for half in HALVES), 7)) == 7
    assert len(given) == 2


def test_fixed_colours_are_in_the_shared_palette() -> None:
    for fixed in ([[1, 2, 3], [255, 0, 255]], [[1, 2, 3, 4]]):
        palette = kpal.shared_palette(HALVES, 20, fixed=fixed)
        assert len(palette) == 20
        assert {tuple(color) for color in fixed} <= {tuple(color) for color in palette.tolist()}


# --- the tally


def tallied(images: list[np.ndarray], limit: int) -> PooledHistogram:
    tally = PooledHistogram(limit=limit)
    for image in images:
        tally.add(Histogram(image))
    return tally


def test_a_tally_adds_up_histograms() -> None:
    tally, histogram = tallied(list(HALVES), 1 << 20), Histogram(gradient())
    order = np.lexsort(histogram.colors.T)
    mine = np.lexsort(tally.colors.T)
    assert np.array_equal(tally.colors[mine], histogram.colors[order])
    assert np.array_equal(tally.counts[mine], histogram.counts[order])


@pytest.mark.parametrize("limit", [1, 50, 700])
def test_a_tally_stays_within_its_limit_whatever_the_order(limit: int) -> None:
    images = [gradient(), gradient()[::-1, :, ::-1], random_indexed(30, 30, 256).pixels(), soft_icon()]
    tally = tallied(images, limit)
    assert len(tally.counts) <= limit
    assert tally.counts.sum() == sum(image.shape[0] * image.shape[1] for image in images)
    for order in ((3, 2, 1, 0), (1, 3, 0, 2)):
        other = tallied([images[i] for i in order], limit)
        assert np.array_equal(other.colors, tally.colors)
        assert np.array_equal(other.counts, tally.counts)


def test_colours_that_are_counted_together_become_their_mean() -> None:
    pixels = np.array([[[10, 20, 30], [11, 20, 30], [11, 20, 30], [200, 0, 0]]], np.uint8)
    tally = tallied([pixels], 2)
    assert sorted(zip(tally.colors.tolist(), tally.counts.tolist(), strict=True)) == [
        ([11, 20, 30], 3),
        ([200, 0, 0], 1),
    ]


def four_images() -> list[np.ndarray]:
    marked = gradient().copy()
    marked[3:9, 3:9] = (255, 0, 255)  # an accent
    return [marked, gradient()[::-1], random_indexed(30, 30, 256).pixels(), soft_icon()]


def test_tallies_of_parts_give_the_palette_of_all_in_any_order() -> None:
    images = four_images()
    expected = kpal.shared_palette(images, 20)
    first, second = kpal.Tally(images[:1]), kpal.Tally(images[1:3])
    last = pickle.loads(pickle.dumps(kpal.Tally(images[3:])))
    orders: list[list[Any]] = [[first, second, last], [last, images[0], second], [second, images[0], images[3]]]
    for parts in orders:
        assert np.array_equal(kpal.shared_palette(parts, 20), expected)
    second.merge(last)
    second.merge(first)
    assert second.count == 4
    assert repr(second) == "<Tally of 4 images, metric='perceptual'>"
    assert np.array_equal(kpal.shared_palette(second, 20), expected)


@pytest.mark.parametrize("limit", [1, 50, 700])
def test_sums_of_sums_stay_within_the_limit_and_are_the_same(limit: int) -> None:
    images = four_images()
    whole = tallied(images, limit)
    left, right = tallied(images[:1], limit), tallied(images[1:], limit)
    for one, other in ((left, right), (pickle.loads(pickle.dumps(right)), tallied(images[:1], limit))):
        one.merge(other)
        assert len(one.counts) <= limit
        assert np.array_equal(one.colors, whole.colors)
        assert np.array_equal(one.counts, whole.counts)
        assert np.array_equal(one.weights, whole.weights)


def test_an_executor_counts_the_colours() -> None:
    images = [*four_images(), *(random_indexed(5, 5, 20, seed=seed).pixels() for seed in range(30))]
    with ThreadPoolExecutor(2) as executor:
        palette = kpal.shared_palette(iter(images), 20, executor=executor)
    assert np.array_equal(palette, kpal.shared_palette(images, 20))


def test_tallies_of_another_metric_do_not_go_together() -> None:
    tally = kpal.Tally(HALVES, metric="rgb")
    with pytest.raises(ValueError, match="metric='perceptual' cannot take one with metric='rgb'"):
        kpal.shared_palette(tally)
    with pytest.raises(ValueError, match="metric must be one of perceptual, rgb"):
        kpal.Tally(metric="lab")  # type: ignore[arg-type]


# --- wrong arguments


def test_wrong_arguments_say_what_would_be_right() -> None:
    with pytest.raises(ValueError, match="images must have at least one"):
        kpal.shared_palette([])
    for single in (gradient(), random_indexed(2, 2, 2)):
        with pytest.raises(TypeError, match="images must be several"):
            kpal.shared_palette(single)
    with pytest.raises(ValueError, match="colors must be from 1 to 256, not 0"):
        kpal.shared_palette(HALVES, 0)
    with pytest.raises(TypeError, match="must be uint8"):
        kpal.shared_palette([gradient().astype(float)])
