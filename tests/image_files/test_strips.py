"""Strips of image files: Pillow reads from them what it reads from the whole file."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from kpal.image_files import strips, tiff_strips
from kpal.image_files.precision import Rounding, in_eight_bits
from kpal.image_files.strips import Strips, WholeError, may_be_larger
from kpal.pixels import to_array

from .. import deep
from ..foreign_files import chunk, saved

HEIGHT, WIDTH = 61, 53


@pytest.fixture(autouse=True)
def _in_small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "_PIXELS", 13 * WIDTH)


def picture(mode: str) -> Image.Image:
    """Slopes with some noise, so that every filter of PNG and every part of a TIFF matters."""
    noise = np.random.default_rng(1).integers(0, 3, (HEIGHT, WIDTH, 4))
    slopes = np.add.outer(3 * np.arange(HEIGHT), 2 * np.arange(WIDTH))[:, :, None] + np.array((0, 40, 90, 130))
    rgba = Image.fromarray(((slopes + noise) % 256).astype(np.uint8))
    if mode == "LA":
        return Image.merge("LA", rgba.split()[2:])
    if mode.startswith("P"):
        return rgba.convert("RGB").quantize(int(mode[1:]))
    return rgba.convert(mode)


def check(data: bytes, *, parts: int | None = None) -> None:
    """Strips must be what Pillow decodes of the whole file."""
    found = []
    with Image.open(io.BytesIO(data)) as image, Image.open(io.BytesIO(data)) as whole:
        whole.load()
        for strip, _ in Strips(image).images():
            strip.load()
            assert strip.mode == whole.mode
            assert strip.info.get("transparency") == whole.info.get("transparency")
            assert strip.getpalette() == whole.getpalette()
            found.append(strip.tobytes())
        assert b"".join(found) == whole.tobytes()
    assert len(found) == (parts or len(found)) > 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P2", "P4", "P16", "P256"])
def test_png(mode: str) -> None:
    check(saved(picture(mode), "PNG"), parts=5)
    check(saved(picture(mode), "PNG", optimize=True, compress_level=9))


def test_png_with_a_transparent_colour_and_pixels_in_many_chunks() -> None:
    data = saved(picture("L"), "PNG", transparency=7)
    at = data.index(b"IDAT") - 4
    (size,) = struct.unpack_from(">I", data, at)
    pixels = data[at + 8 : at + 8 + size]
    split = b"".join(chunk(b"IDAT", pixels[start : start + 5]) for start in range(0, size, 5))
    check(data[:at] + chunk(b"IDAT", b"") + split + data[at + 12 + size :])


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P256", "CMYK"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_tiff(mode: str, compression: str) -> None:
    if compression == "jpeg" and mode in ("P256", "RGBA"):
        pytest.skip("Pillow does not write it")
    check(saved(picture(mode), "TIFF", compression=compression, tiffinfo={278: 8}))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_tiff_of_bits(compression: str) -> None:
    check(saved(picture("1"), "TIFF", compression=compression, tiffinfo={278: 5}))


def test_a_tiff_that_is_not_compressed_is_cut_anywhere() -> None:
    for mode in ("1", "L", "RGBA"):
        data = saved(picture(mode), "TIFF", tiffinfo={278: HEIGHT})
        check(data, parts=5)


KINDS = ((False, "<"), (False, ">"), (True, "<"))  # BigTIFF, and the byte order


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("kind", KINDS)
def test_tiff_of_tiles_and_planes_of_both_byte_orders_and_sizes(
    compression: str | None, tile: tuple[int, int] | None, planes: str, kind: tuple[bool, str]
) -> None:
    tifffile = pytest.importorskip("tifffile")
    big, order = kind
    pixels = np.asarray(picture("RGB"))
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels if planes == "contig" else np.ascontiguousarray(np.moveaxis(pixels, -1, 0)),
        photometric="rgb",
        planarconfig=planes,
        compression=compression,
        tile=tile,
        rowsperstrip=None if tile else 7,
        bigtiff=big,
        byteorder=order,
    )
    check(file.getvalue())


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_netpbm(mode: str) -> None:
    data = saved(picture(mode), "PPM")
    check(data, parts=5)
    check(data[:3] + b"# a comment\n" + data[3:], parts=5)


def _deep_files() -> Iterator[bytes]:
    for channels in (1, 2, 3, 4):
        samples = deep.noise(HEIGHT, WIDTH, channels)
        yield deep.png(samples)
        if channels != 2:  # Pillow reads no such TIFF
            yield deep.tiff(samples)
            yield deep.tiff(samples, ">")
    yield b"P6 53 61 65535\n" + deep.noise(HEIGHT, WIDTH, 3).astype(">u2").tobytes()
    yield b"P5 53 61 999\n" + (deep.noise(HEIGHT, WIDTH, 1) % 1000).astype(">u2").tobytes()


@pytest.mark.filterwarnings("ignore::kpal.KpalWarning")
@pytest.mark.parametrize("data", list(_deep_files()))
def test_samples_of_16_bits_are_rounded_like_those_of_the_whole_file(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        parts = [
            to_array(in_eight_bits(strip, Rounding(forced=True), content)) for strip, content in Strips(image).images()
        ]
    with Image.open(io.BytesIO(data)) as image:
        whole = to_array(in_eight_bits(image, Rounding(forced=True), data))
    assert len(parts) == 5
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (deep.png(deep.noise(8, 8, 3), interlaced=True), "interlaced"),
        (saved(picture("RGB"), "JPEG"), "the format is JPEG"),
        (b"P2 2 2 255 1 2 3 4", "text"),
    ],
)
def test_files_that_have_no_strips_say_why(data: bytes, reason: str) -> None:
    with Image.open(io.BytesIO(data)) as image, pytest.raises(WholeError, match=reason):
        Strips(image)


def test_a_tiff_that_is_compressed_in_one_piece_has_no_strips_if_the_piece_is_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = saved(picture("RGB"), "TIFF", compression="tiff_lzw", tiffinfo={278: HEIGHT})
    monkeypatch.setattr(tiff_strips, "_MOST", HEIGHT * WIDTH - 1)
    with Image.open(io.BytesIO(data)) as image, pytest.raises(WholeError, match="parts that are too large"):
        Strips(image)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_a_file_that_is_cut_off_is_an_error(format: str) -> None:
    data = saved(picture("RGB"), format, **({"tiffinfo": {278: 8}} if format == "TIFF" else {}))
    cut = len(data) // 2
    if format == "TIFF":  # the directory comes first
        cut = len(data) - 10
    with Image.open(io.BytesIO(data[:cut])) as image, pytest.raises(OSError, match="truncated"):
        list(Strips(image).images())


def test_a_tiff_that_claims_huge_or_missing_parts_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(picture("RGB"), "TIFF", tiffinfo={278: 8})
    with Image.open(io.BytesIO(data)) as image:
        image.tag_v2[279] = image.tag_v2[279][:-1]  # type: ignore[attr-defined]
        with pytest.raises(OSError, match="lacks parts"):
            list(Strips(image).images())
    monkeypatch.setattr(tiff_strips, "_HEAD", 0)
    monkeypatch.setattr(tiff_strips, "_BYTES_A_PIXEL", 2)
    with Image.open(io.BytesIO(data)) as image, pytest.raises(OSError, match="more bytes than it can have"):
        list(Strips(image).images())


def test_a_small_png_is_known_by_its_first_bytes_and_others_by_their_format() -> None:
    file = io.BytesIO(saved(picture("RGB"), "PNG"))
    assert may_be_larger(file, HEIGHT * WIDTH - 1)
    assert not may_be_larger(file, HEIGHT * WIDTH)
    assert file.tell() == 0
    for format, may in (("TIFF", True), ("PPM", True), ("JPEG", False), ("BMP", False)):
        assert may_be_larger(io.BytesIO(saved(picture("RGB"), format)), HEIGHT * WIDTH) == may
