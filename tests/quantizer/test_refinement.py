"""Palettes whose colours move to where the picture keeps more of its structure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kpal
from kpal.quantizer import refinement
from kpal.quantizer.ms_ssim import LARGE, Structure, sample

U8 = NDArray[np.uint8]


def busy(height: int = 120, width: int = 160) -> U8:
    """Slopes and waves under noise."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack((x + 40 * np.sin(y / 9), y * 2 % 200 + x / 9, 255 - x - y / 3), axis=2)
    noise = np.random.default_rng(1).normal(0, 6, waves.shape)
    return np.clip(waves + noise, 0, 255).astype(np.uint8)


def lost(pixels: U8, image: kpal.IndexedImage) -> float:
    return Structure(sample(pixels)).lost(image.palette, sample(image.indices))


def unrefined(monkeypatch: pytest.MonkeyPatch, pixels: U8, colors: int) -> kpal.IndexedImage:
    with monkeypatch.context() as patched:
        patched.setattr("kpal.quantizer.search._REFINEMENTS", 0)
        return kpal.quantize(pixels, colors)


@pytest.mark.parametrize("colors", [12, 64, 100])
def test_a_palette_keeps_more_structure_than_the_means_do(colors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = busy()
    means = unrefined(monkeypatch, pixels, colors)
    image = kpal.quantize(pixels, colors)
    assert len(image.palette) == colors
    assert lost(pixels, image) < 0.97 * lost(pixels, means)
    error, least = (np.square(i.pixels().astype(int) - pixels).mean() for i in (image, means))
    assert least < error < 1.5 * least


def test_colours_that_are_right_for_most_of_their_pixels_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = busy()
    pixels[:40], pixels[40:60, :80] = (250, 3, 7), (1, 77, 255)
    image = kpal.quantize(pixels, 20)
    assert {(250, 3, 7), (1, 77, 255)} <= set(map(tuple, image.palette.tolist()))
    assert not np.array_equal(image.palette, unrefined(monkeypatch, pixels, 20).palette)


def test_fixed_colours_stay() -> None:
    fixed = np.array([(128, 128, 130), (60, 100, 140)], np.uint8)
    palette = kpal.quantize(busy(), 12, fixed=fixed).palette
    assert {tuple(color) for color in fixed.tolist()} <= set(map(tuple, palette.tolist()))


def test_translucent_colours_stay_and_opaque_ones_move(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.dstack((busy(LARGE, LARGE + 10), np.full((LARGE, LARGE + 10), 255, np.uint8)))
    pixels[:20, :, 3] = 0
    pixels[20:24, :, 3] = 130
    before, after = unrefined(monkeypatch, pixels, 30).palette, kpal.quantize(pixels, 30).palette
    assert set(before[:, 3].tolist()) == {0, 130, 255}
    assert np.array_equal(before[before[:, 3] < 255], after[after[:, 3] < 255])
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("options", [{"metric": "rgb"}, {"speed": "fast"}, {"quality": (0, 99)}, {"colors": 200}])
def test_nothing_moves_where_the_least_error_the_least_time_or_many_colours_are_asked_for(
    options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("moved")

    monkeypatch.setattr("kpal.quantizer.search.moved", refuse)
    kpal.quantize(busy(), **{"colors": 30, **options})  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="moved"):
        kpal.quantize(busy(), 30)


def test_nothing_moves_where_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.full((200, 200, 3), (250, 250, 252), np.uint8)
    pixels[20:60, 20:60, 0] = np.arange(40)
    monkeypatch.setattr("kpal.quantizer.search.moved", None)
    assert kpal.quantize(pixels, 38).indices.shape == (200, 200)
    monkeypatch.setattr("kpal.quantizer.search._NOTHING", 0)
    with pytest.raises(TypeError, match="not callable"):
        kpal.quantize(pixels, 38)


class Bowl:
    """In place of a blend: loses a known amount for each step of light away from where nothing is lost."""

    def __init__(self, lowest: NDArray[np.float64], steepness: float) -> None:
        self.lowest, self.steepness = lowest, steepness

    def lost(self, light: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        away = light - self.lowest
        return float(self.steepness * np.square(away).sum()), 2 * self.steepness * away


def light_of(roots: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((roots / 4096) ** 3 - 0.001)


@pytest.mark.parametrize("steepness", [10.0, 30.0])
def test_colours_go_where_the_loss_and_the_price_of_the_way_are_least(steepness: float) -> None:
    start = refinement._levels()[[[60, 100, 200], [130, 130, 130], [30, 220, 90]]]
    lowest = light_of(start) + np.array([[0.05, -0.02, 0.1], [0.1, 0.1, 0.1], [0.2, -0.2, 0.0]])
    bowls: Any = [(Bowl(lowest, steepness), light_of(start)), (Bowl(lowest, 3 * steepness), light_of(start))]
    cost = np.array([[2e-6], [1e-6], [5e-7]])
    free = np.array([[True], [True], [False]])
    found = refinement._descended(bowls, start, cost, free)
    assert np.array_equal(found[2], start[2])

    def loss(roots: NDArray[np.float64], cost: float, lowest: float, start: float) -> NDArray[np.float64]:
        return np.asarray(2 * steepness * (light_of(roots) - lowest) ** 2 + 3 * cost * (roots - start) ** 2)

    every = np.arange(410, 4100.0)
    for color, channel in np.ndindex(2, 3):
        here = (float(cost[color, 0]), float(lowest[color, channel]), float(start[color, channel]))
        losses = loss(every, *here)
        reached, begun = (loss(x[color, channel], *here) for x in (found, start))
        assert reached - losses.min() < 0.02 * (begun - losses.min())


def test_levels_are_cube_roots_of_light() -> None:
    light = np.where((v := np.arange(256) / 255) <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    assert np.array_equal(refinement._levels(), np.rint(4096 * np.cbrt(light + 0.001)))


def test_progress_goes_on_while_palettes_are_tried_and_refined() -> None:
    fractions: list[float] = []

    def heard(stage: str, fraction: float) -> None:
        if stage == "clustering":
            fractions.append(fraction)

    kpal.quantize(busy(), 12, progress=heard)
    assert len(fractions) >= 6
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
