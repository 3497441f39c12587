"""Pixels to an indexed image: histogram, clustering, palette, remapping.

options.py defines the options; search.py runs the stages, several times to reach a quality or a size.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ..progress import Watch
from .options import QuantizeOptions
from .search import Source, default_metadata
from .signatures import of_pixels

if TYPE_CHECKING:
    from kpal_format import IndexedImage

    from ..pixels import Pixels


@of_pixels(QuantizeOptions)
def quantize(pixels: Pixels, options: QuantizeOptions) -> IndexedImage:
    """Quantise an image to at most `colors` colours, exactly if it has no more.

    Opaque pixels stay opaque, and fully transparent pixels stay fully transparent. With at least four colours, small
    marks of quite another colour than the rest keep it, unless that costs the rest too much (accents.py): a search for
    `quality` does not stop while a mark is lost, and a `rate` does not repaint it.

    pixels: a Pillow image, or an array as in `encode`. 16-bit samples are rounded to 8 bits, with a `KpalWarning` if
        bits are lost. A 16-bit image of at most 256 colours is refused if rounding would merge any: convert label maps
        to 8 bits yourself.
    OPTIONS

    Raises ValueError or TypeError for invalid or contradictory arguments.
    """
    metadata = default_metadata(pixels) if options.metadata is None else options.metadata
    watch = Watch(options.progress, searching=options.quality is not None)
    source = Source(pixels, options, watch)
    result = source.quantized()
    watch.finish()
    if options.report is not None:
        options.report(source.report(result))
    return dataclasses.replace(result.image, metadata=metadata)
