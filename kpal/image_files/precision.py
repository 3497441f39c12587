"""Samples of more than 8 bits: rounded to 8 bits, the precision of palettes, or refused.

If all samples are 8-bit values stored in 16 bits (multiples of 257), nothing is lost and there is no warning.
Otherwise, an image of at most 256 colours is refused if rounding would merge any of them: such images are label maps,
masks and charts, in which every level counts. All other images, mostly photos, are rounded with a `KpalWarning`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8

from ..errors import KpalWarning
from .deep_samples import bits_of, read_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTH: Final = 8  # bits a channel in a palette
_STRIP: Final = 1 << 18  # samples at a time, to bound the memory of wider integers
_SETTLED: Final = "_kpal_settled"  # the attribute of an image that `settle` has processed


@dataclass(frozen=True)
class Rounding:
    """What rounding to 8 bits may lose, and how to report it.

    exact: whether every loss is refused.
    forced: whether no loss is refused.
    name: the name of the file, for messages; empty if unknown, or if the caller reports it.
    way_out: advice after a refusal; by default, advice for Python.
    """

    exact: bool = False
    forced: bool = False
    name: str = ""
    way_out: str = ""

    def refuse(self, what: str, advice: str) -> None:
        """Raises ValueError."""
        raise ValueError(f"{self._prefix}{what}: {self.way_out or advice}")

    def warn(self, what: str) -> None:
        warnings.warn(f"{self._prefix}{what}", KpalWarning, stacklevel=3)

    @property
    def _prefix(self) -> str:
        return f"{self.name}: " if self.name else ""


class Loss:
    """What is lost when the samples of one image are rounded to 8 bits, all at once or part by part."""

    def __init__(self, rounding: Rounding) -> None:
        self.rounding = rounding
        self._lossless = True
        self._alpha = False
        self._colors: NDArray[np.uint64] | None = np.empty(0, np.uint64)  # distinct; None for too many
        self._channels = 0

    def rounded(self, samples: NDArray[np.uint16], *, alpha: bool) -> U8:
        """Round the next part to the nearest 8-bit levels: uint16 (h, w, c) -> uint8 (h, w, c).

        alpha: whether the last channel is alpha. Unless the rounding is exact, colours under alpha 0 do not count.
        """
        self._alpha, self._channels = alpha, samples.shape[2]
        result = np.empty(samples.shape, np.uint8)
        for rows, strip in _strips(samples):
            result[rows] = _nearest(strip)
            visible = _black_where_clear(strip) if alpha else strip
            exact = strip if self.rounding.exact else visible
            self._lossless = self._lossless and not (exact % 257).any()
            self._count(visible)
        return result

    def _count(self, strip: NDArray[np.uint32]) -> None:
        if self._colors is None:
            return
        shifts = _shifts(strip.shape[2])
        self._colors = np.union1d(self._colors, (strip.astype(np.uint64) << shifts).sum(axis=2))
        if len(self._colors) > MAX_COLORS:
            self._colors = None

    def settle(self) -> None:
        """Raises ValueError for a loss that the rounding does not allow; warns of any other loss."""
        rounding, alpha = self.rounding, self._alpha
        if self._lossless:
            return
        if rounding.exact and not rounding.forced:
            rounding.refuse("a 16-bit image that has no exact form of 8 bits", "convert it to 8 bits first")
        noun = "levels" if self._channels - alpha == 1 else "colours"
        if self._colors is None:
            rounding.warn(f"a 16-bit image of more than {MAX_COLORS} {noun}, rounded to {DEPTH} bits")
            return
        colors = (self._colors[:, None] >> _shifts(self._channels) & np.uint64(65535)).astype(np.uint32)
        left = len(np.unique(_black_where_clear(_nearest(colors)) if alpha else _nearest(colors), axis=0))
        if left < len(colors) and not rounding.forced:
            what = f"a 16-bit image of {len(colors)} {noun}, of which rounding to {DEPTH} bits would leave {left}"
            rounding.refuse(what, _advice(colors))
        rounding.warn(f"a 16-bit image of {len(colors)} {noun}, rounded to {DEPTH} bits, which leaves {left}")


def rounded(samples: NDArray[np.uint16], rounding: Rounding, *, alpha: bool) -> U8:
    """Round the samples of an image to 8 bits: see `Loss`, whose errors and warnings it has."""
    loss = Loss(rounding)
    result = loss.rounded(samples, alpha=alpha)
    loss.settle()
    return result


def in_eight_bits(
    image: Image.Image, rounding: Rounding, content: bytes | None = None, *, whole: Loss | None = None
) -> Image.Image:
    """The image with 8 bits a channel, and with an 8-bit transparent colour; the image itself if nothing changes.

    If Pillow has cut the samples of the file, they are read again in full; if this is impossible, the image counts as
    rounded.

    content: the content of the image's file, if the caller has it and has not changed the image.
    whole: the loss of all parts, if the image is one part of a larger one; the caller settles it.

    Raises ValueError for a loss that `rounding` does not allow; warns of any other loss.
    """
    if getattr(image, _SETTLED, False):
        return image
    found = _deep_gray(image)
    if found is None:
        bits = _file_bits(image, content)
        found = read_samples(image, content) if bits > DEPTH else None
        if found is None:
            if bits > DEPTH:
                _say_cut(image, bits, rounding)
            return _with_fitting_key(image, bits)
    samples, mode = _with_clear(*found, image.info.get("transparency"))
    round_samples = whole.rounded if whole else partial(rounded, rounding=rounding)
    pixels = round_samples(samples, alpha=mode.endswith("A"))
    eight = Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels)
    eight.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return eight


def settle(image: Image.Image, rounding: Rounding, content: bytes, *, whole: Loss | None = None) -> None:
    """Like `in_eight_bits`, but in place, so that the image keeps all other attributes from its file."""
    eight = in_eight_bits(image, rounding, content, whole=whole)
    if eight is not image:
        image.load()
        image.im, image._mode = eight.im, eight.mode
        image.info.pop("transparency", None)
        if "transparency" in eight.info:
            image.info["transparency"] = eight.info["transparency"]
    setattr(image, _SETTLED, True)


def in_depth(image: Image.Image, data: bytes, depth: int | None, *, exact: bool = False) -> None:
    """Reduce the image opened from `data` to 8 bits a channel, in place.

    depth: as in `rounding_of`.
    exact: refuse every loss.

    Raises ValueError for a loss that is not allowed; warns of any other loss.
    """
    settle(image, rounding_of(depth, exact=exact), data)


def rounding_of(depth: int | None, *, exact: bool = False) -> Rounding:
    """The rounding of the command line.

    depth: 8 to round even if colours merge; None to refuse images as `encode` does.
    """
    return Rounding(exact=exact, forced=depth == DEPTH, way_out=f"--depth {DEPTH} rounds it nevertheless")


def _strips(samples: NDArray[np.uint16]) -> Iterator[tuple[slice, NDArray[np.uint32]]]:
    """Slices of rows with their samples."""
    height, width, channels = samples.shape
    step = max(1, _STRIP // max(1, width * channels))
    for top in range(0, height, step):
        rows = slice(top, top + step)
        yield rows, samples[rows].astype(np.uint32)


def _black_where_clear(samples: NDArray[Any]) -> NDArray[Any]:
    return np.where(samples[..., -1:] > 0, samples, np.zeros((), samples.dtype))


def _nearest(samples: NDArray[np.uint32]) -> U8:
    return ((samples * 255 + 32767) // 65535).astype(np.uint8)


def _shifts(channels: int) -> NDArray[np.uint64]:
    """Where 16-bit samples stand in a number that holds all channels of a pixel."""
    return np.arange(channels, dtype=np.uint64) * np.uint64(16)


def _advice(colors: NDArray[np.uint32]) -> str:
    """Advice for a caller whose colours (n, c) would be merged."""
    if colors.shape[1] == 1 and colors.max() < 1 << DEPTH:
        return "pixels.astype(numpy.uint8) keeps labels below 256 as they are"
    return "convert it to 8 bits first, or store kpal.IndexedImage(indices, palette)"


def _deep_gray(image: Image.Image) -> tuple[NDArray[np.uint16], str] | None:
    """The samples (h, w, 1) of a gray image that Pillow holds in 16 bits, and mode L; None for other images."""
    # Pillow scales PPM samples of mode I to 16 bits; in other formats, mode I has no fixed range.
    if not image.mode.startswith("I;16") and not (image.mode == "I" and image.format == "PPM"):
        return None
    samples = np.array(image).clip(0, 65535).astype(np.uint16)[:, :, None]
    if image.format == "TIFF" and bits_of(image) == 12:  # Pillow leaves white at 4095
        samples = (samples << 4 | samples >> 8).astype(np.uint16)
    return samples, "L"


def _with_clear(samples: NDArray[np.uint16], mode: str, key: object) -> tuple[NDArray[np.uint16], str]:
    """The samples, with alpha 0 for the transparent colour if there is one, and their mode."""
    color = key if isinstance(key, tuple) else (key,)
    if key is None or mode not in ("L", "RGB") or len(color) != samples.shape[2]:
        return samples, mode
    clear = np.logical_and.reduce([samples[:, :, channel] == color[channel] for channel in range(len(color))])
    return np.dstack((samples, np.where(clear, np.uint16(0), np.uint16(65535)))), f"{mode}A"


def _file_bits(image: Image.Image, content: bytes | None) -> int:
    """The bits a channel in the file of an image that Pillow holds in 8 bits."""
    if image.mode in ("I", "F"):  # Pillow keeps every bit of these
        return DEPTH
    key = image.info.get("transparency")
    known = bits_of(image, content)
    if known is None and image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        return 16  # only a 16-bit PNG has a transparent colour beyond 255
    return known or DEPTH


def _say_cut(image: Image.Image, bits: int, rounding: Rounding) -> None:
    if image.format == "JXL" and image.mode == "LA":
        raise ValueError("a 16-bit gray image with alpha, which pillow-jxl-plugin misreads: convert it to PNG first")
    what = f"a {bits}-bit {image.format or 'image'}, of which Pillow keeps {1 << DEPTH} levels a channel"
    if rounding.exact and not rounding.forced:
        rounding.refuse(what, "convert it to 8 bits first")
    rounding.warn(what)


def _with_fitting_key(image: Image.Image, bits: int) -> Image.Image:
    """The image with an 8-bit transparent colour: Pillow leaves a PNG's transparent colour in the depth of the file."""
    key: Any = image.info.get("transparency")
    most = (1 << min(bits, DEPTH)) - 1
    if image.mode in ("1", "L") and image.format == "PNG" and isinstance(key, int):
        fitting: Any = key * 255 // most if key <= most else key & 255
    elif image.mode == "RGB" and isinstance(key, tuple) and (image.format == "PNG" or bits > DEPTH):
        fitting = tuple(value >> 8 if bits > DEPTH else value & 255 for value in key)
    else:
        fitting = key
    if fitting == key:
        return image
    image = image.copy()
    image.info["transparency"] = fitting
    return image
