"""Accents: marks of quite another colour than all that is around them, which a palette of few colours would repaint.

A red pin on a map covers too few pixels to move the mean of a cluster, but it is what people look for. In the histogram
it stands alone: many of its pixels have nearly one colour, and next to none have the colours farther out. That tells it
from the tail of a photo's colours, which no palette of few colours can hold, and from the fringes of text, which lie
where the picture is busy.

The search is on a grid in OKLab, in whole numbers: for each cell the pixels in a small box around it, which are the
mark's, and in a larger box, which must hold little else.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from .histogram import Colors
from .opacity import is_opaque
from .palette import with_channels
from .space import SCALE, Geometry, to_points
from .weights import weight_at

FAR: Final = 208  # lattice steps of OKLab, 0.13: quite another colour
_CELL: Final = FAR // 4
_OWN: Final = 1  # cells on each side of a mark's densest one that are the mark's, too
_AROUND: Final = 2  # cells on each side that hold little else
_ONE_COLOR: Final = 10  # one in so many pixels of a mark, at least, have its most frequent colour
_BUSY: Final = 24  # levels of mean difference between neighbours: more are lines and specks, not patches
_LARGE: Final = 10  # parts of an image: what covers more than one of them is no accent
_SPECK: Final = 12  # pixels: fewer are no patch that people see
_SPECKS: Final = 20_000  # parts of an image: what covers less is no such patch either
_SIMILAR: Final = 30 * SCALE  # lattice steps of RGB: entries farther away show another colour
_ROOM: Final = 3  # accents may take one in so many entries of a palette
_LEAST_COLORS: Final = 4  # smaller palettes have no room for accents


class Accents(NamedTuple):
    """The colours of marks, uint8 (m, 3), all opaque, and how many pixels have each: int64 (m,)."""

    colors: U8
    counts: NDArray[np.int64]

    def lost(self, palette: U8) -> NDArray[np.bool_]:
        """Which of them, (m,), have no entry of `palette`, uint8 (k, 3 or 4), that shows nearly their colour."""
        near = self._within(palette, "oklab", FAR // 2) & self._within(palette, "rgb", _SIMILAR)
        near &= is_opaque(palette)
        return np.logical_not(near.any(axis=1))

    def most_lost(self, palette: U8, most: int) -> U8:
        """Of the lost ones those that show most, `most` at the most, none of them near another: uint8 (n, 3 or 4)."""
        points, entries = to_points(self.colors, "oklab"), to_points(palette[:, :3], "oklab")
        shows = self.counts * np.square(points[:, None] - entries).sum(axis=2).min(axis=1)
        chosen = palette[:0]
        while len(chosen) < most and (lost := self.lost(np.vstack((palette, chosen)))).any():
            worst = np.where(lost, shows, -1).argmax()
            chosen = np.vstack((chosen, with_channels(self.colors[worst : worst + 1], palette.shape[1])))
        return chosen

    def members(self, colors: U8) -> NDArray[np.bool_]:
        """Which of `colors`, uint8 (n, 3 or 4), are those of marks: (n,)."""
        near = self._within(colors, "oklab", FAR // 2)
        near &= is_opaque(colors)
        return np.asarray(near.any(axis=0))

    def _within(self, colors: U8, geometry: Geometry, steps: int) -> NDArray[np.bool_]:
        """Whether each accent is so near to each of `colors`, whatever their alpha: (m, n)."""
        points, others = to_points(self.colors, geometry), to_points(colors[:, :3], geometry)
        near = np.empty((len(points), len(others)), np.bool_)
        for row, point in zip(near, points, strict=True):
            row[:] = np.square(others - point).sum(axis=1) <= steps * steps
        return near


NONE: Final = Accents(np.empty((0, 3), np.uint8), np.empty(0, np.int64))


def room_for_accents(k: int) -> int:
    """How many entries of a palette of k may be accents'."""
    return k // _ROOM if k >= _LEAST_COLORS else 0


def least_patch(pixels: int) -> int:
    """How many of an image's pixels must have a colour for people to see it."""
    return max(_SPECK, pixels // _SPECKS)


def find_accents(histogram: Colors) -> Accents:
    """The accents of an image whose pixels have weights by flatness (weights.py)."""
    opaque = is_opaque(histogram.colors)
    colors, counts, weights = histogram.colors[opaque, :3], histogram.counts[opaque], histogram.weights[opaque]
    if not len(colors):
        return NONE
    marks, found = _alone(to_points(colors, "oklab"), counts, least_patch(int(histogram.counts.sum())))
    marked = marks >= 0
    colors, counts, weights, marks = colors[marked], counts[marked], weights[marked], marks[marked]
    pixels, weight = (np.bincount(marks, values, found).astype(np.int64) for values in (counts, weights))
    most = np.zeros(found, np.int64)
    np.maximum.at(most, marks, counts)
    patches = (
        (pixels * _LARGE <= int(histogram.counts.sum()))
        & (most * _ONE_COLOR >= pixels)
        & (weight >= weight_at(_BUSY, histogram.colors.shape[1]) * pixels)
    )
    frequent = [np.flatnonzero((marks == mark) & (counts == most[mark]))[0] for mark in np.flatnonzero(patches)]
    return Accents(colors[frequent], pixels[patches])


def _alone(points: NDArray[np.int64], counts: NDArray[np.int64], least: int) -> tuple[NDArray[np.intp], int]:
    """Groups of similar colours that `least` pixels or more have, and around which there is little else.

    Returns for each of the points its group, or -1: intp (n,), and how many groups there are.
    """
    cells = list(points.astype(np.int32).T // _CELL)
    cells = [column - column.min() for column in cells]
    shape = tuple(int(column.max()) + 1 for column in cells)
    keys = (cells[0] * shape[1] + cells[1]) * shape[2] + cells[2]
    here = np.bincount(keys, counts, math.prod(shape)).astype(np.int64).reshape(shape)
    own = _box(here, _OWN)
    alone = (own >= least) & (2 * own >= _box(here, _AROUND)) & (here > 0)
    marks, found = np.full(shape, -1), 0
    for first in np.argwhere(alone)[np.argsort(-here[alone], kind="stable")]:
        box = marks[tuple(slice(max(0, at - _OWN), at + _OWN + 1) for at in first)]
        if (box < 0).all():
            box[:] = found
            found += 1
    return marks.reshape(-1)[keys], found


def merged(*accents: Accents) -> Accents:
    """The accents of several images, in whatever order: of those in one cell of the grid the one of most pixels."""
    colors, counts = np.vstack([one.colors for one in accents]), np.concatenate([one.counts for one in accents])
    _, cells = np.unique(to_points(colors, "oklab") // _CELL, axis=0, return_inverse=True)
    cells = cells.reshape(-1)
    order = np.lexsort((*colors.T, -counts, cells))
    firsts = order[np.flatnonzero(np.diff(cells[order], prepend=-1))]
    return Accents(colors[firsts], np.bincount(cells, counts).astype(np.int64))


def _box(values: NDArray[np.int64], radius: int) -> NDArray[np.int64]:
    """Sums over the cubes that have so many cells on each side of each cell of a grid."""
    for axis in range(values.ndim):
        size = values.shape[axis]
        sums = np.insert(np.cumsum(values, axis=axis), 0, 0, axis=axis)
        ends, starts = (np.clip(np.arange(size) + by, 0, size) for by in (radius + 1, -radius))
        values = sums.take(ends, axis=axis) - sums.take(starts, axis=axis)
    return values
