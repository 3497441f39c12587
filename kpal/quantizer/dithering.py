"""Dithering: neighbouring pixels make up for the error of a pixel.

*Error diffusion* (R. W. Floyd, L. Steinberg, "An adaptive algorithm for spatial greyscale", Proc. SID 17, 1976): each
pixel takes the palette entry nearest to its colour plus the error diffused from its neighbours, and diffuses its own
error: 7/16 to the right, 3/16, 5/16 and 1/16 to the row below.

*Ordered dithering*: each colour is mixed from two entries, the nearest and the one that mixes best with it, in a fixed
proportion. The position of a pixel in a matrix of thresholds selects one of the two. With Bayer's matrix (B. E. Bayer,
"An optimum method for two-level rendition of continuous-tone pictures", ICC 1973), the same colour makes the same
pattern everywhere, which compresses well; a matrix of blue noise (make_blue_noise.py) hides the pattern.

The eye averages gamma-encoded RGB values closely enough, so the errors are those of RGB, composited if there is alpha
(color/spaces.py). A pixel whose colour is in the palette keeps it and takes no error from its neighbours. Error
diffusion also spares colours that cover much of the image with less than average error, where noise would show more
than the error does. All arithmetic is in integers, or in floats that every machine rounds alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kpal_format import U8

from ..clustering import _loops
from ..clustering.nearest import four, neighbours
from ..clustering.opacity import Matching, is_opaque
from ..color.palettes import among
from ..color.spaces import summed, to_points
from .histogram import Colors, Histogram

_MUCH: Final = 50  # a colour covers much of the image if at least one pixel in 50 has it
_LEVELS: Final = 256  # `_loops.diffuse` takes the level in 256ths
_PARTNERS: Final = 12  # a colour is mixed from its nearest entry and one of the 12 entries around that
_CONTRAST: Final = 0.25  # weight of the contrast of a mixture relative to its error
_BAYER_BITS: Final = 3
BLUE_NOISE: Final = Path(__file__).with_name("blue_noise.png")


class Held(NamedTuple):
    """Pixels of a frame that keep the indices of the frame before: which ones, bool (h, w), and indices, uint8 (h, w).

    Dithering that is drawn anew where nothing changes would boil.
    """

    pixels: NDArray[np.bool_]
    indices: U8


def floyd_steinberg(
    histogram: Histogram,
    palette: U8,
    opaque: NDArray[np.bool_],
    level: float,
    calm: U8 | None = None,
    held: Held | None = None,
) -> U8:
    """The indices, uint8 (h, w), of the image with this histogram.

    palette: uint8 (k, c), with as many channels as the image.
    opaque: bool (n,), which colours of the histogram may take only opaque entries.
    level: 0 to 1, the fraction of the error that is diffused.
    calm: of a frame, the `calm_colors` of the animation, uint8 (m, c); by default, those of the image.
    held: of a frame, the pixels that keep their indices; they pass on their error as others do.
    """
    points, centers, labels, errors = _met(histogram.colors, palette, opaque)
    spared = _calm(histogram.counts, errors) if calm is None else among(histogram.colors, calm)
    spared |= errors == 0
    near, apart = neighbours(centers)
    indices = histogram.spread(labels.astype(np.uint8))
    kept = np.zeros(indices.shape, np.uint8)
    if held is not None:
        kept[held.pixels] = 1
        indices[held.pixels] = held.indices[held.pixels]
    _loops.diffuse(
        indices,
        kept,
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


def calm_colors(colors: Colors, palette: U8, opaque: NDArray[np.bool_]) -> U8:
    """The colours that error diffusion spares because they cover much of all images: uint8 (m, c).

    colors: those of all images; palette, opaque: as in `floyd_steinberg`.
    """
    return colors.colors[_calm(colors.counts, _met(colors.colors, palette, opaque)[3])]


def _met(colors: U8, palette: U8, opaque: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
    """The colours and the entries as points, the nearest entry of each colour, and its squared error."""
    points, centers = to_points(colors, "rgb"), to_points(palette, "rgb")
    labels = Matching(points, opaque).nearest(palette, centers)
    return points, centers, labels, np.square(points - centers[labels]).sum(axis=1)


def _calm(counts: NDArray[np.int64], errors: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which colours cover much of the image with less than average error: (n,)."""
    total, pixels = int((errors * counts).sum()), int(counts.sum())
    calm: NDArray[np.bool_] = (2 * errors * pixels <= total) & (counts * _MUCH >= pixels)
    return calm


def ordered(
    histogram: Histogram, palette: U8, opaque: NDArray[np.bool_], level: float, thresholds: U8 | None = None
) -> U8:
    """Like `floyd_steinberg`, but `level` scales the share of the second colour of each mixture.

    thresholds: uint8 (n, m), with all levels from 0 to the highest equally often; by default, Bayer's.
    """
    thresholds = _bayer() if thresholds is None else thresholds
    points, centers, labels, _ = _met(histogram.colors, palette, opaque)
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
    ranks = np.floor(part * (level * (int(thresholds.max()) + 1)) + 0.5).astype(np.uint8)
    first, second, rank = (histogram.spread(v.astype(np.uint8)) for v in (labels, partner, ranks))
    height, width = first.shape
    repeats = [-(-side // size) for side, size in zip((height, width), thresholds.shape, strict=True)]
    return np.where(np.tile(thresholds, repeats)[:height, :width] < rank, second, first)


def _bayer() -> U8:
    """Bayer's matrix of threshold ranks, from 0."""
    matrix = np.zeros((1, 1), np.uint8)
    for _ in range(_BAYER_BITS):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return matrix


def blue_noise() -> U8:
    """Thresholds without a visible pattern, uint8 (64, 64)."""
    with Image.open(BLUE_NOISE) as image:
        return np.array(image)


def _sum_of_squares(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return summed([column * column for column in vectors.T])
