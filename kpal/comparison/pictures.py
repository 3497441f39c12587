"""The pictures of a page: both sides of a comparison, their difference, and small versions of them, as data URLs."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from kpal_format import MIME, U8

from ..color.compositing import BLACK_AND_WHITE, seen
from ..color.spaces import oklab, summed
from ..image_files.frames import frames_of
from ..image_files.moving import Film
from ..image_files.orientation import turned
from .formats import Sides

AMPLIFIED: Final = 20  # the brightest colour of the map marks differences of a twentieth of black to white, or more
_LEVELS: Final = 16  # a PNG of 16 colours has four bits a pixel
_MAP: Final = ((12, 12, 30), (88, 28, 110), (208, 66, 74), (250, 170, 60), (255, 253, 215))  # evenly spaced colours
_ROWS: Final = 1 << 15  # pixels whose difference is computed at a time, which fit into the processor's cache
_REDUCED: Final = 480  # pixels a side of reduced pictures
_THUMBNAIL: Final = 96
_QUALITY: Final = {"reduced": 90, "thumbnail": 80}


@dataclass(frozen=True)
class Pictures:
    """The pictures of one image as data URLs, all of the same size.

    width, height: of the pictures, in pixels.
    kpal: a small preview if there is a file.
    file: the `.kpal` file, of which the page shows every pixel; None if the pictures are reduced.
    """

    width: int
    height: int
    original: str
    kpal: str
    difference: str
    file: str | None = None


def exact(sides: Sides, levels: U8) -> Pictures:
    """Every pixel of both sides: the original as PNG, turned as viewers turn it, and kpal's file, which the page turns.

    levels: the `difference` of the sides.
    """
    original = sides.original_png
    if sides.orientation != 1:
        original = _png(turned(Image.fromarray(sides.original), sides.orientation))
    shown = turned(_mapped(levels), sides.orientation)
    return Pictures(*shown.size, _url(original), _thumbnail(sides), _url(_png(shown)), _url(sides.file, MIME))


def reduced(sides: Sides, levels: U8) -> Pictures | None:
    """Both sides and the mean difference with at most 480 pixels a side; None if the image is no larger.

    levels: the `difference` of the sides.
    """
    height, width = sides.image.indices.shape
    if max(width, height) <= _REDUCED:
        return None
    step = 255 // (_LEVELS - 1)
    small = _small(Image.fromarray(levels * np.uint8(step)), _REDUCED, sides.orientation)
    mapped = _mapped((np.asarray(small) + np.uint8(step // 2)) // np.uint8(step))
    if sides.frames > 1:
        original, kpal = (_small_animation(data) for data in (sides.original_png, sides.file))
    else:
        original, kpal = (
            _webp(_small(Image.fromarray(pixels), _REDUCED, sides.orientation), "reduced")
            for pixels in (sides.original, sides.image.pixels())
        )
    return Pictures(*small.size, original, kpal, _url(_png(mapped)))


def differences(sides: Sides) -> U8:
    """The `difference` of the sides; of an animation, the largest of all frames."""
    levels: U8 | None = None
    for original, shown in sides.each():
        found = difference(original, shown)
        levels = found if levels is None else np.maximum(levels, found)
    assert levels is not None  # every animation has a frame
    return levels


def difference(original: U8, shown: U8) -> U8:
    """How visible the error of each pixel is: uint8 (h, w), levels from 0 to 15.

    0 means no error; 15 means a distance of at least 1 / AMPLIFIED in OKLab, where black and white are 1 apart. With
    alpha, the larger distance over black and over white counts.
    """
    height, width = original.shape[:2]
    levels = np.zeros((height, width), np.uint8)
    step = max(1, _ROWS // width)
    for top in range(0, height, step):
        rows = slice(top, top + step)
        for a, b in seen(original[rows], shown[rows], BLACK_AND_WHITE):
            wrong = (a != b).any(axis=2)
            squares = [np.square(x - y) for x, y in zip(oklab(a[wrong]), oklab(b[wrong]), strict=True)]
            level = np.ceil(np.minimum(AMPLIFIED * np.sqrt(summed(squares)), 1.0) * (_LEVELS - 1)).astype(np.uint8)
            levels[rows][wrong] = np.maximum(levels[rows][wrong], level)
    return levels


def scale() -> list[str]:
    """The colours of the levels of `difference`, as #rrggbb."""
    return ["#" + bytes(color).hex() for color in _colors()]


def _colors() -> list[tuple[int, ...]]:
    at = np.linspace(0, len(_MAP) - 1, _LEVELS)
    channels = [np.interp(at, np.arange(len(_MAP)), values) for values in zip(*_MAP, strict=True)]
    return [tuple(color) for color in np.rint(np.column_stack(channels)).astype(int).tolist()]


def _mapped(levels: U8) -> Image.Image:
    image = Image.fromarray(levels)
    image.putpalette([value for color in _colors() for value in color])
    return image


def _small(image: Image.Image, side: int, orientation: int) -> Image.Image:
    """The image with at most `side` pixels a side; smaller images unchanged."""
    image.thumbnail((side, side), Image.Resampling.BOX)
    return turned(image, orientation)


def _thumbnail(sides: Sides) -> str:
    return _webp(_small(Image.fromarray(sides.image.pixels()), _THUMBNAIL, sides.orientation), "thumbnail")


def _small_animation(data: bytes) -> str:
    """An animation with at most 480 pixels a side, as an animated WebP."""
    with Image.open(io.BytesIO(data)) as image:
        frames = frames_of(image)
        film = Film(lambda: (_small(frame, _REDUCED, 1) for frame in frames), frames.count)
        options = {"duration": list(frames.durations), "loop": frames.loop, "quality": _QUALITY["reduced"]}
        return _url(_saved(film, "WEBP", save_all=True, **options), "image/webp")


def _png(image: Image.Image) -> bytes:
    return _saved(image, "PNG")


def _webp(image: Image.Image, use: str) -> str:
    return _url(_saved(image, "WEBP", quality=_QUALITY[use]), "image/webp")


def _saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
