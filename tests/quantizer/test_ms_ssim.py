"""What a picture loses of its structure."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import kpal
from kpal.quantizer.ms_ssim import SMALLEST, Structure, sample

U8 = NDArray[np.uint8]


def lost(a: U8, b: U8) -> float:
    """What `b` has lost of `a`; each pixel of `b` has a colour of its own in the palette."""
    height, width = b.shape[:2]
    return Structure(sample(a)).lost(b.reshape(-1, 3), sample(np.arange(height * width).reshape(height, width)))


def slope() -> U8:
    """Gray, from dark to light."""
    y, x = np.mgrid[0:96, 0:128]
    return np.repeat(((x + y / 2 + 30).astype(np.uint8))[:, :, None], 3, axis=2)


def seen_by_definition(pixels: U8, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lightness and yellow against blue of blocks of size by size pixels."""
    height, width = (n // size * size for n in pixels.shape[:2])
    v = pixels[:height, :width] / 255
    light = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    mean = light.reshape(height // size, size, width // size, size, 3).mean(axis=(1, 3))
    to_lms = [[0.3, 0.622, 0.078], [0.23, 0.692, 0.078], [0.2434, 0.2048, 0.5518]]
    long, middle, short = np.moveaxis(np.cbrt(mean @ np.transpose(to_lms) + 0.0037931), 2, 0)
    return (long + middle) / 2, short - (long + middle) / 2


def dissimilarity_by_definition(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    values = []
    for y in range(a.shape[0] - 4):
        for x in range(a.shape[1] - 4):
            p, q = a[y : y + 5, x : x + 5], b[y : y + 5, x : x + 5]
            covariance = ((p - p.mean()) * (q - q.mean())).mean()
            structure = (2 * covariance + 0.0009) / (p.var() + q.var() + 0.0009)
            values.append(max(0.0, 1 - (1 - (p.mean() - q.mean()) ** 2) * structure))
    return float(np.mean(values)), float(np.mean(np.power(values, 4)) ** 0.25)


def test_an_image_has_lost_nothing_of_itself() -> None:
    assert lost(slope(), slope()) == 0


def test_what_is_lost_follows_from_the_definition() -> None:
    random = np.random.default_rng(2)
    a = random.integers(0, 256, (90, 103, 3), dtype=np.uint8)
    a[:, :50] = np.sort(a[:, :50], axis=1)
    b = (a // 40 * 40).astype(np.uint8)
    wanted = 0.0
    weights = {4: ((225, 19), (0, 0)), 8: ((176, 24), (0, 9)), 16: ((0, 35), (95, 0))}
    for size, weight in weights.items():
        seen = zip(seen_by_definition(a, size), seen_by_definition(b, size), strict=True)
        for (of_mean, of_worst), (x, y) in zip(weight, seen, strict=True):
            mean, worst = dissimilarity_by_definition(x, y)
            wanted += of_mean * mean + of_worst * worst
    assert lost(a, b) == pytest.approx(wanted, rel=1e-4)


def test_stairs_in_place_of_a_slope_lose_more_than_noise_of_the_same_error() -> None:
    stairs = (slope() // 24 * 24 + 12).astype(np.uint8)
    error = np.sqrt(np.square(stairs.astype(int) - slope()).mean())
    noise = np.random.default_rng(3).normal(0, error, slope().shape[:2])[:, :, None]
    assert lost(slope(), stairs) > 3 * lost(slope(), np.clip(slope() + noise, 0, 255).astype(np.uint8))


def test_small_images_are_not_judged_from_afar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpal.quantizer.search.Picture", None)
    for size in ((SMALLEST - 1, 200), (200, SMALLEST - 1)):
        pixels = np.random.default_rng(4).integers(0, 256, (*size, 3), dtype=np.uint8)
        assert len(kpal.quantize(pixels, 8).palette) == 8


def test_it_does_not_matter_how_many_rows_are_seen_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lost(slope(), slope()[::-1])
    monkeypatch.setattr("kpal.quantizer.ms_ssim._STRIP", 9 * slope().shape[1])
    assert lost(slope(), slope()[::-1]) == whole > 0


def test_a_large_image_is_seen_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.vstack([slope()] * 5)
    monkeypatch.setattr("kpal.quantizer.ms_ssim._STRIP", 60 * pixels.shape[1])
    monkeypatch.setattr("kpal.quantizer.ms_ssim._STRIPS", 4)
    changed = pixels.copy()
    changed[60:120] = changed[180:240] = changed[300:360] = 0
    assert lost(pixels, changed) == 0
    changed[236:244] = 0
    assert lost(pixels, changed) > 0


@pytest.mark.parametrize("height", [SMALLEST, SMALLEST + 20, 3 * SMALLEST + 1])
def test_enough_of_a_very_wide_image_is_seen(height: int) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (height, 30_000, 3), dtype=np.uint8)
    assert lost(pixels, pixels) == 0
    assert lost(pixels, pixels[::-1]) > 0


@pytest.mark.parametrize("background", [30, 220])
def test_a_blend_tells_what_is_lost_and_how_fast_that_rises_with_the_light_of_each_colour(background: int) -> None:
    random = np.random.default_rng(7)
    pixels = np.dstack((slope(), random.integers(0, 256, slope().shape[:2], dtype=np.uint8)))
    palette = random.integers(0, 256, (6, 4), dtype=np.uint8)
    indices = (pixels[:, :, 0] // 48).astype(np.uint8)
    structure = Structure(pixels, background)
    blend = structure.blend(indices, len(palette))
    light = blend.light(palette)
    total, slopes = blend.lost(light)
    assert total == pytest.approx(structure.lost(palette, indices), rel=1e-4)
    for place in np.ndindex(light.shape):
        step = np.zeros(light.shape)
        step[place] = 0.004
        (more, _), (less, _) = blend.lost(light + step), blend.lost(light - step)
        assert slopes[place] == pytest.approx((more - less) / 0.008, abs=0.01 * np.abs(slopes).max())


def test_of_few_colours_the_palette_is_the_one_that_keeps_most_of_the_structure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y, x = np.mgrid[0:120, 0:160]
    random = np.random.default_rng(1)
    pixels = np.stack((x + 40 * np.sin(y / 9), y * 2 % 200 + x / 9, 255 - x - y / 3), axis=2)
    pixels = np.clip(pixels + random.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
    monkeypatch.setattr("kpal.quantizer.search._REFINEMENTS", 0)
    chosen = lost(pixels, kpal.quantize(pixels, 10).pixels())
    monkeypatch.setattr("kpal.quantizer.search._FEW_COLORS", 9)
    assert 0 < chosen < lost(pixels, kpal.quantize(pixels, 10).pixels())
