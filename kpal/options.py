"""What a caller may ask of the quantiser: one list of names, checked in one place, for library, plugin and commands."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from kpal_format import MAX_COLORS, U8
from kpal_format.indexed import describe

from .palette import as_palette
from .space import METRICS, Metric

if TYPE_CHECKING:
    from collections.abc import Collection

Dither = Literal["none", "floyd-steinberg", "ordered"]
DITHERS: Final[tuple[str, ...]] = get_args(Dither)
Quality = int | tuple[int, int]  # max, or (min, max)
Speed = Literal["default", "fast"]
SPEEDS: Final[tuple[str, ...]] = get_args(Speed)
DITHER_LEVEL: Final = 0.7  # by default: the perceptual score is higher than with all of it
_MOST_RATE: Final = 100  # beyond, pictures become smears


@dataclass(frozen=True)
class Options:
    """How an image becomes one of few colours; `quantize` says what each of them means.

    `palette` and `fixed` become uint8 (k, 3 or 4), or stay None. Raises TypeError or ValueError for what is wrong by
    itself or contradicts the rest, and says what would be right.
    """

    colors: int = MAX_COLORS
    quality: Quality | None = None
    palette: Any = None  # array-like, (k, 3 or 4)
    keep_palette: bool = False
    fixed: Any = None  # array-like, (m, 3 or 4)
    metric: Metric = "perceptual"
    speed: Speed = "default"
    exact: bool = False
    dither: Dither = "none"
    dither_level: float = DITHER_LEVEL
    rate: float | None = None

    def __post_init__(self) -> None:
        whole_number("colors", self.colors, 1, MAX_COLORS)
        if self.quality is not None:
            object.__setattr__(self, "quality", _as_quality(self.quality))
        for name in ("palette", "fixed"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, self._as_palette(name, value))
        if self.palette is not None and self.fixed is not None:
            raise ValueError("palette is all colours there are: it does not go with fixed")
        for name, choices in (("metric", METRICS), ("speed", SPEEDS), ("dither", DITHERS)):
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {describe(value)}")
        for name in ("keep_palette", "exact"):
            if not isinstance(value := getattr(self, name), (bool, np.bool_)):
                raise TypeError(f"{name} must be True or False, not {describe(value)}")
        _number("dither_level", self.dither_level, 1)
        if self.rate is not None:
            _number("rate", self.rate, _MOST_RATE)
        if self.dither_level != DITHER_LEVEL and self.dither == "none":
            raise ValueError("dither_level goes with a kind of dither, which is none")
        if self.rate and self.dither != "none":
            raise ValueError("rate and dither undo each other: choose one")
        if self.keep_palette and (wrong := self.changing() - {"keep_palette", "colors"}):
            raise ValueError(f"keep_palette takes the image as it is: it does not go with {_list(wrong)}")

    def _as_palette(self, name: str, value: Any) -> U8:
        palette = as_palette(value, name)
        if len(palette) > self.colors:
            whose = "the palette" if name == "palette" else name
            raise ValueError(f"{whose} has {len(palette)} colours, more than colors={self.colors}")
        return palette

    @property
    def fixed_alpha(self) -> bool:
        """Whether a fixed colour is not opaque, so that the palette has alpha whatever the image has."""
        return self.fixed is not None and bool((self.fixed[:, 3:] < 255).any())

    @property
    def rateable(self) -> bool:
        """Whether a rate may be used that was not asked for."""
        return not self.keep_palette and self.rate is None and self.quality is None and self.dither == "none"

    @property
    def min_quality(self) -> int:
        """The quality that the image must have."""
        return self.quality[0] if isinstance(self.quality, tuple) else 0

    @property
    def max_quality(self) -> int:
        """The quality that is enough, so that colours beyond it are left out."""
        return self.quality[1] if isinstance(self.quality, tuple) else 100 if self.quality is None else self.quality

    @property
    def reduces_few(self) -> bool:
        """Whether an image of at most `colors` colours is to lose some, too: a max alone does not ask for that."""
        return isinstance(self.quality, tuple)

    def changing(self) -> set[str]:
        """The names of the options given that would change a palette image; a max of quality alone does not."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        given = {name for name, (value, default) in values.items() if _differs(value, default)}
        return given if self.reduces_few else given - {"quality"}


def _differs(value: Any, default: Any) -> bool:
    return value is not None if default is None else bool(value != default)


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises TypeError or ValueError that names the argument, unless it is an int of that range."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least or (most is not None and value > most):
        allowed = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {allowed}, not {value}")


def _number(name: str, value: Any, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not 0 <= value <= most:
        raise ValueError(f"{name} must be from 0 to {most}, not {value}")


def _as_quality(quality: Any) -> Quality:
    """One int is the max alone, and any other pair than a tuple becomes one."""
    if isinstance(quality, (int, np.integer)) and not isinstance(quality, bool):
        whole_number("quality", quality, 0, 100)
        return int(quality)
    pair: Any = None if isinstance(quality, str) else quality  # or else "80" would be a pair of strings
    try:
        least, most = pair
    except (TypeError, ValueError) as error:
        raise TypeError(f"quality must be an int, the max, or two, (min, max), not {describe(quality)}") from error
    for name, value in (("the min of quality", least), ("the max of quality", most)):
        whole_number(name, value, 0, 100)
    if least > most:
        raise ValueError(f"quality must be (min, max), min not above max, not {describe(quality)}")
    return int(least), int(most)


def _list(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
