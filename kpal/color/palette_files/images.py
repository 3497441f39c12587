"""Palettes as images: the palette of a `.kpal` file or of an indexed image, and the colours of any other."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from kpal_format import MAGIC, MAX_COLORS, U8, IndexedImage, KpalError, encode_indexed, read_head, verify

from ...image_files.pages import find_picture
from ...image_files.pillow_limits import refusal
from ...image_files.precision import in_depth
from ...pixels import own_palette, to_array, without_hidden
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
            mode = image.mode
            find_picture(image)
            in_depth(image, data, None)
            pixels = without_hidden(to_array(image))
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
    return swatches_of(_in_reading_order(pixels, mode))


def _in_reading_order(pixels: U8, mode: str) -> U8:
    """The different colours, (k, c), as they come first in the rows of an image."""
    flat = pixels.reshape(-1, pixels.shape[2])
    found = flat[:0]
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
