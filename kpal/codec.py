"""The library's two main functions: pixels to the bytes of a `.kpal` file, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kpal_format import (
    DEFAULT_CODER,
    MAX_COLORS,
    MAX_PIXELS,
    U8,
    IndexedImage,
    Metadata,
    Progress,
    Region,
    decode_indexed,
    encode_indexed,
    staged,
)

from .fitting import fitted
from .measure import Report
from .options import DITHER_LEVEL, Dither, Options, Quality, Speed, whole_number
from .quantizer import Source, default_metadata
from .space import Metric
from .watch import Watch, check_callbacks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .pixels import Pixels


def encode(
    pixels: Pixels,
    *,
    colors: int = MAX_COLORS,
    coder: str = DEFAULT_CODER,
    quality: Quality | None = None,
    max_bytes: int | None = None,
    palette: ArrayLike | None = None,
    keep_palette: bool = False,
    fixed: ArrayLike | None = None,
    metric: Metric = "perceptual",
    speed: Speed = "default",
    exact: bool = False,
    dither: Dither = "none",
    dither_level: float = DITHER_LEVEL,
    rate: float | None = None,
    metadata: Metadata | None = None,
    verify: bool = False,
    progress: Progress | None = None,
    report: Callable[[Report], object] | None = None,
) -> bytes:
    """The image as a `.kpal` file of at most `colors` colours; lossless where it has no more than that.

    pixels: a Pillow image; an array uint8 or uint16 (h, w) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4)
        RGBA; or the `IndexedImage` that `quantize` returns, which is stored exactly as it is and leaves nothing else to
        choose but the coder.
    coder: one of `kpal.CODERS`.
    max_bytes: the size that the file may have, metadata and all. Where the image takes more, it gets as little of a
        rate as fits, and where that is not enough, as many colours, about; without rates where `rate`, `quality` or
        `dither` is given, or the coder is `zstd`. UnreachableError, a ValueError that names the least size, where not
        even two colours fit.
    verify: decode the file and compare it with what was encoded, before it is returned; RuntimeError where it differs,
        which no input should bring about. It takes as long as `decode` does.
    metadata, progress, report, and all that chooses colours: as in `quantize`; progress also tells of the stages
        "coding" and "verifying".

    Raises ValueError or TypeError for arguments that are wrong or contradict each other.

    >>> import numpy as np
    >>> import kpal
    >>> pixels = np.zeros((4, 4, 3), np.uint8)
    >>> pixels[1:3, 1:3] = (255, 128, 0)
    >>> bool((kpal.decode(kpal.encode(pixels)) == pixels).all())
    True
    """
    options = Options(
        colors=colors,
        quality=quality,
        palette=palette,
        keep_palette=keep_palette,
        fixed=fixed,
        metric=metric,
        speed=speed,
        exact=exact,
        dither=dither,
        dither_level=dither_level,
        rate=rate,
    )
    if max_bytes is not None:
        whole_number("max_bytes", max_bytes, 1)
    if isinstance(pixels, IndexedImage):
        if wrong := sorted(options.changing()):
            raise ValueError(f"an IndexedImage is stored as it is: it does not go with {', '.join(wrong)}")
        options = Options(keep_palette=True)
    check_callbacks(progress=progress, report=report)
    described = default_metadata(pixels) if metadata is None else metadata
    watch = Watch(progress, searching=max_bytes is not None or quality is not None)
    source = Source(pixels, options, watch)

    def code(image: IndexedImage) -> bytes:
        whole = dataclasses.replace(image, metadata=described)
        return watch.stage("coding", lambda: encode_indexed(whole, coder=coder))

    result = source.quantized()
    data = code(result.image)
    if max_bytes is not None and len(data) > max_bytes:
        rated = coder != "zstd" and options.rateable
        result, data = fitted(source, (result, data), code, max_bytes, watch, rated=rated)
    if verify:
        watch.attempt(1)
        whole = dataclasses.replace(result.image, metadata=described)
        watch.stage("verifying", lambda: _verify(data, whole))
    watch.finish()
    if report is not None:
        report(source.report(result, data))
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
