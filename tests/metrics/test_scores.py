"""Errors of what is seen: the figures that other libraries compute, and those that follow by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import mean_squared_error as peer_error
from skimage.metrics import peak_signal_noise_ratio

from kpal import IndexedImage, Report
from kpal.color.compositing import over, same, seen
from kpal.metrics import scores as measured
from kpal.metrics.scores import mean_squared_error, psnr, ssimulacra2

from ..images import gradient, random_indexed, soft_icon

U8 = NDArray[np.uint8]


def composited(pixels: U8, level: int) -> NDArray[np.float64]:
    alpha = pixels[:, :, 3:] / 255
    return np.asarray(pixels[:, :, :3] * alpha + level * (1 - alpha))


def changed(pixels: U8, seed: int = 0) -> U8:
    noise = np.random.default_rng(seed).integers(-9, 10, pixels.shape)
    return np.asarray(np.clip(pixels + noise, 0, 255), np.uint8)


@pytest.mark.parametrize("level", [0, 26, 127, 230, 255])
def test_every_colour_of_every_alpha_is_composited_to_the_nearest_level(level: int) -> None:
    color, alpha = np.meshgrid(np.arange(256), np.arange(256))
    pixels = np.stack((color, color[::-1], color[:, ::-1], alpha), axis=2).astype(np.uint8)
    assert np.array_equal(over(pixels, level), np.rint(composited(pixels, level)))


def test_the_clear_shows_the_background_and_the_opaque_hides_it() -> None:
    pixels = np.array([[[9, 8, 7, 0], [9, 8, 7, 255]]], np.uint8)
    assert over(pixels, 40).tolist() == [[[40, 40, 40], [9, 8, 7]]]
    assert over(pixels[:, :, :3], 40).tolist() == [[[9, 8, 7], [9, 8, 7]]]


def test_errors_of_opaque_images_are_those_of_scikit_image() -> None:
    a, b = gradient(), changed(gradient())
    assert mean_squared_error(a, b) == pytest.approx(peer_error(a, b))
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b))  # type: ignore[no-untyped-call]


def test_an_error_of_one_level_everywhere_is_20_log_255_decibels() -> None:
    a = np.full((5, 4, 3), 100, np.uint8)
    assert mean_squared_error(a, a + np.uint8(1)) == 1
    assert psnr(a, a + np.uint8(1)) == pytest.approx(20 * math.log10(255), rel=1e-12)
    assert psnr(np.zeros_like(a), np.full_like(a, 255)) == 0
    assert psnr(a, a) == math.inf


def test_with_alpha_the_error_is_the_mean_of_those_over_black_and_over_white() -> None:
    a, b = soft_icon(), changed(soft_icon())
    errors = [peer_error(np.rint(composited(a, level)), np.rint(composited(b, level))) for level in (0, 255)]
    assert errors[0] != pytest.approx(errors[1], rel=0.01)
    assert mean_squared_error(a, b) == pytest.approx(np.mean(errors))


def test_a_hole_in_white_shows_over_black_alone() -> None:
    white, hole = np.full((1, 2, 3), 255, np.uint8), np.full((1, 2, 4), 255, np.uint8)
    hole[0, 0, 3] = 0
    assert mean_squared_error(white, hole) == 255 * 255 / 4  # one of two pixels, over one of two backgrounds
    assert not same(white, hole)
    assert not same(np.zeros((1, 2, 3), np.uint8), hole * np.array([0, 0, 0, 1], np.uint8))


def test_images_are_the_same_whatever_alpha_hides_and_whether_needless_alpha_is_there() -> None:
    pixels = gradient()
    opaque = np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))
    assert same(pixels, opaque)
    assert same(opaque, pixels)
    clear = opaque.copy()
    clear[:9, :, 3] = 0
    hidden = clear.copy()
    hidden[:9, :, :3] ^= 255
    assert same(clear, hidden)
    for other in (clear, changed(pixels)):
        assert not same(pixels, other)


def test_images_without_alpha_are_seen_as_they_are_and_others_over_each_background() -> None:
    rgb, rgba = gradient(), np.dstack((gradient(), np.zeros((48, 64), np.uint8)))
    ((a, b),) = seen(rgb, rgb, (0, 255))
    assert a is b is rgb
    for pair in ((rgb, rgba), (rgba, rgb), (rgba, rgba)):
        for (a, b), level in zip(seen(*pair, (0, 255)), (0, 255), strict=True):
            assert [np.unique(x).tolist() == [level] for x in (a, b)] == [x is rgba for x in pair]


# --- the perceptual score


def test_the_perceptual_score_is_the_one_of_its_package_and_with_alpha_the_worse_of_two() -> None:
    package = pytest.importorskip("ssimulacra2")

    def score(a: U8, b: U8) -> float:
        return float(package.compute_ssimulacra2(*(measured._bmp(x) for x in (a, b))))

    a, b = gradient(), changed(gradient())
    assert ssimulacra2(a, a) == pytest.approx(100)
    assert ssimulacra2(a, b) == score(a, b)
    icon, other = soft_icon(), changed(soft_icon())
    scores = [score(over(icon, level), over(other, level)) for level in (26, 230)]
    assert scores[0] != scores[1]
    assert ssimulacra2(icon, other) == min(scores)


def test_the_package_gets_the_pixels_as_they_are() -> None:
    with Image.open(measured._bmp(gradient())) as image:
        assert np.array_equal(np.asarray(image), gradient())


def test_tiny_and_huge_images_have_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ssimulacra2")
    monkeypatch.setattr(measured, "_LARGEST_SCORED", 8 * 20)
    for shape, scored in (((8, 20), True), ((20, 8), True), ((8, 21), False), ((7, 20), False), ((20, 7), False)):
        pixels = random_indexed(*shape, 30).pixels()
        assert (ssimulacra2(pixels, pixels) is not None) == scored


# --- reports


def test_a_report_as_json_has_its_figures_rounded_and_no_infinity() -> None:
    image = random_indexed(9, 9, 5)

    def report(error: float) -> dict[str, Any]:
        return Report(5, 81.23456, error, 3, {"coding": 1.23456}, 77, image.pixels(), image).as_dict()

    assert report(6.5025) == {
        "colors": 5,
        "quality": 81.23,
        "mse": 6.5025,
        "psnr_db": pytest.approx(40),
        "iterations": 3,
        "ms": {"coding": 1.235},
        "bytes": 77,
    }
    assert report(0)["psnr_db"] is None
    with_score = Report(5, 100, 0, 0, {}, None, image.pixels(), IndexedImage(image.indices, image.palette))
    assert with_score.as_dict(score=True)["ssimulacra2"] == with_score.ssimulacra2()


@pytest.mark.parametrize("channels", [3, 4])
def test_an_equal_image_has_no_error(channels: int) -> None:
    pixels = np.random.default_rng(channels).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    assert mean_squared_error(pixels, pixels.copy()) == 0.0
    pixels[..., -1] = 200
    other = pixels.copy()
    other[0, 0, 0] ^= 128
    assert mean_squared_error(pixels, other) > 0
