"""The scale of quality, from 0 to 100: what `quality=(min, max)` asks for.

    quality = 100 / (1 + error / 40)

The error is the mean, over pixels and the three channels, of the squared difference between a pixel and the palette
entry nearest to it, in the space in which the quantiser measures (space.py); without dithering, that is the mean
squared error in the usual sense. So 100 is no error at all, and 0 any. 50 is an error of 40, or 32.1 dB of PSNR; 80
is 38.1 dB, 90 is 41.7 dB, and 95 is 44.9 dB, where few people see a difference. From 65 up, that comes close to what
the same number means to pngquant; below, it falls off more quickly.

Comparisons are in whole numbers, as they decide what is stored.
"""

from __future__ import annotations

from typing import Final

from .space import SCALE

_HALF: Final = 40  # the error of quality 50
_CHANNELS: Final = 3  # of what is seen; the fourth dimension of points belongs to them, too
_UNIT: Final = _HALF * _CHANNELS * SCALE * SCALE  # of a squared distance between lattice points


def reaches(inertia: int, pixels: int, quality: int) -> bool:
    """Whether a sum of squared distances, in lattice steps, over so many pixels is of at least that quality."""
    return inertia * quality <= _UNIT * pixels * (100 - quality)


def quality_of(inertia: int, pixels: int) -> float:
    """The quality of such a sum."""
    return 100 / (1 + inertia / (_UNIT * pixels))
