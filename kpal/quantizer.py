"""Pixels to an indexed image: histogram, clustering, palette, remapping."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, IndexedImage, Metadata, look_up, used_entries

from .accents import FAR, NONE, Accents, find_accents, has_patch, least_patch, looks_another, room_for_accents
from .clustering import DEFAULT, FAST, ONCE, Effort, cluster
from .dither import floyd_steinberg, ordered
from .errors import KpalWarning, UnreachableError
from .geometry import geometry_of, simple_geometry
from .histogram import Colors, Evenly, Histogram, thinned
from .measure import Report, mean_squared_error
from .metadata import rgb_profile
from .opacity import CLEAR, Matching, is_opaque, lacks_clear, made_opaque, with_clear
from .options import DITHER_LEVEL, Dither, Options, Speed
from .palette import among, sorted_palette, with_channels
from .pixels import own_palette, to_array, without_hidden
from .quality import half_inertia, quality_of, reaches
from .rate import remap
from .refinement import moved
from .space import Geometry, Metric, mean_colors, to_points
from .structure import LARGE, SMALLEST, Picture
from .watch import Progress, Watch, check_callbacks
from .weights import flatness

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .pixels import Pixels

_EFFORTS: Final = {"default": DEFAULT, "fast": FAST}
# Colours of this many parts of all pixels stay as they are, if there are many others: in flat areas an error shows.
_PINNED_FROM: Final = 50
_PINNED_COLORS: Final = 64
_SETTLING_ROUNDS: Final = 2
# Of so few, the best palette for the eye may well be one of another geometry, or of other weights, found from so many.
_FEW_COLORS: Final = 64
_ENOUGH_COLORS: Final = 1 << 16
_NOT_MANY_COLORS: Final = 128  # with more, means show all the structure that a palette can
_REFINEMENTS: Final = 2
_NOTHING: Final = 0.01  # loss of structure that nobody sees
# Accents get entries if these raise the loss of structure, or where that is not known the error, at most by a factor:
# DEAR if the least squared error keeps the accents, too, else one that depends on the number of channels, as parts of
# sprites, which have alpha, often look like accents.
DEAR: Final = 2.0
_DEAR_ALONE: Final = {3: 1.25, 4: 1.0}
_FEW_LOST: Final = 16  # the part of the palette that lost colours may have


def quantize(
    pixels: Pixels,
    colors: int = MAX_COLORS,
    *,
    quality: tuple[int, int] | None = None,
    palette: ArrayLike | None = None,
    keep_palette: bool = False,
    fixed: ArrayLike | None = None,
    metric: Metric = "perceptual",
    speed: Speed = "default",
    exact: bool = False,
    dither: Dither = "none",
    dither_level: float = DITHER_LEVEL,
    rate: float | None = None,
    metadata: Metadata | None = None,
    progress: Progress | None = None,
    report: Callable[[Report], object] | None = None,
) -> IndexedImage:
    """The image in at most `colors` colours; exactly, where it has no more than that.

    What is opaque stays opaque, and clear what is clear, in all palettes of two colours and more that are found. Small
    marks of quite another colour than the rest keep it from four colours on, unless that costs the rest too much
    (accents.py); a search for `quality` does not stop while one is lost, and a `rate` does not repaint them.

    pixels: a Pillow image, or an array uint8 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4)
        RGBA.
    colors: 1 to 256.
    quality: (min, max), from 0 to 100 on the scale of quality.py: as few colours as reach max, or `colors` where none
        do; UnreachableError, a ValueError, where those do not even reach min. With a max of 100, images of few
        colours stay exact.
    palette: colours (k, 3) or (k, 4) to use, in that order, instead of finding them; of `quality`, min applies. If
        pixels are clear and no entry is, a clear one is added at the end, with a KpalWarning; where `colors` leave no
        room for it, that is a ValueError.
    keep_palette: take the indices and the palette of a Pillow image of mode P as they are.
    fixed: colours (m, 3) or (m, 4), m <= colors, that the palette must have; the others are found. Clear pixels need an
        entry, too: ValueError where the fixed ones leave none.
    metric: "perceptual" for what looks best, "rgb" for the least squared error of RGB values. Where there are no more
        than 64 colours to find and no `quality` to reach, several palettes are tried for what looks best; where there
        are no more than 128, their colours are moved until it does (refinement.py).
    speed: "fast" takes a half of the time or less, for some hundredths more error.
    exact: keep what colour is hidden under alpha 0. By default, all of that is one colour.
    dither: "floyd-steinberg" spreads the error of each pixel over its neighbours, "ordered" mixes two colours in a
        pattern. Both make files larger, the first more so. Colours that are in the palette stay as they are.
    dither_level: how much of it, from 0 to 1.
    rate: the squared error that a bit saved in the file is worth, in times the mean error of a pixel; more where the
        picture is busy. 0, the default, for none; 0.5 to 2 are useful: more colours with a rate look better than fewer
        without, in as many bytes, above all photos and illustrations.
    metadata: what to store beside the pixels. By default what decides how they look: the ICC profile of a Pillow
        image; `Metadata()` for nothing.
    progress: called with the name of a stage ("histogram", "clustering", "remapping") and the fraction of it that is
        done, 0 to 1, as it begins, goes on and ends; searches go through stages again. An exception that it raises
        ends the work and passes through.
    report: called at the end with a `Report`: colours, error, iterations, times.

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.
    """
    options = Options(
        colors=colors,
        quality=quality,
        palette=palette,
        keep_palette=keep_palette,
        fixed=fixed,
        metric=metric,
        speed=speed,
        exact=exact,
        dither=dither,
        dither_level=dither_level,
        rate=rate,
    )
    check_callbacks(progress=progress, report=report)
    watch = Watch(progress)
    source = Source(pixels, options, watch)
    result = source.quantized()
    if report is not None:
        report(source.report(result))
    return with_metadata(result.image, pixels, metadata)


@dataclass(frozen=True)
class Quantized:
    """An image of few colours, its quality, and the rounds of k-means that it took."""

    image: IndexedImage
    quality: float
    iterations: int


@dataclass(frozen=True)
class _Candidate:
    """A palette, and what the colours of the image become with it.

    labels: intp (n,), for each colour of the histogram the nearest entry.
    inertia: sum over all pixels of the squared distance to it, in lattice steps.
    """

    palette: U8
    labels: NDArray[np.intp]
    inertia: int
    iterations: int


# A palette, for each colour of the histogram the index of the nearest entry, and the rounds of k-means.
_Found = tuple[U8, "NDArray[np.intp]", int]


class Source:
    """One image, and all about it that does not depend on the number of colours: searches try several."""

    def __init__(self, pixels: Pixels, options: Options, watch: Watch) -> None:
        self.options = options
        self._watch = watch
        self._last: tuple[int, _Candidate] | None = None
        self._source: Pixels = _own_palette(pixels, options.colors) if options.keep_palette else pixels

    @cached_property
    def _pixels(self) -> U8:
        pixels = to_array(self._source)
        if self.options.palette is not None:
            return with_channels(pixels, max(pixels.shape[2], self.options.palette.shape[1]))
        pixels = pixels if self.options.exact else without_hidden(pixels)
        return with_channels(pixels, 4) if self.options.fixed_alpha else pixels

    @cached_property
    def _palette(self) -> U8:
        """The palette that is given, with a clear entry at its end where the pixels need one."""
        palette = with_channels(self.options.palette, self._pixels.shape[2])
        if not lacks_clear(palette, self._pixels):
            return palette
        if len(palette) >= self.options.colors:
            raise ValueError(
                "the palette has no clear entry, as clear pixels need, and no room for one: "
                f"give one of its {len(palette)} colours alpha 0, or leave one out"
            )
        warnings.warn(
            "the palette has no clear entry, as clear pixels need: one is added at its end", KpalWarning, stacklevel=2
        )
        return np.vstack((palette, CLEAR))

    @cached_property
    def _histogram(self) -> Histogram:
        with self._watch.stage("histogram"):
            return counted(self._pixels, self.options.metric)

    @cached_property
    def _accents(self) -> Accents:
        """The marks to keep; NONE for the least squared error, in which a small mark is a small error."""
        return find_accents(self._histogram) if self.options.metric == "perceptual" else NONE

    @cached_property
    def _geometry(self) -> Geometry:
        if self.options.palette is not None:  # whose entries are to stand for the same colours in every image
            palette = self.options.palette
            return simple_geometry(palette, np.ones(len(palette), np.int64), self.options.metric)
        return geometry_of(self._pixels, self._histogram, self.options.colors, self.options.metric)

    @cached_property
    def _points(self) -> NDArray[np.int64]:
        return to_points(self._histogram.colors, self._geometry)

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

    @property
    def _half(self) -> int:
        """The inertia of quality 50. It needs the geometry, which may take a trial: not for what has no error."""
        height, width, channels = self._pixels.shape
        return half_inertia(height * width, self.options.metric, self._geometry, alpha=channels == 4)

    @property
    def _fixed(self) -> U8:
        return fixed_colors(self.options, self._pixels.shape[2])

    def quantized(self) -> Quantized:
        """The image as the options ask for it."""
        if isinstance(self._source, IndexedImage) and self.options.keep_palette:
            return Quantized(self._source, 100.0, 0)
        found = self._candidate(self.options.colors)
        if self.options.quality is not None:
            found = self._of_quality(found, *self.options.quality)
        return self._remapped(found, self.options.rate or 0.0)

    def reduced(self, colors: int, rate: float) -> Quantized | None:
        """The image in fewer colours, or with a rate; None where that is below the min of the quality asked for."""
        found = self._candidate(colors)
        if self.options.quality is not None and not self._reaches(found, self.options.quality[0]):
            return None
        return self._remapped(found, rate)

    def report(self, result: Quantized, data: bytes | None = None) -> Report:
        """What became of the image, and of the bytes that it was coded in."""
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

    def _of_quality(self, best: _Candidate, least: int, most: int) -> _Candidate:
        """The fewest colours that reach `most`, by bisection; `best` if there is no such number."""
        if not self._reaches(best, least):
            raise UnreachableError(
                f"quality: {len(best.palette)} colours reach {self._quality(best):.1f}, not the minimum of {least}"
            )
        if not self.reducible or most == 100 or not self._reaches(best, most):
            return best
        too_few, enough = self.least_colors - 1, len(best.palette)
        repainted = self._repainted(best)
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            tried = self._candidate(middle)
            if self._reaches(tried, most) and not (self._repainted(tried) & ~repainted).any():
                best, enough = tried, middle
            else:
                too_few = middle
        return best

    def _repainted(self, candidate: _Candidate) -> NDArray[np.bool_]:
        """Which accents are lost, and which colours that have a patch of their own become quite another: (m + n,)."""
        if self.options.metric == "rgb":
            return np.empty(0, np.bool_)
        shown = candidate.palette[candidate.labels]
        repainted = looks_another(self._histogram.colors, shown) & has_patch(self._histogram)
        return np.concatenate((self._accents.lost(candidate.palette), repainted))

    def _reaches(self, candidate: _Candidate, quality: int) -> bool:
        return not candidate.inertia or reaches(candidate.inertia, self._half, quality)

    def _quality(self, candidate: _Candidate) -> float:
        return quality_of(candidate.inertia, self._half) if candidate.inertia else 100.0

    def _candidate(self, colors: int) -> _Candidate:
        """A palette of at most so many colours; the last one is kept, as searches for a rate ask for it again."""
        if self._last is None or self._last[0] != colors:
            self._last = colors, self._new_candidate(colors)
        return self._last[1]

    def _new_candidate(self, colors: int) -> _Candidate:
        """The palette that is given, that of an image of few colours, or one by k-means."""
        histogram, options, iterations = self._histogram, self.options, 0
        with self._watch.stage("clustering") as tell:
            if options.palette is not None:
                palette = self._palette
                labels = self._labels(palette)
            elif (exact := exact_palette(histogram, colors, options)) is not None:
                return _Candidate(*exact, inertia=0, iterations=0)
            else:
                palette, labels, iterations = self._found(colors, tell)
            inertia = inertia_of(histogram, self._geometry, (palette, labels, iterations))
            return _Candidate(palette, labels, inertia, iterations)

    def _found(self, k: int, tell: Callable[[float], None]) -> _Found:
        """The best palette, with the accents that it would lose if there is room for them.

        tell: is told how far that is, from 0 to 1.
        """
        found = self._best(k, tell)
        room = min(room_for_accents(k), k - self.least_colors)
        if room <= 0 or not self._accents.lost(found[0]).any():
            return found
        picture = self._picture if k <= _NOT_MANY_COLORS else None

        def cost(tried: _Found) -> float:
            if picture is None:
                return inertia_of(self._histogram, self._geometry, tried)
            return max(picture.lost(*tried[:2]), _NOTHING)

        least, kept = cost(found), self._kept_by_least_squares(k)

        def worth(tried: _Found) -> bool:
            as_good = not (~self._accents.lost(tried[0]) & ~kept).any()
            return cost(tried) <= (DEAR if as_good else _DEAR_ALONE[self._pixels.shape[2]]) * least

        return keeping_accents(found, self._accents, room, lambda marks: self._best(k, lambda _: tell(1), marks), worth)

    def _kept_by_least_squares(self, k: int) -> NDArray[np.bool_]:
        """Which accents keep their colour in the palette of k colours with the least squared error: (m,)."""
        evenly = Evenly(self._histogram.colors, self._histogram.counts)
        palette = best_palette(evenly, k, "rgb", dataclasses.replace(self.options, metric="rgb"))[0]
        return ~self._accents.lost(palette, "rgb")

    def _best(self, k: int, tell: Callable[[float], None], marks: U8 | None = None) -> _Found:
        """The best palette by k-means; if it is for the eye and has not many colours, one that keeps more structure.

        marks: colours that get entries.
        """
        found = best_palette(self._histogram, k, self._geometry, self.options, marks=marks)
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

    def _others(self, k: int, marks: U8 | None) -> Iterator[_Found]:
        """Palettes of other geometries and weights."""
        colors = thinned(self._histogram, _ENOUGH_COLORS)
        evenly = Evenly(colors.colors, colors.counts)
        others: tuple[tuple[Colors, Geometry], ...] = ((colors, "lightness"), (colors, "chroma"), (evenly, "rgb"))
        for weighed, geometry in others:
            palette, _, iterations = best_palette(weighed, k, geometry, self.options, ONCE, marks)
            yield palette, self._labels(palette), iterations

    def _refined(self, found: _Found, picture: Picture, marks: U8 | None) -> _Found:
        """The palette with its colours moved to where they keep more of the structure."""
        palette, labels, iterations = found
        blends = picture.blends(labels, len(palette))
        still = self._fixed if marks is None else np.vstack((self._fixed, marks))
        palette = sorted_palette(moved(self._histogram, palette, labels, blends, still))
        return palette, self._labels(palette), iterations

    def _labels(self, palette: U8) -> NDArray[np.intp]:
        """For each colour of the histogram the nearest entry."""
        return self._matching.nearest(palette, to_points(palette, self._geometry))

    @cached_property
    def _matching(self) -> Matching:
        # Of a palette that is given, any entry may be the nearest.
        return Matching(self._points, is_opaque(self._histogram.colors) & self.reducible)

    @cached_property
    def _picture(self) -> Picture | None:
        """What the palette is to keep of the structure; None where the options or its size leave nothing to keep."""
        options, (height, width, channels) = self.options, self._pixels.shape
        asked = options.metric == "perceptual" and options.speed == "default" and options.quality is None
        if not asked or min(height, width) < (SMALLEST if channels == 3 else LARGE):
            return None
        return Picture(self._pixels, self._histogram)

    def _remapped(self, candidate: _Candidate, rate: float) -> Quantized:
        """The nearest entry for each pixel, or what dithering or a rate makes of it."""
        with self._watch.stage("remapping"):
            indices = self._indices(candidate, rate)
            image = IndexedImage(indices, candidate.palette)
            if self.reducible:
                image = _without_unused(image, self._fixed)
        return Quantized(image, self._quality(candidate), candidate.iterations)

    def _indices(self, candidate: _Candidate, rate: float) -> U8:
        histogram, options, palette = self._histogram, self.options, candidate.palette
        if candidate.inertia and options.dither != "none":
            opaque = is_opaque(histogram.colors) & is_opaque(palette)[candidate.labels]
            dithered = floyd_steinberg if options.dither == "floyd-steinberg" else ordered
            return dithered(histogram, palette, opaque, options.dither_level)
        if candidate.inertia and rate:
            centers = to_points(palette, self._geometry)
            positions = histogram.positions()
            kept = self._accents.members(histogram.colors)
            return remap(self._pixels, positions, self._points, candidate.labels, palette, centers, rate, kept)
        return histogram.spread(candidate.labels.astype(np.uint8))


def with_metadata(image: IndexedImage, pixels: Pixels, metadata: Metadata | None) -> IndexedImage:
    """The image with `metadata`; by default, with what decides how `pixels` look."""
    if metadata is None:
        metadata = _default_metadata(pixels)
    return dataclasses.replace(image, metadata=metadata)


def _own_palette(pixels: Pixels, colors: int) -> IndexedImage:
    image = own_palette(pixels)
    if len(image.palette) > colors:
        raise ValueError(f"keep_palette: the palette has {len(image.palette)} colours, more than colors={colors}")
    return image


def counted(pixels: U8, metric: Metric) -> Histogram:
    """The histogram of pixels, with the weights that the metric gives them."""
    return Histogram(pixels, flatness if metric == "perceptual" else None)


def fixed_colors(options: Options, channels: int) -> U8:
    """The distinct colours that must be in the palette."""
    if options.fixed is None:
        return np.empty((0, channels), np.uint8)
    return np.unique(with_channels(options.fixed, channels), axis=0)


def exact_palette(histogram: Colors, k: int, options: Options) -> tuple[U8, NDArray[np.intp]] | None:
    """All colours of the histogram and the fixed ones, in tree order, and where each of the first is in that palette.

    None where they are more than k.
    """
    colors = histogram.colors
    if len(colors) > k:
        return None
    palette = sorted_palette(np.vstack((colors, fixed_colors(options, colors.shape[1]))))
    return (palette, _positions(colors, palette)) if len(palette) <= k else None


def best_palette(
    histogram: Colors,
    k: int,
    geometry: Geometry,
    options: Options,
    effort: Effort | None = None,
    marks: U8 | None = None,
) -> _Found:
    """The best palette of k colours by k-means, in tree order, with the fixed ones in it.

    With it, for each colour of the histogram the index of the nearest entry, and the rounds of k-means.

    effort: by default, that of the options.
    marks: colours that get entries beside the fixed ones.
    """
    colors, weights, effort = histogram.colors, histogram.weights, effort or _EFFORTS[options.speed]
    fixed = with_clear(fixed_colors(options, colors.shape[1]), colors, k)
    if marks is not None:
        fixed = np.vstack((fixed, marks))
    points = to_points(colors, geometry)
    if options.metric == "perceptual" and k >= _PINNED_COLORS:
        fixed = _with_pinned(fixed, histogram, min(k // 4, k - len(fixed)))
    found = cluster(points, weights, k, fixed=to_points(fixed, geometry), effort=effort)
    if options.metric == "perceptual" and colors.shape[1] == 3:
        seen = points if geometry == "oklab" else to_points(colors, "oklab")
        shown = to_points(mean_colors(colors, weights, found.labels, k), "oklab")[found.labels]
        errors = np.square(seen - shown).sum(axis=1)
        lost = _lost(seen, errors, histogram.counts, min(k // _FEW_LOST, k - len(fixed)))
        if len(lost):
            fixed = np.vstack((fixed, colors[lost]))
            found = cluster(points, weights, k, fixed=to_points(fixed, geometry), effort=effort)
    matching = Matching(points, is_opaque(colors))
    labels, best = found.labels, None
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
    found: _Found, accents: Accents, most: int, find: Callable[[U8], _Found], worth: Callable[[_Found], bool]
) -> _Found:
    """A palette that has those of the accents that `found` loses, as far as that is worth what it costs the rest.

    most: how many entries there may be for them.
    find: a palette with entries of these colours; worth: whether such a one is.
    """
    marks = found[0][:0]
    while most > len(marks) and len(lost := accents.most_lost(found[0], most - len(marks))):
        more = np.vstack((marks, lost))
        if worth(tried := find(more)):
            found, marks = tried, more
        else:
            most = len(marks) + len(lost) // 2
    return found


def inertia_of(histogram: Colors, geometry: Geometry, found: _Found) -> int:
    """The sum over all pixels of the squared distance to their entries, weighted, in lattice steps."""
    palette, labels, _ = found
    errors = to_points(histogram.colors, geometry) - to_points(palette, geometry)[labels]
    return int((histogram.weights * np.square(errors).sum(axis=1)).sum())


def _lost(points: NDArray[np.int64], errors: NDArray[np.int64], counts: NDArray[np.int64], most: int) -> list[int]:
    """Colours that few pixels have, but more than a speck, and that the palette turns into quite another colour.

    points: (n, 3) in OKLab; errors: (n,) their squared distances to the palette; counts: (n,) their pixels.
    Returns their positions, `most` at the most.
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


def _with_pinned(fixed: U8, histogram: Colors, most: int) -> U8:
    """`fixed`, and those of the other colours that cover most and enough of the image; `most` of them at the most."""
    order = np.argsort(-histogram.counts, kind="stable")[: most + len(fixed)]
    colors = histogram.colors[order[histogram.counts[order] * _PINNED_FROM >= histogram.counts.sum()]]
    return np.vstack((fixed, colors[~among(colors, fixed)][:most]))


def _without_unused(image: IndexedImage, fixed: U8) -> IndexedImage:
    used = used_entries(image.indices, len(image.palette))
    used |= among(image.palette, fixed)
    if used.all():
        return image
    moved = (np.cumsum(used) - 1).astype(np.uint8)
    return IndexedImage(look_up(moved, image.indices), image.palette[used])


def _positions(colors: U8, palette: U8) -> NDArray[np.intp]:
    """For each of `colors` its index in `palette`, which holds them in another order."""
    keys, table = _keys(colors), _keys(palette)
    order = np.argsort(table)
    return order[np.searchsorted(table, keys, sorter=order)]


def _keys(colors: U8) -> NDArray[np.int64]:
    keys = np.zeros(len(colors), np.int64)
    for column in colors.T:
        keys = keys << 8 | column
    return keys


def _default_metadata(pixels: Pixels) -> Metadata:
    if isinstance(pixels, IndexedImage):
        return pixels.metadata
    if isinstance(pixels, Image.Image):
        return Metadata(icc_profile=rgb_profile(pixels.info.get("icc_profile")))
    return Metadata()
