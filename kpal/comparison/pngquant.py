"""pngquant as a peer: its library, libimagequant, chooses palette and pixels, and oxipng compresses the PNG."""

from __future__ import annotations

import importlib.util
import io

import numpy as np
from PIL import Image

from kpal_format import IndexedImage


def installed() -> bool:
    """Whether the packages of libimagequant and of oxipng are installed."""
    return all(importlib.util.find_spec(package) for package in ("imagequant", "oxipng"))


def pngquant(rgba: Image.Image, colors: int, *, dithering: float, level: int = 2) -> tuple[IndexedImage, int]:
    """Quantises an image of mode RGBA, and compresses it with oxipng at an optimisation level.

    Returns the quantised image and the size of the PNG file in bytes.
    """
    import oxipng

    image = libimagequant(rgba, colors, dithering)
    file = io.BytesIO()
    image.to_pillow().save(file, "PNG")
    return image, len(oxipng.optimize_from_memory(file.getvalue(), level=level))


def libimagequant(rgba: Image.Image, colors: int, dithering: float, max_quality: int = 100) -> IndexedImage:
    """Quantises an image of mode RGBA with libimagequant; all other settings are its defaults."""
    import imagequant

    indices, flat = imagequant.quantize_raw_rgba_bytes(
        rgba.tobytes(), *rgba.size, dithering_level=dithering, max_colors=colors, max_quality=max_quality
    )
    palette = np.array(flat, np.uint8).reshape(-1, 4)
    return IndexedImage(np.frombuffer(indices, np.uint8).reshape(rgba.size[::-1]), palette)
