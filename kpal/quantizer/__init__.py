"""Pixels to an indexed image: histogram, clustering, palette, remapping.

options.py says what may be asked for, and search.py goes through the stages, several times for a quality or a size.
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
    """The image in at most `colors` colours; exactly, where it has no more than that.

    Opaque pixels stay opaque, and clear ones clear. With at least four colours, small marks of quite another colour
    than the rest keep it, unless that costs the rest too much (accents.py): a search for `quality` does not stop while
    a mark is lost, and a `rate` does not repaint it.

    pixels: a Pillow image, or an array uint8 or uint16 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w,
        4) RGBA. What has 16 bits a channel is rounded to 8 with a `KpalWarning`, unless no bits are lost. If it has at
        most 256 colours and rounding would merge some, it is refused: label maps are to be converted by the caller.
    OPTIONS

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.
    """
    metadata = default_metadata(pixels) if options.metadata is None else options.metadata
    watch = Watch(options.progress, searching=options.quality is not None)
    source = Source(pixels, options, watch)
    result = source.quantized()
    watch.finish()
    if options.report is not None:
        options.report(source.report(result))
    return dataclasses.replace(result.image, metadata=metadata)
