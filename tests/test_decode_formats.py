"""What `.kpal` files are decoded to holds the same pixels, or says what differs."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal.transcode import from_kpal

from .image_files import saved, sign
from .images import METADATA, random_indexed, soft_icon

Image.init()  # so that it knows which formats it has
LOSSLESS = ["PNG", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "QOI", "WEBP", "JPEG2000", "JXL", "PCX", "SGI", "ICO"]
WITH_ALPHA = ["PNG", "TIFF", "TGA", "QOI", "WEBP", "JPEG2000", "JXL", "ICO", "SGI"]
OPAQUE = random_indexed(20, 30, 200)
TRANSLUCENT = random_indexed(20, 30, 200, 4)


def said_by(data: bytes, format: str) -> tuple[bytes, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")  # Pillow warns of damaged Exif
        warnings.simplefilter("always", kpal.KpalWarning)
        written = from_kpal(data, format)
    return written, [str(warning.message) for warning in caught]


def pixels_of(data: bytes, mode: str) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert(mode))


@pytest.mark.parametrize("format", [format for format in LOSSLESS if format in Image.SAVE])
def test_formats_that_can_hold_the_pixels_do(format: str) -> None:
    written, said = said_by(kpal.encode(OPAQUE), format)
    assert said == []
    assert np.array_equal(pixels_of(written, "RGB"), OPAQUE.pixels())


@pytest.mark.parametrize("format", [format for format in WITH_ALPHA if format in Image.SAVE])
def test_formats_that_can_hold_alpha_do(format: str) -> None:
    written, said = said_by(kpal.encode(TRANSLUCENT), format)
    assert said == []
    expected = TRANSLUCENT.pixels()
    assert np.array_equal(
        np.where(expected[..., 3:] > 0, pixels_of(written, "RGBA"), 0), np.where(expected[..., 3:] > 0, expected, 0)
    )


@pytest.mark.parametrize("format", [format for format in ("JPEG", "AVIF") if format in Image.SAVE])
def test_formats_that_change_pixels_say_so(format: str) -> None:
    written, (said,) = said_by(kpal.encode(OPAQUE), format)
    difference = np.abs(pixels_of(written, "RGB").astype(int) - OPAQUE.pixels()).max(axis=2)
    changed = np.count_nonzero(difference)
    expected = f"{format} changes {changed} of 600 pixels, by up to {difference.max()} levels; PNG and WebP change none"
    assert said == expected
    assert changed > 0


def test_avif_changes_colours_by_little_and_gray_not_at_all() -> None:
    if "AVIF" not in Image.SAVE:
        pytest.skip("a Pillow without libavif")
    written, _ = said_by(kpal.encode(OPAQUE), "AVIF")
    assert np.abs(pixels_of(written, "RGB").astype(int) - OPAQUE.pixels()).max() <= 4
    gray = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    written, said = said_by(kpal.encode(gray), "AVIF")
    assert said == []
    assert np.array_equal(pixels_of(written, "L"), gray)


def test_a_jpeg_that_changes_nothing_says_nothing() -> None:
    assert said_by(kpal.encode(np.full((16, 16), 128, np.uint8)), "JPEG")[1] == []


def test_the_command_says_that_pixels_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "x.kpal"
    source.write_bytes(kpal.encode(OPAQUE))
    assert cli.main(["decode", str(source), "--to", "jpg"]) == 0
    assert capsys.readouterr().err.count("warning: JPEG changes") == 1


def test_alpha_that_no_pixel_has_is_no_hindrance() -> None:
    palette = np.array([[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 0, 0]], np.uint8)
    data = kpal.encode(kpal.IndexedImage(np.array([[0, 1], [1, 0]], np.uint8), palette))
    written, said = said_by(data, "BMP")
    assert said == []
    assert np.array_equal(pixels_of(written, "RGB"), palette[[[0, 1], [1, 0]], :3])


@pytest.mark.parametrize("format", ["JPEG", "BMP", "PPM"])
def test_alpha_that_a_format_cannot_hold_is_an_error(format: str) -> None:
    with pytest.raises((ValueError, OSError), match=r"cannot"):
        from_kpal(kpal.encode(soft_icon()), format)


def test_metadata_too_large_for_a_format_are_left_out_and_named() -> None:
    large = kpal.Metadata(exif=b"Exif\0\0MM\0*" + bytes(70_000), xmp=b"x" * 70_000, text={"Comment": "x" * 70_000})
    written, said = said_by(kpal.encode(np.full((16, 16), 128, np.uint8), metadata=large), "JPEG")
    assert said == [
        "JPEG cannot hold this exif, which is damaged or too long: it is left out",
        "JPEG cannot hold this xmp, which is damaged or too long: it is left out",
        "JPEG cannot hold the text 'Comment': it is left out",
    ]
    with Image.open(io.BytesIO(written)) as image:
        assert not {"exif", "xmp", "comment"} & set(image.info)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "format", [format for format in ("AVIF", "TIFF", "JPEG", "WEBP", "JXL", "PNG") if format in Image.SAVE]
)
def test_damaged_exif_costs_no_picture(format: str) -> None:
    for exif in (b"garbage", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\xff\xff"):
        written, _ = said_by(kpal.encode(sign(), metadata=kpal.Metadata(exif=exif)), format)
        assert pixels_of(written, "RGB").shape == (16, 24, 3)


@pytest.mark.parametrize(
    "format", [format for format in ("PNG", "WEBP", "JPEG", "TIFF", "JXL", "AVIF") if format in Image.SAVE]
)
def test_profiles_travel(format: str) -> None:
    with Image.open(io.BytesIO(saved(sign(), "PNG"))) as image:
        data = kpal.encode(image, metadata=kpal.Metadata(icc_profile=METADATA.icc_profile))
    written, said = said_by(data, format)
    assert not [line for line in said if "hold" in line]
    if format != "JXL":  # whose encoder takes no profile that it cannot read
        with Image.open(io.BytesIO(written)) as image:
            assert image.info["icc_profile"] == METADATA.icc_profile
