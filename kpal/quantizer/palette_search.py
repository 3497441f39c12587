"""The best palette of k colours: colours that must be in it, k-means for the others, and marks that k-means loses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from kpal_format import U8

from ..clustering.lattice import DEFAULT, FAST, Clusterer, Effort
from ..clustering.opacity import Matching, is_opaque, made_opaque, with_clear
from ..color.palettes import among, sorted_palette, with_channels
from ..color.spaces import Geometry, Metric, mean_colors, to_points
from .accents import FAR, Accents, least_patch
from .cached import cached_property
from .histogram import Colors, Histogram
from .masking import flatness
from .options import PaletteOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A palette, the index of the nearest entry for each colour of the histogram, and the rounds of k-means.
Found = tuple[U8, "NDArray[np.intp]", int]

_EFFORTS: Final = {"default": DEFAULT, "fast": FAST}
# With at least _PINNED_COLORS entries, a colour that covers one in _PINNED_FROM pixels gets an entry of its own: errors
# show in flat areas.
_PINNED_COLORS: Final = 64
_PINNED_FROM: Final = 50
_SETTLING_ROUNDS: Final = 2
# Accents get entries if that raises the loss of structure (or the error, if the structure is not measured) at most by
# this factor.
DEAR: Final = 2.0
# Lost colours get at most one in this many entries.
_FEW_LOST: Final = 16


def counted(pixels: U8, metric: Metric) -> Histogram:
    """The histogram of the pixels, weighted as the metric demands."""
    return Histogram(pixels, flatness if metric == "perceptual" else None)


def fixed_colors(options: PaletteOptions, channels: int) -> U8:
    """The distinct colours that must be in the palette."""
    if options.fixed_colors is None:
        return np.empty((0, channels), np.uint8)
    return np.unique(with_channels(options.fixed_colors, channels), axis=0)


def exact_palette(histogram: Colors, k: int, options: PaletteOptions) -> tuple[U8, NDArray[np.intp]] | None:
    """A palette of all colours of the histogram and the fixed ones, in tree order, and the entry of each colour.

    None if they are more than k.
    """
    colors = histogram.colors
    if len(colors) > k:
        return None
    palette = sorted_palette(np.vstack((colors, fixed_colors(options, colors.shape[1]))))
    return (palette, _positions(colors, palette)) if len(palette) <= k else None


class Space:
    """The colours of a histogram as points of a geometry, prepared for several searches."""

    def __init__(self, histogram: Colors, geometry: Geometry) -> None:
        self.colors, self.counts, self.weights = histogram.colors, histogram.counts, histogram.weights
        self.geometry = geometry
        self.points = to_points(self.colors, geometry)

    @cached_property
    def clusterer(self) -> Clusterer:
        return Clusterer(self.points, self.weights)

    @cached_property
    def matching(self) -> Matching:
        """Finds the nearest entries; opaque colours take opaque ones only."""
        return Matching(self.points, is_opaque(self.colors))

    @cached_property
    def seen(self) -> NDArray[np.int64]:
        """The colours in OKLab, in which differences are visible."""
        return self.points if self.geometry == "oklab" else to_points(self.colors, "oklab")

    def inertia(self, found: Found) -> int:
        """The weighted sum over all pixels of the squared distance to the entry, in lattice steps."""
        palette, labels, _ = found
        errors = self.points - to_points(palette, self.geometry)[labels]
        return int((self.weights * np.square(errors).sum(axis=1)).sum())


def best_palette(
    space: Space,
    k: int,
    options: PaletteOptions,
    effort: Effort | None = None,
    marks: U8 | None = None,
) -> Found:
    """The best palette of k colours by k-means, in tree order, including the fixed colours.

    effort: by default, the effort of `options.speed`.
    marks: more colours that get entries.
    """
    colors, weights, points, geometry = space.colors, space.weights, space.points, space.geometry
    effort = effort or _EFFORTS[options.speed]
    fixed = with_clear(fixed_colors(options, colors.shape[1]), colors, k)
    if marks is not None:
        fixed = np.vstack((fixed, marks))
    if options.metric == "perceptual" and k >= _PINNED_COLORS:
        fixed = _with_pinned(fixed, space, min(k // 4, k - len(fixed)))
    found = space.clusterer.cluster(k, fixed=to_points(fixed, geometry), effort=effort)
    if options.metric == "perceptual" and colors.shape[1] == 3:
        shown = to_points(mean_colors(colors, weights, found.labels, k), "oklab")[found.labels]
        errors = np.square(space.seen - shown).sum(axis=1)
        lost = _lost(space.seen, errors, space.counts, min(k // _FEW_LOST, k - len(fixed)))
        if len(lost):
            fixed = np.vstack((fixed, colors[lost]))
            found = space.clusterer.cluster(k, fixed=to_points(fixed, geometry), effort=effort)
    labels, best, matching = found.labels, None, space.matching
    for _ in range(_SETTLING_ROUNDS):
        palette = mean_colors(colors, weights, labels, k)
        palette[: len(fixed)] = fixed
        palette = made_opaque(palette, colors, weights, labels, len(fixed))
        matching.guess(labels)
        centers = to_points(palette, geometry)
        labels = matching.nearest(palette, centers)
        error = int((weights * np.square(points - centers[labels]).sum(axis=1)).sum())
        if best is not None and error >= best[0]:
            break
        best = error, palette, labels
    assert best is not None
    _, palette, labels = best
    ordered = sorted_palette(palette)
    matching.guess(_positions(palette, ordered)[labels])
    return ordered, matching.nearest(ordered, to_points(ordered, geometry)), found.n_iter


def keeping_accents(
    found: Found, accents: Accents, most: int, find: Callable[[U8], Found], worth: Callable[[Found], bool]
) -> Found:
    """The palette `found`, or a palette with entries for accents that `found` loses, if it is worth its cost.

    most: entries that accents may take.
    find: returns a palette with entries of the given colours.
    worth: tells whether a palette is worth its cost.
    """
    marks = found[0][:0]
    while most > len(marks) and len(lost := accents.most_lost(found[0], most - len(marks))):
        more = np.vstack((marks, lost))
        if worth(tried := find(more)):
            found, marks = tried, more
        else:
            most = len(marks) + len(lost) // 2
    return found


def _lost(points: NDArray[np.int64], errors: NDArray[np.int64], counts: NDArray[np.int64], most: int) -> list[int]:
    """The positions of at most `most` colours of visible patches that the palette turns into quite another colour.

    points: (n, 3) in OKLab; errors: (n,) squared distances to the palette; counts: (n,) pixels.
    """
    left = np.flatnonzero(errors > FAR * FAR)
    enough = least_patch(int(counts.sum()))
    found: list[int] = []
    for _ in range(2 * most):
        if len(found) == most or counts[left].sum() < enough:
            break
        first = left[counts[left].argmax()]
        alike = np.square(points[left] - points[first]).sum(axis=1) <= FAR * FAR // 4
        if counts[left[alike]].sum() >= enough:
            found.append(int(first))
        left = left[~alike]
    return found


def _with_pinned(fixed: U8, histogram: Space, most: int) -> U8:
    """`fixed`, and at most `most` other colours, those that cover the largest parts of the image."""
    order = np.argsort(-histogram.counts, kind="stable")[: most + len(fixed)]
    colors = histogram.colors[order[histogram.counts[order] * _PINNED_FROM >= histogram.counts.sum()]]
    return np.vstack((fixed, colors[~among(colors, fixed)][:most]))


def _positions(colors: U8, palette: U8) -> NDArray[np.intp]:
    """The index in `palette` of each of `colors`; the palette holds the same colours in another order."""
    keys, table = _keys(colors), _keys(palette)
    order = np.argsort(table)
    return order[np.searchsorted(table, keys, sorter=order)]


def keeping_colors(labels: NDArray[np.intp], colors: U8, palette: U8) -> NDArray[np.intp]:
    """The entry of each colour: one with this very colour if there is one, the first of several, or else `labels`.

    Where the lattice of a space is coarser than 8 bits, two colours are one point, and have the same nearest entry.
    """
    keys, table = _keys(colors), _keys(palette)
    order = np.argsort(table, kind="stable")
    positions = order[np.minimum(np.searchsorted(table, keys, sorter=order), len(order) - 1)]
    return np.where(table[positions] == keys, positions, labels)


def _keys(colors: U8) -> NDArray[np.int64]:
    keys = np.zeros(len(colors), np.int64)
    for column in colors.T:
        keys = keys << 8 | column
    return keys
