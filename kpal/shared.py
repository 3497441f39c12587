"""One palette for many images: for sprites, tiles and frames that are shown or stored together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, IndexedImage

from .accents import Accents, find_accents, merged, room_for_accents
from .geometry import suited_geometry
from .histogram import Tally
from .options import Options, Speed
from .pixels import to_array, without_hidden
from .quantizer import DEAR, best_palette, counted, exact_palette, fixed_colors, inertia_of, keeping_accents
from .space import Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .pixels import Pixels


def shared_palette(
    images: Iterable[Pixels],
    colors: int = MAX_COLORS,
    *,
    fixed: ArrayLike | None = None,
    metric: Metric = "perceptual",
    speed: Speed = "default",
) -> U8:
    """The palette of at most `colors` colours that suits all of `images` together: uint8 (k, 3 or 4).

    images: whatever `quantize` takes, in any order. An iterator may load each as it is asked for, as no two are needed
        at a time. Each pixel counts the same, so that large images count for more.
    colors: 1 to 256. Where all images together have no more than that, the palette holds their colours exactly.
    fixed, metric, speed: as in `quantize`.

    Encode each image with `palette=` the result. Beyond some millions of different colours, similar ones are counted
    together. Raises ValueError or TypeError for arguments that are wrong.
    """
    options = Options(colors=colors, fixed=fixed, metric=metric, speed=speed)
    if isinstance(images, (Image.Image, IndexedImage)) or (isinstance(images, np.ndarray) and images.ndim < 4):
        raise TypeError("images must be several, as a list or another iterable, not a single one")
    tally, accents = Tally(alpha=options.fixed_alpha), list[Accents]()
    for image in images:
        histogram = counted(without_hidden(to_array(image)), options.metric)
        tally.add(histogram)
        if metric == "perceptual":
            accents.append(find_accents(histogram))
        del image, histogram  # before the next one is asked for
    if not len(tally.counts):
        raise ValueError("images must have at least one")
    exact = exact_palette(tally, colors, options)
    if exact is not None:
        return exact[0]
    geometry = suited_geometry(tally, colors, options.metric)
    found = best_palette(tally, colors, geometry, options)
    dear = DEAR * inertia_of(tally, geometry, found)
    return keeping_accents(
        found,
        merged(accents),
        min(room_for_accents(colors), colors - len(fixed_colors(options, found[0].shape[1])) - 2),
        lambda marks: best_palette(tally, colors, geometry, options, marks=marks),
        lambda tried: inertia_of(tally, geometry, tried) <= dear,
    )[0]
