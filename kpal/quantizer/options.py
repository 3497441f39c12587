"""The options of the quantiser, defined and validated in one place for the library, the plugin and the command line."""

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
    from concurrent.futures import Executor

    from numpy.typing import ArrayLike

    from kpal_format import Metadata, Progress

    from ..metrics.report import Report

Dither = Literal["none", "floyd-steinberg", "ordered", "bayer", "blue-noise"]
DITHERS: Final[tuple[str, ...]] = get_args(Dither)
_SYNONYMS: Final[dict[str, Dither]] = {"bayer": "ordered"}  # by the name of its matrix
Quality = int | tuple[int, int]  # max, or (min, max)
Speed = Literal["default", "fast"]
SPEEDS: Final[tuple[str, ...]] = get_args(Speed)
DITHER_LEVEL: Final = 0.7  # the default, as full dithering lowers the perceptual score
_NOT_OF_RESULT: Final = frozenset(("_", "metadata", "progress", "report", "verify"))
_MOST_RATE: Final = 100  # higher rates smear pictures beyond recognition


@dataclass(frozen=True)
class PaletteOptions:
    """The options that determine a palette, each with its documentation for the library and for the command line.

    Raises TypeError or ValueError for invalid or contradictory options; the message says what is allowed.
    After validation, `palette` and `fixed` are uint8 (k, 3 or 4) or None.
    """

    colors: int = option(
        MAX_COLORS,
        "the maximum number of colours, 1 to 256.",
        help="maximum number of colours",
        short=("-c",),
        metavar="N",
    )
    _: KW_ONLY
    fixed: ArrayLike | None = option(
        None,
        "colours (m, 3) or (m, 4), m <= colors, that the palette must contain; kpal finds the others. ValueError if "
        "they leave no room for a clear entry that fully transparent pixels need.",
        help="colours that the palette must contain: '#rrggbb,#rrggbbaa', or a file as for kpal encode --palette",
        name="--fix",
        metavar="COLORS",
    )
    metric: Metric = option(
        "perceptual",
        'the error to minimise: "perceptual" for visible difference, "rgb" for the squared error of RGB values. '
        '"perceptual" without a `quality` takes extra time over small palettes: it tries several for up to 64 colours, '
        "and refines palettes of up to 128 (refinement.py).",
        help="the error to minimise: visible difference, or the squared error of RGB values",
        choices=METRICS,
    )
    speed: Speed = option(
        "default",
        '"fast" takes half the time or less, for a few per cent more error.',
        help="fast takes about half the time, for slightly more error",
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
        """The validated `fixed`."""
        return cast("U8 | None", self.fixed)

    @property
    def fixed_alpha(self) -> bool:
        """Whether a fixed colour is not opaque: then the palette has alpha even if the image has none."""
        return self.fixed_colors is not None and bool((self.fixed_colors[:, 3:] < 255).any())


@dataclass(frozen=True, kw_only=True)
class SharedPaletteOptions(PaletteOptions):
    """The options of `shared_palette`: those of a palette, what counts the colours, and the callback."""

    executor: Executor | None = option(
        None,
        "counts the colours of images, some at a time: any `concurrent.futures.Executor`, such as a pool of processes. "
        "The palette is the same.",
    )

    progress: Progress | None = option(
        None,
        'called with the name of the stage ("histogram" for each image, then "clustering") and the fraction of the '
        "stage that is done, 0 to 1, at least every 20 ms, from the calling thread. An exception raised by the "
        "callback cancels the work and propagates.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_callbacks(progress=self.progress)


@dataclass(frozen=True, kw_only=True)
class Options(PaletteOptions):
    """The options that determine the quantised image."""

    quality: Quality | None = option(
        None,
        "max, or (min, max), from 0 to 100 on the scale of quality.py. The palette gets the fewest colours that reach "
        "max, or `colors` if max is out of reach. UnreachableError (a ValueError) if even `colors` colours do not "
        "reach min. An image of at most `colors` colours stays exact with max alone, or with a max of 100; a pair with "
        "a lower max reduces it.",
        help="use the fewest colours that reach MAX, from 0 to 100; fail if N colours do not reach MIN. Without MIN, "
        "images of at most N colours stay exact; 0-80 reduces them too",
        short=("-Q",),
        metavar="[MIN-]MAX",
    )
    palette: ArrayLike | None = option(
        None,
        "colours (k, 3) or (k, 4) to use, in this order, instead of finding a palette. Of `quality`, only min applies. "
        "If pixels are fully transparent and no entry is, a clear entry is added at the end, with a KpalWarning; "
        "ValueError if `colors` leaves no room for it.",
        help="use the colours of this palette file (.gpl, .pal, .ase, .hex ...) or image, in their order",
        metavar="FILE",
    )
    keep_palette: bool = option(
        False,
        "store the indices and the palette of a Pillow image of mode P unchanged.",
        help="store the palette and the indices of an indexed image unchanged; an error for other images",
    )
    exact: bool = option(
        False,
        "keep the hidden colours of fully transparent pixels, which by default all become one colour. Also refuse "
        "16-bit samples that rounding to 8 bits would change.",
        help="keep the hidden colours of fully transparent pixels (default: all become one), and refuse images that "
        "would lose bits (see --depth)",
    )
    dither: Dither = option(
        "none",
        '"floyd-steinberg" diffuses the error of each pixel to its neighbours; "ordered", or "bayer", mixes two '
        'colours in a fixed pattern; "blue-noise" mixes them without a visible pattern. All enlarge the file, '
        '"ordered" least. A pixel whose colour is in the palette keeps it.',
        help="hide banding with noise (floyd-steinberg, blue-noise) or a fixed pattern (ordered, also called bayer), "
        "for larger files",
        choices=DITHERS,
    )
    dither_level: float = option(
        DITHER_LEVEL,
        "the strength of dithering, from 0 to 1.",
        help="strength of dithering, from 0 to 1",
        metavar="L",
        parse=float,
    )
    rate: float | None = option(
        None,
        "rate-distortion optimisation: the squared error that saving one bit of the file is worth, as a multiple of "
        "the mean error of a pixel; activity masking raises it where the picture is busy. Useful from 0.5 to 2; 0 "
        "turns it off, and so does the default. In the same number of bytes, more colours with a rate look better than "
        "fewer without, above all in photos and illustrations.",
        help="trade quality for bytes: the error that one saved bit is worth, as a multiple of the mean error; 0.5 to "
        "2 are useful (default: none, unless kpal encode --max-bytes needs it)",
        metavar="R",
        parse=float,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "dither", _SYNONYMS.get(self.dither, self.dither))
        if self.quality is not None:
            object.__setattr__(self, "quality", _as_quality(self.quality))
        self._make_palette("palette")
        if self.palette is not None and self.fixed is not None:
            raise ValueError("palette already lists every colour: it does not go with fixed")
        _number("dither_level", self.dither_level, 1)
        if self.rate is not None:
            _number("rate", self.rate, _MOST_RATE)
        if self.dither_level != DITHER_LEVEL and self.dither == "none":
            raise ValueError("dither_level goes with a kind of dither, but dither is none")
        if self.rate and self.dither != "none":
            raise ValueError("rate and dither undo each other: choose one")
        if self.keep_palette and (wrong := self.changing() - {"keep_palette", "colors"}):
            raise ValueError(f"keep_palette stores the image unchanged: it does not go with {_list(wrong)}")

    @property
    def given_palette(self) -> U8 | None:
        """The validated `palette`."""
        return cast("U8 | None", self.palette)

    @property
    def rateable(self) -> bool:
        """Whether `max_bytes` may choose a rate."""
        return not self.keep_palette and self.rate is None and self.quality is None and self.dither == "none"

    @property
    def min_quality(self) -> int:
        """The quality below which the image is refused."""
        return self.quality[0] if isinstance(self.quality, tuple) else 0

    @property
    def max_quality(self) -> int:
        """The quality at which further colours are left out."""
        return self.quality[1] if isinstance(self.quality, tuple) else 100 if self.quality is None else self.quality

    @property
    def reduces_few(self) -> bool:
        """Whether even an image of at most `colors` colours may lose some; a max alone leaves it exact."""
        return isinstance(self.quality, tuple)

    def changing(self) -> set[str]:
        """The names of the given options that would change an indexed image; a max of quality alone would not."""
        named = given(self, Options)
        return named if self.reduces_few else named - {"quality"}


@dataclass(frozen=True, kw_only=True)
class QuantizeOptions(Options):
    """The options of `quantize`: those of the quantised image, its metadata, and the callbacks."""

    metadata: Metadata | None = option(
        None,
        "the metadata to store. By default, only the ICC profile of a Pillow image, which determines how its colours "
        "look; `Metadata()` for none.",
    )
    progress: Progress | None = option(
        None,
        'called with the name of the stage ("histogram", "clustering", "remapping"; in `encode` also "coding" and '
        '"verifying") and the fraction of the stage that is done, 0 to 1, at least every 20 ms, from the calling '
        "thread. A search for a quality or a size repeats stages; the fraction is then that of the whole search. An "
        "exception raised by the callback cancels the work and propagates.",
    )
    report: Callable[[Report], object] | None = option(
        None, "called at the end with a `Report`: colours, error, iterations, times."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_callbacks(progress=self.progress, report=self.report)


def given(options: PaletteOptions, kind: type[PaletteOptions]) -> set[str]:
    """The names of the fields of `kind` that differ from their defaults."""
    return {each.name for each in fields(kind) if _differs(getattr(options, each.name), each.default)}


def _differs(value: Any, default: Any) -> bool:
    return value is not None if default is None else bool(value != default)


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises TypeError or ValueError naming the argument unless `value` is an int in the range."""
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
    """A valid `quality`: an int (max alone), or a tuple from any iterable of two ints."""
    if isinstance(quality, (int, np.integer)) and not isinstance(quality, bool):
        whole_number("quality", quality, 0, 100)
        return int(quality)
    pair: Any = None if isinstance(quality, str) else quality  # "80" would unpack as a pair of strings
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


def as_json(options: PaletteOptions) -> dict[str, Any]:
    """The options that determine the pixels and the coding of a result, for JSON: palettes as hexadecimal colours."""
    values = {each.name: getattr(options, each.name) for each in fields(options) if each.name not in _NOT_OF_RESULT}
    return {
        name: value.tobytes().hex(" ", value.shape[1]) if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }
