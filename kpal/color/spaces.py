"""Where distances between colours are measured: colours <-> points on an integer lattice.

Points have integer coordinates from 0 to `STEPS`, an eighth of a colour level apart, in at most four dimensions. On
that lattice single-precision arithmetic is exact (nearest.py), so every machine finds the same palette.

There are four geometries:

- *RGB*: opaque colours by their values, for the least squared error.
- *OKLab* (B. Ottosson, "A perceptual color space for image processing", 2020): opaque colours by how different they
  look. Neighbouring values of L are 1/1600 apart, so that white is about as far from black as in RGB.
- *Lightness* and *chroma*: OKLab with a and b counting for less, and for more. Which palettes suit a picture, is found
  out by trial.

Of colours with alpha, what matters is how they look once they are *composited*. Over black a colour shows as
p = alpha c, over white as p + 255 - A. The squared error averaged over both backgrounds is, per channel,
(dp - dA/2)**2 + dA**2/4, which is the Euclidean distance of (p_r - A/2, p_g - A/2, p_b - A/2, sqrt(3)/2 A). All colours
of alpha 0 are then one point, and a translucent one counts for less the less of it is seen. In OKLab the backgrounds
differ in L alone. Nobody composites there: geometry.py says which pictures are measured so all the same.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

Metric = Literal["perceptual", "rgb"]
METRICS: Final[tuple[str, ...]] = get_args(Metric)
Geometry = Literal["oklab", "lightness", "chroma", "rgb"]

SCALE: Final = 8  # lattice steps a colour level
STEPS: Final = 255 * SCALE
_ALPHA_SCALE: Final = 69_282_032  # 10**7 * SCALE * sqrt(3) / 2, rounded
_UNIT: Final = 10_000_000

_OKLAB_SCALE: Final = 200.0 * SCALE
# How much a and b count beside L: a little less than in OKLab, for a higher perceptual score.
_CHROMA: Final[dict[Geometry, float]] = {"oklab": 0.9, "lightness": 0.6, "chroma": 1.2}
_OKLAB_MIDDLE: Final = 120.0 * SCALE  # keeps a and b, -0.32 to 0.28 for sRGB, at 0 or above
_OKLAB_GRAY: Final = (int(_OKLAB_SCALE) // 2, int(_OKLAB_MIDDLE), int(_OKLAB_MIDDLE))
_OKLAB_ALPHA: Final = int(_OKLAB_SCALE) // 2
_TO_LMS: Final = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB: Final = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def to_points(colors: U8, geometry: Geometry) -> NDArray[np.int64]:
    """uint8 (n, 3) or (n, 4) -> lattice points (n, 3) or (n, 4)."""
    if geometry == "rgb":
        return colors.astype(np.int64) * SCALE if colors.shape[1] == 3 else _composited(colors)
    chroma = _CHROMA[geometry]
    return _oklab(colors, chroma) if colors.shape[1] == 3 else _composited_oklab(colors, chroma)


def mean_colors(colors: U8, weights: NDArray[np.int64], labels: NDArray[np.intp], k: int) -> U8:
    """The weighted mean (k, 3 or 4) of the `colors` of each label, rounded; zeros where a label has none.

    Means are of RGB values, with alpha of composited ones, in all geometries.
    """
    w = weights.astype(np.float64)
    points = colors.astype(np.int64) * SCALE if colors.shape[1] == 3 else _composited(colors)
    weight = np.maximum(np.bincount(labels, w, k).astype(np.int64), 1)[:, None]
    sums = np.column_stack([np.bincount(labels, w * column, k).astype(np.int64) for column in points.T])
    if colors.shape[1] == 3:
        means: U8 = ((2 * sums + SCALE * weight) // (2 * SCALE * weight)).astype(np.uint8)
        return means
    return _to_colors((2 * sums + weight) // (2 * weight))


def _composited(colors: U8) -> NDArray[np.int64]:
    wide = colors.astype(np.int64)
    rgb, alpha = wide[:, :3], wide[:, 3:]
    premultiplied = (2 * SCALE * alpha * rgb + 255) // 510  # alpha * c * SCALE / 255, rounded
    shifted = premultiplied - SCALE // 2 * alpha + STEPS // 2  # the shift keeps coordinates at 0 or above
    return np.hstack((shifted, (_ALPHA_SCALE * alpha + _UNIT // 2) // _UNIT))


def _composited_oklab(colors: U8, chroma: float) -> NDArray[np.int64]:
    alpha = colors[:, 3:].astype(np.int64)
    shown = (2 * alpha * (_oklab(colors[:, :3], chroma) - _OKLAB_GRAY) + 255) // 510 + _OKLAB_GRAY
    return np.hstack((shown, (2 * _OKLAB_ALPHA * alpha + 255) // 510))


def _to_colors(points: NDArray[np.int64]) -> U8:
    """The colours nearest to points of compositing; the inverse of `_composited` for the points that it returns."""
    alpha = np.clip((points[:, 3:] * _UNIT + _ALPHA_SCALE // 2) // _ALPHA_SCALE, 0, 255)
    premultiplied = points[:, :3] + SCALE // 2 * alpha - STEPS // 2
    divisor = np.maximum(2 * SCALE * alpha, 1)
    rgb = np.where(alpha > 0, (2 * 255 * premultiplied + SCALE * alpha) // divisor, 0)
    colors: U8 = np.clip(np.hstack((rgb, alpha)), 0, 255).astype(np.uint8)
    return colors


def _oklab(colors: U8, chroma: float) -> NDArray[np.int64]:
    """Element by element, in operations that IEEE 754 rounds in one way only."""
    rgb = [linear()[channel] for channel in colors.T]
    lms = [cube_root(combined(row, rgb)) for row in _TO_LMS]
    scales = (_OKLAB_SCALE, chroma * _OKLAB_SCALE, chroma * _OKLAB_SCALE)
    lab = [np.rint(combined(row, lms) * scale) for row, scale in zip(_TO_LAB, scales, strict=True)]
    return np.column_stack((lab[0], lab[1] + _OKLAB_MIDDLE, lab[2] + _OKLAB_MIDDLE)).astype(np.int64)


@functools.cache
def linear() -> NDArray[np.float64]:
    """The light of each sRGB value (IEC 61966-2-1), 0 to 1.

    Decimal arithmetic is the same everywhere, unlike C's `pow`.
    """
    values = [Decimal(value) / 255 for value in range(256)]
    curve = [
        v / Decimal("12.92")
        if v <= Decimal("0.04045")
        else ((v + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
        for v in values
    ]
    return np.array([float(v) for v in curve])


def summed(terms: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The terms added up element by element, from the first to the last: rounded alike everywhere."""
    total = terms[0].copy()
    for term in terms[1:]:
        total += term
    return total


def combined(row: tuple[float, float, float], columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """A row of a matrix times columns, element by element."""
    return summed([column * factor for column, factor in zip(columns, row, strict=True)])


def cube_root(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two steps of Halley's method from x**(5/16): for x from 1e-5 to 1 right to a thousandth of a lattice step."""
    root = np.sqrt(np.sqrt(x * np.sqrt(np.sqrt(x)))) + 1e-30  # which is not 0
    for _ in range(2):
        cube = root * root * root
        root *= (cube + 2 * x) / (2 * cube + x)
    return root
