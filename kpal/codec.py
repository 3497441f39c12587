"""The library's two main functions: pixels to the bytes of a `.kpal` file, and back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kpal_format import (
    CODERS,
    DEFAULT_CODER,
    MAX_PIXELS,
    U8,
    IndexedImage,
    Progress,
    Region,
    decode_indexed,
    encode_indexed,
    staged,
)
from kpal_format.indexed import describe

from .progress import Watch
from .quantizer.byte_target import fitted
from .quantizer.options import QuantizeOptions, whole_number
from .quantizer.search import Source, default_metadata
from .quantizer.signatures import of_pixels, option

if TYPE_CHECKING:
    from .pixels import Pixels


@dataclass(frozen=True, kw_only=True)
class EncodeOptions(QuantizeOptions):
    """The options of `encode`: those of `quantize`, and how the result becomes a file."""

    coder: str = option(
        DEFAULT_CODER,
        "one of `kpal.CODERS`.",
        help="how indices are coded: zstd decodes fastest, mix is small, max a little smaller",
        choices=CODERS,
    )
    max_bytes: int | None = option(
        None,
        "the size that the file may have, metadata and all. Where the image takes more, it gets as little of a rate as "
        "fits, and where that is not enough, as many colours, about; without rates where `rate`, `quality` or `dither` "
        "is given, or the coder is `zstd`. UnreachableError, a ValueError that names the least size, where not even "
        "two colours fit.",
        help="the size that each file may have, in bytes or as 20k, 20kiB, 1.5M; takes colours away where it must",
        metavar="SIZE",
    )
    verify: bool = option(
        False,
        "decode the file and compare it with what was encoded, before it is returned; RuntimeError where it differs, "
        "which no input should bring about. It takes as long as `decode` does.",
    )

    def __post_init__(self) -> None:
        if self.coder not in CODERS:
            raise ValueError(f"unknown coder {describe(self.coder)}: one of {', '.join(CODERS)}")
        super().__post_init__()
        if self.max_bytes is not None:
            whole_number("max_bytes", self.max_bytes, 1)


@of_pixels(EncodeOptions)
def encode(pixels: Pixels, options: EncodeOptions) -> bytes:
    """The image as a `.kpal` file of at most `colors` colours; lossless where it has no more than that.

    pixels: a Pillow image; an array uint8 or uint16 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4)
        RGBA; or the `IndexedImage` that `quantize` returns, which is stored exactly as it is and leaves nothing else to
        choose but the coder. What has 16 bits a channel is treated as by `quantize`.
    OPTIONS

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.

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
            raise ValueError(f"an IndexedImage is stored as it is: it does not go with {', '.join(wrong)}")
        chosen = EncodeOptions(keep_palette=True)
    metadata = default_metadata(pixels) if options.metadata is None else options.metadata
    watch = Watch(options.progress, searching=max_bytes is not None or options.quality is not None)
    source = Source(pixels, chosen, watch)

    def code(image: IndexedImage) -> bytes:
        whole = dataclasses.replace(image, metadata=metadata)
        return watch.stage("coding", lambda: encode_indexed(whole, coder=options.coder))

    result = source.quantized()
    data = code(result.image)
    if max_bytes is not None and len(data) > max_bytes:
        rated = options.coder != "zstd" and chosen.rateable
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
        raise RuntimeError("the file does not decode to what was encoded: please report this, with the image")


def decode(
    data: bytes | bytearray | memoryview,
    *,
    region: Region | None = None,
    max_pixels: int | None = MAX_PIXELS,
    progress: Progress | None = None,
) -> U8:
    """The pixels of a `.kpal` file: uint8 (h, w, 3), or (h, w, 4) where its palette has alpha.

    region, max_pixels, progress, errors: as in `decode_indexed`.
    """

    def decoded() -> U8:
        return decode_indexed(data, region=region, max_pixels=max_pixels).pixels()

    return staged(progress, "decoding", decoded)
