"""The frames that `encode_frames` is given, in whatever form, so that they can be gone through several times.

Frames are converted one at a time. Those that come only once wait in a temporary file, which the system removes even if
the process dies: each frame's difference from the one before, compressed.
"""

from __future__ import annotations

import math
import os
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import zstandard
from PIL import Image

from kpal_format import U8, IndexedImage, Metadata
from kpal_format.animation import MAX_FRAMES
from kpal_format.indexed import describe

from .errors import KpalWarning
from .image_files.frames import Frames, frames_of
from .pixels import is_one_image, own_palette, to_array, without_hidden
from .quantizer.search import default_metadata

if TYPE_CHECKING:
    from .pixels import Pixels

    FramesLike = Iterable[Pixels] | Callable[[], Iterable[Pixels]] | Image.Image | Frames

_LEVEL: Final = 1  # of Zstandard: a temporary file is written fast rather than small


class FrameSource:
    """Frames of one size; every iteration gives the same ones.

    frames: as in `encode_frames`.
    exact: as in `encode`: keep colours under alpha 0, and refuse samples that rounding would change.
    indexed: take indices and palettes unchanged, as `keep_palette` does; frames that are `IndexedImage`s imply it.
    expected: the number of frames that the caller announces, if any.

    moving: the `Frames` of a Pillow image; None for frames of other kinds.
    indexed: whether the frames are indices, uint8 (h, w); else they are pixels, uint8 (h, w, 3 or 4).

    shape: the height and width of all frames.
    palette: uint8 (k, 3 or 4), of all frames, if these are indices.
    metadata: what `encode` stores of the first frame by default.

    Raises TypeError or ValueError, as the methods do, for frames that are none.
    """

    def __init__(self, frames: FramesLike, *, exact: bool, indexed: bool, expected: int | None = None) -> None:
        self._exact = exact
        self.metadata: Metadata
        self.moving: Frames | None = None
        self._begin, self._left = self._beginning(frames)
        if expected is None:
            sized: Any = self.moving or frames
            expected = len(sized) if isinstance(sized, Sized) else None
        self._expected = expected
        self._checksums: list[int] = []  # of all frames, once they have been iterated
        self._spool: _Spool | None = None
        if self.moving is not None:  # asked before the image is loaded: see `default_metadata`
            self.metadata = default_metadata(self.moving.image)
        self._begun = self._begin()
        try:
            first = next(self._begun)
        except StopIteration:
            raise ValueError("frames must have at least one") from None
        if self.moving is None:
            self.metadata = default_metadata(first)
        self._profile = _profile(first)
        self.indexed = indexed or isinstance(first, IndexedImage)
        with _named(0):
            self.palette = own_palette(first).palette if self.indexed else None
        self._first: U8 | None = self._converted(first, 0)
        self.shape = self._first.shape[:2]

    def _beginning(self, frames: Any) -> tuple[Callable[[], Iterator[Any]], float]:
        """A function that begins to iterate over the frames, and how often it can be called."""
        if isinstance(frames, Image.Image):
            frames = frames_of(frames)
        if isinstance(frames, Frames):
            self.moving = frames
            return frames.shown, math.inf
        if is_one_image(frames):
            raise TypeError(
                "frames must be several images, not a single one: a list of arrays, say, or one array of four "
                "dimensions, (n, h, w, channels)"
            )
        if isinstance(frames, (str, bytes, bytearray, os.PathLike, Mapping)):
            raise TypeError(_no_frames(frames))
        if isinstance(frames, Iterator):
            return lambda: frames, 1
        if isinstance(frames, Iterable) or hasattr(type(frames), "__getitem__"):
            return lambda: iter(frames), math.inf
        if callable(frames):
            return lambda: _iterator(frames()), 2
        raise TypeError(_no_frames(frames))

    def iterate(self, *, last: bool = False) -> Iterator[U8]:
        """All frames in turn.

        last: whether this is the last iteration. Frames that cannot be asked for again wait in a temporary file for the
            next one.
        """
        if self._first is None and self._spool is not None:
            yield from self._spool
            return
        self._left -= 1
        if not self._left and not last:
            self._spool = _Spool()
        known, checksums = self._checksums, list[int]()
        for number, pixels in enumerate(self._every()):
            checksums.append(zlib.crc32(pixels.data))
            if known and checksums[-1:] != known[number : number + 1]:
                raise ValueError(f"frame {number} is not the same in a second iteration over the frames")
            if self._spool is not None:
                self._spool.write(pixels)
            yield pixels
        if len(checksums) < len(known):
            raise ValueError(f"of {len(known)} frames, a second iteration over the frames has only {len(checksums)}")
        self._checksums = checksums

    def _every(self) -> Iterator[U8]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        for number, frame in enumerate(self._begun if first is not None else self._begin(), first is not None):
            if number == MAX_FRAMES:
                raise ValueError(f"an animation has at most {MAX_FRAMES:,} frames")
            pixels = self._converted(frame, number)
            del frame  # before the next one is asked for
            yield pixels

    def _converted(self, frame: Any, number: int) -> U8:
        """The pixels or the indices of a frame."""
        if _profile(frame) != self._profile:
            warnings.warn(
                f"frame {number} has another ICC profile than frame 0, which is left out", KpalWarning, stacklevel=2
            )
        with _named(number):
            pixels = self._indices(frame) if self.indexed else self._pixels(frame)
        if number and pixels.shape[:2] != self.shape:
            sizes = [f"{width} x {height}" for height, width in (pixels.shape[:2], self.shape)]
            raise ValueError(f"frame {number} has {sizes[0]} pixels, but frame 0 has {sizes[1]}")
        return pixels

    def _pixels(self, frame: Any) -> U8:
        if isinstance(frame, IndexedImage):
            raise TypeError("an IndexedImage, while frame 0 is none: frames are of one kind")
        pixels = to_array(frame, exact=self._exact)
        return np.array(pixels if self._exact else without_hidden(pixels), order="C")  # the caller may reuse its array

    def _indices(self, frame: Any) -> U8:
        image = own_palette(frame)
        if self.palette is None or not np.array_equal(image.palette, self.palette):
            raise ValueError("its palette is not that of frame 0")
        return np.ascontiguousarray(image.indices)

    @property
    def count(self) -> int:
        """The number of frames; 0 until they have been iterated."""
        return len(self._checksums)

    def share(self, done: int) -> float:
        """The share of all frames that so many are; a guess that grows while nothing tells how many there will be."""
        total = self.count or self._expected
        return min(done / total, 1.0) if total else 1.0 - 1.0 / (1.0 + done)

    def close(self) -> None:
        """Remove the temporary file, if there is one."""
        if self._spool is not None:
            self._spool.close()


@contextmanager
def _named(number: int) -> Iterator[None]:
    """Puts the number of a frame before the message of an error, unless the error is of a more special kind."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"frame {number}: {error}") from error


def _profile(frame: object) -> Any:
    return frame.info.get("icc_profile") if isinstance(frame, Image.Image) else None


def _iterator(frames: Any) -> Iterator[Any]:
    if not isinstance(frames, Iterable):
        raise TypeError(f"frames: the function must return an iterator of images, not {describe(frames)}")
    return iter(frames)


def _no_frames(value: object) -> str:
    return (
        "frames must be a sequence or an iterator of images, a function that returns one, or a Pillow image, "
        f"not {describe(value)}"
    )


class _Spool:
    """Frames, uint8 (h, w) or (h, w, c), in a temporary file."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # `close` closes it
        self._before: U8 | None = None
        self._shapes: list[tuple[tuple[int, ...], int]] = []  # and the bytes of each

    def write(self, frame: U8) -> None:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(np.ascontiguousarray(_apart(frame, self._before)).data)
        self._file.write(packed)
        self._shapes.append((frame.shape, len(packed)))
        self._before = frame

    def __iter__(self) -> Iterator[U8]:
        self._file.seek(0)
        before: U8 | None = None
        for shape, size in self._shapes:
            content = zstandard.ZstdDecompressor().decompress(self._file.read(size))
            before = _apart(np.frombuffer(content, np.uint8).reshape(shape), before)
            yield before

    def close(self) -> None:
        self._file.close()


def _apart(frame: U8, other: U8 | None) -> U8:
    """The bits in which two frames of one shape differ; the frame itself if the other has another shape."""
    return frame if other is None or other.shape != frame.shape else frame ^ other
