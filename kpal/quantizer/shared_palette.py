"""One palette for many images: for sprites, tiles and frames that are shown or stored together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from kpal_format import U8, IndexedImage

from .accents import merged, room_for_accents
from .options import PaletteOptions
from .palette_search import (
    DEAR,
    best_palette,
    exact_palette,
    fixed_colors,
    inertia_of,
    keeping_accents,
)
from .signatures import of_images, option
from .space_choice import suited_geometry
from .tally import Tally

if TYPE_CHECKING:
    from ..pixels import Pixels


_AT_A_TIME: Final = 16  # images that an executor has


@dataclass(frozen=True)
class SharedOptions(PaletteOptions):
    """The options of `shared_palette`."""

    _: KW_ONLY
    executor: Executor | None = option(
        None,
        "counts the colours: any `concurrent.futures.Executor`, such as a pool of processes. Some images are handed to "
        "it at a time. The palette is the same.",
    )


@of_images(SharedOptions)
def shared_palette(images: Iterable[Pixels | Tally] | Tally, options: SharedOptions) -> U8:
    """The palette of at most `colors` colours that suits all of `images` together: uint8 (k, 3 or 4).

    images: whatever `quantize` takes, in any order. An iterator may load each as it is asked for, as no two are needed
        at a time. Each pixel counts the same, so that large images count for more. A `Tally` stands for the images that
        it has counted.
    OPTIONS

    Where all images together have at most `colors` colours, the palette holds them exactly. Encode each image with
    `palette=` the result. Beyond some millions of different colours, similar ones are counted together. Raises
    ValueError or TypeError for arguments that are wrong.
    """
    all_images = _tallied(images, options)
    tally, accents = all_images.histogram(alpha=options.fixed_alpha), all_images.accents()
    if not all_images.count:
        raise ValueError("images must have at least one")
    exact = exact_palette(tally, options.colors, options)
    if exact is not None:
        return exact[0]
    colors = options.colors
    geometry = suited_geometry(tally, colors, options.metric)
    found = best_palette(tally, colors, geometry, options)
    dear = DEAR * inertia_of(tally, geometry, found)
    return keeping_accents(
        found,
        merged([accents]),
        min(room_for_accents(colors), colors - len(fixed_colors(options, found[0].shape[1])) - 2),
        lambda marks: best_palette(tally, colors, geometry, options, marks=marks),
        lambda tried: inertia_of(tally, geometry, tried) <= dear,
    )[0]


def _tallied(images: Iterable[Pixels | Tally] | Tally, options: SharedOptions) -> Tally:
    if isinstance(images, Tally):
        images = [images]
    if isinstance(images, (Image.Image, IndexedImage)) or (isinstance(images, np.ndarray) and images.ndim < 4):
        raise TypeError("images must be several, as a list or another iterable, not a single one")
    tally = Tally(metric=options.metric)
    waiting: deque[Future[Tally]] = deque()
    for image in images:
        if isinstance(image, Tally):
            tally.merge(image)
        elif options.executor is None:
            tally.add(image)
        else:
            waiting.append(options.executor.submit(Tally, [image], metric=options.metric))
            if len(waiting) > _AT_A_TIME:
                tally.merge(waiting.popleft().result())
        del image  # before the next one is asked for
    for part in waiting:
        tally.merge(part.result())
    return tally
