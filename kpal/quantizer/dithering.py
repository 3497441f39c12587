"""Dithering: the error of a pixel made up for by those around it.

*Error diffusion* (R. W. Floyd, L. Steinberg, "An adaptive algorithm for spatial greyscale", Proc. SID 17, 1976): each
pixel takes the palette entry nearest to its colour plus the error that its neighbours left it, and passes its own error
on: 7/16 to the right, 3/16, 5/16 and 1/16 to the row below.

*Ordered dithering*: each colour has two entries, the nearest and the one that mixes best with it, and the part of the
mixture; a pixel's place in Bayer's matrix (B. E. Bayer, "An optimum method for two-level rendition of continuous-tone
pictures", ICC 1973) says which it takes. The same colour makes the same pattern everywhere, which files can use.

Colours are mixed by eye, as they would be blended: RGB values, with alpha those of compositing (space.py). Colours that
are in the palette never change, nor are neighbours made to pay for others' errors with them. Nor do those that cover
much of the image and are met better than most: there noise would show more than the error does. All is in whole
numbers, or in floats that are rounded in one way only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kpal_format import U8

from ..clustering import _loops
from ..clustering.nearest import four, neighbours
from ..clustering.opacity import Matching, is_opaque
from ..color.spaces import summed, to_points
from .histogram import Histogram

_MUCH: Final = 50  # a colour covers much of the image from one part in so many
_LEVELS: Final = 256  # of the level, in `_loops`
_PARTNERS: Final = 12  # entries nearest to a colour's own that it may be mixed with
_CONTRAST: Final = 0.25  # how much the contrast of a mixture counts, beside its error
_BAYER_BITS: Final = 3


def floyd_steinberg(histogram: Histogram, palette: U8, opaque: NDArray[np.bool_], level: float) -> U8:
    """The indices uint8 (h, w) of the image whose histogram that is.

    palette: uint8 (k, c), with as many channels as the image.
    opaque: bool (n,), which of the colours take opaque entries only.
    level: 0 to 1, the part of the error that is passed on.
    """
    points, centers = to_points(histogram.colors, "rgb"), to_points(palette, "rgb")
    labels = Matching(points, opaque).nearest(palette, centers)
    errors = np.square(points - centers[labels]).sum(axis=1)
    total = int((errors * histogram.counts).sum())
    pixels = int(histogram.counts.sum())
    well_met = 2 * errors * pixels <= total
    spared = (errors == 0) | (well_met & (histogram.counts * _MUCH >= pixels))
    near, apart = neighbours(centers)
    indices = histogram.spread(labels.astype(np.uint8))
    _loops.diffuse(
        indices,
        histogram.positions(),
        four(points),
        spared.astype(np.uint8),
        opaque.astype(np.uint8),
        four(centers),
        is_opaque(palette).astype(np.uint8),
        near.astype(np.int32),
        apart.astype(np.int32),
        round(level * _LEVELS),
    )
    return indices


def ordered(histogram: Histogram, palette: U8, opaque: NDArray[np.bool_], level: float) -> U8:
    """As `floyd_steinberg`; `level` is the part of a mixture's second colour that is used."""
    points, centers = to_points(histogram.colors, "rgb"), to_points(palette, "rgb")
    labels = Matching(points, opaque).nearest(palette, centers)
    partners, solid = neighbours(centers)[0][:, 1 : 1 + _PARTNERS], is_opaque(palette)
    error = (points - centers[labels]).astype(np.float64)
    best = _sum_of_squares(error)
    partner, part = labels.copy(), np.zeros(len(points))
    for candidates in partners.T:
        step = (centers[candidates] - centers)[labels].astype(np.float64)
        length = np.maximum(_sum_of_squares(step), 1.0)
        along = np.clip(summed([e * s for e, s in zip(error.T, step.T, strict=True)]) / length, 0.0, 0.5)
        rest = _sum_of_squares(error - along[:, None] * step) + _CONTRAST * along * (1 - along) * length
        better = (rest < best) & (~opaque | solid[candidates[labels]])
        best = np.where(better, rest, best)
        partner = np.where(better, candidates[labels], partner)
        part = np.where(better, along, part)
    size = 1 << _BAYER_BITS
    ranks = np.floor(part * (level * size * size) + 0.5).astype(np.uint8)
    first, second, rank = (histogram.spread(v.astype(np.uint8)) for v in (labels, partner, ranks))
    height, width = first.shape
    matrix = np.tile(_bayer(), (-(-height // size), -(-width // size)))[:height, :width]
    return np.where(matrix < rank, second, first)


def _bayer() -> U8:
    """Bayer's matrix, ranks from 0."""
    matrix = np.zeros((1, 1), np.uint8)
    for _ in range(_BAYER_BITS):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return matrix


def _sum_of_squares(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return summed([column * column for column in vectors.T])
