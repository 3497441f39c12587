"""Multi-scale structural similarity: how much of a picture's structure a palette loses at viewing distance.

The error of single pixels does not tell what happens to an area: in a busy area errors cancel out, in a flat area they
add up, and a gradient turns into steps. Structural similarity measures areas (Z. Wang, E. P. Simoncelli, A. C. Bovik,
"Multiscale structural similarity for image quality assessment", 2003). Here it is computed for lightness and for
yellow-blue at a quarter, an eighth and a sixteenth of the size, in the colour space and with the weights of SSIMULACRA2
(J. Sneyers, 2022), whose values at these scales differ most between small palettes. search.py compares palettes by
their loss, and refinement.py moves colours to reduce it.

The floats are the same on every machine: they are computed element by element with operations that IEEE 754 defines
exactly, and summed as integers, exactly in any order.
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

Floats = NDArray[Any]  # double precision; gradients are in single precision

_BLOCK: Final = 4  # pixels a side of a block, which is one value at a quarter of the size
_WINDOW: Final = 5  # values a side of the window over which similarity is measured
_STRIP: Final = 1 << 17  # pixels in a strip that is sampled from a large image
_STRIPS: Final = 4  # the minimum number of strips, spread from top to bottom; there are fewer than twice as many
_WIDEST: Final = 1 << 13  # pixels sampled from a row
_TO_LMS: Final = ((0.30, 0.622, 0.078), (0.23, 0.692, 0.078), (0.2434, 0.2048, 0.5518))  # as in JPEG XL's XYB
_BIAS: Final = 0.0037931
_CONTRAST: Final = 0.0009  # the constant that stabilises the similarity: variances far below it are invisible
# For each scale (1/4, 1/8, 1/16) and each of lightness and yellow-blue: the weight of the mean loss, and the weight of
# the fourth root of the mean fourth power, which emphasises local damage.
_WEIGHTS: Final = (((225, 19), (0, 0)), ((176, 24), (0, 9)), ((0, 35), (95, 0)))
LARGE: Final = 256  # pixels a side from which SSIMULACRA2 uses all of its scales and these weights
SMALLEST: Final = _WINDOW * _BLOCK << len(_WEIGHTS) - 1  # pixels a side of the smallest image with a window per scale
_LIGHT: Final = 65535
# Losses and gradients are rounded to integers in these units, which add up to the same sum in any order. Gradients are
# clipped far above any real value, low enough that the sum over all pixels is still exact in double precision.
_UNIT: Final = 1 << 35
_SLOPE_UNIT: Final = 1 << 12
_STEEPEST: Final = float(1 << 30)


def sample(pixels: U8) -> U8:
    """Strips of rows from a large image (h, w, c), stacked, that represent its structure; small images unchanged."""
    height, width = pixels.shape[:2]
    left = max(0, (width - _WIDEST) // 2)
    pixels = pixels[:, left : left + _WIDEST]
    step = _BLOCK * max(1, _STRIP // (_BLOCK * pixels.shape[1]))
    tops = range(0, height, step)
    every = max(1, len(tops) // max(_STRIPS, SMALLEST // step + 1))
    return pixels if every == 1 else np.concatenate([pixels[top : top + step] for top in tops[::every]])


class Structure:
    """The structure of an image over one background, with which palette images are compared.

    pixels: uint8 (h, w, 3 or 4), at least SMALLEST pixels a side.
    background: the gray level over which alpha is composited.
    """

    def __init__(self, pixels: U8, background: int = 0) -> None:
        self._background = background
        light = _blocks(_light().take(over(pixels, background)), _BLOCK)
        self._views = [[_View.of(values) for values in _opponents(_roots(*level))] for level in _levels(light)]

    def lost(self, palette: U8, indices: U8) -> float:
        """The structural loss, from 0, of the image with this palette (k, 3 or 4) and these indices (h, w)."""
        shown = over(palette[None], self._background)[0]
        light = _blocks(_light()[shown].take(indices, axis=0), _BLOCK)
        total = 0.0
        for weights, views, level in zip(_WEIGHTS, self._views, _levels(light), strict=True):
            for weight, view, values in zip(weights, views, _opponents(_roots(*level)), strict=True):
                total += _Likeness(view, values).lost(*weight) if any(weight) else 0
        return total

    def blend(self, indices: U8, k: int) -> Blend:
        """The image with these indices (h, w) into a palette of k colours that may still change."""
        views = [[_View(*(values.astype(np.float32) for values in view)) for view in level] for level in self._views]
        return Blend(views, _shares(indices, k), indices.shape[1] // _BLOCK, self._background)


class Picture:
    """The structure of an image of any size, sampled if large, and over two backgrounds if it has alpha.

    pixels: uint8 (h, w, 3 or 4), at least SMALLEST pixels a side.
    histogram: the histogram of `pixels`.
    """

    def __init__(self, pixels: U8, histogram: Histogram) -> None:
        pixels = sample(pixels)
        self._positions = histogram.positions(pixels)
        backgrounds = DARK_AND_LIGHT if pixels.shape[2] == 4 else (0,)
        self._structures = [Structure(pixels, background) for background in backgrounds]

    def lost(self, palette: U8, labels: NDArray[np.intp]) -> float:
        """The structural loss over the worse background.

        labels: intp (n,), the entry of `palette` (k, 3 or 4) for each colour of the histogram.
        """
        indices = self._indices(labels)
        return max(structure.lost(palette, indices) for structure in self._structures)

    def blends(self, labels: NDArray[np.intp], k: int) -> list[Blend]:
        """The image in k colours that may still change, for each background."""
        indices = self._indices(labels)
        return [structure.blend(indices, k) for structure in self._structures]

    def _indices(self, labels: NDArray[np.intp]) -> U8:
        return labels.astype(np.uint8).take(self._positions)


class Blend:
    """An image in k colours that may still change, compared with the original.

    shares: (blocks, k), how many pixels of each block have each colour.
    width: blocks in a row.
    background: the gray level over which alpha is composited.
    """

    def __init__(self, views: list[list[_View]], shares: Floats, width: int, background: int) -> None:
        self._views = views
        self._shares = shares
        self._width = width
        self._background = background
        step = max(1, BLOCK // (3 * shares.shape[1]))
        self._parts = [slice(top, top + step) for top in range(0, len(shares), step)]

    def light(self, palette: U8) -> Floats:
        """The linear RGB (k, 3), 0 to 1, of colours (k, 3 or 4) over the background."""
        light: Floats = linear()[over(palette[None], self._background)[0]]
        return light

    def lost(self, light: Floats) -> tuple[float, Floats]:
        """The structural loss, and its gradient with respect to `light`, (k, 3).

        light: the linear RGB of the colours, rounded here to 16 bits, so that single precision is enough.
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
        """The gradient of blocks, (h, w, 3), summed over the pixels of each colour: (k, 3)."""
        scale = len(self._shares) * _SLOPE_UNIT
        whole = np.clip(np.rint(slopes.reshape(-1, 3).astype(np.float64) * scale), -_STEEPEST, _STEEPEST)
        parts = [product(whole[part].T, self._shares[part]) for part in self._parts]
        return np.asarray(summed(parts).T / scale)


class _View(NamedTuple):
    """The values (h, w) of an image, and their means and variances over windows."""

    values: Floats
    means: Floats
    variances: Floats

    @classmethod
    def of(cls, values: Floats) -> _View:
        means = _means(values)
        return cls(values, means, _means(values * values) - means * means)


class _Likeness:
    """The structural similarity of corresponding windows in two images."""

    def __init__(self, a: _View, values: Floats) -> None:
        self._a, self._b = a, _View.of(values)
        self._difference = a.means - self._b.means
        self._near = 1 - np.square(self._difference)
        self._shared = 2 * (_means(a.values * values) - a.means * self._b.means) + _CONTRAST
        self._whole = a.variances + self._b.variances + _CONTRAST
        self._lost = np.maximum(1 - self._near * self._shared / self._whole, 0)
        self._worst = math.sqrt(math.sqrt(_mean(np.square(np.square(self._lost)))))

    def lost(self, of_mean: float, of_worst: float) -> float:
        """The weighted sum of the mean and the 4-norm of the dissimilarity (one minus the similarity)."""
        return of_mean * _mean(self._lost) + of_worst * self._worst

    def slopes(self, of_mean: float, of_worst: float) -> Floats:
        """The gradient of `lost` with respect to the values of the second image."""
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
    """The linear light of each sRGB value, as integers."""
    return np.rint(linear() * _LIGHT).astype(np.uint32)


def _shares(indices: U8, k: int) -> Floats:
    """How many pixels of each block have each of k colours: (blocks, k)."""
    rows, columns = (size // _BLOCK for size in indices.shape)
    first = (np.arange(rows)[:, None] * columns + np.arange(columns)) * k
    cells = np.repeat(np.repeat(first, _BLOCK, axis=0), _BLOCK, axis=1) + indices[: rows * _BLOCK, : columns * _BLOCK]
    return np.bincount(cells.reshape(-1), minlength=rows * columns * k).reshape(-1, k).astype(np.float64)


def _levels(light: NDArray[np.uint32]) -> Iterator[tuple[NDArray[np.uint32], int]]:
    """For each scale, the light of blocks summed over their pixels, and the number of pixels in a block."""
    for level in range(len(_WEIGHTS)):
        yield light, (_BLOCK << level) ** 2
        light = _blocks(light, 2)


def _blocks(values: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
    """Sums over blocks of n x n: (h, w, 3) -> (h // n, w // n, 3). Incomplete blocks at the edges are dropped."""
    height, width = (size // n * n for size in values.shape[:2])
    rows = sum((values[i:height:n, :width] for i in range(1, n)), values[0:height:n, :width])
    return sum((rows[:, i::n] for i in range(1, n)), rows[:, 0::n])


def _roots(light: NDArray[np.uint32], pixels: int, dtype: type[np.floating[Any]] = np.float64) -> list[Floats]:
    """The cube roots of the three cone responses (LMS), from the summed light of blocks of `pixels` pixels."""
    rgb = [light[:, :, c].astype(dtype) / dtype(pixels * _LIGHT) for c in range(3)]
    return [cube_root(combined(row, rgb) + _BIAS) for row in _TO_LMS]


def _opponents(roots: list[Floats]) -> tuple[Floats, Floats]:
    """Lightness and yellow-blue, the opponent values."""
    long, middle, short = roots
    lightness = (long + middle) / 2
    return lightness, short - lightness


def _of_light(roots: list[Floats], of_opponents: list[Floats]) -> Floats:
    """The gradient with respect to linear RGB, (h, w, 3), from the gradient with respect to the opponent values."""
    of_lightness, of_yellow = of_opponents
    of_long = (of_lightness - of_yellow) / 2
    slopes = [slope / (3 * root * root) for slope, root in zip((of_long, of_long, of_yellow), roots, strict=True)]
    return np.stack([combined(column, slopes) for column in zip(*_TO_LMS, strict=True)], axis=2)


def _mean(values: Floats) -> float:
    return int(np.rint(values * _UNIT).astype(np.int64).sum()) / (values.size * _UNIT)


def _means(values: Floats) -> Floats:
    """Means over windows."""
    rows = summed([values[i : len(values) - _WINDOW + 1 + i] for i in range(_WINDOW)])
    width = rows.shape[1]
    return summed([rows[:, i : width - _WINDOW + 1 + i] for i in range(_WINDOW)]) / _WINDOW**2


def _spread(slopes: Floats) -> Floats:
    """The gradient with respect to values, from the gradient with respect to the means of their windows."""
    height, width = slopes.shape
    padded = np.zeros((height + 2 * (_WINDOW - 1), width + 2 * (_WINDOW - 1)), slopes.dtype)
    padded[_WINDOW - 1 : -(_WINDOW - 1), _WINDOW - 1 : -(_WINDOW - 1)] = slopes
    return _means(padded)
