"""How much of a picture's structure is lost, seen from so far that single pixels melt into each other.

What a palette does to a pixel is one thing, what it does to an area another: in a busy one errors cancel out, in a flat
one they add up, and a slope becomes stairs. The structural similarity of two pictures tells them apart (Z. Wang,
E. P. Simoncelli, A. C. Bovik, "Multiscale structural similarity for image quality assessment", 2003), here of lightness
and of yellow against blue at a quarter to a sixteenth of the size. That is the part of SSIMULACRA2 (J. Sneyers, 2022)
that differs most between palettes of few colours, in its colour space and with its weights.

Floats, but the same everywhere: element by element, in operations that IEEE 754 rounds in one way only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from .measure import over
from .space import combined, cube_root, linear, summed

Floats = NDArray[np.float64]

_BLOCK: Final = 4  # pixels a side of what is one value at a quarter of the size
_WINDOW: Final = 5  # values a side of what is looked at together
_STRIP: Final = 1 << 18  # pixels looked at together
_STRIPS: Final = 16  # of a large image, so many or up to twice that, from top to bottom
_TO_LMS: Final = ((0.30, 0.622, 0.078), (0.23, 0.692, 0.078), (0.2434, 0.2048, 0.5518))  # of JPEG XL's XYB
_BIAS: Final = 0.0037931
_CONTRAST: Final = 0.0009  # variance below which there is nothing to see
# At a quarter of the size, an eighth and a sixteenth, of lightness and of yellow against blue: of the mean, and of the
# fourth root of the mean fourth power, where what is bad in few places counts.
_WEIGHTS: Final = (((225, 19), (0, 0)), ((176, 24), (0, 9)), ((0, 35), (95, 0)))
SMALLEST: Final = _WINDOW * _BLOCK << len(_WEIGHTS) - 1  # pixels a side of an image that shows all of that
_LIGHT: Final = 65535
_UNIT: Final = 1 << 35  # a loss of 1, rounded: integers add up to the same in any order


class Structure:
    """The structure of an image, to compare palette images of its size with.

    pixels: uint8 (h, w, 3 or 4), SMALLEST a side or more.
    background: the gray that is behind it where it has alpha.
    """

    def __init__(self, pixels: U8, background: int = 0) -> None:
        self._size = pixels.shape[:2]
        self._background = background
        self._views = list(self._seen(lambda rows: over(pixels[rows], background)))

    def lost(self, palette: U8, indices: U8) -> float:
        """How much of it another image has lost, 0 for none: colours (k, 3 or 4), and the one of each pixel, (h, w)."""
        shown = over(palette[None], self._background)[0]
        views = self._seen(lambda rows: shown[indices[rows]])
        total = 0.0
        for weights, mine, others in zip(_WEIGHTS, self._views, views, strict=True):
            for (of_mean, of_worst), a, b in zip(weights, mine, others, strict=True):
                if of_mean + of_worst:
                    mean, worst = _dissimilarity(a, b)
                    total += of_mean * mean + of_worst * worst
        return total

    def _seen(self, pixels: Callable[[slice], U8]) -> Iterator[tuple[Floats, Floats]]:
        """Lightness and yellow against blue at each size, given the RGB pixels of rows."""
        height, width = self._size
        step = _BLOCK * max(1, _STRIP // (_BLOCK * width))
        tops = range(0, height, step)
        tops = tops[:: max(1, len(tops) // max(_STRIPS, SMALLEST // step + 1))]
        light = np.concatenate([_quartered(pixels(slice(top, top + step))) for top in tops])
        for level in range(len(_WEIGHTS)):
            yield _opponents(light, (_BLOCK << level) ** 2)
            light = _blocks(light, 2)


def _quartered(pixels: U8) -> NDArray[np.uint32]:
    """The light of each block, summed over its pixels; what is left over at the edges does not count."""
    values = np.rint(linear() * _LIGHT).astype(np.uint32)
    return _blocks(values[pixels], _BLOCK)


def _blocks(values: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
    """Sums over blocks of n by n: (h, w, 3) -> (h // n, w // n, 3)."""
    height, width = (size // n * n for size in values.shape[:2])
    rows = sum((values[i:height:n, :width] for i in range(1, n)), values[0:height:n, :width])
    return sum((rows[:, i::n] for i in range(1, n)), rows[:, 0::n])


def _opponents(light: NDArray[np.uint32], pixels: int) -> tuple[Floats, Floats]:
    """Lightness and yellow against blue of blocks of so many pixels."""
    rgb = [light[:, :, c] / (pixels * _LIGHT) for c in range(3)]
    long, middle, short = (cube_root(combined(row, rgb) + _BIAS) for row in _TO_LMS)
    lightness = (long + middle) / 2
    return lightness, short - lightness


def _dissimilarity(a: Floats, b: Floats) -> tuple[float, float]:
    """One minus the structural similarity of windows: the mean, and the fourth root of the mean fourth power."""
    mean_a, mean_b = _means(a), _means(b)
    variances = _means(a * a) - mean_a * mean_a + (_means(b * b) - mean_b * mean_b)
    covariance = _means(a * b) - mean_a * mean_b
    alike = (1 - np.square(mean_a - mean_b)) * (2 * covariance + _CONTRAST) / (variances + _CONTRAST)
    lost = np.maximum(1 - alike, 0)
    return _mean(lost), math.sqrt(math.sqrt(_mean(np.square(np.square(lost)))))


def _mean(values: Floats) -> float:
    return int(np.rint(values * _UNIT).astype(np.int64).sum()) / (values.size * _UNIT)


def _means(values: Floats) -> Floats:
    """Over windows."""
    rows = summed([values[i : len(values) - _WINDOW + 1 + i] for i in range(_WINDOW)])
    width = rows.shape[1]
    return summed([rows[:, i : width - _WINDOW + 1 + i] for i in range(_WINDOW)]) / _WINDOW**2
