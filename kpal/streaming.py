"""Images larger than memory: write a file from rows of pixels, and read rows or regions of pixels from a file."""

from __future__ import annotations

import io
import os
import warnings
import weakref
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from kpal_format import (
    DEFAULT_CODER,
    MAX_PIXELS,
    U8,
    Animation,
    IndexedImage,
    Metadata,
    OnError,
    Progress,
    Readable,
    Reader,
    Region,
    Writable,
    Writer,
    look_up,
)
from kpal_format.indexed import describe

from .animation import in_milliseconds
from .atomic import replacing
from .clustering.opacity import lacks_clear
from .color.spaces import Metric
from .pixels import to_array
from .quantizer import quantize
from .quantizer.options import Options
from .stores import Ranges, is_remote, place

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .pixels import Pixels

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable
Target = str | os.PathLike[str] | Writable


class RowWriter:
    """Writes rows of pixels to a `.kpal` file; returned by `open_writer`.

    `close`, or the end of a `with` block, finishes the file. An exception in the block discards the file. So does
    losing the last reference to a writer that is not closed, with a ResourceWarning.

    closed: whether the writer is closed.
    """

    def __init__(
        self,
        file: Target,
        width: int,
        height: int,
        options: Options,
        coder: str,
        metadata: Metadata | None,
        animation: Animation | None,
    ) -> None:
        self._metric = options.metric
        self._process = os.getpid()
        self._file: IO[bytes] | None = None  # set only if opened here
        target: Writable
        with ExitStack() as stack:
            if isinstance(file, (str, os.PathLike)):
                self._file = target = stack.enter_context(replacing(Path(file)))
            elif isinstance(file, io.TextIOBase) or not callable(getattr(file, "write", None)):
                raise TypeError(f"file must be a path or a file open for binary writing, not {type(file).__name__}")
            else:
                target = file
            assert options.given_palette is not None  # `open_writer` requires a palette
            self._palette = options.given_palette
            self._writer = Writer(
                target, width, height, self._palette, coder=coder, metadata=metadata, animation=animation
            )
            stack.callback(self._writer.discard)
            self._target = stack.pop_all()
        self._abandon = weakref.finalize(self, _abandoned, self._target, self._process, str(file))

    @property
    def closed(self) -> bool:
        return not self._abandon.alive

    def write(self, rows: Pixels) -> None:
        """Write any number of next rows, from the top: a Pillow image or an array, as in `encode`.

        Raises ValueError for rows of another width, for more rows than the image has, for rows with alpha if the
        palette has none, for fully transparent pixels if no entry is clear, and after `close`. The palette is written
        before the rows are known, so no entry can be added to it. Also for 16-bit rows that 8 bits cannot hold exactly:
        only the whole image could tell a photo, which may be rounded, from a label map, which may not.
        """
        self._check_open()
        if isinstance(rows, IndexedImage):
            raise TypeError("rows must be colours: an array or a Pillow image")
        pixels = to_array(rows, exact=True)
        if pixels.shape[2] > self._palette.shape[1]:
            raise ValueError("the rows have alpha, but the palette has none: give it four channels and a clear entry")
        if lacks_clear(self._palette, pixels):
            raise ValueError("the rows have clear pixels, but the palette has no clear entry: add (0, 0, 0, 0)")
        self._writer.write(quantize(pixels, palette=self._palette, metric=self._metric).indices)
        if self._file is not None:
            self._file.flush()  # a process forked later would otherwise write the buffer a second time

    def close(self) -> None:
        """Finish the file; a second call does nothing. If rows are missing, discard the file and raise ValueError."""
        if self.closed:
            return
        self._check_open()
        self._abandon.detach()
        with self._target:
            self._writer.close()

    def __enter__(self) -> RowWriter:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._abandon.detach() is not None:
            self._target.__exit__(kind, error, trace)

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the writer is closed")
        if self._process != os.getpid():
            raise ValueError("the writer belongs to the process that this one was forked from")


def open_writer(
    file: Target,
    width: int,
    height: int,
    *,
    palette: ArrayLike,
    metric: Metric = "perceptual",
    coder: str = DEFAULT_CODER,
    metadata: Metadata | None = None,
    durations: Iterable[float] | None = None,
    loop: int = 0,
    restart: int | None = None,
) -> RowWriter:
    """Open a writer that makes a `.kpal` file from rows and keeps at most some hundred rows in memory.

    Close the `RowWriter`, or use it as a context manager: `with kpal.open_writer(...) as writer`.

    file: a path, where the file appears whole when the writer is closed, or not at all; or any object with `write`,
        such as a binary file or a pipe, which is neither closed nor synced. Unless that is a `BytesIO` or a regular
        file, an image of several tiles is collected in a temporary file first, in the folder of `tempfile`.
    palette: colours (k, 3) or (k, 4); `shared_palette` can find them from parts of the image.
    metric, coder, metadata: as in `encode`.
    durations: of an animation, how long each frame is shown, in milliseconds. The rows of its frames are written one
        frame after the other. By default, the file is a still image.
    loop, restart: of an animation, as in `encode_frames`.

    The file is identical to the result of `encode` or `encode_frames` with the same palette. Raises ValueError or
    TypeError for invalid arguments.
    """
    if durations is None and (loop, restart) != (0, None):
        raise ValueError("loop and restart are those of an animation, which needs durations")
    if durations is not None and not isinstance(durations, Iterable):
        raise TypeError(f"durations must be several, one for each frame, not {describe(durations)}")
    animation = None if durations is None else Animation(in_milliseconds(durations), loop, restart)
    return RowWriter(file, width, height, Options(palette=palette, metric=metric), coder, metadata, animation)


class RowReader:
    """Reads rows or regions of pixels from a `.kpal` file; returned by `open_reader`.

    Any number of threads and forked processes may use one reader at the same time. A reader of a path or of bytes can
    be pickled: the other process opens it again.

    width, height, palette, metadata: as in `IndexedImage`; valid even after `close`.
    frames: the number of frames; 1 for a still image.
    durations: how long each frame is shown, in milliseconds; empty for a still image.
    loop: how many times an animation is shown; 0 for ever, and for a still image.
    closed: whether the reader is closed.
    """

    def __init__(self, file: Source, max_pixels: int | None, on_error: OnError, progress: Progress | None) -> None:
        path = None
        source: Any = file
        if isinstance(file, (str, os.PathLike)):
            path = str(place(os.fspath(file)).absolute())
            source = Ranges(path) if is_remote(path) else _OwnFile(path)
        try:
            reader = self._reader = Reader(source, max_pixels=max_pixels, on_error=on_error, progress=progress)
        except BaseException:
            if path is not None:
                source.close()
            raise
        self._again: Any = (path or file, max_pixels, on_error, None)  # what opens it in another process
        self.width, self.height = reader.width, reader.height
        self.palette, self.metadata = reader.palette, reader.metadata
        self.frames, animation = reader.frames, reader.animation
        self.durations, self.loop = (animation.durations, animation.loop) if animation else ((), 0)
        self.closed = False

    def rows(
        self,
        region: Region | None = None,
        *,
        frame: int = 0,
        on_error: OnError | None = None,
        progress: Progress | None = None,
    ) -> Iterator[U8]:
        """Iterate over the pixels of a region, or all, from the top: uint8 (n, w, 3 or 4); n depends on the file.

        region, frame, on_error: as in `read`.
        progress: as in `decode`; the fraction is that of all rows.
        """
        for indices in self._reader.rows(region, frame=frame, on_error=on_error, progress=progress):
            yield look_up(self.palette, indices)

    def read(
        self,
        region: Region | None = None,
        *,
        frame: int = 0,
        on_error: OnError | None = None,
        progress: Progress | None = None,
    ) -> U8:
        """The pixels of a region (x0, y0, x1, y1), without column x1 and row y1, or of all: uint8 (h, w, 3 or 4).

        Only the tiles that overlap the region are read, verified and decoded.

        frame: as in `decode`.
        on_error: as in `decode`; None for that of `open_reader`.
        progress: as in `decode`.
        """
        return self._reader.read(region, frame=frame, on_error=on_error, progress=progress).pixels()

    def iterate(
        self,
        region: Region | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        on_error: OnError | None = None,
        progress: Progress | None = None,
    ) -> Iterator[U8]:
        """Iterate over the pixels of a region, or all, in the frames from `start` to `stop`: uint8 (h, w, 3 or 4).

        start, stop, progress: as in `decode_frames`.
        region, on_error: as in `read`.
        """
        frames = self._reader.iterate(region, start=start, stop=stop, on_error=on_error, progress=progress)
        return (look_up(self.palette, indices) for indices in frames)

    def close(self) -> None:
        """Release the file; a second call does nothing. Later reads raise ValueError.

        Reads that are in progress in other threads complete. A file object passed by the caller stays open.
        """
        self.closed = True
        self._again = None
        self._reader.close()

    def __enter__(self) -> RowReader:
        if self.closed:
            raise ValueError("the reader is closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        if self.closed:
            raise ValueError("the reader is closed")
        source, *options = self._again
        if not isinstance(source, (str, bytes, bytearray, memoryview)):
            raise TypeError("a reader of an open file cannot be pickled; one that was opened by its path can")
        return RowReader, (source if isinstance(source, str) else bytes(source), *options)


def open_reader(
    file: Source,
    *,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> RowReader:
    """Open a reader that decodes parts of a `.kpal` file without holding all of it in memory.

    Close the `RowReader`, or use it as a context manager: `with kpal.open_reader(...) as reader`.

    file: a path, the URL of a file in a store (https://, s3:// ...; needs the extra `stores`), the bytes of a file, or
        any object with `read` and `seek` that gives bytes. Opening takes one read, or two if there are much metadata or
        thousands of tiles; a region takes as many reads as it has runs of tiles that are neighbours in the file. With a
        URL, each read is one request.
    max_pixels: the maximum number of pixels to decode at once, beyond which reads raise LimitError; the image itself
        may be larger.
    on_error: as in `decode`, for all reads.
    progress: as in `decode`, with the stage "checking" while the beginning of the file is read.

    What is read is verified: a file of several tiles has checksums of its head and of each tile. In a file of one tile
    of more than a few kilobytes, palette and metadata are verified together with the pixels. Opening and reading raise
    KpalError for an invalid file.
    """
    return RowReader(file, max_pixels, on_error, progress)


def _abandoned(target: ExitStack, process: int, name: str) -> None:
    """Discards the file of a writer that was not closed; a process forked meanwhile leaves the file alone."""
    if process != os.getpid():
        return
    error = ResourceWarning(f"the writer of {name} was not closed: the file is discarded")
    target.__exit__(type(error), error, None)
    warnings.warn(error, stacklevel=2)


class _OwnFile(io.FileIO):
    """A file that closes itself when its last user is done, including threads that are still reading."""

    def __del__(self) -> None:
        self.close()
