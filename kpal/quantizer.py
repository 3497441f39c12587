"""Pixels to an indexed image: histogram, clustering, palette, remapping."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, IndexedImage, Metadata

from . import pixels as _pixels
from .clustering import DEFAULT, FAST, Effort, cluster
from .dither import floyd_steinberg
from .histogram import Histogram
from .metadata import rgb_profile
from .nearest import Points, nearest
from .palette import as_palette, sorted_palette
from .space import METRICS, Metric, mean_colors, to_points
from .weights import flatness

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .pixels import Pixels

Dither = Literal["none", "floyd-steinberg"]
DITHERS: Final[tuple[str, ...]] = get_args(Dither)
Speed = Literal["default", "fast"]
SPEEDS: Final[tuple[str, ...]] = get_args(Speed)

_EFFORTS: Final = {"default": DEFAULT, "fast": FAST}
# Colours of this many parts of all pixels stay as they are, if there are many others: in flat areas an error shows.
_PINNED_FROM: Final = 50
_PINNED_COLORS: Final = 64
_SETTLING_ROUNDS: Final = 2


def quantize(
    pixels: Pixels,
    colors: int = MAX_COLORS,
    *,
    palette: ArrayLike | None = None,
    keep_palette: bool = False,
    fixed: ArrayLike | None = None,
    metric: Metric = "perceptual",
    speed: Speed = "default",
    exact: bool = False,
    dither: Dither = "none",
    metadata: Metadata | None = None,
) -> IndexedImage:
    """The image in at most `colors` colours; exactly, where it has no more than that.

    pixels: a Pillow image, or an array uint8 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4)
        RGBA.
    colors: 1 to 256.
    palette: colours (k, 3) or (k, 4) to use, in that order, instead of finding them.
    keep_palette: take the indices and the palette of a Pillow image of mode P as they are.
    fixed: colours (m, 3) or (m, 4), m <= colors, that the palette must have; the others are found.
    metric: "perceptual" for what looks best, "rgb" for the least squared error of RGB values.
    speed: "fast" takes about half the time, for one or two parts in a hundred of the error.
    exact: keep what colour is hidden under alpha 0. By default, all of that is one colour.
    dither: "floyd-steinberg" spreads the error of each pixel over its neighbours; it makes files larger.
    metadata: what to store beside the pixels. By default what decides how they look: the ICC profile of a Pillow
        image; `Metadata()` for nothing.

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.
    """
    _check_options(colors, metric, speed, dither)
    if keep_palette:
        if palette is not None or fixed is not None or dither != "none":
            raise ValueError("keep_palette takes the image as it is: it goes with neither palette, fixed nor dither")
        indexed = _pixels.own_palette(pixels)  # type: ignore[arg-type]  # which it checks
        if len(indexed.palette) > colors:
            raise ValueError(f"keep_palette: the palette has {len(indexed.palette)} colours, more than colors={colors}")
    elif palette is not None:
        if fixed is not None:
            raise ValueError("palette is all colours there are: it does not go with fixed")
        given = _given("palette", palette, colors)
        indexed = _with_palette(_pixels.to_array(pixels), given, metric, dither)
    else:
        kept = None if fixed is None else _given("fixed", fixed, colors)
        indexed = _index(_pixels.to_array(pixels), colors, kept, metric, speed, exact, dither)
    if metadata is None:
        metadata = _default_metadata(pixels)
    return dataclasses.replace(indexed, metadata=metadata)


def _check_options(colors: int, metric: str, speed: str, dither: str) -> None:
    if isinstance(colors, bool) or not isinstance(colors, (int, np.integer)):
        raise TypeError(f"colors must be an int from 1 to {MAX_COLORS}, not {type(colors).__name__}")
    if not 1 <= colors <= MAX_COLORS:
        raise ValueError(f"colors must be from 1 to {MAX_COLORS}, not {colors}")
    for name, value, choices in (("metric", metric, METRICS), ("speed", speed, SPEEDS), ("dither", dither, DITHERS)):
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _given(name: str, palette: ArrayLike, colors: int) -> U8:
    given = as_palette(palette, name)
    if len(given) > colors:
        raise ValueError(
            f"{'the palette' if name == 'palette' else name} has {len(given)} colours, more than colors={colors}"
        )
    return given


def _with_palette(pixels: U8, palette: U8, metric: Metric, dither: Dither) -> IndexedImage:
    channels = max(pixels.shape[2], palette.shape[1])
    pixels, palette = _with_channels(pixels, channels), _with_channels(palette, channels)
    if dither == "floyd-steinberg":
        return IndexedImage(floyd_steinberg(pixels, palette), palette)
    histogram = Histogram(pixels)
    labels, _ = nearest(to_points(histogram.colors, metric), to_points(palette, metric))
    return IndexedImage(histogram.spread(labels.astype(np.uint8)), palette)


def _index(
    pixels: U8, colors: int, fixed: U8 | None, metric: Metric, speed: Speed, exact: bool, dither: Dither
) -> IndexedImage:
    if pixels.shape[2] == 4 and not exact:
        pixels = np.where(pixels[:, :, 3:] > 0, pixels, np.uint8(0))
    channels = pixels.shape[2] if fixed is None or (fixed[:, 3:] == 255).all() else 4
    pixels = _with_channels(pixels, channels)
    fixed = np.empty((0, channels), np.uint8) if fixed is None else np.unique(_with_channels(fixed, channels), axis=0)
    histogram = Histogram(pixels, flatness(pixels) if metric == "perceptual" else None)
    if len(histogram.colors) <= colors:
        palette = sorted_palette(np.vstack((histogram.colors, fixed)))
        if len(palette) <= colors:
            return IndexedImage(histogram.spread(_positions(histogram.colors, palette)), palette)
    palette, labels = _find_palette(histogram, colors, fixed, metric, _EFFORTS[speed])
    indices = histogram.spread(labels) if dither == "none" else floyd_steinberg(pixels, palette)
    return _without_unused(IndexedImage(indices, palette), fixed)


def _find_palette(histogram: Histogram, k: int, fixed: U8, metric: Metric, effort: Effort) -> tuple[U8, U8]:
    """A palette in tree order with `fixed` in it, and the index of the nearest of it to each colour."""
    colors, weights = histogram.colors, histogram.weights
    points = to_points(colors, metric)
    if metric == "perceptual" and k >= _PINNED_COLORS:
        pinned = colors[histogram.counts * _PINNED_FROM >= histogram.counts.sum()]
        fixed = np.unique(np.vstack((fixed, pinned)), axis=0)[:k]
    found = cluster(points, weights, k, fixed=to_points(fixed, metric), effort=effort)
    search = Points(points)
    labels, best = found.labels, None
    for _ in range(_SETTLING_ROUNDS):
        palette = mean_colors(colors, weights, labels, k)
        palette[: len(fixed)] = fixed
        search.guess(labels)
        centers = to_points(palette, metric)
        labels = search.nearest(centers)
        error = int((weights * np.square(points - centers[labels]).sum(axis=1)).sum())
        if best is not None and error >= best[0]:
            break
        best = error, palette, labels
    assert best is not None
    _, palette, labels = best
    ordered = sorted_palette(palette)
    search.guess(_positions_of(palette, ordered)[labels])
    return ordered, search.nearest(to_points(ordered, metric)).astype(np.uint8)


def _without_unused(image: IndexedImage, fixed: U8) -> IndexedImage:
    used = np.bincount(image.indices.reshape(-1), minlength=len(image.palette)) > 0
    used |= (image.palette[:, None] == fixed).all(axis=2).any(axis=1)
    if used.all():
        return image
    moved = (np.cumsum(used) - 1).astype(np.uint8)
    return IndexedImage(moved[image.indices], image.palette[used])


def _positions(colors: U8, palette: U8) -> U8:
    """For each of `colors` its index in `palette`, which holds them in another order."""
    return _positions_of(colors, palette).astype(np.uint8)


def _positions_of(colors: U8, palette: U8) -> NDArray[np.intp]:
    keys, table = _keys(colors), _keys(palette)
    order = np.argsort(table)
    return order[np.searchsorted(table, keys, sorter=order)]


def _keys(colors: U8) -> NDArray[np.int64]:
    keys = np.zeros(len(colors), np.int64)
    for column in colors.T:
        keys = keys << 8 | column
    return keys


def _with_channels(colors: U8, channels: int) -> U8:
    if colors.shape[-1] >= channels:
        return colors[..., :channels]
    return np.concatenate((colors, np.full((*colors.shape[:-1], 1), 255, np.uint8)), axis=-1)


def _default_metadata(pixels: Pixels) -> Metadata:
    if isinstance(pixels, IndexedImage):
        return pixels.metadata
    if isinstance(pixels, Image.Image):
        return Metadata(icc_profile=rgb_profile(pixels.info.get("icc_profile")))
    return Metadata()
