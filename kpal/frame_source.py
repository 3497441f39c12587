"""The frames that `encode_frames` is given, in whatever form, so that they can be gone through several times.

Frames are converted one at a time. Those that come only once wait in a temporary file, which the system removes even if
the process dies: each frame's difference from the one before, compressed.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import zstandard
from PIL import Image

from kpal_format import U8, IndexedImage
from kpal_format.indexed import describe

from .image_files.frames import Frames, frames_of
from .pixels import is_one_image, own_palette, to_array, without_hidden

if TYPE_CHECKING:
    from .pixels import Pixels

    FramesLike = Iterable[Pixels] | Callable[[], Iterable[Pixels]] | Image.Image | Frames

_LEVEL: Final = 1  # of Zstandard: a temporary file is written fast rather than small


class FrameSource:
    """Frames of one size; every iteration gives the same ones.

    frames: as in `encode_frames`.
    exact: as in `encode`: keep colours under alpha 0, and refuse samples that rounding would change.
    indexed: take indices and palettes unchanged, as `keep_palette` does; frames that are `IndexedImage`s imply it.
    passes: how often the frames will be iterated. A callable is called at most twice: for more passes, and for frames
        that come only once, the first pass fills a temporary file.

    frames: the `Frames` of a Pillow image; None for frames of other kinds.
    indexed: whether the frames are indices; else they are uint8 (h, w, 3 or 4).
    palette: uint8 (k, 3 or 4), of all frames, if these are indices; known once the first frame is.
    """

    def __init__(self, frames: FramesLike, *, exact: bool, indexed: bool, passes: int) -> None:
        self._exact, self.indexed = exact, indexed
        self.palette: U8 | None = None
        self.frames: Frames | None = None
        self._checksums: list[int] = []
        self._known = False  # whether all frames have been seen
        self._first: Any = None
        self._spool: _Spool | None = None
        self._begin, again = self._beginning(frames)
        if again < passes:
            self._spool = _Spool()

    def _beginning(self, frames: Any) -> tuple[Callable[[], Iterator[Any]], float]:
        """A function that begins to iterate over the frames, and how often it can be called."""
        if isinstance(frames, Image.Image):
            frames = frames_of(frames)
        if isinstance(frames, Frames):
            self.frames = frames
            return frames.shown, np.inf
        if is_one_image(frames):
            raise TypeError(
                "frames must be several images: a sequence of them, or an array of four dimensions, (n, h, w, channels)"
            )
        if isinstance(frames, Sequence) and not isinstance(frames, (str, bytes, bytearray, memoryview)):
            return lambda: iter(frames), np.inf
        if hasattr(frames, "__len__") and hasattr(frames, "__getitem__") and hasattr(frames, "__array__"):
            return lambda: (frames[number] for number in range(len(frames))), np.inf
        if isinstance(frames, Iterable) and not isinstance(frames, (str, bytes, bytearray, memoryview, dict)):
            return lambda: iter(frames), 1
        if callable(frames):
            return lambda: iter(frames()), 2
        raise TypeError(
            f"frames must be a sequence or an iterator of images, a function that returns one, or a Pillow image, "
            f"not {describe(frames)}"
        )

    def __iter__(self) -> Iterator[Any]:
        if self._known and self._spool is not None:
            yield from self._spool
            return
        number = -1
        for number, frame in enumerate(self._begin()):
            converted = self._converted(frame, number)
            del frame  # before the next one is asked for
            checksum = zlib.crc32(converted.tobytes())
            if not self._known:
                self._checksums.append(checksum)
                if self._spool is not None:
                    self._spool.write(converted)
            elif number >= len(self._checksums) or checksum != self._checksums[number]:
                raise ValueError(f"frames: frame {number} is another than when the frames were first iterated")
            yield converted
        if number < 0:
            raise ValueError("frames must be at least one, and there are none")
        if self._known and number + 1 < len(self._checksums):
            raise ValueError(f"frames: of {len(self._checksums)} frames, {number + 1} are left in a second iteration")
        self._known = True

    def _converted(self, frame: Any, number: int) -> U8:
        """The pixels or the indices of a frame."""
        if number == 0 and isinstance(frame, IndexedImage):
            self.indexed = True
        try:
            pixels = self._indices(frame, number) if self.indexed else self._pixels(frame)
        except (TypeError, ValueError) as error:
            raise type(error)(f"frame {number}: {error}") from error
        if number == 0 and not self._known:
            self.shape = pixels.shape[:2]
        if pixels.shape[:2] != self.shape:
            height, width = self.shape
            raise ValueError(
                f"frame {number} has {pixels.shape[1]} x {pixels.shape[0]} pixels, but frame 0 has {width} x {height}"
            )
        return pixels

    def _pixels(self, frame: Any) -> U8:
        pixels = to_array(frame, exact=self._exact)
        return pixels if self._exact else without_hidden(pixels)

    def _indices(self, frame: Any, number: int) -> U8:
        image = own_palette(frame)
        if number == 0:
            self.palette = image.palette
        elif self.palette is None or not np.array_equal(image.palette, self.palette):
            raise ValueError("the palette is another than that of frame 0")
        return image.indices

    @property
    def count(self) -> int:
        """The number of frames, once they have been iterated."""
        return len(self._checksums)

    def close(self) -> None:
        """Remove the temporary file, if there is one."""
        if self._spool is not None:
            self._spool.close()


class _Spool:
    """Frames, uint8 (h, w) or (h, w, c), in a temporary file."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # `close` closes it
        self._before: U8 | None = None
        self._shapes: list[tuple[tuple[int, ...], int]] = []

    def write(self, frame: U8) -> None:
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(np.ascontiguousarray(_apart(frame, self._before)).data)
        self._file.write(packed)
        self._shapes.append((frame.shape, len(packed)))
        self._before = frame

    def __iter__(self) -> Iterator[U8]:
        self._before = None
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
