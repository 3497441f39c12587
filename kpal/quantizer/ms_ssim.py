"""How much of a picture's structure is lost, seen from so far that single pixels melt into each other.

What a palette does to a pixel is one thing, what it does to an area another: in a busy one errors cancel out, in a flat
one they add up, and a slope becomes stairs. The structural similarity of two pictures tells them apart (Z. Wang,
E. P. Simoncelli, A. C. Bovik, "Multiscale structural similarity for image quality assessment", 2003), here of lightness
and of yellow against blue at a quarter to a sixteenth of the size. That is the part of SSIMULACRA2 (J. Sneyers, 2022)
that differs most between palettes of few colours, in its colour space and with its weights. Palettes are compared by
what they lose (quantizer.py), and their colours moved to where less is lost (refinement.py).

Floats, but the same everywhere: element by element, in operations that IEEE 754 rounds in one way only, and sums of
whole numbers that are exact in any order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from ..clustering.nearest import BLOCK, product
from ..color.compositing import DARK_AND_LIGHT, over
from ..color.spaces import combined, cube_root, linear, summed
from .histogram import Histogram

Floats = NDArray[Any]  # in double precision, but slopes in single

_BLOCK: Final = 4  # pixels a side of what is one value at a quarter of the size
_WINDOW: Final = 5  # values a side of what is looked at together
_STRIP: Final = 1 << 17  # pixels of a large image that are looked at together
_STRIPS: Final = 4  # so many or up to twice that, from top to bottom
_WIDEST: Final = 1 << 13  # pixels of a row
_TO_LMS: Final = ((0.30, 0.622, 0.078), (0.23, 0.692, 0.078), (0.2434, 0.2048, 0.5518))  # of JPEG XL's XYB
_BIAS: Final = 0.0037931
_CONTRAST: Final = 0.0009  # variance below which there is nothing to see
# At a quarter of the size, an eighth and a sixteenth, of lightness and of yellow against blue: of the mean, and of the
# fourth root of the mean fourth power, where what is bad in few places counts.
_WEIGHTS: Final = (((225, 19), (0, 0)), ((176, 24), (0, 9)), ((0, 35), (95, 0)))
LARGE: Final = 256  # pixels a side from which on SSIMULACRA2 has all of its sizes, and these weights
SMALLEST: Final = _WINDOW * _BLOCK << len(_WEIGHTS) - 1  # pixels a side of an image that shows all of that
_LIGHT: Final = 65535
# A loss of 1, and a slope of 1 in what all blocks lose together: whole numbers add up to the same in any order. Slopes
# are cut off far above what there is, at a height where those of all pixels still add up exactly in double precision.
_UNIT: Final = 1 << 35
_SLOPE_UNIT: Final = 1 << 12
_STEEPEST: Final = float(1 << 30)


def sample(pixels: U8) -> U8:
    """Of a large image (h, w, c), strips of rows that show what its structure is like, one below the other."""
    height, width = pixels.shape[:2]
    left = max(0, (width - _WIDEST) // 2)
    pixels = pixels[:, left : left + _WIDEST]
    step = _BLOCK * max(1, _STRIP // (_BLOCK * pixels.shape[1]))
    tops = range(0, height, step)
    every = max(1, len(tops) // max(_STRIPS, SMALLEST // step + 1))
    return pixels if every == 1 else np.concatenate([pixels[top : top + step] for top in tops[::every]])


class Structure:
    """The structure of an image, to compare palette images of its size with.

    pixels: uint8 (h, w, 3 or 4), SMALLEST a side or more.
    background: the gray that is behind it where it has alpha.
    """

    def __init__(self, pixels: U8, background: int = 0) -> None:
        self._background = background
        light = _blocks(_light().take(over(pixels, background)), _BLOCK)
        self._views = [[_View.of(values) for values in _opponents(_roots(*level))] for level in _levels(light)]

    def lost(self, palette: U8, indices: U8) -> float:
        """How much of it another image has lost, 0 for none: colours (k, 3 or 4), and the one of each pixel, (h, w)."""
        shown = over(palette[None], self._background)[0]
        light = _blocks(_light()[shown].take(indices, axis=0), _BLOCK)
        total = 0.0
        for weights, views, level in zip(_WEIGHTS, self._views, _levels(light), strict=True):
            for weight, view, values in zip(weights, views, _opponents(_roots(*level)), strict=True):
                total += _Likeness(view, values).lost(*weight) if any(weight) else 0
        return total

    def blend(self, indices: U8, k: int) -> Blend:
        """Another image, of k colours that may still change, given which of them each pixel has, (h, w)."""
        views = [[_View(*(values.astype(np.float32) for values in view)) for view in level] for level in self._views]
        return Blend(views, _shares(indices, k), indices.shape[1] // _BLOCK, self._background)


class Picture:
    """What is looked at of an image, to tell what palettes make of its structure, whatever its size and its alpha.

    pixels: uint8 (h, w, 3 or 4), SMALLEST a side or more, and their histogram.
    """

    def __init__(self, pixels: U8, histogram: Histogram) -> None:
        pixels = sample(pixels)
        self._positions = histogram.positions(pixels)
        backgrounds = DARK_AND_LIGHT if pixels.shape[2] == 4 else (0,)
        self._structures = [Structure(pixels, background) for background in backgrounds]

    def lost(self, palette: U8, labels: NDArray[np.intp]) -> float:
        """How much of the structure is lost, over the worse background.

        labels: intp (n,), for each colour of the histogram its entry of `palette` (k, 3 or 4).
        """
        indices = self._indices(labels)
        return max(structure.lost(palette, indices) for structure in self._structures)

    def blends(self, labels: NDArray[np.intp], k: int) -> list[Blend]:
        """The image in k colours that may still change, over each background."""
        indices = self._indices(labels)
        return [structure.blend(indices, k) for structure in self._structures]

    def _indices(self, labels: NDArray[np.intp]) -> U8:
        return labels.astype(np.uint8).take(self._positions)


class Blend:
    """An image of k colours beside one whose structure it is to keep.

    shares: how many pixels of each block have which colour, (blocks, k).
    width: blocks side by side.
    background: the gray that is behind.
    """

    def __init__(self, views: list[list[_View]], shares: Floats, width: int, background: int) -> None:
        self._views = views
        self._shares = shares
        self._width = width
        self._background = background
        step = max(1, BLOCK // (3 * shares.shape[1]))
        self._parts = [slice(top, top + step) for top in range(0, len(shares), step)]

    def light(self, palette: U8) -> Floats:
        """Linear RGB (k, 3) that colours (k, 3 or 4) have, from 0 to 1."""
        light: Floats = linear()[over(palette[None], self._background)[0]]
        return light

    def lost(self, light: Floats) -> tuple[float, Floats]:
        """How much of the structure is lost, and how fast that rises with each value of `light`, (k, 3).

        light: linear RGB of the colours, which is rounded to 16 bits. Single precision is enough for what follows.
        """
        whole = np.rint(light * _LIGHT)
        blocks = np.vstack([product(self._shares[part], whole) for part in self._parts])
        mixed = blocks.reshape(-1, self._width, 3).astype(np.uint32)
        total, slopes = 0.0, np.zeros(mixed.shape, np.float32)
        for weights, views, (level, pixels) in zip(_WEIGHTS, self._views, _levels(mixed), strict=True):
            roots = _roots(level, pixels, np.float32)
            of_opponents = []
            for weight, view, values in zip(weights, views, _opponents(roots), strict=True):
                likeness = _Likeness(view, values) if any(weight) else None
                total += likeness.lost(*weight) if likeness else 0
                of_opponents.append(likeness.slopes(*weight) if likeness else np.zeros_like(values))
            side = math.isqrt(pixels) // _BLOCK
            slope = np.repeat(np.repeat(_of_light(roots, of_opponents) / pixels, side, axis=0), side, axis=1)
            slopes[: slope.shape[0], : slope.shape[1]] += slope
        return total, self._added(slopes)

    def _added(self, slopes: Floats) -> Floats:
        """The slopes of blocks, (h, w, 3), summed over the pixels of each colour: (k, 3)."""
        scale = len(self._shares) * _SLOPE_UNIT
        whole = np.clip(np.rint(slopes.reshape(-1, 3).astype(np.float64) * scale), -_STEEPEST, _STEEPEST)
        parts = [product(whole[part].T, self._shares[part]) for part in self._parts]
        return np.asarray(summed(parts).T / scale)


class _View(NamedTuple):
    """Values (h, w) of an image, and their means and variances over windows."""

    values: Floats
    means: Floats
    variances: Floats

    @classmethod
    def of(cls, values: Floats) -> _View:
        means = _means(values)
        return cls(values, means, _means(values * values) - means * means)


class _Likeness:
    """The structural similarity of windows in two images."""

    def __init__(self, a: _View, values: Floats) -> None:
        self._a, self._b = a, _View.of(values)
        self._difference = a.means - self._b.means
        self._near = 1 - np.square(self._difference)
        self._shared = 2 * (_means(a.values * values) - a.means * self._b.means) + _CONTRAST
        self._whole = a.variances + self._b.variances + _CONTRAST
        self._lost = np.maximum(1 - self._near * self._shared / self._whole, 0)
        self._worst = math.sqrt(math.sqrt(_mean(np.square(np.square(self._lost)))))

    def lost(self, of_mean: float, of_worst: float) -> float:
        """Of one minus the similarity: the mean, and the fourth root of the mean fourth power."""
        return of_mean * _mean(self._lost) + of_worst * self._worst

    def slopes(self, of_mean: float, of_worst: float) -> Floats:
        """How fast that rises with each value of the second image."""
        a, b = self._a, self._b
        rise = np.sign(self._lost) * (of_mean / self._lost.size)
        if self._worst:
            relative = self._lost / self._worst
            rise += of_worst / self._lost.size * relative * relative * relative
        shared = rise * self._shared / self._whole
        of_covariance = -2 * rise * self._near / self._whole
        of_variance = shared * self._near / self._whole
        of_mean_b = -2 * (shared * self._difference + b.means * of_variance) - a.means * of_covariance
        slopes: Floats = _spread(of_mean_b) + 2 * b.values * _spread(of_variance) + a.values * _spread(of_covariance)
        return slopes


@functools.cache
def _light() -> NDArray[np.uint32]:
    """The light of each sRGB value, in whole numbers."""
    return np.rint(linear() * _LIGHT).astype(np.uint32)


def _shares(indices: U8, k: int) -> Floats:
    """How many pixels of each block have which of k colours: (blocks, k)."""
    rows, columns = (size // _BLOCK for size in indices.shape)
    first = (np.arange(rows)[:, None] * columns + np.arange(columns)) * k
    cells = np.repeat(np.repeat(first, _BLOCK, axis=0), _BLOCK, axis=1) + indices[: rows * _BLOCK, : columns * _BLOCK]
    return np.bincount(cells.reshape(-1), minlength=rows * columns * k).reshape(-1, k).astype(np.float64)


def _levels(light: NDArray[np.uint32]) -> Iterator[tuple[NDArray[np.uint32], int]]:
    """The light of blocks at each size, summed over their pixels, and how many pixels that are."""
    for level in range(len(_WEIGHTS)):
        yield light, (_BLOCK << level) ** 2
        light = _blocks(light, 2)


def _blocks(values: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
    """Sums over blocks of n by n: (h, w, 3) -> (h // n, w // n, 3). What is left over at the edges does not count."""
    height, width = (size // n * n for size in values.shape[:2])
    rows = sum((values[i:height:n, :width] for i in range(1, n)), values[0:height:n, :width])
    return sum((rows[:, i::n] for i in range(1, n)), rows[:, 0::n])


def _roots(light: NDArray[np.uint32], pixels: int, dtype: type[np.floating[Any]] = np.float64) -> list[Floats]:
    """What the eye's three kinds of cones make of blocks of so many pixels."""
    rgb = [light[:, :, c].astype(dtype) / dtype(pixels * _LIGHT) for c in range(3)]
    return [cube_root(combined(row, rgb) + _BIAS) for row in _TO_LMS]


def _opponents(roots: list[Floats]) -> tuple[Floats, Floats]:
    """Lightness, and yellow against blue."""
    long, middle, short = roots
    lightness = (long + middle) / 2
    return lightness, short - lightness


def _of_light(roots: list[Floats], of_opponents: list[Floats]) -> Floats:
    """The slopes by linear RGB, (h, w, 3), given those by the opponents."""
    of_lightness, of_yellow = of_opponents
    of_long = (of_lightness - of_yellow) / 2
    slopes = [slope / (3 * root * root) for slope, root in zip((of_long, of_long, of_yellow), roots, strict=True)]
    return np.stack([combined(column, slopes) for column in zip(*_TO_LMS, strict=True)], axis=2)


def _mean(values: Floats) -> float:
    return int(np.rint(values * _UNIT).astype(np.int64).sum()) / (values.size * _UNIT)


def _means(values: Floats) -> Floats:
    """Over windows."""
    rows = summed([values[i : len(values) - _WINDOW + 1 + i] for i in range(_WINDOW)])
    width = rows.shape[1]
    return summed([rows[:, i : width - _WINDOW + 1 + i] for i in range(_WINDOW)]) / _WINDOW**2


def _spread(slopes: Floats) -> Floats:
    """The slopes by values, given those by the means of their windows."""
    height, width = slopes.shape
    padded = np.zeros((height + 2 * (_WINDOW - 1), width + 2 * (_WINDOW - 1)), slopes.dtype)
    padded[_WINDOW - 1 : -(_WINDOW - 1), _WINDOW - 1 : -(_WINDOW - 1)] = slopes
    return _means(padded)
