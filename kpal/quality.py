"""The scale of quality, from 0 to 100: what `quality=(min, max)` asks for.

By the metric "rgb", with the mean squared error of a channel,

    quality = 100 / (1 + error / 40)

100 is no error at all, and 0 any. 50 is 32.1 dB of PSNR, 80 is 38.1 dB, 90 is 41.7 dB, and 95 is 44.9 dB.

By the metric "perceptual", a number means what it means to pngquant: the same SSIMULACRA2 in the mean over images of a
kind, be they icons, sprites, screenshots, maps or photos. The error is the mean over all pixels of the squared distance
in OKLab, in levels of space.py, between a pixel and the palette entry nearest to it:

    quality = 100 / (1 + (error / half) ** 1.5)
    half = (1 + complexity) / (2 * flatness)

The same error shows more in a simple picture than in a complex one, for two reasons. A background of one colour has no
error and lowers the mean: a screenshot that is four fifths background has a fifth of the error of what is on it. And
busy areas mask errors. So half depends on two figures of the picture. Its complexity is the entropy of its colours in
bits a pixel, 11 at the most: beyond that, nearly every pixel has a colour of its own, and a higher entropy tells only
that the picture is large. Its flatness is the mean weight of its pixels (weights.py), 1 where all of it is flat.

The constants and the exponent were fitted to libimagequant's scores from 60 to 95 on some 250 images of ten kinds
(benchmarks/quality.py); they fit either half of the images about as well.

Dithering does not count. Comparisons are in whole numbers, as they decide what is stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .space import SCALE, Geometry, Metric
from .weights import FULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .histogram import Colors

SEEN_IN: Final[dict[Metric, Geometry]] = {"perceptual": "oklab", "rgb": "rgb"}  # where the error is measured

_CHANNELS: Final = 3  # of what is seen; the fourth dimension of points belongs to them, too
_HALF_RGB: Final = 40
_BIT: Final = 256  # steps of an entropy
_MOST_BITS: Final = 11


@dataclass(frozen=True)
class Scale:
    """What a sum of squared distances over all pixels, in lattice steps, is worth.

    half: the sum of quality 50.
    power: twice the exponent of the sum in the formula of quality.
    """

    half: int
    power: int

    def reaches(self, inertia: int, quality: int) -> bool:
        """Whether a sum is of at least that quality."""
        return bool(inertia**self.power * quality**2 <= self.half**self.power * (100 - quality) ** 2)

    def quality_of(self, inertia: int) -> float:
        """The quality of a sum."""
        return 100 / (1 + math.pow(inertia / self.half, self.power / 2))


def scale_of(histogram: Colors, metric: Metric) -> Scale:
    """The scale for the picture of that histogram, whose weights are those that the metric gives to pixels."""
    pixels = int(histogram.counts.sum())
    if metric == "rgb":
        return Scale(_HALF_RGB * _CHANNELS * SCALE**2 * pixels, power=2)
    complexity = min(entropy(histogram.counts), _MOST_BITS * _BIT)
    weights = int(histogram.weights.sum())
    return Scale(SCALE**2 * pixels * (_BIT + complexity) * FULL * pixels // (2 * _BIT * weights), power=3)


def entropy(counts: NDArray[np.int64]) -> int:
    """The entropy of an image in 256ths of a bit a pixel, right to a tenth of a bit, and the same on every machine.

    counts: how many pixels have each of its colours, int64 (n,), from 1.
    """
    pixels = counts.sum(keepdims=True)
    return int((counts * (_log2(pixels) - _log2(counts))).sum() // pixels[0])


def _log2(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Logarithms in 256ths, from straight lines between the powers of 2."""
    mantissas, exponents = np.frexp(numbers)  # the first from 0.5 to 1
    logarithms: NDArray[np.int64] = exponents * np.int64(_BIT) + np.floor((2 * mantissas - 2) * _BIT).astype(np.int64)
    return logarithms
