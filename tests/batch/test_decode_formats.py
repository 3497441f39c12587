"""What `.kpal` files are decoded to holds the same pixels, or says what differs."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal.batch.transcode import _differences, _is_gray, from_kpal

from ..foreign_files import saved, sign
from ..images import METADATA, pillow, random_indexed, soft_icon

Image.init()  # so that it knows which formats it has
LOSSLESS = ["PNG", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "QOI", "WEBP", "JPEG2000", "JXL", "PCX", "SGI", "ICO"]
WITH_ALPHA = ["PNG", "TIFF", "TGA", "QOI", "WEBP", "JPEG2000", "JXL", "ICO", "SGI"]
OLD_PILLOW = PIL.__version__ < "12"
OPAQUE = random_indexed(20, 30, 200)
TRANSLUCENT = random_indexed(20, 30, 200, 4)
# Keyword and text, and whether PNG 1.2 allows them: 1 to 79 Latin-1 characters, and no zeros.
PNG_TEXTS = [
    ("k" * 79, "x", True),
    ("k" * 80, "x", False),
    ("\xff", "\u20ac", True),
    ("\u0100", "x", False),
    ("", "x", False),
    ("a", "x\0y", False),
    ("a\0", "x", False),
]


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
    ("name", "before"), [("exif", b"Exif\0\0"), ("xmp", b"http://ns.adobe.com/xap/1.0/\0"), ("text", b"")]
)
def test_a_segment_of_jpeg_takes_65533_bytes_and_no_more(name: str, before: bytes) -> None:
    if name == "text" and OLD_PILLOW:
        pytest.skip("this Pillow cannot write a comment as long as JPEG allows to a file in memory")
    for size in (65533, 65534):
        blob = b"x" * (size - len(before))
        value: Any = {"text": {"Comment": blob.decode()}} if name == "text" else {name: blob}
        written, said = said_by(
            kpal.encode(np.full((16, 16), 128, np.uint8), metadata=kpal.Metadata(**value)),
            "JPEG",
        )
        assert len([line for line in said if "cannot hold" in line]) == (size > 65533)
        assert (struct.pack(">H", 65535) + before + blob in written) == (size == 65533)


@pytest.mark.parametrize(("key", "value", "fits"), PNG_TEXTS)
def test_texts_that_png_can_hold_come_back_and_others_are_named(key: str, value: str, fits: bool) -> None:
    data = kpal.encode(sign(), metadata=kpal.Metadata(text={key: value}))
    written, said = said_by(data, "PNG")
    with Image.open(io.BytesIO(written)) as image:
        image.load()
        assert image.text == ({key: value} if fits else {})  # type: ignore[attr-defined]
    assert said == [f"PNG cannot hold the text {key!r}: it is left out"] * (not fits)


def test_gray_is_a_palette_whose_channels_are_alike() -> None:
    def is_gray(*palette: tuple[int, int, int]) -> bool:
        return _is_gray(pillow(kpal.IndexedImage(np.zeros((1, 1), np.uint8), np.array(palette, np.uint8))))

    assert is_gray((0, 0, 0), (7, 7, 7), (255, 255, 255))
    for color in ((8, 7, 7), (7, 8, 7), (7, 7, 8)):
        assert not is_gray((0, 0, 0), color, (255, 255, 255))


def test_differing_pixels_are_counted_whatever_strips_they_are_in(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    a = random.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    b = a.copy()
    b[5, 7, 1] ^= 64
    b[19, 29] = a[19, 29] ^ 3
    b[2, :3], a[2, :3] = (1, 2, 3, 0), (9, 9, 9, 0)  # which is hidden
    shown = [np.where(x[:, :, 3:] > 0, x, 0).astype(int) for x in (a, b)]
    apart = np.abs(shown[0] - shown[1]).max(axis=2)
    expected = (int((apart > 0).sum()), int(apart.max()))
    assert expected[0] == 2
    for compared in (1, 30, 100, 10_000):
        monkeypatch.setattr("kpal.batch.transcode._COMPARED", compared)
        assert _differences(Image.fromarray(a), Image.fromarray(b)) == expected
        assert _differences(Image.fromarray(a), Image.fromarray(a)) == (0, 0)
    assert _differences(Image.fromarray(a[:9]), Image.fromarray(b)) == (600, 255)


def test_an_icon_is_as_large_as_its_picture_up_to_256_pixels() -> None:
    for side, largest in ((20, 20), (255, 255), (256, 256)):
        written, _ = said_by(kpal.encode(np.full((side, side, 3), (200, 10, 30), np.uint8)), "ICO")
        with Image.open(io.BytesIO(written)) as image:
            assert image.info["sizes"] == {(largest, largest)}


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
