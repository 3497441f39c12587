"""The fuzz targets: functions of bytes. The docstring of each states the invariant that it checks.

None of them needs atheris; `test_regressions.py` runs earlier findings through them. Inputs of inner decoders begin
with a few bytes that encode the parameters otherwise taken from the file's head.
"""

from __future__ import annotations

import contextlib
import io
import random
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple
from unittest import mock

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from kpal_format import (
    MAGIC,
    U8,
    DamagedError,
    KpalError,
    KpalWarning,
    Metadata,
    Reader,
    decode_indexed,
    encode_indexed,
    inspect,
    verify,
)
from kpal_format.coders import BY_ID, BY_NAME, decode_tile
from kpal_format.container import CRC_SIZE, ENTRY_SIZE, MAJOR, MINOR, Head, Layout, framed, pack_head, read_head, varint
from kpal_format.index import pack_index, read_index, read_only_tile, read_tiles
from kpal_format.metadata import decode_metadata
from kpal_format.palette import decode_palette
from kpal_format.positioned import reader_of
from kpal_format.tiles import Encoding
from kpal_plugins.pillow import KpalImageFile, register

VECTORS: Final = Path(__file__).parent.parent / "formats" / "vectors"
MAX_PIXELS: Final = 1 << 16  # the limit for all targets, to keep executions short
_REENCODED_PIXELS: Final = 200  # larger images are not encoded again

register()


class _Tiled(NamedTuple):
    """The parts of a file of several tiles, each a row, whose indices are not 0."""

    head: bytes
    entries: bytes
    tiles: bytes
    indices: U8


def _tiled() -> _Tiled:
    columns = np.arange(1 << 16)
    indices = np.stack([columns // (7 + row) % 5 + 1 for row in range(4)]).astype(np.uint8)
    palette = np.arange(18, dtype=np.uint8).reshape(6, 3)
    head = pack_head(1 << 16, 4, palette, "zstd", Metadata(), tile=Layout(1, 1 << 16, 1, 4))
    tiles = Encoding(palette, BY_NAME["zstd"], 1, 4, 1, 1 << 16).write(indices)
    entries = pack_index(list(map(len, tiles)), list(map(zlib.crc32, tiles)), head)[:-CRC_SIZE]
    return _Tiled(head, entries, b"".join(tiles), indices)


TILED: Final = _tiled()


class _Trickling:
    """A file of which each read gets only a part, and which has no other methods."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def seek(self, at: int) -> None:
        self._at = at

    def read(self, size: int) -> bytes:
        part = self._data[self._at : self._at + max(1, size // 3)]
        self._at += len(part)
        return part


def container(data: bytes) -> None:
    """Any bytes have a valid head, framing and checksum, or raise KpalError."""
    with contextlib.suppress(KpalError):
        info = inspect(data)
        assert info.as_dict()["width"] == info.width
        verify(data)


def whole(data: bytes) -> None:
    """Any bytes decode to an image within the limit that survives a round trip, or raise KpalError."""
    for on_error in ("raise", "skip"):
        try:
            with warnings.catch_warnings(action="ignore", category=KpalWarning):
                image = decode_indexed(data, max_pixels=MAX_PIXELS, on_error=on_error)
        except KpalError:
            continue
        assert image.indices.size <= MAX_PIXELS
        assert image.indices.max() < len(image.palette)
        if image.indices.size <= _REENCODED_PIXELS:
            for coder in BY_NAME:
                again = decode_indexed(encode_indexed(image, coder=coder))
                assert np.array_equal(again.indices, image.indices)
                assert np.array_equal(again.palette, image.palette)
                assert again.metadata == image.metadata


def index(data: bytes) -> None:
    """Whatever an index says, the pixels of each tile are right or missing, and all ways to read them agree.

    The input replaces the index of a file of four tiles; the checksum of head and index is repaired.
    """
    file = TILED.head + data + zlib.crc32(TILED.head + data).to_bytes(CRC_SIZE, "little") + TILED.tiles
    try:
        with warnings.catch_warnings(action="ignore", category=KpalWarning):
            rows = decode_indexed(file, on_error="skip").indices
    except KpalError:
        assert len(data) != len(TILED.indices) * ENTRY_SIZE or not np.frombuffer(data, "<u4")[::2].all()
        return
    right = [np.array_equal(row, expected) for row, expected in zip(rows, TILED.indices, strict=True)]
    assert all(known or not row.any() for known, row in zip(right, rows, strict=True))
    reader = Reader(_Trickling(file))
    height, width = rows.shape
    for y in range(height):
        try:
            assert np.array_equal(reader.read((0, y, width, y + 1)).indices[0], TILED.indices[y])
        except DamagedError:
            assert not right[y] or y == height - 1  # the last tile is right, but bytes follow it
        else:
            assert right[y]
    for decode in (decode_indexed, lambda data: Reader(_Trickling(data)).read()):
        try:
            assert np.array_equal(decode(file).indices, TILED.indices)
        except DamagedError:
            assert data != TILED.entries
        else:
            assert data == TILED.entries


def pillow(data: bytes) -> None:
    """Any bytes open and load in Pillow, or raise KpalError or Pillow's errors for unknown files and for bombs."""
    for truncated in (False, True):
        with (
            mock.patch.object(Image, "MAX_IMAGE_PIXELS", MAX_PIXELS // 2),  # Pillow raises above twice this number
            mock.patch.object(ImageFile, "LOAD_TRUNCATED_IMAGES", truncated),
            contextlib.suppress(KpalError, UnidentifiedImageError, Image.DecompressionBombError),
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            warnings.catch_warnings(action="ignore", category=KpalWarning),
            Image.open(io.BytesIO(data), formats=["KPAL"]) as image,
        ):
            image.load()
            assert isinstance(image, KpalImageFile)
            assert image.mode == "P"
            image.convert("RGBA")
            if image.n_frames * image.width * image.height <= MAX_PIXELS:
                image.seek(image.n_frames - 1)
                image.load()


def metadata(data: bytes) -> None:
    """Any header and parts decode to Metadata no larger than the parts can hold, or raise DamagedError."""
    size = int.from_bytes(data[:2], "little")
    header, parts = data[2 : 2 + size], data[2 + size :]
    try:
        found = decode_metadata(header, parts)
    except DamagedError:
        return
    held = sum(len(blob or b"") for blob in (found.icc_profile, found.exif, found.xmp))
    assert held <= max(len(parts), (len(parts) // 4 + 1) << 17)


def palette(data: bytes) -> None:
    """Any section no longer than a plain palette decodes to the right number of colours, or raises DamagedError."""
    colors, channels = data[0] + 1, 3 + data[1] % 2
    stored = data[2 : 2 + colors * channels]
    with contextlib.suppress(DamagedError):
        assert decode_palette(stored, colors, channels).shape == (colors, channels)


def _tile(name: str) -> Callable[[bytes], None]:
    def decode(data: bytes) -> None:
        """Any tile, truncated or not, decodes to indices of the requested shape, or raises DamagedError."""
        width, rows, colors, channels = data[0] + 1, data[1] % 64 + 1, max(data[2], 1) + 1, 3 + data[3] % 2
        entries = np.arange(colors * channels, dtype=np.uint32).reshape(colors, channels) * (data[3] | 1) >> 1
        colors_of = (entries & 255).astype(np.uint8)
        for partial in (False, True):
            try:
                indices = decode_tile(BY_NAME[name], data[4:], (rows, width), colors_of, partial=partial)
            except DamagedError:
                continue
            assert indices.shape == (rows, width)
            assert name == "zstd" or indices.max() < colors

    return decode


def _frames(name: str) -> Callable[[bytes], None]:
    def decode(data: bytes) -> None:
        """Any tile of several frames, truncated or not, decodes to frames of the shape, or raises DamagedError."""
        frames, width, rows, colors = data[0] % 16 + 2, data[1] + 1, data[2] % 64 + 1, max(data[3], 1) + 1
        entries = np.arange(colors * 4, dtype=np.uint32).reshape(colors, 4) * (data[4] | 1) >> 1
        palette = (entries & 255).astype(np.uint8)
        for partial in (False, True):
            try:
                decoder = BY_NAME[name].decoder(data[5:], (frames, rows, width), palette, partial=partial)
                for _ in range(frames):
                    indices = decoder.read()
                    assert indices.shape == (rows, width)
                    assert name == "zstd" or indices.max() < colors
                decoder.finish()
            except DamagedError:
                continue

    return decode


# name of a target -> its function, and the minimum size of its input in bytes
TARGETS: Final[dict[str, tuple[Callable[[bytes], None], int]]] = {
    "container": (container, 0),
    "index": (index, 0),
    "metadata": (metadata, 3),
    "palette": (palette, 3),
    "zstd": (_tile("zstd"), 5),
    "mix": (_tile("mix"), 5),
    "max": (_tile("max"), 5),
    "fast": (_tile("fast"), 5),
    "zstd_frames": (_frames("zstd"), 6),
    "mix_frames": (_frames("mix"), 6),
    "max_frames": (_frames("max"), 6),
    "fast_frames": (_frames("fast"), 6),
    "pillow": (pillow, 0),
    "mended": (whole, 0),  # its inputs are mutated by `mutate`
}


# Targets without coverage: the fuzzer cannot see into their loops.
COMPILED: Final = ("mix", "max", "fast", "mix_frames", "max_frames", "fast_frames")


def run(name: str, data: bytes) -> None:
    """Executes a target once."""
    target, least = TARGETS[name]
    if len(data) >= least:
        target(data)


def seeds(name: str) -> Iterator[bytes]:
    """The initial inputs of a target: the vectors, or the parts of the vectors that the target decodes."""
    if name == "index":
        entries = np.frombuffer(TILED.entries, "<u4").reshape(-1, 2)
        yield TILED.entries
        yield entries[::-1].tobytes()
        yield np.roll(entries, 1, axis=0).tobytes()
        yield (entries + np.array(((1, 0), (2**32 - 1, 0), (0, 0), (0, 0)), np.uint32)).tobytes()  # a border moved
        return
    if name.endswith("_frames"):
        yield from _frame_seeds(name.removesuffix("_frames"))
        return
    for path in sorted(VECTORS.glob("*/*.kpal")):
        data = path.read_bytes()
        if name in ("container", "pillow", "mended"):
            yield data
            continue
        try:
            head, tiles = _tiles_of(data)
        except KpalError:
            continue
        if name == "metadata" and head.metadata_header.data:
            header = bytes(head.metadata_header.data)
            yield len(header).to_bytes(2, "little") + header + bytes(head.metadata_parts.data)
        elif name == "palette":
            yield bytes((head.colors - 1, head.channels - 3)) + bytes(head.palette_data.data)
        elif name == head.coder.NAME and head.width <= 256 and head.height <= 64 and tiles:
            about = bytes((head.width - 1, head.height - 1, head.colors - 1, head.channels - 3))
            yield about + tiles[0]


def _frame_seeds(name: str) -> Iterator[bytes]:
    """Tiles in which a part of a picture scrolls and some of its pixels change."""
    random = np.random.default_rng(1)
    for colors in (2, 16, 200):
        ground = random.integers(0, colors, (48, 64), dtype=np.uint8).repeat(2, axis=1)
        palette = np.zeros((colors, 4), np.uint8)
        encoder = BY_NAME[name].encoder((5, 48, 128), palette)
        for i in range(5):
            frame = np.roll(ground, 3 * min(i, 3), axis=1)
            frame[:8, :8] += i == 2
            encoder.write(frame % colors)
        yield bytes((5 - 2, 128 - 1, 48 - 1, colors - 1, 0)) + encoder.finish()


def _tiles_of(data: bytes) -> tuple[Head, list[bytes]]:
    """The head and the tiles of a file; raises KpalError."""
    head, read_at = read_head(data), reader_of(data)
    index = read_index(data, head)
    if head.indexed:
        return head, [bytes(tile.data) for _, tile in read_tiles(read_at, head, index, range(head.tiles))]
    tile = read_only_tile(read_at, index)
    return head, [bytes(tile.data)] if tile else []


def mutate(data: bytes, max_size: int, seed: int, mutate_bytes: Callable[[bytes, int], bytes]) -> bytes:
    """Mutates one part of a file and repairs all lengths and checksums, so that inner decoders see the change."""
    chance = random.Random(seed)
    try:
        head, tiles = _tiles_of(data)
    except KpalError:
        return _with_checksum(mutate_bytes(data[:-4], max_size - 4))
    kind = chance.choice(("header", "parts", "palette", "tile", "tile", "shape", "coder"))
    sections = {
        "header": bytes(head.metadata_header.data),
        "parts": bytes(head.metadata_parts.data),
        "palette": bytes(head.palette_data.data),
    }
    if kind in sections:
        sections[kind] = mutate_bytes(sections[kind] or b"\x80", max_size // 2)
    elif kind == "tile" and tiles:
        changed = chance.randrange(len(tiles))
        tiles[changed] = mutate_bytes(tiles[changed], max_size // 2)
    return _assembled(head, sections, tiles, chance if kind in ("shape", "coder") else None)


def _assembled(head: Head, sections: dict[str, bytes], tiles: list[bytes], chance: random.Random | None) -> bytes:
    """Assembles a file from its parts; with `chance`, changes its shape, number of colours and coder at random."""
    width, height, colors, coder = head.width, head.height, head.colors, head.coder.ID
    if chance is not None:
        width, height = chance.choice(
            ((width, height), (height, width), (chance.randint(1, 300), chance.randint(1, 99)))
        )
        colors = chance.choice((colors, 1, 2, 16, 17, 256, chance.randint(1, 256)))
        coder = chance.choice(list(BY_ID))
    several = len(tiles) > 1
    flags = (head.channels == 4) | bool(sections["header"]) << 1 | several << 2
    body = MAGIC + bytes((MAJOR << 4 | MINOR, flags, coder, colors - 1)) + varint(width) + varint(height)
    if several:
        body += varint(head.tile_rows) + varint(head.tile_columns)
    if sections["header"]:
        body += framed(sections["header"]) + framed(sections["parts"])
    body += framed(sections["palette"])
    if several:
        return body + pack_index(list(map(len, tiles)), list(map(zlib.crc32, tiles)), body) + b"".join(tiles)
    return _with_checksum(body + b"".join(map(framed, tiles)))


def _with_checksum(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")
