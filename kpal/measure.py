"""How far a result is from the original: in figures, to the eye, and in the time that it took."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from PIL import Image

from kpal_format import U8, IndexedImage

_BLACK_AND_WHITE: Final = (0, 255)  # backgrounds for images with alpha: the extremes, for differences
DARK_AND_LIGHT: Final = (26, 230)  # ... and those that SSIMULACRA2's own tool has, for its score
_SMALLEST_SCORED: Final = 8  # pixels a side; SSIMULACRA2 sees nothing in smaller images
_LARGEST_SCORED: Final = 1 << 22  # pixels; the package takes 0.5 KB for each, which makes this 2 GB


@dataclass(frozen=True)
class Report:
    """What became of one image.

    colors: entries of the palette.
    quality: what `quality=` of `quantize` speaks of, from 0 to 100.
    mse: mean squared error over pixels and the three channels; with alpha, of what is seen over black and over white.
    iterations: rounds of k-means that the palette took on all colours; 0 where it was given or needed no search.
    ms: milliseconds by stage: histogram, clustering, remapping, coding, verifying. Searches for a quality or a size go
        through some of them several times.
    bytes: of the file; None where none was made.
    """

    colors: int
    quality: float
    mse: float
    iterations: int
    ms: Mapping[str, float]
    bytes: int | None
    original: U8 = field(repr=False)
    image: IndexedImage = field(repr=False)

    @property
    def psnr_db(self) -> float:
        """Peak signal-to-noise ratio; infinite where there is no error."""
        return _decibels(self.mse)

    def ssimulacra2(self) -> float | None:
        """The perceptual score, 100 for the same; it takes a while, and the package of that name.

        None without the package, and for tiny or huge images.
        """
        return ssimulacra2(self.original, self.image.pixels())

    def as_dict(self, *, score: bool = False) -> dict[str, Any]:
        """For JSON, which knows no infinity: psnr_db is None where there is no error.

        score: whether to add the perceptual score.
        """
        return {
            "colors": self.colors,
            "quality": round(self.quality, 2),
            "mse": self.mse,
            "psnr_db": self.psnr_db if self.mse else None,
            "iterations": self.iterations,
            "ms": {stage: round(ms, 3) for stage, ms in self.ms.items()},
            "bytes": self.bytes,
            **({"ssimulacra2": self.ssimulacra2()} if score else {}),
        }


def mean_squared_error(original: U8, shown: U8) -> float:
    """Over pixels and channels; with alpha, of what is seen over black and over white."""
    pairs = seen(original, shown, _BLACK_AND_WHITE)
    return float(np.mean([np.square(a.astype(np.int32) - b).mean() for a, b in pairs]))


def psnr(original: U8, shown: U8) -> float:
    """Peak signal-to-noise ratio in dB; with alpha, of what is seen over black and over white."""
    return _decibels(mean_squared_error(original, shown))


def _decibels(error: float) -> float:
    return 10 * math.log10(255 * 255 / error) if error else math.inf


def ssimulacra2(original: U8, shown: U8) -> float | None:
    """The perceptual score, with alpha the worse of those over a dark and a light background; None if there is none."""
    try:
        from ssimulacra2 import compute_ssimulacra2
    except ImportError:
        return None
    height, width = original.shape[:2]
    if min(height, width) < _SMALLEST_SCORED or height * width > _LARGEST_SCORED:
        return None
    pairs = seen(original, shown, DARK_AND_LIGHT)
    return min(float(compute_ssimulacra2(_bmp(a), _bmp(b))) for a, b in pairs)


def same(a: U8, b: U8) -> bool:
    """Equal to the eye, whatever the colours of alpha 0 are, and whether alpha that is 255 throughout is there."""
    return all(np.array_equal(x, y) for x, y in seen(a, b, _BLACK_AND_WHITE))


def seen(a: U8, b: U8, backgrounds: tuple[int, ...]) -> list[tuple[U8, U8]]:
    """Both images as RGB, over each of the backgrounds if either has alpha."""
    if a.shape[2] == b.shape[2] == 3:
        return [(a, b)]
    return [(over(a, level), over(b, level)) for level in backgrounds]


def over(pixels: U8, level: int) -> U8:
    """An image as RGB, over a gray background if it has alpha."""
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[:, :, 3:].astype(np.uint32)
    seen: U8 = ((pixels[:, :, :3] * alpha + (255 - alpha) * level + 127) // 255).astype(np.uint8)
    return seen


def _bmp(pixels: U8) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "BMP")
    file.seek(0)
    return file
