"""`encode` and `decode`: pixels to the bytes of a `.kpal` file, and back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from kpal_format import (
    CODERS,
    DEFAULT_CODER,
    MAX_PIXELS,
    U8,
    IndexedImage,
    OnError,
    Progress,
    Region,
    decode_indexed,
    encode_indexed,
    staged,
)
from kpal_format.coders import coder_named

from .progress import Watch
from .quantizer.byte_target import fitted
from .quantizer.options import QuantizeOptions, whole_number
from .quantizer.search import Quantized, Source, default_metadata
from .quantizer.signatures import of_pixels, option

if TYPE_CHECKING:
    from .pixels import Pixels

NOT_THE_SAME: Final = "the file does not decode to what was encoded: please report this, with the image"


@dataclass(frozen=True, kw_only=True)
class EncodeOptions(QuantizeOptions):
    """The options of `encode`: the options of `quantize`, and how the result becomes a file."""

    coder: str = option(
        DEFAULT_CODER,
        "one of `kpal.CODERS`.",
        help="coder for the indices: zstd decodes fastest, fast makes files a quarter smaller, mix a seventh smaller "
        "still but decodes five times as slowly, max slightly smaller ones",
        choices=CODERS,
    )
    max_bytes: int | None = option(
        None,
        "the maximum size of the file in bytes, including metadata. If the file would be larger, kpal uses the lowest "
        "`rate` that fits; if no rate is enough, it also reduces the number of colours, about as little as possible. "
        "It chooses no rate if `rate`, `quality` or `dither` is given, or if the coder is `zstd` or `fast`. If not "
        "even two colours fit, UnreachableError (a ValueError) names the smallest possible size.",
        help="maximum size of each file, in bytes or as 20k, 20kiB, 1.5M; reduces quality, then colours, to fit",
        metavar="SIZE",
    )
    verify: bool = option(
        False,
        "decode the file and compare it with the image before returning it, which takes as long as `decode`. "
        "RuntimeError if they differ, which would be a bug of kpal.",
    )

    @property
    def searching(self) -> bool:
        """Whether stages are repeated, so that `progress` is called with the fraction of the whole search."""
        return self.max_bytes is not None or self.quality is not None

    def __post_init__(self) -> None:
        coder_named(self.coder)
        super().__post_init__()
        if self.max_bytes is not None:
            whole_number("max_bytes", self.max_bytes, 1)


@of_pixels(EncodeOptions)
def encode(pixels: Pixels, options: EncodeOptions) -> bytes:
    """Encode an image as a `.kpal` file of at most `colors` colours, losslessly if the image has no more.

    pixels: a Pillow image; an array of numpy or of another library that has `__array__` or `__dlpack__`, uint8 or
        uint16, of shape (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4) RGBA; or an `IndexedImage`,
        such as `quantize` returns, which is stored unchanged and excludes the options that would change it. 16-bit
        samples are treated as in `quantize`.
    OPTIONS

    Raises ValueError or TypeError for invalid or contradictory arguments.

    >>> import numpy as np
    >>> import kpal
    >>> pixels = np.zeros((4, 4, 3), np.uint8)
    >>> pixels[1:3, 1:3] = (255, 128, 0)
    >>> bool((kpal.decode(kpal.encode(pixels)) == pixels).all())
    True
    """
    max_bytes, chosen = options.max_bytes, options
    if isinstance(pixels, IndexedImage):
        if wrong := sorted(options.changing()):
            raise ValueError(f"an IndexedImage is stored unchanged: it does not go with {', '.join(wrong)}")
        chosen = EncodeOptions(keep_palette=True)
    metadata = default_metadata(pixels) if options.metadata is None else options.metadata
    watch = Watch(options.progress, searching=options.searching)
    source = Source(pixels, chosen, watch)

    def code(result: Quantized) -> bytes:
        whole = dataclasses.replace(result.image, metadata=metadata)
        return watch.stage("coding", lambda: encode_indexed(whole, coder=options.coder))

    result = source.quantized()
    data = code(result)
    if max_bytes is not None and len(data) > max_bytes:
        rated = options.coder in ("mix", "max") and chosen.rateable
        result, data = fitted(source, (result, data), code, max_bytes, watch, rated=rated)
    if options.verify:
        watch.attempt(1)
        whole = dataclasses.replace(result.image, metadata=metadata)
        watch.stage("verifying", lambda: _verify(data, whole))
    watch.finish()
    if options.report is not None:
        options.report(source.report(result, data))
    return data


def _verify(data: bytes, image: IndexedImage) -> None:
    """Raises RuntimeError unless the file decodes to the image."""
    decoded = decode_indexed(data, max_pixels=None)
    same = np.array_equal(decoded.indices, image.indices) and np.array_equal(decoded.palette, image.palette)
    if not same or decoded.metadata != image.metadata:
        raise RuntimeError(NOT_THE_SAME)


def decode(
    data: bytes | bytearray | memoryview,
    frame: int = 0,
    *,
    region: Region | None = None,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> U8:
    """Decode a `.kpal` file to pixels: uint8 (h, w, 3), or (h, w, 4) if its palette has alpha.

    frame, region, max_pixels, on_error, progress, errors: as in `decode_indexed`.
    """

    def decoded() -> U8:
        image = decode_indexed(data, frame=frame, region=region, max_pixels=max_pixels, on_error=on_error)
        return image.pixels()

    return staged(progress, "decoding", decoded)
