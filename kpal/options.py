"""What a caller may ask of the quantiser: one list of names, checked in one place, for library, plugin and commands."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from kpal_format import MAX_COLORS

from .palette import as_palette

if TYPE_CHECKING:
    from collections.abc import Collection

Dither = Literal["none", "floyd-steinberg"]
DITHERS: Final[tuple[str, ...]] = get_args(Dither)


class UnreachableError(ValueError):
    """The image cannot be had in the quality or in the bytes that were asked for."""


@dataclass(frozen=True)
class Options:
    """How an image becomes one of few colours; `quantize` says what each of them means.

    `palette` becomes uint8 (k, 3 or 4), or stays None. Raises TypeError or ValueError for what is wrong by itself or
    contradicts the rest, and says what would be right.
    """

    colors: int = MAX_COLORS
    quality: tuple[int, int] | None = None
    palette: Any = None  # array-like, (k, 3 or 4)
    keep_palette: bool = False
    dither: Dither = "none"

    def __post_init__(self) -> None:
        whole_number("colors", self.colors, 1, MAX_COLORS)
        if self.quality is not None:
            object.__setattr__(self, "quality", _as_quality(self.quality))
        if self.palette is not None:
            palette = as_palette(self.palette)
            object.__setattr__(self, "palette", palette)
            if len(palette) > self.colors:
                raise ValueError(f"the palette has {len(palette)} colours, more than colors={self.colors}")
        if self.dither not in DITHERS:
            raise ValueError(f"dither must be one of {', '.join(DITHERS)}, not {self.dither!r}")
        if self.keep_palette and (wrong := self.given() - {"keep_palette", "colors"}):
            raise ValueError(f"keep_palette takes the image as it is: it does not go with {_list(wrong)}")

    def given(self) -> set[str]:
        """The names of those that differ from their defaults."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name for name, (value, default) in values.items() if _differs(value, default)}


def _differs(value: Any, default: Any) -> bool:
    return value is not None if default is None else bool(value != default)


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises TypeError or ValueError that names the argument, unless it is an int of that range."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least or (most is not None and value > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {allowed}, not {value}")


def _as_quality(quality: Any) -> tuple[int, int]:
    try:
        least, most = quality
    except (TypeError, ValueError) as error:
        raise TypeError(f"quality must be two numbers, (min, max), not {quality!r}") from error
    for name, value in (("the min of quality", least), ("the max of quality", most)):
        whole_number(name, value, 0, 100)
    if least > most:
        raise ValueError(f"quality must be (min, max), min not above max, not {quality!r}")
    return int(least), int(most)


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
