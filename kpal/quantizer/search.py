"""One image through all stages of the quantiser, once or, for a quality or a size, several times."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, IndexedImage, Metadata, look_up, tell, used_entries

from ..clustering.lattice import ONCE, QUICK, Effort
from ..clustering.opacity import CLEAR, Matching, is_opaque, lacks_clear, with_clear
from ..color.palettes import among, sorted_palette, with_channels
from ..color.spaces import Geometry, to_points
from ..errors import KpalWarning, UnreachableError
from ..image_files.color_management import rgb_profile_of
from ..metrics.report import Report
from ..metrics.scores import mean_squared_error
from ..pixels import own_palette, to_array, without_hidden
from ..progress import Watch
from .accents import NONE, Accents, find_accents, has_patch, looks_another, room_for_accents
from .cached import cached_property
from .dithering import blue_noise, floyd_steinberg, ordered
from .histogram import Colors, Evenly, Histogram, thinned
from .ms_ssim import LARGE, SMALLEST, Picture
from .options import Options
from .palette_search import (
    DEAR,
    Found,
    Space,
    best_palette,
    counted,
    exact_palette,
    fixed_colors,
    keeping_accents,
    keeping_colors,
)
from .quality import SEEN_IN, Scale, scale_of
from .rate_distortion import remap
from .refinement import moved
from .space_choice import geometry_of, simple_geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..pixels import Pixels

_Counted = TypeVar("_Counted", bound=Colors)
_Result = TypeVar("_Result")

# With at most _FEW_COLORS, also try palettes of other spaces and weights, found from at most _ENOUGH_COLORS colours.
_FEW_COLORS: Final = 64
_ENOUGH_COLORS: Final = 1 << 16
# With more colours than this, cluster means keep all the structure that a palette can.
_NOT_MANY_COLORS: Final = 128
_REFINEMENTS: Final = 2
_HALVING: Final = 4  # every fourth step of the search for a quality halves the range, in case guesses mislead
# A loss of structure too small to see.
_NOTHING: Final = 0.01
# The same limit as DEAR, by the number of channels, if the palette of the least squared error loses the accents, too.
# It is lower for images with alpha, because parts of sprites often look like accents.
_DEAR_ALONE: Final = {3: 1.25, 4: 1.0}

# What a `Search` computes once for each number of colours.
_OF_COLORS: Final = ("_palette", "_geometry", "_space", "_seen", "_matching")


@dataclass(frozen=True)
class Quantized:
    """An image of few colours, its quality, and the rounds of k-means that it took."""

    image: IndexedImage
    quality: float
    iterations: int

    @property
    def palette(self) -> U8:
        return self.image.palette


@dataclass(frozen=True)
class Candidate:
    """A palette, and how well it shows the image.

    labels: intp (n,), the nearest entry to each colour of the histogram.
    inertia: sum over all pixels of the squared distance to the entry, in lattice steps of the space of quality.
    """

    palette: U8
    labels: NDArray[np.intp]
    inertia: int
    iterations: int


class Search(ABC, Generic[_Counted, _Result]):
    """The search for the palette of one image or of several, and everything that stays the same while it goes on.

    Subclasses say what is to be shown, and make a result of the palette that is found.
    """

    _histogram: _Counted  # weighted as the metric demands
    _accents: Accents  # the marks to keep
    _geometry: Geometry
    _palette: U8  # the given one, with a clear entry if pixels need one
    _picture: Picture | None  # what the palette is to keep of the structure

    def __init__(self, options: Options, watch: Watch) -> None:
        self.options = options
        self._watch = watch
        self._last: tuple[int, Candidate] | None = None
        self._spaces: dict[Geometry, Space] = {}

    def asking(self, *, colors: int, rate: float | None) -> Self:
        """The same search with other options, and with all that is already known and does not depend on them."""
        other = copy.copy(self)
        other.options = dataclasses.replace(self.options, colors=colors, rate=rate)
        if colors != self.options.colors:
            for name in _OF_COLORS:
                other.__dict__.pop(name, None)
        return other

    @abstractmethod
    def _remapped(self, candidate: Candidate, rate: float) -> _Result:
        """The result of a palette and a rate."""

    @cached_property
    def _space(self) -> Space:
        if self._geometry not in self._spaces:
            self._spaces[self._geometry] = Space(self._histogram, self._geometry)
        return self._spaces[self._geometry]

    @cached_property
    def _least_squares(self) -> Space:
        return Space(Evenly(self._histogram.colors, self._histogram.counts), "rgb")

    @cached_property
    def _other_spaces(self) -> tuple[Space, ...]:
        """Other spaces and weights that may give better palettes of few colours."""
        colors = thinned(self._histogram, _ENOUGH_COLORS)
        evenly = Evenly(colors.colors, colors.counts)
        return Space(colors, "lightness"), Space(colors, "chroma"), Space(evenly, "rgb")

    @property
    def _channels(self) -> int:
        return int(self._histogram.colors.shape[1])

    @property
    def reducible(self) -> bool:
        """Whether there is a palette to find, so that fewer colours are possible."""
        return not self.options.keep_palette and self.options.palette is None

    @property
    def least_colors(self) -> int:
        """How many any palette must have: the fixed ones, and a clear one where pixels are clear, but not alone."""
        colors = self._histogram.colors
        needed = with_clear(self._fixed, colors, MAX_COLORS + 1)
        return max(1, len(needed) + (not len(self._fixed) and len(colors) > 1))

    @cached_property
    def _scale(self) -> Scale:
        return scale_of(self._histogram, self.options.metric)

    @cached_property
    def _seen(self) -> NDArray[np.int64]:
        """The colours of the histogram in the space in which quality is measured."""
        seen_in = SEEN_IN[self.options.metric]
        if self._geometry == seen_in:
            return self._space.points
        return to_points(self._histogram.colors, seen_in)

    @property
    def _fixed(self) -> U8:
        return fixed_colors(self.options, self._channels)

    def quantized(self) -> _Result:
        """The result that the options ask for."""
        found = self._candidate(self.options.colors)
        if self.options.quality is not None:
            found = self._of_quality(found)
        return self._remapped(found, self.options.rate or 0.0)

    def reduced(self, colors: int, rate: float) -> _Result | None:
        """The result with fewer colours or with a rate; None if that is below the min of `quality`."""
        found = self._candidate(colors)
        if not self._reaches(found, self.options.min_quality):
            return None
        return self._remapped(found, rate)

    def _of_quality(self, best: Candidate) -> Candidate:
        """The candidate of the fewest colours that reach the max of `quality`; `best` if none does.

        Merging, where the image has few enough colours for it, tells which numbers to try; otherwise, bisection.
        """
        least, most = self.options.min_quality, self.options.max_quality
        if not self._reaches(best, least):
            raise UnreachableError(
                f"quality: {len(best.palette)} colours reach {self._quality(best):.1f}, not the minimum of {least}"
            )
        if not self.reducible or most == 100 or not self._reaches(best, most):
            return best
        if not best.inertia and not self.options.reduces_few:
            return best
        too_few, enough = self.least_colors - 1, len(best.palette)
        repainted = self._repainted(best)
        steps = 0
        while enough - too_few > 1:
            steps += 1
            middle = (too_few + enough) // 2
            if steps % _HALVING and self._space.clusterer.merges:
                middle = self._likely(too_few, enough, most)
            self._watch.attempt((enough - too_few).bit_length())
            tried = self._candidate(middle)
            if self._reaches(tried, most) and not (self._repainted(tried) & ~repainted).any():
                best, enough = tried, middle
            else:
                too_few = middle
        return best

    def _likely(self, too_few: int, enough: int, quality: int) -> int:
        """A number between these, about the least that reaches the quality, by the inertia that merging alone leaves.

        The last candidate tells how that relates to its own inertia.
        """
        histogram = self._histogram
        fixed = to_points(with_clear(self._fixed, histogram.colors, MAX_COLORS), self._geometry)
        merged = self._space.clusterer.merged(fixed)
        ratio = histogram.counts.sum() / histogram.weights.sum()
        if self._last is not None and self._last[1].inertia and (inertia := merged.inertia(self._last[0])):
            ratio = self._last[1].inertia / inertia
        while enough - too_few > 2:
            middle = (too_few + enough) // 2
            if self._scale.reaches(int(merged.inertia(middle) * ratio), quality):
                enough = middle + 1
            else:
                too_few = middle
        return too_few + 1

    def _inertia(self, palette: U8, labels: NDArray[np.intp]) -> int:
        errors = self._seen - to_points(palette, SEEN_IN[self.options.metric])[labels]
        return int((self._histogram.counts * np.square(errors).sum(axis=1)).sum())

    @cached_property
    def _patches(self) -> NDArray[np.intp]:
        """The colours of the histogram that cover a visible patch: (p,)."""
        return np.flatnonzero(has_patch(self._histogram))

    def _repainted(self, candidate: Candidate) -> NDArray[np.bool_]:
        """Which accents the candidate loses, and which colours of visible patches it turns into another: (m + p,)."""
        if self.options.metric == "rgb":
            return np.empty(0, np.bool_)
        shown = candidate.palette[candidate.labels[self._patches]]
        repainted = looks_another(self._histogram.colors[self._patches], shown)
        return np.concatenate((self._accents.lost(candidate.palette), repainted))

    def _reaches(self, candidate: Candidate, quality: int) -> bool:
        return not candidate.inertia or self._scale.reaches(candidate.inertia, quality)

    def _quality(self, candidate: Candidate) -> float:
        return self._scale.quality_of(candidate.inertia) if candidate.inertia else 100.0

    def _candidate(self, colors: int) -> Candidate:
        """The candidate of at most `colors` colours; the last one is kept, as searches for a rate ask for it again."""
        if self._last is None or self._last[0] != colors:
            self._last = colors, self._new_candidate(colors)
        return self._last[1]

    def _new_candidate(self, colors: int) -> Candidate:
        """The given palette, the exact palette of an image of few colours, or a palette by k-means."""
        histogram, options = self._histogram, self.options

        def clustered() -> Candidate:
            iterations = 0
            if options.given_palette is not None:
                palette = self._palette
                labels = keeping_colors(self._labels(palette), histogram.colors, palette)
            elif (exact := exact_palette(histogram, colors, options)) is not None:
                return Candidate(*exact, inertia=0, iterations=0)
            else:
                palette, labels, iterations = self._found(colors)
            return Candidate(palette, labels, self._inertia(palette, labels), iterations)

        return self._watch.stage("clustering", clustered)

    def _found(self, k: int) -> Found:
        """The best palette, with entries for the accents that it would lose if there is room for them."""
        found = self._best(k, tell)
        room = min(room_for_accents(k), k - self.least_colors)
        if room <= 0 or not self._accents.lost(found[0]).any():
            return found
        picture = self._picture if k <= _NOT_MANY_COLORS else None

        def cost(tried: Found) -> float:
            if picture is None:
                return self._space.inertia(tried)
            return max(picture.lost(*tried[:2]), _NOTHING)

        least, kept = cost(found), self._kept_by_least_squares(k)

        def worth(tried: Found) -> bool:
            as_good = not (~self._accents.lost(tried[0]) & ~kept).any()
            return cost(tried) <= (DEAR if as_good else _DEAR_ALONE[self._channels]) * least

        return keeping_accents(found, self._accents, room, lambda marks: self._best(k, lambda _: tell(1), marks), worth)

    def _kept_by_least_squares(self, k: int) -> NDArray[np.bool_]:
        """Which accents keep their colour in the palette of k colours that has the least squared error: (m,)."""
        options = dataclasses.replace(self.options, metric="rgb")
        palette = best_palette(self._least_squares, k, options, self._effort)[0]
        return ~self._accents.lost(palette, "rgb")

    def _best(self, k: int, tell: Callable[[float], None], marks: U8 | None = None) -> Found:
        """The best palette by k-means, or for few colours and metric "perceptual" a palette that keeps more structure.

        tell: receives the fraction done, 0 to 1.
        marks: colours that get entries.
        """
        found = best_palette(self._space, k, self.options, self._effort, marks)
        if k > _NOT_MANY_COLORS or (picture := self._picture) is None:
            return found
        if (lost := picture.lost(*found[:2])) < _NOTHING:
            return found
        if k <= _FEW_COLORS and self._geometry == "oklab":
            for tried, other in enumerate(self._others(k, marks), 1):
                tell(tried / 6)
                if (left := picture.lost(*other[:2])) < lost:
                    found, lost = other, left
        for done in range(_REFINEMENTS):
            tell((4 + done) / 6)
            refined = self._refined(found, picture, marks)
            if (left := picture.lost(*refined[:2])) >= lost:
                break
            found, lost = refined, left
        return found

    @property
    def _effort(self) -> Effort | None:
        """Little for each candidate of a search for a quality if merging does most of the work; else the default."""
        return QUICK if self.options.quality is not None and self._space.clusterer.merges else None

    def _others(self, k: int, marks: U8 | None) -> Iterator[Found]:
        """Palettes of other spaces and weights."""
        for space in self._other_spaces:
            palette, _, iterations = best_palette(space, k, self.options, ONCE, marks)
            yield palette, self._labels(palette), iterations

    def _refined(self, found: Found, picture: Picture, marks: U8 | None) -> Found:
        """The palette with its colours moved to keep more of the structure."""
        palette, labels, iterations = found
        blends = picture.blends(labels, len(palette))
        still = self._fixed if marks is None else np.vstack((self._fixed, marks))
        palette = sorted_palette(moved(self._histogram, palette, labels, blends, still))
        return palette, self._labels(palette), iterations

    def _labels(self, palette: U8) -> NDArray[np.intp]:
        """The nearest entry to each colour of the histogram."""
        return self._matching.nearest(palette, to_points(palette, self._geometry))

    @cached_property
    def _matching(self) -> Matching:
        if self.reducible:
            return self._space.matching
        # Of a palette that is given, any entry may be the nearest.
        return Matching(self._space.points, np.zeros(len(self._space.points), np.bool_))


class Source(Search[Histogram, Quantized]):
    """One image, and the search for its palette."""

    def __init__(self, pixels: Pixels, options: Options, watch: Watch) -> None:
        super().__init__(options, watch)
        self._source: Pixels = _own_palette(pixels, options.colors) if options.keep_palette else pixels

    def quantized(self) -> Quantized:
        """The image that the options ask for."""
        if isinstance(self._source, IndexedImage) and self.options.keep_palette:
            return Quantized(self._source, 100.0, 0)
        return super().quantized()

    def report(self, result: Quantized, data: bytes | None = None) -> Report:
        """The report of a result and of its file, if there is one."""
        return Report(
            colors=len(result.image.palette),
            quality=result.quality,
            mse=mean_squared_error(self._pixels, result.image.pixels()),
            iterations=result.iterations,
            ms=dict(self._watch.ms),
            bytes=None if data is None else len(data),
            original=self._pixels,
            image=result.image,
        )

    @cached_property
    def _pixels(self) -> U8:
        pixels = to_array(self._source, exact=self.options.exact)
        if (palette := self.options.given_palette) is not None:
            return with_channels(pixels, max(pixels.shape[2], palette.shape[1]))
        pixels = pixels if self.options.exact else without_hidden(pixels)
        return with_channels(pixels, 4) if self.options.fixed_alpha else pixels

    @cached_property
    def _palette(self) -> U8:
        """The given palette, with a clear entry at its end if the pixels need one."""
        assert self.options.given_palette is not None
        palette = with_channels(self.options.given_palette, self._pixels.shape[2])
        return with_clear_entry(palette, self.options.colors) if lacks_clear(palette, self._pixels) else palette

    @cached_property
    def _histogram(self) -> Histogram:
        pixels = self._pixels
        return self._watch.stage("histogram", lambda: counted(pixels, self.options.metric))

    @cached_property
    def _positions(self) -> NDArray[np.int32]:
        return self._histogram.positions()

    @cached_property
    def _accents(self) -> Accents:
        """The marks to keep; NONE with metric "rgb", because a small mark is a small squared error."""
        return find_accents(self._histogram) if self.options.metric == "perceptual" else NONE

    @cached_property
    def _geometry(self) -> Geometry:
        if (palette := self.options.given_palette) is not None:  # to stand for the same colours in every image
            return simple_geometry(palette, np.ones(len(palette), np.int64), self.options.metric)
        return geometry_of(self._pixels, self._histogram, self.options.colors, self.options.metric)

    @cached_property
    def _picture(self) -> Picture | None:
        """What the palette is to keep of the structure; None where the options or its size leave nothing to keep."""
        options, (height, width, channels) = self.options, self._pixels.shape
        asked = options.metric == "perceptual" and options.speed == "default" and options.quality is None
        if not asked or min(height, width) < (SMALLEST if channels == 3 else LARGE):
            return None
        return Picture(self._pixels, self._histogram)

    def _remapped(self, candidate: Candidate, rate: float) -> Quantized:
        """The nearest entry for each pixel, or what dithering or a rate makes of it."""

        def remapped() -> IndexedImage:
            image = IndexedImage(self._indices(candidate, rate), candidate.palette)
            return _without_unused(image, self._fixed) if self.reducible else image

        image = self._watch.stage("remapping", remapped)
        return Quantized(image, self._quality(candidate), candidate.iterations)

    def _indices(self, candidate: Candidate, rate: float) -> U8:
        histogram, options, palette = self._histogram, self.options, candidate.palette
        if candidate.inertia and options.dither != "none":
            opaque = is_opaque(histogram.colors) & is_opaque(palette)[candidate.labels]
            if options.dither == "floyd-steinberg":
                return floyd_steinberg(histogram, palette, opaque, options.dither_level)
            thresholds = blue_noise() if options.dither == "blue-noise" else None
            return ordered(histogram, palette, opaque, options.dither_level, thresholds)
        if candidate.inertia and rate:
            centers = to_points(palette, self._geometry)
            kept = self._accents.members(histogram.colors)
            return remap(
                self._pixels, self._positions, self._space.points, candidate.labels, palette, centers, rate, kept
            )
        return histogram.spread(candidate.labels.astype(np.uint8))


def with_clear_entry(palette: U8, colors: int) -> U8:
    """A given palette, uint8 (k, 4), with a clear entry at its end, of which it warns.

    Raises ValueError if that is more than `colors` entries.
    """
    if len(palette) >= colors:
        raise ValueError(
            "the palette has no clear entry, as clear pixels need, and no room for one: "
            f"give one of its {len(palette)} colours alpha 0, or leave one out"
        )
    warnings.warn(
        "the palette has no clear entry, as clear pixels need: one is added at its end", KpalWarning, stacklevel=2
    )
    return np.vstack((palette, CLEAR))


def _own_palette(pixels: Pixels, colors: int) -> IndexedImage:
    image = own_palette(pixels)
    if len(image.palette) > colors:
        raise ValueError(f"keep_palette: the palette has {len(image.palette)} colours, more than colors={colors}")
    return image


def _without_unused(image: IndexedImage, fixed: U8) -> IndexedImage:
    used = used_entries(image.indices, len(image.palette))
    used |= among(image.palette, fixed)
    if used.all():
        return image
    moved = (np.cumsum(used) - 1).astype(np.uint8)
    return IndexedImage(look_up(moved, image.indices), image.palette[used])


def default_metadata(pixels: Pixels) -> Metadata:
    """What decides how pixels look; ask before those of a Pillow image are loaded, as `rgb_profile_of` says."""
    if isinstance(pixels, IndexedImage):
        return pixels.metadata
    if isinstance(pixels, Image.Image):
        return Metadata(icc_profile=rgb_profile_of(pixels))
    return Metadata()
