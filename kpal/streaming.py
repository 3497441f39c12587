"""Images larger than memory: rows of colours in, a file out, and a file in, rows or regions of colours out."""

from __future__ import annotations

import io
import os
import warnings
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from kpal_format import DEFAULT_CODER, MAX_PIXELS, U8, IndexedImage, Metadata, Progress, Reader, Region, Writer

from .atomic import replacing
from .clustering.opacity import lacks_clear
from .color.spaces import Metric
from .pixels import to_array
from .quantizer import quantize
from .quantizer.options import Options

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .pixels import Pixels

File = str | os.PathLike[str] | IO[bytes]


class RowWriter:
    """What `open_writer` gives: writes colours, by way of their indices in the palette.

    `close` finishes the file, and so does the end of a `with` block. An exception in the block discards it; so does
    losing the last reference to a writer that is not closed, with a ResourceWarning.

    closed: whether it is.
    """

    def __init__(
        self, file: File, width: int, height: int, options: Options, coder: str, metadata: Metadata | None
    ) -> None:
        self._metric = options.metric
        self._process = os.getpid()
        self._file: IO[bytes] | None = None  # of our own
        target: IO[bytes]
        with ExitStack() as stack:
            if isinstance(file, (str, os.PathLike)):
                self._file = target = stack.enter_context(replacing(Path(file)))
            elif isinstance(file, io.TextIOBase) or not callable(getattr(file, "write", None)):
                raise TypeError(f"file must be a path or a file open for binary writing, not {type(file).__name__}")
            else:
                target = file
            assert options.given_palette is not None  # as `open_writer` asks for one
            self._palette = options.given_palette
            self._writer = Writer(target, width, height, self._palette, coder=coder, metadata=metadata)
            self._target = stack.pop_all()
        self._abandon = weakref.finalize(self, _abandoned, self._target, self._process, str(file))

    @property
    def closed(self) -> bool:
        return not self._abandon.alive

    def write(self, rows: Pixels) -> None:
        """The next rows from the top, any number of them: a Pillow image or an array as `encode` takes it.

        Raises ValueError for rows of another width, for more than the image has, for rows that have alpha if the
        palette has none, for clear pixels if no entry is clear, for rows of 16 bits that 8 bits cannot hold exactly,
        and after `close`. The palette is written before the rows are known, so no entry can be added to it; and whether
        rounding would merge the few levels of a label map shows only when the whole image is known.
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
            self._file.flush()  # a process that is forked now would write what is in the buffer again

    def close(self) -> None:
        """Finishes the file; again, does nothing. Where rows are missing, discards it and raises ValueError."""
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
    file: File,
    width: int,
    height: int,
    *,
    palette: ArrayLike,
    metric: Metric = "perceptual",
    coder: str = DEFAULT_CODER,
    metadata: Metadata | None = None,
) -> RowWriter:
    """A `.kpal` file from rows, of which no more than some hundreds are in memory: `RowWriter`, to be closed.

    It is a context manager, too: `with kpal.open_writer(...) as writer`.

    file: a path, whose file appears whole when the writer is closed, or not at all; or a file to write to, which is
        neither closed nor synced.
    palette: colours (k, 3) or (k, 4), as `shared_palette` finds them in parts of the image.
    metric, coder, metadata: as in `encode`.

    The file is the one that `encode` makes with that palette. Raises ValueError or TypeError for arguments that are
    wrong.
    """
    return RowWriter(file, width, height, Options(palette=palette, metric=metric), coder, metadata)


class RowReader:
    """What `open_reader` gives: colours of a file, by rows or regions.

    Any number of threads and forked processes may use one reader at the same time. One that was opened by its path can
    be pickled: the other process opens the file again.

    width, height, palette, metadata: as in `IndexedImage`; they stay after `close`.
    closed: whether it is.
    """

    def __init__(self, file: File, max_pixels: int | None, progress: Progress | None) -> None:
        self._path = str(Path(file).absolute()) if isinstance(file, (str, os.PathLike)) else None
        self._max_pixels = max_pixels
        source: Any = file if self._path is None else _OwnFile(self._path)
        try:
            reader = self._reader = Reader(source, max_pixels=max_pixels, progress=progress)
        except BaseException:
            if self._path is not None:
                source.close()
            raise
        self.width, self.height = reader.width, reader.height
        self.palette, self.metadata = reader.palette, reader.metadata
        self.closed = False

    def rows(self, *, progress: Progress | None = None) -> Iterator[U8]:
        """All pixels from the top down: uint8 (n, width, 3 or 4), n as it suits the file.

        progress: as in `decode`, for all rows together.
        """
        for indices in self._reader.rows(progress=progress):
            yield IndexedImage(indices, self.palette).pixels()

    def read(self, region: Region | None = None, *, progress: Progress | None = None) -> U8:
        """The pixels of the region (x0, y0, x1, y1), those last not included, or all: uint8 (h, w, 3 or 4).

        progress: as in `decode`.
        """
        return self._reader.read(region, progress=progress).pixels()

    def close(self) -> None:
        """Lets go of the file; again, does nothing. Reading raises ValueError from now on.

        What other threads are reading meanwhile they read to its end. A file that was given stays open.
        """
        self.closed = True
        self._reader.close()

    def __enter__(self) -> RowReader:
        if self.closed:
            raise ValueError("the reader is closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        if self._path is None:
            raise TypeError("a reader of an open file cannot be pickled; one that was opened by its path can")
        if self.closed:
            raise ValueError("the reader is closed")
        return RowReader, (self._path, self._max_pixels, None)


def open_reader(file: File, *, max_pixels: int | None = MAX_PIXELS, progress: Progress | None = None) -> RowReader:
    """A `.kpal` file of which only parts are in memory at a time: `RowReader`, to be closed.

    It is a context manager, too: `with kpal.open_reader(...) as reader`.

    file: a path, or a file open for reading that can seek.
    max_pixels: refuse with LimitError to decode more pixels than that at once; the image may have more.
    progress: as in `decode`, while the file is verified, with the stage "checking".

    The checksum of the whole file is verified at first. Raises KpalError for whatever the file holds, then or later.
    """
    return RowReader(file, max_pixels, progress)


def _abandoned(target: ExitStack, process: int, name: str) -> None:
    """What happens to the file of a writer that was not closed; nothing in a process that was forked meanwhile."""
    if process != os.getpid():
        return
    error = ResourceWarning(f"the writer of {name} was not closed: the file is discarded")
    target.__exit__(type(error), error, None)
    warnings.warn(error, stacklevel=2)


class _OwnFile(io.FileIO):
    """A file that is closed when nobody reads it any more, threads included that are still at it."""

    def __del__(self) -> None:
        self.close()
