"""`kpal encode` and `kpal decode` of animations, of folders of frames, and of pages."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import warnings
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal import batch, cli
from kpal.batch.frame_files import FrameFiles, Motion
from kpal.batch.transcode import Encoding, from_kpal, to_kpal
from kpal_format import U8, Metadata

from ..images import METADATA, gradient, moving, soft_icon

COUNT = 8
DURATIONS = [40, 50, 60, 70, 80, 90, 100, 2000]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pictures(channels: int = 3) -> list[U8]:
    """Frames of which no two neighbours are the same, as Pillow would join these."""
    frames = enumerate(moving(COUNT + 2, 20, 30, 9, channels))
    return [image.pixels() for number, image in frames if number % 4 < 3]


def animation(format: str = "GIF", frames: list[U8] | None = None, **options: Any) -> bytes:
    first, *others = [Image.fromarray(pixels) for pixels in frames or pictures()]
    file = io.BytesIO()
    first.save(file, format, **{"save_all": True, "append_images": others, "duration": DURATIONS, "loop": 0, **options})
    return file.getvalue()


def frames_in(name: str, frames: list[U8] | None = None) -> Path:
    """A folder of numbered files, whose order by letters is another."""
    path = Path(name)
    path.mkdir()
    for number, pixels in enumerate(frames or pictures(), 5):
        Image.fromarray(pixels).save(path / f"frame{number}.png")
    return path


def run(*words: object, status: int = 0) -> None:
    try:
        ended: object = cli.main([*map(str, words)])
    except SystemExit as error:  # of wrong usage
        ended = error.code
    assert ended == status


def decoded(data: bytes | Path) -> list[U8]:
    return [pixels for pixels, _ in kpal.decode_frames(data if isinstance(data, bytes) else data.read_bytes())]


def same(a: list[U8], b: list[U8]) -> bool:
    return len(a) == len(b) and all(map(np.array_equal, a, b))


@pytest.mark.parametrize(
    ("name", "format", "options"),
    [
        ("a.gif", "GIF", {"loop": 2}),  # which is repeated twice
        ("a.png", "PNG", {"loop": 3}),
        ("a.apng", "PNG", {"loop": 3}),
        ("a.webp", "WEBP", {"loop": 3, "lossless": True}),
    ],
)
def test_an_animation_stays_one(name: str, format: str, options: dict[str, Any]) -> None:
    Path(name).write_bytes(animation(format, **options))
    run("encode", name, "--coder", "zstd")
    info = kpal.inspect(Path("a.kpal").read_bytes())
    assert (list(info.durations), info.loop) == (DURATIONS, 3)
    assert same(decoded(Path("a.kpal")), pictures())


@pytest.mark.parametrize("name", ["b.gif", "b.png", "b.apng", "b.webp"])
@pytest.mark.parametrize("loop", [0, 1, 4])
def test_an_animation_comes_back_as_it_was(name: str, loop: int) -> None:
    frames = pictures(4 if name != "b.gif" else 3)
    Path("a.kpal").write_bytes(kpal.encode_frames(frames, durations=DURATIONS, loop=loop, coder="zstd"))
    run("decode", "a.kpal", "-o", name)
    run("encode", name, "-o", "c.kpal", "--coder", "zstd")
    info = kpal.inspect(Path("c.kpal").read_bytes())
    assert (list(info.durations), info.loop) == (DURATIONS, loop)
    assert same(decoded(Path("c.kpal")), decoded(Path("a.kpal")))


def test_a_gif_of_clear_pixels_that_come_and_go_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    frames = []
    for pixels in pictures(4):
        pixels[:, :, 3] = np.where(pixels[:, :, 0] > 100, 255, 0)
        frames.append(pixels)
    Path("a.kpal").write_bytes(kpal.encode_frames(frames, durations=50, coder="zstd"))
    run("decode", "a.kpal", "-o", "a.gif")
    assert "warning" not in capsys.readouterr().err
    assert same(decoded(to_kpal(Path("a.gif").read_bytes(), coder="zstd")), decoded(Path("a.kpal")))


def test_what_a_gif_cannot_hold_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    frames = pictures()
    Path("a.kpal").write_bytes(kpal.encode_frames(frames, durations=33, loop=70_000, metadata=METADATA, coder="zstd"))
    run("decode", "a.kpal", "-o", "a.gif")
    said = capsys.readouterr().err
    for words in ("durations of 8 of 8 frames", "at most 65,536 times", "icc_profile", "exif"):
        assert words in said
    Path("soft.kpal").write_bytes(kpal.encode_frames([soft_icon(), soft_icon()[::-1]], coder="zstd"))
    run("decode", "soft.kpal", "-o", "soft.gif", status=1)
    assert "GIF cannot hold soft alpha" in capsys.readouterr().err
    assert not Path("soft.gif").exists()


def test_a_format_of_one_picture_asks_for_a_frame(capsys: pytest.CaptureFixture[str]) -> None:
    frames = pictures()
    Path("a.kpal").write_bytes(kpal.encode_frames(frames, coder="zstd"))
    for ending in ("bmp", "jpg", "tiff"):
        run("decode", "a.kpal", "-o", f"a.{ending}", status=1)
        said = capsys.readouterr().err
        assert "--frame" in said
        assert "GIF" in said
    for number in (3, -1, 0):
        run("decode", "-f", "a.kpal", "-o", "a.bmp", "--frame", number)
        with Image.open("a.bmp") as image:
            assert np.array_equal(np.asarray(image.convert("RGB")), frames[number])
    for number in (COUNT, -COUNT - 1):
        run("decode", "a.kpal", "-o", "b.bmp", "--frame", number, status=1)
        assert f"frame {number} is not one of {COUNT}" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "KPAL"])
def test_a_region_is_one_of_all_frames(format: str) -> None:
    data = kpal.encode_frames(frames := pictures(), durations=DURATIONS, loop=2, coder="zstd")
    part = from_kpal(data, format, region=(3, 4, 25, 16))
    again = part if format == "KPAL" else to_kpal(part, coder="zstd")
    assert kpal.inspect(again).loop == 2
    assert list(kpal.inspect(again).durations) == DURATIONS
    assert same(decoded(again), [pixels[4:16, 3:25] for pixels in frames])


def test_frames_are_turned_where_the_format_holds_no_orientation() -> None:
    frames = pictures()
    data = kpal.encode_frames(frames, coder="zstd", metadata=Metadata(exif=METADATA.exif))
    turned = [np.rot90(pixels, -1) for pixels in frames]
    with pytest.warns(kpal.KpalWarning, match="exif"):
        assert same(decoded(to_kpal(from_kpal(data, "GIF"), coder="zstd")), turned)
    png = from_kpal(data, "PNG")
    assert same(decoded(to_kpal(png, coder="zstd")), frames)
    assert same(decoded(to_kpal(png, coder="zstd", strip=("exif",))), turned)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_formats_keep_the_metadata_that_they_can_hold(format: str) -> None:
    if format not in Image.SAVE:
        pytest.skip(f"Pillow lacks {format}")
    data = kpal.encode_frames(pictures(), coder="zstd", metadata=METADATA)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kpal.KpalWarning)
        written = from_kpal(data, format)
    with Image.open(io.BytesIO(written)) as image:
        assert getattr(image, "n_frames", 1) == COUNT
        kept = kpal.metadata_of(image)
    assert kept.icc_profile == METADATA.icc_profile
    assert kept.xmp == METADATA.xmp
    if format == "PNG":
        assert (kept.text, kept.density) == (METADATA.text, METADATA.density)


@pytest.mark.parametrize("duration", [1, 7, 29, 57, 1001, 65_535, 65_540])
def test_any_milliseconds_are_written_to_a_png(duration: int) -> None:
    data = kpal.encode_frames(pictures(), durations=duration, coder="zstd")
    again = to_kpal(from_kpal(data, "PNG"), coder="zstd")
    assert kpal.inspect(again).durations == (duration,) * COUNT


def test_a_folder_of_frames_is_an_animation_if_a_switch_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    frames_in("walk")
    run("encode", "walk", "--durations", "70", "--loop", 2, "--restart", 3, "--coder", "zstd")
    info = kpal.inspect(Path("walk.kpal").read_bytes())
    assert (info.durations, info.loop) == ((70,) * COUNT, 2)
    assert same(decoded(Path("walk.kpal")), pictures())
    run("encode", "walk", "--fps", 3, "-o", "third.kpal", "--coder", "zstd")
    assert kpal.inspect(Path("third.kpal").read_bytes()).durations == (333, 334, 333, 333, 334, 333, 333, 334)
    Path("times.txt").write_text("\n".join(map(str, DURATIONS)))
    run("encode", "walk", "--durations", "times.txt", "-o", "timed.kpal", "--coder", "zstd")
    assert list(kpal.inspect(Path("timed.kpal").read_bytes()).durations) == DURATIONS
    run("encode", "walk", "-o", "stills", "--coder", "zstd")
    assert len(list(Path("stills").glob("*.kpal"))) == COUNT
    capsys.readouterr()
    run("encode", "walk", "--fps", 3, "-o", "third.kpal", status=1)
    assert "third.kpal exists" in capsys.readouterr().err


def test_files_are_frames_in_the_order_in_which_they_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *_ = pictures()
    for name, pixels in (("b.png", first), ("a.png", second)):
        Image.fromarray(pixels).save(name)
    Path("c.gif").write_bytes(animation())
    run("encode", "b.png", "a.png", "b.png", "c.gif", "--fps", 10, "-o", "all.kpal", "--coder", "zstd")
    assert same(decoded(Path("all.kpal")), [first, second, first, *pictures()])
    run("encode", "b.png", "a.png", "--fps", 10, status=2)
    assert "add -o NAME.kpal" in capsys.readouterr().err
    run("encode", "b.png", "a.png", "--fps", 10, "-o", "./", status=2)
    run("encode", "b.png", "-", "--fps", 10, "-o", "x.kpal", status=2)


def test_the_current_folder_gives_the_animation_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(frames_in("walk.v2"))
    run("encode", ".", "--fps", 10, "--coder", "zstd")
    assert same(decoded(Path("../walk.v2.kpal")), pictures())
    run("encode", ".", "--fps", 10, "--coder", "zstd", "-o", "here.kpal")
    run("encode", "-f", ".", "--fps", 10, "--coder", "zstd", "-o", "here.kpal")
    assert same(decoded(Path("here.kpal")), pictures())


def test_one_animation_can_be_given_other_times() -> None:
    Path("a.gif").write_bytes(animation())
    run("encode", "a.gif", "--fps", "12.5", "--loop", 7, "--coder", "zstd")
    info = kpal.inspect(Path("a.kpal").read_bytes())
    assert (info.durations, info.loop) == ((80,) * COUNT, 7)


def test_frames_that_cameras_turned_are_upright() -> None:
    Path("shots").mkdir()
    frames = pictures()
    for number, pixels in enumerate(frames):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(np.ascontiguousarray(np.rot90(pixels))).save(f"shots/{number}.png", exif=exif)
    run("encode", "shots", "--fps", 5, "--coder", "zstd")
    assert same(decoded(Path("shots.kpal")), frames)
    exif = Image.Exif()
    exif.load(kpal.inspect(Path("shots.kpal").read_bytes()).metadata.exif or b"")
    assert exif[0x0112] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--fps", "0"],
        ["--fps", "-3"],
        ["--fps", "nan"],
        ["--fps", "inf"],
        ["--fps", "1001"],
        ["--fps", "1/0"],
        ["--durations", "-5"],
        ["--durations", "nan"],
        ["--durations", "inf"],
        ["--durations", ""],
        ["--durations", "bad.txt"],
        ["--durations", "99999999999"],
        ["--fps", "3", "--durations", "5"],
        ["--fps", "3", "--frame", "0"],
        ["--fps", "3", "--restart", "0"],
        ["--fps", "3", "--loop", "-1"],
        ["--fps", "3", "--loop", "4294967296"],
        ["--frame", "x"],
    ],
)
def test_wrong_times_are_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    frames_in("walk", pictures()[:2])
    Path("bad.txt").write_text("20 -3\n")
    run("encode", "walk", "-o", "x.kpal", *words, status=2)
    assert capsys.readouterr().err.startswith("kpal encode: ")
    assert not Path("x.kpal").exists()


def test_frames_that_make_no_animation_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    frames_in("walk")
    Image.new("RGB", (7, 7)).save("walk/frame99.png")
    run("encode", "walk", "--fps", 5, status=1)
    assert "frame 8 has 7 x 7 pixels, but frame 0 has 30 x 20" in capsys.readouterr().err
    Path("walk/frame99.png").write_bytes(Path("walk/frame5.png").read_bytes()[:60])
    run("encode", "walk", "--fps", 5, status=1)
    assert "walk/frame99.png" in capsys.readouterr().err
    Path("empty").mkdir()
    run("encode", "empty", "--fps", 5, status=1)
    assert "no images found in empty" in capsys.readouterr().err
    Path("walk/frame99.png").unlink()
    run("encode", "walk", "--durations", "5,6", status=1)
    assert "durations" in capsys.readouterr().err
    assert not Path("walk.kpal").exists()


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_animations_that_are_cut_off_fail(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = animation(format)
    Path("cut.bin").write_bytes(data[: 2 * len(data) // 3])
    run("encode", "cut.bin", status=1)
    assert capsys.readouterr().err.startswith("kpal: cut.bin: ")
    assert not Path("cut.bin.kpal").exists()


def test_a_gif_that_is_cut_off_between_frames_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    data = animation()
    Path("whole.gif").write_bytes(data)
    run("encode", "whole.gif", "--coder", "zstd")
    assert "warning" not in capsys.readouterr().err
    Path("cut.gif").write_bytes(data[:-1])
    run("encode", "cut.gif", "--coder", "zstd")
    assert "warning: the GIF has no end, so that frames may be missing" in capsys.readouterr().err


def test_a_frame_becomes_a_still_image(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.png").write_bytes(animation("PNG"))
    for number in (0, 4, -1):
        run("encode", "-f", "a.png", "--frame", number, "-o", "f.kpal")
        data = Path("f.kpal").read_bytes()
        assert not kpal.inspect(data).durations
        assert np.array_equal(kpal.decode(data), pictures()[number])
    run("encode", "-f", "a.png", "--frame", COUNT, "-o", "f.kpal", status=1)
    assert f"there is no frame {COUNT}" in capsys.readouterr().err


def test_the_pixels_of_all_frames_count(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.gif").write_bytes(animation())
    frames_in("walk")
    pixels = COUNT * 20 * 30
    for command in (["encode", "a.gif"], ["encode", "walk", "--fps", "5"], ["palette", "a.gif"]):
        run(*command, "-f", "--max-pixels", pixels)
        run(*command, "-f", "--max-pixels", pixels - 1, status=1)
        assert f"more than the limit, --max-pixels {pixels - 1}" in capsys.readouterr().err
    run("decode", "a.kpal", "--to", "gif", "-f", "-o", "b.gif", "--max-pixels", pixels)
    run("decode", "a.kpal", "-o", "c.gif", "--max-pixels", pixels - 1, status=1)
    run("decode", "a.kpal", "-o", "c.png", "--max-pixels", pixels - 1, "--frame", 0)


def test_a_second_run_of_a_batch_does_what_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    Path("in/a.gif").write_bytes(animation())
    Path("in/b.webp").write_bytes(animation("WEBP", lossless=True))
    Image.fromarray(gradient()).save("in/c.png")
    words = ["encode", "in", "-o", "out", "--coder", "zstd"]
    run(*words)
    capsys.readouterr()
    run(*words)
    assert "3 up to date" in capsys.readouterr().err
    run(*words, "--loop", 3)
    assert "3 of 3 files" in capsys.readouterr().err
    run(*words, "--loop", 3, "--json", "-f")
    facts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each.get("frames"), each.get("duration_ms"), each.get("loop")) for each in facts] == [
        (COUNT, sum(DURATIONS), 3),
        (COUNT, sum(DURATIONS), 3),
        (None, None, None),
    ]


def test_batches_of_the_library_take_animations_in_other_processes() -> None:
    Path("in").mkdir()
    Path("in/a.gif").write_bytes(animation())
    Path("in/b.png").write_bytes(animation("PNG"))
    with ProcessPoolExecutor(1) as pool:
        endings = list(batch.encode(["in"], "out", executor=pool, coder="zstd", loop=2))
    assert [ending.error for ending in endings] == [None, None]
    for name in ("a", "b"):
        data = Path(f"out/{name}.kpal").read_bytes()
        assert kpal.inspect(data).loop == 2
        assert same(decoded(data), pictures())
    (ending,) = batch.encode(["in/a.gif"], "still.kpal", frame=-1)
    assert ending.error is None
    assert np.array_equal(kpal.decode(Path("still.kpal").read_bytes()), pictures()[-1])
    with pytest.raises(ValueError, match="restart"):
        batch.encode(["in"], "out", restart=0)


def test_a_budget_counts_animations(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    noisy = [np.roll(gradient(24, 32), 3 * number, axis=0) for number in range(3)]
    Path("in/a.png").write_bytes(animation("PNG", noisy, duration=50))
    Image.fromarray(noisy[1]).save("in/b.png")
    run("encode", "in", "-o", "out", "--total-max-bytes", "2k", "--coder", "zstd")
    sizes = [path.stat().st_size for path in Path("out").glob("*.kpal")]
    assert len(sizes) == 2
    assert 1000 < sum(sizes) <= 2000
    frames_in("walk", noisy)
    run("encode", "walk", "--fps", 5, "-o", "walk.kpal", "--total-max-bytes", "1k", "--coder", "zstd")
    assert Path("walk.kpal").stat().st_size <= 1000


def test_a_shared_palette_is_of_all_frames(capsys: pytest.CaptureFixture[str]) -> None:
    colors = [(200, 30, 40), (20, 220, 60), (10, 40, 250)]
    Path("a.png").write_bytes(animation("PNG", [np.full((9, 9, 3), color, np.uint8) for color in colors], duration=9))
    run("palette", "a.png")
    out, err = capsys.readouterr()
    assert sorted(out.split()) == sorted(bytes(color).hex() for color in colors)
    assert "1 of 1 images" in err
    run("palette", "--of", "a.png")
    assert sorted(capsys.readouterr().out.split()) == sorted(bytes(color).hex() for color in colors)


def test_a_damaged_animation_adds_nothing_to_a_palette(capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (9, 9), (1, 2, 3)).save("a.png")
    data = animation("GIF")
    Path("b.gif").write_bytes(data[: 2 * len(data) // 3])
    run("palette", "a.png", "b.gif", status=1)
    out, err = capsys.readouterr()
    assert out.split() == ["010203"]
    assert "1 of 2 images" in err


def test_an_animation_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.kpal").write_bytes(kpal.encode_frames(pictures(), durations=DURATIONS, loop=2, coder="zstd"))
    run("info", "a.kpal")
    shown = capsys.readouterr().out
    assert "8, each shown for 40 to 2000 ms, 2.490 s in all" in shown
    assert "2 times" in shown
    run("info", "--json", "a.kpal")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["frames"], facts["durations"], facts["duration_ms"], facts["loop"]) == (8, DURATIONS, 2490, 2)


def test_progress_counts_frames() -> None:
    told: list[tuple[str, float]] = []
    data = to_kpal(animation("PNG"), coder="fast", progress=lambda *at: told.append(at))
    assert f"coding, frame 1 of {COUNT}" in [stage for stage, _ in told]
    from_kpal(data, "GIF", progress=lambda *at: told.append(at))
    assert f"writing, frame 2 of {COUNT}" in [stage for stage, _ in told]
    assert f"checking, frame {COUNT} of {COUNT}" in [stage for stage, _ in told]
    assert all(0 <= fraction <= 1 for _, fraction in told)


def test_conversions_of_animations_can_be_sent_to_other_machines() -> None:
    motion = Motion(pages=True, fps=Fraction(30000, 1001), loop=2, restart=5)
    encoding = pickle.loads(pickle.dumps(Encoding({"colors": 9}, motion=motion)))
    assert encoding.motion == motion
    assert json.loads(json.dumps(encoding.key)) == encoding.key
    frames_in("walk")
    files = pickle.loads(pickle.dumps(FrameFiles(tuple(Path("walk").iterdir())).absolute()))
    assert files.count() == COUNT
    shutil.rmtree("walk")
    with pytest.raises(ValueError, match="No such file"):
        list(files.frames())


def test_frames_come_from_stores_and_go_there() -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    for path in frames_in("walk").iterdir():
        store.pipe(f"/animations/walk/{path.name}", path.read_bytes())
    run("encode", "memory://animations/walk", "--fps", 10, "-o", "memory://animations/walk.kpal", "--coder", "zstd")
    assert same(decoded(store.cat("/animations/walk.kpal")), pictures())
    run("decode", "memory://animations/walk.kpal", "-o", "memory://animations/walk.gif")
    assert same(decoded(to_kpal(store.cat("/animations/walk.gif"), coder="zstd")), pictures())
