"""Counting colours, in strips of rows."""

from __future__ import annotations

import numpy as np
import pytest

from kpal.quantizer import histogram
from kpal.quantizer.histogram import Histogram, thinned
from kpal.quantizer.masking import flatness
from kpal_format import U8

from ..images import gradient, soft_icon


@pytest.mark.parametrize("pixels", [gradient(), soft_icon(), gradient()[:1], gradient()[:, :1]], ids=str)
@pytest.mark.parametrize("strip", [1, 64, 200, 1000])
@pytest.mark.parametrize("most", [1, 1 << 20])
def test_strips_of_any_height_give_the_histogram_of_the_whole(
    pixels: U8, strip: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Histogram(pixels, flatness)
    monkeypatch.setattr(histogram, "_STRIP", strip)
    monkeypatch.setattr(histogram, "_MOST_TALLIED", most)
    parts = Histogram(pixels, flatness)
    for name in ("colors", "counts", "weights"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name))
    assert np.array_equal(parts.positions(), whole.positions())


@pytest.mark.parametrize("pixels", [gradient(), soft_icon()], ids=["RGB", "RGBA"])
def test_a_histogram_tells_the_pixels_from_its_colours(pixels: U8) -> None:
    counted = Histogram(pixels, flatness)
    assert np.array_equal(counted.colors[counted.positions()], pixels)
    assert counted.counts.sum() == pixels.shape[0] * pixels.shape[1]
    assert counted.weights.sum() == flatness(pixels).sum(dtype=np.int64)
    assert len(np.unique(counted.colors, axis=0)) == len(counted.colors)


@pytest.mark.parametrize("pixels", [gradient(), soft_icon()], ids=["RGB", "RGBA"])
def test_a_thinned_histogram_has_as_few_colours_as_asked_for_and_the_same_pixels(pixels: U8) -> None:
    counted = Histogram(pixels, flatness)
    assert thinned(counted, len(counted.colors)) is counted
    few = thinned(counted, 100)
    assert 10 < len(few.colors) <= 100
    assert few.colors.shape[1] == pixels.shape[2]
    assert few.counts.sum() == counted.counts.sum()
    assert few.weights.sum() == counted.weights.sum()
