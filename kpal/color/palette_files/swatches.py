"""What all formats of palettes share: a colour with its name, and the error of a file that is no palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from kpal_format import U8, KpalError


class PaletteError(KpalError):
    """The file cannot be read as a palette."""


class Swatch(NamedTuple):
    """One entry of a palette file.

    levels: red, green, blue and alpha, from 0 to 255.
    name: of the colour, empty if it has none.
    """

    levels: tuple[int, ...]
    name: str = ""

    @classmethod
    def of(cls, levels: Iterable[int], name: str = "") -> Swatch:
        """A swatch with three or four levels.

        Names that say nothing are left out: programs call colours "Untitled", or by their levels.
        """
        swatch = cls((*levels, 255)[:4], " ".join(name.split()))
        name = swatch.name.lower().removeprefix("#")
        return swatch._replace(name="") if name in ("untitled", swatch.hex[1:]) else swatch

    @property
    def alpha(self) -> int:
        return self.levels[3]

    @property
    def hex(self) -> str:
        """The colour in the notation of CSS: #rrggbb, or #rrggbbaa unless it is opaque."""
        return "#" + bytes(self.levels[: 3 + (self.alpha < 255)]).hex()


def has_alpha(swatches: Iterable[Swatch]) -> bool:
    """Whether any colour is not opaque."""
    return any(swatch.alpha < 255 for swatch in swatches)


def swatches_of(palette: U8) -> list[Swatch]:
    """The colours of a palette, uint8 (k, 3 or 4), without names."""
    return [Swatch.of(color) for color in palette.tolist()]


def palette_of(swatches: list[Swatch]) -> U8:
    """The palette, uint8 (k, 3), or (k, 4) if any colour is not opaque."""
    colors = np.array([swatch.levels for swatch in swatches], np.uint8)
    return colors if has_alpha(swatches) else colors[:, :3]
