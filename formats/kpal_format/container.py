"""The container (KPAL.md, section 2): prefix, metadata, palette, index stream in bands, checksum.

Reading goes in two steps, so that a file can be identified from its first bytes and so that nothing is allocated
for a file that does not add up: `read_head` takes apart what stands before the index stream, `read_bands`
checks the rest of the file's framing and its checksum. Neither decodes anything; `Head` does that, part by
part, when asked.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from .coders import BY_ID, BY_NAME, Coder, zstd
from .errors import DamagedError, LimitError, TruncatedError, UnsupportedError
from .indexed import MAX_SIDE, U8, IndexedImage, Metadata
from .metadata import MAX_HEADER, MAX_PARTS, decode_metadata, encode_metadata
from .palette import decode_palette, encode_palette
from .parallel import in_parallel

EXTENSION: Final = ".kpal"
MIME: Final = "image/x-kpal"
MAGIC: Final = b"\x8bKPAL\r\n\x1a"  # a high bit against 7-bit transport, CR LF against text mode, ^Z against `type`
MAJOR: Final = 0
MINOR: Final = 1

_ALPHA: Final = 0b001  # flags: the palette has alpha
_METADATA: Final = 0b010  # ... a metadata section follows the prefix
_BANDS: Final = 0b100  # ... the index stream has several bands
_FLAGS: Final = _ALPHA | _METADATA | _BANDS

_MAX_LENGTH: Final = 2**35 - 1  # what a varint of five bytes holds
_LEAST_BAND: Final = 1 << 16  # pixels, but for the last: a band costs time of its own, and a file could have millions
_BAND_PIXELS: Final = 1 << 22  # splitting smaller images would cost bytes and gain nothing
_CRC_SIZE: Final = 4


class Section(NamedTuple):
    """A part of a file as it is stored, and where it begins."""

    data: bytes | memoryview
    offset: int

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Lets a DamagedError of the block say where the section is."""
        try:
            yield
        except DamagedError as error:
            raise DamagedError(str(error), self.offset) from error


@dataclass(frozen=True)
class Head:
    """All that stands before the index stream, still coded but for the prefix.

    width, height, colors, channels: of the image; channels is 3 (RGB) or 4 (RGBA).
    coder: of the index stream.
    band_rows: rows in a band; the last band may have fewer.
    metadata_header, metadata_parts, palette_data: the sections; those of metadata are empty where there is none.
    size: the number of bytes of all this, which is where the index stream begins.
    """

    width: int
    height: int
    colors: int
    channels: int
    coder: Coder
    band_rows: int
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

    @property
    def bands(self) -> int:
        """How many bands the index stream has: none where there is but one colour to choose from."""
        return -(-self.height // self.band_rows) if self.colors > 1 else 0

    def check_pixels(self, limit: int | None) -> None:
        """Raises LimitError where the image has more than `limit` pixels (None: any number will do)."""
        if limit is not None and self.width * self.height > limit:
            raise LimitError(f"{self.width} x {self.height} pixels are more than the limit of {limit}")


def pack(image: IndexedImage, coder: str) -> bytes:
    """The whole file. Raises ValueError for an unknown coder or for metadata that is too large."""
    if not isinstance(coder, str) or coder not in BY_NAME:
        raise ValueError(f"unknown coder {coder!r}: one of {', '.join(BY_NAME)}")
    height, width = image.indices.shape
    colors, channels = image.palette.shape
    header, parts = encode_metadata(image.metadata)
    band_rows = _band_rows(width, height) if colors > 1 else height
    flags = (_ALPHA * (channels == 4)) | (_METADATA * bool(header)) | (_BANDS * (band_rows < height))
    out = bytearray(MAGIC)
    out += bytes((MAJOR << 4 | MINOR, flags, BY_NAME[coder].ID, colors - 1))
    out += _varint(width) + _varint(height)
    if header:
        out += _varint(len(header)) + header + _varint(len(parts)) + parts
    palette_data = encode_palette(image.palette, as_set=coder != zstd.NAME)
    out += _varint(len(palette_data)) + palette_data
    if band_rows < height:
        out += _varint(band_rows)
    if colors > 1:
        bands = [image.indices[top : top + band_rows] for top in range(0, height, band_rows)]
        for band in in_parallel(lambda rows: BY_NAME[coder].encode(rows, image.palette), bands):
            out += _varint(len(band)) + band
    out += zlib.crc32(out).to_bytes(_CRC_SIZE, "little")
    return bytes(out)


def read_head(data: bytes | memoryview) -> Head:
    """The head of the file that `data` is, or begins; raises KpalError, TruncatedError where it needs more."""
    cursor = _Cursor(data)
    magic = bytes(cursor.data[: len(MAGIC)])
    if magic != MAGIC[: len(magic)]:
        raise DamagedError("not a .kpal file: it does not begin with the magic number", 0)
    cursor.take(len(MAGIC), "magic number")
    version, flags, coder_id, last = cursor.take(4, "prefix")
    if version != (MAJOR << 4 | MINOR):
        raise UnsupportedError(f"format version {version >> 4}.{version & 15}; this kpal reads {MAJOR}.{MINOR}", 8)
    if flags & ~_FLAGS:
        raise UnsupportedError(f"unknown feature flags {flags & ~_FLAGS:#010b}", 9)
    if coder_id not in BY_ID:
        raise UnsupportedError(f"unknown index coder {coder_id}", 10)
    colors, channels = last + 1, 4 if flags & _ALPHA else 3
    width = cursor.varint("width", MAX_SIDE, least=1)
    height = cursor.varint("height", MAX_SIDE, least=1)
    header = parts = Section(b"", cursor.at)
    if flags & _METADATA:
        header = cursor.section("metadata header", MAX_HEADER, least=1)
        parts = cursor.section("metadata", MAX_PARTS)
    palette_data = cursor.section("palette", colors * channels, least=1)
    band_rows = height
    if flags & _BANDS:
        if colors == 1 or height == 1:
            raise DamagedError("an image of one colour or of one row has no bands", 9)
        band_rows = cursor.varint("rows of a band", height - 1, least=-(-_LEAST_BAND // width))
    return Head(width, height, colors, channels, BY_ID[coder_id], band_rows, header, parts, palette_data, cursor.at)


def read_bands(data: bytes | memoryview, head: Head) -> list[Section]:
    """The index stream of the whole file `data`, band by band, its framing and checksum verified.

    Raises DamagedError; TruncatedError where the file ends too early.
    """
    cursor = _Cursor(data, head.size)
    bands = [cursor.section("index stream", least=1) for _ in range(head.bands)]
    end = cursor.at
    stored = int.from_bytes(cursor.take(_CRC_SIZE, "checksum"), "little")
    if cursor.at < len(data):
        raise DamagedError(f"{len(data) - cursor.at} bytes follow the end of the image", cursor.at)
    if stored != zlib.crc32(cursor.data[:end]):
        raise DamagedError("the checksum does not fit: the file was changed or damaged", end)
    return bands


def read_bands_left(data: bytes | memoryview, head: Head) -> list[Section]:
    """What a file that was cut off still has of its index stream: whole bands, perhaps the beginning of one more."""
    cursor = _Cursor(data, head.size)
    bands: list[Section] = []
    for _ in range(head.bands):
        try:
            length = cursor.varint("length of the index stream", least=1)
        except TruncatedError:
            break
        bands.append(Section(cursor.data[cursor.at : cursor.at + length], cursor.at))
        cursor.at += length
    return bands


def _band_rows(width: int, height: int) -> int:
    bands = max(1, -(-width * height // _BAND_PIXELS))
    return -(-height // min(bands, height))


def _varint(value: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first, the high bit set on all but the last."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Cursor:
    """A position in the bytes of a file, which complains of what it does not find there."""

    def __init__(self, data: bytes | memoryview, at: int = 0) -> None:
        self.data = memoryview(data)
        self.at = at

    def take(self, size: int, what: str) -> memoryview:
        left = len(self.data) - self.at
        if size > left:
            raise TruncatedError(f"the file ends in its {what}: {size} bytes needed, {max(left, 0)} left", self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self, what: str, most: int = _MAX_LENGTH, *, least: int = 0) -> int:
        """An unsigned LEB128 number of at most five bytes, in its shortest form."""
        start, value = self.at, 0
        for shift in range(0, 35, 7):
            (byte,) = self.take(1, what)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        if byte >= 0x80 or (byte == 0 and self.at - start > 1):
            raise DamagedError(f"{what}: not a number in its shortest form", start)
        if not least <= value <= most:
            raise DamagedError(f"{what} is {value}; {least} to {most} are possible", start)
        return value

    def section(self, what: str, most: int = _MAX_LENGTH, *, least: int = 0) -> Section:
        size = self.varint(f"length of the {what}", most, least=least)
        return Section(self.take(size, what), self.at - size)
