"""Images that tests make: small, deterministic, and of every kind that kpal meets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kpal_format import U8, IndexedImage, Metadata

METADATA = Metadata(
    icc_profile=b"\0" * 16 + b"RGB " + b"profile" * 20,
    exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",  # orientation 6
    xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
    text={"Title": "Täst", "Software": "kpal " * 50, "Empty": ""},
    density=(11811, 5906),
)


def random_indexed(height: int, width: int, colors: int, channels: int = 3, seed: int = 0) -> IndexedImage:
    """Random indices into a random palette of distinct colours, all of them used if there is room."""
    random = np.random.default_rng((height, width, colors, channels, seed))
    keys = random.choice(1 << 24, colors, replace=False).astype("<u4")
    palette = keys.view(np.uint8).reshape(-1, 4)[:, :3]
    if channels == 4:
        palette = np.column_stack((palette, random.integers(0, 256, colors, dtype=np.uint8)))
    indices = random.integers(0, colors, (height, width), dtype=np.uint8)
    indices.reshape(-1)[: min(colors, indices.size)] = np.arange(min(colors, indices.size))
    return IndexedImage(indices, np.ascontiguousarray(palette))


def gradient(height: int = 48, width: int = 64) -> U8:
    """RGB with far more than 256 colours, smooth, with an edge."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack((x * 255 // (width - 1), y * 255 // (height - 1), (x * 7 + y * 3) % 256), axis=2)
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 60)
    return pixels.astype(np.uint8)


def soft_icon(size: int = 48) -> U8:
    """RGBA: a disc with a soft edge and a shadow, transparent outside, with more than 256 colours."""
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    distance = np.hypot(x, y)
    alpha = np.clip((size / 2 - distance) * 255 / (size / 4), 0, 255)
    rgb = np.stack((128 + 2 * x, 128 + 2 * y, 200 - distance), axis=2)
    return np.dstack((rgb, alpha)).clip(0, 255).astype(np.uint8)


def pillow(image: IndexedImage) -> Image.Image:
    """The indexed image as a Pillow image of mode P."""
    opened = Image.fromarray(image.indices, "L")
    opened.putpalette(image.palette[:, :3].tobytes())
    if image.palette.shape[1] == 4:
        opened.info["transparency"] = image.palette[:, 3].tobytes()
    return opened


def squared_error(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean squared error over pixels, summed over channels."""
    return float(np.square(a.astype(np.int64) - b).sum(axis=-1).mean())
