"""The report of one encode: size, error, and the time of each stage."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kpal_format import U8, IndexedImage
from kpal_format.notebook import html, png

from .scores import decibels, ssimulacra2

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, repr=False)
class Report:
    """The report of one encoded or quantised image.

    colors: the number of palette entries.
    quality: the quality of the result, 0 to 100, on the scale of the option `quality`.
    mse: mean squared error over pixels and the three colour channels; with alpha, averaged over a black and a white
        background.
    iterations: rounds of k-means on all colours; 0 if the palette was given or needed no search.
    ms: milliseconds by stage: histogram, clustering, remapping, coding, verifying. Searches for a quality or a size
        repeat some stages; the time is the total.
    bytes: the size of the file; None if there is no file.
    """

    colors: int
    quality: float
    mse: float
    iterations: int
    ms: Mapping[str, float]
    bytes: int | None
    original: U8
    image: IndexedImage

    @property
    def psnr_db(self) -> float:
        """The peak signal-to-noise ratio in dB; infinite without error."""
        return decibels(self.mse)

    def ssimulacra2(self) -> float | None:
        """The perceptual score SSIMULACRA2, 100 for equal images, which takes a while.

        None without the package `ssimulacra2`, and for tiny or huge images.
        """
        return ssimulacra2(self.original, self.image.pixels())

    def as_dict(self, *, score: bool = False) -> dict[str, Any]:
        """The report for JSON, which has no infinity: without error, psnr_db is None.

        score: whether to include the perceptual score.
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

    def to_pillow(self) -> Image.Image:
        """The encoded image: see `IndexedImage.to_pillow`."""
        return self.image.to_pillow()

    def __repr__(self) -> str:
        return f"<Report {', '.join(f'{name} {value}' for name, value in self._facts().items())}>"

    def _repr_png_(self) -> builtins.bytes:
        return png(self.image)

    def _repr_html_(self) -> str:
        facts = self._facts() | {stage: f"{ms:.0f} ms" for stage, ms in self.ms.items()}
        rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in facts.items())
        return f"{html(self.image)}<table>{rows}</table>"

    def _facts(self) -> dict[str, str]:
        """The figures, for people."""
        facts = {"colours": str(self.colors), "quality": f"{self.quality:.1f}"}
        facts["PSNR"] = f"{self.psnr_db:.1f} dB" if self.mse else "without error"
        return facts if self.bytes is None else {"bytes": f"{self.bytes:,}", **facts}
