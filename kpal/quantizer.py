"""Pixels to an indexed image: histogram, clustering, palette, remapping."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, IndexedImage, Metadata

from .clustering import cluster, distinct
from .dither import floyd_steinberg
from .histogram import Histogram
from .measure import Report, mean_squared_error
from .metadata import rgb_profile
from .nearest import nearest
from .options import Dither, Options, UnreachableError
from .palette import sorted_palette
from .pixels import own_palette, to_array
from .quality import quality_of, reaches
from .space import to_colors, to_points
from .watch import Progress, Watch, check_callbacks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .pixels import Pixels

# A round that lowers the error by less is not worth its time: a tenth of this takes twice as long, for 0.3 % of error.
_TOL: Final = 1e-3
_MAX_ITER: Final = 100


def quantize(
    pixels: Pixels,
    colors: int = MAX_COLORS,
    *,
    quality: tuple[int, int] | None = None,
    palette: ArrayLike | None = None,
    keep_palette: bool = False,
    dither: Dither = "none",
    metadata: Metadata | None = None,
    progress: Progress | None = None,
    report: Callable[[Report], object] | None = None,
) -> IndexedImage:
    """The image in at most `colors` colours; exactly, where it has no more than that.

    pixels: a Pillow image, or an array uint8 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4)
        RGBA.
    colors: 1 to 256.
    quality: (min, max), from 0 to 100 on the scale of quality.py: as few colours as reach max, or `colors` where none
        do; UnreachableError, a ValueError, where those do not even reach min. With a max of 100, images of few
        colours stay exact.
    palette: colours (k, 3) or (k, 4) to use, in that order, instead of finding them; of `quality`, min applies.
    keep_palette: take the indices and the palette of a Pillow image of mode P as they are.
    dither: "floyd-steinberg" spreads the error of each pixel over its neighbours; it makes files larger.
    metadata: what to store beside the pixels. By default what decides how they look: the ICC profile of a Pillow
        image; `Metadata()` for nothing.
    progress: called with the name of a stage ("histogram", "clustering", "remapping") and the fraction of it that is
        done, 0 to 1, as it begins, goes on and ends; searches go through stages again. An exception that it raises
        ends the work and passes through.
    report: called at the end with a `Report`: colours, error, iterations, times.

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.
    """
    options = Options(colors=colors, quality=quality, palette=palette, keep_palette=keep_palette, dither=dither)
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


class Source:
    """One image, and all about it that does not depend on the number of colours: searches try several."""

    def __init__(self, pixels: Pixels, options: Options, watch: Watch) -> None:
        self.options = options
        self._watch = watch
        self._source: Pixels = _own_palette(pixels, options.colors) if options.keep_palette else pixels

    @cached_property
    def _pixels(self) -> U8:
        pixels = to_array(self._source)
        given = self.options.palette
        return pixels if given is None else _with_channels(pixels, max(pixels.shape[2], given.shape[1]))

    @cached_property
    def _histogram(self) -> Histogram:
        with self._watch.stage("histogram"):
            return Histogram(self._pixels)

    @property
    def reducible(self) -> bool:
        """Whether there is a palette to find, so that fewer colours are possible."""
        return not self.options.keep_palette and self.options.palette is None

    def quantized(self) -> Quantized:
        """The image as the options ask for it."""
        if isinstance(self._source, IndexedImage) and self.options.keep_palette:
            return Quantized(self._source, 100.0, 0)
        found = self._candidate(self.options.colors)
        if self.options.quality is not None:
            found = self._of_quality(found, *self.options.quality)
        return self._remapped(found)

    def in_colors(self, colors: int) -> Quantized | None:
        """The image in fewer colours than the options allow; None where that is below the min of their quality."""
        found = self._candidate(colors)
        if self.options.quality is not None and not self._reaches(found, self.options.quality[0]):
            return None
        return self._remapped(found)

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
        too_few, enough = 0, len(best.palette)
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            tried = self._candidate(middle)
            if self._reaches(tried, most):
                best, enough = tried, middle
            else:
                too_few = middle
        return best

    def _reaches(self, candidate: _Candidate, quality: int) -> bool:
        return reaches(candidate.inertia, self._pixels.shape[0] * self._pixels.shape[1], quality)

    def _quality(self, candidate: _Candidate) -> float:
        return quality_of(candidate.inertia, self._pixels.shape[0] * self._pixels.shape[1])

    def _candidate(self, colors: int) -> _Candidate:
        """A palette of at most so many colours: the given one, that of an image of few colours, or one by k-means."""
        histogram, iterations = self._histogram, 0
        with self._watch.stage("clustering"):
            if self.options.palette is not None:
                palette = _with_channels(self.options.palette, self._pixels.shape[2])
            else:
                palette, iterations = find_palette(histogram.colors, histogram.counts, colors)
                if len(histogram.colors) <= colors:
                    return _Candidate(palette, _positions(histogram.colors, palette), 0, 0)
            labels, errors = nearest(to_points(histogram.colors), to_points(palette))
            inertia = int((errors.astype(np.int64) * histogram.counts).sum())
            return _Candidate(palette, labels, inertia, iterations)

    def _remapped(self, candidate: _Candidate) -> Quantized:
        """The nearest entry for each pixel; with dithering, for what error diffusion makes of it."""
        with self._watch.stage("remapping"):
            if candidate.inertia and self.options.dither == "floyd-steinberg":
                indices = floyd_steinberg(self._pixels, candidate.palette)
            else:
                indices = self._histogram.spread(candidate.labels.astype(np.uint8))
            image = IndexedImage(indices, candidate.palette)
            if self.reducible:
                image = _without_unused(image)
        return Quantized(image, self._quality(candidate), candidate.iterations)


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


def find_palette(colors: U8, counts: NDArray[np.int64], most: int) -> tuple[U8, int]:
    """A palette of at most so many colours for the distinct `colors`, and the rounds of k-means that it took.

    colors: uint8 (n, 3 or 4). counts: int64 (n,), the pixels of each.
    """
    if len(colors) <= most:
        return sorted_palette(colors), 0
    points, iterations = to_points(colors), 0
    if points.shape[1] == 4:  # colours that are invisible, or as good as alike, are one point
        points, where = distinct(points)
        counts = np.bincount(where, counts).astype(np.int64)
    if len(points) > most:
        clustering = cluster(points, counts, most, tol=_TOL, max_iter=_MAX_ITER)
        points, iterations = clustering.centers, clustering.n_iter
    return sorted_palette(to_colors(points)), iterations


def _without_unused(image: IndexedImage) -> IndexedImage:
    used = np.bincount(image.indices.reshape(-1), minlength=len(image.palette)) > 0
    if used.all():
        return image
    moved = (np.cumsum(used) - 1).astype(np.uint8)
    return IndexedImage(moved[image.indices], image.palette[used])


def _positions(colors: U8, palette: U8) -> NDArray[np.intp]:
    """For each of `colors` its index in `palette`, which holds the same colours in another order."""
    positions = np.empty(len(colors), np.intp)
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
