"""Asking for a quality or a size, and hearing what became of it."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
from skimage.data import astronaut

import kpal
from kpal import Report, UnreachableError
from kpal.color.spaces import SCALE
from kpal.metrics.scores import psnr, ssimulacra2
from kpal.progress import Watch
from kpal.quantizer.byte_target import _largest
from kpal.quantizer.histogram import Histogram
from kpal.quantizer.options import Options
from kpal.quantizer.palette_search import counted
from kpal.quantizer.quality import entropy, scale_of
from kpal_format import compiled

from ..images import gradient, pillow, random_indexed, soft_icon, squared_error

with_compiler = pytest.mark.skipif(not compiled(), reason="the default coder is then fast")

PHOTO = astronaut()[:200, :200]  # type: ignore[no-untyped-call]


def reported(pixels: np.ndarray, **options: object) -> Report:
    reports: list[Report] = []
    kpal.encode(pixels, report=reports.append, **options)  # type: ignore[arg-type]
    (report,) = reports
    return report


# --- the options


@pytest.mark.parametrize("function", [kpal.quantize, kpal.encode])
def test_every_option_of_the_quantiser_is_an_argument_with_the_same_default(function: object) -> None:
    parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    for name, option in inspect.signature(Options).parameters.items():
        assert parameters[name].default == option.default
        assert name in str(kpal.quantize.__doc__)


# --- quality


def test_the_scale_of_quality_is_what_its_documentation_says() -> None:
    scale = scale_of(Histogram(np.zeros((20, 50, 3), np.uint8)), "rgb")
    for quality, decibels in ((50, 32.1), (80, 38.1), (90, 41.7), (95, 44.9)):
        error = 40 * (100 / quality - 1)
        assert 10 * math.log10(255**2 / error) == pytest.approx(decibels, abs=0.05)
        inertia = round(error * 3 * SCALE**2 * 1000)
        assert scale.quality_of(inertia) == pytest.approx(quality)
        assert scale.reaches(inertia - 1, quality)
        assert not scale.reaches(inertia + 1, quality)
    assert scale.reaches(0, 100)
    assert not scale.reaches(1, 100)
    assert scale.reaches(2**62, 0)


def test_by_the_metric_of_the_eye_the_same_error_is_of_less_quality_in_a_flat_or_simple_picture() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, 16:] = 255
    halves = counted(pixels, "perceptual")  # 1 bit a pixel
    assert scale_of(halves, "perceptual").half == pytest.approx(error_at_50(halves, bits=1), rel=1e-3)
    noise = counted(np.random.default_rng(5).integers(0, 256, (32, 32, 3), np.uint8), "perceptual")
    assert scale_of(noise, "perceptual").half == pytest.approx(error_at_50(noise, bits=10), rel=1e-3)
    assert error_at_50(noise, bits=10) > 10 * error_at_50(halves, bits=1)
    for quality, error in ((50, 1), (80, 0.25 ** (2 / 3)), (95, (5 / 95) ** (2 / 3))):
        scale = scale_of(noise, "perceptual")
        assert scale.quality_of(round(error * scale.half)) == pytest.approx(quality, abs=1e-3)
        assert scale.reaches(int(error * scale.half) - 1, quality)
        assert not scale.reaches(int(error * scale.half) + 2, quality)


def error_at_50(histogram: Histogram, bits: int) -> float:
    """The sum of squared distances, in lattice steps, by the formula of the documentation."""
    pixels = histogram.counts.sum()
    return float((1.5 + bits) / (2 * histogram.weights.sum() / 255 / pixels) * SCALE**2 * pixels)


@pytest.mark.parametrize("pixels", [PHOTO[60:160, 100:200], soft_icon(64)], ids=["photo", "icon"])
def test_a_margin_of_one_colour_hardly_changes_what_a_quality_takes(pixels: np.ndarray) -> None:
    height, width = pixels.shape[:2]
    margin = ((height // 2, height // 2), (width // 2, width // 2), (0, 0))  # three quarters of the canvas
    found, with_margin = (reported(shown, quality=(0, 70)) for shown in (pixels, np.pad(pixels, margin)))
    assert found.colors / 2 < with_margin.colors < found.colors * 2


def test_entropies_are_right_to_a_tenth_of_a_bit() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        counts = np.ceil(rng.pareto(0.5, rng.integers(1, 5000)) * 100).clip(1, 10**9).astype(np.int64)
        shares = counts / counts.sum()
        assert entropy(counts) / 256 == pytest.approx(-(shares * np.log2(shares)).sum(), abs=0.1)
    assert entropy(np.array([7])) == 0
    assert entropy(np.full(2**13, 3)) == 13 * 256


@pytest.mark.parametrize("pixels", [PHOTO, soft_icon(128)], ids=["photo", "icon"])
def test_by_both_metrics_the_numbers_mean_about_the_same(pixels: np.ndarray) -> None:
    for quality in (50, 80):
        found = [reported(pixels, quality=(0, quality), metric=metric) for metric in ("perceptual", "rgb")]
        assert abs(found[0].psnr_db - found[1].psnr_db) < 6


@pytest.mark.parametrize("pixels", [gradient(), soft_icon()], ids=["rgb", "rgba"])
@pytest.mark.parametrize("quality", [5, 15, 25, 33])
def test_the_fewest_colours_that_reach_the_max_are_chosen(pixels: np.ndarray, quality: int) -> None:
    found = reported(pixels, quality=(0, quality))
    assert found.quality >= quality
    assert found.colors < 256
    assert reported(pixels, colors=found.colors - 1, quality=(0, quality)).quality < quality
    again = kpal.quantize(pixels, found.colors, quality=(0, quality))
    assert np.array_equal(found.image.pixels(), again.pixels())


def test_by_the_metric_of_rgb_quality_follows_from_the_mean_squared_error() -> None:
    for colors in (3, 20, 256):
        found = reported(gradient(), colors=colors, metric="rgb")
        assert found.mse == pytest.approx(squared_error(found.image.pixels(), gradient()) / 3)
        assert found.quality == pytest.approx(100 / (1 + found.mse / 40))


def test_dithering_does_not_change_how_many_colours_a_quality_takes() -> None:
    plain = reported(gradient(), quality=(0, 30))
    dithered = reported(gradient(), quality=(0, 30), dither="floyd-steinberg")
    assert (dithered.colors, dithered.quality) == (plain.colors, plain.quality)
    assert dithered.mse > plain.mse


def test_a_max_that_no_number_of_colours_reaches_takes_all_of_them() -> None:
    assert len(kpal.quantize(gradient(), quality=(0, 99), colors=40).palette) == 40


def test_a_palette_for_a_quality_is_the_one_of_least_error() -> None:
    by_quality, by_number = reported(PHOTO, quality=(0, 99), colors=12), reported(PHOTO, colors=12)
    assert by_quality.colors == by_number.colors == 12
    assert by_quality.quality >= by_number.quality


@pytest.mark.parametrize("quality", [25, np.int64(25), np.uint8(25)])
def test_a_max_alone_has_a_min_of_0(quality: int) -> None:
    assert kpal.encode(gradient(), quality=quality) == kpal.encode(gradient(), quality=(0, 25))
    assert len(kpal.quantize(gradient(), quality=quality).palette) < 256


def test_images_of_few_colours_stay_exact_unless_less_is_asked_for() -> None:
    pixels = random_indexed(20, 20, 100, 4).pixels()
    for quality in (0, 50, 85, 100, (100, 100), (0, 100)):
        assert kpal.encode(pixels, quality=quality) == kpal.encode(pixels)
    assert reported(pixels, quality=(0, 50)).colors < 100
    assert reported(pixels, quality=50, colors=99).colors < 99
    allowed = len(kpal.encode(pixels)) - 100
    assert kpal.encode(pixels, quality=85, max_bytes=allowed) == kpal.encode(
        pixels, quality=(0, 100), max_bytes=allowed
    )


def test_a_max_alone_goes_with_palettes_and_images_that_are_stored_as_they_are() -> None:
    image = random_indexed(20, 20, 100)
    assert kpal.encode(image, quality=85) == kpal.encode(image)
    kept = kpal.encode(pillow(image), keep_palette=True)
    assert kpal.encode(pillow(image), keep_palette=True, quality=85) == kept
    palette = [[0, 0, 0], [255, 255, 255]]
    assert kpal.encode(gradient(), palette=palette, quality=85) == kpal.encode(gradient(), palette=palette)
    for options in ({}, {"keep_palette": True}):
        with pytest.raises(ValueError, match="does not go with quality"):
            kpal.encode(image, quality=(0, 85), **options)  # type: ignore[arg-type]


def test_a_min_that_is_out_of_reach_is_an_error_that_says_how_far_it_goes() -> None:
    with pytest.raises(UnreachableError, match=r"quality: 8 colours reach \d+\.\d, not the minimum of 90"):
        kpal.encode(gradient(), colors=8, quality=(90, 95))
    with pytest.raises(ValueError, match="quality: 2 colours reach"):
        kpal.encode(gradient(), palette=[[0, 0, 0], [255, 255, 255]], quality=(50, 95))
    palette = kpal.quantize(gradient(), 64).palette
    assert reported(gradient(), palette=palette, quality=(5, 10)).colors == 64


# --- size


@pytest.mark.parametrize("coder", kpal.CODERS)
@pytest.mark.parametrize("share", [0.95, 0.6, 0.3])
def test_as_many_colours_as_fit_into_the_bytes_allowed(coder: str, share: float) -> None:
    full = kpal.encode(gradient(), coder=coder)
    allowed = int(len(full) * share)
    found = reported(gradient(), coder=coder, max_bytes=allowed, rate=0)
    assert found.bytes is not None
    assert found.bytes <= allowed
    more = kpal.encode(gradient(), coder=coder, colors=found.colors + 1)
    assert len(more) > allowed or found.bytes >= allowed - allowed // 64


@with_compiler
@pytest.mark.parametrize("share", [0.95, 0.6, 0.3])
def test_rates_let_more_colours_fit(share: float) -> None:
    allowed = int(len(kpal.encode(gradient())) * share)
    found, plain = reported(gradient(), max_bytes=allowed), reported(gradient(), max_bytes=allowed, rate=0)
    assert found.bytes is not None
    assert found.bytes <= allowed
    assert found.colors > plain.colors


@with_compiler
def test_as_little_of_a_rate_is_used_as_fits() -> None:
    sizes = [len(kpal.encode(gradient(), rate=rate)) for rate in (0, 0.2, 0.4)]
    found = reported(gradient(), max_bytes=sizes[1])
    assert found.bytes is not None
    assert sizes[2] < found.bytes <= sizes[1]


@pytest.mark.parametrize(
    "options", [{"coder": "zstd"}, {"coder": "fast"}, {"dither": "ordered"}, {"quality": (5, 100)}, {"rate": 0}]
)
def test_no_rate_is_used_beside_what_does_not_go_with_it(options: dict[str, Any]) -> None:
    allowed = len(kpal.encode(gradient(), **options)) // 2
    data = kpal.encode(gradient(), max_bytes=allowed, **options)
    colors = kpal.inspect(data).colors
    assert data == kpal.encode(gradient(), colors=colors, **options)


def test_what_fits_is_not_changed() -> None:
    for pixels in (gradient(), random_indexed(20, 20, 256).pixels()):
        data = kpal.encode(pixels)
        assert kpal.encode(pixels, max_bytes=len(data)) == data


def test_an_exact_image_that_does_not_fit_loses_colours() -> None:
    pixels = random_indexed(40, 40, 256).pixels()
    found = reported(pixels, max_bytes=1000)
    assert found.bytes is not None
    assert 900 < found.bytes <= 1000
    assert 1 < found.colors < 256


def test_a_size_that_is_out_of_reach_is_an_error_that_names_the_least() -> None:
    least = len(kpal.encode(gradient(), colors=2))
    assert kpal.inspect(kpal.encode(gradient(), max_bytes=least, rate=0)).colors == 2
    with pytest.raises(UnreachableError, match=f"max_bytes: the least that is possible is {least} bytes, not 10"):
        kpal.encode(gradient(), max_bytes=10, rate=0)


def test_a_size_does_not_cost_more_quality_than_allowed() -> None:
    allowed = len(kpal.encode(gradient(), colors=100))
    found = reported(gradient(), max_bytes=allowed, quality=(10, 100))
    assert found.quality >= 10
    with pytest.raises(UnreachableError, match="max_bytes: the least"):
        kpal.encode(gradient(), max_bytes=allowed // 4, quality=(30, 100))


def test_with_a_palette_of_its_own_an_image_fits_or_does_not() -> None:
    data = kpal.encode(gradient(), palette=[[0, 0, 0], [255, 255, 255]])
    assert kpal.encode(gradient(), palette=[[0, 0, 0], [255, 255, 255]], max_bytes=len(data)) == data
    indexed = random_indexed(9, 9, 20)
    for pixels, options in (
        (gradient(), {"palette": [[0, 0, 0], [255, 255, 255]]}),
        (pillow(indexed), {"keep_palette": True}),
        (indexed, {}),
    ):
        with pytest.raises(UnreachableError, match="max_bytes: the least that is possible is"):
            kpal.encode(pixels, max_bytes=20, **options)


@pytest.mark.parametrize(
    ("size", "tries_at_most"),
    [
        (lambda number: 10 * number, 14),
        (lambda number: 7 * number**3, 11),
        (lambda number: int(1000 * math.sqrt(number)), 8),
        (lambda number: int(1000 * number**0.25), 2),  # which is what the search expects
        (lambda number: 5000 + number, 16),
        (lambda number: 100 if number < 120 else 10**6, 19),
    ],
)
def test_a_search_finds_the_largest_number_that_fits_or_one_that_nearly_fills_the_bytes(
    size: Any, tries_at_most: int
) -> None:
    for most in range(size(1) - 1, size(256), max(1, size(256) // 20)):
        tries: list[int] = []

        def tried(number: int, tries: list[int] = tries) -> Any:
            tries.append(number)
            return f"image {number}", bytes(size(number))

        found, above = _largest((0, 0), (256, size(256)), most, Watch(), tried)
        assert len(set(tries)) == len(tries) <= tries_at_most
        best = max((number for number in range(256) if number > 0 and size(number) <= most), default=0)
        if not best:
            assert (found, above) == (None, size(1))
            continue
        assert found is not None
        number = int(found[0].split()[1])
        assert number == best or most - most // 64 <= size(number) <= most
        assert above == min(size(x) for x in (*tries, 256) if size(x) > most)


def test_a_search_passes_over_what_is_out_of_the_question() -> None:
    def tried(number: int) -> Any:
        return None if number < 40 else (number, bytes(10 * number))

    found: Any
    found, above = _largest((0, 0), (100, 1000), 495, Watch(), tried)
    assert found == (49, bytes(490))
    assert above in range(500, 1001, 10)
    assert _largest((0, 0), (100, 1000), 495, Watch(), lambda _: None) == (None, 1000)


@pytest.mark.parametrize(
    ("quality", "least", "enough"), [(None, 0, 100), (70, 0, 70), ((20, 80), 20, 80), ([0, 100], 0, 100)]
)
def test_a_quality_is_a_max_or_a_min_and_a_max(quality: Any, least: int, enough: int) -> None:
    options = Options(quality=quality)
    assert (options.min_quality, options.max_quality) == (least, enough)
    assert options.reduces_few == isinstance(quality, (tuple, list))


# --- reports


def test_a_report_tells_what_became_of_the_image() -> None:
    found = reported(gradient(), colors=16, coder="zstd")
    image = kpal.quantize(gradient(), 16)
    assert np.array_equal(found.image.pixels(), image.pixels())
    assert found.colors == len(image.palette)
    assert found.bytes == len(kpal.encode(gradient(), colors=16, coder="zstd"))
    assert found.psnr_db == pytest.approx(psnr(gradient(), image.pixels()))
    assert found.iterations > 0
    assert list(found.ms) == ["histogram", "clustering", "remapping", "coding"]
    assert min(found.ms.values()) > 0
    assert found.ssimulacra2() == ssimulacra2(gradient(), image.pixels())


def test_a_report_of_a_lossless_image_knows_no_error() -> None:
    indexed = random_indexed(9, 9, 20, 4)
    for pixels, options in ((indexed.pixels(), {}), (indexed, {}), (pillow(indexed), {"keep_palette": True})):
        found = reported(pixels, **options)  # type: ignore[arg-type]
        assert (found.colors, found.mse, found.psnr_db, found.quality) == (20, 0, math.inf, 100)
        assert found.iterations == 0
        assert found.as_dict()["psnr_db"] is None


def test_quantising_alone_is_reported_without_bytes() -> None:
    reports: list[Report] = []
    kpal.quantize(gradient(), 16, report=reports.append)
    assert reports[0].bytes is None
    assert "coding" not in reports[0].ms


# --- progress


def test_progress_goes_through_the_stages_from_beginning_to_end() -> None:
    calls: list[tuple[str, float]] = []
    kpal.encode(gradient(), colors=16, progress=lambda stage, fraction: calls.append((stage, fraction)))
    assert list(dict.fromkeys(stage for stage, _ in calls)) == ["histogram", "clustering", "remapping", "coding"]
    for name in ("histogram", "clustering", "remapping", "coding"):
        fractions = [fraction for stage, fraction in calls if stage == name]
        assert fractions[0] == 0
        assert fractions[-1] == 1
        assert fractions == sorted(fractions)


@pytest.mark.parametrize("at", ["histogram", "clustering", "remapping", "coding"])
def test_what_progress_raises_ends_the_work_and_passes_through(at: str) -> None:
    class CancelledError(Exception):
        pass

    def cancel(stage: str, fraction: float) -> None:
        if stage == at:
            raise CancelledError

    with pytest.raises(CancelledError):
        kpal.encode(gradient(), colors=16, progress=cancel)
