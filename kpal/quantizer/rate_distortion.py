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
from .dithering import Held
from .masking import LEVEL, activity

_BUSIEST: Final = 4  # times the mean activity: the price rises no further
_MOST: Final = 1 << 20  # squared lattice steps
# A pixel of a frame keeps its entry where that adds at most the error of so many bits. A change of entry costs more
# bits than this, but with a higher limit fades look uneven.
_CHANGE: Final = 1
_MARGIN: Final = 16  # pixels around changes, from which the model of a frame learns
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
    error: tuple[int, int] | None = None,
    held: Held | None = None,
) -> U8:
    """Indices, uint8 (h, w), that take fewer bytes than the nearest entries.

    pixels: uint8 (h, w, 3 or 4).
    positions: int32 (h, w), the position in `points`, (n, d), of each pixel's colour.
    palette: uint8 (k, 3 or 4); centers: (k, d), its entries as points.
    labels: intp (n,), the nearest entry to each point.
    rate: the error that a bit is worth in a pixel of mean activity, in times the mean error; 0 for none.
    kept: bool (n,), the points that take the nearest entry at any cost.
    error: of a frame, the total error of all frames, and their number of pixels; by default, those of the image.
    held: of a frame, the pixels that keep their indices, and the indices of the frame before. Other pixels keep theirs,
        too, where that costs less than a change.
    """
    if len(palette) == 1:
        return np.zeros(positions.shape, np.uint8)
    errors = np.square(points - centers[labels]).sum(axis=1)
    if error is None:
        error = int((errors * np.bincount(positions.reshape(-1), minlength=len(points))).sum()), positions.size
    busy = activity(pixels)
    mean_busy = max(int(busy.sum(dtype=np.int64)), 1) / busy.size
    classes = np.arange(int(busy.max()) + 1)
    prices = np.minimum(classes, _BUSIEST * mean_busy) * (rate * error[0] / (error[1] * mean_busy))
    shares = 255 * classes / (classes + (mean_busy + _HALF_AT * LEVEL))
    if kept.any() or held is not None:  # these points get a class of their own
        busy = np.where(kept[positions], np.uint16(len(classes)), busy)
        prices, shares = np.append(prices, 0), np.append(shares, 0)
    if held is not None:
        still = held.pixels | _worth_keeping(held, positions, points, labels, palette, centers, errors, prices[busy])
        # A pixel that keeps its index wants just the colour of that.
        positions = np.where(still, held.indices + np.int32(len(points)), positions)
        points, labels = np.vstack((points, centers)), np.append(labels, np.arange(len(centers)))
        busy = np.where(still, np.uint16(len(classes)), busy)
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
    if held is None:
        return choose_indices(wishes, palette)
    indices = held.indices.copy()
    if not still.all():
        part = _around(~still)
        indices[part] = np.where(still[part], indices[part], choose_indices(wishes.part(part), palette))
    return indices


def _worth_keeping(
    held: Held,
    positions: NDArray[np.int32],
    points: NDArray[np.int64],
    labels: NDArray[np.intp],
    palette: U8,
    centers: NDArray[np.int64],
    errors: NDArray[np.int64],
    prices: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Where the entry of the frame before has so little more error than the nearest one that a change is too dear."""
    worse = np.square(points[positions] - centers[held.indices]).sum(axis=2) - errors[positions]
    alpha = np.sign(palette[:, 3:].astype(np.int16) - 255) + (palette[:, 3:] > 0)  # opaque, translucent or clear
    alike = (alpha[held.indices] == alpha[labels][positions]).all(axis=2)
    worth: NDArray[np.bool_] = alike & (worse <= _CHANGE * prices)
    return worth


def _around(pixels: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns with any of these pixels, and some around them."""
    places = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(max(0, int(at[0]) - _MARGIN), int(at[-1]) + 1 + _MARGIN) for at in places)
    return rows, columns
