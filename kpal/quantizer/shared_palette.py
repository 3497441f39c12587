"""One palette for many images: for sprites, tiles and frames that are shown or stored together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from kpal_format import U8

from ..color.spaces import Metric
from ..pixels import is_one_image, to_array, without_hidden
from ..progress import Watch
from .accents import Accents, find_accents, merged, room_for_accents
from .histogram import Tally
from .options import PaletteOptions, SharedPaletteOptions
from .palette_search import (
    DEAR,
    Space,
    best_palette,
    counted,
    exact_palette,
    fixed_colors,
    keeping_accents,
)
from .signatures import of_images
from .space_choice import suited_geometry

if TYPE_CHECKING:
    from ..pixels import Pixels


@of_images(SharedPaletteOptions)
def shared_palette(images: Iterable[Pixels], options: SharedPaletteOptions) -> U8:
    """The palette of at most `colors` colours that suits all of `images` together: uint8 (k, 3 or 4).

    images: whatever `quantize` takes, in any order. An iterator may load each as it is asked for, as no two are needed
        at a time. Each pixel counts the same, so that large images count for more.
    OPTIONS

    Where all images together have at most `colors` colours, the palette holds them exactly. Encode each image with
    `palette=` the result. Beyond some millions of different colours, similar ones are counted together. Raises
    ValueError or TypeError for arguments that are wrong.
    """
    if is_one_image(images):
        raise TypeError("images must be several, as a list or another iterable, not a single one")
    watch = Watch(options.progress)
    tally, accents = Tally(alpha=options.fixed_alpha), list[Accents]()
    for image in images:
        pixels = without_hidden(to_array(image))
        del image  # before the next one is asked for
        watch.stage("histogram", partial(_count, pixels, tally, accents, options.metric))
        del pixels
    if not len(tally.counts):
        raise ValueError("images must have at least one")
    return watch.stage("clustering", lambda: _found(tally, accents, options))


def _count(pixels: U8, tally: Tally, accents: list[Accents], metric: Metric) -> None:
    """Add the colours and the accents of an image."""
    histogram = counted(pixels, metric)
    tally.add(histogram)
    if metric == "perceptual":
        accents.append(find_accents(histogram))


def _found(tally: Tally, accents: list[Accents], options: PaletteOptions) -> U8:
    exact = exact_palette(tally, options.colors, options)
    if exact is not None:
        return exact[0]
    colors = options.colors
    space = Space(tally, suited_geometry(tally, colors, options.metric))
    found = best_palette(space, colors, options)
    dear = DEAR * space.inertia(found)
    return keeping_accents(
        found,
        merged(accents),
        min(room_for_accents(colors), colors - len(fixed_colors(options, found[0].shape[1])) - 2),
        lambda marks: best_palette(space, colors, options, marks=marks),
        lambda tried: space.inertia(tried) <= dear,
    )[0]
