"""Which geometry of space.py suits an image.

RGB for the least squared error, OKLab for what looks best. With alpha it is not plain: what is seen is composited in
RGB, and the OKLab of a translucent colour is no more than a likeness. Where nearly all of what is seen is opaque, that
does no harm. Where more is soft, palettes are better in RGB, as a rule; now and then they are much better in OKLab, and
a trial tells when: a quick palette in each geometry, and what each of them takes from the structure of the picture
(structure.py) over a dark and a light background. A small picture has too little structure, and of several together
there is none to be seen. There, few colours are left to the rule, and with many, the error in OKLab is what decides. A
small advantage says nothing about how a picture looks; a clear one does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from ..clustering.lattice import FAST, cluster
from ..color.compositing import DARK_AND_LIGHT, seen
from ..color.spaces import Geometry, Metric, mean_colors, to_points
from .histogram import Colors, Histogram
from .ms_ssim import LARGE, Picture

_SOFT: Final = 50  # an image is one of soft edges if a part of one in so many of what is seen is translucent
_TRIED_COLORS: Final = 64
_MANY: Final = 128
_TRIED: Final[tuple[Geometry, ...]] = ("oklab", "rgb")
_CLEARLY: Final = 6  # better by a part of one in so many


def geometry_of(pixels: U8, histogram: Histogram, k: int, metric: Metric) -> Geometry:
    """In which geometry a metric measures an image that is to have k of its colours.

    pixels: uint8 (h, w, 3 or 4), and their histogram.
    """
    geometry = simple_geometry(histogram.colors, histogram.counts, metric)
    if metric == "rgb" or geometry == "oklab" or len(histogram.colors) <= k:
        return geometry
    if min(pixels.shape[:2]) < LARGE:
        return suited_geometry(histogram, k, metric)
    picture = Picture(pixels, histogram)
    return _better(*(picture.lost(*_quick_palette(histogram, k, geometry)) for geometry in _TRIED))


def suited_geometry(histogram: Colors, k: int, metric: Metric) -> Geometry:
    """The same for an image, or several, of which no more than the colours is known."""
    colors, counts = histogram.colors, histogram.counts
    geometry = simple_geometry(colors, counts, metric)
    if metric == "rgb" or geometry == "oklab" or k < _MANY or len(colors) <= _MANY:
        return geometry
    return _better(*(_error(histogram, geometry) for geometry in _TRIED))


def _better(oklab: float, rgb: float) -> Geometry:
    return "oklab" if oklab * _CLEARLY < rgb * (_CLEARLY - 1) else "rgb"


def simple_geometry(colors: U8, counts: NDArray[np.int64], metric: Metric) -> Geometry:
    """The same without a trial, of colours uint8 (n, 3 or 4) that `counts` pixels have, int64 (n,)."""
    if metric == "rgb":
        return "rgb"
    alpha = colors[:, 3:].max(axis=1, initial=0) if colors.shape[1] == 4 else np.full(len(colors), 255, np.uint8)
    soft = counts[(alpha > 0) & (alpha < 255)].sum()
    return "rgb" if soft * _SOFT > counts[alpha > 0].sum() else "oklab"


def _error(histogram: Colors, geometry: Geometry) -> int:
    """What a quick palette of that geometry does to colours with alpha: squared distances in OKLab, weighted."""
    palette, labels = _quick_palette(histogram, _TRIED_COLORS, geometry)
    error = 0
    for a, b in seen(histogram.colors[None], palette[labels][None], DARK_AND_LIGHT):
        distances = np.square(to_points(a[0], "oklab") - to_points(b[0], "oklab")).sum(axis=1)
        error += int((histogram.weights * distances).sum())
    return error


def _quick_palette(histogram: Colors, k: int, geometry: Geometry) -> tuple[U8, NDArray[np.intp]]:
    """A palette, and for each colour of the histogram the index of its entry."""
    labels = cluster(to_points(histogram.colors, geometry), histogram.weights, k, effort=FAST).labels
    return mean_colors(histogram.colors, histogram.weights, labels, k), labels
