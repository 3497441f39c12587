"""Where distances between colours are measured: colours <-> points on an integer lattice.

Points have integer coordinates from 0 to `STEPS`, an eighth of a colour level apart, in at most four dimensions. On
that lattice single-precision arithmetic is exact (nearest.py), so every machine finds the same palette.

Opaque colours are their RGB values. With alpha, what matters is how a colour looks once it is composited: over
black it shows as p = alpha c, over white as p + 255 - A. The squared error averaged over both backgrounds is, per
channel, (dp - dA/2)**2 + dA**2/4, which is the Euclidean distance of (p_r - A/2, p_g - A/2, p_b - A/2, sqrt(3)/2
A). All colours of alpha 0 are then one point, and a translucent one counts for less the less of it is seen.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

SCALE: Final = 8  # lattice steps a colour level
STEPS: Final = 255 * SCALE
_ALPHA_SCALE: Final = 69_282_032  # 10**7 * SCALE * sqrt(3) / 2, rounded
_UNIT: Final = 10_000_000


def to_points(colors: U8) -> NDArray[np.int64]:
    """uint8 (n, 3) or (n, 4) -> lattice points (n, 3) or (n, 4)."""
    wide = colors.astype(np.int64)
    if colors.shape[1] == 3:
        points: NDArray[np.int64] = wide * SCALE
        return points
    rgb, alpha = wide[:, :3], wide[:, 3:]
    premultiplied = (2 * SCALE * alpha * rgb + 255) // 510  # alpha * c * SCALE / 255, rounded
    shifted = premultiplied - SCALE // 2 * alpha + STEPS // 2  # the shift keeps coordinates at 0 or above
    return np.hstack((shifted, (_ALPHA_SCALE * alpha + _UNIT // 2) // _UNIT))


def to_colors(points: NDArray[np.int64]) -> U8:
    """The nearest colours to lattice points: the inverse of `to_points` for the points that it returns."""
    if points.shape[1] == 3:
        return np.clip((points + SCALE // 2) // SCALE, 0, 255).astype(np.uint8)
    alpha = np.clip((points[:, 3:] * _UNIT + _ALPHA_SCALE // 2) // _ALPHA_SCALE, 0, 255)
    premultiplied = points[:, :3] + SCALE // 2 * alpha - STEPS // 2
    divisor = np.maximum(2 * SCALE * alpha, 1)
    rgb = np.where(alpha > 0, (2 * 255 * premultiplied + SCALE * alpha) // divisor, 0)
    colors: U8 = np.clip(np.hstack((rgb, alpha)), 0, 255).astype(np.uint8)
    return colors
