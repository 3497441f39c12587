"""`.kpal` files built by hand, including invalid ones, and the paths of the specification and its vectors."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgpack
import pytest
import zstandard

from kpal_format import container

SPECIFICATION = Path(__file__).parent.parent / "formats" / "KPAL.md"
VECTORS = SPECIFICATION.parent / "vectors"

MAGIC = b"\x8bKPAL\r\n\x1a"


def use_small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes tiles of at most 33 columns and 31 rows, where there should be one of millions of pixels."""
    for name in ("_TILE", "_HUGE_TILE"):
        monkeypatch.setattr(container, name, 1 << 10)
    monkeypatch.setattr(container, "_HUGE", 1 << 11)
    monkeypatch.setattr(container, "_HUGE_TILE_SIDE", 33)
    monkeypatch.setattr(container, "_LEAST_TILE", 1)


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def frame(content: bytes, *, write_content_size: bool = True) -> bytes:
    """A Zstandard frame without its magic number."""
    return zstandard.ZstdCompressor(write_content_size=write_content_size).compress(content)[4:]


def with_checksum(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def section(content: bytes) -> bytes:
    return varint(len(content)) + content


def index_of(tiles: Sequence[bytes]) -> bytes:
    """The index of a file of these tiles."""
    return b"".join(len(tile).to_bytes(4, "little") + zlib.crc32(tile).to_bytes(4, "little") for tile in tiles)


@dataclass
class Parts:
    """The parts of a file, any of which a test may damage. By default: 2 x 1 pixels, red and blue.

    tile: the numbers of rows and columns of a tile.
    timing: what an animation has between its sizes and the metadata.
    stream: what stands between the palette and the checksum: the only tile, or the index of several.
    after: what follows the checksum: the tiles, if there are several.
    """

    magic: bytes = MAGIC
    version: int = 0x09
    flags: int = 0
    coder: int = 0
    last: int = 1
    width: bytes = field(default_factory=lambda: varint(2))
    height: bytes = field(default_factory=lambda: varint(1))
    tile: bytes = b""
    timing: bytes = b""
    metadata: bytes = b""
    palette: bytes = field(default_factory=lambda: section(b"\xff\x01\0\0\0\xff"))
    stream: bytes = field(default_factory=lambda: section(b"\x02\x40"))
    after: bytes = b""

    def bytes(self) -> bytes:
        prefix = self.magic + bytes((self.version, self.flags, self.coder, self.last))
        body = prefix + self.width + self.height + self.tile + self.timing + self.metadata + self.palette + self.stream
        return with_checksum(body) + self.after


def with_metadata(header: object, parts: bytes = b"") -> bytes:
    """A file with a metadata section of this header: an object to pack with msgpack, or raw bytes."""
    packed = header if isinstance(header, bytes) else msgpack.packb(header)
    return Parts(flags=0b010, metadata=section(packed) + section(parts)).bytes()
