"""Which geometry of space.py suits an image.

RGB for the least squared error, OKLab for what looks best. With alpha it is not plain: what is seen is composited in
RGB, and the OKLab of a translucent colour is no more than a likeness. Where nearly all of what is seen is opaque, that
does no harm. Where more is soft, palettes of few colours are better in RGB. Those of many are now and then much better
in OKLab, and a trial tells when: a quick palette in each geometry, and the error of both, in OKLab, over a dark and a
light background. A small advantage there says nothing about how the picture looks; a clear one does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from .clustering import FAST, cluster
from .histogram import Colors
from .measure import DARK_AND_LIGHT, seen
from .space import Geometry, Metric, mean_colors, to_points

_SOFT: Final = 50  # an image is one of soft edges if a part of one in so many of what is seen is translucent
_TRIED_COLORS: Final = 64
_MANY: Final = 128
_CLEARLY: Final = 6  # better by a part of one in so many


def suited_geometry(histogram: Colors, k: int, metric: Metric) -> Geometry:
    """In which geometry a metric measures an image of these colours that is to have k of them."""
    colors, counts = histogram.colors, histogram.counts
    geometry = simple_geometry(colors, counts, metric)
    if metric == "rgb" or geometry == "oklab" or k < _MANY or len(colors) <= _MANY:
        return geometry
    oklab, rgb = (_error(colors, histogram.weights, tried) for tried in ("oklab", "rgb"))
    return "oklab" if oklab * _CLEARLY < rgb * (_CLEARLY - 1) else "rgb"


def simple_geometry(colors: U8, counts: NDArray[np.int64], metric: Metric) -> Geometry:
    """The same without a trial, of colours uint8 (n, 3 or 4) that `counts` pixels have, int64 (n,)."""
    if metric == "rgb":
        return "rgb"
    alpha = colors[:, 3:].max(axis=1, initial=0) if colors.shape[1] == 4 else np.full(len(colors), 255, np.uint8)
    soft = counts[(alpha > 0) & (alpha < 255)].sum()
    return "rgb" if soft * _SOFT > counts[alpha > 0].sum() else "oklab"


def _error(colors: U8, weights: NDArray[np.int64], geometry: Geometry) -> int:
    """What a quick palette of that geometry does to colours with alpha: squared distances in OKLab, weighted."""
    labels = cluster(to_points(colors, geometry), weights, _TRIED_COLORS, effort=FAST).labels
    shown = mean_colors(colors, weights, labels, _TRIED_COLORS)[labels]
    error = 0
    for a, b in seen(colors[None], shown[None], DARK_AND_LIGHT):
        distances = np.square(to_points(a[0], "oklab") - to_points(b[0], "oklab")).sum(axis=1)
        error += int((weights * distances).sum())
    return error
