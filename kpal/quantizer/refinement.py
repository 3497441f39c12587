"""Palette refinement: gradient descent on the loss of structure.

The mean of a cluster is the best colour for each of its pixels alone, but not for the picture: means are closer
together than the colours that they replace, which lowers contrast, and the errors of an area's clusters may add up. The
gradient of the structural loss (ms_ssim.py) with respect to each palette colour is known, so the colours descend it. A
penalty on added squared error keeps the trade fair: more structure for slightly more error. Afterwards each pixel takes
its nearest colour again.

The step sizes are those of J. Barzilai and J. M. Borwein ("Two-point step size gradient methods", IMA Journal of
Numerical Analysis 8, 1988), scaled up for colours of few pixels.
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from ..color.compositing import over
from ..color.palettes import among
from ..color.spaces import cube_root, linear, summed
from .histogram import Colors
from .ms_ssim import Blend

Floats = NDArray[np.float64]

_PRICE: Final = 3.0  # lost structure that doubling the squared error must be worth
_STEPS: Final = 6
_FIRST: Final = 0.01  # the first step adds this fraction of the squared error
_SCALE: Final = 4096  # cube roots are integers in this unit, so that sums of squares are exact
_BIAS: Final = 0.001  # added to linear light, as cube roots alone would put the darkest colours far apart


def moved(histogram: Colors, palette: U8, labels: NDArray[np.intp], blends: list[Blend], fixed: U8) -> U8:
    """The palette with its colours moved so that the picture keeps more of its structure.

    histogram: the colours of the picture.
    labels: intp (n,), the entry of `palette` (k, 3 or 4) for each colour of the histogram.
    blends: the palette image as the structural loss sees it; with alpha, over several backgrounds.
    fixed: colours that must not move, (m, 3 or 4). Translucent entries, and entries that equal the colour of at least
        half of their pixels, do not move either.
    """
    counts, k = histogram.counts.astype(np.float64), len(palette)
    pixels = np.maximum(np.bincount(labels, counts, k), 1)
    right = (histogram.colors == palette[labels]).all(axis=1)
    still = 2 * np.bincount(labels, counts * right, k) >= pixels
    still |= among(palette, fixed) | (palette[:, 3:] < 255).any(axis=1)
    shown, start = (_levels()[over(colors[None], 0)[0]] for colors in (histogram.colors, palette))
    error = (counts * np.square(shown - start[labels]).sum(axis=1)).sum()
    if still.all() or not error:
        return palette
    free = ~still[:, None]
    there = _descended([(blend, blend.light(palette)) for blend in blends], start, pixels[:, None] / error, free)
    middles = (_levels()[1:] + _levels()[:-1]) / 2
    colors = palette.copy()
    colors[:, :3] = np.where(free, np.searchsorted(middles, there), palette[:, :3])
    return colors


def _descended(blends: list[tuple[Blend, Floats]], start: Floats, cost: Floats, free: NDArray[np.bool_]) -> Floats:
    """The cube roots of light (k, 3), starting from `start`, that minimise structural loss plus the price of error.

    blends: each with the initial light of the palette over its background.
    cost: (k, 1), the squared error that a squared move adds, as a multiple of the total error.
    free: (k, 1), which colours may move.
    """

    def loss(roots: Floats) -> tuple[float, Floats]:
        light, away = roots * roots * roots / _SCALE**3 - _BIAS, roots - start
        losses = [blend.lost(np.where(free, light, still)) for blend, still in blends]
        slopes = summed([slopes for _, slopes in losses]) / len(losses) * 3 * roots * roots / _SCALE**3
        lost = math.fsum(lost for lost, _ in losses) / len(losses) + _PRICE * _sum(cost * away * away)
        return lost, free * (slopes + 2 * _PRICE * cost * away)

    at, (lost, slope) = start, loss(start)
    best, least = at, lost
    length = _sum(slope * slope / cost)
    step = math.sqrt(_FIRST / length) if length else 0.0
    for turn in range(_STEPS):
        there = np.clip(at - step * slope / cost, _levels()[0], _levels()[-1])
        lost, slope_there = loss(there)
        if lost < least:
            best, least = there, lost
        move, bend = there - at, slope_there - slope
        along = _sum(move * bend)
        if along > 0:
            step = along / _sum(bend * bend / cost) if turn % 2 == 0 else _sum(cost * move * move) / along
        else:
            step *= 2
        at, slope = there, slope_there
    return best


@functools.cache
def _levels() -> Floats:
    """The cube root of the linear light of each sRGB value, a scale of roughly equal visible steps."""
    return np.rint(cube_root(linear() + _BIAS) * _SCALE)


def _sum(values: Floats) -> float:
    """The exact sum, rounded once, so that it is the same on every machine."""
    return math.fsum(values.reshape(-1).tolist())
