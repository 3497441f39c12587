"""The display of progress: one bar in a terminal, a line now and then elsewhere, and nothing where it is not wanted."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

import kpal
from kpal import cli
from kpal.batch import progress
from kpal.batch.bar import Bar, ending
from kpal.batch.progress import Display, displayed
from kpal.batch.transcode import from_kpal, to_kpal
from kpal.progress import in_whole

from ..images import gradient, soft_icon

terminal = pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")


class Drawn:
    """Remembers what a display draws."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.last: tuple[int, str, str, int] = (0, "", "", 0)

    def __call__(self, whole: float, done: int, file: Any, others: int) -> None:
        self.fractions.append(whole)
        self.last = (done, file.name, file.stage, others)


# --- fractions


def test_the_fraction_of_a_batch_is_that_of_its_files_done_and_in_work() -> None:
    drawn = Drawn()
    display = Display(4, drawn)
    with display.file("a") as a, display.file("b") as b:
        assert a is not None
        assert b is not None
        a("coding", 0.5)
        assert (drawn.fractions[-1], drawn.last) == (0.125, (0, "a", "coding", 1))
        b("clustering", 1.0)
        assert (drawn.fractions[-1], drawn.last) == (0.375, (0, "b", "clustering", 1))
        a("coding", 0.25)  # a stage that is repeated
        assert drawn.fractions[-1] == 0.375
    assert drawn.fractions[-1] == 0.5
    with pytest.raises(KeyError), display.file("c"):
        raise KeyError
    assert (drawn.fractions[-1], drawn.last[0]) == (0.75, 3)
    assert drawn.fractions == sorted(drawn.fractions)


def test_files_in_work_in_several_threads_are_counted_once_each() -> None:
    drawn = Drawn()
    display = Display(40, drawn)

    def work() -> None:
        for _ in range(10):
            with display.file("x") as told:
                assert told is not None
                for step in range(20):
                    told("coding", step / 20)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn.fractions[-1] == 1
    assert drawn.last[0] == 40


@pytest.mark.parametrize("options", [{}, {"colors": 9}, {"quality": 60}, {"max_bytes": 900}, {"verify": True}])
def test_the_fraction_of_a_file_rises_through_all_stages(options: dict[str, Any]) -> None:
    source = io.BytesIO()
    Image.fromarray(gradient()).save(source, "PNG")
    told: list[tuple[str, float]] = []
    data = to_kpal(source.getvalue(), progress=lambda *each: told.append(each), **options)
    assert data == to_kpal(source.getvalue(), **options)
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.1
    assert fractions[-1] > 0.6
    assert {"histogram", "coding"} <= {stage for stage, _ in told}
    told.clear()
    assert from_kpal(data, "PNG", progress=lambda *each: told.append(each)) == from_kpal(data, "PNG")
    assert list(dict.fromkeys(stage for stage, _ in told)) == ["decoding", "writing", "checking"]
    assert told[-1][1] == 1


def test_stages_add_up_to_the_whole() -> None:
    told: list[tuple[str, float]] = []
    whole = in_whole(lambda *each: told.append(each), {"a": 1, "b": 3})
    assert whole is not None
    for stage, fraction in (("a", 0.0), ("a", 1.0), ("c", 0.9), ("b", 0.5), ("b", 1.0)):
        whole(stage, fraction)
    assert told == [("a", 0.0), ("a", 0.25), ("c", 0.25), ("b", 0.625), ("b", 1.0)]
    assert in_whole(None, {}) is None


# --- plain lines


def test_plain_lines_come_now_and_then_and_only_if_the_work_is_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with displayed(3, "plain") as display:
        for name in ("a", "b", "c"):
            with display.file(name) as told:
                assert told is not None
                for step in range(100):
                    now += 0.04
                    told("coding", step / 100)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "kpal: 0 of 3 files, 16 %: a, coding",
        "kpal: 1 of 3 files, 57 %: b, coding",
        "kpal: 2 of 3 files, 99 %: c, coding",
    ]
    with displayed(1, "plain") as display, display.file("a") as told:
        assert told is not None
        now += 2.5
        told("coding", 0.999)
    assert capsys.readouterr().err == "kpal: 99 %: a, coding\n"


@pytest.mark.parametrize("command", ["encode", "decode", "compare", "palette", "demo"])
def test_commands_say_how_far_they_are_and_write_the_same(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kpal.comparison.sample.draw", lambda: Image.fromarray(soft_icon()))
    Image.fromarray(gradient()).save(tmp_path / "x.png")
    (tmp_path / "y.kpal").write_bytes(kpal.encode(gradient()))
    name, result = {"decode": ("y.kpal", "y.png"), "encode": ("x.png", "x.kpal")}.get(command, ("x.png", ""))
    arguments = [command, "-f", "demo"] if command == "demo" else [command, name]
    monkeypatch.chdir(tmp_path)
    assert cli.main([*arguments, "--progress", "none"]) == 0
    quiet = capsys.readouterr()
    assert " %: " not in quiet.err
    expected = (tmp_path / result).read_bytes() if result else b""
    monkeypatch.setattr(progress, "_FIRST_LINE", 0)
    monkeypatch.setattr(progress, "_NEXT_LINE", 0)
    assert cli.main([*arguments, "--progress", "plain", *["-f"] * (result != "")]) == 0
    said = capsys.readouterr()
    assert re.search(r"^kpal: .*\b\d+ %: \S+, \w+", said.err, re.MULTILINE)
    assert " %: " not in said.out
    assert not result or (tmp_path / result).read_bytes() == expected
    if command in ("encode", "decode"):
        assert cli.main([*arguments, "--progress", "plain", "--quiet", "-f"]) == 0
        assert capsys.readouterr().err == ""


# --- the bar


@pytest.mark.parametrize("width", [1, 5, 20, 40, 60, 80, 200])
@pytest.mark.parametrize("name", ["x.png", "pictures/of/a/very/long/path/" * 4 + "x.png", "日本語の写真" * 20 + ".png"])
def test_the_bar_is_one_line_that_leaves_room_for_what_the_terminal_echoes(width: int, name: str) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=width, height=10, color_system=None, legacy_windows=False)
    with Bar(console, redirect_stdout=False) as bar:
        bar.show(name, " clustering and 2 more", 0.5, "5/10 50 %")
        bar.refresh()
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue()).replace("\r", "\n").splitlines()
    assert max(map(cell_len, lines)) <= max(width - 3, 1)
    assert width < 60 or any("50 %" in line for line in lines)
    assert width < 80 or any(".png clustering and 2 more" in line for line in lines)
    assert file.getvalue().count("\x1b[?25l") == file.getvalue().count("\x1b[?25h") == 1


def test_names_are_cut_at_their_beginning() -> None:
    assert ending("abc.png", 7) == "abc.png"
    assert ending("abc.png", 6) == "….png"[:1] + "c.png"
    assert ending("日本語.png", 7) == "…語.png"
    assert ending("日本語.png", 8) == "…語.png"
    assert ending("abc", 1) == "…"


def in_terminal(arguments: list[str], *, interrupt: str = "") -> tuple[int, str]:
    """The exit status of kpal with a terminal for standard error, and what that shows; ^C once `interrupt` is shown."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kpal", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 1 << 16)
        except OSError:  # Linux's end of a terminal
            chunk = b""
        if not chunk:
            break
        shown += chunk
        if interrupt and interrupt.encode() in shown:
            process.send_signal(signal.SIGINT)
            interrupt = ""
    os.close(ours)
    return process.wait(), shown.decode()


@terminal
def test_an_interrupt_removes_the_bar_and_shows_the_cursor(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png", compress_level=0)
    start = time.monotonic()
    status, shown = in_terminal(["encode", str(tmp_path / "x.png"), "--coder", "max"], interrupt="x.png clustering")
    assert status == 130
    assert time.monotonic() - start < 60
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert shown.rindex("\x1b[2K") > shown.rindex("━")  # the line with the bar is erased
    assert shown.endswith("kpal: interrupted\r\n")
    assert not (tmp_path / "x.kpal").exists()


@terminal
def test_a_bar_names_the_file_and_gives_way_to_messages(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "x.png")
    missing = str(tmp_path / ("long-" * 30 + "missing.png"))
    status, shown = in_terminal(["encode", missing, str(tmp_path / "x.png")])
    assert status == 1
    assert "━" in shown
    assert f"kpal: {missing}: No such file or directory" in shown  # not broken into lines
    assert "━" not in in_terminal(["encode", "-f", "-q", str(tmp_path / "x.png")])[1]
    assert "━" not in in_terminal(["encode", "-f", "--progress", "plain", str(tmp_path / "x.png")])[1]
