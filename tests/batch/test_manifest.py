"""A second run does nothing, results that are not kpal's are never overwritten, and a killed run can be repeated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal.batch.logs import NAME, Entry, FileLog

from ..images import gradient

LOG = Path("in", NAME)


@pytest.fixture(autouse=True)
def _in_a_folder_with_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name, size in (("a", 8), ("b", 9), ("c", 10)):
        picture(name, size)


def picture(name: str, size: int) -> None:
    Image.fromarray(gradient()[:size, :size]).save(f"in/{name}.png")


def times() -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in Path("in").glob("*.kpal")}


def run(capsys: pytest.CaptureFixture[str], *options: str, status: int = 0) -> str:
    capsys.readouterr()
    assert cli.main(["encode", "in", *options]) == status
    return capsys.readouterr().err


def test_a_second_run_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    before = (times(), LOG.read_bytes())
    assert run(capsys).startswith("kpal: 0 of 3 files, 3 up to date;")
    assert (times(), LOG.read_bytes()) == before
    assert "3 of 3" in run(capsys, "--force")
    assert times() != before[0]


@pytest.mark.parametrize("change", ["input", "options", "gone"])
def test_stale_results_are_made_anew(change: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    options = ["-c", "4"] if change == "options" else []
    if change == "input":
        picture("b", 20)
    elif change == "gone":
        Path("in/b.kpal").unlink()
    else:
        assert run(capsys, *options).startswith("kpal: 3 of 3 files:")
        run(capsys)
        return
    assert run(capsys, *options).startswith("kpal: 1 of 3 files, 2 up to date:")
    assert kpal.inspect(Path("in/b.kpal").read_bytes()).width == (20 if change == "input" else 9)


def test_an_input_with_another_time_but_the_same_bytes_is_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    os.utime("in/a.png", ns=(1, 1))
    assert "3 up to date" in run(capsys)


def test_a_result_that_somebody_touched_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    Path("in/a.kpal").write_bytes(b"mine")
    for options in ([], ["-c", "4"]):
        assert "in/a.kpal exists" in run(capsys, *options, status=1)
        assert Path("in/a.kpal").read_bytes() == b"mine"
    assert "3 of 3" in run(capsys, "--force")


def test_results_without_a_manifest_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    LOG.unlink()
    assert run(capsys, status=1).count("exists; --force") == 3


def test_failures_are_tried_again_and_skips_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/b.png").write_bytes(b"not a picture")
    assert "not an image" in run(capsys, "--skip-if-larger", status=1)
    records = [json.loads(line) for line in LOG.read_text().splitlines()]
    assert [record["output"] for record in records if "error" in record] == ["b.kpal"]
    assert "not an image" in run(capsys, "--skip-if-larger", status=1)
    picture("b", 9)
    skipped = sum("skipped" in record for record in records)
    assert f"{2 - skipped} up to date" in run(capsys, "--skip-if-larger") or skipped


def test_a_dry_run_says_what_would_be_done_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "--dry-run")
    assert "in/a.png: would be written as in/a.kpal: new" in said
    assert "0 of 3 files, 3 to do" in said
    assert sorted(path.name for path in Path("in").iterdir()) == ["a.png", "b.png", "c.png"]
    run(capsys)
    picture("b", 20)
    before = (times(), LOG.read_bytes())
    assert "in/b.png: would be written as in/b.kpal: the input has changed" in run(capsys, "--dry-run")
    assert (times(), LOG.read_bytes()) == before


@pytest.mark.parametrize(
    "damage", [b"{", b"[]\n", b'{"output": 1, "what": 2}\n', b"\xff\xfe\n", b'{"kpal":"9","manifest":9}\n']
)
def test_a_damaged_manifest_is_told_and_counts_as_none(damage: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    whole = LOG.read_bytes()
    LOG.write_bytes(damage + b"\n" + whole)
    said = run(capsys, status=1)
    assert f"{LOG}: ignored" in said
    assert said.count("exists; --force") == 3
    assert Path("in", f"{NAME}.old").read_bytes() == damage + b"\n" + whole


def test_a_line_cut_short_is_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    LOG.write_bytes(LOG.read_bytes()[:-5])
    said = run(capsys)
    assert "ignored" not in said
    assert said.startswith("kpal: 1 of 3 files, 2 up to date")  # and what was written is the same


def test_a_run_that_was_killed_between_a_result_and_its_record_is_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    lines = LOG.read_text().splitlines(keepends=True)
    LOG.write_text("".join(line for line in lines if '"output":"b.kpal"' not in line))
    before = times()
    assert run(capsys).startswith("kpal: 1 of 3 files, 2 up to date")
    assert times() == before  # the result was there, with the same bytes
    LOG.write_text("".join(line for line in lines if '"output":"b.kpal"' not in line))
    Path("in/b.kpal").write_bytes(b"mine")
    assert "in/b.kpal exists" in run(capsys, status=1)
    assert Path("in/b.kpal").read_bytes() == b"mine"


def test_a_log_of_many_runs_is_written_anew(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpal.batch.logs._SPARE", 0)
    for colors in ("2", "3", "4"):
        run(capsys, "-c", colors)
    assert len(LOG.read_text().splitlines()) == 4  # the options, and an outcome for each result
    assert "3 up to date" in run(capsys, "-c", "4")


def test_two_runs_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    hold = (
        "import sys; from pathlib import Path; from kpal.batch.manifest import Manifest\n"
        "held = Manifest(Path('in'), {}, ''); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert run(capsys, status=1) == "kpal: another kpal is at work in in\n"
        other.communicate()
    assert "3 up to date" in run(capsys)


def test_single_files_have_no_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["encode", "in/a.png"]) == 0
    assert cli.main(["encode", "in/a.png", "-o", "out/"]) == 0
    assert not LOG.exists()
    assert [path.name for path in Path("out").iterdir()] == ["a.kpal"]


def test_what_is_done_in_place_is_not_done_twice(capsys: pytest.CaptureFixture[str]) -> None:
    Path("only").mkdir()
    Path("only/x.kpal").write_bytes(kpal.encode(gradient()))
    for status, options in ((1, []), (0, ["--force", "-c", "4"]), (1, [])):
        assert cli.main(["encode", "only", *options]) == status


def test_decoded_files_are_kept_up_to_date_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    for said in ("3 of 3 files:", "0 of 3 files, 3 up to date"):
        capsys.readouterr()
        assert cli.main(["decode", "in", "-o", "out"]) == 0
        assert said in capsys.readouterr().err


def test_a_list_may_have_results_in_any_number_of_folders(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpal.batch.runner._MOST_OPEN", 3)
    monkeypatch.setattr("kpal.batch.logs._SPARE", 0)
    lines = [f'{{"input": "in/{name}.png", "output": "out/{n}/{name}.kpal"}}\n' for name in "abc" for n in range(20)]
    Path("jobs").write_text("".join(lines))
    logs: dict[int, FileLog] = {}
    held: list[int] = []
    append = FileLog.append

    def counted(self: FileLog, entries: list[Entry], *, keep: bool) -> None:
        append(self, entries, keep=keep)
        logs[id(self)] = self
        held.append(sum(log._file is not None for log in logs.values()))

    monkeypatch.setattr(FileLog, "append", counted)
    for said in ("60 of 60 files", "60 up to date"):
        capsys.readouterr()
        assert cli.main(["encode", "--jobs-from", "jobs", "-j", "1"]) == 0
        assert said in capsys.readouterr().err
    assert max(held) == 3
    for number in range(20):
        assert len(Path("out", str(number), NAME).read_text().splitlines()) == 4  # written anew, without loss
