"""Activity masking: pixels in flat areas get more weight in the palette.

In a flat area a wrong colour or banding shows; in a busy area the surroundings mask a much larger error.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

FULL: Final = 255  # the weight of a pixel in a flat area
# The mean difference between a pixel and its neighbours, in levels, at which its weight is halved. Images with alpha
# need a higher one, because soft edges are busy but make up much of what is visible.
_HALF_AT: Final = 8
_HALF_AT_WITH_ALPHA: Final = 48
LEVEL: Final = 4 * 9  # `activity` sums 36 differences, so this is its value for a mean difference of one level


def flatness(pixels: U8) -> U8:
    """The weight of each of `pixels` (h, w, 3 or 4), from 8 to FULL, as uint8 (h, w)."""
    weights: U8 = _table(_half_at(pixels.shape[2]))[activity(pixels)]
    return weights


def weight_at(levels: int, channels: int) -> int:
    """The weight of a pixel that is so many levels from its neighbours, in an image of 3 or 4 channels."""
    return int(_table(_half_at(channels))[levels * LEVEL])


def _half_at(channels: int) -> int:
    return _HALF_AT if channels == 3 else _HALF_AT_WITH_ALPHA


@functools.cache
def _table(half_at: int) -> U8:
    """The weight for each `activity`: FULL / (1 + mean difference / half_at), rounded."""
    half = half_at * LEVEL
    sums = np.arange(LEVEL * 255 + 1)
    weights: U8 = ((2 * FULL * half + half + sums) // (2 * (half + sums))).astype(np.uint8)
    return weights


def activity(pixels: U8) -> NDArray[np.uint16]:
    """Absolute luma differences to the four neighbours, summed over 3 x 3 pixels: (h, w), 36 times the mean."""
    luma = _luma(pixels)
    padded = np.pad(luma, 1, mode="edge")
    down = _difference(padded[1:, 1:-1], padded[:-1, 1:-1])
    right = _difference(padded[1:-1, 1:], padded[1:-1, :-1])
    total = down[1:] + down[:-1]
    total += right[:, 1:]
    total += right[:, :-1]
    total = np.pad(total, 1, mode="edge")
    rows = total[1:-1] + total[:-2]
    rows += total[2:]
    box: NDArray[np.uint16] = rows[:, 1:-1] + rows[:, :-2]
    box += rows[:, 2:]
    return box


def _luma(pixels: U8) -> U8:
    """Luma, rounded down; images with alpha are composited over gray."""
    wide = pixels.astype(np.uint16)
    luma = wide[:, :, 0] * 54 + wide[:, :, 1] * 183 + wide[:, :, 2] * 19
    luma >>= 8
    if pixels.shape[2] == 4:
        alpha = wide[:, :, 3]
        luma = (luma * alpha + 128 * (255 - alpha)) // 255
    return luma.astype(np.uint8)


def _difference(a: U8, b: U8) -> NDArray[np.uint16]:
    return (np.maximum(a, b) - np.minimum(a, b)).astype(np.uint16)
