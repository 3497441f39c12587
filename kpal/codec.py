"""The library's two main functions: pixels to the bytes of a `.kpal` file, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpal_format import (
    DEFAULT_CODER,
    MAX_COLORS,
    MAX_PIXELS,
    U8,
    IndexedImage,
    Metadata,
    decode_indexed,
    encode_indexed,
)

from .quantizer import Dither, Speed, quantize
from .space import Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .pixels import Pixels


def encode(
    pixels: Pixels,
    *,
    colors: int = MAX_COLORS,
    coder: str = DEFAULT_CODER,
    palette: ArrayLike | None = None,
    keep_palette: bool = False,
    fixed: ArrayLike | None = None,
    metric: Metric = "perceptual",
    speed: Speed = "default",
    exact: bool = False,
    dither: Dither = "none",
    metadata: Metadata | None = None,
) -> bytes:
    """The image as a `.kpal` file of at most `colors` colours; lossless where it has no more than that.

    pixels: a Pillow image; an array uint8 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4) RGBA;
        or the `IndexedImage` that `quantize` returns, which is stored exactly as it is and leaves nothing else to
        choose but the coder.
    coder: one of `kpal.CODERS`.
    metadata and all that chooses colours: as in `quantize`.

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.

    >>> import numpy as np
    >>> import kpal
    >>> pixels = np.zeros((4, 4, 3), np.uint8)
    >>> pixels[1:3, 1:3] = (255, 128, 0)
    >>> bool((kpal.decode(kpal.encode(pixels)) == pixels).all())
    True
    """
    if isinstance(pixels, IndexedImage):
        options = {
            "colors": colors != MAX_COLORS,
            "palette": palette is not None,
            "keep_palette": keep_palette,
            "fixed": fixed is not None,
            "metric": metric != "perceptual",
            "speed": speed != "default",
            "exact": exact,
            "dither": dither != "none",
        }
        if wrong := [name for name, given in options.items() if given]:
            raise ValueError(f"an IndexedImage is stored as it is: it does not go with {', '.join(wrong)}")
        image = pixels if metadata is None else IndexedImage(pixels.indices, pixels.palette, metadata)
    else:
        image = quantize(
            pixels,
            colors,
            palette=palette,
            keep_palette=keep_palette,
            fixed=fixed,
            metric=metric,
            speed=speed,
            exact=exact,
            dither=dither,
            metadata=metadata,
        )
    return encode_indexed(image, coder=coder)


def decode(data: bytes | bytearray | memoryview, *, max_pixels: int | None = MAX_PIXELS) -> U8:
    """The pixels of a `.kpal` file: uint8 (h, w, 3), or (h, w, 4) where its palette has alpha.

    max_pixels: refuse larger images with LimitError before anything is allocated for them; None for no limit.

    Raises KpalError and nothing else for whatever bytes `data` holds.
    """
    return decode_indexed(data, max_pixels=max_pixels).pixels()
