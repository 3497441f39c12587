"""Thumbnails: what they show, and what they say about their file."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal.image_files import thumbnails
from kpal.image_files.color_management import in_srgb
from kpal.image_files.color_tags import SRGB_PRIMARIES
from kpal.image_files.icc_profiles import Primaries, matrix_profile, power
from kpal.image_files.thumbnails import path_of, thumbnail, uri_of
from kpal_format import U8, IndexedImage, LimitError, Metadata, Writer

from ..images import poster, random_indexed, soft_icon

gio = shutil.which("gio")
ORIENTED_6 = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def of(image: IndexedImage | U8, size: int, *, exact: bool = False, metadata: Metadata | None = None) -> Image.Image:
    return thumbnail(io.BytesIO(kpal.encode(image, exact=exact, metadata=metadata)), size)[0]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a picture, 100%; (1) é.kpal"
    path.write_bytes(kpal.encode(soft_icon(96)))
    return path


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "kpal", "thumbnail", *map(str, arguments)], input=stdin, capture_output=True
    )


# --- the picture


@pytest.mark.parametrize(
    ("width", "height", "size", "expected"),
    [
        (300, 200, 128, (128, 85)),
        (200, 300, 128, (85, 128)),
        (128, 128, 128, (128, 128)),
        (1, 1, 128, (1, 1)),
        (1, 5000, 128, (1, 128)),
        (5000, 3, 1, (1, 1)),
        (129, 2, 128, (128, 2)),
    ],
)
def test_a_thumbnail_fits_and_keeps_the_shape(width: int, height: int, size: int, expected: tuple[int, int]) -> None:
    assert of(random_indexed(height, width, 9), size).size == expected


def test_a_small_picture_is_shown_pixel_by_pixel() -> None:
    image = random_indexed(31, 64, 40, 4)
    assert np.array_equal(np.asarray(of(image, 64)), image.pixels())


@pytest.mark.parametrize("alpha", [3, 4])
@pytest.mark.parametrize(("height", "width", "size"), [(180, 250, 60), (700, 90, 32), (257, 1031, 16), (90, 100, 80)])
@pytest.mark.parametrize("band", [1 << 20, 1000])
def test_a_thumbnail_looks_like_the_one_that_pillow_makes_of_the_whole_picture(
    height: int, width: int, size: int, band: int, alpha: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "_BAND", band)
    pixels = poster(height, width, 30).pixels() if alpha == 3 else random_indexed(height, width, 30, 4).pixels()
    whole = Image.fromarray(pixels).convert("RGBA")
    made = of(pixels, size)
    expected = whole.resize(made.size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    difference = np.abs(np.asarray(made.convert("RGBa"), np.int16) - np.asarray(expected.convert("RGBa")))
    assert difference.mean() < (1.5 if PIL.__version__ >= "12" else 3)  # older ones reduce noise to other sizes first
    assert difference.max() <= 24


def test_averages_of_large_blocks_stay_exact() -> None:
    white = IndexedImage(np.zeros((61 * 64, 63 * 64), np.uint8), np.array([[255, 128, 7]], np.uint8))
    assert of(white, 16).getextrema() == ((255, 255), (128, 128), (7, 7), (255, 255))


def test_clear_pixels_lend_no_colour_to_their_neighbours() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, ::2] = (0, 0, 255, 255)
    pixels[:, 1::2] = (255, 0, 0, 0)
    shown = np.asarray(of(pixels, 16, exact=True))
    assert np.all(shown[:, :, :3] == (0, 0, 255))
    assert np.all(np.abs(shown[:, :, 3].astype(int) - 128) <= 2)


def test_colours_are_converted_to_srgb() -> None:
    image = random_indexed(20, 30, 50)
    swapped = Primaries(SRGB_PRIMARIES.white, SRGB_PRIMARIES.green, SRGB_PRIMARIES.red, SRGB_PRIMARIES.blue)
    profile = matrix_profile("test", swapped, power(Fraction(18, 10)))
    shown = of(image, 30, metadata=Metadata(icc_profile=profile)).convert("RGB")
    expected = in_srgb(Image.fromarray(image.pixels()), profile)
    assert np.array_equal(np.asarray(shown), np.asarray(expected))
    assert not np.array_equal(np.asarray(shown), image.pixels())


def test_a_profile_that_cannot_be_used_is_named() -> None:
    with pytest.warns(kpal.KpalWarning, match="the ICC profile cannot be used"):
        shown = of(random_indexed(20, 30, 50), 30, metadata=Metadata(icc_profile=b"no profile"))
    assert np.array_equal(np.asarray(shown.convert("RGB")), random_indexed(20, 30, 50).pixels())


def test_a_turned_picture_is_shown_upright() -> None:
    image = random_indexed(20, 30, 50)
    shown = of(image, 30, metadata=Metadata(exif=ORIENTED_6))
    assert np.array_equal(np.asarray(shown.convert("RGB")), np.rot90(image.pixels(), -1))


# --- limits


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the unit of ru_maxrss differs")
def test_a_picture_larger_than_the_memory_in_use_has_a_thumbnail(tmp_path: Path) -> None:
    side = 10_000  # 100 MB of indices, 400 MB of pixels
    rows = np.tile((np.arange(side) // 500 % 16).astype(np.uint8), (1000, 1))
    with (tmp_path / "map.kpal").open("wb") as file:
        palette = np.arange(48, dtype=np.uint8).reshape(16, 3)
        with Writer(file, side, side, palette, coder="zstd") as writer:
            for _ in range(0, side, len(rows)):
                writer.write(rows)
    # Started by a small process, because a child counts what its parent had in memory as its own.
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    words = [sys.executable, "-m", "kpal", "thumbnail", str(tmp_path / "map.kpal"), str(tmp_path / "map.png")]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=True)
    assert int(done.stdout) < 130_000  # kB
    with Image.open(tmp_path / "map.png") as image:
        assert image.size == (256, 256)


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(LimitError, match="30 x 20 pixels are more than the limit, max_pixels=599"):
        thumbnail(io.BytesIO(kpal.encode(random_indexed(20, 30, 50))), 128, max_pixels=599)


# --- names


@pytest.mark.parametrize("name", ["plain.kpal", "a b;c#d?e%f.kpal", "!$&'()*+,-.:=@_~[]{}|^`\"<>\\.kpal", "é\x01.kpal"])
def test_the_uri_of_a_path_leads_back_to_it(name: str, tmp_path: Path) -> None:
    assert path_of(uri_of(tmp_path / name)) == tmp_path / name


@pytest.mark.skipif(gio is None, reason="gio, of Debian's libglib2.0-bin, is missing")
def test_uris_are_those_of_glib(tmp_path: Path) -> None:
    path = tmp_path / "a b;c#d?e%f!$&'()*+,-.:=@_~[]{}|^`\"<>\\é\x01.kpal"
    path.touch()
    assert gio is not None
    said = subprocess.run([gio, "info", path], capture_output=True, text=True, check=True).stdout
    assert f"uri: {uri_of(path)}\n" in said


@pytest.mark.parametrize("uri", ["file://server/a.kpal", "file:///a.kpal?b", "file:///a.kpal#b", "file:///a%00.kpal"])
def test_uris_that_name_no_file_here_are_refused(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["thumbnail", uri, "out.png"]) == 1
    assert "does not name a file of this machine" in capsys.readouterr().err


# --- the command


def test_the_command_writes_what_the_specification_wants(picture: Path, tmp_path: Path) -> None:
    os.utime(picture, (1, 1_234_567_890.75))
    assert cli.main(["thumbnail", str(picture), str(tmp_path / "out.png"), "-s", "48"]) == 0
    with Image.open(tmp_path / "out.png") as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (48, 48))
        assert image.info == {
            "Software": f"kpal {kpal.__version__}",
            "Thumb::URI": uri_of(picture),
            "Thumb::MTime": "1234567890",
            "Thumb::Size": str(picture.stat().st_size),
            "Thumb::Mimetype": "image/x-kpal",
            "Thumb::Image::Width": "96",
            "Thumb::Image::Height": "96",
        }


def test_the_input_may_be_a_uri(picture: Path, tmp_path: Path) -> None:
    for name in (str(picture), uri_of(picture), uri_of(picture).replace("file://", "file://localhost")):
        assert cli.main(["thumbnail", name, str(tmp_path / "out.png")]) == 0
        with Image.open(tmp_path / "out.png") as image:
            assert image.info["Thumb::URI"] == uri_of(picture)


def test_streams_are_read_and_written(picture: Path) -> None:
    done = run("-", "-", "-s", 20, stdin=picture.read_bytes())
    assert done.returncode == 0, done.stderr
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.size == (20, 20)
        assert "Thumb::URI" not in image.info


def test_the_file_that_a_file_manager_made_for_the_thumbnail_is_replaced(picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "made before.png"
    out.touch(mode=0o600)
    assert cli.main(["thumbnail", str(picture), str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert os.name == "nt" or out.stat().st_mode & 0o777 == 0o600


def test_the_picture_is_never_replaced_by_its_thumbnail(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = picture.read_bytes()
    assert cli.main(["thumbnail", str(picture), str(picture)]) == 1
    assert "the thumbnail would take the place of the picture" in capsys.readouterr().err
    assert picture.read_bytes() == data


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends"),
        (b"nothing that is known", "not a .kpal file"),
        (b"\x8bKPAL\r\n\x1a", "ends"),
    ],
)
def test_what_is_no_whole_kpal_file_gives_an_error_and_no_thumbnail(
    content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.kpal").write_bytes(content)
    assert cli.main(["thumbnail", str(tmp_path / "in.kpal"), str(tmp_path / "out.png")]) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_the_name_of_another_format_is_in_the_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(soft_icon()).save(tmp_path / "icon.png")
    assert cli.main(["thumbnail", str(tmp_path / "icon.png"), str(tmp_path / "out.png")]) == 1
    assert "an image of the format PNG" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["0", "-3", "4097", "1e2", "99999999999"])
def test_sizes_out_of_range_are_wrong_usage(size: str, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["thumbnail", str(picture), "out.png", f"-s{size}"])
    assert ended.value.code == 2
    assert "is not a number from 1 to 4,096" in capsys.readouterr().err
