"""Pictures are shown the right way up, whatever says which way that is, and whatever becomes of what says so."""

from __future__ import annotations

import io
import itertools
import re
import struct
import time
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

import kpal
from kpal.batch.transcode import from_kpal, to_kpal
from kpal.command_line.encode import STRIPPABLE
from kpal.image_files.orientation import (
    exif_orientation,
    orientation_of,
    turned,
    turned_density,
    upright,
    xmp_orientation,
)

from ..foreign_files import chunk, exif_block, png_with, saved, sign, turned_file, xmp_packet

STRIPS = [(), ("exif",), ("xmp",), ("exif", "xmp"), tuple(STRIPPABLE.values())]
TARGETS = ["PNG", "GIF", "BMP", "TIFF", "PPM", "TGA", "QOI", "WEBP", "JPEG", "JPEG2000", "ICO", "PCX", "AVIF", "JXL"]
Image.init()  # so that it knows which formats it has
WRITERS = [name for name in TARGETS if name in Image.SAVE]
SOURCES = {
    "exif": lambda turn: turned_file("PNG", exif_block(turn)),
    "exif without prefix": lambda turn: turned_file("WEBP", exif_block(turn, order="II", prefix=False, kind=4)),
    "exif of a photo": lambda turn: turned_file("JPEG", exif_block(turn)),
    "xmp attribute": lambda turn: turned_file("PNG", None, xmp_packet(turn)),
    "xmp element": lambda turn: turned_file("JPEG", None, xmp_packet(turn, element=True)),
    "both": lambda turn: turned_file("WEBP", exif_block(turn), xmp_packet(turn)),
    "a conflict": lambda turn: turned_file("PNG", exif_block(turn), xmp_packet(1 + turn % 8)),
    "tiff tag": lambda turn: turned_file("TIFF", exif_block(turn)),
    "tiff xmp": lambda turn: turned_file("TIFF", None, xmp_packet(turn)),
    "tiff conflict": lambda turn: turned_file("TIFF", exif_block(turn), xmp_packet(1 + turn % 8)),
    "raw profile": lambda turn: raw_profile(turn),
}


def raw_profile(turn: int) -> bytes:
    """A PNG with Exif in the hexadecimal text of ImageMagick."""
    block = exif_block(turn)
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n", zip=True)
    return saved(sign(), "PNG", pnginfo=info)


def shown(data: bytes) -> np.ndarray:
    """The pixels as a viewer shows them that heeds Exif and XMP."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        packet = image.info.get("xmp", b"")
        found = re.search(rb'tiff:Orientation(?:="|>)([0-9])', packet.encode() if isinstance(packet, str) else packet)
        if found and 274 not in image.getexif():  # Pillow has heeded XMP since version 11.1
            image.getexif()[274] = int(found[1])
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)


def assert_shown_alike(data: bytes, expected: np.ndarray, what: object) -> None:
    found = shown(data)
    assert found.shape == expected.shape, what
    assert np.abs(found - expected).max() < 60, what  # JPEG and AVIF blur edges


@pytest.mark.filterwarnings("ignore::kpal.KpalWarning")
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_is_shown_alike_whatever_is_stripped(source: str, turn: int) -> None:
    data = SOURCES[source](turn)
    expected = shown(data)
    for strip in STRIPS:
        assert_shown_alike(to_kpal(data, strip=strip), expected, strip)


@pytest.mark.filterwarnings("ignore::kpal.KpalWarning")
@pytest.mark.parametrize("format", WRITERS)
@pytest.mark.parametrize("source", ["exif", "xmp attribute", "a conflict"])
def test_a_picture_is_shown_alike_in_every_format(source: str, format: str) -> None:
    for turn in (1, 3, 5, 6):
        data = SOURCES[source](turn)
        assert_shown_alike(from_kpal(to_kpal(data), format), shown(data), turn)


def test_formats_whose_readers_heed_no_orientation_are_written_upright() -> None:
    data = to_kpal(turned_file("PNG", exif_block(6), xmp_packet(6)))
    for format in ("TIFF", "AVIF", "JXL"):
        if format in WRITERS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", kpal.KpalWarning)
                written = from_kpal(data, format)
            with Image.open(io.BytesIO(written)) as image:
                assert image.size == (16, 24)
                assert image.getexif().get(274, 1) == 1
                assert xmp_orientation(image.info.get("xmp")) in (1, None)


def test_a_picture_keeps_its_metadata_and_pixels_where_nothing_is_stripped() -> None:
    exif, xmp = exif_block(6), xmp_packet(8)
    data = to_kpal(turned_file("PNG", exif, xmp))
    metadata = kpal.inspect(data).metadata
    assert (metadata.exif, metadata.xmp) == (exif, xmp)
    assert np.array_equal(kpal.decode(data), np.asarray(sign()))
    assert np.array_equal(kpal.decode(from_kpal(data, "KPAL")), np.asarray(sign()))


def test_what_stays_names_the_upright_orientation_once_the_pixels_are_turned() -> None:
    data = to_kpal(turned_file("PNG", exif_block(6), xmp_packet(6)), strip=("exif",))
    metadata = kpal.inspect(data).metadata
    assert metadata.xmp == xmp_packet(1)
    assert kpal.decode(data).shape == (24, 16, 3)


def test_across_and_down_change_places_with_the_pixels() -> None:
    image = sign()
    png = saved(image, "PNG", dpi=(300, 150), exif=exif_block(6))
    assert kpal.inspect(to_kpal(png)).metadata.density == (11811, 5906)
    assert kpal.inspect(to_kpal(png, strip=("exif",))).metadata.density == (5906, 11811)
    upside_down = saved(image, "PNG", dpi=(300, 150), exif=exif_block(3))
    assert kpal.inspect(to_kpal(upside_down, strip=("exif",))).metadata.density == (11811, 5906)
    exif = Image.Exif()
    exif[274] = 6
    tiff = saved(image, "TIFF", dpi=(300, 150), exif=exif)  # which Pillow turns by itself
    assert kpal.inspect(to_kpal(tiff)).metadata.density == (5906, 11811)
    assert kpal.decode(to_kpal(tiff)).shape == (24, 16, 3)


@pytest.mark.parametrize(
    "packet",
    [
        xmp_packet(6),
        xmp_packet(6, element=True),
        xmp_packet(6, prefix="t", quote="'"),
        xmp_packet(6, prefix="exif-tiff", element=True),
        b"<rdf:Description tiff:Orientation = ' 6 ' />",
        b'<Orientation xmlns="http://ns.adobe.com/tiff/1.0/"> 6 </Orientation>',
    ],
)
def test_xmp_is_read_and_set_upright_in_every_form(packet: bytes) -> None:
    assert xmp_orientation(packet) == 6
    fixed = upright(kpal.Metadata(xmp=packet)).xmp
    assert fixed is not None
    assert xmp_orientation(fixed) == 1
    assert [a for a, b in zip(packet, fixed, strict=True) if a != b] == [ord("6")]


def test_across_and_down_change_places_in_those_orientations_that_turn_by_a_quarter() -> None:
    image, metadata = Image.new("L", (3, 5)), kpal.Metadata(density=(300, 500))
    for orientation in range(10):
        width, height = turned(image, orientation).size
        assert turned_density(metadata, orientation).density == (100 * width, 100 * height)
        assert turned_density(kpal.Metadata(), orientation).density is None


def test_namesakes_in_xmp_are_no_orientation() -> None:
    for packet in (b"", b"<a b:Orientation='6'>", b"<tiff:OrientationX>6</tiff:OrientationX>", b"Orientation=6"):
        assert xmp_orientation(packet) is None


@pytest.mark.parametrize(
    ("order", "prefix", "kind"), list(itertools.product(["MM", "II"], [True, False], [3, 4, 8, 9]))
)
def test_exif_is_read_and_set_upright_in_every_form(order: str, prefix: bool, kind: int) -> None:
    block = exif_block(8, order=order, prefix=prefix, kind=kind)
    assert exif_orientation(block) == 8
    assert upright(kpal.Metadata(exif=block)).exif == exif_block(1, order=order, prefix=prefix, kind=kind)


def test_damaged_exif_names_no_orientation() -> None:
    block = exif_block(6)
    for end in range(len(block) - 10):
        assert exif_orientation(block[:end]) is None
    for damaged in (b"Exif\0\0garbage", block[:10] + b"\xff\xff\xff\xff" + block[14:]):
        assert exif_orientation(damaged) is None
        assert upright(kpal.Metadata(exif=damaged)).exif == damaged


def test_only_the_entries_that_a_directory_counts_are_its_entries() -> None:
    entry = struct.pack(">HHIH2x", 0x0112, 3, 1, 6)
    other = struct.pack(">HHIH2x", 0x0128, 3, 1, 2)
    for count, entries, found in (
        *((1, other + entry, None), (2, other + entry, 6), (2, other * 2 + entry, None), (3, other * 2 + entry, 6)),
        *((9, other + entry, 6), (12, other * 12 + entry, None), (13, other * 12 + entry, 6)),
    ):
        block = b"MM\0*" + struct.pack(">IH", 8, count) + entries + bytes(4)
        assert exif_orientation(block) == found
        ends = len(block) - 4
        assert exif_orientation(block[:ends]) == found
        assert exif_orientation(block[: ends - 1]) is None


def test_what_is_no_orientation_turns_nothing() -> None:
    byte = exif_block(6, kind=1)  # which Pillow and others do not take for a number
    assert orientation_of(kpal.Metadata(exif=byte, xmp=xmp_packet(6))) == 1
    assert_shown_alike(to_kpal(turned_file("WEBP", byte), strip=("exif",)), shown(turned_file("WEBP", byte)), byte)
    for number in (0, 9, 300):
        assert orientation_of(kpal.Metadata(exif=exif_block(number), xmp=xmp_packet(6))) == 1
    assert turned(sign(), 9).size == (24, 16)


def test_hostile_xmp_takes_no_time() -> None:
    bindings = b"".join(b'xmlns:p%d="http://ns.adobe.com/tiff/1.0/" ' % number for number in range(30_000))
    nested = b"<Orientation " + b'xmlns="http://ns.adobe.com/tiff/1.0/" ' * 30_000
    start = time.process_time()
    for packet in (bindings, nested, b"<Orientation " * 100_000, b"<tiff:Orientation" + b" " * 1_000_000):
        assert xmp_orientation(packet) is None
    assert time.process_time() - start < 5


def test_a_palette_is_kept_while_its_picture_is_turned() -> None:
    image = sign().convert("P")
    data = to_kpal(saved(image, "PNG", exif=exif_block(8)), strip=("exif",), keep_palette=True)
    indices, palette, _ = kpal.decode_indexed(data)
    assert np.array_equal(indices, np.rot90(np.asarray(image)))
    assert palette.reshape(-1).tolist() == image.getpalette()


def test_exif_behind_the_pixels_of_a_png_counts() -> None:
    data = png_with(sign())
    data = data[:-12] + chunk(b"eXIf", exif_block(6, prefix=False)) + data[-12:]
    assert kpal.decode(to_kpal(data, strip=("exif",))).shape == (24, 16, 3)


def test_pillow_turns_opened_and_saved_images() -> None:
    exif = Image.Exif()
    exif[274] = 6
    for given in (exif, exif.tobytes(), exif_block(6, prefix=False)):
        with Image.open(io.BytesIO(saved(sign(), "KPAL", exif=given))) as image:
            assert image.size == (24, 16)
            assert ImageOps.exif_transpose(image).size == (16, 24)
