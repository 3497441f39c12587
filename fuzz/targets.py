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
from typing import Final
from unittest import mock

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from kpal_format import (
    MAGIC,
    DamagedError,
    KpalError,
    decode_indexed,
    decode_truncated,
    encode_indexed,
    inspect,
    verify,
)
from kpal_format.coders import BY_ID, BY_NAME
from kpal_format.container import Head, framed, read_head, read_tiles, varint
from kpal_format.metadata import decode_metadata
from kpal_format.palette import decode_palette
from kpal_plugins.pillow import register

VECTORS: Final = Path(__file__).parent.parent / "formats" / "vectors"
MAX_PIXELS: Final = 1 << 16  # the limit for all targets, to keep executions short
_REENCODED_PIXELS: Final = 200  # larger images are not encoded again

register()


def container(data: bytes) -> None:
    """Any bytes have a valid head, framing and checksum, or raise KpalError."""
    with contextlib.suppress(KpalError):
        info = inspect(data)
        assert info.as_dict()["width"] == info.width
        verify(data)


def whole(data: bytes) -> None:
    """Any bytes decode to an image within the limit that survives a round trip, or raise KpalError."""
    for decode in (decode_indexed, decode_truncated):
        try:
            image = decode(data, max_pixels=MAX_PIXELS)
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


def pillow(data: bytes) -> None:
    """Any bytes open and load in Pillow, or raise KpalError or Pillow's errors for unknown files and for bombs."""
    for truncated in (False, True):
        with (
            mock.patch.object(Image, "MAX_IMAGE_PIXELS", MAX_PIXELS // 2),  # Pillow raises above twice this number
            mock.patch.object(ImageFile, "LOAD_TRUNCATED_IMAGES", truncated),
            contextlib.suppress(KpalError, UnidentifiedImageError, Image.DecompressionBombError),
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(data), formats=["KPAL"]) as image,
        ):
            image.load()
            assert image.mode == "P"
            image.convert("RGBA")


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
                indices = BY_NAME[name].decode(data[4:], (rows, width), colors_of, partial=partial)
            except DamagedError:
                continue
            assert indices.shape == (rows, width)
            assert name == "zstd" or indices.max() < colors

    return decode


# name of a target -> its function, and the minimum size of its input in bytes
TARGETS: Final[dict[str, tuple[Callable[[bytes], None], int]]] = {
    "container": (container, 0),
    "metadata": (metadata, 3),
    "palette": (palette, 3),
    "zstd": (_tile("zstd"), 5),
    "mix": (_tile("mix"), 5),
    "max": (_tile("max"), 5),
    "fast": (_tile("fast"), 5),
    "pillow": (pillow, 0),
    "mended": (whole, 0),  # its inputs are mutated by `mutate`
}


COMPILED: Final = ("mix", "max", "fast")  # targets without coverage: the fuzzer cannot see into their loops


def run(name: str, data: bytes) -> None:
    """Executes a target once."""
    target, least = TARGETS[name]
    if len(data) >= least:
        target(data)


def seeds(name: str) -> Iterator[bytes]:
    """The initial inputs of a target: the vectors, or the parts of the vectors that the target decodes."""
    for path in sorted(VECTORS.glob("*/*.kpal")):
        data = path.read_bytes()
        if name in ("container", "pillow", "mended"):
            yield data
            continue
        try:
            head = read_head(data)
            tiles = read_tiles(data, head)
        except KpalError:
            continue
        if name == "metadata" and head.metadata_header.data:
            header = bytes(head.metadata_header.data)
            yield len(header).to_bytes(2, "little") + header + bytes(head.metadata_parts.data)
        elif name == "palette":
            yield bytes((head.colors - 1, head.channels - 3)) + bytes(head.palette_data.data)
        elif name == head.coder.NAME and head.width <= 256 and head.height <= 64 and tiles:
            about = bytes((head.width - 1, head.height - 1, head.colors - 1, head.channels - 3))
            yield about + bytes(tiles[0].data)


def mutate(data: bytes, max_size: int, seed: int, mutate_bytes: Callable[[bytes, int], bytes]) -> bytes:
    """Mutates one part of a file and repairs all lengths and the checksum, so that inner decoders see the change."""
    chance = random.Random(seed)
    try:
        head = read_head(data)
        tiles = [bytes(tile.data) for tile in read_tiles(data, head)]
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
    body = MAGIC + bytes((1, flags, coder, colors - 1)) + varint(width) + varint(height)
    if sections["header"]:
        body += framed(sections["header"]) + framed(sections["parts"])
    body += framed(sections["palette"]) + ((varint(head.tile_rows) + varint(head.tile_columns)) if several else b"")
    return _with_checksum(body + b"".join(map(framed, tiles)))


def _with_checksum(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")
