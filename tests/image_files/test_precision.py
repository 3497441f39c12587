"""Images of more than 8 bits a channel: rounded to the nearest level and said so, or refused."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio.v3
import numpy as np
import pytest
import skimage.io
from numpy.typing import NDArray
from PIL import Image, ImageDraw, UnidentifiedImageError

import kpal
from kpal import cli
from kpal.batch.transcode import to_kpal
from kpal.image_files import deep_samples as deep_files
from kpal.image_files.precision import Rounding, rounded
from kpal.pixels import to_array

from .. import deep
from ..deep import Samples, labels, noise, png, ppm, sgi, tiff

# What makes a file of samples, and how many channels they have.
MAKERS: dict[str, tuple[Callable[[Samples], bytes], int]] = {
    "PNG gray": (png, 1),
    "PNG gray and alpha": (png, 2),
    "PNG RGB": (png, 3),
    "PNG RGBA": (png, 4),
    "PNG gray and alpha, interlaced": (lambda samples: png(samples, interlaced=True), 2),
    "PNG RGB, interlaced": (lambda samples: png(samples, interlaced=True), 3),
    "TIFF gray": (tiff, 1),
    "TIFF gray, big-endian": (lambda samples: tiff(samples, ">"), 1),
    "TIFF RGB": (tiff, 3),
    "TIFF RGB, big-endian": (lambda samples: tiff(samples, ">"), 3),
    "TIFF RGBA": (tiff, 4),
    "TIFF RGBA, big-endian": (lambda samples: tiff(samples, ">"), 4),
    "TIFF RGB, deflated": (lambda samples: tiff(samples, deflated=True), 3),
    "TIFF RGBA, deflated, big-endian": (lambda samples: tiff(samples, ">", deflated=True), 4),
    "TIFF RGB, planes": (lambda samples: tiff(samples, planes=True), 3),
    "TIFF RGBA, planes, big-endian": (lambda samples: tiff(samples, ">", planes=True), 4),
    "SGI gray": (lambda samples: sgi(samples, packed=False), 1),
    "SGI RGB": (lambda samples: sgi(samples, packed=False), 3),
    "SGI gray, packed": (lambda samples: sgi(samples, packed=True), 1),
    "SGI RGBA, packed": (lambda samples: sgi(samples, packed=True), 4),
    "PGM": (ppm, 1),
    "PPM": (ppm, 3),
    "PGM, plain": (lambda samples: ppm(samples, plain=True), 1),
    "PPM, plain": (lambda samples: ppm(samples, plain=True), 3),
}
of_every_kind = pytest.mark.parametrize(("make", "channels"), MAKERS.values(), ids=MAKERS)


def as_eight(samples: NDArray[Any]) -> np.ndarray:
    """RGB or RGBA of the nearest of 256 levels."""
    levels = np.round(samples / 257).astype(np.uint8)
    gray, alpha = levels[:, :, :1], levels[:, :, -1:]
    return {1: np.dstack([gray] * 3), 2: np.dstack([gray] * 3 + [alpha])}.get(samples.shape[2], levels)


def refused(message: str) -> pytest.RaisesExc[ValueError]:
    return pytest.raises(ValueError, match=message)


def as_far_as_pillow_can(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        pytest.skip("this Pillow does not read the format")


# --- real pictures


@of_every_kind
def test_a_file_of_16_bits_is_rounded_and_said_to_be(
    make: Callable[[Samples], bytes], channels: int, tmp_path: Path
) -> None:
    samples = noise(20, 31, channels)
    path = tmp_path / "deep.image"
    path.write_bytes(make(samples))
    for source in (path, io.BytesIO(make(samples))):
        with (
            Image.open(source) as image,
            pytest.warns(kpal.KpalWarning, match="16-bit image of more than 256 (levels|colours)") as said,
        ):
            assert np.array_equal(to_array(image), as_eight(samples))
        assert str(said[0].message).startswith(f"{path}: " if source == path else "a 16-bit")


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if "planes" not in kind])
def test_a_file_that_pillow_has_cut_already_is_read_again(kind: str, tmp_path: Path) -> None:
    make, channels = MAKERS[kind]
    samples = noise(20, 31, channels)
    path = tmp_path / "deep.image"
    path.write_bytes(make(samples))
    with Image.open(path) as image:
        image.load()
        with pytest.warns(kpal.KpalWarning, match="16-bit image of more than 256"):
            assert np.array_equal(to_array(image), as_eight(samples))


@of_every_kind
def test_8_bits_written_as_16_are_8_bits(make: Callable[[Samples], bytes], channels: int) -> None:
    samples = (noise(9, 14, channels) >> 8) * np.uint16(257)
    with Image.open(io.BytesIO(make(samples))) as image:
        assert np.array_equal(to_array(image, exact=True), as_eight(samples))
    assert np.array_equal(kpal.decode(to_kpal(make(samples), exact=True)), as_eight(samples))


@of_every_kind
def test_few_colours_that_stay_apart_are_rounded_and_said_to_be(
    make: Callable[[Samples], bytes], channels: int
) -> None:
    samples = labels(9, 14, channels) * np.uint16(300) + np.uint16(10000)
    with pytest.warns(
        kpal.KpalWarning, match="16-bit image of 41 (levels|colours), rounded to 8 bits, which leaves 41"
    ):
        found = kpal.decode(to_kpal(make(samples)))
    assert np.array_equal(found, as_eight(samples))


def test_premultiplied_colours_are_divided_by_their_alpha_with_all_bits() -> None:
    samples = np.array([[[100, 3000, 20000, 20000], [65535, 0, 32768, 65535]]], np.uint16)
    expected = np.round([[[327.675 / 257, 9830.25 / 257, 255, 20000 / 257], [255, 0, 32768 / 257, 255]]])
    with Image.open(io.BytesIO(tiff(samples, alpha=1))) as image, pytest.warns(kpal.KpalWarning, match="16-bit"):
        assert np.array_equal(to_array(image), expected)


@pytest.mark.parametrize("deflated", [False, True])
def test_cmyk_of_16_bits_becomes_what_cmyk_of_8_bits_does(deflated: bool) -> None:
    samples = noise(20, 31, 4)
    eight = Image.frombytes("CMYK", (31, 20), np.round(samples / 257).astype(np.uint8).tobytes())
    data = tiff(samples, photometric=5, deflated=deflated)
    with Image.open(io.BytesIO(data)) as image, pytest.warns(kpal.KpalWarning, match="16-bit"):
        assert np.array_equal(to_array(image), np.asarray(eight.convert("RGB")))


@pytest.mark.parametrize("plain", [False, True])
def test_white_of_ppm_is_what_the_file_says(plain: bool) -> None:
    samples = np.array([[[0, 500, 1000]], [[100, 991, 333]]], np.uint16)
    for picture in (samples, samples.reshape(2, 3, 1)):
        expected = np.broadcast_to(np.round(picture * 0.255), (*picture.shape[:2], 3))
        data = ppm(picture, 1000, plain=plain)
        with Image.open(io.BytesIO(data)) as image, pytest.warns(kpal.KpalWarning, match="16-bit"):
            assert np.array_equal(to_array(image), expected)


def test_white_of_a_12_bit_tiff_is_4095() -> None:
    samples = np.array([[[0], [2048], [4095], [4094]]], np.uint16)
    with Image.open(io.BytesIO(tiff(samples, bits=12))) as image, refused("16-bit image of 4 levels.* leave 3"):
        to_array(image)
    with Image.open(io.BytesIO(tiff(samples[:, :3], bits=12))) as image, pytest.warns(kpal.KpalWarning, match="16-bit"):
        assert to_array(image)[0, :, 0].tolist() == [0, 128, 255]


def test_white_of_a_12_bit_jpeg_2000_is_white() -> None:
    with (
        as_far_as_pillow_can(deep.JPEG2000_12_GRAY) as image,
        pytest.warns(kpal.KpalWarning, match="16-bit image of 4 levels"),
    ):
        assert to_array(image)[:, :, 0].tolist() == [[0, 128], [255, 5]]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_that_pillow_turns_is_read_again_as_it_is_turned(channels: int) -> None:
    samples = noise(20, 31, channels)
    for orientation, turned in ((1, samples), (3, samples[::-1, ::-1]), (6, np.rot90(samples, -1))):
        data = tiff(samples, orientation=orientation)
        for is_loaded in (False, True):
            with Image.open(io.BytesIO(data)) as image:
                if is_loaded:
                    image.load()
                with pytest.warns(kpal.KpalWarning, match="16-bit image"):
                    assert np.array_equal(to_array(image), as_eight(turned))
        with pytest.warns(kpal.KpalWarning, match="16-bit image"):
            assert kpal.inspect(to_kpal(data, colors=8)).width == turned.shape[1]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_images_without_a_range_are_refused_and_nothing_else_is_said(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (3, 3)).save(file, "TIFF")
    with Image.open(file) as image, refused(f"mode {mode} .* levels have no fixed range"):
        to_array(image)
    with refused(f"mode {mode} .* levels have no fixed range"):
        to_kpal(file.getvalue(), depth=8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_arrays_of_16_bits_are_rounded_like_files(channels: int) -> None:
    samples = noise(20, 31, channels)
    for array in (samples, samples.astype(">u2"), np.asfortranarray(samples)):
        with pytest.warns(kpal.KpalWarning, match="16-bit"):
            assert np.array_equal(to_array(array), as_eight(samples))
    eight = (samples >> 8) * np.uint16(257)
    assert np.array_equal(to_array(eight, exact=True), as_eight(eight))
    assert np.array_equal(kpal.decode(kpal.encode(eight[:4], exact=True)), as_eight(eight[:4]))
    if channels == 1:
        assert np.array_equal(to_array(eight[:, :, 0]), as_eight(eight))


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_images_of_16_bits_are_rounded_like_files(dtype: str) -> None:
    image = Image.fromarray(noise(20, 31, 1)[:, :, 0].astype(dtype))
    assert image.mode.startswith("I;16")
    with pytest.warns(kpal.KpalWarning, match="16-bit"):
        assert np.array_equal(to_array(image), as_eight(noise(20, 31, 1)))


def test_levels_are_rounded_half_way_between_their_neighbours() -> None:
    levels = np.array([[0, 128, 129, 256, 65535, 65407, 65406, 32768]], np.uint16)
    with pytest.warns(kpal.KpalWarning, match="16-bit image of 8 levels, .* leaves 5"):
        found = rounded(levels[:, :, None], Rounding(forced=True), alpha=False)
    assert found[0, :, 0].tolist() == [0, 0, 1, 1, 255, 255, 254, 128]


def test_rounding_takes_little_more_memory_than_its_result() -> None:
    samples = np.tile(noise(200, 200, 3), (10, 10, 1))
    tracemalloc.start()
    with pytest.warns(kpal.KpalWarning, match="16-bit"):
        result = rounded(samples, Rounding(), alpha=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * result.nbytes


# --- label maps


@of_every_kind
def test_few_colours_that_rounding_would_merge_are_refused(make: Callable[[Samples], bytes], channels: int) -> None:
    samples = labels(9, 14, channels)
    if channels in (2, 4):
        samples[:, :, -1] = 65535
    refusal = r"16-bit image of 41 (levels|colours), of which rounding to 8 bits would leave 1"
    with Image.open(io.BytesIO(make(samples))) as image, refused(refusal):
        kpal.encode(image)
    with refused(refusal + ": --depth 8 rounds"):
        to_kpal(make(samples))
    with pytest.warns(kpal.KpalWarning, match="16-bit image of 41 (levels|colours), .* leaves 1"):
        assert not kpal.decode(to_kpal(make(samples), depth=8)).any()


def test_label_maps_are_refused_wherever_they_come_from(tmp_path: Path) -> None:
    numbers = labels(64, 64)[:, :, 0]
    target = tmp_path / "x.kpal"
    refusal = r"16-bit image of 41 levels, .* would leave 1: pixels\.astype\(numpy\.uint8\)"
    for work in (
        lambda: kpal.encode(numbers),
        lambda: kpal.quantize(numbers, 16),
        lambda: kpal.shared_palette([numbers]),
        lambda: kpal.encode(Image.fromarray(numbers)),
        lambda: Image.fromarray(numbers).save(target),
        lambda: imageio.v3.imwrite(target, numbers),
        lambda: skimage.io.imsave(target, numbers, check_contrast=False),
    ):
        with refused(refusal):
            work()
    assert np.array_equal(kpal.decode(kpal.encode(numbers.astype(np.uint8)))[:, :, 0], numbers)


def test_the_refusal_names_the_file_and_a_way_out_that_is_possible(tmp_path: Path) -> None:
    path = tmp_path / "labels.png"
    path.write_bytes(png(labels(9, 14) * np.uint16(20)))
    with Image.open(path) as image, refused(r"labels\.png: a 16-bit .*41 levels.*kpal\.IndexedImage"):
        image.save(tmp_path / "x.kpal")


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.int8])
def test_integers_without_a_range_get_told_how_labels_become_pixels(dtype: type) -> None:
    with pytest.raises(TypeError, match=r"uint8, uint16 or bool, not u?int\d+: pixels\.astype\(numpy\.uint8\) keeps"):
        kpal.encode(np.zeros((2, 2), dtype))
    with pytest.raises(TypeError, match=r"not float16: scale it to 0\.\.255"):
        kpal.encode(np.zeros((2, 2), np.float16))


@pytest.mark.parametrize("count", [256, 257])
def test_a_label_map_has_at_most_256_levels(count: int) -> None:
    numbers = labels(20, 20, count=count)
    if count == 256:
        with refused("16-bit image of 256 levels, .* leave 2"):
            kpal.encode(numbers)
    else:
        with pytest.warns(kpal.KpalWarning, match="more than 256 levels"):
            kpal.encode(numbers)


def test_colours_that_alpha_hides_count_only_where_they_are_kept() -> None:
    samples = np.zeros((4, 8, 4), np.uint16)
    samples[:, :, 0] = np.arange(32).reshape(4, 8)
    samples[0, 0] = (65535, 0, 0, 65535)
    assert to_array(samples)[0, 0].tolist() == [255, 0, 0, 255]
    with refused("16-bit"):
        to_array(samples, exact=True)


def test_what_becomes_clear_by_rounding_is_merged_with_what_is_clear() -> None:
    samples = np.array([[[257, 0, 0, 100], [0, 0, 0, 0], [0, 0, 0, 65535]]], np.uint16)
    with refused("16-bit image of 3 colours, .* leave 2"):
        to_array(samples)


def test_exact_refuses_all_that_would_lose_a_bit() -> None:
    for samples in (noise(20, 31, 3), np.array([[0, 32768]], np.uint16)):
        with refused("16-bit image that has no exact form"):
            kpal.encode(samples, exact=True)
    with refused("16-bit .*: --depth 8"):
        to_kpal(png(noise(20, 31, 3)), exact=True)


def test_rows_of_16_bits_are_written_where_8_bits_hold_them(tmp_path: Path) -> None:
    path = tmp_path / "x.kpal"
    with kpal.open_writer(path, 2, 2, palette=[[0, 0, 0], [7, 7, 7]]) as writer:
        writer.write(np.array([[0, 7 * 257]], np.uint16))
        with refused("16-bit"):
            writer.write(np.array([[0, 7 * 257 + 1]], np.uint16))
        writer.write(np.array([[7 * 257, 0]], np.uint16))
    assert kpal.decode(path.read_bytes())[:, :, 0].tolist() == [[0, 7], [7, 0]]


# --- what cannot be read again


def test_an_image_that_was_changed_after_pillow_cut_it_keeps_the_change_and_is_said_to_be_cut() -> None:
    samples = noise(20, 31, 3)
    with Image.open(io.BytesIO(png(samples))) as image:
        ImageDraw.Draw(image).point((0, 0), (1, 2, 3))
        with pytest.warns(kpal.KpalWarning, match="16-bit PNG, of which Pillow keeps 256 levels"):
            found = to_array(image)
        assert found[0, 0].tolist() == [1, 2, 3]
        assert np.array_equal(found[1:], samples[1:] >> 8)
        with refused("16-bit PNG"):
            to_array(image, exact=True)


def test_a_file_that_became_another_is_not_taken_for_the_image(tmp_path: Path) -> None:
    samples = noise(20, 31, 3)
    path = tmp_path / "x.png"
    path.write_bytes(png(samples))
    with Image.open(path) as image:
        image.load()
        for other in (png(noise(20, 31, 3, seed=1)), png(noise(4, 4, 4)), png(samples)[:100]):
            path.write_bytes(other)
            with pytest.warns(kpal.KpalWarning, match="16-bit PNG, of which Pillow keeps"):
                assert np.array_equal(to_array(image), samples >> 8)
        path.unlink()
        assert np.array_equal(to_array(image), samples >> 8)


def test_reading_again_leaves_the_image_and_its_file_as_they_were() -> None:
    samples = noise(20, 31, 3)
    file = io.BytesIO(png(samples))
    with Image.open(file) as image:
        position = file.tell()
        with pytest.warns(kpal.KpalWarning, match="16-bit"):
            to_array(image)
        assert file.tell() == position
        assert np.array_equal(np.asarray(image), samples >> 8)


def test_planes_that_libtiff_decodes_are_said_to_be_cut() -> None:
    samples = noise(20, 31, 3)
    with (
        Image.open(io.BytesIO(tiff(samples, planes=True, deflated=True))) as image,
        pytest.warns(kpal.KpalWarning, match="16-bit TIFF, of which Pillow keeps 256 levels"),
    ):
        assert np.array_equal(to_array(image), samples >> 8)


@pytest.mark.parametrize(
    ("data", "what"),
    [(deep.JPEG2000_16, "16-bit JPEG2000"), (deep.AVIF_10, "10-bit AVIF"), (deep.JPEG_XL_16, "16-bit JXL")],
)
def test_formats_that_pillow_always_cuts_are_said_to_be_cut(data: bytes, what: str) -> None:
    if "JXL" in what:
        pytest.importorskip("pillow_jxl")
    with as_far_as_pillow_can(data) as image, pytest.warns(kpal.KpalWarning, match=f"{what}, .* 256 levels"):
        kpal.encode(image)
    with pytest.warns(kpal.KpalWarning, match=f"{what}, .* 256 levels"):
        to_kpal(data)
    with refused(f"{what}, .* 256 levels a channel: --depth 8"):
        to_kpal(data, exact=True)


@pytest.mark.parametrize(
    "format", ["JPEG2000", "AVIF", "JXL", "PNG", "TIFF", "SGI", "PPM", "ICO", "DDS", "WEBP", "JPEG"]
)
def test_nothing_is_said_of_8_bits(format: str) -> None:
    if format == "JXL":
        pytest.importorskip("pillow_jxl")
    file = io.BytesIO()
    try:
        Image.new("RGB", (16, 16), (9, 8, 7)).save(file, format)
    except (KeyError, OSError):
        pytest.skip("this Pillow does not write the format")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_kpal(file.getvalue(), exact=True)


def test_a_png_of_16_bits_in_an_icon_is_said_to_be_cut() -> None:
    data = png(noise(16, 16, 4))
    icon = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 64, len(data), 22) + data
    with pytest.warns(kpal.KpalWarning, match="16-bit ICO"):
        to_kpal(icon)


def test_a_dds_of_10_bits_is_said_to_be_cut() -> None:
    masks = (0x3FF00000, 0xFFC00, 0x3FF, 0)
    pixel_format = struct.pack("<IIII4I", 32, 0x40, 0, 32, *masks)
    head = struct.pack("<7I", 124, 0x100F, 1, 2, 8, 0, 0) + bytes(44) + pixel_format + bytes(20)
    with pytest.warns(kpal.KpalWarning, match="10-bit DDS"):
        to_kpal(b"DDS " + head + struct.pack("<2I", 0x3FF00000, 0x3FF))


@pytest.mark.parametrize(
    ("format", "head", "bits"),
    [
        ("DDS", bytes(80) + struct.pack("<4I4I", 0x40, 0, 32, 0xFF, 0xFF00, 0xFF0000, 0xFFFFFF, 0), 8),  # no alpha
        ("DDS", bytes(80) + struct.pack("<4I4I", 0x41, 0, 32, 0xFF, 0xFF00, 0xFF0000, 0xFFF, 0xFFFFFF), 12),
        ("DDS", bytes(80) + struct.pack("<4I4I", 0x40, 0, 32, 0x1F, 0x7E0, 0xF800, 0, 0), 6),
        ("DDS", bytes(80) + struct.pack("<4I4I", 4, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0, 0), 8),
        *(
            ("DDS", bytes(80) + struct.pack("<I4s20x20xI", 4, b"DX10", number), 16 if number in (94, 95, 96) else 8)
            for number in (93, 94, 95, 96, 97)
        ),
        *(("AVIF", b"..av1C\x81\0" + bytes((flags << 5,)), bits) for flags, bits in ((0, 8), (2, 10), (3, 12))),
        ("AVIF", b"..av1C\x81\0\0..av1C\x81\0\x40", 10),
        ("JPEG2000", b"..\xff\x4f\xff\x51" + bytes(36) + b"\0\x02" + b"\x07\1\1" + b"\x8b\1\1" + b"\x1f", 12),
        ("PPM", b"P6 # 1 2 3\n5\n6 1023 ", 10),
        ("PPM", b"P6\n#a\n#b\r5 6 255\n", 8),
        ("PPM", b"P3 5 6 256 ", 9),
        ("PPM", b"P5 5 6 65535 ", 8),  # gray, which Pillow reads whole
        ("SGI", b"\x01\xda\0\x01", 8),
        ("SGI", b"\x01\xda\x01\x02", 16),
        ("PNG", bytes(24) + b"\x10\x02", 16),
    ],
)
def test_the_head_of_a_file_says_how_many_bits_it_has(format: str, head: bytes, bits: int) -> None:
    assert deep_files._BITS[format](head + bytes(60)) == bits


def jpeg_xl_head(*fields: tuple[int, int]) -> bytes:
    """The head of a codestream: values and how many bits each of them takes, the lowest first."""
    number = at = 0
    for value, size in fields:
        number |= value << at
        at += size
    return b"\xff\x0a" + number.to_bytes(at // 8 + 1, "little")


SMALL_SQUARE = ((1, 1), (4, 5), (1, 3))  # 40 rows, and as many columns
SMALL = ((1, 1), (4, 5), (0, 3), (7, 5))
LARGE = [((0, 1), (choice, 2), (77, size), (0, 3), (0, 2), (5, 9)) for choice, size in enumerate((9, 13, 18, 30))]


@pytest.mark.parametrize("size", [SMALL_SQUARE, SMALL, *LARGE], ids=str)
@pytest.mark.parametrize("wrapped", [b"", b"\0\0\0\x0cJXL \r\n\x87\n....jxlc", b"....jxlp\0\0\0\1"])
def test_the_head_of_a_jpeg_xl_file_is_read_bit_by_bit(size: tuple[tuple[int, int], ...], wrapped: bytes) -> None:
    def bits_of(*fields: tuple[int, int]) -> int:
        return deep_files._BITS["JXL"](wrapped + jpeg_xl_head(*size, *fields) + bytes(9))

    assert bits_of((1, 1)) == 8  # all_default
    plain = ((0, 1), (0, 1))
    extra = ((0, 1), (1, 1), (6, 3), (0, 1), (0, 2))
    with_intrinsic_size = ((0, 1), (1, 1), (6, 3), (1, 1), *size, (0, 2))
    for before in (plain, extra, with_intrinsic_size):
        for choice, bits in enumerate((8, 10, 12)):
            assert bits_of(*before, (0, 1), (choice, 2)) == bits
        for more in (0, 15, 30):
            assert bits_of(*before, (0, 1), (3, 2), (more, 6)) == 1 + more
            assert bits_of(*before, (1, 1), (3, 2), (more, 6)) == 1 + more
        for choice, bits in enumerate((32, 16, 24)):
            assert bits_of(*before, (1, 1), (choice, 2)) == bits
    for preview_or_animation in (1, 2, 3):
        with pytest.raises(ValueError, match="whose fields are not parsed"):
            bits_of((0, 1), (1, 1), (6, 3), (0, 1), (preview_or_animation, 2))


def test_a_jpeg_xl_file_without_a_codestream_says_nothing() -> None:
    with pytest.raises(ValueError, match="no codestream"):
        deep_files._BITS["JXL"](b"x\xff\x0a" + bytes(60))


def test_colours_multiplied_by_alpha_are_divided_by_it_again() -> None:
    alpha = np.array([0, 1, 2, 1000, 32768, 65534, 65535], np.uint16)
    straight = np.array([0, 1, 65535, 40_000, 12_345, 65535, 777])
    for color in (straight, straight[::-1]):
        multiplied = np.floor(color * (alpha / 65535) + 0.5).astype(np.uint16)
        samples = np.column_stack((multiplied, multiplied * 0, alpha, alpha))[None].copy()
        found = deep_files._straight(samples)[0]
        wanted = np.minimum(np.floor(65535.0 * multiplied / np.maximum(alpha, 1) + 0.5), 65535)
        assert np.array_equal(found[:, 0], wanted)
        assert not found[:, 1].any()
        assert (found[1:, 2] == 65535).all()
        assert np.array_equal(found[:, 3], alpha)


def test_a_rawmode_has_one_for_the_high_bytes_and_one_for_the_low() -> None:
    order = sys.byteorder == "big"
    for rawmode, big in (("16B", True), ("16L", False), ("16N", order)):
        assert deep_files._half(f"RGB;{rawmode}", low=False) == f"RGB;16{'B' if big else 'L'}"
        assert deep_files._half(f"RGB;{rawmode}", low=True) == f"RGB;16{'L' if big else 'B'}"
        assert deep_files._half(f"L;{rawmode}", low=False) == f"L;16{'B' if big else ''}"
        assert deep_files._half(f"L;{rawmode}", low=True) == f"L;16{'' if big else 'B'}"
    assert deep_files._half("RGBa;16B", low=False) == "RGBA;16B"


def test_labels_below_256_are_told_how_they_can_be_kept() -> None:
    for most, advice in ((255, r"pixels.astype\(numpy.uint8\) keeps labels"), (256, "convert it to 8 bits first, or")):
        samples = np.array([[0, 1, 2, most]], np.uint16)
        with refused(advice):
            to_array(samples)
        with refused("convert it to 8 bits first, or"):
            to_array(np.dstack((samples,) * 3))


def test_gray_and_alpha_of_16_bits_in_jpeg_xl_is_refused_as_its_reader_errs() -> None:
    pytest.importorskip("pillow_jxl")
    with refused("16-bit gray image with alpha, which pillow-jxl-plugin misreads"):
        to_kpal(deep.JPEG_XL_16_GRAY_ALPHA)


# --- transparent colours of PNG


def clear_at(data: bytes, work: Callable[[bytes], np.ndarray]) -> list[int]:
    pixels = work(data)
    return np.flatnonzero(pixels[0, :, 3] == 0).tolist() if pixels.shape[2] == 4 else []


def loaded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return to_array(image)


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return kpal.decode(kpal.encode(image))


def saved(data: bytes) -> np.ndarray:
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.save(file, "KPAL")
    return kpal.decode(file.getvalue())


def transcoded(data: bytes) -> np.ndarray:
    return kpal.decode(to_kpal(data))


every_way = pytest.mark.parametrize("work", [opened, loaded, saved, transcoded])


@every_way
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_transparent_gray_of_png_is_as_deep_as_its_pixels(bits: int, work: Callable[[bytes], np.ndarray]) -> None:
    levels = np.arange(1 << bits, dtype=np.uint8)[None, :, None]
    for key in {0, 1, (1 << bits) // 2, (1 << bits) - 1}:
        data = png(levels, bits, key=(key,))
        assert clear_at(data, work) == [key]
        assert work(data)[0, :, 0][levels[0, :, 0] != key].tolist() == [
            level * 255 // ((1 << bits) - 1) for level in range(1 << bits) if level != key
        ]


@every_way
def test_high_bits_of_a_transparent_colour_that_its_pixels_lack_do_not_count(
    work: Callable[[bytes], np.ndarray],
) -> None:
    assert clear_at(png(np.array([[[1], [2]]], np.uint8), 8, key=(0x0102,)), work) == [1]
    assert clear_at(png(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), 8, key=(0x0104, 5, 0xFF06)), work) == [1]


@every_way
def test_the_transparent_colour_of_a_16_bit_png_is_compared_in_16_bits(work: Callable[[bytes], np.ndarray]) -> None:
    gray = np.array([[0, 2571, 4660, 50000]], np.uint16)[:, :, None]
    colors = np.concatenate((gray, gray[:, ::-1], gray * np.uint16(0)), axis=2)
    for samples in (gray, colors):
        for at in range(4):
            data = png(samples, key=tuple(samples[0, at].tolist()))
            with pytest.warns(kpal.KpalWarning, match="16-bit"):
                assert clear_at(data, work) == [at]
    # Two colours that are the same once rounded: only the one with all bits of the key is clear.
    close = np.array([[[0x1234] * 3, [0x1235] * 3, [0xFFFF] * 3]], np.uint16)
    with pytest.warns(kpal.KpalWarning, match="16-bit"):
        assert clear_at(png(close, key=(0x1234,) * 3), work) == [0]


def test_the_transparent_colour_of_an_image_without_its_file_is_compared_in_the_bits_left() -> None:
    samples = noise(1, 8, 3)
    with Image.open(io.BytesIO(png(samples, key=tuple(samples[0, 5].tolist())))) as image:
        copy = image.copy()
    with pytest.warns(kpal.KpalWarning, match="16-bit"):
        assert np.flatnonzero(to_array(copy)[0, :, 3] == 0).tolist() == [5]


# --- the command line


def test_the_commands_refuse_round_and_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps, photo = tmp_path / "labels.png", tmp_path / "photo.png"
    maps.write_bytes(png(labels(9, 14)))
    photo.write_bytes(png(noise(20, 31, 3)))
    refusal = f"kpal: {maps}: a 16-bit image of 41 levels, of which rounding to 8 bits would leave 1: --depth 8 rounds"
    forced = f"kpal: {maps}: warning: a 16-bit image of 41 levels, rounded to 8 bits, which leaves 1"
    for command in ("compare", "palette", "encode"):
        assert cli.main([command, str(maps)]) == 1
        assert refusal in capsys.readouterr().err
        assert not maps.with_suffix(".kpal").exists()
        assert cli.main([command, "--depth", "8", str(maps)]) == 0
        assert forced in capsys.readouterr().err
        assert cli.main([command, str(photo)]) == 0
        said = capsys.readouterr().err
        assert f"kpal: {photo}: warning: a 16-bit image of more than 256 colours, rounded to 8 bits" in said
        assert said.count("warning") == 1
    assert not kpal.decode(maps.with_suffix(".kpal").read_bytes()).any()
    assert cli.main(["encode", "-f", "--exact", str(photo)]) == 1
    assert "16-bit" in capsys.readouterr().err


def test_what_a_file_carries_survives_its_rounding(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    picture = Image.fromarray(noise(20, 31, 1)[:, :, 0])
    picture.save(path, dpi=(300, 150), icc_profile=b"\0" * 16 + b"RGB " + bytes(40))
    with pytest.warns(kpal.KpalWarning, match="16-bit"):
        data = to_kpal(path.read_bytes())
    assert kpal.inspect(data).metadata.dpi == pytest.approx((300, 150), abs=0.02)
