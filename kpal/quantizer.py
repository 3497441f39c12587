"""Pixels to an indexed image: histogram, clustering, palette, remapping."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, IndexedImage, Metadata

from . import pixels as _pixels
from .clustering import cluster, distinct
from .dither import floyd_steinberg
from .histogram import Histogram
from .metadata import rgb_profile
from .nearest import nearest
from .palette import as_palette, sorted_palette
from .space import to_colors, to_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .pixels import Pixels

Dither = Literal["none", "floyd-steinberg"]
DITHERS: Final[tuple[str, ...]] = get_args(Dither)

# A round that lowers the error by less is not worth its time: a tenth of this takes twice as long, for 0.3 % of error.
_TOL: Final = 1e-3
_MAX_ITER: Final = 100


def quantize(
    pixels: Pixels,
    colors: int = MAX_COLORS,
    *,
    palette: ArrayLike | None = None,
    keep_palette: bool = False,
    dither: Dither = "none",
    metadata: Metadata | None = None,
) -> IndexedImage:
    """The image in at most `colors` colours; exactly, where it has no more than that.

    pixels: a Pillow image, or an array uint8 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4)
        RGBA.
    colors: 1 to 256.
    palette: colours (k, 3) or (k, 4) to use, in that order, instead of finding them.
    keep_palette: take the indices and the palette of a Pillow image of mode P as they are.
    dither: "floyd-steinberg" spreads the error of each pixel over its neighbours; it makes files larger.
    metadata: what to store beside the pixels. By default what decides how they look: the ICC profile of a Pillow
        image; `Metadata()` for nothing.

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.
    """
    _check_options(colors, palette, keep_palette, dither)
    if keep_palette:
        indexed = _pixels.own_palette(pixels)  # type: ignore[arg-type]  # which it checks
        if len(indexed.palette) > colors:
            raise ValueError(f"keep_palette: the palette has {len(indexed.palette)} colours, more than colors={colors}")
    else:
        given = None if palette is None else as_palette(palette)
        if given is not None and len(given) > colors:
            raise ValueError(f"the palette has {len(given)} colours, more than colors={colors}")
        indexed = _index(_pixels.to_array(pixels), colors, given, dither)
    if metadata is None:
        metadata = _default_metadata(pixels)
    return dataclasses.replace(indexed, metadata=metadata)


def _check_options(colors: int, palette: ArrayLike | None, keep_palette: bool, dither: str) -> None:
    if isinstance(colors, bool) or not isinstance(colors, (int, np.integer)):
        raise TypeError(f"colors must be an int from 1 to {MAX_COLORS}, not {type(colors).__name__}")
    if not 1 <= colors <= MAX_COLORS:
        raise ValueError(f"colors must be from 1 to {MAX_COLORS}, not {colors}")
    if dither not in DITHERS:
        raise ValueError(f"dither must be one of {', '.join(DITHERS)}, not {dither!r}")
    if keep_palette and (palette is not None or dither != "none"):
        raise ValueError("keep_palette takes the image as it is: it goes with neither palette nor dither")


def _index(pixels: U8, colors: int, palette: U8 | None, dither: Dither) -> IndexedImage:
    if palette is not None:
        channels = max(pixels.shape[2], palette.shape[1])
        pixels, palette = _with_channels(pixels, channels), _with_channels(palette, channels)
        return IndexedImage(_remap(Histogram(pixels), pixels, palette, dither), palette)
    histogram = Histogram(pixels)
    if len(histogram.colors) <= colors:
        palette = sorted_palette(histogram.colors)
        return IndexedImage(histogram.spread(_positions(histogram.colors, palette)), palette)
    palette = _find_palette(histogram, colors)
    return _without_unused(IndexedImage(_remap(histogram, pixels, palette, dither), palette))


def _find_palette(histogram: Histogram, colors: int) -> U8:
    points = to_points(histogram.colors)
    weights = histogram.counts
    if points.shape[1] == 4:  # colours that are invisible, or as good as alike, are one point
        points, where = distinct(points)
        weights = np.bincount(where, weights).astype(np.int64)
    if len(points) > colors:
        points = cluster(points, weights, colors, tol=_TOL, max_iter=_MAX_ITER).centers
    return sorted_palette(to_colors(points))


def _remap(histogram: Histogram, pixels: U8, palette: U8, dither: Dither) -> U8:
    """The nearest palette entry for each pixel, exactly; with dithering, for what error diffusion makes of it."""
    if dither == "floyd-steinberg":
        return floyd_steinberg(pixels, palette)
    labels, _ = nearest(to_points(histogram.colors), to_points(palette))
    return histogram.spread(labels.astype(np.uint8))


def _without_unused(image: IndexedImage) -> IndexedImage:
    used = np.bincount(image.indices.reshape(-1), minlength=len(image.palette)) > 0
    if used.all():
        return image
    moved = (np.cumsum(used) - 1).astype(np.uint8)
    return IndexedImage(moved[image.indices], image.palette[used])


def _positions(colors: U8, palette: U8) -> U8:
    """For each of `colors` its index in `palette`, which holds the same colours in another order."""
    positions = np.empty(len(colors), np.uint8)
    positions[np.lexsort(colors.T)] = np.lexsort(palette.T)
    return positions


def _with_channels(colors: U8, channels: int) -> U8:
    if colors.shape[-1] == channels:
        return colors
    return np.concatenate((colors, np.full((*colors.shape[:-1], 1), 255, np.uint8)), axis=-1)


def _default_metadata(pixels: Pixels) -> Metadata:
    if isinstance(pixels, IndexedImage):
        return pixels.metadata
    if isinstance(pixels, Image.Image):
        return Metadata(icc_profile=rgb_profile(pixels.info.get("icc_profile")))
    return Metadata()
