"""Which files the command line takes, and what their results are called."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal.batch import jobs
from kpal.batch.jobs import PICTURES, picture_endings, plan, result_name

from ..images import gradient, pillow, random_indexed


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def picture(name: str, seed: int = 0) -> None:
    """A small image of that name, PNG where Pillow does not know the ending; each seed has other pixels."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    format = Image.registered_extensions().get(path.suffix.lower(), "PNG")
    image = pillow(random_indexed(4, 5, 6, seed=seed)).convert("RGB")
    image.save(path, format if format in Image.SAVE else "PNG")


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file() and not path.name.startswith(jobs.MANIFEST))


def targets(*inputs: str, output: str | None = None) -> list[str]:
    endings = picture_endings() | {".kpal"}
    return [str(job.target) for job in plan(list(inputs), output, endings, ".kpal", in_place=True).jobs]


# --- folders


def test_all_endings_of_pictures_count_and_no_others() -> None:
    endings = {*Image.registered_extensions(), *picture_endings(), ".kpal", ".txt", ".pdf", ""}
    assert {ending for ending in endings if ending in PICTURES} == picture_endings() | {".kpal"}


def test_a_png_is_encoded_without_the_rarer_plugins_of_pillow() -> None:
    picture("a.png")
    code = (
        "import sys; from kpal.cli import main; main(['encode', 'a.png']); print('PIL.PdfImagePlugin' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
    assert Path("a.kpal").exists()


def test_all_endings_of_the_formats_that_people_keep_pictures_in_count() -> None:
    endings = picture_endings()
    for format in ("PNG", "JPEG", "TIFF", "WEBP", "PPM", "TGA", "JPEG2000"):
        assert {ending for ending, name in Image.registered_extensions().items() if name == format} <= endings
    assert {".jfif", ".jpe", ".apng", ".dib", ".pnm", ".qoi", ".icns", ".jxl", ".avif"} <= endings
    assert not endings & {".pdf", ".ps", ".eps", ".h5", ".mpg", ".txt", ".kpal", ""}


def test_files_of_every_such_ending_are_taken_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    for number, ending in enumerate(("jfif", "JPE", "dib", "pnm", "qoi", "tga")):
        picture(f"in/{number}.{ending}")
    for name in ("notes.txt", "movie.mpg", "no_ending", ".png"):
        Path("in", name).write_text("?")
    assert cli.main(["encode", "in", "-o", "out"]) == 0
    assert files()[-6:] == [f"out/{number}.kpal" for number in range(6)]
    assert re.search(r"kpal: 6 of 6 files: .*; 4 files of other kinds left out$", capsys.readouterr().err.strip())


@pytest.mark.parametrize("command", ["encode", "palette", "compare", "decode"])
def test_a_folder_without_images_says_what_else_is_in_it(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    Path("in/notes.txt").write_text("?")
    assert cli.main([command, "in"]) == 1
    assert capsys.readouterr().err == "kpal: no images found in in; 1 file of another kind left out\n"


def test_the_help_lists_the_endings(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("encode", "palette", "compare"):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        shown = set(re.findall(r"\.\w+", capsys.readouterr().out))
        assert picture_endings() | {".kpal"} <= shown


def test_what_cannot_be_read_is_named_and_the_rest_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("in/a.png")
    picture("in/closed/b.png")
    Path("in/gone.gif").symlink_to("nowhere.gif")
    Path("in/round.png").symlink_to("round.png")
    Path("in/text.jpg").write_text("not a picture")
    os.mkfifo("in/pipe.png")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("in/socket.bmp")
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if os.path.basename(path) == "closed":  # noqa: PTH119
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for command in (["encode", "in", "-o", "out"], ["palette", "in"], ["compare", "--json", "in"]):
        assert cli.main(command) == 1
        said = capsys.readouterr().err
        for line in (
            "in/closed: Permission denied",
            "in/gone.gif: a link to nowhere.gif, which does not exist",
            "in/round.png: ",
            "in/text.jpg: not an image that Pillow can read",
            "in/pipe.png: a named pipe, and not a file",
            "in/socket.bmp: a socket, and not a file",
        ):
            assert f"kpal: {line}" in said
    assert [name for name in files() if name.startswith("out")] == ["out/a.kpal"]


def test_an_unreadable_folder_is_told_to_programs_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("in/a.png")
    monkeypatch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(PermissionError(errno.EACCES, "No", path)))
    assert cli.main(["encode", "--json", "-q", "in"]) == 1
    assert capsys.readouterr().out == '{"input": "in", "error": "No"}\n'


def test_links_to_folders_are_counted_and_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    picture("in/deep/a.png")
    Path("in/deep/up").symlink_to("..")
    Path("in/again").symlink_to("deep")
    assert cli.main(["encode", "in"]) == 0
    assert capsys.readouterr().err.strip().endswith("; 2 links to folders not followed")
    assert files() == ["in/deep/a.kpal", "in/deep/a.png"]


def test_links_to_pictures_are_pictures() -> None:
    picture("elsewhere/a.png")
    Path("in").mkdir()
    Path("in/b.png").symlink_to("../elsewhere/a.png")
    assert cli.main(["encode", "in", "-o", "out"]) == 0
    assert Path("out/b.kpal").exists()


def test_a_picture_and_its_own_result_are_taken_once(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("in/a.png", "in/a.jpg", "in/chart.v2.png"):
        picture(name)
    assert cli.main(["encode", "in"]) == 0
    assert [name for name in files() if name.endswith("kpal")] == ["in/a.kpal", "in/a.png.kpal", "in/chart.v2.kpal"]
    capsys.readouterr()
    for command in (["palette", "in", "-c", "2"], ["encode", "in", "-o", "out"]):
        assert cli.main(command) == 0
        said = capsys.readouterr().err
        assert "3 of 3" in said
        assert "; 3 .kpal files left out as results of pictures beside them" in said
    assert cli.main(["encode", "in"]) == 0
    assert "0 of 3 files, 3 up to date" in capsys.readouterr().err
    assert cli.main(["encode", "in", "--force"]) == 0
    assert len([name for name in files() if name.startswith("in")]) == 6


def test_folders_of_kpal_files_can_be_encoded_again(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/deep").mkdir(parents=True)
    for name in ("in/a.kpal", "in/deep/b.kpal"):
        Path(name).write_bytes(kpal.encode(gradient()))
    assert cli.main(["encode", "-c", "4", "in", "-o", "out"]) == 0
    assert kpal.inspect(Path("out/deep/b.kpal").read_bytes()).colors == 4
    assert cli.main(["encode", "-c", "4", "in"]) == 1
    assert capsys.readouterr().err.count("the result would take its place; --force allows that") == 2
    assert kpal.inspect(Path("in/a.kpal").read_bytes()).colors == 256
    assert cli.main(["encode", "-c", "4", "in", "--force"]) == 0
    for name in ("in/a.kpal", "in/deep/b.kpal"):
        assert Path(name).read_bytes() == Path("out", Path(name).relative_to("in")).read_bytes()


def test_only_a_kpal_file_gives_way_to_its_own_result(capsys: pytest.CaptureFixture[str]) -> None:
    picture("a.kpal.png")
    Path("a.kpal.png").rename("a.kpal")  # a PNG under another name
    picture("plain.png")
    Path("plain.png").rename("plain")
    before = {name: Path(name).read_bytes() for name in files()}
    assert cli.main(["encode", "--force", "a.kpal"]) == 1
    assert cli.main(["encode", "--force", "plain", "-o", "plain"]) == 1
    assert capsys.readouterr().err.count("would take the place of the input, which is not a .kpal file") == 2
    assert before == {name: Path(name).read_bytes() for name in files()}


def test_the_output_is_no_input_of_the_next_run(capsys: pytest.CaptureFixture[str]) -> None:
    picture("in/a.png")
    for _ in range(3):
        assert cli.main(["encode", "in", "-o", "in/out", "--force"]) == 0
    assert files() == ["in/a.png", "in/out/a.kpal"]
    Path("in/out/a.kpal").unlink()
    capsys.readouterr()
    for _ in range(3):
        assert cli.main(["palette", "in", "-o", "in/shared.png", "--force"]) == 0
        assert capsys.readouterr().err == "kpal: 6 colours of 1 of 1 images\n"


def test_only_the_output_itself_is_left_out_and_not_its_namesakes() -> None:
    for name in ("in/out/a.png", "in/sub/out/b.png", "in/sub/c.png"):
        picture(name)
    assert targets("in", output="in/out") == ["in/out/sub/c.kpal", "in/out/sub/out/b.kpal"]
    assert targets("in", output="elsewhere/out") == [
        *("elsewhere/out/out/a.kpal", "elsewhere/out/sub/c.kpal", "elsewhere/out/sub/out/b.kpal")
    ]


# --- names


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a.png", "a.kpal"),
        ("a.PNG", "a.kpal"),
        ("a.b.Jpeg", "a.b.kpal"),
        ("a.kpal", "a.kpal"),
        ("a.psd", "a.kpal"),
        ("chart.v2", "chart.v2.kpal"),
        ("photo.2024-01-01", "photo.2024-01-01.kpal"),
        ("Fig. 3", "Fig. 3.kpal"),
        ("v1.0", "v1.0.kpal"),
        ("plain", "plain.kpal"),
        ("dot.", "dot..kpal"),
        (".png", ".png.kpal"),
        ("..png", "..png.kpal"),
        (".hidden.png", ".hidden.kpal"),
        ("a.png.", "a.png..kpal"),
        ("a.png ", "a.png .kpal"),
    ],
)
def test_only_the_ending_of_a_picture_is_replaced(name: str, result: str) -> None:
    assert result_name(name, ".kpal") == result


def test_decoded_files_keep_what_is_no_ending_of_a_picture() -> None:
    for name in ("chart.v2.kpal", "release.2024"):
        Path(name).write_bytes(kpal.encode(gradient()))
    assert cli.main(["decode", "chart.v2.kpal", "release.2024"]) == 0
    assert files() == ["chart.v2.kpal", "chart.v2.png", "release.2024", "release.2024.png"]


@pytest.mark.parametrize(
    ("inputs", "results"),
    [
        (["a.jpg", "a.png"], ["a.kpal", "a.png.kpal"]),
        (["a.png", "a.jpg", "a.gif"], ["a.kpal", "a.jpg.kpal", "a.gif.kpal"]),
        (["a.jpg.png", "a.jpg", "a.png"], ["a.jpg.kpal", "a.kpal", "a.png.kpal"]),
        (["a.png", "a.jpg", "a.jpg.png"], ["a.kpal", "a.jpg.kpal", "a.jpg.png.kpal"]),
        (["a.jpg", "a.png.bmp", "a.png"], ["a.kpal", "a.png.kpal", "a.png.2.kpal"]),
        (["a.png", "a.kpal"], ["a.png.kpal", "a.kpal"]),
        (["a.png", "a"], ["a.kpal", "a.2.kpal"]),
        (["a.png", "a.png", "./a.png"], ["a.kpal"]),
    ],
)
def test_no_two_results_have_one_name(inputs: list[str], results: list[str]) -> None:
    for name in inputs:
        picture(name)
    assert targets(*inputs) == results


def test_results_from_several_folders_do_not_meet_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{folder}/a.png" for folder in "wxyz"]
    for seed, name in enumerate(names):
        picture(name, seed)
    assert cli.main(["encode", *names, "-o", "out"]) == 0
    results = ["out/a.kpal", "out/a.png.kpal", "out/a.png.2.kpal", "out/a.png.3.kpal"]
    for seed, result in enumerate(results):
        assert np.array_equal(kpal.decode(Path(result).read_bytes()), random_indexed(4, 5, 6, seed=seed).pixels())
    said = capsys.readouterr().err
    assert "kpal: x/a.png: written as out/a.png.kpal, because out/a.kpal is the result of w/a.png\n" in said
    assert len(said.splitlines()) == 4


def test_decoded_files_do_not_meet_either(capsys: pytest.CaptureFixture[str]) -> None:
    for seed, name in enumerate(("a.kpal", "a.KPAL", "x.png")):
        Path(name).write_bytes(kpal.encode(random_indexed(4, 5, 6, seed=seed)))
    assert cli.main(["decode", "a.kpal", "a.KPAL", "x.png"]) == 0
    assert files() == ["a.KPAL", "a.KPAL.png", "a.kpal", "a.png", "x.png", "x.png.png"]
    assert capsys.readouterr().err.count("written as") == 2


def test_what_is_named_twice_is_done_once(capsys: pytest.CaptureFixture[str]) -> None:
    picture("in/a.png")
    Path("link").symlink_to("in")
    assert cli.main(["encode", "in/a.png", "in", "link/a.png", "./in/../in/a.png"]) == 0
    assert files() == ["in/a.kpal", "in/a.png"]
    assert capsys.readouterr().err.strip().endswith("; 3 inputs named twice and taken once")


def test_results_that_differ_in_case_alone_are_one_where_file_systems_ignore_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("A.png", "a.jpg"):
        picture(name)
    assert targets("A.png", "a.jpg") == ["A.kpal", "a.kpal" if sys.platform == "linux" else "a.jpg.kpal"]
    monkeypatch.setattr(jobs, "_CASE_COUNTS", False)
    assert targets("A.png", "a.jpg") == ["A.kpal", "a.jpg.kpal"]


def test_many_files_of_one_name_are_planned_in_a_moment() -> None:
    names = [f"{number}/a.png" for number in range(2000)]
    planned = targets(*names, output="out")
    assert len(set(planned)) == 2000
    assert planned[-1] == "out/a.png.1999.kpal"


def test_a_result_is_not_overwritten_by_way_of_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    picture("a.png", 1)
    picture("b.png", 2)
    Path("b.kpal").symlink_to("a.kpal")
    assert cli.main(["encode", "--force", "a.png", "b.png"]) == 1
    assert "b.png: b.kpal is already the result of another input" in capsys.readouterr().err
    assert np.array_equal(kpal.decode(Path("a.kpal").read_bytes()), random_indexed(4, 5, 6, seed=1).pixels())


def test_a_folder_that_cannot_be_made_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    picture("a.png")
    Path("file").write_text("")
    for output in ("file/", "file/deeper/x.kpal"):
        assert cli.main(["encode", "a.png", "-o", output]) == 1
        assert f"cannot make the folder {Path(output) if output.endswith('/') else Path(output).parent}: " in (
            capsys.readouterr().err
        )


def test_a_pipe_is_read_where_it_is_named_itself() -> None:
    picture("a.png")
    os.mkfifo("pipe")
    writer = Thread(target=lambda: Path("pipe").write_bytes(Path("a.png").read_bytes()))
    writer.start()
    assert cli.main(["encode", "pipe", "-o", "x.kpal"]) == 0
    writer.join()
    assert np.array_equal(kpal.decode(Path("x.kpal").read_bytes()), random_indexed(4, 5, 6).pixels())
