"""The command line, run as its users run it."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageFilter, PngImagePlugin
from rich.console import Console

import kpal
from kpal import cli
from kpal.atomic import replacing
from kpal.batch import jobs
from kpal.batch.messages import printable
from kpal.color.palette_files import Swatch, format_palette
from kpal.command_line.encode import STRIPPABLE
from kpal.command_line.swatches import show_list, show_rows
from kpal.metrics.scores import ssimulacra2
from kpal_format import DEFAULT_CODER, compiled, encode_indexed

from ..files import use_small_tiles
from ..images import METADATA, gradient, moving, pillow, random_indexed, soft_icon

PARTS = [field.name for field in dataclasses.fields(METADATA)]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, with pipes for standard streams."""
    return subprocess.run(
        [sys.executable, "-m", "kpal", *map(os.fsencode, map(str, arguments))], input=stdin, capture_output=True
    )


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    path = tmp_path / "chart.png"
    Image.fromarray(gradient()).save(path)
    return path


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def files_in(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(jobs.MANIFEST))
    return sorted(str(path.relative_to(folder)) for path in files)


# --- encode and decode


def test_encode_and_decode_stand_beside_their_inputs(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["encode", "-c", "16", str(chart)]) == 0
    encoded = chart.with_suffix(".kpal")
    assert encoded.read_bytes() == kpal.encode(gradient(), colors=16)
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{chart.stat().st_size:,} → {encoded.stat().st_size:,} bytes" in said.err
    assert re.search(r"\(\d+\.\d % (smaller|larger)\)", said.err)
    chart.unlink()
    assert cli.main(["decode", "--quiet", str(encoded)]) == 0
    assert np.array_equal(pixels_of(chart), kpal.quantize(gradient(), 16).pixels())
    with Image.open(chart) as image:
        assert image.mode == "P"
    assert capsys.readouterr().err == ""


def test_standard_streams_carry_images_and_nothing_else() -> None:
    source = io.BytesIO()
    Image.fromarray(soft_icon()).save(source, "PNG")
    encoded = run("encode", "-", stdin=source.getvalue())
    assert encoded.stdout == kpal.encode(soft_icon())
    assert encoded.stderr.splitlines()[-1].startswith(b"kpal: standard input")  # after progress, on a slow machine
    decoded = run("decode", "-", "-o", "-", stdin=encoded.stdout)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(decoded.stdout)).convert("RGBA")), kpal.quantize(soft_icon()).pixels()
    )


def test_folders_are_mirrored(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for name in ("a.png", "deep/er/b.gif", "deep/c.BMP", "notes.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(("png", "gif", "BMP")):
            pillow(random_indexed(4, 5, 6)).save(source / name)
        else:
            (source / name).write_text("not an image")
    assert cli.main(["encode", str(source), "-o", str(tmp_path / "out")]) == 0
    assert files_in(tmp_path / "out") == ["a.kpal", "deep/c.kpal", "deep/er/b.kpal"]
    assert cli.main(["decode", str(tmp_path / "out"), "-o", str(tmp_path / "back"), "--to", "webp"]) == 0
    assert files_in(tmp_path / "back") == ["a.webp", "deep/c.webp", "deep/er/b.webp"]
    assert np.array_equal(pixels_of(tmp_path / "back/deep/c.webp"), random_indexed(4, 5, 6).pixels())


def test_several_files_go_into_one_folder(tmp_path: Path, chart: Path) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(chart.read_bytes())
    assert cli.main(["encode", str(chart), str(other), "-o", f"{tmp_path}/new"]) == 0
    assert files_in(tmp_path / "new") == ["chart.kpal", "other.kpal"]


@pytest.mark.parametrize("ending", ["png", "webp", "gif", "tiff", "bmp", "kpal", "ppm", "jpg"])
def test_decode_writes_what_pillow_writes(tmp_path: Path, ending: str) -> None:
    source, target = tmp_path / "source.kpal", tmp_path / f"target.{ending}"
    image = random_indexed(8, 9, 30)
    source.write_bytes(kpal.encode(image))
    assert cli.main(["decode", str(source), "-o", str(target)]) == 0
    if ending == "jpg":
        assert pixels_of(target).shape == (8, 9, 3)
    else:
        assert np.array_equal(pixels_of(target), image.pixels())


def test_a_gif_keeps_the_alpha_that_it_can_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source.kpal"
    palette = np.array([[1, 2, 3, 255], [0, 0, 0, 0], [9, 9, 9, 255], [0, 0, 0, 0]], np.uint8)
    source.write_bytes(kpal.encode(kpal.IndexedImage(np.array([[0, 1, 2, 3]], np.uint8), palette)))
    assert cli.main(["decode", str(source), "--to", "gif"]) == 0
    assert pixels_of(source.with_suffix(".gif"))[0, :, 3].tolist() == [255, 0, 255, 0]
    hidden = np.array([[1, 2, 3, 0], [0, 0, 0, 0], [9, 9, 9, 255]], np.uint8)
    source.write_bytes(kpal.encode(kpal.IndexedImage(np.array([[0, 1, 2]], np.uint8), hidden)))
    assert cli.main(["decode", str(source), "--to", "gif", "--force"]) == 0
    source.write_bytes(kpal.encode(soft_icon()))
    assert cli.main(["decode", str(source), "--to", "gif", "--force"]) == 1
    assert "GIF cannot hold soft alpha" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["bmp", "ppm", "ico"])
def test_a_format_that_would_change_the_pixels_is_an_error(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source.kpal"
    source.write_bytes(kpal.encode(random_indexed(300, 300, 9, 4)))
    assert cli.main(["decode", str(source), "--to", ending]) == 1
    assert "cannot hold these pixels" in capsys.readouterr().err
    assert files_in(tmp_path) == ["source.kpal"]


@pytest.mark.parametrize("mode", ["1", "RGB", "RGBA"])
def test_tiff_files_come_back_as_they_were(tmp_path: Path, mode: str) -> None:
    source, back = tmp_path / "source.tif", tmp_path / "back.tif"
    image = Image.fromarray(random_indexed(40, 40, 9, 4).pixels()).convert(mode)
    image.save(source, compression="group4" if mode == "1" else "tiff_lzw")
    assert cli.main(["encode", str(source)]) == 0
    assert cli.main(["decode", str(source.with_suffix(".kpal")), "-o", str(back)]) == 0
    assert np.array_equal(pixels_of(back)[..., :3], np.asarray(image.convert("RGB")))


def test_text_that_png_cannot_hold_is_left_out_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source.kpal"
    text = {"日本": "a", "zero\0": "b", "": "c", "k" * 80: "d", "Author": "日本"}
    source.write_bytes(kpal.encode(gradient(), metadata=kpal.Metadata(text=text)))
    assert cli.main(["decode", str(source), "-q"]) == 0
    assert capsys.readouterr().err.count("PNG cannot hold the text") == 4
    with Image.open(source.with_suffix(".png")) as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)
        assert image.text == {"Author": "日本"}


def test_endings_are_compared_as_formats(tmp_path: Path, chart: Path) -> None:
    target = tmp_path / "UPPER.KPAL"
    assert cli.main(["encode", str(chart), "-o", str(target)]) == 0
    for options in (["-o", f"{tmp_path}/x.PNG", "--to", "png"], ["-o", f"{tmp_path}/x.jpeg", "--to", "jpg"]):
        assert cli.main(["decode", str(target), *options]) == 0
    assert cli.main(["decode", str(target), "-o", f"{tmp_path}/plain", "--to", "webp"]) == 0
    with Image.open(tmp_path / "plain") as image:
        assert image.format == "WEBP"


def test_jpeg_xl_works_where_its_plugin_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl")
    source = tmp_path / "source.kpal"
    source.write_bytes(kpal.encode(random_indexed(20, 30, 40)))
    assert cli.main(["decode", str(source), "--to", "jxl"]) == 0
    back = tmp_path / "back.kpal"
    assert cli.main(["encode", str(source.with_suffix(".jxl")), "-o", str(back)]) == 0
    assert np.array_equal(kpal.decode(back.read_bytes()), random_indexed(20, 30, 40).pixels())


def test_alpha_that_a_format_cannot_hold_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source.kpal"
    source.write_bytes(kpal.encode(soft_icon()))
    assert cli.main(["decode", str(source), "--to", "jpg"]) == 1
    assert "cannot write mode RGBA as JPEG" in capsys.readouterr().err
    assert files_in(tmp_path) == ["source.kpal"]


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """A PNG with all of METADATA."""
    path = tmp_path / "annotated.png"
    info = PngImagePlugin.PngInfo()
    assert METADATA.xmp is not None
    for key, value in {**METADATA.text, "XML:com.adobe.xmp": METADATA.xmp.decode()}.items():
        info.add_itxt(key, value)
    Image.fromarray(gradient()).save(
        path, pnginfo=info, icc_profile=METADATA.icc_profile, exif=METADATA.exif, dpi=(300, 150)
    )
    return path


def test_metadata_travel_both_ways(annotated: Path, tmp_path: Path) -> None:
    encoded, back = tmp_path / "encoded.kpal", tmp_path / "back.png"
    assert cli.main(["encode", str(annotated), "-o", str(encoded)]) == 0
    found = kpal.inspect(encoded.read_bytes()).metadata
    assert found.exif is not None
    assert dataclasses.replace(found, exif=METADATA.exif) == METADATA
    assert cli.main(["decode", str(encoded), "-o", str(back)]) == 0
    with Image.open(back) as image:
        assert kpal.metadata_of(image) == found
        assert image.getexif()[0x0112] == 6
        assert image.info["xmp"] == METADATA.xmp


@pytest.mark.parametrize("part", ["icc", "exif", "xmp", "text", "dpi"])
def test_parts_of_metadata_can_be_stripped(annotated: Path, part: str) -> None:
    assert cli.main(["encode", str(annotated), "--strip", part]) == 0
    data = annotated.with_suffix(".kpal").read_bytes()
    metadata = kpal.inspect(data).metadata
    assert [name for name in PARTS if not getattr(metadata, name)] == [STRIPPABLE[part]]
    assert not any("xmpmeta" in text for text in metadata.text.values())


@pytest.mark.parametrize(("ending", "lost"), [("gif", PARTS), ("webp", ["text", "density"])])
def test_metadata_that_a_format_cannot_hold_are_named(
    annotated: Path, ending: str, lost: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["encode", str(annotated)]) == 0
    assert cli.main(["decode", str(annotated.with_suffix(".kpal")), "--to", ending]) == 0
    said = capsys.readouterr().err
    assert [name for name in PARTS if f"cannot hold {name.replace('density', 'dpi')}:" in said] == lost


def test_a_picture_stays_the_right_way_up_without_its_exif(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    Image.fromarray(gradient()).save(source, exif=METADATA.exif)
    assert cli.main(["encode", str(source), "--strip", "all"]) == 0
    data = source.with_suffix(".kpal").read_bytes()
    assert not kpal.inspect(data).metadata
    turned = np.rot90(gradient(), -1)
    assert np.array_equal(kpal.decode(data), kpal.quantize(turned).pixels())


def test_a_palette_is_kept_in_its_order_when_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "sprite.png"
    image = random_indexed(8, 8, 12)
    pillow(image).save(source)
    assert cli.main(["encode", "--keep-palette", str(source)]) == 0
    assert np.array_equal(kpal.decode_indexed(source.with_suffix(".kpal").read_bytes()).palette, image.palette)


# --- quality, sizes, palettes


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["-Q", "10-25"], {"quality": (10, 25)}),
        (["-Q", "25"], {"quality": 25}),
        (["--quality", "0-55", "-c", "99"], {"quality": (0, 55), "colors": 99}),
        (["--max-bytes", "1.5k"], {"max_bytes": 1500}),
        (["--max-bytes", "2kiB", "--coder", "zstd"], {"max_bytes": 2048, "coder": "zstd"}),
        (["--max-bytes", "1MB"], {"max_bytes": 10**6}),
        (["--fix", "#ff0000,00ff00", "-c", "9"], {"fixed": [[255, 0, 0], [0, 255, 0]], "colors": 9}),
        (["--metric", "rgb", "--speed", "fast", "-c", "9"], {"metric": "rgb", "speed": "fast", "colors": 9}),
        (["--exact"], {"exact": True}),
    ],
)
def test_options_mean_what_they_mean_to_the_library(chart: Path, arguments: list[str], options: dict[str, Any]) -> None:
    assert cli.main(["encode", str(chart), *arguments]) == 0
    assert chart.with_suffix(".kpal").read_bytes() == kpal.encode(gradient(), **options)


def test_a_quality_or_size_out_of_reach_fails_or_is_skipped(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, reason in (
        (["-c", "4", "-Q", "80-90"], "--quality: 4 colours reach"),
        (["--max-bytes", "9"], "--max-bytes: the least"),
    ):
        assert cli.main(["encode", str(chart), *options]) == 1
        assert f"{chart}: {reason}" in capsys.readouterr().err
        assert cli.main(["encode", str(chart), *options, "--skip-if-worse"]) == 0
        assert f"{chart}: skipped: {reason}" in capsys.readouterr().err
        assert cli.main(["encode", str(chart), *options, "--skip-if-worse", "--quiet"]) == 0
        assert capsys.readouterr().err == ""
    assert not chart.with_suffix(".kpal").exists()


def test_files_that_would_grow_are_skipped_when_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, large = tmp_path / "small.jpg", tmp_path / "large.bmp"
    Image.fromarray(gradient()).save(small, quality=1)
    Image.fromarray(gradient()).save(large)
    assert cli.main(["encode", str(tmp_path), "--skip-if-larger"]) == 0
    said = capsys.readouterr().err
    assert re.search(rf"{small}: skipped: [\d,]+ bytes are no fewer than the {small.stat().st_size} of the input", said)
    assert "1 of 2 files, 1 skipped: 9,270 →" in said
    assert files_in(tmp_path) == ["large.bmp", "large.kpal", "small.jpg"]


def test_an_object_for_each_file_tells_programs_what_became_of_it(
    chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.png"
    assert cli.main(["encode", "--json", "--quiet", "-Q", "0-25", str(chart), str(missing), "-o", f"{tmp_path}/o"]) == 1
    found, failed = map(json.loads, capsys.readouterr().out.splitlines())
    image = kpal.inspect((tmp_path / "o/chart.kpal").read_bytes())
    assert (found["input"], found["output"]) == (str(chart), f"{tmp_path}/o/chart.kpal")
    assert (found["input_bytes"], found["bytes"]) == (chart.stat().st_size, (tmp_path / "o/chart.kpal").stat().st_size)
    assert (found["colors"], found["psnr_db"] > 20) == (image.colors, True)
    assert found["quality"] >= 25
    assert set(found["ms"]) == {"histogram", "clustering", "remapping", "coding", "verifying"}
    assert "ssimulacra2" not in found
    assert failed == {"input": str(missing), "error": "No such file or directory"}
    assert cli.main(["encode", "--json", "-Q", "99-99", "--skip-if-worse", str(chart)]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"].startswith("--quality: 256 colours reach")


def test_the_perceptual_score_is_there_on_request(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["encode", "--json", "--score", str(chart)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ssimulacra2"] == ssimulacra2(gradient(), kpal.quantize(gradient()).pixels())


def test_fixed_colours_may_come_from_a_file(chart: Path, tmp_path: Path) -> None:
    (tmp_path / "brand.hex").write_text("#123456\nabcdef\n")
    for command in (["encode", str(chart)], ["palette", str(chart), "-o", str(tmp_path / "found.hex")]):
        assert cli.main([*command, "--fix", str(tmp_path / "brand.hex"), "-c", "9"]) == 0
    for palette in (
        kpal.read_palette(tmp_path / "found.hex"),
        kpal.decode_indexed(chart.with_suffix(".kpal").read_bytes()).palette,
    ):
        assert len(palette) == 9
        assert {(0x12, 0x34, 0x56), (0xAB, 0xCD, 0xEF)} <= set(map(tuple, palette.tolist()))


@pytest.mark.parametrize("ending", [".kpal", ".gpl", ".hex", ".png", ".act"])
def test_images_share_a_palette(chart: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.png"
    pillow(random_indexed(9, 9, 40)).save(other)
    shared = tmp_path / f"shared{ending}"
    assert cli.main(["palette", str(chart), str(other), "-o", str(shared), "-c", "30"]) == 0
    assert "30 colours of 2 of 2 images" in capsys.readouterr().err
    expected = kpal.shared_palette([gradient(), random_indexed(9, 9, 40).pixels()], 30)
    assert np.array_equal(kpal.read_palette(shared), expected)
    assert cli.main(["encode", "--palette", str(shared), str(chart), str(other)]) == 0
    for path in (chart, other):
        assert np.array_equal(kpal.decode_indexed(path.with_suffix(".kpal").read_bytes()).palette, expected)


def test_a_palette_goes_to_standard_output_as_colours(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["palette", str(chart), "-c", "5", "--quiet"]) == 0
    said = capsys.readouterr()
    assert (said.out.encode(), said.err) == (format_palette(kpal.quantize(gradient(), 5).palette, ".hex"), "")


def test_the_palette_of_a_file_is_exported_in_its_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = random_indexed(8, 8, 12)
    twice = kpal.IndexedImage(image.indices, np.vstack((image.palette, image.palette[:1])))
    (tmp_path / "x.kpal").write_bytes(kpal.encode(twice))
    for name in ("x.png", "x.gif"):
        pillow(twice).save(tmp_path / name)
    for name in ("x.kpal", "x.png"):
        assert cli.main(["palette", "--of", str(tmp_path / name), "-o", str(tmp_path / "x.gpl"), "-f"]) == 0
        assert np.array_equal(kpal.read_palette(tmp_path / "x.gpl"), twice.palette)
        assert f"{name}: 13 colours" in capsys.readouterr().err
    assert cli.main(["palette", "--of", str(tmp_path / "x.gif"), "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[:13] == [bytes(color).hex() for color in twice.palette.tolist()]
    assert cli.main(["palette", "--of", str(tmp_path / "x.gpl"), "-o", str(tmp_path / "x.pal"), "--to", "riff"]) == 0
    assert (tmp_path / "x.pal").read_bytes().startswith(b"RIFF")
    assert run("palette", "--of", "-", "-q", "--to", "act", stdin=(tmp_path / "x.png").read_bytes()).stdout == (
        format_palette(twice.palette, ".act")
    )


def test_an_exported_palette_never_takes_the_place_of_its_file_or_of_another_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, other = tmp_path / "x.gpl", tmp_path / "x.ase"
    path.write_text("GIMP Palette\n1 2 3 dark\n")
    other.write_bytes(b"precious")
    assert cli.main(["palette", "--of", str(path), "-f", "-o", str(path)]) == 1
    assert "would take the place of the input" in capsys.readouterr().err
    assert cli.main(["palette", "--of", str(path), "-o", str(other)]) == 1
    assert "exists; --force overwrites it" in capsys.readouterr().err
    assert other.read_bytes() == b"precious"
    assert cli.main(["palette", "--of", str(path), "-o", str(tmp_path / "x.hex")]) == 0
    assert "warning: hex cannot hold the names of colours" in capsys.readouterr().err


def test_images_that_cannot_be_read_are_named_and_the_rest_give_the_palette(
    chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, shared = tmp_path / "bad.png", tmp_path / "shared.hex"
    bad.write_bytes(b"nothing")
    assert cli.main(["palette", str(bad), str(chart), "-o", str(shared)]) == 1
    assert "bad.png: not an image that Pillow can read" in capsys.readouterr().err
    assert len(kpal.read_palette(shared)) == 256
    assert cli.main(["palette", str(chart), "-o", str(shared)]) == 1
    assert "shared.hex exists; --force overwrites it" in capsys.readouterr().err
    assert cli.main(["palette", str(bad), "-f", "-o", str(shared)]) == 1
    assert "none of the images could be read" in capsys.readouterr().err
    assert len(kpal.read_palette(shared)) == 256
    assert cli.main(["palette", str(tmp_path / "nowhere.png"), "-o", str(tmp_path / "x.hex")]) == 1
    (tmp_path / "empty").mkdir()
    assert cli.main(["palette", str(tmp_path / "empty")]) == 1
    assert "no images found" in capsys.readouterr().err


def test_a_comparison_takes_the_options_of_the_quantiser(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "--json", "-Q", "0-20", str(chart)]) == 0
    (found,) = json.loads(capsys.readouterr().out)["images"]
    assert found["colors"] == len(kpal.quantize(gradient(), quality=(0, 20)).palette)


# --- failures


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path, chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad, empty = tmp_path / "bad.png", tmp_path / "empty.png"
    bad.write_bytes(chart.read_bytes()[:200])
    empty.write_bytes(b"")
    assert cli.main(["encode", str(bad), str(empty), str(tmp_path / "missing.png"), str(chart)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1].rsplit("/", 1)[-1] for line in lines[:3]] == ["bad.png", "empty.png", "missing.png"]
    assert lines[1].endswith("the file is empty")
    assert lines[2].endswith("No such file or directory")
    assert "1 of 4 files" in lines[3]
    assert files_in(tmp_path) == ["bad.png", "chart.kpal", "chart.png", "empty.png"]


def test_damaged_kpal_files_are_named_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = kpal.encode(gradient())
    for name, content in {"cut": data[:-9], "changed": data[:-1] + b"!", "other": b"\x89PNG"}.items():
        (tmp_path / f"{name}.kpal").write_bytes(content)
    assert cli.main(["decode", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "changed.kpal: the checksum does not match" in said
    assert "cut.kpal: the file ends in its index stream" in said
    assert "other.kpal: not a .kpal file" in said
    assert files_in(tmp_path) == ["changed.kpal", "cut.kpal", "other.kpal"]


def test_what_is_left_of_a_damaged_file_is_decoded_if_wished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_small_tiles(monkeypatch)
    image = random_indexed(100, 130, 19)
    data = bytearray(encode_indexed(image))
    data[-1] ^= 1
    (tmp_path / "x.kpal").write_bytes(data)
    (tmp_path / "lost.kpal").write_bytes(data[:60])
    assert cli.main(["decode", str(tmp_path)]) == 1
    assert "x.kpal: tile in row 3, column 3, region (99, 75, 130, 100): its checksum" in capsys.readouterr().err
    assert cli.main(["decode", "--on-error", "skip", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "x.kpal: warning: 1 of 16 tiles are damaged, and their pixels have index 0: tile in row 3, column 3" in said
    assert "lost.kpal: the file ends in its palette" in said
    expected = image.indices.copy()
    expected[75:, 99:] = 0
    with Image.open(tmp_path / "x.png") as decoded:
        assert np.array_equal(np.asarray(decoded.convert("RGB")), image.palette[expected])
    assert files_in(tmp_path) == ["lost.kpal", "x.kpal", "x.png"]
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_files_that_exist_are_overwritten_only_by_force(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = chart.with_suffix(".kpal")
    target.write_bytes(b"precious")
    assert cli.main(["encode", str(chart)]) == 1
    assert "exists; --force overwrites it" in capsys.readouterr().err
    assert target.read_bytes() == b"precious"
    assert cli.main(["encode", "--force", str(chart)]) == 0
    assert kpal.inspect(target.read_bytes()).width == 64


def test_a_failure_leaves_what_was_there(chart: Path, tmp_path: Path) -> None:
    target = tmp_path / "there.kpal"
    target.write_bytes(b"precious")
    chart.write_bytes(chart.read_bytes()[:-50])
    assert cli.main(["encode", "--force", str(chart), "-o", str(target)]) == 1
    assert target.read_bytes() == b"precious"
    assert files_in(tmp_path) == ["chart.png", "there.kpal"]


def test_an_input_is_never_its_own_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(kpal.encode(gradient()))
    before = path.read_bytes()
    link = tmp_path / "link.kpal"
    link.symlink_to(path)
    assert cli.main(["decode", "--force", str(link), "-o", str(path)]) == 1
    assert "take the place of the input" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_device_or_pipe_is_written_to_and_not_replaced(tmp_path: Path, chart: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:  # noqa: S607
        assert cli.main(["encode", str(chart), "-o", str(pipe)]) == 0
        assert reader.communicate()[0] == kpal.encode(gradient())
    assert pipe.is_fifo()


def test_names_that_no_file_can_have_are_failures_of_that_file(
    chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["encode", "a" * 5000, str(chart), "-o", str(tmp_path / "out")]) == 1
    assert "File name too long" in capsys.readouterr().err
    assert files_in(tmp_path / "out") == ["chart.kpal"]
    assert cli.main(["compare", "a" * 5000]) == 1
    assert cli.main(["encode", str(chart), "-o", "a" * 5000]) == 1


def test_metadata_that_make_no_sense_do_not_cost_the_picture(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    Image.fromarray(gradient()).save(source, exif=b"Exif\0\0garbage", xmp=b"\xff\xfe")
    for options in ([], ["--force", "--strip", "exif"], ["--force", "--strip", "all"]):
        assert cli.main(["encode", str(source), *options]) == 0
    assert np.array_equal(kpal.decode(source.with_suffix(".kpal").read_bytes()), kpal.quantize(gradient()).pixels())


def test_a_folder_in_the_way_is_an_error(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart.with_suffix(".kpal").mkdir()
    assert cli.main(["encode", "--force", str(chart)]) == 1
    assert "is a folder" in capsys.readouterr().err


def test_names_of_any_bytes_work_and_are_shown_on_one_line(tmp_path: Path, chart: Path) -> None:
    name = os.fsdecode(b"two\nlines \xff.png")
    chart.rename(tmp_path / name)
    done = run("encode", tmp_path / name)
    assert done.returncode == 0
    for line in done.stderr.splitlines():  # of progress, on a slow machine, and of the result
        assert rb"two\nlines \xff." in line
    assert (tmp_path / name).with_suffix(".kpal").exists()
    assert printable(Path("ünï.png")) == "ünï.png"


def test_warnings_of_pillow_are_lines_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "x.jpg"
    Image.fromarray(gradient()).save(photo, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    assert cli.main(["encode", str(photo)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"kpal: {photo}: warning: Corrupt EXIF data")


def test_atomic_writing_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    with pytest.raises(TypeError), replacing(target) as file:
        file.write("not bytes")  # type: ignore[call-overload]
    assert files_in(tmp_path) == ["target"]
    assert target.read_bytes() == b"precious"


def test_atomic_writing_goes_through_links_and_keeps_permissions(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["encode"], "IN"),
        (["encode", "x.png", "-c", "0"], "'0' is not a number from 1 to 256"),
        (["encode", "x.png", "-c", "many"], "'many' is not a number from 1 to 256"),
        (["encode", "x.png", "-Q", "101"], "'101' is not MAX or MIN-MAX, numbers from 0 to 100 such as 85 or 60-85"),
        (["encode", "x.png", "-Q", "80-"], "'80-' is not MAX or MIN-MAX"),
        (["encode", "x.png", "-Q", "80-101"], "'80-101' is not MAX or MIN-MAX"),
        (["encode", "x.png", "-Q", "80-60"], "'80-60' is not MAX or MIN-MAX"),
        (["encode", "x.png", "--max-bytes", "0"], "'0' is not a size such as 20000, 20k, 20kiB or 1.5M"),
        (["encode", "x.png", "--max-bytes", "20iB"], "'20iB' is not a size"),
        (["encode", "x.png", "--max-bytes", "-5"], "'-5' is not a size"),
        (["encode", "x.png", "--palette", "/nowhere.gpl"], "--palette: /nowhere.gpl: No such file or directory"),
        (["encode", "x.png", "--palette", __file__], "neither an image that Pillow can read"),
        (["encode", "x.png", "--fix", "#ff0000,#0f0"], "--fix: #ff0000,#0f0: No such file or directory"),
        (["encode", "x.png", "--fix", "ff0000,00ff00", "-c", "1"], "--fix has 2 colours, more than --colors 1"),
        (["palette", "x.png", "--fix", "ff0000,00ff00", "-c", "1"], "--fix has 2 colours, more than --colors 1"),
        (["encode", "x.png", "--keep-palette", "-Q", "1-2"], "it does not go with --quality"),
        (["encode", "x.png", "--score"], "--score is shown by --json"),
        (["encode", "-", "--json"], "--json and an image cannot both go to standard output"),
        (
            ["palette", "x.png", "-o", "x.xyz"],
            ".hex, .txt, .act, .aco, .ase, not as '.xyz'",
        ),
        (["encode", "x.png", "--coder", "lzw"], "lzw"),
        (["encode", "x.png", "--strip", "all,icc"], "'all' is not one of icc, exif, xmp, text, dpi, all"),
        (["encode", ""], "the name of an input is empty"),
        (["compare", ""], "the name of an input is empty"),
        (["encode", "x.png", "-o", ""], "the name of the output is empty"),
        (["encode", "x.png", "-o", "y.png"], "encode writes .kpal files, not .png"),
        (["encode", "x.png", "y.png", "-o", "-"], "several inputs need a folder for output"),
        (["encode", "x.png", "y.png", "-o", "all.kpal"], "several inputs need a folder for output; 'all.kpal' looks"),
        (["decode", "x.kpal", "--to", "pdf"], "Pillow writes no images with the ending '.pdf'"),
        (["decode", "x.kpal", "-o", "x.docx"], "Pillow writes no images with the ending '.docx'"),
        (["decode", "x.kpal", "--to", "webp", "-o", "x.png"], "--to .webp does not go with"),
        (["decode", "x.kpal", "--to", "docx"], "Pillow writes no images with the ending '.docx'"),
    ],
)
def test_wrong_usage_has_status_2_and_says_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_an_empty_folder_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("encode", "decode", "compare"):
        assert cli.main([command, str(tmp_path)]) == 1
        assert "no images found" in capsys.readouterr().err


# --- info, compare, demo


def test_info_shows_the_header_for_people_and_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(kpal.encode(soft_icon(), metadata=METADATA))
    assert cli.main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    for expected in (
        "48 x 48",
        "with alpha",
        f"{DEFAULT_CODER}, 1 tile",
        "300.0 x 150.0 dpi",
        "text 'Title':",
        "'Täst'",
        "icc profile",
    ):
        assert expected in shown
    assert cli.main(["info", "--json", str(path)]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["width"], info["has_alpha"], info["bytes"]) == (48, True, path.stat().st_size)
    assert info["metadata"]["text"] == METADATA.text
    path.write_bytes(b"?")
    assert cli.main(["info", str(path)]) == 1
    assert "not a .kpal file" in capsys.readouterr().err


def test_info_shows_the_palette_after_the_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.kpal"
    image = random_indexed(4, 5, 20)
    path.write_bytes(kpal.encode(image))
    colors = ["#" + bytes(color).hex() for color in image.palette.tolist()]
    assert cli.main(["info", str(path)]) == 0
    header, shown = capsys.readouterr().out.split("palette:\n")
    assert "5 x 4" in header
    assert shown.split() == colors
    assert "\x1b" not in shown
    assert cli.main(["info", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["palette"] == colors


def test_info_lists_the_palette_of_any_file_that_has_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.gpl").write_text("GIMP Palette\nChannels: RGBA\n255 0 0 255 a red\x1b\n0 0 255 128\n")
    pillow(random_indexed(4, 5, 2)).save(tmp_path / "x.png")
    assert cli.main(["info", "--palette", str(tmp_path / "x.gpl"), str(tmp_path / "x.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [str(tmp_path / "x.gpl"), "  0 #ff0000 a red\\x1b", "  1 #0000ff80", ""]
    assert lines[4:6] == [str(tmp_path / "x.png"), f"  0 #{bytes(random_indexed(4, 5, 2).palette[0]).hex()}"]
    assert cli.main(["info", "--palette", "--json", str(tmp_path / "x.gpl")]) == 0
    assert json.loads(capsys.readouterr().out)["palette"] == ["#ff0000", "#0000ff80"]


def test_one_bad_file_does_not_keep_info_from_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.kpal", tmp_path / "bad.kpal"
    good.write_bytes(kpal.encode(gradient()))
    bad.write_bytes(b"?")
    assert cli.main(["info", str(bad), str(good), str(tmp_path / "missing.kpal")]) == 1
    said = capsys.readouterr()
    assert said.out.count("64 x 48") == 1
    assert [line.split(": ")[1] for line in said.err.splitlines()] == [str(bad), str(tmp_path / "missing.kpal")]
    assert cli.main(["info", "--json", str(bad), str(good)]) == 1
    failed, found = map(json.loads, capsys.readouterr().out.splitlines())
    assert "not a .kpal file" in failed["error"]
    assert (found["input"], found["width"]) == (str(good), 64)


@pytest.mark.parametrize(
    ("system", "color", "block"),
    [
        ("truecolor", (250, 0, 0), "\x1b[48;2;250;0;0m"),
        ("256", (0, 95, 135), "\x1b[48;5;24m"),
        ("standard", (0, 250, 0), None),
        (None, (0, 0, 250), None),
    ],
)
def test_terminals_that_can_show_blocks_of_the_colours(
    system: Any, color: tuple[int, int, int], block: str | None
) -> None:
    for no_color in (False, True):
        file = io.StringIO()
        console = Console(file=file, force_terminal=True, color_system=system, no_color=no_color, width=40)
        show_list(console, [Swatch.of(color, "a name")])
        show_rows(console, [Swatch.of(color), Swatch.of((*color, 0))])
        shown = file.getvalue()
        assert ("\x1b" in shown) == (block is not None and not no_color)
        assert block is None or no_color or shown.count(block) == 4
        assert f"#{bytes(color).hex()} a name\n" in shown
        assert f"#{bytes(color).hex()}00\n" in shown


# --- show


@pytest.fixture
def viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop whose xdg-open copies what it is to show to a file; returns that file."""
    for name in ("BROWSER", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/shown; echo "$1" >> {tmp_path}/names\n')
    program.chmod(0o755)
    return tmp_path / "shown"


posix = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="needs a desktop with xdg-open")


@posix
def test_show_opens_a_picture_that_is_still_there_after_the_command(tmp_path: Path, viewer: Path, chart: Path) -> None:
    (tmp_path / "x.kpal").write_bytes(kpal.encode(soft_icon()))
    assert run("show", tmp_path / "x.kpal").returncode == 0
    assert np.array_equal(pixels_of(viewer), kpal.quantize(soft_icon()).pixels())
    (shown,) = (tmp_path / "names").read_text().splitlines()
    assert (Path(shown).name, Path(shown).parent.parent) == ("x.png", tmp_path)
    assert Path(shown).exists()
    Image.fromarray(gradient()).save(tmp_path / "x.tif")
    done = run("show", chart, tmp_path / "missing.kpal", tmp_path / "x.tif")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert np.array_equal(pixels_of(viewer), gradient())
    assert (tmp_path / "names").read_text().splitlines()[1] == str(chart)


@posix
def test_show_plays_an_animation_unless_a_frame_is_asked_for(tmp_path: Path, viewer: Path) -> None:
    frames = [image.pixels() for image in moving(3, 20, 30, 9)]
    (tmp_path / "x.kpal").write_bytes(kpal.encode_frames(frames, durations=70))
    assert run("show", tmp_path / "x.kpal").returncode == 0
    with Image.open(viewer) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("WEBP", 3)
    assert run("show", tmp_path / "x.kpal", "--frame", "-1").returncode == 0
    assert np.array_equal(pixels_of(viewer), frames[-1])
    pages = [Image.fromarray(pixels) for pixels in frames]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    assert b"--frame N" in run("show", tmp_path / "x.tif").stderr
    assert run("show", tmp_path / "x.tif", "--frame", "1").returncode == 0
    assert np.array_equal(pixels_of(viewer), frames[1])


@posix
def test_show_opens_a_program_of_the_users_choice_and_names_one_that_fails(tmp_path: Path, viewer: Path) -> None:
    (tmp_path / "x.kpal").write_bytes(kpal.encode(gradient()))
    program = tmp_path / "bin" / "my viewer"
    program.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/mine\n')
    program.chmod(0o755)
    assert run("show", "--with", program, tmp_path / "x.kpal").returncode == 0
    assert np.array_equal(pixels_of(tmp_path / "mine"), kpal.quantize(gradient()).pixels())
    assert not viewer.exists()
    program.write_text("#!/bin/sh\nexit 3\n")
    assert b"my viewer ended with status 3" in run("show", "--with", program, tmp_path / "x.kpal").stderr
    assert b"there is no program nothing" in run("show", "--with", "nothing", tmp_path / "x.kpal").stderr


@posix
def test_show_says_where_the_picture_is_if_there_is_no_display(
    tmp_path: Path, viewer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY")
    (tmp_path / "x.kpal").write_bytes(kpal.encode(gradient()))
    done = run("show", tmp_path / "x.kpal")
    assert done.returncode == 1
    found = re.fullmatch(r"kpal: .*x\.kpal: there is no display to show it on; it is in (.*)\n", done.stderr.decode())
    assert found is not None
    assert np.array_equal(pixels_of(Path(found[1])), kpal.quantize(gradient()).pixels())


def test_compare_shows_every_format_and_says_where_kpal_is_not_the_smallest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)).filter(
        ImageFilter.GaussianBlur(3)
    )
    photo.save(tmp_path / "photo.png")
    stripes = Image.fromarray(np.tile(np.arange(240, dtype=np.uint8), (600, 1)))
    stripes.save(tmp_path / "stripes.png")
    assert cli.main(["compare", str(tmp_path), "-c", "250"]) == 0
    shown = capsys.readouterr().out
    for expected in (
        "80 x 60, 250 colours",
        "original file",
        "indexed PNG",
        "WebP lossless",
        "kpal zstd",
        "kpal fast",
        "kpal mix",
        "kpal max",
        "PSNR",
        "no loss",
        "Total of 2 images",
    ):
        assert expected in shown
    assert cli.main(["compare", "--json", str(tmp_path)]) == 0
    report = json.loads(capsys.readouterr().out)
    image = report["images"][0]
    rows = {row["format"]: row for row in image["rows"]}
    assert rows["PNG"]["saving_percent"] == 0
    assert all("saving_percent" in row for row in report["total"])
    assert rows["kpal mix"]["bytes"] == len(kpal.encode(photo, coder="mix"))
    assert image["psnr_db"] > 30
    assert report["images"][1]["psnr_db"] is None
    total = {row["format"]: row["bytes"] for row in report["total"]}
    assert total["kpal zstd"] == sum(
        row["bytes"] for i in report["images"] for row in i["rows"] if row["format"] == "kpal zstd"
    )
    assert files_in(tmp_path) == ["photo.png", "stripes.png"]


def test_compare_writes_a_page(chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, broken = tmp_path / "report.html", tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    assert cli.main(["compare", "--html", str(page), "-c", "16", str(chart), str(broken)]) == 1
    text = page.read_text(encoding="utf-8")
    assert "colors 16" in text
    assert f"<b>{broken}</b>: not an image that Pillow can read" in text
    assert "kpal mix" in capsys.readouterr().out
    before = page.read_bytes()
    assert cli.main(["compare", "--html", str(page), str(chart)]) == 1
    assert "report.html exists; --force overwrites it" in capsys.readouterr().err
    assert page.read_bytes() == before
    assert cli.main(["compare", "-f", "--json", "--html", str(page), "--html-max-size", "10k", str(chart)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["images"][0]["name"] == str(chart)
    assert "without pictures it still has" in said.err
    assert page.read_bytes() != before
    assert files_in(tmp_path) == ["broken.png", "chart.png", "report.html"]


def test_without_an_image_that_can_be_compared_there_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert cli.main(["compare", "--html", str(tmp_path / "report.html"), str(tmp_path / "broken.png")]) == 1
    assert files_in(tmp_path) == ["broken.png"]


def test_a_page_opens_in_the_browser(
    chart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def show(url: str) -> bool:
        opened.append(url)
        return len(opened) == 1

    monkeypatch.setattr("webbrowser.open", show)
    page = tmp_path / "my report.html"
    for _ in range(2):
        assert cli.main(["compare", "-f", "--open", "--html", str(page), str(chart)]) == 0
    assert opened == [page.as_uri()] * 2
    assert capsys.readouterr().err == f"kpal: {page}: no browser can be opened\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--open"], "--open is about the page: add --html PAGE"),
        (["--force"], "--force is about the page: add --html PAGE"),
        (["--html", ""], "--html needs the name of a file"),
        (["--html", "-"], "--html needs the name of a file"),
        (["--html", "https://example.org/a.html"], "is a URL"),
        (["--html", "other.png"], "--html writes a page such as report.html, not other.png"),
        (["--html", "report", "-f", "report"], "the page would take the place of the input report"),
    ],
)
def test_a_page_never_takes_the_place_of_a_picture(
    options: list[str],
    reason: str,
    chart: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("report").write_bytes(chart.read_bytes())
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", *options, str(chart)])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err
    assert Path("report").read_bytes() == chart.read_bytes()


def test_demo_leaves_files_that_show_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", str(tmp_path / "demo")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2].startswith(str(tmp_path / "demo/report.html"))
    assert files_in(tmp_path / "demo") == ["report.html", "sample-decoded.png", "sample.kpal", "sample.png"]
    assert np.array_equal(pixels_of(tmp_path / "demo/sample.kpal"), pixels_of(tmp_path / "demo/sample-decoded.png"))
    assert cli.main(["demo", str(tmp_path / "demo")]) == 1
    assert "report.html exists" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(kpal.encode(gradient(), metadata=kpal.Metadata(text={str(i): "x" * 9 for i in range(5000)})))
    command = f"({sys.executable} -m kpal info {path}; echo status $? >&2) | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=BUFFERED)
    assert done.stdout.startswith("format:")
    assert done.stderr == "status 1\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["info {}", "info --json {}", "decode {} -o -", "--help"])
def test_a_full_disk_is_said_and_status_1(tmp_path: Path, command: str) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(kpal.encode(gradient()))
    line = f"{sys.executable} -m kpal {command.format(path)} > /dev/full"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, env=BUFFERED)
    assert done.returncode == 1
    assert all(line.endswith("No space left on device") for line in done.stderr.splitlines())
    assert done.stderr


def test_version_and_help_are_there() -> None:
    assert (
        run("--version").stdout.decode().strip()
        == f"kpal {kpal.__version__}, the coders mix and max {'compiled' if compiled() else 'in plain Python, slow'}"
    )
    for command in ("encode", "decode", "palette", "info", "show", "compare", "demo"):
        assert run(command, "--help").stdout.startswith(b"usage: kpal " + command.encode())
