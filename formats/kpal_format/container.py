"""The head of a file (KPAL.md, section 2): prefix, sizes, metadata, palette. What follows is in `index`.

`read_head` needs only the beginning of a file and decodes no section; the methods of `Head` do so on demand. It checks
every size before anything is allocated.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from .animation import MAX_DURATION, MAX_FRAMES, MAX_LOOP, Animation, decode_durations, encode_durations
from .coders import BY_ID, Coder, coder_named, zstd
from .errors import DamagedError, TruncatedError, UnsupportedError, beyond_limit
from .indexed import MAX_SIDE, U8, Metadata, as_whole, describe
from .metadata import MAX_HEADER, MAX_PARTS, decode_metadata, encode_metadata
from .palette import decode_palette, encode_palette

EXTENSION: Final = ".kpal"
MIME: Final = "image/x-kpal"
MAGIC: Final = b"\x8bKPAL\r\n\x1a"  # as in PNG: a high bit detects 7-bit transport, CR LF text mode; ^Z stops `type`
MAJOR: Final = 0
MINOR: Final = 9

# Pillow's default limit for decompression bombs: 2 x (1 GiB / 4 / 3), rounded down. As RGB, these pixels take 512 MiB.
MAX_PIXELS: Final = 2 * (1024 * 1024 * 1024 // 4 // 3)
Region = tuple[int, int, int, int]  # x0, y0, x1, y1

_ALPHA: Final = 0b0001  # flag: the palette has alpha
_METADATA: Final = 0b0010  # flag: a metadata section follows the prefix
_TILES: Final = 0b0100  # flag: the image has several tiles, which an index lists
_FRAMES: Final = 0b1000  # flag: the image is an animation
_FLAGS: Final = _ALPHA | _METADATA | _TILES | _FRAMES

LONGEST_VARINT: Final = 5  # bytes
_MAX_LENGTH: Final = 2 ** (7 * LONGEST_VARINT) - 1
_LEAST_TILE: Final = 1 << 16  # pixels of all frames of a tile not cut off: bounds the time spent on overhead of tiles
_MAX_TILES: Final = 1 << 24  # bounds the memory that the index takes: see KPAL.md, section 2.2
_TILE: Final = 1 << 22  # pixels of a tile; smaller tiles would cost bytes and gain nothing
_HUGE: Final = 1 << 26  # pixels; images above this have small, square tiles, so that regions are cheap to read
_HUGE_TILE: Final = 1 << 20  # pixels of a tile of a huge image
_HUGE_TILE_SIDE: Final = 1 << 10
CRC_SIZE: Final = 4
ENTRY_SIZE: Final = 8  # bytes of the index for each tile


class Section(NamedTuple):
    """The stored bytes of a part of a file, and their offset in the file."""

    data: bytes | memoryview
    offset: int

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Adds the offset of the section to any DamagedError raised in the block."""
        try:
            yield
        except DamagedError as error:
            raise DamagedError(str(error), self.offset) from error


class Box(NamedTuple):
    """A rectangle of an image: columns x0 to x1 and rows y0 to y1, x1 and y1 excluded."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y1 - self.y0, self.x1 - self.x0


@dataclass(frozen=True)
class Head:
    """Everything up to the palette: the parsed prefix and sizes, and the sections still coded.

    channels: 3 (RGB) or 4 (RGBA).
    coder: the coder of the tiles.
    indexed: whether the file has several tiles, and so an index.
    tile_rows, tile_columns: the size of a tile; tiles at the right and bottom edges may be smaller.
    animated: whether the file has frames, if only one, and their durations.
    frames: the number of frames; 1 for a still image.
    group: the number of frames of a tile; the last tiles may have fewer.
    loop: how many times an animation is shown; 0 for ever.
    duration_unit, durations_data: the coded durations; 0 and empty for a still image.
    metadata_header, metadata_parts, palette_data: the coded sections; both metadata sections are empty if absent.
    size: the size of the head in bytes, and so the offset of what follows the palette.
    """

    width: int
    height: int
    colors: int
    channels: int
    coder: Coder
    indexed: bool
    tile_rows: int
    tile_columns: int
    animated: bool
    frames: int
    group: int
    loop: int
    duration_unit: int
    durations_data: Section
    metadata_header: Section
    metadata_parts: Section
    palette_data: Section
    size: int

    def metadata(self) -> Metadata:
        with self.metadata_header.decoding():
            return decode_metadata(self.metadata_header.data, self.metadata_parts.data)

    def palette(self) -> U8:
        """uint8 (colors, channels)."""
        with self.palette_data.decoding():
            return decode_palette(self.palette_data.data, self.colors, self.channels)

    def animation(self) -> Animation | None:
        """When the frames are shown; None for a still image."""
        if not self.animated:
            return None
        with self.durations_data.decoding():
            durations = decode_durations(self.durations_data.data, self.frames, self.duration_unit)
        return Animation(durations, self.loop, self.group if self.group < self.frames else None)

    @property
    def tiles(self) -> int:
        """The number of tiles; 0 for an image of one colour."""
        return self._tiles_of_group * -(-self.frames // self.group) if self.colors > 1 else 0

    @property
    def _across(self) -> int:
        return -(-self.width // self.tile_columns)

    @property
    def _tiles_of_group(self) -> int:
        return tile_count(self.width, self.height, self.tile_rows, self.tile_columns)

    def tile(self, number: int) -> Box:
        """The rectangle of a tile; tiles are numbered from left to right, then from top to bottom, then by group."""
        row, column = divmod(number % self._tiles_of_group, self._across)
        x, y = column * self.tile_columns, row * self.tile_rows
        return Box(x, y, min(x + self.tile_columns, self.width), min(y + self.tile_rows, self.height))

    def frames_of(self, number: int) -> range:
        """The frames of a tile."""
        first = number // self._tiles_of_group * self.group
        return range(first, min(first + self.group, self.frames))

    def place(self, number: int) -> str:
        """Names a tile in a message by its place in the grid of tiles, from 0, its region and its frames."""
        row, column = divmod(number % self._tiles_of_group, self._across)
        frames = self.frames_of(number)
        shown = f", frames {frames[0]} to {frames[-1]}" if self.animated else ""
        return f"tile in row {row}, column {column}, region {tuple(self.tile(number))}{shown}"

    def in_tile(self, number: int, error: DamagedError) -> DamagedError:
        """The error of a tile, which names the tile if there are several."""
        if not self.indexed:
            return error
        named = type(error)(f"{self.place(number)}: {error}")
        named.offset, named.region = error.offset, tuple(self.tile(number))
        return named

    def tiles_of(self, box: Box, frame: int = 0) -> list[int]:
        """The numbers of the tiles that overlap the box and have the frame."""
        if not self.tiles:
            return []
        first = frame // self.group * self._tiles_of_group
        rows = range(box.y0 // self.tile_rows, -(-box.y1 // self.tile_rows))
        columns = range(box.x0 // self.tile_columns, -(-box.x1 // self.tile_columns))
        return [first + row * self._across + column for row in rows for column in columns]

    def box(self, region: Region | None) -> Box:
        """The region (x0, y0, x1, y1), or None for the whole image; raises TypeError or ValueError if it is invalid."""
        if region is None:
            return Box(0, 0, self.width, self.height)
        try:
            box = Box(*map(operator.index, region))
        except TypeError as error:
            raise TypeError(f"region must be four whole numbers, x0, y0, x1, y1, not {describe(region)}") from error
        if not (0 <= box.x0 < box.x1 <= self.width and 0 <= box.y0 < box.y1 <= self.height):
            raise ValueError(f"region {tuple(box)} is not a part of {self.width} x {self.height} pixels")
        return box

    def frame(self, frame: int) -> int:
        """The number of a frame, counted from the end if negative; raises TypeError, or IndexError if there is none."""
        number = as_whole("frame", frame)
        if not -self.frames <= number < self.frames:
            raise IndexError(f"frame {number} is not one of {self.frames}")
        return number % self.frames

    def check_pixels(self, box: Box, limit: int | None, frames: int = 1) -> None:
        """Raises LimitError if the tiles that overlap the box span more than `limit` pixels; None for no limit.

        frames: the number of frames that are asked for.
        """
        if limit is None:
            return
        if not isinstance(limit, (int, np.integer)):
            raise TypeError(f"max_pixels must be an int or None, not {type(limit).__name__}")
        height, width = box.shape
        if self.tiles:  # otherwise nothing has to be decoded around the box
            x0, y0 = box.x0 // self.tile_columns * self.tile_columns, box.y0 // self.tile_rows * self.tile_rows
            width = min(-(-box.x1 // self.tile_columns) * self.tile_columns, self.width) - x0
            height = min(-(-box.y1 // self.tile_rows) * self.tile_rows, self.height) - y0
        if width * height * frames > limit:
            raise beyond_limit(width, height, limit, frames=frames)


@dataclass(frozen=True)
class Layout:
    """How an image is divided into tiles.

    rows, columns, frames: of a tile; tiles at the right and bottom edges, and of the last frames, may have fewer.
    count: the number of tiles.
    """

    rows: int
    columns: int
    frames: int
    count: int


def layout(width: int, height: int, animation: Animation | None = None) -> Layout:
    """The division of an image, or of an animation, into tiles; raises ValueError for too many tiles."""
    rows, columns = tile_shape(width, height)
    frames = animation.frames if animation else 1
    group = frames
    if animation and animation.restart:
        group = min(frames, max(animation.restart, -(-_LEAST_TILE // (rows * columns))))
    count = tile_count(width, height, rows, columns) * -(-frames // group)
    if count > _MAX_TILES:
        raise ValueError(f"{width} x {height} pixels take {count} tiles; a file holds at most {_MAX_TILES}")
    return Layout(rows, columns, group, count)


def pack_head(
    width: int,
    height: int,
    palette: U8,
    coder: str,
    metadata: Metadata,
    *,
    tile: Layout | None,
    animation: Animation | None = None,
) -> bytes:
    """Everything up to the palette.

    tile: the division into tiles; None if there is only one tile.

    Raises ValueError for an unknown coder, and for metadata that is too large.
    """
    coder_id = coder_named(coder).ID
    colors, channels = palette.shape
    header, parts = encode_metadata(metadata)
    flags = (_ALPHA * (channels == 4)) | (_METADATA * bool(header)) | (_TILES * (tile is not None))
    flags |= _FRAMES * (animation is not None)
    out = bytearray(MAGIC)
    out += bytes((MAJOR << 4 | MINOR, flags, coder_id, colors - 1))
    for side in (width, height, *((tile.rows, tile.columns) if tile else ())):
        out += varint(side)
    if animation:
        unit, durations = encode_durations(animation.durations)
        for number in (animation.frames, *((tile.frames,) if tile else ()), animation.loop, unit):
            out += varint(number)
        out += framed(durations)
    if header:
        out += framed(header) + framed(parts)
    out += framed(encode_palette(palette, as_set=coder != zstd.NAME))
    return bytes(out)


def tile_shape(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of a tile, such that an image is divided into tiles of about equal size."""
    size, side = (_HUGE_TILE, _HUGE_TILE_SIDE) if width * height > _HUGE else (_TILE, _TILE)
    columns = _share(width, max(side, size // height))
    return _share(height, size // columns), columns


def tile_count(width: int, height: int, rows: int, columns: int) -> int:
    """The number of tiles of an image, given the numbers of rows and columns of a tile."""
    return -(-height // rows) * -(-width // columns)


def _share(total: int, most: int) -> int:
    parts = -(-total // most)
    return -(-total // parts)


def read_head(data: bytes | memoryview) -> Head:
    """Parses the head of a file, of which `data` may be only the beginning.

    Raises KpalError; TruncatedError if `data` ends within the head.
    """
    cursor = Cursor(data)
    magic = bytes(cursor.data[: len(MAGIC)])
    if magic != MAGIC[: len(magic)]:
        raise DamagedError("not a .kpal file: it does not begin with the magic number", 0)
    cursor.take(len(MAGIC), "magic number")
    version, flags, coder_id, last = cursor.take(4, "prefix")
    _check_understood(version, flags, coder_id)
    colors, channels = last + 1, 4 if flags & _ALPHA else 3
    indexed, animated = bool(flags & _TILES), bool(flags & _FRAMES)
    width = cursor.varint("width", MAX_SIDE, least=1)
    height = cursor.varint("height", MAX_SIDE, least=1)
    rows, columns, start = height, width, cursor.at
    if indexed:
        rows = cursor.varint("rows of a tile", height, least=1)
        columns = cursor.varint("columns of a tile", width, least=1)
    frames = cursor.varint("number of frames", MAX_FRAMES, least=1) if animated else 1
    group = cursor.varint("frames of a tile", frames, least=1) if animated and indexed else frames
    count = tile_count(width, height, rows, columns) * -(-frames // group)
    if indexed:
        _check_tiles(count, (rows, columns, group), start, colors)
    # What may follow the sections, so that a reader can get it together with them.
    cursor.reserve = LONGEST_VARINT + colors * channels + (count * ENTRY_SIZE + CRC_SIZE if indexed else LONGEST_VARINT)
    header = parts = durations = Section(b"", cursor.at)
    loop = unit = 0
    if animated:
        loop = cursor.varint("number of repetitions", MAX_LOOP)
        unit = cursor.varint("unit of the durations", MAX_DURATION)
        durations = cursor.section("durations", 4 * frames)
    if flags & _METADATA:
        header = cursor.section("metadata header", MAX_HEADER, least=1)
        parts = cursor.section("metadata", MAX_PARTS)
    palette = cursor.section("palette", colors * channels, least=1)
    return Head(
        width=width,
        height=height,
        colors=colors,
        channels=channels,
        coder=BY_ID[coder_id],
        indexed=indexed,
        tile_rows=rows,
        tile_columns=columns,
        animated=animated,
        frames=frames,
        group=group,
        loop=loop,
        duration_unit=unit,
        durations_data=durations,
        metadata_header=header,
        metadata_parts=parts,
        palette_data=palette,
        size=cursor.at,
    )


def _check_understood(version: int, flags: int, coder_id: int) -> None:
    """Raises UnsupportedError for anything in the prefix that only another version of kpal understands."""
    ours = MAJOR << 4 | MINOR
    if version != ours:
        age = "a newer kpal" if version > ours else "an older kpal, while the format was a draft"
        said = f"format version {version >> 4}.{version & 15}; this kpal reads {MAJOR}.{MINOR}"
        raise UnsupportedError(f"made by {age}: {said}", 8)
    if unknown := [str(bit) for bit in range(8) if flags & ~_FLAGS & 1 << bit]:
        raise UnsupportedError(f"made by a newer kpal: unknown feature flags, bit {', '.join(unknown)}", 9)
    if coder_id not in BY_ID:
        raise UnsupportedError(f"made by a newer kpal: unknown index coder {coder_id}", 10)


def _check_tiles(count: int, tile: tuple[int, int, int], at: int, colors: int) -> None:
    """Raises DamagedError for tiles of so many rows, columns and frames that a file with an index must not have."""
    rows, columns, frames = tile
    if colors == 1 or count == 1:
        raise DamagedError("the file has several tiles, but there can be only one", 9)
    if rows * columns * frames < _LEAST_TILE:
        of_frames = f" and {frames} frames" if frames > 1 else ""
        raise DamagedError(f"tiles of {columns} x {rows} pixels{of_frames} are too small", at)
    if count > _MAX_TILES:
        raise DamagedError(f"{count} tiles are more than the {_MAX_TILES} that a file may have", at)


def varint(value: int) -> bytes:
    """The shortest LEB128 encoding of a number (KPAL.md, section 1)."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def framed(content: bytes) -> bytes:
    """A section as stored: its length, then its content."""
    return varint(len(content)) + content


class Cursor:
    """A read position in a file; raises TruncatedError or DamagedError with the offset of the problem.

    base: the offset in the file at which `data` begins.
    reserve: how many bytes may follow the part that is read next and belong to it, for `TruncatedError.needed`.
    """

    def __init__(self, data: bytes | memoryview, at: int = 0, *, base: int = 0) -> None:
        self.data = memoryview(data)
        self.at = at
        self.reserve = 0
        self._base = base

    def take(self, size: int, what: str) -> memoryview:
        left = len(self.data) - self.at
        if size > left:
            raise TruncatedError(
                f"the file ends in its {what}: {size} bytes needed, {max(left, 0)} left",
                self._base + self.at,
                needed=self._base + self.at + size + self.reserve,
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self, what: str, most: int = _MAX_LENGTH, *, least: int = 0) -> int:
        """Reads an unsigned LEB128 number of at most five bytes, in its shortest form."""
        start, value = self.at, 0
        for shift in range(0, 7 * LONGEST_VARINT, 7):
            (byte,) = self.take(1, what)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        if byte >= 0x80 or (byte == 0 and self.at - start > 1):
            raise DamagedError(f"{what}: a number not in its shortest form", self._base + start)
        if not least <= value <= most:
            raise DamagedError(f"{what} is {value}, but must be from {least} to {most}", self._base + start)
        return value

    def section(self, what: str, most: int = _MAX_LENGTH, *, least: int = 0) -> Section:
        size = self.varint(f"length of the {what}", most, least=least)
        return Section(bytes(self.take(size, what)), self.at - size)
