"""Palettes as images: the palette of a `.kpal` file or of an indexed image, and the colours of any other."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from kpal_format import MAGIC, MAX_COLORS, U8, IndexedImage, KpalError, encode_indexed, read_head, verify

from ...image_files.frames import frames_of
from ...image_files.pages import find_picture
from ...image_files.pillow_limits import refusal
from ...image_files.precision import in_depth
from ...pixels import own_palette, to_array, without_hidden
from ..palettes import with_channels
from .swatches import PaletteError, Swatch, palette_of, swatches_of

_SEARCHED: Final = 1 << 20  # pixels at a time


def read_image(data: bytes) -> list[Swatch]:
    """Read the palette of an indexed image, or the colours of any image of at most 256, in reading order."""
    if data.startswith(MAGIC):
        verify(data)
        return swatches_of(read_head(data).palette())
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode == "P":
                return swatches_of(own_palette(image).palette)
            find_picture(image)
            return swatches_of(_in_reading_order(_frames(image, data), image.mode))
    except KpalError:
        raise
    except Image.DecompressionBombError as error:
        raise refusal(error) from error
    except UnidentifiedImageError as error:
        raise PaletteError("neither an image that Pillow can read nor another file that holds a palette") from error
    except ValueError as error:  # several pictures, or levels that 8 bits cannot tell apart
        raise PaletteError(str(error)) from error
    except Exception as error:  # Pillow raises nearly every kind for damaged images
        raise PaletteError(f"the image is damaged, or Pillow cannot read its kind: {error}") from error


def _frames(image: Image.Image, data: bytes) -> Iterator[U8]:
    """The pixels of all frames or pages, of which a still image has one."""
    frames = frames_of(image, pages=True)
    for shown in frames.shown():
        if frames.count == 1:
            in_depth(image, data, None)
        yield without_hidden(to_array(shown))


def _in_reading_order(frames: Iterable[U8], mode: str) -> U8:
    """The different colours, (k, 3 or 4), as they come first in the rows of the frames."""
    found = np.empty((0, 3), np.uint8)
    for pixels in frames:
        channels = max(found.shape[1], pixels.shape[2])
        found = with_channels(found, channels)
        flat = with_channels(pixels, channels).reshape(-1, channels)
        for start in range(0, len(flat), _SEARCHED):
            colors = np.concatenate((found, flat[start : start + _SEARCHED]))
            keys = sum(channel.astype(np.uint32) << 8 * number for number, channel in enumerate(colors.T))
            found = colors[np.sort(np.unique(keys, return_index=True)[1])]
            if len(found) > MAX_COLORS:
                raise PaletteError(
                    f"an image without a palette (mode {mode}), of more than {MAX_COLORS} colours; "
                    "kpal palette finds one for it"
                )
    return found


def write_png(swatches: list[Swatch]) -> bytes:
    """Write an indexed PNG with one pixel of each colour, side by side."""
    file = io.BytesIO()
    _strip(swatches).to_pillow().save(file, "PNG")
    return file.getvalue()


def write_kpal(swatches: list[Swatch]) -> bytes:
    """Write a `.kpal` file with one pixel of each colour, side by side."""
    return encode_indexed(_strip(swatches))


def _strip(swatches: list[Swatch]) -> IndexedImage:
    return IndexedImage(np.arange(len(swatches), dtype=np.uint8)[None], palette_of(swatches))
