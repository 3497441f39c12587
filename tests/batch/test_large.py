"""Large images on the command line: limits, regions, and decoding by rows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal.batch import transcode
from kpal.batch.transcode import from_kpal, large_png
from kpal_format import IndexedImage, encode_indexed

from ..files import use_small_tiles
from ..images import METADATA, gradient, random_indexed

REGION = (20, 10, 90, 80)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def indexed(colors: int, channels: int = 3) -> IndexedImage:
    """An image of 130 x 100 pixels in 16 tiles of the small kind, with metadata."""
    image = random_indexed(100, 130, colors, channels)
    return IndexedImage(image.indices, image.palette, METADATA)


def rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_tiles(monkeypatch)
    monkeypatch.setattr(transcode, "_LARGE", 100)


# --- limits


@pytest.mark.parametrize("command", ["encode", "compare", "palette", "show"])
def test_pictures_of_more_pixels_than_the_limit_are_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(gradient()).save("x.tif")
    pixels = gradient().shape[0] * gradient().shape[1]
    for limit in (pixels - 1, pixels // 3):
        assert cli.main([command, "x.tif", "--max-pixels", str(limit)]) == 1
        assert f"pixels are more than the limit, --max-pixels {limit}" in capsys.readouterr().err
    assert not Path("x.kpal").exists()


@pytest.mark.parametrize("command", ["decode", "show", "thumbnail"])
def test_files_of_more_pixels_than_the_limit_are_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.kpal").write_bytes(kpal.encode(gradient()[:40, :50]))
    arguments = [command, "x.kpal", *["out.png"] * (command == "thumbnail")]
    assert cli.main([*arguments, "--max-pixels", "1999"]) == 1
    assert "50 x 40 pixels are more than the limit, --max-pixels 1999" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["x.kpal"]


def test_the_limit_may_be_high_or_none_whatever_that_of_pillow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.fromarray(gradient()).save("x.png")
    for limit in ("none", "1G", "0.5M", "2 k", str(gradient().shape[0] * gradient().shape[1])):
        assert cli.main(["encode", "-f", "-q", "x.png", "--max-pixels", limit]) == (limit == "2 k")
    assert cli.main(["decode", "-f", "-q", "x.kpal", "--max-pixels", "none"]) == 0
    assert cli.main(["palette", "-q", "x.png", "-c", "2", "--max-pixels", "none"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("text", ["0", "-1", "0.1", "many", "1kB", "5T", "", "None"])
def test_what_is_no_number_of_pixels_is_an_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["decode", "x.kpal", f"--max-pixels={text}"])
    assert "is not a number of pixels such as 500M, 2G or 100000000, or none" in capsys.readouterr().err


def test_the_picture_of_which_a_palette_is_taken_has_the_same_limit(capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(gradient()[:40, :50]).quantize(9).save("x.png")
    assert cli.main(["palette", "--of", "x.png", "--max-pixels", "1999"]) == 1
    assert "2000 pixels are more than the limit, --max-pixels 1999" in capsys.readouterr().err
    assert cli.main(["palette", "--of", "x.png", "--max-pixels", "2k"]) == 0


# --- regions


@pytest.mark.parametrize("ending", ["png", "bmp", "webp", "kpal"])
def test_a_region_is_decoded_alone(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_tiles(monkeypatch)
    image = random_indexed(100, 130, 200)  # without an orientation, which BMP could not hold
    data = bytearray(encode_indexed(image))
    data[-1] ^= 1  # the last tile, which the region does not need
    Path("x.kpal").write_bytes(data)
    region = ",".join(map(str, REGION))
    assert cli.main(["decode", "x.kpal", "-o", f"part.{ending}", "--region", region, "--max-pixels", "10k"]) == 0
    with Image.open(f"part.{ending}") as part:
        assert np.array_equal(np.asarray(part.convert("RGB")), image.pixels()[10:80, 20:90])
    assert cli.main(["decode", "-f", "x.kpal", "-o", f"part.{ending}"]) == 1


def test_the_limit_counts_the_pixels_of_the_tiles_of_a_region(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_small_tiles(monkeypatch)
    Path("x.kpal").write_bytes(encode_indexed(indexed(200)))
    assert cli.main(["decode", "x.kpal", "--region", "30,20,36,27", "--max-pixels", "3299"]) == 1
    assert "66 x 50 pixels are more than the limit, --max-pixels 3299" in capsys.readouterr().err
    assert cli.main(["decode", "x.kpal", "--region", "30,20,36,27", "--max-pixels", "3300"]) == 0


def test_a_region_outside_of_the_image_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.kpal").write_bytes(kpal.encode(gradient()[:40, :50]))
    assert cli.main(["decode", "x.kpal", "--region", "0,0,51,40"]) == 1
    assert "x.kpal: region (0, 0, 51, 40) is not a part of 50 x 40 pixels" in capsys.readouterr().err
    for text in ("1,2,3", "5,0,5,9", "0,9,5,3", "-1,0,5,5", "a,b,c,d"):
        with pytest.raises(SystemExit):
            cli.main(["decode", "x.kpal", f"--region={text}"])
    assert not Path("x.png").exists()


def test_rows_of_a_region_are_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_tiles(monkeypatch)
    with kpal.open_reader(encode_indexed(indexed(200))) as reader:
        told: list[float] = []
        rows = list(reader.rows(REGION, progress=lambda _, fraction: told.append(fraction)))
        assert np.array_equal(np.vstack(rows), reader.read(REGION))
    assert len(rows) > 1
    assert told == sorted(told)
    assert told[-1] == 1


# --- PNG by rows


@pytest.mark.parametrize(("colors", "channels"), [(2, 3), (3, 3), (16, 4), (17, 3), (256, 4)])
@pytest.mark.parametrize("region", [None, (7, 3, 130, 100)])
def test_a_png_that_is_written_by_rows_is_like_another(
    colors: int, channels: int, region: tuple[int, int, int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode_indexed(indexed(colors, channels))
    expected = from_kpal(data, "PNG", region=region)
    rows_at_a_time(monkeypatch)
    data = encode_indexed(indexed(colors, channels))
    parts = large_png(io.BytesIO(data), region=region)
    assert parts is not None
    with Image.open(io.BytesIO(b"".join(parts))) as found, Image.open(io.BytesIO(expected)) as other:
        found.load()
        other.load()
        assert found.tobytes() == other.tobytes()
        assert found.getpalette("RGBA") == other.getpalette("RGBA")
        assert found.info == other.info
        assert found.mode == other.mode == "P"


def test_a_large_picture_can_go_to_a_file_or_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    rows_at_a_time(monkeypatch)
    Path("x.kpal").write_bytes(encode_indexed(indexed(200)))
    assert cli.main(["decode", "x.kpal", "-q"]) == 0
    with Image.open("x.png") as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), indexed(200).pixels())
    assert cli.main(["decode", "x.kpal", "-q", "-o", "-"]) == 0
    assert capfdbinary.readouterr().out == Path("x.png").read_bytes()


def test_a_damaged_large_picture_leaves_nothing_unless_what_is_left_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    rows_at_a_time(monkeypatch)
    data = bytearray(encode_indexed(indexed(200)))
    data[-1] ^= 1
    Path("x.kpal").write_bytes(data)
    for target in (["-o", "-"], []):
        assert cli.main(["decode", "x.kpal", *target]) == 1
        said = capfdbinary.readouterr()
        assert said.out == b""
        assert b"region (99, 75, 130, 100): its checksum" in said.err
    assert [path.name for path in Path().iterdir()] == ["x.kpal"]
    assert cli.main(["decode", "--on-error", "skip", "x.kpal"]) == 0
    assert b"warning: 1 of 4 tiles are damaged" in capfdbinary.readouterr().err
    with Image.open("x.png") as image:
        assert np.array_equal(np.asarray(image.convert("RGB"))[:75], indexed(200).pixels()[:75])
