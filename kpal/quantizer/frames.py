"""The frames of an animation: the search for the palette that they share, and the indices of each frame.

What does not change from one frame to the next keeps its index, whatever dithering or a rate makes of the pixels around
it: noise that is drawn anew in every frame would boil, and cost bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from kpal_format import MAX_COLORS, U8

from ..clustering.opacity import Matching, is_opaque, lacks_clear
from ..color.palettes import with_channels
from ..color.spaces import Geometry, to_points
from ..progress import Watch
from .accents import NONE, Accents, merged
from .cached import cached_property
from .dithering import Held, blue_noise, calm_colors, floyd_steinberg, ordered
from .histogram import Evenly, Histogram, PooledHistogram, few_colors, lookup
from .options import Options
from .palette_search import counted, exact_palette, keeping_colors
from .rate_distortion import remap
from .search import Candidate, Search, with_clear_entry
from .space_choice import simple_geometry, suited_geometry
from .tally import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

Span = tuple[float, float]  # the fractions of a stage that are done before and after some work
# Takes the span of all frames, and gives them in turn, uint8 (h, w, 3 or 4), each with its own span.
Iterate = Callable[[Span], Iterator[tuple[U8, Span]]]

_STAGE: Final = "histogram"


@dataclass(frozen=True, eq=False)
class Plan:
    """A palette for all frames, how well it shows them, and what makes their indices.

    remapper: called before the first frame; what it returns takes one frame after the other, uint8 (h, w, 3 or 4), and
        returns the indices of each, uint8 (h, w).
    """

    palette: U8
    quality: float
    iterations: int
    remapper: Callable[[], Callable[[U8], U8]]


class _Whole(Candidate):
    """A palette that holds all colours of the frames; the labels are those of these colours."""


class FramesSearch(Search[PooledHistogram, Plan]):
    """The search for the palette of frames.

    Goes through the frames at once, and a second time if they have more colours than the palette.
    """

    def __init__(self, frames: Iterate, options: Options, watch: Watch) -> None:
        super().__init__(options, watch)
        self._frames = frames
        self._all: U8 | None = np.empty((0, 4), np.uint8)  # all colours, if a palette can hold as many
        self._least_alpha = 255
        before = None
        for pixels, span in frames((0.0, 0.5)):
            watch.stage(_STAGE, partial(self._see, pixels, before), span)
            before = pixels

    def _see(self, pixels: U8, before: U8 | None) -> None:
        changed = pixels[_changed_rows(pixels, before)]
        self._least_alpha = min(self._least_alpha, int(changed[:, :, 3:].min(initial=255)))
        if self._all is not None and len(changed):
            self._all = few_colors(self._all, changed, MAX_COLORS)

    @property
    def channels(self) -> int:
        """Those of the palette, 3 or 4."""
        given = self.options.given_palette
        alpha = self._least_alpha < 255 or self.options.fixed_alpha or (given is not None and given.shape[1] == 4)
        return 4 if alpha else 3

    @property
    def lossless(self) -> bool:
        """Whether the palette of as many colours as are allowed holds all those of the frames."""
        return self._whole(self.options.colors) is not None

    def _whole(self, colors: int) -> _Whole | None:
        """The candidate that holds all colours of the frames; None if they are too many."""
        if self._all is None:
            return None
        seen = self._all[:, : self.channels]
        if self.options.given_palette is None:
            exact = exact_palette(Evenly(seen, np.ones(len(seen), np.int64)), colors, self.options)
            return None if exact is None else _Whole(*exact, inertia=0, iterations=0)
        labels = keeping_colors(np.full(len(seen), -1), seen, self._palette)
        return _Whole(self._palette, labels, inertia=0, iterations=0) if (labels >= 0).all() else None

    def _candidate(self, colors: int) -> Candidate:
        return self._whole(colors) or super()._candidate(colors)

    @cached_property
    def _tally(self) -> Tally:
        tally, before = Tally(metric=self.options.metric), None
        for pixels, span in self._frames((0.5, 1.0)):
            if before is None or not np.array_equal(pixels, before):
                histogram = self._watch.stage(_STAGE, partial(counted, pixels, self.options.metric), span)
            tally.add_counted(histogram)
            before = pixels
        return tally

    @cached_property
    def _histogram(self) -> PooledHistogram:
        return self._tally.histogram(alpha=self.channels == 4)

    @cached_property
    def _accents(self) -> Accents:
        return merged([self._tally.accents()]) if self.options.metric == "perceptual" else NONE

    @cached_property
    def _geometry(self) -> Geometry:
        if (palette := self.options.given_palette) is not None:
            return simple_geometry(palette, np.ones(len(palette), np.int64), self.options.metric)
        return suited_geometry(self._histogram, self.options.colors, self.options.metric)

    @cached_property
    def _palette(self) -> U8:
        assert self.options.given_palette is not None
        palette = with_channels(self.options.given_palette, self.channels)
        least = np.array([[[0, 0, 0, self._least_alpha]]], np.uint8)
        return with_clear_entry(palette, self.options.colors) if lacks_clear(palette, least) else palette

    @cached_property
    def _picture(self) -> None:
        return None  # that of a single image

    def _remapped(self, candidate: Candidate, rate: float) -> Plan:
        remapper = partial(_Remapper, self, candidate, rate)
        return Plan(candidate.palette, self._quality(candidate), candidate.iterations, remapper)

    # What a remapper needs to know.

    def finder(self, candidate: Candidate) -> Callable[[U8], U8]:
        """A function from the colours of pixels, uint8 (h, w, c), to their nearest entries, uint8 (h, w)."""
        if isinstance(candidate, _Whole) and self._all is not None:
            return lookup(self._all[:, : self.channels], candidate.labels.astype(np.uint8))
        if not self._histogram.coarse:
            labels = keeping_colors(candidate.labels, self._histogram.colors, candidate.palette)
            return lookup(self._histogram.colors, labels.astype(np.uint8))

        def find(pixels: U8) -> U8:
            histogram = Histogram(pixels)
            points, centers = (to_points(each, self._geometry) for each in (histogram.colors, candidate.palette))
            opaque = is_opaque(histogram.colors) if self.reducible else np.zeros(len(points), np.bool_)
            labels = Matching(points, opaque).nearest(candidate.palette, centers)
            return histogram.spread(keeping_colors(labels, histogram.colors, candidate.palette).astype(np.uint8))

        return find

    def calm(self, candidate: Candidate) -> U8:
        """The `calm_colors` of all frames."""
        opaque = is_opaque(self._histogram.colors) & is_opaque(candidate.palette)[candidate.labels]
        return calm_colors(self._histogram, candidate.palette, opaque)

    def error(self, candidate: Candidate) -> tuple[int, int]:
        """The sum of the squared errors of all pixels, in steps of the geometry, and the number of pixels."""
        errors = self._space.points - to_points(candidate.palette, self._geometry)[candidate.labels]
        counts = self._histogram.counts
        return int((counts * np.square(errors).sum(axis=1)).sum()), int(counts.sum())

    def rated(self, pixels: U8, histogram: Histogram, labels: NDArray[np.intp], palette: U8, **how: Any) -> U8:
        """The indices of a frame that take fewer bytes; `how` are further arguments of `remap`."""
        points, centers = (to_points(each, self._geometry) for each in (histogram.colors, palette))
        kept = self._accents.members(histogram.colors)
        return remap(pixels, histogram.positions(), points, labels, palette, centers, kept=kept, **how)


class _Remapper:
    """Makes the indices of one frame after the other, uint8 (h, w)."""

    def __init__(self, search: FramesSearch, candidate: Candidate, rate: float) -> None:
        self._search, self._candidate = search, candidate
        self._dither = search.options.dither if candidate.inertia else "none"
        self._rate = rate if candidate.inertia else 0.0
        self._find = search.finder(candidate)
        self._before: tuple[U8, U8] | None = None  # pixels and indices of the frame before

    def __call__(self, pixels: U8) -> U8:
        """The indices of the next frame, uint8 (h, w, 3 or 4)."""
        pixels = with_channels(pixels, self._search.channels)
        if self._before is None:
            indices = self._first(pixels)
        else:
            before, indices = self._before
            if len(rows := _changed_rows(pixels, before)):
                indices = self._next(pixels, before, indices, rows)
        self._before = pixels, indices
        return indices

    def _first(self, pixels: U8) -> U8:
        if self._dither != "none" or self._rate:
            return self._spread(pixels, Histogram(pixels), None)
        return self._find(pixels)

    def _next(self, pixels: U8, before: U8, indices: U8, rows: NDArray[np.intp]) -> U8:
        """The indices of a frame of which these rows have changed; before, indices: of the frame before."""
        if self._dither != "none" or self._rate:
            held = Held(_alike(pixels, before), indices)
            return np.where(held.pixels, indices, self._spread(pixels, Histogram(pixels), held))
        indices, part, part_indices = indices.copy(), pixels[rows], indices[rows]
        changed = ~_alike(part, before[rows])
        part_indices[changed] = self._find(part[changed][None])[0]
        indices[rows] = part_indices
        return indices

    def _spread(self, pixels: U8, histogram: Histogram, held: Held | None) -> U8:
        """Indices by dithering or a rate."""
        options, palette = self._search.options, self._candidate.palette
        labels = self._find(histogram.colors[None])[0].astype(np.intp)
        if self._rate:
            how = {"rate": self._rate, "error": self._error, "held": held}
            return self._search.rated(pixels, histogram, labels, palette, **how)
        opaque = is_opaque(histogram.colors) & is_opaque(palette)[labels]
        if self._dither == "floyd-steinberg":
            return floyd_steinberg(histogram, palette, opaque, options.dither_level, self._calm, held)
        thresholds = blue_noise() if self._dither == "blue-noise" else None
        return ordered(histogram, palette, opaque, options.dither_level, thresholds)

    @cached_property
    def _calm(self) -> U8:
        return self._search.calm(self._candidate)

    @cached_property
    def _error(self) -> tuple[int, int]:
        return self._search.error(self._candidate)


def _changed_rows(pixels: U8, before: U8 | None) -> NDArray[np.intp]:
    """The rows of a frame that are not those of the frame before, which may have another number of channels."""
    if before is None or before.shape != pixels.shape:
        return np.arange(len(pixels))
    height = len(pixels)
    return np.flatnonzero((pixels.reshape(height, -1) != before.reshape(height, -1)).any(axis=1))


def _alike(pixels: U8, others: U8) -> NDArray[np.bool_]:
    """Where the pixels of two frames, (h, w, c), are the same: (h, w)."""
    alike: NDArray[np.bool_] = pixels[:, :, 0] == others[:, :, 0]
    for channel in range(1, pixels.shape[2]):  # far faster than one reduction over so short an axis
        alike &= pixels[:, :, channel] == others[:, :, channel]
    return alike
