"""Colour spaces: colours <-> points on the integer lattice on which distances are measured.

Points have integer coordinates from 0 to `STEPS`, an eighth of a colour level apart, in at most four dimensions. On
this lattice single-precision arithmetic is exact (clustering/nearest.py), so every machine finds the same palette.

There are four geometries:

- *RGB*: the values of opaque colours, for the least squared error.
- *OKLab* (B. Ottosson, "A perceptual color space for image processing", 2020): distances match visible differences.
  Neighbouring values of L are 1/1600 apart, so that white is about as far from black as in RGB.
- *Lightness* and *chroma*: OKLab with less and with more weight on a and b. Trials decide which suits a picture.

Colours with alpha are compared as they look when *composited*. Over black, a colour looks like p = alpha c; over white,
like p + 255 - A. The squared error averaged over both backgrounds is (dp - dA/2)**2 + dA**2/4 per channel, which is the
Euclidean distance between points (p_r - A/2, p_g - A/2, p_b - A/2, sqrt(3)/2 A). All colours of alpha 0 then share one
point, and the more transparent a colour is, the less its differences count. In OKLab the two backgrounds differ only in
L. No viewer composites in OKLab; quantizer/space_choice.py decides for which pictures the approximation is good enough.
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

SCALE: Final = 8  # lattice steps per colour level
STEPS: Final = 255 * SCALE
_ALPHA_SCALE: Final = 69_282_032  # 10**7 * SCALE * sqrt(3) / 2, rounded
_UNIT: Final = 10_000_000

_OKLAB_SCALE: Final = 200.0 * SCALE
# The weight of a and b relative to L. In "oklab" it is slightly below 1, which raises the perceptual score.
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
    """The rounded weighted mean (k, 3 or 4) of the `colors` of each label; zeros for a label without colours.

    Means are taken over RGB values, composited if there is alpha, whatever the geometry.
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
    """The colours nearest to composited points; the exact inverse of `_composited` for the points that it returns."""
    alpha = np.clip((points[:, 3:] * _UNIT + _ALPHA_SCALE // 2) // _ALPHA_SCALE, 0, 255)
    premultiplied = points[:, :3] + SCALE // 2 * alpha - STEPS // 2
    divisor = np.maximum(2 * SCALE * alpha, 1)
    rgb = np.where(alpha > 0, (2 * 255 * premultiplied + SCALE * alpha) // divisor, 0)
    colors: U8 = np.clip(np.hstack((rgb, alpha)), 0, 255).astype(np.uint8)
    return colors


def _oklab(colors: U8, chroma: float) -> NDArray[np.int64]:
    """OKLab points, computed element by element with operations that IEEE 754 defines exactly."""
    lms = cube_root(_transformed(_TO_LMS, linear()[colors.T]))
    lab = _transformed(_TO_LAB, lms)
    lab *= np.array([[_OKLAB_SCALE], [chroma * _OKLAB_SCALE], [chroma * _OKLAB_SCALE]])
    points = np.ascontiguousarray(np.rint(lab).T).astype(np.int64)
    points[:, 1:] += int(_OKLAB_MIDDLE)
    return points


@functools.cache
def linear() -> NDArray[np.float64]:
    """The linear light, 0 to 1, of each sRGB value (IEC 61966-2-1).

    Decimal arithmetic gives the same result on every machine, unlike C's `pow`.
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
    """The sum of the terms, element by element from first to last, rounded the same on every machine."""
    total = terms[0].copy()
    for term in terms[1:]:
        total += term
    return total


def combined(row: tuple[float, float, float], columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The product of a matrix row and columns, element by element."""
    return summed([column * factor for column, factor in zip(columns, row, strict=True)])


def _transformed(matrix: tuple[tuple[float, float, float], ...], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The product of a matrix (3, 3) and columns (3, n), computed element by element."""
    factors = np.array(matrix).T[:, :, None]
    return summed([column * factor for column, factor in zip(columns, factors, strict=True)])


def cube_root(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two steps of Halley's method from x**(5/16): accurate to a thousandth of a lattice step for x from 1e-5 to 1."""
    root = np.sqrt(np.sqrt(x * np.sqrt(np.sqrt(x)))) + 1e-30  # avoids a division by 0
    for _ in range(2):
        cube = root * root * root
        root *= (cube + 2 * x) / (2 * cube + x)
    return root
