"""One palette for many images: for sprites, tiles and frames that are shown or stored together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, IndexedImage

from .histogram import Histogram, Tally
from .options import Options
from .pixels import to_array
from .quantizer import find_palette

if TYPE_CHECKING:
    from .pixels import Pixels


def shared_palette(images: Iterable[Pixels], colors: int = MAX_COLORS) -> U8:
    """The palette of at most `colors` colours that suits all of `images` together: uint8 (k, 3 or 4).

    images: whatever `quantize` takes, in any order. An iterator may load each as it is asked for, as no two are needed
        at a time. Each pixel counts the same, so that large images count for more.
    colors: 1 to 256. Where all images together have no more than that, the palette holds their colours exactly.

    Encode each image with `palette=` the result. Beyond some millions of different colours, similar ones are counted
    together. Raises ValueError or TypeError for arguments that are wrong.
    """
    Options(colors=colors)  # which checks it
    if isinstance(images, (Image.Image, IndexedImage)) or (isinstance(images, np.ndarray) and images.ndim < 4):
        raise TypeError("images must be several, as a list or another iterable, not a single one")
    tally = Tally()
    for image in images:
        tally.add(Histogram(to_array(image)))
        del image  # before the next one is asked for
    if not len(tally.counts):
        raise ValueError("images must have at least one")
    return find_palette(tally.colors, tally.counts, colors)[0]
