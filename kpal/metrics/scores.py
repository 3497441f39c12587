"""Error metrics of a result against the original: MSE, PSNR and SSIMULACRA2."""

from __future__ import annotations

import io
import math
from typing import Final

import numpy as np
from PIL import Image

from kpal_format import U8

from ..color.compositing import BLACK_AND_WHITE, DARK_AND_LIGHT, seen

_SMALLEST_SCORED: Final = 8  # pixels a side; SSIMULACRA2 is undefined for smaller images
_LARGEST_SCORED: Final = 1 << 22  # pixels; the package takes 0.5 KB per pixel, so at most 2 GB


def mean_squared_error(original: U8, shown: U8) -> float:
    """The mean squared error over pixels and channels; with alpha, averaged over a black and a white background."""
    if np.array_equal(original, shown):
        return 0.0
    pairs = seen(original, shown, BLACK_AND_WHITE)
    return float(np.mean([np.square(a.astype(np.int32) - b).mean() for a, b in pairs]))


def psnr(original: U8, shown: U8) -> float:
    """The peak signal-to-noise ratio in dB, from `mean_squared_error`."""
    return decibels(mean_squared_error(original, shown))


def decibels(error: float) -> float:
    """The peak signal-to-noise ratio in dB of a mean squared error; infinite for 0."""
    return 10 * math.log10(255 * 255 / error) if error else math.inf


def ssimulacra2(original: U8, shown: U8) -> float | None:
    """The SSIMULACRA2 score; with alpha, the lower one of a dark and a light background.

    None without the package, and for tiny or huge images.
    """
    try:
        from ssimulacra2 import compute_ssimulacra2
    except ImportError:
        return None
    height, width = original.shape[:2]
    if min(height, width) < _SMALLEST_SCORED or height * width > _LARGEST_SCORED:
        return None
    pairs = seen(original, shown, DARK_AND_LIGHT)
    return min(float(compute_ssimulacra2(_bmp(a), _bmp(b))) for a, b in pairs)


def _bmp(pixels: U8) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "BMP")
    file.seek(0)
    return file
