"""One palette for many images: for sprites, tiles and frames that are shown or stored together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final

from kpal_format import U8

from ..pixels import is_one_image
from ..progress import Watch
from .accents import merged, room_for_accents
from .options import PaletteOptions, SharedPaletteOptions
from .palette_search import (
    DEAR,
    Space,
    best_palette,
    exact_palette,
    fixed_colors,
    keeping_accents,
)
from .signatures import of_images
from .space_choice import suited_geometry
from .tally import Tally

if TYPE_CHECKING:
    from ..pixels import Pixels


_AT_A_TIME: Final = 16  # images that an executor has


@of_images(SharedPaletteOptions)
def shared_palette(images: Iterable[Pixels | Tally] | Tally, options: SharedPaletteOptions) -> U8:
    """The palette of at most `colors` colours that suits all of `images` together: uint8 (k, 3 or 4).

    images: whatever `quantize` takes, in any order. An iterator may load each as it is asked for, as no two are needed
        at a time. Each pixel counts the same, so that large images count for more. A `Tally` stands for the images that
        it has counted.
    OPTIONS

    Where all images together have at most `colors` colours, the palette holds them exactly. Encode each image with
    `palette=` the result. Beyond some millions of different colours, similar ones are counted together. Raises
    ValueError or TypeError for arguments that are wrong.
    """
    if is_one_image(images):
        raise TypeError("images must be several, as a list or another iterable, not a single one")
    watch = Watch(options.progress)
    tally = _tallied([images] if isinstance(images, Tally) else images, options, watch)
    if not tally.count:
        raise ValueError("images must have at least one")
    return watch.stage("clustering", lambda: _found(tally, options))


def _tallied(images: Iterable[Pixels | Tally], options: SharedPaletteOptions, watch: Watch) -> Tally:
    tally = Tally(metric=options.metric)
    waiting: deque[Future[Tally]] = deque()
    for image in images:
        if isinstance(image, Tally):
            tally.merge(image)
        elif options.executor is None:
            watch.stage("histogram", partial(tally.add, image))
        else:
            waiting.append(options.executor.submit(Tally, [image], metric=options.metric))
            if len(waiting) > _AT_A_TIME:
                watch.stage("histogram", partial(_merge, tally, waiting.popleft()))
        del image  # before the next one is asked for
    for part in waiting:
        watch.stage("histogram", partial(_merge, tally, part))
    return tally


def _merge(tally: Tally, part: Future[Tally]) -> None:
    tally.merge(part.result())


def _found(tally: Tally, options: PaletteOptions) -> U8:
    """The palette for the images that are counted."""
    histogram = tally.histogram(alpha=options.fixed_alpha)
    exact = exact_palette(histogram, options.colors, options)
    if exact is not None:
        return exact[0]
    colors = options.colors
    space = Space(histogram, suited_geometry(histogram, colors, options.metric))
    found = best_palette(space, colors, options)
    dear = DEAR * space.inertia(found)
    return keeping_accents(
        found,
        merged([tally.accents()]),
        min(room_for_accents(colors), colors - len(fixed_colors(options, found[0].shape[1])) - 2),
        lambda marks: best_palette(space, colors, options, marks=marks),
        lambda tried: space.inertia(tried) <= dear,
    )[0]
