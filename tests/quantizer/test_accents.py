"""Small marks of quite another colour keep it, whatever way there is to ask for fewer colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import kpal
from kpal.quantizer.accents import NONE, Accents, find_accents, merged, room_for_accents
from kpal.quantizer.palette_search import counted

from ..kernels import with_compiler

U8 = NDArray[np.uint8]
RED, GREEN, VIOLET = (230, 20, 20), (20, 200, 60), (150, 40, 230)
COLORS = pytest.mark.parametrize("color", [RED, VIOLET, GREEN], ids=str)


def gradient(height: int = 96, width: int = 128) -> U8:
    ramp = np.tile(np.linspace(20, 235, width), (height, 1))
    gray: U8 = np.stack([ramp] * 3, axis=2).astype(np.uint8)
    return gray


def noise() -> U8:
    y, x = np.mgrid[0:96, 0:128]
    values = (0.6 * y + 0.5 * x + 40)[:, :, None] * (0.9, 1, 1.1)
    noisy: U8 = np.clip(values + np.random.default_rng(1).normal(0, 4, values.shape), 0, 255).astype(np.uint8)
    return noisy


def chart() -> U8:
    """Flat areas of five colours with white lines between them, smoothed."""
    y, x = np.mgrid[0:600, 0:800]
    fills = np.array([(222, 222, 222), (170, 200, 225), (60, 120, 190), (245, 200, 120), (250, 250, 250)], np.uint8)
    areas = np.where((x % 160 < 6) | (y % 120 < 6), 4, (x // 160 * 3 + y // 120) % 4)
    small: U8 = np.asarray(Image.fromarray(fills[areas]).resize((128, 96), Image.Resampling.LANCZOS))
    return small


def leaves() -> U8:
    """As busy as a photo: discs of many greens and browns over each other, blurred at the edges."""
    random = np.random.default_rng(2)
    pixels = np.full((96, 128, 3), (60, 70, 40), float)
    y, x = np.mgrid[0:96, 0:128]
    for _ in range(150):
        inside = np.clip(random.uniform(3, 16) - np.hypot(x - random.uniform(0, 128), y - random.uniform(0, 96)), 0, 1)
        color = np.array([90, 100, 50]) + random.normal(0, 25) + random.normal(0, 12, 3)
        pixels += inside[:, :, None] * (color - pixels)
    return np.clip(pixels + random.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)


GROUNDS: dict[str, Callable[[], U8]] = {"gradient": gradient, "noise": noise, "chart": chart, "leaves": leaves}
ON_ALL_GROUNDS = pytest.mark.parametrize("ground", GROUNDS.values(), ids=GROUNDS)


def marked(ground: U8, color: tuple[int, ...] = RED, side: int = 12, at: tuple[int, int] = (62, 71)) -> U8:
    pixels = ground.copy()
    pixels[at[0] : at[0] + side, at[1] : at[1] + side, : len(color)] = color
    return pixels


def shows(pixels: U8, color: tuple[int, ...] = RED, at: tuple[int, int] = (68, 77)) -> bool:
    """Whether the pixel in the middle of the mark has nearly its colour."""
    return bool(np.square(pixels[at][:3].astype(int) - color).sum() < 900)


# --- what is an accent


@COLORS
@ON_ALL_GROUNDS
def test_a_mark_far_from_its_ground_is_found(ground: Callable[[], U8], color: tuple[int, ...]) -> None:
    plain = ground()
    accents = find_accents(counted(marked(plain, color), "perceptual"))
    assert dict(zip(map(tuple, accents.colors.tolist()), accents.counts.tolist(), strict=True))[color] == 144


def test_a_mark_of_few_pixels_or_large_areas_or_colours_among_others_are_no_accents() -> None:
    plain = gradient(), leaves()
    for pixels in (*plain, marked(plain[0], side=3), marked(plain[0], side=60), marked(plain[0], (130, 120, 120))):
        colors = find_accents(counted(pixels, "perceptual")).colors
        assert not [color for color in colors.tolist() if max(color) - min(color) > 60]


def test_specks_and_lines_are_no_accents() -> None:
    yellow = [255, 250, 40]
    specks, lines = gradient() // 2, gradient() // 2
    specks[::9, ::9] = lines[60:61] = lines[:, 70:71] = yellow
    for pixels in (specks, lines):
        assert yellow not in find_accents(counted(pixels, "perceptual")).colors.tolist()


def test_a_small_mark_with_soft_edges_is_found() -> None:
    pixels = gradient()
    y, x = np.mgrid[0:96, 0:128]
    share = np.clip(4.3 - np.hypot(y - 40.4, x - 50.2), 0, 1)[:, :, None]
    pixels = np.rint(pixels + share * (np.array((95, 24, 106)) - pixels.astype(float))).astype(np.uint8)
    assert [95, 24, 106] in find_accents(counted(pixels, "perceptual")).colors.tolist()
    assert shows(kpal.quantize(pixels, 32).pixels(), (95, 24, 106), (40, 50))


def test_the_ends_of_a_slope_are_no_accents() -> None:
    for pixels in (gradient(), gradient(100, 400), gradient() // 2, 255 - gradient()):
        assert not len(find_accents(counted(pixels, "perceptual")).colors)


def test_what_is_not_opaque_is_no_accent() -> None:
    pixels = np.dstack((gradient(), np.full((96, 128), 255, np.uint8)))
    seen, clear = marked(pixels, (*RED, 255)), marked(pixels, (*RED, 90))
    assert list(RED) in find_accents(counted(seen, "perceptual")).colors.tolist()
    assert list(RED) not in find_accents(counted(clear, "perceptual")).colors.tolist()
    nothing = np.zeros((9, 9, 4), np.uint8)
    assert not len(find_accents(counted(nothing, "perceptual")).colors)


def test_an_accent_is_lost_where_no_opaque_entry_is_near() -> None:
    accents = Accents(np.array([RED, GREEN], np.uint8), np.array([50, 80]))
    assert accents.lost(np.array([RED], np.uint8)).tolist() == [False, True]
    assert accents.lost(np.array([(*RED, 255), (*GREEN, 254)], np.uint8)).tolist() == [False, True]
    assert accents.lost(np.array([(230, 49, 20)], np.uint8)).tolist() == [False, True]
    assert accents.lost(np.array([(230, 51, 20)], np.uint8)).tolist() == [True, True]


def test_the_lost_accents_that_show_most_come_first_and_none_near_another() -> None:
    accents = Accents(np.array([RED, (228, 22, 20), GREEN], np.uint8), np.array([100, 90, 60]))
    gray = np.array([(128, 128, 128)], np.uint8)
    assert accents.most_lost(gray, 1).tolist() == [list(RED)]
    assert accents.most_lost(gray, 3).tolist() == [list(RED), list(GREEN)]
    assert accents.most_lost(np.array([(*RED, 255)], np.uint8), 3).tolist() == [[*GREEN, 255]]
    assert not len(NONE.most_lost(gray, 3))


def test_accents_of_images_are_merged_in_any_order() -> None:
    one = Accents(np.array([RED, GREEN], np.uint8), np.array([50, 80]))
    two = Accents(np.array([(231, 20, 20), RED], np.uint8), np.array([70, 30]))
    for images in ([one, two], [two, one], [NONE, two, one]):
        accents = merged(images)
        found = dict(zip(map(tuple, accents.colors.tolist()), accents.counts.tolist(), strict=True))
        assert found == {RED: 150, GREEN: 80}
    assert merged([]) is NONE


def test_accents_may_take_a_third_of_a_palette_of_four_or_more() -> None:
    assert [room_for_accents(k) for k in (1, 3, 4, 6, 16, 256)] == [0, 0, 1, 2, 5, 85]


# --- fewer colours


@COLORS
@ON_ALL_GROUNDS
@pytest.mark.parametrize("options", [{"colors": 16}, {"colors": 12, "speed": "fast"}], ids=str)
def test_a_mark_keeps_its_colour_in_few_colours(
    options: dict[str, Any], ground: Callable[[], U8], color: tuple[int, ...]
) -> None:
    assert shows(kpal.quantize(marked(ground(), color), **options).pixels(), color)


@pytest.mark.parametrize(("colors", "percent"), [(4, 3), (4, 7), (6, 1), (6, 3), (8, 1), (12, 1)])
def test_a_square_on_a_gradient_keeps_its_colour_in_very_few_colours(colors: int, percent: float) -> None:
    side = int((96 * 128 * percent / 100) ** 0.5)
    assert shows(kpal.quantize(marked(gradient(), side=side, at=(64, 73)), colors).pixels())


def test_several_marks_keep_their_colours() -> None:
    places = {RED: (20, 30), GREEN: (60, 100), VIOLET: (75, 20)}
    pixels = gradient()
    for color, at in places.items():
        pixels = marked(pixels, color, at=at)
    shown = kpal.quantize(pixels, 12).pixels()
    assert all(shows(shown, color, (at[0] + 6, at[1] + 6)) for color, at in places.items())


def test_a_mark_in_an_image_with_alpha_keeps_its_colour() -> None:
    pixels = np.dstack((gradient(), np.full((96, 128), 255, np.uint8)))
    pixels[:20, :, 3] = 0
    shown = kpal.quantize(marked(pixels, RED), 8).pixels()
    assert shows(shown)
    assert not shown[:20, :, 3].any()


def test_a_palette_that_shows_all_accents_is_the_one_without_a_search_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [kpal.quantize(pixels, 12).palette.tolist() for pixels in (leaves(), noise())]
    monkeypatch.setattr("kpal.quantizer.search.find_accents", lambda _: NONE)
    assert [kpal.quantize(pixels, 12).palette.tolist() for pixels in (leaves(), noise())] == found


def test_accents_that_would_cost_the_rest_too_much_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = marked(gradient(), side=17)
    assert shows(kpal.quantize(pixels, 6).pixels())
    monkeypatch.setattr("kpal.quantizer.search.DEAR", 0.5)
    monkeypatch.setattr("kpal.quantizer.search._DEAR_ALONE", {3: 0.5})
    assert not shows(kpal.quantize(pixels, 6).pixels())


def test_the_least_squared_error_has_no_accents() -> None:
    assert not shows(kpal.quantize(marked(gradient()), 4, metric="rgb").pixels())


# --- other ways


@COLORS
@ON_ALL_GROUNDS
@pytest.mark.parametrize("quality", [(0, 0), (0, 70)], ids=str)
def test_the_search_for_a_quality_goes_on_until_no_mark_is_lost(
    quality: tuple[int, int], ground: Callable[[], U8], color: tuple[int, ...]
) -> None:
    assert shows(kpal.quantize(marked(ground(), color), quality=quality).pixels(), color)


@with_compiler
@pytest.mark.parametrize(("colors", "rate"), [(64, 2), (16, 2), (16, 50)])
@ON_ALL_GROUNDS
def test_a_rate_does_not_repaint_a_mark(ground: Callable[[], U8], colors: int, rate: float) -> None:
    pixels = marked(ground(), side=8, at=(64, 73))
    plain, rated = (kpal.quantize(pixels, colors, rate=r).pixels() for r in (0, rate))
    assert np.array_equal(plain[64:72, 73:81], rated[64:72, 73:81])
    assert not np.array_equal(plain, rated)
    assert shows(rated)


@with_compiler
@pytest.mark.parametrize("share", [0.7, 0.45])
@ON_ALL_GROUNDS
def test_a_mark_stays_where_bytes_are_few(ground: Callable[[], U8], share: float) -> None:
    pixels = marked(ground())
    most = int(len(kpal.encode(pixels, colors=64)) * share)
    assert shows(kpal.decode(kpal.encode(pixels, colors=64, max_bytes=most)))


@pytest.mark.parametrize("colors", [8, 16])
def test_a_shared_palette_has_the_accent_of_one_image(colors: int) -> None:
    images = [gradient(), gradient()[:, ::-1], noise(), marked(noise())]
    palette = kpal.shared_palette(images, colors)
    assert np.array_equal(kpal.shared_palette(images[::-1], colors), palette)
    assert shows(kpal.quantize(images[-1], palette=palette).pixels())


@pytest.mark.parametrize("dither", ["floyd-steinberg", "ordered", "blue-noise"])
def test_a_dithered_mark_keeps_its_colour(dither: Any) -> None:
    assert shows(kpal.quantize(marked(noise()), 12, dither=dither).pixels())
