"""Writing images row by row, and reading rows or regions, without holding the whole image in memory."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
import zlib
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import IO, Any, Final, Literal, TypeVar

import numpy as np

from .animation import Animation
from .coders import BY_NAME, DEFAULT
from .container import (
    CRC_SIZE,
    ENTRY_SIZE,
    MAX_PIXELS,
    Box,
    Head,
    Region,
    framed,
    layout,
    pack_head,
    read_head,
)
from .errors import DamagedError, KpalWarning, TruncatedError
from .index import Index, cut_tile, pack_index, read_index, read_only_tile, read_tiles
from .indexed import U8, IndexedImage, Metadata, check_indices, check_palette, check_size, describe
from .parallel import Progress, part_of, pulse, staged
from .positioned import Readable, ReadAt, Writable, place_to_return_to, read_on, reader_of, write_all
from .tiles import Decoding, Encoding

OnError = Literal["raise", "skip"]
_Parsed = TypeVar("_Parsed")

_FIRST_READ: Final = 1 << 12  # bytes; enough for head and index of nearly all files
_NEXT_READ: Final = 1 << 20  # bytes, at least; a file that only claims to be large costs no more
_ROWS: Final = 1 << 20  # pixels that `rows` yields at once if there are no tiles
_COPY: Final = 1 << 20  # bytes copied at once
_MOST_NAMED: Final = 8  # tiles in a warning


class Writer:
    """Writes a `.kpal` file from rows of indices; buffers at most one row of tiles, and what a coder keeps of frames.

    The index of an image of several tiles stands before them. Where `seek` is known to work, it is filled in at the
    end; otherwise the coded tiles wait in a temporary file, which the system removes even if the process dies.

    file: a binary file or any object with `write`; it stays open.
    palette: uint8 (k, 3 or 4).
    coder: one of CODERS.
    animation: the frames, whose rows are written one frame after the other; None for a still image.

    tile_rows: attribute, the number of rows that are coded together. Rows are buffered until there are enough.

    As a context manager, the writer closes itself; after an exception it discards what it holds, and the file is
    incomplete.
    Raises TypeError or ValueError for invalid arguments, and ValueError after `close`.
    """

    def __init__(
        self,
        file: Writable,
        width: int,
        height: int,
        palette: U8,
        *,
        coder: str = DEFAULT,
        metadata: Metadata | None = None,
        animation: Animation | None = None,
    ) -> None:
        check_size(width, height)
        check_palette(palette)
        self._file, self._width, self._height, self._palette = file, width, height, palette
        self._flat = len(palette) == 1  # there is nothing to code
        self._frames = animation.frames if animation else 1
        self._tiling = layout(width, height, animation)
        self.tile_rows = height if self._flat else self._tiling.rows
        tile = None if self._flat or self._tiling.count == 1 else self._tiling
        self._head = pack_head(width, height, palette, coder, metadata or Metadata(), tile=tile, animation=animation)
        self._coder = BY_NAME[coder]
        self._held: list[U8] = []
        self._frame, self._left = 0, height  # the frame in work, and its rows not yet written
        self._encoding: Encoding | None = None  # the group in work
        self._broken = self._closed = False
        self._indexed = tile is not None
        self._lengths, self._checksums = array("L"), array("L")  # of the tiles
        self._only_tile = b""  # framed
        self._place: int | None = None  # of the head, if the index is filled in at the end
        self._spool: IO[bytes] | None = None  # else the tiles wait here
        if tile is not None:
            self._place = place_to_return_to(file)
            if self._place is None:
                self._spool = tempfile.TemporaryFile()  # noqa: SIM115  # `discard` closes it
            else:
                write_all(file, self._head + bytes(tile.count * ENTRY_SIZE + CRC_SIZE))

    def write(self, indices: U8) -> None:
        """Writes the next rows of a frame: uint8 (n, width), each index below k.

        Invalid rows leave the writer unchanged. After any other exception, the writer cannot be used any more.
        """
        self._check_usable()
        check_indices(indices, len(self._palette))
        if indices.shape[1] != self._width or len(indices) > self._left:
            rows, columns = indices.shape
            raise ValueError(f"{self._left} rows of {self._width} pixels are missing, not {rows} of {columns}")
        self._broken = True  # until the rows are written
        self._left -= len(indices)
        if not self._flat:
            self._code(indices)
        if self._spool is not None:
            self._spool.flush()  # a process forked later would otherwise write the buffer a second time
        if not self._left and self._frame < self._frames:
            self._frame += 1
            self._left = self._height if self._frame < self._frames else 0
        self._broken = False

    def _code(self, indices: U8) -> None:
        if self._held or (self._left and len(indices) < self.tile_rows):
            self._held.append(indices.copy())  # the caller may reuse the array
            if self._left and sum(map(len, self._held)) < self.tile_rows:
                return
            indices = np.concatenate(self._held)
            self._held.clear()
        whole = len(indices) if not self._left else len(indices) // self.tile_rows * self.tile_rows
        for tile in self._group().write(indices[:whole]):
            self._put(tile)
        if whole < len(indices):
            self._held.append(indices[whole:].copy())

    def _group(self) -> Encoding:
        """The group of the frame in work."""
        tiling = self._tiling
        if self._encoding is None or self._encoding.complete:
            frames = min(tiling.frames, self._frames - self._frame)
            self._encoding = Encoding(self._palette, self._coder, frames, self._height, tiling.rows, tiling.columns)
        return self._encoding

    def _put(self, tile: bytes) -> None:
        if not self._indexed:
            self._only_tile = framed(tile)
            return
        self._lengths.append(len(tile))
        self._checksums.append(zlib.crc32(tile))
        write_all(self._spool or self._file, tile)

    def close(self) -> None:
        """Writes the end of the file; further calls do nothing. Raises ValueError if rows are missing."""
        if self._closed:
            return
        self._check_usable()
        if self._frame < self._frames:
            missing = f"{self._left} of {self._height} rows"
            raise ValueError(
                f"{missing} of frame {self._frame} are missing" if self._frames > 1 else f"{missing} are missing"
            )
        self._broken = True  # until the file is complete
        self._finish()
        self.discard()
        self._closed, self._broken = True, False

    def _finish(self) -> None:
        if not self._indexed:
            whole = self._head + self._only_tile
            write_all(self._file, whole + zlib.crc32(whole).to_bytes(CRC_SIZE, "little"))
            return
        start = self._head + pack_index(self._lengths, self._checksums, self._head)
        if self._place is not None:
            file: Any = self._file  # which `place_to_return_to` has found to have these methods
            end = file.tell()
            file.seek(self._place)
            write_all(file, start)
            file.seek(end)
        elif self._spool is not None:
            write_all(self._file, start)
            self._spool.seek(0)
            while part := self._spool.read(_COPY):
                write_all(self._file, part)

    def discard(self) -> None:
        """Removes the temporary file, if there is one; a writer that is not closed cannot be used any more."""
        self._broken = True
        if self._spool is not None:
            self._spool.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _check_usable(self) -> None:
        if self._closed:
            raise ValueError("the writer is closed")
        if self._broken:
            raise ValueError("rows could not be written: the file is incomplete and holds no image")


class Reader:
    """Reads regions of a `.kpal` file without loading the whole file.

    The constructor reads and verifies the head and the index, usually with one read; a read of a region gets the tiles
    it needs with one read for each run of neighbours, and verifies and decodes only these. A file of one tile has one
    checksum for everything: it is verified when it is opened if the first read got all of it, else with its pixels.

    Any number of threads and forked processes may use one reader at the same time.

    file: bytes, or a file open for binary reading, with `seek`; it is read from its start, and stays open. In a forked
        process, a file that has a descriptor but is not a regular file raises ValueError.
    max_pixels: raise LimitError for reads that have to decode more pixels than this.
    on_error: what reads do with damaged tiles unless they say otherwise: see `decode_indexed`.
    progress: called with the stage "checking" before and after the head is read. An exception that it raises cancels
        the work and propagates; the same holds for the methods with this parameter.

    width, height, palette, metadata: attributes as in `IndexedImage`.
    frames: the number of frames; 1 for a still image.
    animation: when the frames are shown; None for a still image.

    The constructor and all methods raise KpalError for invalid files, and the methods raise ValueError after `close`.
    """

    def __init__(
        self,
        file: bytes | bytearray | memoryview | Readable,
        *,
        max_pixels: int | None = MAX_PIXELS,
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> None:
        self._max_pixels = max_pixels
        self._skips = _skips(on_error)
        read_at = reader_of(file)
        self._head, self._index, self._read_at = staged(
            progress, "checking", lambda: _opened(read_at, skips=self._skips)
        )
        self.width, self.height = self._head.width, self._head.height
        self.palette = self._head.palette()
        self.metadata = self._head.metadata()
        self.frames, self.animation = self._head.frames, self._head.animation()

    def read(
        self,
        region: Region | None = None,
        *,
        frame: int = 0,
        on_error: OnError | None = None,
        progress: Progress | None = None,
    ) -> IndexedImage:
        """Decodes the region (x0, y0, x1, y1), x1 and y1 excluded, or the whole image.

        frame: which frame of an animation, negative from the end; those before it in its group are decoded on the way.
        on_error: as in `decode_indexed`; None for that of the constructor.
        progress: called with the stage "decoding" and the fraction of pixels done.

        Raises IndexError if there is no such frame.
        """
        box, number = self._box(region), self._head.frame(frame)
        skips = self._skips if on_error is None else _skips(on_error)
        return staged(progress, "decoding", lambda: self._fetch(box, number, skips=skips)())

    def fetch(
        self, region: Region | None = None, *, frame: int = 0, on_error: OnError | None = None
    ) -> Callable[[], IndexedImage]:
        """Reads the tiles of a region; the function returned decodes them and does not need the file."""
        box, skips = self._box(region), self._skips if on_error is None else _skips(on_error)
        return self._fetch(box, self._head.frame(frame), skips=skips)

    def iterate(
        self,
        region: Region | None = None,
        *,
        start: int = 0,
        stop: int | None = None,
        on_error: OnError | None = None,
        progress: Progress | None = None,
    ) -> Iterator[U8]:
        """Yields the indices of the frames from `start` to `stop`, which is excluded: uint8 (h, w), read-only.

        start, stop: as of a slice, so both may be negative, and `stop` beyond the end.
        region, on_error: as in `read`.
        progress: called with the stage "decoding" and the fraction of these frames done.

        Raises at once IndexError if there is no frame `start`, and LimitError if all these frames together have more
        pixels than `max_pixels`.
        """
        self._head.frame(start)
        frames = range(*slice(start, stop).indices(self.frames))
        box, skips = self._box(region, len(frames)), self._skips if on_error is None else _skips(on_error)
        return self._iterate(box, frames, skips, progress)

    def _iterate(self, box: Box, frames: range, skips: bool, progress: Progress | None) -> Iterator[U8]:
        group = None
        for done, frame in enumerate(frames):
            within = frame % self._head.group
            steps = 1
            if group is None or within == 0:
                group, steps = self._read_group(box, frame, skips=skips), within + 1
            yield staged(part_of(progress, done, 1, len(frames)), "decoding", partial(group.read, steps))

    def rows(
        self,
        region: Region | None = None,
        *,
        frame: int = 0,
        on_error: OnError | None = None,
        progress: Progress | None = None,
    ) -> Iterator[U8]:
        """Yields the indices of a region, or all, from top to bottom, one row of tiles at a time: uint8 (n, w).

        region, frame, on_error: as in `read`.
        progress: called with the stage "decoding" and the fraction of the region done.
        """
        box = self._head.box(region)
        step = self._head.tile_rows if self._head.tiles else max(1, _ROWS // (box.x1 - box.x0))
        for y in range(box.y0 // step * step, box.y1, step):
            top, bottom = max(y, box.y0), min(y + step, box.y1)
            part = part_of(progress, top - box.y0, bottom - top, box.y1 - box.y0)
            yield self.read((box.x0, top, box.x1, bottom), frame=frame, on_error=on_error, progress=part).indices

    def verify(self) -> None:
        """Verifies all checksums and the end of the file without decoding pixels; raises DamagedError."""
        if not self._head.indexed:
            read_only_tile(self._read_at, self._index)
            return
        for _ in read_tiles(self._read_at, self._head, self._index, range(self._head.tiles)):
            pulse()

    def close(self) -> None:
        """Releases the file, which stays open; reads in progress in other threads are completed."""
        self._read_at = _closed

    def _box(self, region: Region | None, frames: int = 1) -> Box:
        box = self._head.box(region)
        self._head.check_pixels(box, self._max_pixels, frames)
        return box

    def _fetch(self, box: Box, frame: int, *, skips: bool) -> Callable[[], IndexedImage]:
        group = self._read_group(box, frame, skips=skips)
        return lambda: IndexedImage(group.read(frame % self._head.group + 1), self.palette, self.metadata)

    def _read_group(self, box: Box, frame: int, *, skips: bool) -> _Group:
        """Reads and verifies the tiles that overlap the box in the group of a frame."""
        head, cut = self._head, False
        damage: dict[int, DamagedError] | None = {} if skips else None
        numbers = head.tiles_of(box, frame)
        if head.indexed:
            to_end = not skips and (box.x0, box.x1, box.y1) == (0, head.width, head.height)
            tiles = list(read_tiles(self._read_at, head, self._index, numbers, damage, to_end=to_end))
        else:
            try:
                tile = read_only_tile(self._read_at, self._index)
            except TruncatedError as error:
                if damage is None:
                    raise
                damage[0], cut = error, True
                tile = cut_tile(self._read_at, self._index)
            tiles = [] if tile is None else [(0, tile)]
        decoding = Decoding(head, box, tiles, self.palette, partial=cut, damage=damage)
        return _Group(decoding, damage, len(numbers), cut=cut)


class _Group:
    """A group of frames that is being decoded; warns of tiles that are skipped, once for each."""

    def __init__(self, decoding: Decoding, damage: dict[int, DamagedError] | None, tiles: int, *, cut: bool) -> None:
        self._decoding, self._damage, self._tiles, self._cut = decoding, damage, tiles, cut
        self._named = 0

    def read(self, frames: int) -> U8:
        """Decodes so many frames and returns the last one."""
        indices = self._decoding.read(frames)
        if self._damage and len(self._damage) > self._named:
            self._named = len(self._damage)
            _warn(self._damage, self._tiles, cut=self._cut)
        return indices


def head_of(file: Readable) -> Head:
    """Parses the head of a file, read from its current position; raises KpalError."""
    return _parsed(lambda _, size: read_on(file, size), read_head)[0]


def _opened(read_at: ReadAt, *, skips: bool) -> tuple[Head, Index, ReadAt]:
    """Head and index of a file, and a function that reads the rest, of which the beginning may be known already."""

    def parse(data: bytes) -> tuple[Head, Index]:
        head = read_head(data)
        return head, read_index(data, head)

    (head, index), data, ended = _parsed(read_at, parse)
    start = int(index.offsets[0])
    ahead = data[start:]

    def read_rest(at: int, size: int) -> bytes | memoryview:
        if ended or at + size <= start + len(ahead):
            return ahead[at - start : at - start + size]
        return read_at(at, size)

    if ended and not head.indexed:
        with contextlib.suppress(*(TruncatedError,) * skips):
            read_only_tile(read_rest, index)
    return head, index, read_rest


def _parsed(read_at: ReadAt, parse: Callable[[bytes], _Parsed]) -> tuple[_Parsed, bytes, bool]:
    """Parses the beginning of a file, with one read or, if it is long, a second one.

    Returns what was parsed, the bytes read, and whether they are the whole file.
    """
    data, size = b"", _FIRST_READ
    while True:
        more = read_at(len(data), size)
        data, ended = data + bytes(more), len(more) < size
        try:
            return parse(data), data, ended
        except TruncatedError as error:
            if ended or error.needed is None:
                raise
            size = min(error.needed - len(data), max(len(data), _NEXT_READ))
        pulse()


def _skips(on_error: object) -> bool:
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip', not {describe(on_error)}")
    return on_error == "skip"


def _warn(damage: dict[int, DamagedError], tiles: int, *, cut: bool) -> None:
    """Warns of tiles that were skipped, out of so many."""
    if cut:
        message = f"{damage[0]}; the pixels before that are not verified, and the others have index 0"
    else:
        named = [str(damage[number]) for number in sorted(damage)]
        if len(named) > _MOST_NAMED:
            named[_MOST_NAMED:] = [f"and {len(named) - _MOST_NAMED} more"]
        message = f"{len(damage)} of {tiles} tiles are damaged, and their pixels have index 0: {'; '.join(named)}"
    warnings.warn(message, KpalWarning, stacklevel=4)


def _closed(at: int, size: int) -> bytes:
    raise ValueError("the reader is closed")
