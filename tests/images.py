"""Test images: small, deterministic, and of every kind that kpal handles."""

from __future__ import annotations

from collections.abc import Iterator

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
    """Random indices into a random palette of distinct colours, all of which are used if there are enough pixels."""
    random = np.random.default_rng((height, width, colors, channels, seed))
    keys = random.choice(1 << 24, colors, replace=False).astype("<u4")
    palette = keys.view(np.uint8).reshape(-1, 4)[:, :3]
    if channels == 4:
        palette = np.column_stack((palette, random.integers(0, 256, colors, dtype=np.uint8)))
    indices = random.integers(0, colors, (height, width), dtype=np.uint8)
    indices.reshape(-1)[: min(colors, indices.size)] = np.arange(min(colors, indices.size))
    return IndexedImage(indices, np.ascontiguousarray(palette))


def picture(height: int, width: int, colors: int, channels: int = 3, seed: int = 0) -> IndexedImage:
    """Flat areas, a repeated pattern, a gradient and some noise, to exercise every part of the model."""
    random = np.random.default_rng((height, width, colors, channels, seed))
    rows, columns = np.mgrid[:height, :width]
    indices = (rows // 5 * 7 + columns // 9) % colors
    tile = random.integers(0, colors, (4, 6))
    indices = np.where(columns < width // 3, tile[rows % 4, columns % 6], indices)
    indices = np.where(rows > 2 * height // 3, (rows + columns) * colors // (height + width), indices)
    noise = random.random((height, width)) < 0.05
    indices[noise] = random.integers(0, colors, noise.sum())
    palette = random.integers(0, 256, (colors, channels)).astype(np.uint8)
    return IndexedImage(indices.astype(np.uint8), palette)


def moving(
    frames: int, height: int, width: int, colors: int, channels: int = 3, seed: int = 0
) -> Iterator[IndexedImage]:
    """Frames of one palette: a thing that walks, a strip that scrolls, specks that come and go, and pauses."""
    random = np.random.default_rng((frames, height, width, colors, channels, seed))
    scene = picture(height, width, colors, channels, seed)
    strip = random.integers(0, colors, (max(1, height // 4), 2 * width), np.uint8)
    thing = random.integers(0, colors, (max(1, height // 3), max(1, width // 4)), np.uint8)
    for number in range(frames):
        step = number - number % 4 // 3  # every fourth frame is like the one before
        indices = scene.indices.copy()
        indices[-len(strip) :] = np.roll(strip, -2 * step, axis=1)[:, :width]
        top, left = step % (height - len(thing) + 1), 3 * step % (width - thing.shape[1] + 1)
        indices[top : top + len(thing), left : left + thing.shape[1]] = thing
        specks = np.random.default_rng((seed, step)).random((height, width)) < 0.01
        indices[specks] = step % colors
        yield IndexedImage(indices, scene.palette)


def scrolling(frames: int, height: int, width: int, colors: int, seed: int = 0) -> Iterator[IndexedImage]:
    """Frames of a picture without repetition that scrolls by three pixels, as its lower half does the other way."""
    ground = random_indexed(height + 3 * frames, width + 3 * frames, colors, seed=seed)
    for step in range(0, 3 * frames, 3):
        indices = ground.indices[step : step + height, step : step + width].copy()
        other = ground.indices[:, 3 * frames - step :]
        indices[height // 2 :] = other[height // 2 : height, :width]
        yield IndexedImage(indices, ground.palette)


def poster(height: int, width: int, colors: int, channels: int = 3, seed: int = 0) -> IndexedImage:
    """Large flat areas: spans in the first row and in others, to the right edge and short of it, complete and broken.

    The palette rises in all channels, so that ranks equal indices, and a first row of zeros is a span.
    """
    random = np.random.default_rng((height, width, colors, channels, seed))
    rows, columns = np.mgrid[:height, :width]
    indices = np.full((height, width), colors - 1)
    indices[columns > width // 2 + rows // 3] = 0
    for _ in range(4):  # rectangles, some of which repeat
        y, x, color = (int(random.integers(0, most)) for most in (height - 8, width // 3, colors))
        indices[y : y + 8, x : x + 9] = color
        indices[y : y + 8, x + width // 2 : x + width // 2 + 9] = color
    specks = random.random((height, width)) < 0.01
    indices[specks] = random.integers(0, colors, specks.sum())
    indices[0] = 0
    palette = np.sort(random.integers(0, 256, (colors, channels)), axis=0).astype(np.uint8)
    return IndexedImage(indices.astype(np.uint8), palette)


def film(frames: int, height: int, width: int, colors: int, seed: int = 0) -> list[U8]:
    """The indices of frames with all kinds of change: none, a walking sprite, scrolling, new pixels, other colours."""
    random = np.random.default_rng((frames, height, width, colors, seed))
    scene = picture(height, width, colors, seed=seed).indices
    sprite = random.integers(0, colors, (height // 3 + 1, width // 4 + 1), dtype=np.uint8)
    shown: list[U8] = []
    for i in range(frames):
        frame = scene.copy()
        y, x = i % (height - len(sprite) + 1), 2 * i % (width - sprite.shape[1] + 1)
        frame[y : y + len(sprite), x : x + sprite.shape[1]] = sprite
        if i % 6 == 2:
            frame = shown[-1].copy()
        elif i % 6 == 3:
            scene = np.roll(scene, (2, -3), (0, 1))
        elif i % 6 == 4:
            frame[random.random(frame.shape) < 0.1] = random.integers(0, colors)
        elif i % 6 == 5:
            frame = (frame + 1) % colors
        shown.append(frame.astype(np.uint8))
    return shown


def gradient(height: int = 48, width: int = 64) -> U8:
    """A smooth RGB image with an edge, of far more than 256 colours."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack((x * 255 // (width - 1), y * 255 // (height - 1), (x * 7 + y * 3) % 256), axis=2)
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 60)
    return pixels.astype(np.uint8)


def soft_icon(size: int = 48) -> U8:
    """An RGBA image of more than 256 colours: a disc with a soft edge, transparent outside."""
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
    """The squared error summed over channels, averaged over pixels."""
    return float(np.square(a.astype(np.int64) - b).sum(axis=-1).mean())
