"""Rate-distortion remapping: each pixel takes the entry with the least error + price x bits.

The coder `mix` counts the bits: few for a pixel that repeats its neighbours or continues a pattern. The price, in error
for a bit, is higher in busy areas, where errors show less. Errors diffuse to neighbours, as in dithering, so that they
do not add up; the flatter the area, the smaller the part that a pixel takes, because noise would show there and cost
many bits. Small marks of another colour (accents.py) are left alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8, Wishes, choose_indices

from ..clustering.nearest import four, neighbours
from .masking import LEVEL, activity

_BUSIEST: Final = 4  # times the mean activity: the price rises no further
_MOST: Final = 1 << 20  # squared lattice steps
_HALF_AT: Final = 8  # levels of activity above the mean at which a pixel takes half of the error diffused to it


def remap(
    pixels: U8,
    positions: NDArray[np.int32],
    points: NDArray[np.int64],
    labels: NDArray[np.intp],
    palette: U8,
    centers: NDArray[np.int64],
    rate: float,
    kept: NDArray[np.bool_],
) -> U8:
    """Indices, uint8 (h, w), that take fewer bytes than the nearest entries.

    pixels: uint8 (h, w, 3 or 4).
    positions: int32 (h, w), the position in `points`, (n, d), of each pixel's colour.
    palette: uint8 (k, 3 or 4); centers: (k, d), its entries as points.
    labels: intp (n,), the nearest entry to each point.
    rate: the error that a bit is worth in a pixel of mean activity, in times the mean error; 0 for none.
    kept: bool (n,), the points that take the nearest entry at any cost.
    """
    if len(palette) == 1:
        return np.zeros(positions.shape, np.uint8)
    errors = np.square(points - centers[labels]).sum(axis=1)
    total = int((errors * np.bincount(positions.reshape(-1), minlength=len(points))).sum())
    busy = activity(pixels)
    mean_busy = max(int(busy.sum(dtype=np.int64)), 1) / busy.size
    classes = np.arange(int(busy.max()) + 1)
    prices = np.minimum(classes, _BUSIEST * mean_busy) * (rate * total / (busy.size * mean_busy))
    shares = 255 * classes / (classes + (mean_busy + _HALF_AT * LEVEL))
    if kept.any():  # these points get a class of their own
        busy = np.where(kept[positions], np.uint16(len(classes)), busy)
        prices, shares = np.append(prices, 0), np.append(shares, 0)
    wishes = Wishes(
        positions=positions,
        points=four(points),
        labels=labels.astype(np.uint8),
        busy=busy,
        prices=np.minimum(prices, _MOST).astype(np.int32),
        shares=shares.astype(np.uint8),
        centers=four(centers),
        near=neighbours(centers)[0].astype(np.uint8),
    )
    return choose_indices(wishes, palette)
