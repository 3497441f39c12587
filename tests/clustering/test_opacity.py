"""Opaque stays opaque and clear clear: which entries that takes, by hand and by search through all."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kpal.clustering.opacity import Matching, is_opaque, made_opaque, with_clear
from kpal.color.spaces import to_points

U8 = NDArray[np.uint8]


def entries(*alphas: int, channels: int = 4) -> U8:
    """Colours of these alphas."""
    colors = np.full((len(alphas), 4), 90, np.uint8)
    colors[:, 3] = alphas
    return colors[:, :channels]


def test_opaque_is_an_alpha_of_255_or_none() -> None:
    assert is_opaque(entries(255, 254, 0)).tolist() == [True, False, False]
    assert is_opaque(entries(255, 254, 0, channels=3)).all()


@pytest.mark.parametrize(
    ("fixed", "colors", "k", "added"),
    [
        (entries(), entries(0, 255), 2, True),
        (entries(), entries(0, 255), 1, False),  # no room for another
        (entries(255), entries(0, 255), 3, True),
        (entries(255), entries(0, 255), 2, True),
        (entries(255, 0), entries(0, 255), 9, False),  # one is clear
        (entries(255, 1), entries(0, 255), 9, True),
        (entries(255), entries(1, 255), 9, False),  # nothing is clear
        (entries(255, channels=3), entries(255, 255, channels=3), 9, False),
    ],
)
def test_what_is_clear_gets_an_entry_of_its_own_where_there_is_room(fixed: U8, colors: U8, k: int, added: bool) -> None:
    expected = [*fixed.tolist(), *[[0, 0, 0, 0]] * added]
    assert with_clear(fixed, colors, k).tolist() == expected


def opaque_after(palette: U8, colors: U8, weights: list[int], labels: list[int], fixed: int = 0) -> list[bool]:
    before = palette.copy()
    made = made_opaque(palette, colors, np.array(weights), np.array(labels), fixed)
    assert np.array_equal(palette, before)
    assert np.array_equal(made[:, :3], palette[:, :3])
    assert np.array_equal(made[made[:, 3] != 255], palette[made[:, 3] != 255])
    return list(is_opaque(made))


def test_an_entry_becomes_opaque_unless_those_that_share_it_are_translucent_enough() -> None:
    # As many opaque ones as others: 64 levels below 255 are the limit.
    for alpha, opaque in ((192, True), (191, True), (190, False)):
        assert opaque_after(entries(240, 255), entries(255, alpha, 255), [5, 5, 1], [0, 0, 1]) == [opaque, True]
    # A mean gap g of `rest` against `opaque` ones: opaque * 64**2 >= rest * g**2.
    for rest, opaque in ((4, True), (5, False)):
        assert opaque_after(entries(250, 255), entries(255, 223, 255), [1, rest, 1], [0, 0, 1])[0] == opaque
    assert opaque_after(entries(240, 200), entries(255, 200, 199), [1, 1, 1], [0, 1, 1]) == [True, False]


def test_one_entry_at_least_becomes_opaque_where_a_colour_is() -> None:
    colors, weights, labels = entries(255, 0, 255, 0, 9), [1, 9, 2, 99, 9], [0, 0, 1, 1, 2]
    assert opaque_after(entries(9, 9, 9), colors, weights, labels) == [False, True, False]
    assert opaque_after(entries(9, 9, 9), colors, weights, labels, fixed=1) == [False, True, False]
    assert opaque_after(entries(255, 9, 9), colors, weights, labels, fixed=1) == [True, False, False]
    assert opaque_after(entries(9, 9), entries(254, 9), [1, 1], [0, 1]) == [False, False]


def test_fixed_entries_stay_and_palettes_without_alpha_are_left_alone() -> None:
    assert opaque_after(entries(250, 250), entries(255, 255), [3, 3], [0, 1], fixed=1) == [False, True]
    plain = entries(0, channels=3)
    assert made_opaque(plain, plain, np.array([1]), np.array([0]), 0) is plain


@pytest.mark.parametrize("channels", [3, 4])
def test_opaque_colours_take_the_nearest_opaque_entry_and_all_others_the_nearest(channels: int) -> None:
    random = np.random.default_rng(channels)
    palette, colors = (random.integers(0, 256, (n, channels), dtype=np.uint8) for n in (12, 300))
    if channels == 4:
        palette[::3, 3] = 255
    opaque = random.integers(0, 2, len(colors)).astype(np.bool_)
    points, centers = to_points(colors, "rgb"), to_points(palette, "rgb")
    search = Matching(points, opaque)
    distances = np.square(points[:, None] - centers).sum(axis=2)
    distances[np.ix_(opaque, ~is_opaque(palette))] = 1 << 40
    assert np.array_equal(search.nearest(palette, centers), distances.argmin(axis=1))
    search.guess(random.integers(0, 12, len(colors)))
    assert np.array_equal(search.nearest(palette, centers), distances.argmin(axis=1))


def test_where_no_entry_is_opaque_opaque_colours_take_the_nearest() -> None:
    palette = entries(10, 200, 100)
    points, centers = to_points(entries(255, 12), "rgb"), to_points(palette, "rgb")
    assert Matching(points, np.array([True, False])).nearest(palette, centers).tolist() == [1, 0]
