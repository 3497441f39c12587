"""Makes the conformance vectors: `python -m formats.vectors.make [--replace NAME ...]`, in the root of the repository.

The files are checked in, because a decoder must keep reading what was written earlier, whatever the encoder writes
today. So this adds the vectors that are missing, and touches none that is there unless `--replace` names it: a pattern,
such as `06-in-varint`, `mix-*`, or `*` for a new version byte.
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from kpal.color.palettes import sorted_palette
from kpal_format import Animation, IndexedImage, Metadata, Reader, Writer, encode_indexed, inspect
from kpal_format.coders import BY_NAME, encode_tile
from kpal_format.coders.zstd import _pack
from kpal_format.kernel import ColorSet
from kpal_format.metadata import encode_metadata
from kpal_format.palette import encode_palette
from kpal_format.tiles import Encoding
from tests.files import Parts, frame, index_of, section, varint, with_checksum, with_metadata
from tests.images import METADATA, moving, picture, poster, random_indexed, scrolling

HERE = Path(__file__).parent
ROWS = b"\1" + frame(bytes(8192)), b"\1" + frame(b"\xff" * 8192)  # tiles of 1 x 65536 pixels, of colours 0 and 1


def main() -> None:
    """Writes `valid/`, `valid.json` and `invalid/`, and tells what it did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replace", nargs="+", default=[], metavar="NAME", help="vectors to write anew: patterns")
    replaced = parser.parse_args().replace
    names = {
        folder: _write(folder, vectors, replaced) for folder, vectors in (("valid", valid()), ("invalid", invalid()))
    }
    manifest = {name: _described((HERE / "valid" / f"{name}.kpal").read_bytes()) for name in names["valid"]}
    (HERE / "valid.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def _write(folder: str, vectors: Iterable[tuple[str, bytes]], replaced: Sequence[str]) -> list[str]:
    """Writes what is missing or to be replaced; returns the names of all, in their order."""
    names = []
    for name, data in vectors:
        names.append(name)
        path = HERE / folder / f"{name}.kpal"
        if path.exists() and path.read_bytes() == data:
            continue
        if path.exists() and not any(fnmatch.fnmatchcase(name, pattern) for pattern in replaced):
            print(f"kept, though it would now be written otherwise: {folder}/{path.name}")
            continue
        print(f"{'replaced' if path.exists() else 'added'}: {folder}/{path.name}")
        path.write_bytes(data)
    for path in sorted((HERE / folder).glob("*.kpal")):
        if path.stem not in names:
            print(f"no longer made, to be removed by hand: {folder}/{path.name}")
    return names


def _described(data: bytes) -> dict[str, Any]:
    """The manifest's entry for a file."""
    info, reader = inspect(data), Reader(data)
    about, palette = reader.metadata, reader.palette
    colors = b"".join(IndexedImage(indices, palette).pixels().tobytes() for indices in reader.iterate())
    blobs = {"icc": about.icc_profile, "exif": about.exif, "xmp": about.xmp}
    metadata: dict[str, Any] = {key: _digest(blob) for key, blob in blobs.items() if blob is not None}
    if about.text:
        metadata["text"] = dict(about.text)
    if about.density:
        metadata["density"] = about.density
    frames = {"frames": info.frames, "durations": info.durations, "loop": info.loop} if info.durations else {}
    return {
        "width": info.width,
        "height": info.height,
        "colors": info.colors,
        "channels": palette.shape[1],
        "coder": info.coder,
        "tiles": info.tiles,
        **frames,
        "pixels": _digest(colors),
        "palette": _digest(palette.tobytes()),
        "metadata": metadata,
    }


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- files that a decoder must read


def valid() -> Iterator[tuple[str, bytes]]:
    """Yields the name and the content of each file."""
    yield "example", Parts().bytes()  # KPAL.md, section 7

    for colors in (2, 3, 16, 17):
        image = random_indexed(3, 7, colors)
        packed = _pack(image.indices, 1 if colors == 2 else 2 if colors == 3 else 4 if colors == 16 else 8)
        yield f"zstd-form-2-{colors}-colours", _file(image, "zstd", [b"\2" + packed])
        if colors < 17:
            yield f"zstd-form-1-{colors}-colours", _file(image, "zstd", [b"\1" + frame(packed)])
        yield f"zstd-form-0-{colors}-colours", _file(image, "zstd", [b"\0" + frame(image.indices.tobytes())])
    yield "zstd-256-colours", encode_indexed(picture(24, 31, 256), coder="zstd")

    for coder in ("mix", "max", "fast"):
        for height, width, colors, channels in (
            (1, 1, 2, 3),
            (1, 40, 17, 4),
            (40, 1, 3, 3),
            (9, 14, 16, 4),
            (12, 11, 17, 3),
            (16, 14, 256, 4),
        ):
            kind = "-alpha" * (channels == 4)
            image = _with_sorted_palette(picture(height, width, colors, channels))
            yield f"{coder}-{width}x{height}-{colors}-colours{kind}", encode_indexed(image, coder=coder)
        yield f"{coder}-flat", encode_indexed(_with_sorted_palette(poster(30, 40, 12)), coder=coder)
    yield "fast-noise", encode_indexed(_with_sorted_palette(random_indexed(110, 110, 6)), coder="fast")
    yield "fast-repeats", encode_indexed(_repeating(), coder="fast")

    for channels in (3, 4):
        image = random_indexed(1, 1, 1, channels)
        yield f"one-colour-{channels}-channels", encode_indexed(image, coder="mix")
    yield "one-colour-large", encode_indexed(IndexedImage(np.zeros((300, 500), np.uint8), image.palette), coder="mix")

    indices = np.zeros((3, 66000), np.uint8)  # mostly rank 0: plain Python decodes such spans a row at a time
    indices[1, 5:99] = indices[2, -50:] = 1
    striped = IndexedImage(indices, np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    for coder in BY_NAME:
        for name, rows, columns in (
            ("one-column-of", 2, 66000),
            ("two-columns-of", 2, 33000),
            ("one-row-of", 3, 22000),
            ("cut-off", 2, 40000),
        ):
            tiles = Encoding(striped.palette, BY_NAME[coder], 1, 3, rows, columns).write(indices)
            yield f"{coder}-{name}-tiles", _file(striped, coder, tiles, tile=(rows, columns))
    header, parts = encode_metadata(METADATA)
    described = Parts(flags=6, metadata=section(header) + section(parts))
    yield "tiles-and-metadata", _rows(ROWS, described).bytes()

    gray = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[:, None], 3, axis=1)
    transparent = random_indexed(1, 1, 40, 4).palette.copy()
    transparent[-1] = 0
    for name, palette in (
        ("plain", random_indexed(1, 1, 20).palette),
        ("plain-equal-entries", np.array([[9, 9, 9], [0, 0, 0], [9, 9, 9], [255, 1, 2]], np.uint8)),
        ("frame", gray[::-1]),
        ("frame-alpha", np.column_stack((gray[::-1], np.full(64, 128, np.uint8)))),
        ("set", sorted_palette(gray)),
        ("set-two-colours", np.array([[0, 0, 0], [255, 255, 255]], np.uint8)),
        ("set-256-colours", sorted_palette(random_indexed(1, 1, 256).palette)),
        ("set-alpha-opaque", sorted_palette(np.column_stack((gray, np.full(64, 255, np.uint8))))),
        ("set-alpha-transparent", sorted_palette(np.vstack((transparent, transparent[:9] | (0, 0, 0, 255))))),
    ):
        indices = (np.arange(35, dtype=np.uint8) % min(len(palette), 35)).reshape(5, 7)
        form = "set" in name
        image = IndexedImage(indices, np.ascontiguousarray(palette, np.uint8))
        tiles = [encode_tile(BY_NAME["zstd"], indices, image.palette)]
        yield f"palette-{name}", _file(image, "zstd", tiles, as_set=form)

    yield from _animations()

    image = random_indexed(4, 4, 5)
    long = Metadata(xmp=b"<x/>" * 300, text={"Comment": "\u00e4\u20ac\U0001f3a8" * 50})
    for name, metadata in (
        ("all", METADATA),
        ("frame", long),
        ("density", Metadata(density=(2**31 - 1, 1))),
        ("empty-text", Metadata(text={"": "", "Title": ""})),
    ):
        yield f"metadata-{name}", encode_indexed(dataclasses.replace(image, metadata=metadata), coder="mix")
    yield "metadata-nothing", with_metadata({})
    yield "metadata-unknown-keys", with_metadata({"later": [1.5, None, b"x", {"x": -3}], "xmp": 3}, b"<x>")
    yield "metadata-16-deep", with_metadata({"later": json.loads("[" * 14 + "0" + "]" * 14)})
    # Every msgpack type that a header may contain, including encodings that are longer than necessary.
    later = [
        b"\xc0", b"\xc2", b"\xc3", b"\0", b"\x7f", b"\xe0", b"\xff",
        b"\xcc\1", b"\xcd\0\1", b"\xce\0\0\0\1", b"\xcf" + bytes(8), b"\xcf" + b"\xff" * 8,
        b"\xd0\xff", b"\xd1\xff\xff", b"\xd2" + b"\xff" * 4, b"\xd3\x80" + bytes(7),
        b"\xca\x7f\xc0\0\0", b"\xcb" + bytes(8),
        b"\xc4\1a", b"\xc5\0\1a", b"\xc6\0\0\0\1a", b"\xa0", b"\xd9\1a", b"\xda\0\1a", b"\xdb\0\0\0\1a",
        b"\x90", b"\xdc\0\1\x91\0", b"\xdd\0\0\0\0", b"\x80", b"\xde\0\1\xd9\1a\0", b"\xdf\0\0\0\0",
    ]  # fmt: skip
    array = b"\xdc" + (len(later)).to_bytes(2, "big") + b"".join(later)
    yield "metadata-all-types", with_metadata(b"\xdf\0\0\0\2\xd9\5later" + array + b"\xa3xmp\xcd\0\3", b"<x>")


def _animations() -> Iterator[tuple[str, bytes]]:
    """Animations with every coder, and with every form of durations."""
    row = np.zeros((5, 1, 33000), np.uint8)  # mostly rank 0, as in `striped`
    row[1:, 0, 50:60] = row[3, 0, 70:75] = 1
    wide = [IndexedImage(indices, np.array([[0, 0, 0], [255, 255, 255]], np.uint8)) for indices in row]
    for coder in BY_NAME:
        for colors, channels in ((2, 3), (16, 4), (17, 3), (256, 4)):
            kind = "-alpha" * (channels == 4)
            yield f"{coder}-frames-{colors}-colours{kind}", _animated(moving(6, 11, 14, colors, channels), coder)
        yield f"{coder}-frames-that-move", _animated(scrolling(6, 40, 48, 7), coder)
        yield f"{coder}-frames-at-rest", _animated([*moving(2, 9, 20, 5)] * 3, coder)
        yield f"{coder}-groups-of-frames", _animated(wide, coder, restart=2)
    gray = random_indexed(6, 5, 1)
    yield "one-colour-frames", _animated([gray] * 9, "mix")
    frames = list(moving(12, 3, 4, 3))
    for name, durations, loop in (
        ("equal", [100] * 12, 0),
        ("0", [0] * 12, 1),
        ("longest", [2**31 - 1] * 12, 2**32 - 1),
        ("bytes", [10, 0, 2550] * 4, 2),
        ("four-bytes", [1, 70000, 2**31 - 1, *range(2000, 2009)], 3),
    ):
        yield f"durations-{name}", _animated(frames, "zstd", durations, loop)
    yield "durations-packed", _animated([gray] * 600, "zstd", [20, 7000, 30] * 200)
    yield "durations-of-one-frame", _animated(frames[:1], "zstd", [70], 5)


def _animated(
    frames: Iterable[IndexedImage],
    coder: str,
    durations: Sequence[int] | None = None,
    loop: int = 0,
    *,
    restart: int | None = None,
) -> bytes:
    images = list(frames)
    height, width = images[0].indices.shape
    animation = Animation(tuple(durations or [40] * len(images)), loop, restart)
    file = io.BytesIO()
    with Writer(file, width, height, images[0].palette, coder=coder, animation=animation) as writer:
        for image in images:
            writer.write(image.indices)
    return file.getvalue()


def _repeating() -> IndexedImage:
    """A picture that occurs three times, equal rows, and spans longer than one flag can cover.

    Slots of the coder `fast` become confident here, lose confidence, and are replaced.
    """
    image = _with_sorted_palette(picture(12, 40, 9))
    indices = np.zeros((30, 9000), np.uint8)
    indices[2:14, 100:140] = indices[2:14, 300:340] = indices[16:28, 8500:8540] = image.indices
    indices[20:24, 8510:8512] = 3
    indices[28:, :] = 1
    return IndexedImage(indices, image.palette)


def _with_sorted_palette(image: IndexedImage) -> IndexedImage:
    """The same indices with a sorted palette, which the coders `mix` and `max` store as a set."""
    palette = sorted_palette(image.palette)
    return IndexedImage(np.minimum(image.indices, len(palette) - 1).astype(np.uint8), palette)


def _file(
    image: IndexedImage, coder: str, tiles: list[bytes], *, tile: tuple[int, ...] = (), as_set: bool = False
) -> bytes:
    colors, channels = image.palette.shape
    height, width = image.indices.shape
    return Parts(
        flags=(channels == 4) | bool(tile) << 2,
        coder=BY_NAME[coder].ID,
        last=colors - 1,
        width=varint(width),
        height=varint(height),
        palette=section(encode_palette(image.palette, as_set=as_set)),
        tile=b"".join(map(varint, tile)),
        stream=index_of(tiles) if tile else b"".join(map(section, tiles)),
        after=b"".join(tiles) if tile else b"",
    ).bytes()


# --- files that a decoder must reject


def invalid() -> Iterator[tuple[str, bytes]]:
    """Yields the name and the content of each file; the name begins with the number of the broken rule (section 6)."""
    whole = Parts().bytes()
    described = with_metadata({"xmp": 3}, b"<x>")

    yield "01-png", with_checksum(b"\x89PNG\r\n\x1a\n" + whole[8:-4])
    yield "01-no-carriage-return", with_checksum(b"\x8bKPAL\n\x1a" + whole[8:-4])

    yield "02-version-0.0", Parts(version=0x00).bytes()
    yield "02-version-0.1", Parts(version=0x01).bytes()
    yield "02-version-0.2", Parts(version=0x02).bytes()
    yield "02-version-0.8", Parts(version=0x08).bytes()
    yield "02-version-0.10", Parts(version=0x0A).bytes()
    yield "02-version-1.0", Parts(version=0x10).bytes()
    yield "02-version-1.1", Parts(version=0x11).bytes()

    for bit in range(4, 8):
        yield f"03-flag-{bit}", Parts(flags=1 << bit).bytes()

    yield "04-coder-4", Parts(coder=4).bytes()
    yield "04-coder-255", Parts(coder=255).bytes()

    yield "05-six-bytes", Parts(width=b"\x82\x80\x80\x80\x80\x00").bytes()
    yield "05-longer-than-need-be", Parts(width=b"\x82\x00").bytes()
    yield "05-width-0", Parts(width=varint(0)).bytes()
    yield "05-height-0", Parts(height=varint(0)).bytes()
    yield "05-width-too-large", Parts(width=varint(1 << 28), stream=section(b"\1")).bytes()
    yield "05-height-too-large", Parts(height=varint(1 << 28), stream=section(b"\1")).bytes()
    yield "05-metadata-header-empty", Parts(flags=2, metadata=section(b"") + section(b"")).bytes()
    yield "05-metadata-header-too-long", Parts(flags=2, metadata=varint(65537) + b"\x80").bytes()
    yield "05-metadata-parts-too-long", Parts(flags=2, metadata=section(b"\x80") + varint((1 << 24) + 1)).bytes()
    yield "05-palette-empty", Parts(palette=section(b"")).bytes()
    yield "05-palette-too-long", Parts(palette=section(bytes(7))).bytes()
    yield "05-tile-empty", Parts(stream=section(b"")).bytes()
    yield "05-tile-empty-in-index", _rows((ROWS[0], b"")).bytes()
    yield "05-all-tiles-empty-in-index", _rows((b"", b"")).bytes()
    row, other = ROWS
    tall = _rows(ROWS)
    for name, tile in (
        ("rows", (0, 65536)),
        ("columns", (1, 0)),
        ("more-rows", (3, 65536)),
        ("more-columns", (1, 65537)),
    ):
        yield f"05-tiles-of-{name}", dataclasses.replace(tall, tile=b"".join(map(varint, tile))).bytes()

    for name, timing in (
        ("frames-0", _timed(0)),
        ("frames-too-many", _timed((1 << 20) + 1)),
        ("loop-too-large", _timed(1, loop=1 << 32)),
        ("unit-too-large", _timed(1, unit=1 << 31)),
        ("durations-too-long", _timed(1, bytes(5))),
    ):
        yield f"05-{name}", timing.bytes()
    for name, group in (("no-frames", 0), ("more-frames", 3)):
        yield f"05-tiles-of-{name}", dataclasses.replace(tall, flags=12, timing=bytes((2, group, 0, 10, 0))).bytes()

    yield "06-empty", b""
    yield "06-in-magic", whole[:5]
    yield "06-in-prefix", whole[:10]
    yield "06-in-varint", whole[:12] + b"\x82"
    yield "06-in-metadata-header", described[:18]
    yield "06-in-metadata-parts", described[:22]
    yield "06-in-palette", whole[:18]
    yield "06-before-stream", whole[:21]
    yield "06-in-tile", whole[:23]
    yield "06-before-checksum", whole[:-4]
    yield "06-in-checksum", whole[:-1]
    timed = _timed(2, b"\1\2").bytes()
    for name, size in (("frames", 14), ("loop", 15), ("unit", 16), ("length-of-durations", 17), ("durations", 19)):
        yield f"06-in-{name}", timed[:size]
    yield "06-palette-beyond-the-end", Parts(last=255, palette=varint(768), stream=b"").bytes()
    yield "06-tile-beyond-the-end", Parts(stream=varint(2**35 - 1)).bytes()
    several = tall.bytes()
    yield "06-index-missing", several[: -len(row + other) - 20]
    yield "06-in-index", several[: -len(row + other) - 7]
    yield "06-in-checksum-of-index", several[: -len(row + other) - 2]
    yield "06-tiles-missing", several[: -len(row + other)]
    yield "06-in-second-tile", several[:-1]
    yield "06-second-tile-missing", several[: -len(other)]
    yield "06-index-of-2-24-tiles", _rows((), height=1 << 24).bytes()
    for name, length in (("one-byte-longer", len(other) + 1), ("2-31", 1 << 31), ("2-32-1", (1 << 32) - 1)):
        yield f"06-second-tile-{name}", _rows((row, other), lengths=(len(row), length)).bytes()
    yield "06-all-tiles-2-32-1", _rows((row, other), lengths=((1 << 32) - 1,) * 2).bytes()

    yield "07-a-byte-follows", whole + b"\0"
    yield "07-twice", whole * 2
    yield "07-a-byte-follows-the-tiles", several + b"\0"
    yield "07-a-tile-follows-the-tiles", several + row
    yield "07-checksum-follows-the-tiles", with_checksum(several)

    yield "08-checksum-zero", whole[:-4] + bytes(4)
    yield "08-checksum-reversed", whole[:-4] + whole[:-5:-1]
    yield "08-pixel-changed", whole[:23] + b"\x80" + whole[24:]

    yield "08-index-checksum-zero", _with_head_checksum(tall, bytes(4))
    yield "08-index-without-the-head", _with_head_checksum(tall, zlib.crc32(tall.stream).to_bytes(4, "little"))
    yield "08-tile-changed", several[:-1] + bytes((several[-1] ^ 1,))
    yield "08-tiles-swapped", dataclasses.replace(tall, after=other + row).bytes()
    yield "08-tile-twice", dataclasses.replace(tall, after=row + row).bytes()
    yield "08-tile-crcs-swapped", _rows((row, other), crcs=(zlib.crc32(other), zlib.crc32(row))).bytes()
    yield "08-tile-crcs-zero", _rows((row, other), crcs=(0, 0)).bytes()
    yield "08-border-of-tiles-moved", _rows((row, other), lengths=(len(row) + 1, len(other) - 1)).bytes()
    yield "08-all-bytes-in-the-first-tile", _rows((row, other), lengths=(len(row + other) - 1, 1)).bytes()

    one = Parts(flags=4, last=0, height=varint(2), tile=b"\1\2", palette=section(b"\1\2\3"), stream=b"")
    yield "09-tiles-of-one-colour", one.bytes()
    yield "09-tile-that-is-the-image", _rows(ROWS[:1], tile=(2, 65536)).bytes()
    yield "09-tiles-too-small", _rows(ROWS * 2, tile=(1, 65535)).bytes()
    yield "09-2-24-and-one-tiles", _rows((), height=(1 << 24) + 1).bytes()
    yield "09-2-40-tiles", _rows((), width=(1 << 28) - 1, height=(1 << 28) - 1).bytes()

    yield "09-tile-of-all-frames", _rows(ROWS[:1], Parts(flags=12), height=1, timing=(2, 2, 0, 10, 0)).bytes()
    yield (
        "09-frames-too-small",
        _rows(ROWS, Parts(flags=12), width=32767, height=1, tile=(1, 32767), timing=(4, 2, 0, 1, 0)).bytes(),
    )
    yield "09-2-25-tiles-of-frames", _rows((), Parts(flags=12), height=64, timing=(1 << 19, 1, 0, 10, 0)).bytes()

    nest: Any = 0
    for _ in range(16):
        nest = [nest]
    for name, header in (
        ("empty-map-and-more", b"\x80\x80"),
        ("not-msgpack", b"\xc1"),
        ("cut-off", b"\x81\xa1a"),
        ("count-beyond-the-end", b"\x81\xa1a\xdd\xff\xff\xff\xff\0"),
        ("not-a-map", [1]),
        ("key-is-a-number", {1: 2}),
        ("key-is-binary", {b"icc": 0}),
        ("key-is-not-utf-8", b"\x81\xa1\xff\x01"),
        ("key-within-is-a-number", {"later": [{1: 2}]}),
        ("key-twice", b"\x82\xa1a\x01\xa1a\x02"),
        ("key-within-twice", b"\x81\xa1b\x82\xa1a\x01\xa1a\x01"),
        ("extension", b"\x81\xa1a\xc7\x00\x05"),
        ("extension-timestamp", b"\x81\xa1a\xd6\xff\0\0\0\0"),
        ("17-deep", {"later": nest}),
        ("100-deep", b"\x81\xa1a" + b"\x91" * 100 + b"\0"),
        ("length-is-a-bool", {"icc": True}),
        ("length-is-a-float", {"icc": 0.0}),
        ("length-is-negative", {"exif": -1}),
        ("length-is-nil", {"xmp": None}),
        ("text-is-a-map", {"text": {"a": 0}}),
        ("text-of-one", {"text": [["a"]]}),
        ("text-of-three", {"text": [["a", 0, 0]]}),
        ("text-keyword-is-binary", {"text": [[b"a", 0]]}),
        ("text-length-is-a-string", {"text": [["a", "b"]]}),
        ("density-is-nil", {"density": None}),
        ("density-of-one", {"density": [1]}),
        ("density-0", {"density": [0, 1]}),
        ("density-too-large", {"density": [1, 1 << 31]}),
        ("density-is-a-float", {"density": [1.0, 1]}),
        ("density-is-a-bool", {"density": [True, 1]}),
    ):
        yield f"10-{name}", with_metadata(header)

    yield "11-sum-too-large", with_metadata({"icc": 1 << 24, "xmp": 1}, frame(bytes((1 << 24) + 1)))
    yield "11-text-not-utf-8", with_metadata({"text": [["a", 1]]}, b"\xff")
    yield "11-text-cut-within-a-character", with_metadata({"text": [["a", 1], ["b", 1]]}, "\u00e4".encode())
    yield "11-text-with-a-surrogate", with_metadata({"text": [["a", 3]]}, b"\xed\xa0\x80")
    yield "11-keyword-twice", with_metadata({"text": [["a", 0], ["a", 0]]})

    yield from _wrong_frames()

    four = Parts(last=3, palette=section(bytes(12)), width=varint(3), height=varint(2))
    many = Parts(last=16, palette=section(bytes(51)))
    yield "13-form-3", Parts(stream=section(b"\3\x40")).bytes()
    yield "13-form-3-of-the-second-tile", _rows((row, b"\3" + other[1:])).bytes()
    yield "13-form-255", Parts(stream=section(b"\xff\x40")).bytes()
    yield "13-form-1-of-17-colours", dataclasses.replace(many, stream=section(b"\1" + frame(b"\0\1"))).bytes()
    yield "13-form-2-too-long", Parts(stream=section(b"\2\x40\0")).bytes()
    yield "13-form-2-too-short", dataclasses.replace(four, stream=section(b"\2\0")).bytes()
    yield "13-form-2-without-indices", Parts(stream=section(b"\2")).bytes()

    yield "14-form-2", Parts(stream=section(b"\2\x60")).bytes()
    yield "14-form-1", Parts(stream=section(b"\1" + frame(b"\x41"))).bytes()
    yield "14-first-row", dataclasses.replace(four, stream=section(b"\2\1\0")).bytes()
    yield "14-last-row", dataclasses.replace(four, stream=section(b"\2\0\2")).bytes()

    three = dataclasses.replace(four, last=2, palette=section(bytes(9)))
    yield "15-form-0", Parts(stream=section(b"\0" + frame(b"\0\2"))).bytes()
    yield (
        "15-form-0-of-255-colours",
        Parts(last=254, palette=section(bytes(765)), stream=section(b"\0" + frame(b"\xff\xfe"))).bytes(),
    )
    yield "15-form-1", dataclasses.replace(three, stream=section(b"\1" + frame(b"\0\x0c"))).bytes()
    yield "15-form-2", dataclasses.replace(three, stream=section(b"\2\xc0\0")).bytes()

    yield from _wrong_palettes()
    yield from _wrong_tiles()

    yield "18-bytes", _timed(2, b"\1\x80", unit=1 << 24).bytes()
    yield "18-four-bytes", _timed(1, b"\0\0\0\x80", unit=1).bytes()
    yield "18-packed", _timed(100, frame(bytes(399) + b"\x80"), unit=1).bytes()
    yield "18-product-beyond-32-bits", _timed(1, b"\2\0\0\0", unit=(1 << 31) - 1).bytes()


def _timed(frames: int, durations: bytes = b"", *, loop: int = 0, unit: int = 10) -> Parts:
    """An animation of so many frames."""
    return Parts(flags=8, timing=b"".join(map(varint, (frames, loop, unit))) + section(durations))


def _rows(
    tiles: Sequence[bytes],
    parts: Parts | None = None,
    *,
    width: int = 65536,
    height: int = 2,
    tile: tuple[int, int] = (1, 65536),
    timing: Sequence[int] = (),
    lengths: Sequence[int] | None = None,
    crcs: Sequence[int] | None = None,
) -> Parts:
    """A file whose tiles are a row of 65536 pixels each, unless its sizes or its index lie."""
    said = zip(lengths or map(len, tiles), crcs or map(zlib.crc32, tiles), strict=True)
    return dataclasses.replace(
        parts or Parts(flags=4),
        width=varint(width),
        height=varint(height),
        tile=b"".join(map(varint, tile)),
        timing=b"".join(map(varint, timing)),
        stream=b"".join(number.to_bytes(4, "little") for entry in said for number in entry),
        after=b"".join(tiles),
    )


def _with_head_checksum(parts: Parts, checksum: bytes) -> bytes:
    """The file with another checksum of head and index."""
    whole, tiles = parts.bytes(), len(parts.after)
    return whole[: -tiles - 4] + checksum + whole[-tiles:]


def _wrong_frames() -> Iterator[tuple[str, bytes]]:
    """Files that break rule 12 in each of the three places that may hold a frame; the content is six bytes."""
    content = b"\0\0\0\0\0\1"

    def compressed(data: bytes = content, **options: Any) -> bytes:
        return zstandard.ZstdCompressor(**options).compress(data)[4:]

    dictionary = zstandard.train_dictionary(256, [bytes((i, i * 7 % 256, 3)) * 20 for i in range(200)], dict_id=7)
    raw = b"\x31\0\0" + content  # the header of a last, raw block of six bytes, and the block
    frames = {
        "too-short-content": compressed(content[:-1]),
        "too-long-content": compressed(content + b"\0"),
        "no-size": compressed(write_content_size=False),
        "size-0": b"\x20\0\1\0\0",
        "declares-less-than-it-holds": b"\x20\5" + raw,
        "declares-more-than-it-holds": b"\x20\6" + b"\x29\0\0" + content[:-1],
        "checksum": compressed(write_checksum=True),
        "dictionary": compressed(dict_data=dictionary),
        "dictionary-0": b"\x21\0\6" + raw,
        "window": bytes((0b10_0_0_0_0_00, 14 << 3)) + (6).to_bytes(4, "little") + raw,
        "a-byte-follows": compressed() + b"\0",
        "a-frame-follows": compressed() + b"\x28\xb5\x2f\xfd" + compressed(),
        "cut-off": compressed()[:-1],
        "reserved-bit": bytes((0x28, 6)) + raw,
        "reserved-block": b"\x20\6" + b"\x37\0\0" + content,
        "no-block": b"\x20\6",
    }
    index = Parts(width=varint(6))
    palette = Parts(last=20, palette=b"", stream=section(b"\0" + frame(b"\0\1")))
    for name, stored in frames.items():
        yield f"12-index-{name}", dataclasses.replace(index, stream=section(b"\0" + stored)).bytes()
        yield f"12-metadata-{name}", with_metadata({"xmp": 6 + (len(stored) == 6)}, stored)
    for name in ("no-size", "checksum", "dictionary", "cut-off"):
        options: dict[str, dict[str, Any]] = {
            "no-size": {"write_content_size": False},
            "checksum": {"write_checksum": True},
            "dictionary": {"dict_data": dictionary},
        }
        stored = compressed(bytes(63), **options.get(name, {}))[: -1 if name == "cut-off" else None]
        yield f"12-palette-{name}", dataclasses.replace(palette, palette=section(b"\0" + stored)).bytes()
        stored = compressed(bytes(400), **options.get(name, {}))[: -1 if name == "cut-off" else None]
        yield f"12-durations-{name}", _timed(100, stored).bytes()
    yield (
        "12-palette-too-short-content",
        dataclasses.replace(palette, palette=section(b"\0" + frame(bytes(62)))).bytes(),
    )
    yield (
        "12-palette-a-byte-follows",
        dataclasses.replace(palette, palette=section(b"\0" + frame(bytes(63)) + b"\0")).bytes(),
    )
    yield "12-durations-too-short-content", _timed(100, frame(bytes(396))).bytes()
    yield "12-durations-a-byte-follows", _timed(100, frame(bytes(400)) + b"\0").bytes()
    yield "12-metadata-frame-of-nothing", with_metadata({}, frame(b""))
    yield "12-metadata-of-nothing", with_metadata({}, b"junk")
    # A window of 2**23 bytes, and one block that repeats a byte 131072 times: ten such blocks do not fit into 10 bytes.
    large = b"\x80\x68" + (10 << 17).to_bytes(4, "little") + b"\3\0\x10\0"
    yield (
        "12-index-too-large-for-its-bytes",
        Parts(width=varint(1 << 12), height=varint(320), stream=section(b"\0" + large)).bytes(),
    )


def _wrong_palettes() -> Iterator[tuple[str, bytes]]:
    """Files that break rule 16."""
    for form in (2, 255):
        yield f"16-form-{form}", Parts(palette=section(bytes((form,)) + bytes(4))).bytes()
    stored = encode_palette(np.array([[0, 0, 0], [255, 255, 255]], np.uint8), as_set=True)
    yield "16-set-stuck", Parts(palette=section(b"\1" + b"\xff" * 4)).bytes()
    yield "16-set-a-byte-follows", Parts(last=19, palette=section(b"\1" + bytes(30))).bytes()
    assert stored[0] == 1
    equal = ColorSet(4, None).encode([(0, 0, 0, 0)] * 2)  # once by its own flag, once among the other colours
    yield "16-set-equal-entries", Parts(flags=1, palette=section(b"\1" + equal)).bytes()


def _wrong_tiles() -> Iterator[tuple[str, bytes]]:
    """Files that break rule 17."""
    image = _with_sorted_palette(picture(20, 20, 30))
    for coder in ("mix", "max", "fast"):
        stream = encode_tile(BY_NAME[coder], image.indices, image.palette)
        for name, wrong in (
            ("too-short", stream[:-5]),
            ("cut-in-half", stream[: len(stream) // 2]),
            ("one-byte", stream[:1]),
            ("too-long", stream + b"\1\2\3\4\5"),
        ):
            yield f"17-{coder}-{name}", _file(image, coder, [wrong])
        for name, width, height in (("wide", (1 << 22) + 1, 1), ("tall", 17, (1 << 22) - 2)):
            yield (
                f"17-{coder}-too-many-pixels-{name}",
                Parts(
                    coder=BY_NAME[coder].ID, width=varint(width), height=varint(height), stream=section(b"\0")
                ).bytes(),
            )


if __name__ == "__main__":
    main()
