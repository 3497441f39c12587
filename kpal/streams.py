"""Images larger than memory: rows of colours in, a file out, and a file in, rows or regions of colours out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kpal_format import DEFAULT_CODER, MAX_PIXELS, U8, IndexedImage, Metadata, Reader, Region, Writer

from .files import replacing
from .opacity import lacks_clear
from .options import Options
from .pixels import to_array
from .quantizer import quantize
from .space import Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .pixels import Pixels

File = str | os.PathLike[str] | IO[bytes]


class RowWriter:
    """What `open_writer` gives: writes colours, by way of their indices in the palette."""

    def __init__(self, writer: Writer, options: Options) -> None:
        self._writer, self._options = writer, options

    def write(self, rows: Pixels) -> None:
        """The next rows from the top, any number of them: a Pillow image or an array as `encode` takes it.

        Raises ValueError for rows of another width, for more than the image has, for rows that have alpha if the
        palette has none, and for clear pixels if no entry is clear: the palette stands in the head of the file, which
        is written before the rows are known.
        """
        if isinstance(rows, IndexedImage):
            raise TypeError("rows must be colours: an array or a Pillow image")
        pixels, palette = to_array(rows), self._options.palette
        if pixels.shape[2] > palette.shape[1]:
            raise ValueError("the rows have alpha, but the palette has none: give it four channels and a clear entry")
        if lacks_clear(palette, pixels):
            raise ValueError("the rows have clear pixels, but the palette has no clear entry: add (0, 0, 0, 0)")
        self._writer.write(quantize(pixels, palette=palette, metric=self._options.metric).indices)


@contextmanager
def open_writer(
    file: File,
    width: int,
    height: int,
    *,
    palette: ArrayLike,
    metric: Metric = "perceptual",
    coder: str = DEFAULT_CODER,
    metadata: Metadata | None = None,
) -> Iterator[RowWriter]:
    """For `with kpal.open_writer(...) as writer`: a `.kpal` file from rows, of which it holds but some hundreds.

    file: a path, whose file appears whole at the end of the block, or not at all; or a file to write to, which is
        neither closed nor synced.
    palette: colours (k, 3) or (k, 4), as `shared_palette` finds them in parts of the image.
    metric, coder, metadata: as in `encode`.

    The file is the one that `encode` makes with that palette. Raises ValueError or TypeError for arguments that are
    wrong, and ValueError at the end of the block where rows are missing.
    """
    options = Options(palette=palette, metric=metric)
    with ExitStack() as stack:
        target = stack.enter_context(replacing(Path(file))) if isinstance(file, (str, os.PathLike)) else file
        writer = Writer(target, width, height, options.palette, coder=coder, metadata=metadata)
        yield RowWriter(stack.enter_context(writer), options)


class RowReader:
    """What `open_reader` gives: colours of a file, by rows or regions.

    width, height, palette, metadata: as in `IndexedImage`.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.width, self.height = reader.width, reader.height
        self.palette, self.metadata = reader.palette, reader.metadata

    def rows(self) -> Iterator[U8]:
        """All pixels from the top down: uint8 (n, width, 3 or 4), n as it suits the file."""
        for indices in self._reader.rows():
            yield IndexedImage(indices, self.palette).pixels()

    def read(self, region: Region | None = None) -> U8:
        """The pixels of the region (x0, y0, x1, y1), those last not included, or all: uint8 (h, w, 3 or 4)."""
        return self._reader.read(region).pixels()


@contextmanager
def open_reader(file: File, *, max_pixels: int | None = MAX_PIXELS) -> Iterator[RowReader]:
    """For `with kpal.open_reader(...) as reader`: a `.kpal` file of which only parts are in memory at a time.

    file: a path, or a file open for reading that can seek.
    max_pixels: refuse with LimitError to decode more pixels than that at once; the image may have more.

    The checksum of the whole file is verified at first. Raises KpalError for whatever the file holds, then or later.
    """
    with ExitStack() as stack:
        source = stack.enter_context(Path(file).open("rb")) if isinstance(file, (str, os.PathLike)) else file
        yield RowReader(Reader(source, max_pixels=max_pixels))
