"""Indices that are chosen for what they cost, too."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kpal
import kpal_format.tiles
from kpal.clustering.nearest import four, neighbours
from kpal_format import U8, IndexedImage, Wishes, choose_indices
from kpal_format.coders.mix import MIX

from ..images import gradient, random_indexed, soft_icon, squared_error
from ..kernels import plain, with_compiler


def noisy(height: int, width: int) -> U8:
    y, x = np.mgrid[:height, :width]
    smooth = np.stack((x * 200 // width, y * 200 // height, 40 + (x + y) * 99 // (width + height)), axis=2)
    return (smooth + np.random.default_rng(6).integers(0, 25, smooth.shape)).astype(np.uint8)


def size(image: IndexedImage) -> int:
    return len(kpal.encode(image, coder="mix"))


def wishes(palette: NDArray[np.int64], price: int, share: int, shape: tuple[int, int] = (13, 17)) -> Wishes:
    random = np.random.default_rng(3)
    points = random.integers(0, 2041, (50, palette.shape[1]))
    return Wishes(
        positions=random.integers(0, 50, shape, np.int32),
        points=four(points),
        labels=np.square(points[:, None] - palette).sum(axis=2).argmin(axis=1).astype(np.uint8),
        busy=np.zeros(shape, np.uint16),
        prices=np.array([price], np.int32),
        shares=np.array([share], np.uint8),
        centers=four(palette),
        near=neighbours(palette)[0].astype(np.uint8),
    )


@pytest.mark.parametrize("colors", [5, 40])
@pytest.mark.parametrize("channels", [3, 4])
def test_choices_are_the_same_compiled_and_plain(colors: int, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = noisy(18, 26)
    if channels == 4:
        pixels = np.dstack((pixels, soft_icon(26)[:18, :, 3]))
    installed = [kpal.quantize(pixels, colors, rate=rate).indices for rate in (0.5, 4)]
    assert not np.array_equal(installed[0], installed[1])
    monkeypatch.setitem(sys.modules, "kpal_format.kernel", plain)
    for rate, indices in zip((0.5, 4), installed, strict=True):
        assert np.array_equal(kpal.quantize(pixels, colors, rate=rate).indices, indices)


@pytest.mark.parametrize("colors", [2, 16, 17, 61])
def test_where_bits_are_worth_nothing_pixels_are_the_nearest_to_what_they_want(colors: int) -> None:
    palette = np.random.default_rng(colors).integers(0, 256, (colors, 3))
    wanted = wishes(palette * 8, price=0, share=0)
    assert np.array_equal(choose_indices(wanted, palette.astype(np.uint8)), wanted.labels[wanted.positions])


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("positions", np.full((13, 17), 50, np.int32), "positions must be from 0 to 49, not 50 to 50"),
        ("labels", np.full(50, 20, np.uint8), "labels must be from 0 to 19"),
        ("near", np.full((20, 20), 20, np.uint8), "near must be from 0 to 19"),
        ("busy", np.ones((13, 17), np.uint16), "busy must be from 0 to 0"),
        ("busy", np.zeros((13, 16), np.uint16), r"busy must have the shape \(13, 17\), not \(13, 16\)"),
        ("prices", np.array([-1], np.int32), "prices must be from 0 to 1048576"),
        ("centers", np.zeros((19, 4), np.int32), r"centers must have the shape \(20, 4\)"),
    ],
)
def test_wishes_that_do_not_go_with_the_palette_are_refused(name: str, wrong: NDArray[Any], message: str) -> None:
    palette = np.random.default_rng(5).integers(0, 256, (20, 3))
    wanted = replace(wishes(palette * 8, price=9000, share=100), **{name: wrong})
    with pytest.raises(ValueError, match=message):
        choose_indices(wanted, palette.astype(np.uint8))


def test_tiles_are_chosen_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    palette = np.random.default_rng(5).integers(0, 256, (20, 3))
    wanted = wishes(palette * 8, price=9000, share=100)
    monkeypatch.setattr(kpal_format.tiles, "tile_shape", lambda *_: (7, 9))
    indices = choose_indices(wanted, palette.astype(np.uint8))
    for tile in np.ndindex(2, 2):
        part = slice(7 * tile[0], 7 * tile[0] + 7), slice(9 * tile[1], 9 * tile[1] + 9)
        assert np.array_equal(indices[part], MIX.choose(wanted.part(part), palette.astype(np.uint8)))


@with_compiler
def test_a_higher_rate_makes_smaller_files_and_larger_errors() -> None:
    pixels = noisy(96, 128)
    images = [kpal.quantize(pixels, 64, rate=rate) for rate in (0, 0.5, 2, 8)]
    sizes, errors = [size(image) for image in images], [squared_error(image.pixels(), pixels) for image in images]
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)
    assert sizes[-1] * 2 < sizes[0]
    assert np.array_equal(images[0].indices, kpal.quantize(pixels, 64).indices)


@with_compiler
def test_a_rate_takes_bytes_away_for_less_error_than_fewer_colours_do() -> None:
    pixels = noisy(96, 128)
    rated, fewer = kpal.quantize(pixels, 64, rate=0.5, metric="rgb"), kpal.quantize(pixels, 32, metric="rgb")
    assert size(rated) < size(fewer)
    assert squared_error(rated.pixels(), pixels) < squared_error(fewer.pixels(), pixels)


def test_errors_make_up_for_each_other_where_they_are_taken_over() -> None:
    palette = np.array([[0, 0, 0], [255, 255, 255]])
    wanted = wishes(palette * 8, price=0, share=255, shape=(24, 40))
    wanted = replace(wanted, points=four(np.full((50, 3), 800)), labels=np.zeros(50, np.uint8))
    assert abs(255 * choose_indices(wanted, palette.astype(np.uint8)).mean() - 100) < 3


def test_exact_images_are_left_alone() -> None:
    image = random_indexed(9, 9, 20)
    assert kpal.encode(image.pixels(), rate=9) == kpal.encode(image.pixels())


def test_one_colour_leaves_nothing_to_choose() -> None:
    assert not kpal.quantize(gradient(), 1, rate=1).indices.any()
