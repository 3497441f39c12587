"""Animations in the formats to which `.kpal` files are decoded: what each can hold, and how it is written.

GIF and APNG keep the indices and the palette. Pillow writes the others, in true colour, and gets one frame at a time.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, U8, Animation, IndexedImage
from kpal_format.animation import MAX_DURATION, MAX_LOOP

from ..color.palettes import with_channels
from ..errors import KpalWarning
from . import gif_frames
from .gif_frames import gif_of_frames
from .png_rows import apng_of_frames

_SHORT: Final = (1 << 16) - 1  # the largest number of 16 bits, which PNG and WebP use
_LONGEST_WEBP: Final = (1 << 24) - 1  # milliseconds
_METHOD: Final = 4  # the effort of WebP, which Pillow sets to 0 for animations, unlike for stills


@dataclass(frozen=True)
class Times:
    """How a format holds durations and the number of showings.

    held: the durations in milliseconds that the format gives instead of others.
    loop: the most showings, unless there is no end to them; 0 if there never is.
    merges: whether frames become one if they look the same.
    """

    held: Callable[[tuple[int, ...]], list[int]]
    loop: int
    merges: bool = False


def _in_hundredths(durations: tuple[int, ...]) -> list[int]:
    """Hundredths of a second, where what is cut off one frame is added to the next, so that the speed stays right.

    Viewers slow down frames of one hundredth, so that no frame of more is shortened to one.
    """
    held, owed = [], 0
    for duration in durations:
        if not duration:
            held.append(0)
            continue
        units = min(max((duration + owed + 5) // 10, 1 if duration <= 10 else 2), gif_frames.LONGEST)
        owed = min(max(duration + owed - 10 * units, -5), 5)
        held.append(10 * units)
    return held


def _as_fractions(durations: tuple[int, ...]) -> list[int]:
    """What numerators and denominators of 16 bits hold."""
    return [1000 * numerator // denominator for numerator, denominator in map(_fraction, durations)]


def _fraction(duration: int) -> tuple[int, int]:
    """The duration in seconds, of which APNG holds numerator and denominator with 16 bits each."""
    for denominator in (1000, 100, 10):
        numerator = round(duration * denominator / 1000)
        if numerator <= _SHORT:
            return numerator, denominator
    return min(round(duration / 1000), _SHORT), 1


def _limited(least: int, most: int, durations: tuple[int, ...]) -> list[int]:
    return [min(max(duration, least), most) for duration in durations]


TIMES: Final[dict[str, Times]] = {
    "PNG": Times(_as_fractions, MAX_LOOP),
    "GIF": Times(_in_hundredths, gif_frames.MAX_LOOP),
    "WEBP": Times(partial(_limited, 0, _LONGEST_WEBP), _SHORT, merges=True),
    "AVIF": Times(partial(_limited, 1, MAX_DURATION), 0),
}


def held_times(format: str, animation: Animation) -> Animation:
    """The durations and the number of showings that a format holds; warns if they change."""
    times = TIMES[format]
    durations = times.held(animation.durations)
    changed = sum(held != given for held, given in zip(durations, animation.durations, strict=True))
    if changed:
        total, before = sum(durations), sum(animation.durations)
        longer = "" if total == before else f", and all together last {total:,} ms instead of {before:,}"
        warnings.warn(
            f"{format} cannot hold the durations of {changed:,} of {animation.frames:,} frames exactly: they are "
            f"rounded{longer}",
            KpalWarning,
            stacklevel=2,
        )
    loop = min(animation.loop, times.loop)
    if loop != animation.loop:
        how = f"shows an animation at most {times.loop:,} times" if times.loop else "shows every animation for ever"
        warnings.warn(f"{format} {how}, not {animation.loop:,} times", KpalWarning, stacklevel=2)
    return Animation(tuple(durations), loop)


def animated(
    format: str,
    palette: U8,
    model: Image.Image,
    options: Mapping[str, Any],
    frames: Callable[[], Iterator[U8]],
    animation: Animation,
) -> bytes:
    """The bytes of an animation in one of the formats of TIMES.

    palette: uint8 (k, 3 or 4); for GIF, with an alpha of 0 or 255.
    model: an image of any size, of the same mode as the result, and with its palette if the format has palettes.
    options: as for Pillow's `save`.
    frames: called for the indices of all frames from the first on, uint8 (height, width), perhaps several times.
    animation: what `held_times` returns.
    """
    if format == "PNG":
        return _apng(palette, model, options, frames, animation)
    if format == "GIF":
        hundredths = [duration // 10 for duration in animation.durations]
        comment = options.get("comment", b"")
        return b"".join(gif_of_frames(palette, frames(), hundredths, loop=animation.loop, comment=comment))
    table = palette[:, 0] if model.mode == "L" else palette[:, : len(model.getbands())]
    film = Film(lambda: (Image.fromarray(table[indices]) for indices in frames()), animation.frames)
    file = io.BytesIO()
    timing = {"duration": list(animation.durations), "loop": animation.loop}
    film.save(file, format, save_all=True, **{"method": _METHOD, **options, **timing})
    return file.getvalue()


def _apng(
    palette: U8,
    model: Image.Image,
    options: Mapping[str, Any],
    frames: Callable[[], Iterator[U8]],
    animation: Animation,
) -> bytes:
    """The smaller of a file as it is, and one with a clear colour that leaves unchanged pixels as they are."""
    delays = list(map(_fraction, animation.durations))
    indexed = with_channels(palette, 4)

    def coded(model: Image.Image, frames: Iterator[U8], palette: U8 | None = None, clear: int | None = None) -> bytes:
        alphas = None if palette is None else palette[:, 3]
        return b"".join(apng_of_frames(model, options, frames, delays, animation.loop, alphas=alphas, clear=clear))

    if model.mode == "RGBA":
        return coded(model, frames(), clear=0)
    if model.mode == "RGB":
        translucent = (with_channels(frame, 4) for frame in frames())
        return min(coded(model, frames()), coded(Image.new("RGBA", (1, 1)), translucent, clear=0), key=len)
    if not indexed[:, 3].all():
        return coded(model, frames(), indexed, int(np.argmin(indexed[:, 3])))
    plain = coded(model, frames(), indexed)
    if len(palette) == MAX_COLORS:
        return plain
    more = np.vstack((indexed, np.zeros((1, 4), np.uint8)))
    spare = IndexedImage(np.zeros((1, 1), np.uint8), more).to_pillow()
    return min(plain, coded(spare, frames(), more, len(palette)), key=len)


class Film(Image.Image):
    """An image whose frames are made when Pillow asks for them."""

    def __init__(self, frames: Callable[[], Iterator[Image.Image]], count: int) -> None:
        super().__init__()
        self._frames = frames
        self.n_frames, self.is_animated = count, count > 1
        self._begin()

    def _begin(self) -> None:
        self._left, self._at = self._frames(), -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError
        if frame < self._at:
            self._begin()
        while self._at < frame:
            shown = next(self._left)
            self.im, self._mode, self._size = shown.im, shown.mode, shown.size
            self._at += 1

    def tell(self) -> int:
        return self._at
