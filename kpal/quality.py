"""The scale of quality, from 0 to 100: what `quality=(min, max)` asks for.

    quality = 100 / (1 + error / half)

The error is the mean, over pixels and the three channels, of the squared difference between a pixel and the palette
entry nearest to it, in the space in which the quantiser measures and with its weights (space.py, weights.py; a pixel
in a busy area counts for a part of one). So 100 is no error at all, and 0 any. Dithering does not count.

By the metric "rgb" the error is the mean squared error in the usual sense, and half is 40: 50 is 32.1 dB of PSNR, 80
is 38.1 dB, 90 is 41.7 dB, and 95 is 44.9 dB, where few people see a difference. From 65 up, that comes close to what
the number means to pngquant; below, it falls off more quickly. By the metric "perceptual", half is what makes that
hold in the mean over real images. The PSNR of a single one is often 3 dB from it, and the perceptual score closer.

Comparisons are in whole numbers, as they decide what is stored.
"""

from __future__ import annotations

from typing import Final

from .space import SCALE, Geometry, Metric
from .weights import FULL

_CHANNELS: Final = 3  # of what is seen; the fourth dimension of points belongs to them, too
_HALF_RGB: Final = 40
_HALF_PERCEPTUAL: Final = 4 * FULL // 3  # OKLab
_HALF_PERCEPTUAL_ALPHA: Final = 2 * FULL  # OKLab composited, with other weights
_HALF_PERCEPTUAL_SOFT: Final = 28 * FULL  # RGB composited, weighted


def half_inertia(pixels: int, metric: Metric, geometry: Geometry, *, alpha: bool) -> int:
    """The sum of weighted squared distances, in lattice steps, that is of quality 50 over so many pixels."""
    half = _HALF_RGB
    if metric == "perceptual":
        oklab = _HALF_PERCEPTUAL_ALPHA if alpha else _HALF_PERCEPTUAL
        half = oklab if geometry == "oklab" else _HALF_PERCEPTUAL_SOFT
    return half * _CHANNELS * SCALE * SCALE * pixels


def reaches(inertia: int, half: int, quality: int) -> bool:
    """Whether a sum of distances is of at least that quality, where `half` is that of quality 50."""
    return inertia * quality <= half * (100 - quality)


def quality_of(inertia: int, half: int) -> float:
    """The quality of such a sum."""
    return 100 / (1 + inertia / half)
