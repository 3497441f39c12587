"""The choice of the colour space (color/spaces.py) in which an image is clustered.

RGB gives the least squared error, OKLab the least visible difference. Alpha complicates the choice: viewers composite
in RGB, and the OKLab coordinates of a translucent colour are only an approximation. The approximation is harmless if
nearly all visible pixels are opaque. With more translucency, RGB usually gives the better palette, but OKLab is
occasionally much better. A trial decides: one quick palette in each space, and the loss of structure (ms_ssim.py) that
each causes over a dark and a light background. Small pictures have too little structure for the trial, and a histogram
of several pictures has none. For these, RGB is used for few colours, and for many the squared error in OKLab decides.
OKLab must win clearly, because a small advantage does not predict how a picture looks.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from ..clustering.lattice import FAST, cluster
from ..color.compositing import DARK_AND_LIGHT, over
from ..color.spaces import Geometry, Metric, mean_colors, to_points
from .histogram import Colors, Histogram, thinned
from .ms_ssim import LARGE, Picture

_SOFT: Final = 50  # an image counts as soft if more than one visible pixel in 50 is translucent
_TRIED_COLORS: Final = 64
_ENOUGH_COLORS: Final = 1 << 10  # to tell which space suits them; of more, similar ones are merged
_MANY: Final = 128
_TRIED: Final[tuple[Geometry, ...]] = ("oklab", "rgb")
_CLEARLY: Final = 6  # OKLab wins if its loss is lower by more than one part in six


def geometry_of(pixels: U8, histogram: Histogram, k: int, metric: Metric) -> Geometry:
    """The space for a palette of k colours for an image.

    pixels: uint8 (h, w, 3 or 4).
    histogram: the histogram of `pixels`.
    """
    geometry = simple_geometry(histogram.colors, histogram.counts, metric)
    if metric == "rgb" or geometry == "oklab" or len(histogram.colors) <= k:
        return geometry
    if min(pixels.shape[:2]) < LARGE:
        return suited_geometry(histogram, k, metric)
    picture = Picture(pixels, histogram)
    return _better(*(picture.lost(*_quick_palette(histogram, k, geometry)) for geometry in _TRIED))


def suited_geometry(histogram: Colors, k: int, metric: Metric) -> Geometry:
    """Like `geometry_of`, for one or several images known only by their histogram."""
    colors, counts = histogram.colors, histogram.counts
    geometry = simple_geometry(colors, counts, metric)
    if metric == "rgb" or geometry == "oklab" or k < _MANY or len(colors) <= _MANY:
        return geometry
    histogram = thinned(histogram, _ENOUGH_COLORS)
    seen = _over_each(histogram.colors)
    return _better(*(_error(histogram, geometry, seen) for geometry in _TRIED))


def _better(oklab: float, rgb: float) -> Geometry:
    return "oklab" if oklab * _CLEARLY < rgb * (_CLEARLY - 1) else "rgb"


def simple_geometry(colors: U8, counts: NDArray[np.int64], metric: Metric) -> Geometry:
    """Like `geometry_of`, without a trial, for colours, uint8 (n, 3 or 4), with pixel counts, int64 (n,)."""
    if metric == "rgb":
        return "rgb"
    alpha = colors[:, 3:].max(axis=1, initial=0) if colors.shape[1] == 4 else np.full(len(colors), 255, np.uint8)
    soft = counts[(alpha > 0) & (alpha < 255)].sum()
    return "rgb" if soft * _SOFT > counts[alpha > 0].sum() else "oklab"


def _error(histogram: Colors, geometry: Geometry, seen: list[NDArray[np.int64]]) -> int:
    """The weighted squared error, in OKLab, of a quick palette found in this geometry.

    seen: the colours of the histogram as OKLab points, over each of DARK_AND_LIGHT.
    """
    palette, labels = _quick_palette(histogram, _TRIED_COLORS, geometry)
    error = 0
    for points, shown in zip(seen, _over_each(palette), strict=True):
        error += int((histogram.weights * np.square(points - shown[labels]).sum(axis=1)).sum())
    return error


def _over_each(colors: U8) -> list[NDArray[np.int64]]:
    """Colours, uint8 (n, 4), as OKLab points (n, 3), over a dark and a light background."""
    return [to_points(over(colors[None], level)[0], "oklab") for level in DARK_AND_LIGHT]


def _quick_palette(histogram: Colors, k: int, geometry: Geometry) -> tuple[U8, NDArray[np.intp]]:
    """A palette, and the index of the entry for each colour of the histogram."""
    labels = cluster(to_points(histogram.colors, geometry), histogram.weights, k, effort=FAST).labels
    return mean_colors(histogram.colors, histogram.weights, labels, k), labels
