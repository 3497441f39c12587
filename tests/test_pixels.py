"""What holds pixels: arrays and every mode of Pillow, converted or refused with a reason."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal.image_files.metadata import density_of
from kpal.pixels import own_palette, to_array, to_pillow, without_hidden
from kpal_format import U8

from .images import METADATA, gradient, random_indexed, soft_icon

RGBA = random_indexed(5, 6, 30, 4).pixels()


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA", "P", "CMYK", "YCbCr", "HSV", "RGBX"])
def test_pillow_modes_are_seen_as_pillow_shows_them(mode: str) -> None:
    image = (
        Image.fromarray(RGBA).convert("RGB").convert(mode)
        if mode not in ("RGBA", "LA")
        else Image.fromarray(RGBA).convert(mode)
    )
    expected = np.asarray(image.convert("RGBA" if mode in ("RGBA", "LA") else "RGB"))
    assert np.array_equal(to_array(image), expected)
    assert np.array_equal(kpal.decode(kpal.encode(image)), expected)


def test_premultiplied_modes_are_converted() -> None:
    image = Image.fromarray(RGBA)
    assert np.array_equal(to_array(image.convert("RGBa")), np.asarray(image.convert("RGBa").convert("RGBA")))
    gray = image.convert("LA").convert("La")
    assert np.array_equal(to_array(gray), np.asarray(gray.convert("LA").convert("RGBA")))


def test_palette_images_with_alpha_of_either_kind_are_converted() -> None:
    image = Image.fromarray(random_indexed(4, 4, 5).indices, "L")
    image.putpalette(bytes(range(20)), "RGBA")
    assert np.array_equal(to_array(image), np.asarray(image.convert("RGBA")))
    assert np.array_equal(kpal.quantize(image, keep_palette=True).pixels(), np.asarray(image.convert("RGBA")))
    image = image.convert("PA")
    assert np.array_equal(to_array(image), np.asarray(image.convert("RGBA")))


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_transparent_colour_becomes_alpha(mode: str) -> None:
    image = Image.fromarray(np.array([[0, 255, 255, 0]], np.uint8)).convert(mode)
    image.info["transparency"] = (255, 255, 255) if mode == "RGB" else 255
    assert to_array(image)[0, :, 3].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize(("mode", "reason"), [("I", "no fixed range"), ("F", "no fixed range")])
def test_modes_without_a_right_conversion_are_refused(mode: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"mode {mode} .*{reason}"):
        kpal.encode(Image.new(mode, (3, 3)))


def test_arrays_of_one_to_four_channels_and_of_booleans_are_pixels() -> None:
    gray = np.array([[0, 7], [200, 255]], np.uint8)
    for array in (gray, gray[:, :, None]):
        assert np.array_equal(kpal.decode(kpal.encode(array)), np.dstack((gray,) * 3))
    alpha = np.array([[0, 1], [2, 255]], np.uint8)
    assert np.array_equal(kpal.decode(kpal.encode(np.dstack((gray, alpha)))), np.dstack((gray, gray, gray, alpha)))
    assert np.array_equal(kpal.decode(kpal.encode(gray > 100)), np.dstack(((gray > 100) * np.uint8(255),) * 3))


def test_arrays_of_any_memory_layout_are_pixels() -> None:
    pixels = gradient()
    expected = kpal.encode(pixels[::-1, ::2])
    for same in (pixels[::-1, ::2].copy(), np.asfortranarray(pixels[::-1, ::2])):
        assert kpal.encode(same) == expected
    pixels.flags.writeable = False
    assert kpal.encode(pixels[::-1, ::2]) == expected


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (np.zeros((2, 2, 3)), TypeError, "uint8"),
        (np.zeros((2, 2), np.int64), TypeError, "uint8"),
        (np.zeros((2, 2, 5), np.uint8), ValueError, r"\(h, w\)"),
        (np.zeros(3, np.uint8), ValueError, r"\(h, w\)"),
        (np.zeros((0, 3), np.uint8), ValueError, "empty"),
        (np.zeros((3, 0, 4), np.uint8), ValueError, "empty"),
        (Image.new("RGB", (0, 5)), ValueError, "empty"),
        (np.ma.zeros((2, 2), np.uint8), TypeError, "masked"),
        (np.zeros((3, 9, 7), np.uint8), ValueError, r"\(3, 9, 7\): numpy.moveaxis\(pixels, 0, -1\) moves"),
        (np.uint8(5), ValueError, r"\(h, w\)"),
        ([[1, 2]], TypeError, "numpy array or a Pillow image, not list: .* numpy.array"),
        ("image.png", TypeError, r"numpy array or a Pillow image, not str: for a path, pass PIL.Image.open\(path\)"),
        (Path("image.png"), TypeError, r"for a path, pass PIL.Image.open\(path\)"),
        (b"\x89PNG", TypeError, "not bytes: for an image file, pass PIL.Image.open"),
        (io.BytesIO(b"\x89PNG"), TypeError, "not BytesIO: for an image file, pass PIL.Image.open"),
        (None, TypeError, "not NoneType"),
        (5, TypeError, "not int"),
    ],
)
def test_what_is_no_image_is_refused(wrong: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        kpal.encode(wrong)  # type: ignore[arg-type]


def test_only_the_icc_profile_of_a_pillow_image_is_kept_by_default() -> None:
    image = Image.fromarray(soft_icon())
    image.info |= {"icc_profile": METADATA.icc_profile, "exif": METADATA.exif}
    assert kpal.quantize(image).metadata == kpal.Metadata(icc_profile=METADATA.icc_profile)
    assert kpal.quantize(image, metadata=kpal.Metadata()).metadata == kpal.Metadata()
    image.info["icc_profile"] = b"\0" * 16 + b"CMYK"
    with pytest.warns(kpal.KpalWarning, match="one for CMYK colours"):
        assert kpal.quantize(image).metadata == kpal.Metadata()


def test_all_metadata_of_a_pillow_image_can_be_asked_for() -> None:
    image = Image.new("RGB", (1, 1))
    image.info |= {"icc_profile": METADATA.icc_profile, "exif": METADATA.exif, "xmp": METADATA.xmp}
    image.info |= {"text": dict(METADATA.text), "dpi": (300, 150)}
    found = kpal.metadata_of(image)
    assert (found.icc_profile, found.xmp, found.text, found.density) == (
        METADATA.icc_profile,
        METADATA.xmp,
        METADATA.text,
        METADATA.density,
    )
    exif = Image.Exif()
    assert found.exif is not None
    exif.load(found.exif)
    assert exif[0x0112] == 6


def test_resolutions_that_make_no_sense_are_no_resolution() -> None:
    for wrong in (None, 72, (0, 0), (float("nan"), 1), (float("inf"), 1), ("a", "b"), (1, 2, 3), (1e9, 1e9)):
        assert density_of(wrong) is None
    assert kpal.Metadata(density=(2835, 2835)).dpi == pytest.approx((72.009, 72.009))


# --- palette images as they are


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("entries", [1, 3, 7, 255, 256])
@pytest.mark.parametrize("highest", [0, 2, 3, 6, 7, 255])
def test_a_palette_image_is_what_pillow_shows(mode: str, entries: int, highest: int) -> None:
    random = np.random.default_rng((entries, highest))
    indices = random.integers(0, highest + 1, (5, 8), dtype=np.uint8)
    indices[0, 0] = highest
    for transparency in (None, 0, 2, entries - 1, entries, highest, b"\0", random.bytes(entries), b"\xff" * 256):
        if transparency == 256:
            continue  # Pillow shows no such image
        image = Image.fromarray(indices)
        image.putpalette(random.bytes(entries * len(mode)), mode)
        if transparency is not None:
            image.info["transparency"] = transparency
        shown = np.asarray(image.convert("RGBA"))
        own = own_palette(image)
        assert np.array_equal(own.indices, indices)
        assert len(own.palette) == max(entries, highest + 1)
        assert np.array_equal(rgba(own.pixels()), shown)
        assert own.palette.shape[1] == (4 if rgba(own.palette)[:, 3].min() < 255 else 3)
        assert np.array_equal(rgba(to_array(image))[shown[:, :, 3] > 0], shown[shown[:, :, 3] > 0])


def rgba(colors: U8) -> U8:
    """The colours with alpha, whether they have it or not."""
    return colors if colors.shape[-1] == 4 else np.concatenate((colors, np.full_like(colors[..., :1], 255)), axis=-1)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("colors", [1, 5, 256])
def test_indexed_images_go_to_pillow_and_come_back(colors: int, channels: int) -> None:
    image = random_indexed(9, 7, colors, channels)
    there = to_pillow(image)
    assert (there.mode, there.size) == ("P", (7, 9))
    assert np.array_equal(np.asarray(there.convert("RGBA")), rgba(image.pixels()))
    back = own_palette(there)
    assert np.array_equal(back.indices, image.indices)
    assert np.array_equal(back.palette, image.palette)
    assert own_palette(image) is image


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("L", (3, 3)), "mode P, not mode L"),
        (np.zeros((3, 3), np.uint8), "mode P, not a ndarray"),
        (Image.new("P", (0, 3)), r"must not be empty; the size is \(0, 3\)"),
    ],
)
def test_only_palette_images_have_a_palette_to_keep(image: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own_palette(image)


# --- alpha


def test_alpha_is_there_only_where_a_pixel_is_not_opaque() -> None:
    pixels = np.full((2, 3, 4), 255, np.uint8)
    assert to_array(pixels).shape == (2, 3, 3)
    pixels[1, 2, 3] = 254
    assert to_array(pixels).shape == (2, 3, 4)
    assert to_array(pixels[:, :, :3]).shape == (2, 3, 3)


def test_what_is_hidden_becomes_black_and_nothing_else() -> None:
    pixels = np.array([[[9, 8, 7, 0], [9, 8, 7, 1], [9, 8, 7, 255]]], np.uint8)
    assert without_hidden(pixels).tolist() == [[[0, 0, 0, 0], [9, 8, 7, 1], [9, 8, 7, 255]]]
    assert without_hidden(pixels[:, :, :3]).tolist() == [[[9, 8, 7]] * 3]


def test_the_last_of_two_or_four_channels_of_16_bits_is_alpha_and_hides() -> None:
    for channels, is_alpha in ((1, False), (2, True), (3, False), (4, True)):
        samples = np.full((1, 300, channels), 257 * 3, np.uint16)
        samples[0, :, 0] = np.arange(300)  # no multiples of 257
        samples[0, :, -1] = samples[0, :, -1] if channels == 1 else 0
        if is_alpha:
            assert to_array(samples)[0, :, -1].tolist() == [0] * 300
        else:
            with pytest.warns(kpal.KpalWarning, match="16-bit"):
                to_array(samples)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32, np.uint64, np.float16])
def test_what_has_no_fixed_range_is_refused_with_advice(dtype: type) -> None:
    advice = "scale it to 0..255" if dtype is np.float16 else r"pixels.astype\(numpy.uint8\) keeps"
    with pytest.raises(TypeError, match=f"must be uint8, uint16 or bool, not .*: {advice}"):
        to_array(np.zeros((2, 2), dtype))
