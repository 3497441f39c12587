"""What fewer colours would cost and save: bytes and score of one image for every number of colours from 2 to 256.

Sixteen files for each image take time, so large images are represented by a sample of their pixels, and kpal searches
its palettes with `speed="fast"`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from PIL import Image

from kpal_format import U8, IndexedImage, compiled, encode_indexed, used_entries

from ..color.compositing import same
from ..metrics.scores import ssimulacra2
from ..progress import Watch
from ..quantizer.options import QuantizeOptions
from ..quantizer.search import Source
from . import pngquant

COLORS: Final = (2, 4, 8, 16, 32, 64, 128, 256)
_SCORED: Final = (8, 32, 128, 256)  # the score takes the most time; with fewer colours, it is mostly below 0
_SAMPLE: Final = 1 << 14  # pixels of a sample
_SPANS: Final = 4  # parts of the sample in each direction, spread over the image


@dataclass(frozen=True)
class Point:
    """One file: its colours, its bytes, and its SSIMULACRA2 score if it was measured."""

    colors: int
    bytes: int
    score: float | None


@dataclass(frozen=True)
class Curve:
    """The files of one encoder in the order of their colours, up to the first that shows every pixel exactly."""

    name: str
    points: list[Point]


def measure(pixels: U8, options: dict[str, Any]) -> list[Curve]:
    """The curves of a sample, uint8 (h, w, 3 or 4), by kpal and, where it is installed, by pngquant with oxipng.

    options: of `quantize`; without effect are those that decide the number of colours, and `speed`. A given palette has
        no curve of kpal.
    """
    encoders: list[Callable[[], Curve]] = [lambda: _kpal(pixels, options)]
    if pngquant.installed():
        encoders.append(lambda: _pngquant(pixels))
    with ThreadPoolExecutor() as pool:
        curves = list(pool.map(lambda encode: encode(), encoders))
    return [curve for curve in curves if curve.points]


def sample(pixels: U8) -> U8:
    """Small images unchanged; of others, 16 rectangles spread evenly over rows and columns, side by side."""
    height, width = pixels.shape[:2]
    if height * width <= _SAMPLE:
        return pixels
    side = int(_SAMPLE**0.5)
    rows = min(height, max(side, _SAMPLE // width))
    return np.ascontiguousarray(pixels[_spread(height, rows)][:, _spread(width, _SAMPLE // rows)])


def _spread(size: int, chosen: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The positions of about `chosen` of `size` rows or columns, in spans at the centres of equal parts."""
    if chosen >= size:
        return np.arange(size)
    span = chosen // _SPANS
    starts = [(2 * part + 1) * size // (2 * _SPANS) - span // 2 for part in range(_SPANS)]
    return np.concatenate([np.arange(start, start + span) for start in starts])


def _kpal(pixels: U8, options: dict[str, Any]) -> Curve:
    known = {field.name for field in fields(QuantizeOptions)} - {"colors", "speed", "quality"}
    chosen = QuantizeOptions(speed="fast", **{name: value for name, value in options.items() if name in known})
    source = Source(pixels, chosen, Watch())
    coder = "mix" if compiled() else "zstd"  # in plain Python, mix takes a millisecond a pixel
    points: list[Point] = []
    for colors in COLORS if source.reducible else ():
        if colors < source.least_colors:
            continue
        reduced = source.reduced(colors, chosen.rate or 0.0)
        assert reduced is not None  # because there is no `quality` to reach
        image = reduced.image
        exact = same(image.pixels(), pixels)
        points.append(_point(pixels, image, len(encode_indexed(image, coder=coder)), exact or colors in _SCORED))
        if exact:
            break
    return Curve(f"kpal {coder}", points)


def _pngquant(pixels: U8) -> Curve:
    rgba = Image.fromarray(pixels).convert("RGBA")
    points: list[Point] = []
    for colors in COLORS:
        image, size = pngquant.pngquant(rgba, colors, dithering=1.0)  # pngquant's default
        exact = same(image.pixels(), pixels)
        points.append(_point(pixels, image, size, exact or colors in _SCORED))
        if exact:
            break
    return Curve("pngquant, oxipng", points)


def _point(pixels: U8, image: IndexedImage, size: int, scored: bool) -> Point:
    colors = int(used_entries(image.indices, len(image.palette)).sum())
    return Point(colors, size, ssimulacra2(pixels, image.pixels()) if scored else None)
