"""Accents: small marks of quite another colour than the rest, which a palette of few colours would repaint.

A red pin on a map covers too few pixels to get a cluster of its own, but it is what people look for. It stands alone in
the histogram: many of its pixels have one colour, and few pixels of the image have the colours around that one. The
rare colours of a photo do not stand alone, and the fringes of text lie where the picture is busy.

A grid in OKLab finds such marks, in whole numbers: the small box around a cell holds the mark's pixels, and a larger
box holds hardly any others. The quantiser (search.py) gives the marks that a palette loses entries of their own, a
search for the fewest colours does not stop while one is lost, and a rate does not repaint them (rate_distortion.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from ..clustering.opacity import is_opaque
from ..color.palettes import with_channels
from ..color.spaces import SCALE, Geometry, to_points
from .histogram import Colors
from .masking import weight_at

FAR: Final = 208  # lattice steps of OKLab, 0.13: quite another colour
# The grid. A mark's own box reaches _OWN cells beyond its densest one on each side; it must hold the part _ALONE of all
# the pixels in the box that reaches _AROUND cells beyond. Soft edges leave less to a small mark: a plain one, in which
# one in _PLAIN pixels has the most frequent colour, needs the part _ALONE_IF_PLAIN.
_CELL: Final = FAR // 4
_BITS: Final = 8  # for the number of a cell along an axis
_OWN: Final = 1
_AROUND: Final = 2
_ALONE: Final = 0.8
_ALONE_IF_PLAIN: Final = 0.55
_PLAIN: Final = 4
# At least half of a mark's pixels are within so many levels of its most frequent colour, in each channel.
_EVEN: Final = 8
_BUSY: Final = 24  # levels between neighbours: lines and specks, which are no patches, differ by more
_SPECK: Final = 12  # pixels: the least that people see as a patch
_SPECKS: Final = 20_000  # the least part of an image that they do: one in so many pixels
_LARGE: Final = 10  # the largest part of an image that is an accent: one in so many pixels
_NEAR: Final[dict[Geometry, int]] = {"oklab": FAR // 2, "rgb": 30 * SCALE}  # steps within which colours look alike
_ROOM: Final = 3  # accents take at most one in so many entries of a palette
_LEAST_COLORS: Final = 4  # a smaller palette has no room for accents


class Accents(NamedTuple):
    """The colours of marks, uint8 (m, 3), all opaque, and how many pixels have each: int64 (m,)."""

    colors: U8
    counts: NDArray[np.int64]

    def lost(self, palette: U8, geometry: Geometry | None = None) -> NDArray[np.bool_]:
        """Which accents, (m,), have no entry of `palette`, uint8 (k, 3 or 4), near to their colour.

        geometry: the space of the distance; by default, an entry must be near both in OKLab and in RGB.
        """
        near = np.tile(is_opaque(palette), (len(self.colors), 1))
        if not len(near):
            return np.empty(0, np.bool_)
        for each, steps in _NEAR.items():
            if geometry in (None, each):
                near &= self._within(palette, each, steps)
        return np.logical_not(near.any(axis=1))

    def most_lost(self, palette: U8, most: int) -> U8:
        """At most `most` lost accents, those that show most, none of them near another: uint8 (n, 3 or 4)."""
        points, entries = to_points(self.colors, "oklab"), to_points(palette[:, :3], "oklab")
        shows = self.counts * np.square(points[:, None] - entries).sum(axis=2).min(axis=1)
        chosen = palette[:0]
        while len(chosen) < most and (lost := self.lost(np.vstack((palette, chosen)))).any():
            worst = np.where(lost, shows, -1).argmax()
            chosen = np.vstack((chosen, with_channels(self.colors[worst : worst + 1], palette.shape[1])))
        return chosen

    def members(self, colors: U8) -> NDArray[np.bool_]:
        """Which of `colors`, uint8 (n, 3 or 4), belong to marks: (n,)."""
        near = self._within(colors, "oklab", FAR // 2)
        near &= is_opaque(colors)
        return np.asarray(near.any(axis=0))

    def _within(self, colors: U8, geometry: Geometry, steps: int) -> NDArray[np.bool_]:
        """Whether each accent is within `steps` of each of `colors`, whatever their alpha: (m, n)."""
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
    """The least number of pixels of one colour that people see in an image."""
    return max(_SPECK, pixels // _SPECKS)


def find_accents(histogram: Colors) -> Accents:
    """The accents of an image.

    histogram: its colours, with weights by flatness (masking.py).
    """
    opaque = is_opaque(histogram.colors)
    colors, counts, weights = histogram.colors[opaque, :3], histogram.counts[opaque], histogram.weights[opaque]
    if not len(colors):
        return NONE
    total = int(histogram.counts.sum())
    marks, around = _alone(to_points(colors, "oklab"), counts, least_patch(total))
    pixels, weight = (
        np.bincount(marks + 1, values, len(around) + 1)[1:].astype(np.int64) for values in (counts, weights)
    )
    shown: list[NDArray[np.intp]] = []
    for mark in np.flatnonzero((pixels * _LARGE <= total) & _flat(pixels, weight, histogram)):
        own = np.flatnonzero(marks == mark)
        frequent = own[counts[own].argmax()]
        even = (np.abs(colors[own].astype(np.int16) - colors[frequent]) <= _EVEN).all(axis=1)
        alone = pixels[mark] >= _ALONE * around[mark] or _PLAIN * counts[frequent] >= pixels[mark]
        if alone and 2 * counts[own[even]].sum() >= pixels[mark]:
            shown.append(frequent)
    return Accents(colors[shown], pixels[marks[shown]])


def has_patch(histogram: Colors) -> NDArray[np.bool_]:
    """Which colours of an image cover a visible patch: (n,)."""
    counts = histogram.counts
    return (counts >= least_patch(int(counts.sum()))) & _flat(counts, histogram.weights, histogram)


def looks_another(colors: U8, shown: U8) -> NDArray[np.bool_]:
    """Which of `colors` look unlike the colours `shown` in their places: uint8 (n, 3 or 4) both -> (n,)."""
    another = np.ones(len(colors), np.bool_)
    for geometry, most in _NEAR.items():
        another &= np.square(to_points(colors, geometry) - to_points(shown, geometry)).sum(axis=1) > most * most
    return another


def _flat(pixels: NDArray[np.int64], weights: NDArray[np.int64], histogram: Colors) -> NDArray[np.bool_]:
    """Whether pixels with this total weight lie in flat areas rather than in lines and specks."""
    return weights >= weight_at(_BUSY, histogram.colors.shape[1]) * pixels


def _alone(points: NDArray[np.int64], counts: NDArray[np.int64], least: int) -> tuple[NDArray[np.intp], list[int]]:
    """Groups of similar colours that `least` pixels or more have, and around which there is little else.

    Returns for each of the points its group, or -1: intp (n,), and for each group the pixels in its larger box.
    """
    cells = list(points.astype(np.int32).T // _CELL)
    cells = [column - column.min() for column in cells]
    shape = tuple(int(column.max()) + 1 for column in cells)
    keys = (cells[0] * shape[1] + cells[1]) * shape[2] + cells[2]
    here = np.bincount(keys, counts, math.prod(shape)).astype(np.int64).reshape(shape)
    own, all_around = _box(here, _OWN), _box(here, _AROUND)
    alone = (own >= least) & (own >= _ALONE_IF_PLAIN * all_around) & (here > 0)
    marks, around = np.full(shape, -1), list[int]()
    for first in np.argwhere(alone)[np.argsort(-here[alone], kind="stable")]:
        box = marks[tuple(slice(max(0, at - _OWN), at + _OWN + 1) for at in first)]
        if (box < 0).all():
            box[:] = len(around)
            around.append(int(all_around[tuple(first)]))
    return marks.reshape(-1)[keys], around


def merged(images: Iterable[Accents]) -> Accents:
    """The accents of several images, in any order: the most frequent colour in each cell of the grid."""
    every = [one for one in images if len(one.colors)]
    if not every:
        return NONE
    colors, which = np.unique(np.vstack([one.colors for one in every]), axis=0, return_inverse=True)
    counts = np.bincount(which.reshape(-1), np.concatenate([one.counts for one in every])).astype(np.int64)
    keys = to_points(colors, "oklab") // _CELL @ np.array([1 << 2 * _BITS, 1 << _BITS, 1])
    order = np.lexsort((-counts, keys))  # which leaves equals in the order of their colours
    firsts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return Accents(colors[order[firsts]], np.add.reduceat(counts[order], firsts))


def _box(values: NDArray[np.int64], radius: int) -> NDArray[np.int64]:
    """For each cell of a grid, the sum over the cube that reaches `radius` cells beyond it on each side."""
    for axis in range(values.ndim):
        rows = values.swapaxes(0, axis)
        sums = rows.copy()
        for by in range(1, radius + 1):
            sums[by:] += rows[:-by]
            sums[:-by] += rows[by:]
        values = sums.swapaxes(0, axis)
    return values
