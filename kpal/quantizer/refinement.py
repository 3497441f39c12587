"""Moving the colours of a palette to where a picture keeps more of its structure.

The mean of a cluster is the best colour for its pixels one by one. Seen together they lose by it: means are less far
apart than what they stand for, so contrast fades, and what the clusters of an area are wrong by may add up. How the
loss of structure (structure.py) changes with each colour is known, so the colours can go down that slope. They pay for
the error that this adds: at a fair price there is more structure for a little more error. Then each pixel takes the
nearest colour again, as always.

The steps are those of J. Barzilai and J. M. Borwein ("Two-point step size gradient methods", IMA Journal of Numerical
Analysis 8, 1988), longer for a colour of fewer pixels.
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

_PRICE: Final = 3.0  # of as much error again as there is, in lost structure
_STEPS: Final = 6
_FIRST: Final = 0.01  # the part of the error that the first step adds
_SCALE: Final = 4096  # of cube roots, so that sums of squares are whole numbers
_BIAS: Final = 0.001  # of light: without it the darkest colours would be far apart


def moved(histogram: Colors, palette: U8, labels: NDArray[np.intp], blends: list[Blend], fixed: U8) -> U8:
    """The colours of a palette, each moved to where the picture keeps more of its structure.

    histogram: the colours of the picture, and labels: intp (n,), for each of them its entry of `palette` (k, 3 or 4).
    blends: the palette image, as its structure is seen; with alpha, over several backgrounds.
    fixed: colours that stay, (m, 3 or 4). So do translucent ones, and those that are right for half of their pixels.
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
    """From cube roots of light (k, 3), those with which a picture loses least, counting the error that they add.

    blends: each with the light that the colours have in it from the start.
    cost: (k, 1), of the square of a move, in times the error; free: (k, 1), which colours may move.
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
    """The cube root of the light of each sRGB value: steps that look alike."""
    return np.rint(cube_root(linear() + _BIAS) * _SCALE)


def _sum(values: Floats) -> float:
    """Rounded once, so alike everywhere."""
    return math.fsum(values.reshape(-1).tolist())
