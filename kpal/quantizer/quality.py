"""The quality scale, 0 to 100, that `quality=(min, max)` refers to.

With the metric "rgb", the error is the mean squared error of a channel:

    quality = 100 / (1 + error / 40)

100 means no error, and every error is allowed from 0 up. 50 is a PSNR of 32.1 dB, 80 is 38.1 dB, 90 is 41.7 dB, and 95
is 44.9 dB.

With the metric "perceptual", a number means the same as in pngquant: the same mean SSIMULACRA2 over images of a kind,
be they icons, sprites, screenshots, maps or photos. The error is the mean over all pixels of the squared OKLab distance
between a pixel and the nearest palette entry, in colour levels (color/spaces.py):

    quality = 100 / (1 + (error / half) ** 1.5)
    half = (1.5 + complexity) / (2 * flatness)

The same mean error shows more in a simple picture than in a complex one, for two reasons. A background of one colour
has no error and lowers the mean: in a screenshot that is four fifths background, the mean error is a fifth of the error
of the foreground. And busy areas mask errors. Therefore half depends on two properties of the picture. Complexity is
the entropy of its colours in bits a pixel, capped at 10: beyond 10, nearly every pixel has a colour of its own, and the
entropy grows only with the size of the picture. Flatness is the mean masking weight of its pixels (masking.py), 1 for a
picture that is flat everywhere.

The constants and the exponent were fitted to libimagequant's scores from 60 to 95 on some 250 images of ten kinds
(benchmarks/quality.py); fitted to half of the images, they suit the other half about equally.

The scale ignores dithering. Comparisons use integers, because they decide what is stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..color.spaces import SCALE, Geometry, Metric, to_points
from .masking import FULL, flatness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kpal_format import U8, IndexedImage

    from .histogram import Colors

SEEN_IN: Final[dict[Metric, Geometry]] = {"perceptual": "oklab", "rgb": "rgb"}  # where each metric measures the error

_CHANNELS: Final = 3  # composited colours have three channels, although their points have a fourth coordinate
_HALF_RGB: Final = 40
_BIT: Final = 256  # entropies are in 256ths of a bit
_MOST_BITS: Final = 10
_AT_A_TIME: Final = 1 << 20  # pixels


@dataclass(frozen=True)
class Scale:
    """Converts a sum of squared distances over all pixels, in lattice steps, to a quality.

    half: the sum at quality 50.
    power: twice the exponent of the sum in the formula of quality.
    """

    half: int
    power: int

    def reaches(self, inertia: int, quality: int) -> bool:
        """Whether a sum has at least this quality."""
        return bool(inertia**self.power * quality**2 <= self.half**self.power * (100 - quality) ** 2)

    def quality_of(self, inertia: int) -> float:
        """The quality of a sum."""
        return 100 / (1 + math.pow(inertia / self.half, self.power / 2))


def weighted_error(original: U8, image: IndexedImage, metric: Metric) -> int:
    """The sum over all pixels of the squared distance to their entries, in lattice steps.

    With the metric "perceptual", weighted by flatness, as errors show more in flat areas.

    original: uint8 (h, w, c), with as many channels as the palette of `image`.
    """
    entries = to_points(image.palette, SEEN_IN[metric])
    weights = flatness(original) if metric == "perceptual" else np.ones(original.shape[:2], np.uint8)
    total = 0
    step = max(1, _AT_A_TIME // original.shape[1])
    for top in range(0, len(original), step):
        rows = slice(top, top + step)
        points = to_points(original[rows].reshape(-1, original.shape[2]), SEEN_IN[metric])
        errors = np.square(points - entries[image.indices[rows].reshape(-1)]).sum(axis=1)
        total += int((errors * weights[rows].reshape(-1)).sum())
    return total


def scale_of(histogram: Colors, metric: Metric) -> Scale:
    """The scale for a picture, from its histogram, which must be weighted as the metric requires."""
    pixels = int(histogram.counts.sum())
    if metric == "rgb":
        return Scale(_HALF_RGB * _CHANNELS * SCALE**2 * pixels, power=2)
    complexity = min(entropy(histogram.counts), _MOST_BITS * _BIT)
    weights = int(histogram.weights.sum())
    return Scale(SCALE**2 * pixels * (3 * _BIT + 2 * complexity) * FULL * pixels // (4 * _BIT * weights), power=3)


def entropy(counts: NDArray[np.int64]) -> int:
    """The entropy of an image in 256ths of a bit a pixel, accurate to a tenth of a bit, the same on every machine.

    counts: the number of pixels of each colour, int64 (n,), at least 1.
    """
    pixels = counts.sum(keepdims=True)
    return int((counts * (_log2(pixels) - _log2(counts))).sum() // pixels[0])


def _log2(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Binary logarithms in 256ths, interpolated linearly between the powers of 2."""
    mantissas, exponents = np.frexp(numbers)  # mantissas are in 0.5..1
    logarithms: NDArray[np.int64] = exponents * np.int64(_BIT) + np.floor((2 * mantissas - 2) * _BIT).astype(np.int64)
    return logarithms
