"""Animations on their way to `.kpal` files: when frames are shown, and files whose pictures are the frames of one."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from kpal_format import MAX_PIXELS, U8, Animation, LimitError, Metadata

from ..image_files.frames import Frames, opened_frames
from ..image_files.metadata import PARTS, carried
from ..image_files.orientation import orientation_of, turned, turned_density, upright
from ..image_files.precision import in_depth
from ..pixels import to_array
from ..stores import Place, status_of
from .messages import failures, printable

FASTEST: Final = 1000  # frames a second, as durations are milliseconds


@dataclass(frozen=True)
class Motion:
    """Which pictures of an input become frames, and when these are shown.

    pages, frame: as in `opened_frames`.
    durations: in milliseconds, one for all frames or one for each; empty for those of the input.
    fps: frames a second, instead of durations.
    loop, restart: as in `encode_frames`; None for its defaults.

    Raises ValueError for values that no animation has.
    """

    pages: bool = False
    frame: int | None = None
    durations: tuple[float, ...] = ()
    fps: Fraction | None = None
    loop: int | None = None
    restart: int | None = None

    def __post_init__(self) -> None:
        Animation((0,), self.loop or 0, self.restart)
        if self.durations and self.fps is not None:
            raise ValueError("durations and fps exclude each other")
        if self.frame is not None and self.timed:
            raise ValueError("frame makes a still image, which has no durations and no fps")
        if self.fps is not None and not 0 < self.fps <= FASTEST:
            raise ValueError(f"fps must be above 0 and at most {FASTEST}, not {float(self.fps):g}")

    @property
    def timed(self) -> bool:
        """Whether the user says when frames are shown, so that every input becomes an animation."""
        return bool(self.durations) or self.fps is not None

    @property
    def key(self) -> dict[str, Any]:
        """All values, as JSON."""
        return {**self.__dict__, "durations": list(self.durations), "fps": self.fps and str(self.fps)}

    def durations_of(self, count: int) -> float | tuple[float, ...] | None:
        """The argument of `encode_frames` for so many frames."""
        if self.fps is not None:
            ends = [round(1000 * number / self.fps) for number in range(count + 1)]
            return tuple(end - start for start, end in pairwise(ends))
        return self.durations[0] if len(self.durations) == 1 else self.durations or None


@dataclass(frozen=True)
class FrameFiles:
    """The files of one animation, in their order. A file that is an animation itself gives all of its frames.

    places: at least one.
    """

    places: tuple[Place, ...]

    def absolute(self) -> FrameFiles:
        """The same files for a process that may have another current folder."""
        return replace(self, places=tuple(place.absolute() for place in self.places))

    def __len__(self) -> int:
        """The size of all files in bytes."""
        return sum((status.size or 0) for place in self.places if (status := status_of(place)) is not None)

    def count(self) -> int:
        """The number of frames."""
        return sum(frames.count for _, frames, _ in self._opened(None))

    def metadata(self, *, unneeded: tuple[str, ...] = ()) -> Metadata:
        """The metadata of the first file, for upright frames. `unneeded` is as in `carried`."""
        with closing(self._opened(None)) as opened:
            _, frames, _ = next(opened)
            metadata = carried(frames.image, unneeded=unneeded)
        return turned_density(upright(metadata), orientation_of(metadata))

    def frames(
        self, *, depth: int | None = None, exact: bool = False, max_pixels: int | None = MAX_PIXELS
    ) -> Iterator[U8]:
        """The frames, upright, one at a time: uint8 (h, w, 3 or 4).

        depth, exact: as in `in_depth`.
        max_pixels: the limit for the pixels of all frames together.

        Raises ValueError, which names the file, for a file that cannot be read.
        """
        pixels = 0
        for place, frames, data in self._opened(max_pixels):
            pixels += frames.count * frames.image.width * frames.image.height
            with _named(place):
                if max_pixels is not None and pixels > max_pixels:
                    raise LimitError(
                        f"the frames up to this one have {pixels} pixels, more than the limit, {max_pixels=}"
                    )
                turn = orientation_of(carried(frames.image, unneeded=PARTS))
                for image in frames.shown():
                    if frames.count == 1:
                        in_depth(image, data, depth, exact=exact)
                    yield to_array(turned(image, turn), exact=exact)

    def _opened(self, max_pixels: int | None) -> Generator[tuple[Place, Frames, bytes], None, None]:
        """The files, each open until the next one is asked for, and their contents."""
        for place in self.places:
            with _named(place):
                data = place.read_bytes()
                with opened_frames(data, max_pixels=max_pixels) as frames:
                    yield place, frames, data


@contextmanager
def _named(place: Place) -> Iterator[None]:
    """Adds the name of a file to the error that its content raises in the block."""
    name = printable(place)
    try:
        yield
    except Exception as error:  # Pillow raises nearly every kind for damaged images
        raise ValueError(f"{name}: {failures(name).why(error)}") from error
