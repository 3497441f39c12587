"""The report of one encode: what became of the image, and how long each stage took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kpal_format import U8, IndexedImage

from .scores import decibels, ssimulacra2


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
        return decibels(self.mse)

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
