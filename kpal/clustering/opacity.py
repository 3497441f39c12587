"""Opaque pixels stay opaque, and fully transparent ("clear") pixels stay clear, in palettes with alpha.

The mean of many opaque colours and a few translucent ones is slightly translucent, and the nearest entry to clear may
be nearly clear. Both are tiny errors, but the image gets holes or a veil. So clear pixels have an entry of their own,
an entry that many opaque colours share becomes opaque, and opaque colours take opaque entries only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from .nearest import Points

# An entry that as many opaque as translucent pixels share stays translucent only if the alpha of the translucent pixels
# averages at least this far below 255.
_GAP: Final = 64
_NEARLY_CLEAR: Final = 127  # the highest alpha that is nearer to 0 than to 255
CLEAR: Final = np.zeros((1, 4), np.uint8)


def is_opaque(colors: U8) -> NDArray[np.bool_]:
    """Which of `colors`, uint8 (n, 3 or 4), are opaque: (n,)."""
    opaque: NDArray[np.bool_] = (colors[:, 3:] == 255).all(axis=1)
    return opaque


def lacks_clear(palette: U8, pixels: U8) -> bool:
    """Whether `pixels`, uint8 (h, w, 3 or 4), have clear pixels, but a palette, uint8 (k, 3 or 4), has no clear entry.

    With an opaque palette, pixels nearer to clear than to opaque count as clear.
    """
    if pixels.shape[2] == 3 or not palette[:, 3:].all(axis=1).all():
        return False
    return int(pixels[:, :, 3].min()) <= (_NEARLY_CLEAR if is_opaque(palette).all() else 0)


def with_clear(fixed: U8, colors: U8, k: int) -> U8:
    """The fixed entries of a palette of k, and a clear entry if one of `colors` is clear.

    A palette of one entry without fixed colours holds the mean colour instead. Raises ValueError if no entry is left.
    """
    if colors.shape[1] == 3 or colors[:, 3].all() or (fixed[:, 3] == 0).any() or (k == 1 and not len(fixed)):
        return fixed
    if len(fixed) == k:
        raise ValueError(
            f"fixed takes all {k} colours, and none of them is clear, as some pixels are: "
            "give one of them alpha 0, fix fewer, or allow more colors"
        )
    return np.vstack((fixed, CLEAR))


def made_opaque(palette: U8, colors: U8, weights: NDArray[np.int64], labels: NDArray[np.intp], fixed: int) -> U8:
    """The palette, with the entries that many opaque colours share made opaque; at least one, if a colour is opaque.

    palette: uint8 (k, 3 or 4), of which the first `fixed` stay.
    colors: uint8 (n, 3 or 4); weights: int64 (n,); labels: intp (n,), the entry of each.
    """
    if palette.shape[1] == 3:
        return palette
    k, gaps = len(palette), 255 - colors[:, 3].astype(np.int64)
    opaque, rest = (np.bincount(labels, weights * chosen, k) for chosen in (gaps == 0, gaps > 0))
    gap = np.bincount(labels, weights * gaps, k)
    shared = (opaque > 0) & (opaque * rest * _GAP**2 >= gap * gap)
    shared[:fixed] = False
    if opaque[fixed:].any() and not shared.any() and not is_opaque(palette[:fixed]).any():
        shared[fixed + opaque[fixed:].argmax()] = True
    palette = palette.copy()
    palette[shared, 3] = 255
    return palette


class Matching:
    """Searches for the nearest entries, among opaque entries only for points that must stay opaque.

    points: integers (n, d).
    opaque: bool (n,), the points that must stay opaque if the palette has an opaque entry.
    """

    def __init__(self, points: NDArray[np.int64], opaque: NDArray[np.bool_]) -> None:
        parts = ((opaque, True), (~opaque, False))
        self._parts = [(part, only, Points(points[part])) for part, only in parts if part.any()]
        self._size = len(points)

    def guess(self, labels: NDArray[np.intp]) -> None:
        """Labels that the next search may start from; they change its time, not its result."""
        for part, _, search in self._parts:
            search.guess(labels[part])

    def nearest(self, palette: U8, centers: NDArray[np.int64]) -> NDArray[np.intp]:
        """The index of an entry for each point, the lowest in a tie.

        palette: uint8 (k, 3 or 4); centers: (k, d), the same as points.
        """
        labels = np.empty(self._size, np.intp)
        every, opaque = np.arange(len(palette)), np.flatnonzero(is_opaque(palette))
        for part, only, search in self._parts:
            entries = opaque if only and len(opaque) else every
            labels[part] = entries[search.nearest(centers[entries])]
        return labels
