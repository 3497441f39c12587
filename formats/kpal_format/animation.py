"""When the frames of an animation are shown (KPAL.md, section 2.5): their durations, and how often all are repeated."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import zstd_frame
from .errors import DamagedError
from .indexed import as_whole, describe

MAX_FRAMES: Final = 1 << 20  # bounds the memory that durations take to 4 MiB
MAX_DURATION: Final = 2**31 - 1  # milliseconds, more than 24 days
MAX_LOOP: Final = 2**32 - 1


@dataclass(frozen=True)
class Animation:
    """The frames of an animation.

    durations: for each frame, how long it is shown, in milliseconds, 0 to MAX_DURATION.
    loop: how many times the animation is shown; 0 for ever.
    restart: at most so many frames are coded together, and decoding can begin at the first of them; None for all. The
        groups are longer where so few frames have less than 65536 pixels.

    Raises TypeError or ValueError for anything else.
    """

    durations: tuple[int, ...]
    loop: int = 0
    restart: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "durations", _as_durations(self.durations))
        for name, least, most in (("loop", 0, MAX_LOOP), ("restart", 1, MAX_FRAMES)):
            value = getattr(self, name)
            if value is None and name == "restart":
                continue
            number = as_whole(name, value)
            if not least <= number <= most:
                raise ValueError(f"{name} must be from {least} to {most}, not {number}")
            object.__setattr__(self, name, number)

    @property
    def frames(self) -> int:
        return len(self.durations)


def _as_durations(durations: Iterable[int]) -> tuple[int, ...]:
    try:
        whole = tuple(map(operator.index, durations))
    except TypeError as error:
        raise TypeError(f"durations must be whole numbers of milliseconds, not {describe(durations)}") from error
    if not 1 <= len(whole) <= MAX_FRAMES:
        raise ValueError(f"an animation has 1 to {MAX_FRAMES} frames, not {len(whole)}")
    for number in whole:
        if not 0 <= number <= MAX_DURATION:
            raise ValueError(f"a duration must be from 0 to {MAX_DURATION} milliseconds, not {number}")
    return whole


def encode_durations(durations: tuple[int, ...]) -> tuple[int, bytes]:
    """The unit in milliseconds and the coded durations, multiples of the unit."""
    unit = math.gcd(*durations)
    if durations.count(unit) == len(durations):
        return unit, b""
    multiples = np.array(durations, np.uint32) // np.uint32(unit)
    plain = (multiples.astype(np.uint8) if multiples.max() < 256 else multiples.astype("<u4")).tobytes()
    packed = zstd_frame.compress(multiples.astype("<u4").tobytes())
    # A frame as long as a plain form would be taken for that.
    if len(packed) < len(plain) and len(packed) != len(durations):
        return unit, packed
    return unit, plain


def decode_durations(data: bytes | memoryview, frames: int, unit: int) -> tuple[int, ...]:
    """The durations in milliseconds; raises DamagedError."""
    if not len(data):
        return (unit,) * frames
    if len(data) == frames:
        multiples = np.frombuffer(data, np.uint8)
    elif len(data) == 4 * frames:
        multiples = np.frombuffer(data, "<u4")
    else:
        multiples = np.frombuffer(zstd_frame.decompress(data, 4 * frames, "durations"), "<u4")
    if unit * int(multiples.max()) > MAX_DURATION:
        raise DamagedError(f"durations: {unit * int(multiples.max())} milliseconds are more than {MAX_DURATION}")
    return tuple((multiples.astype(np.uint64) * np.uint64(unit)).tolist())
