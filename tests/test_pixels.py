"""What holds pixels: arrays and every mode of Pillow, converted or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal.metadata import density_of
from kpal.pixels import to_array

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
        ([[1, 2]], TypeError, "numpy array or a Pillow image, not list"),
        ("image.png", TypeError, "numpy array or a Pillow image, not str"),
        (b"\x89PNG", TypeError, "not bytes"),
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
