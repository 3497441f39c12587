"""What a caller may ask of the quantiser: one list of names, checked in one place, for library, plugin and commands."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

import numpy as np

from kpal_format import MAX_COLORS, U8
from kpal_format.indexed import describe

from ..color.palettes import as_palette
from ..color.spaces import METRICS, Metric
from ..progress import check_callbacks
from .signatures import option

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import ArrayLike

    from kpal_format import Metadata, Progress

    from ..metrics.report import Report

Dither = Literal["none", "floyd-steinberg", "ordered"]
DITHERS: Final[tuple[str, ...]] = get_args(Dither)
Quality = int | tuple[int, int]  # max, or (min, max)
Speed = Literal["default", "fast"]
SPEEDS: Final[tuple[str, ...]] = get_args(Speed)
DITHER_LEVEL: Final = 0.7  # by default: the perceptual score is higher than with all of it
_MOST_RATE: Final = 100  # beyond, pictures become smears


@dataclass(frozen=True)
class PaletteOptions:
    """How a palette is found. Here alone each option is spelt, and explained for the library and for the command line.

    Raises TypeError or ValueError for what is wrong by itself or contradicts the rest, and says what would be right.
    `palette` and `fixed` become uint8 (k, 3 or 4), or stay None.
    """

    colors: int = option(MAX_COLORS, "1 to 256.", help="colours at the most", short=("-c",), metavar="N")
    _: KW_ONLY
    fixed: ArrayLike | None = option(
        None,
        "colours (m, 3) or (m, 4), m <= colors, that the palette must have; the others are found. Clear pixels need an "
        "entry, too: ValueError if the fixed ones leave none.",
        help="colours that the palette must have: '#rrggbb,#rrggbbaa', or a file as for kpal encode --palette",
        name="--fix",
        metavar="COLORS",
    )
    metric: Metric = option(
        "perceptual",
        '"perceptual" for what looks best, "rgb" for the least squared error of RGB values. For what looks best, with '
        "at most 64 colours to find and no `quality` to reach, several palettes are tried; with at most 128, their "
        "colours are refined (refinement.py).",
        help="what looks best, or the least squared error of RGB values",
        choices=METRICS,
    )
    speed: Speed = option(
        "default",
        '"fast" takes half of the time or less, for some hundredths more error.',
        help="fast takes about half the time for a little more error",
        choices=SPEEDS,
    )

    def __post_init__(self) -> None:
        whole_number("colors", self.colors, 1, MAX_COLORS)
        for each in fields(self):
            value, choices = getattr(self, each.name), each.metadata.get("choices")
            if choices is not None and value not in choices:
                raise ValueError(f"{each.name} must be one of {', '.join(choices)}, not {describe(value)}")
            if isinstance(each.default, bool) and not isinstance(value, (bool, np.bool_)):
                raise TypeError(f"{each.name} must be True or False, not {describe(value)}")
        self._make_palette("fixed")

    def _make_palette(self, name: str) -> None:
        if (value := getattr(self, name)) is None:
            return
        palette = as_palette(value, name)
        if len(palette) > self.colors:
            whose = "the palette" if name == "palette" else name
            raise ValueError(f"{whose} has {len(palette)} colours, more than colors={self.colors}")
        object.__setattr__(self, name, palette)

    @property
    def fixed_colors(self) -> U8 | None:
        """`fixed` as it was checked."""
        return cast("U8 | None", self.fixed)

    @property
    def fixed_alpha(self) -> bool:
        """Whether a fixed colour is not opaque, so that the palette has alpha whatever the image has."""
        return self.fixed_colors is not None and bool((self.fixed_colors[:, 3:] < 255).any())


@dataclass(frozen=True, kw_only=True)
class Options(PaletteOptions):
    """How an image becomes one of few colours."""

    quality: Quality | None = option(
        None,
        "max, or (min, max), from 0 to 100 on the scale of quality.py: as few colours as reach max, or `colors` where "
        "none do; UnreachableError, a ValueError, where those do not even reach min. With max alone, or a max of 100, "
        "an image of at most `colors` colours stays exact; a pair reduces it, too.",
        help="the fewest colours that reach MAX, from 0 to 100; a failure where N colours do not reach MIN; without a "
        "MIN, images of at most N colours stay exact (0-80 reduces them, too)",
        short=("-Q",),
        metavar="[MIN-]MAX",
    )
    palette: ArrayLike | None = option(
        None,
        "colours (k, 3) or (k, 4) to use, in that order, instead of finding them; of `quality`, min applies. If pixels "
        "are clear and no entry is, a clear entry is added at the end, with a KpalWarning; ValueError if `colors` "
        "leaves no room for it.",
        help="use the colours of this palette (.gpl, .act, .aco, .hex) or image with a palette, in their order",
        metavar="FILE",
    )
    keep_palette: bool = option(
        False,
        "take the indices and the palette of a Pillow image of mode P as they are.",
        help="keep the palette and its order as they are; an error for images without one",
    )
    exact: bool = option(
        False,
        "keep what colour is hidden under alpha 0. By default, all of that is one colour. Also refuse samples of 16 "
        "bits that rounding would change.",
        help="keep what colours are hidden under alpha 0 (default: they become one), and refuse images that would lose "
        "bits (see --depth)",
    )
    dither: Dither = option(
        "none",
        '"floyd-steinberg" spreads the error of each pixel over its neighbours, "ordered" mixes two colours in a '
        "pattern. Both make files larger, the first more so. A pixel whose colour is in the palette keeps it.",
        help="hide banding by noise or by a pattern, for larger files",
        choices=DITHERS,
    )
    dither_level: float = option(
        DITHER_LEVEL, "how much of it, from 0 to 1.", help="how much, from 0 to 1", metavar="L", parse=float
    )
    rate: float | None = option(
        None,
        "the squared error that a bit saved in the file is worth, in times the mean error of a pixel; more where the "
        "picture is busy. 0, the default, for none; 0.5 to 2 are useful: more colours with a rate look better than "
        "fewer without, in as many bytes, above all in photos and illustrations.",
        help="the error that a bit saved is worth, in times the mean; 0.5 to 2 are useful (default: none, but what "
        "--max-bytes takes)",
        metavar="R",
        parse=float,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quality is not None:
            object.__setattr__(self, "quality", _as_quality(self.quality))
        self._make_palette("palette")
        if self.palette is not None and self.fixed is not None:
            raise ValueError("palette is all colours there are: it does not go with fixed")
        _number("dither_level", self.dither_level, 1)
        if self.rate is not None:
            _number("rate", self.rate, _MOST_RATE)
        if self.dither_level != DITHER_LEVEL and self.dither == "none":
            raise ValueError("dither_level goes with a kind of dither, which is none")
        if self.rate and self.dither != "none":
            raise ValueError("rate and dither undo each other: choose one")
        if self.keep_palette and (wrong := self.changing() - {"keep_palette", "colors"}):
            raise ValueError(f"keep_palette takes the image as it is: it does not go with {_list(wrong)}")

    @property
    def given_palette(self) -> U8 | None:
        """`palette` as it was checked."""
        return cast("U8 | None", self.palette)

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
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(Options)}
        given = {name for name, (value, default) in values.items() if _differs(value, default)}
        return given if self.reduces_few else given - {"quality"}


@dataclass(frozen=True, kw_only=True)
class QuantizeOptions(Options):
    """The options of `quantize`: how the image becomes one of few colours, and what else is wanted of the call."""

    metadata: Metadata | None = option(
        None,
        "what to store beside the pixels. By default what decides how they look: the ICC profile of a Pillow image; "
        "`Metadata()` for nothing.",
    )
    progress: Progress | None = option(
        None,
        'called with the name of a stage ("histogram", "clustering", "remapping", and of `encode` also "coding" and '
        '"verifying") and the fraction of it that is done, 0 to 1, at least every 20 ms, from the thread that called. '
        "Searches for a quality or a size go through stages again; then the fraction is that of the whole search. An "
        "exception that it raises ends the work and passes through.",
    )
    report: Callable[[Report], object] | None = option(
        None, "called at the end with a `Report`: colours, error, iterations, times."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_callbacks(progress=self.progress, report=self.report)


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
