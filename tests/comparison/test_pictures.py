"""The map of differences."""

from __future__ import annotations

import numpy as np

from kpal.color.spaces import oklab
from kpal.comparison.pictures import AMPLIFIED, difference, scale

from ..images import gradient, soft_icon


def slow_level(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    light, dark = (np.array(oklab(np.array(color, np.uint8))) for color in (a, b))
    distance = float(np.sqrt(np.square(light - dark).sum()))
    return int(np.ceil(min(1.0, AMPLIFIED * distance) * 15))


def test_black_and_white_are_one_apart_in_oklab() -> None:
    (light, a, b) = oklab(np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    assert np.allclose(light, [0, 1], atol=1e-4)
    assert np.allclose([a, b], 0, atol=1e-4)


def test_levels_are_amplified_distances_in_oklab() -> None:
    pixels = gradient()
    shown = pixels.copy()
    shown[::2, ::3] ^= 5
    levels = difference(pixels, shown)
    assert (levels[1::2] == 0).all()
    for y, x in ((0, 0), (2, 3), (20, 33), (46, 63)):
        assert levels[y, x] == slow_level(tuple(pixels[y, x]), tuple(shown[y, x]))
    assert levels.max() <= 15


def test_the_smallest_error_is_visible() -> None:
    pixels = np.full((1, 1, 3), 128, np.uint8)
    assert difference(pixels, pixels)[0, 0] == 0
    assert difference(pixels, pixels + np.array([[[1, 0, 0]]], np.uint8))[0, 0] == 1


def test_alpha_counts_over_the_background_that_shows_it_more() -> None:
    black = np.array([[[0, 0, 0, 255]]], np.uint8)
    half = np.array([[[0, 0, 0, 127]]], np.uint8)
    assert difference(black, half)[0, 0] == 15
    hidden = np.array([[[9, 9, 9, 0]]], np.uint8)
    assert difference(hidden, np.array([[[200, 0, 0, 0]]], np.uint8))[0, 0] == 0
    assert (difference(soft_icon(), soft_icon()) == 0).all()


def test_the_scale_goes_from_dark_to_bright() -> None:
    light = oklab(np.array([list(bytes.fromhex(color[1:])) for color in scale()], np.uint8))[0]
    assert len(scale()) == 16
    assert (np.diff(light) > 0).all()
