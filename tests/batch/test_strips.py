"""Images larger than memory are encoded by strips: the same file where that is defined, or a word about what is not."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import kpal
from kpal import batch, cli
from kpal.batch import by_strips
from kpal.image_files import strips

from .. import deep
from ..files import use_small_tiles
from ..foreign_files import chunk, exif_block, saved
from ..images import gradient, random_indexed

BY_STRIPS = ("--strips-from", "1000")
WHOLE = ("--strips-from", "none")
SIZE = (100, 90)


@pytest.fixture(autouse=True)
def _in_a_folder_with_small_strips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(strips, "_PIXELS", 700)
    monkeypatch.setattr(by_strips, "_PIXELS", 2000)


def write(image: Image.Image, *names: str) -> None:
    for name in names:
        options: dict[str, Any] = {"compression": "tiff_lzw", "tiffinfo": {278: 7}} if name.endswith("tif") else {}
        image.save(name, **options)


def few(channels: int = 3) -> Image.Image:
    return Image.fromarray(random_indexed(SIZE[1], SIZE[0], 200, channels).pixels())


def many() -> Image.Image:
    return Image.fromarray(gradient(SIZE[1], SIZE[0])).resize(SIZE)


def encoded(name: str, *options: str) -> bytes:
    assert cli.main(["encode", "-f", "-q", name, "-o", "out.kpal", *options]) == 0
    return Path("out.kpal").read_bytes()


def refused(capsys: pytest.CaptureFixture[str], name: str, *options: str) -> str:
    capsys.readouterr()
    assert cli.main(["encode", "-q", name, "-o", "out.kpal", *options]) == 1
    assert not Path("out.kpal").exists()
    return capsys.readouterr().err


# --- the same bytes


@pytest.mark.parametrize("channels", [3, 4])
def test_few_colours_give_the_file_of_the_whole_image(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["x.png", "x.tif", *(["x.ppm"] if channels == 3 else [])]
    write(few(channels), *names)
    for _ in range(2):
        for name in names:
            assert encoded(name, *BY_STRIPS) == encoded(name, *WHOLE)
        use_small_tiles(monkeypatch)


def test_alpha_may_begin_in_the_last_row() -> None:
    pixels = np.asarray(few(4)).copy()
    pixels[:-1, :, 3] = 255
    pixels[-1, 3:] = (1, 2, 3, 0)
    write(Image.fromarray(pixels), "x.png")
    data = encoded("x.png", *BY_STRIPS)
    assert data == encoded("x.png", *WHOLE)
    assert kpal.decode(data)[-1, 3:].any() == False  # noqa: E712  # the hidden colour is not kept


def test_colours_that_are_one_point_of_the_lattice_stay_two() -> None:
    pixels = np.full((90, 100, 3), (0, 200, 0), np.uint8)
    pixels[50:, :, 0] = 1
    write(Image.fromarray(pixels), "x.png")
    assert np.array_equal(kpal.decode(encoded("x.png", *BY_STRIPS)), pixels)
    assert encoded("x.png", *BY_STRIPS) == encoded("x.png", *WHOLE)


def test_many_colours_have_the_palette_that_suits_all_strips_whatever_the_file() -> None:
    write(many(), "x.png", "x.tif", "x.ppm")
    pixels = np.asarray(many())
    parts = [pixels[top : top + 20] for top in range(0, SIZE[1], 20)]
    palette = kpal.shared_palette(parts, 32)
    file = io.BytesIO()
    with kpal.open_writer(file, *SIZE, palette=palette) as writer:
        writer.write(pixels)
    for name in ("x.png", "x.tif", "x.ppm"):
        assert encoded(name, "-c", "32", *BY_STRIPS) == file.getvalue()


def test_a_given_palette_gives_the_file_of_the_whole_image(capsys: pytest.CaptureFixture[str]) -> None:
    write(many(), "x.png")
    Path("p.hex").write_text("ff0000\n00ff00\n0000ff\n804020\n")
    assert encoded("x.png", *BY_STRIPS, "--palette", "p.hex") == encoded("x.png", *WHOLE, "--palette", "p.hex")
    write(few(4), "x.png")
    capsys.readouterr()
    by_strips = encoded("x.png", *BY_STRIPS, "--palette", "p.hex")
    assert capsys.readouterr().err.count("a clear entry") <= 1
    assert by_strips == encoded("x.png", *WHOLE, "--palette", "p.hex")


def test_fixed_colours_are_in_the_palette() -> None:
    write(many(), "x.png")
    palette = kpal.decode_indexed(encoded("x.png", *BY_STRIPS, "-c", "16", "--fix", "#010203,#ffeeddcc")).palette
    assert {(1, 2, 3, 255), (255, 238, 221, 204)} <= set(map(tuple, palette.tolist()))


def test_metadata_are_kept_even_behind_the_pixels() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "me")
    data = saved(few(), "PNG", pnginfo=info, dpi=(300, 300), exif=exif_block(6), icc_profile=b"not a profile")
    Path("x.png").write_bytes(data[:-12] + chunk(b"tEXt", b"Title\0mine") + data[-12:])
    assert encoded("x.png", *BY_STRIPS) == encoded("x.png", *WHOLE)
    assert kpal.inspect(Path("out.kpal").read_bytes()).metadata.text == {"Author": "me", "Title": "mine"}
    few().save("x.tif", dpi=(300, 300), description="words", tiffinfo={278: 7})
    assert encoded("x.tif", *BY_STRIPS) == encoded("x.tif", *WHOLE)


# --- samples of 16 bits


def test_16_bits_that_hold_8_are_exact(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.png").write_bytes(deep.png(np.asarray(few()).astype(np.uint16) * 257))
    assert encoded("x.png", *BY_STRIPS) == encoded("x.png", *WHOLE)
    assert capsys.readouterr().err == ""


def test_labels_of_16_bits_are_refused_even_if_each_strip_has_one(capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.repeat(np.arange(90, dtype=np.uint16), 100).reshape(90, 100, 1)
    Path("x.tif").write_bytes(deep.tiff(rows))
    said = refused(capsys, "x.tif", *BY_STRIPS)
    assert said == refused(capsys, "x.tif", *WHOLE)
    assert "a 16-bit image of 90 levels, of which rounding to 8 bits would leave 1" in said
    assert not kpal.decode(encoded("x.tif", *BY_STRIPS, "--depth", "8")).any()


def test_photos_of_16_bits_are_rounded_with_one_warning(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.png").write_bytes(deep.png(deep.noise(90, 100, 3)))
    encoded("x.png", *BY_STRIPS)
    assert capsys.readouterr().err == (
        "kpal: x.png: warning: a 16-bit image of more than 256 colours, rounded to 8 bits\n"
    )


# --- what needs the whole image


@pytest.mark.parametrize(
    "options",
    [
        *("--dither ordered", "--rate 1", "--quality 80", "--max-bytes 20k", "--keep-palette", "--exact"),
        *("--score --json", "--total-max-bytes 20k"),
    ],
)
def test_options_that_need_all_pixels_are_named(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(few().quantize(64), "x.png")
    capsys.readouterr()
    assert cli.main(["encode", "-q", "x.png", "-o", "out.kpal", *options.split(), *BY_STRIPS]) == 1
    said = capsys.readouterr().err
    assert f"x.png: {options.split()[0]} needs all pixels at a time, but an image of 9,000 pixels" in said
    assert "with --strips-from none, it is held in memory" in said
    assert not Path("out.kpal").exists()


def test_an_image_that_must_be_turned_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    write(few(), "x.tif")
    few().save("turned.tif", tiffinfo={274: 6})
    assert "turning it by its orientation needs all pixels" in refused(capsys, "turned.tif", *BY_STRIPS)
    Path("x.png").write_bytes(saved(few(), "PNG", exif=exif_block(6)))
    assert "turning it" in refused(capsys, "x.png", *BY_STRIPS, "--strip", "exif")
    assert encoded("x.png", *BY_STRIPS) == encoded("x.png", *WHOLE)  # which keeps the orientation


def test_a_file_that_cannot_be_read_by_strips_is_held_in_memory_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("x.png").write_bytes(deep.png(np.asarray(few()).astype(np.uint16) * 257, interlaced=True))
    data = encoded("x.png", *BY_STRIPS)
    assert "x.png: warning: it is interlaced: all its pixels are held in memory" in capsys.readouterr().err
    assert data == encoded("x.png", *WHOLE)
    many().save("x.jpg")
    assert encoded("x.jpg", *BY_STRIPS) == encoded("x.jpg", *WHOLE)


def test_several_pages_and_too_many_pixels_are_refused_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    few().save("x.tif", save_all=True, append_images=[few()])
    assert "several pages" in refused(capsys, "x.tif", *BY_STRIPS)
    write(few(), "x.png")
    assert "more than the limit, --max-pixels 2000" in refused(capsys, "x.png", *BY_STRIPS, "--max-pixels", "2k")


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.ppm"])
def test_a_file_that_is_cut_off_leaves_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(few(), name)
    data = Path(name).read_bytes()
    for size in (len(data) // 4, len(data) - 40):
        Path(name).write_bytes(data[:size])
        assert f"kpal: {name}: " in refused(capsys, name, *BY_STRIPS)
    assert [path.name for path in Path().iterdir()] == [name]


# --- batches


def test_the_facts_and_the_limit_are_those_of_batches(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    write(few(), "in/a.png")
    assert cli.main(["encode", "in", "-o", "out", "--json", "-q", *BY_STRIPS]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts | {"width": 100, "height": 90, "lossless": True, "by_strips": True, "colors": 200, "mse": 0} == facts
    assert facts["bytes"] == Path("out/a.kpal").stat().st_size
    (ending,) = batch.encode(["in"], "out", strips_from=1000)
    assert ending.current
    (ending,) = batch.encode(["in"], "out", strips_from=2000)
    assert not ending.current
    assert ending.sha256 == facts["sha256"]
    with pytest.raises(TypeError, match="strips_from must be an int"):
        batch.encode(["in"], "out", strips_from="1k")  # type: ignore[arg-type]


def test_a_result_that_is_no_smaller_is_skipped() -> None:
    noise = Image.fromarray((deep.noise(90, 100, 3) >> 8).astype(np.uint8))
    noise.save("x.tif", compression="jpeg", quality=5, tiffinfo={278: 8})
    write(few(), "y.png")
    small, large = batch.encode(["y.png", "x.tif"], "out", strips_from=1000, skip_if_larger=True, workers=1)
    assert small.bytes
    assert large.skipped is not None
    assert "are no fewer than" in large.skipped
    assert sorted(path.name for path in Path("out").glob("*.kpal")) == ["y.kpal"]


def test_the_input_never_becomes_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    write(few(), "x.png")
    Path("x.png").rename("x.kpal")
    assert cli.main(["encode", "-f", "x.kpal", *BY_STRIPS]) == 1
    assert "would take the place of the input" in capsys.readouterr().err


def test_memory_is_that_of_strips_and_not_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_tiles(monkeypatch)
    for module in (strips, by_strips):
        monkeypatch.setattr(module, "_PIXELS", 1 << 14)
    peaks = []
    for height in (200, 200, 2000):  # the first run imports modules
        Image.fromarray(np.resize(np.asarray(few()), (height, 1000, 3))).save("x.png")
        tracemalloc.start()
        list(batch.encode(["x.png"], force=True, strips_from=1000, workers=1, coder="zstd", metric="rgb"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        with Image.open("x.png") as image:
            assert np.array_equal(kpal.decode(Path("x.kpal").read_bytes()), np.asarray(image))
    assert peaks[2] - peaks[1] < 1_000_000  # of 5,400,000 bytes of pixels more


def save_moving(name: str) -> list[np.ndarray[Any, Any]]:
    frames = [np.roll(np.asarray(few()), 9 * number, 0) for number in range(3)]
    first, *others = map(Image.fromarray, frames)
    first.save(name, save_all=True, append_images=others)
    return frames


@pytest.mark.parametrize(("name", "options"), [("x.png", ()), ("x.tif", ("--pages",))])
def test_an_animation_is_encoded_by_frames_whatever_its_size(
    name: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    frames = save_moving(name)
    data = encoded(name, *BY_STRIPS, *options, "-Q", "100")  # strips would refuse the quality
    assert capsys.readouterr().err == ""
    assert all(np.array_equal(a, b) for (a, _), b in zip(kpal.decode_frames(data), frames, strict=True))


def test_one_image_is_an_animation_if_it_has_a_duration() -> None:
    write(many(), "x.png")
    data = encoded("x.png", *BY_STRIPS, "--durations", "40", "-Q", "60")
    assert kpal.inspect(data).durations == (40,)


def test_one_page_is_encoded_by_strips_and_one_frame_of_a_png_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x.png", "x.tif"):
        frames = save_moving(name)
        assert np.array_equal(kpal.decode(encoded(name, *BY_STRIPS, "--frame", "-1")), frames[-1])
    assert capsys.readouterr().err == (
        "kpal: x.png: warning: it is a frame of an animation: all its pixels are held in memory\n"
    )
    Path("out.kpal").unlink()
    options = (*BY_STRIPS, "--frame", "1", "-Q", "60")
    assert "--quality needs all pixels at a time" in refused(capsys, "x.tif", *options)
