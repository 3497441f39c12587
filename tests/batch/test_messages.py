"""What the command line says, where it says it, and that nothing is lost where it cannot be said."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

import kpal
from kpal import cli
from kpal.batch import runner as batch
from kpal.batch.conversion import Ending
from kpal.batch.jobs import Job
from kpal.batch.messages import StandardError, failures, printable, say
from kpal.batch.runner import Totals
from kpal_format.indexed import describe

from ..images import gradient, pillow, random_indexed, soft_icon

KPAL = f"{shlex.quote(sys.executable)} -m kpal"


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(gradient()).save("x.png")


def shell(line: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(line.replace("kpal ", f"{KPAL} "), shell=True, capture_output=True)


def usage_error(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


# --- streams


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "0<&- 1>&- 2>&-", "2>&1 >/dev/null | true"])
def test_no_state_of_standard_error_costs_a_result(redirection: str) -> None:
    if "/dev/full" in redirection and not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    status = shell(f"(kpal encode x.png; echo $? > status) {redirection}")
    assert status.returncode == 0
    assert Path("status").read_text() == "0\n"
    assert Path("x.kpal").read_bytes() == kpal.encode(gradient())


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(
    ("command", "status"),
    [("encode missing.png", 1), ("encode --nonsense", 2), ("info x.png", 1), ("encode x.png -c 0", 2), ("encod", 2)],
)
def test_messages_never_go_to_standard_output(command: str, status: int, redirection: str) -> None:
    done = shell(f"kpal {command} {redirection}")
    assert (done.returncode, done.stdout) == (status, b"")


def test_an_image_on_standard_output_is_whole_without_standard_error() -> None:
    for redirection in ("2>&-", "2>/dev/full"):
        assert shell(f"kpal encode - < x.png {redirection}").stdout == kpal.encode(gradient())


def test_results_that_standard_output_cannot_take_are_a_failure() -> None:
    Path("result").write_bytes(kpal.encode(gradient()))
    for command in ("info result", "encode - < x.png", "encode --json -f x.png", "palette -q x.png", "help encode"):
        done = shell(f"kpal {command} >&-")
        assert done.returncode == 1
        assert b"standard output" in done.stderr
        assert len(done.stderr.splitlines()) <= 2
    assert shell("kpal encode -f x.png >&-").returncode == 0  # it writes nothing there


def test_a_closed_standard_input_is_named() -> None:
    done = shell("kpal encode - <&-")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"kpal: standard input: it is closed\n")


def test_a_windowed_program_without_streams_encodes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert cli.main(["encode", "x.png", "missing.png"]) == 1
    assert cli.main(["encode", "-"]) == 1
    assert Path("x.kpal").read_bytes() == kpal.encode(gradient())
    with pytest.raises(SystemExit):
        cli.main(["--nonsense"])


def test_a_stream_that_its_owner_has_closed_is_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert cli.main(["encode", "x.png"]) == 0


def test_programs_get_their_lines_while_people_see_a_bar() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "kpal", "encode", "--json", "x.png", "[bold]missing[/bold].png"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert [json.loads(line)["input"] for line in done.stdout.splitlines()] == ["x.png", "[bold]missing[/bold].png"]
    assert "━" in shown
    assert "kpal: [bold]missing[/bold].png: No such file or directory" in shown


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_a_terminal_that_goes_away_costs_no_result() -> None:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        ["sh", "-c", f"trap '' HUP; read go; {KPAL} encode x.png"],  # noqa: S607
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.close(ours)
    process.communicate(b"go\n")
    assert process.returncode == 0
    assert Path("x.kpal").read_bytes() == kpal.encode(gradient())


# --- mistakes on the command line


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["encode", "x.png", "--colours", "3"], "unrecognised option --colours; did you mean --colors?"),
        (["encode", "--maxbytes=9", "x.png"], "unrecognised option --maxbytes; did you mean --max-bytes?"),
        (["encode", "--focre"], "unrecognised option --focre; did you mean --force?"),
        (["encode", "-quality", "1-2", "x.png"], "unrecognised option -quality; did you mean --quality?"),
        (["decode", "x.kpal", "--ot", "gif"], "unrecognised option --ot; did you mean --to?"),
        (["decode", "x.kpal", "--colors", "3"], "--colors; kpal encode, kpal palette and kpal compare have it"),
        (["compare", "x.png", "--strip", "all"], "unrecognised option --strip; kpal encode has it"),
        (["palette", "x.png", "-z"], "unrecognised option -z ("),
        (["palette", "x.png", "-zy"], "unrecognised option -zy ("),
        (["info", "--jsn", "x.kpal"], "unrecognised option --jsn; did you mean --json?"),
        (["demo", "a", "b"], "unexpected argument b"),
    ],
)
def test_an_unknown_option_gets_the_usage_of_its_command_and_the_nearest(
    arguments: list[str], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usage, line = usage_error(*arguments, capsys=capsys).splitlines()
    assert usage.startswith(f"usage: kpal {arguments[0]} ")
    assert line.startswith(f"kpal {arguments[0]}: ")
    assert advice in line


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["encdoe", "x.png"], "there is no command encdoe; did you mean encode?"),
        (["Info", "x.kpal"], "there is no command Info; did you mean info?"),
        (["help", "palete"], "there is no command palete; did you mean palette?"),
        (["x.png"], "there is no command x.png; did you mean kpal encode x.png?"),
        (["frobnicate"], "there is no command frobnicate ("),
        (["-q", "encode", "x.png"], "unrecognised option -q; it goes after the command, as in kpal encode -q"),
        (["--verison"], "unrecognised option --verison; did you mean --version?"),
    ],
)
def test_an_unknown_command_gets_the_nearest(
    arguments: list[str], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usage, line = usage_error(*arguments, capsys=capsys).splitlines()
    assert usage.startswith("usage: kpal ")
    assert advice in line


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["encode", "x.png", "-c", "257"], "-c/--colors: '257' is not a number from 1 to 256"),
        (["encode", "x.png", "--dither", "bayes"], "--dither: 'bayes' is not one of none, floyd-steinberg, ordered, b"),
        (["encode", "x.png", "--progress", "dots"], "--progress: 'dots' is not one of auto, bar, plain, none"),
        (["palette", "x.png", "--to", "pal"], "--to: 'pal' is not one of kpal, png, gpl, jasc, riff, hex, paint.net"),
        (["palette", "--of", "x.png", "-c", "9", "--depth", "8"], "it does not go with --colors, --depth"),
        (["palette", "--of", "x.png", "x.png"], "it does not go with IN"),
        (["palette"], "nothing is given for IN; --of takes the palette that a file has"),
        (["show", ""], "the name of the file is empty"),
        (["encode", "x.png", "--rate", "much"], "--rate: 'much' is not a number"),
        (["encode", "x.png", "--rate", "-1"], "--rate must be from 0 to 100, not -1.0"),
        (["encode", "x.png", "--dither", "ordered", "--dither-level", "nan"], "--dither-level must be from 0 to 1"),
        (["encode", "x.png", "--dither-level", "1"], "--dither-level goes with a kind of --dither"),
        (["encode", "x.png", "--rate", "1", "--dither", "ordered"], "--rate and --dither undo each other"),
        (["encode", "x.png", "--fix", "red"], "--fix: red: No such file or directory; colours are written as #ff8800"),
        (["encode", "x.png", "--output"], "-o/--output: needs a value"),
        (["encode", "x.png", "--exact=yes"], "--exact: takes no value"),
        (["encode", "x.png", "--palette", "file:///b.gpl"], "--palette: file:///b.gpl: a URL; give the path of"),
        (["encode", "x.png", "--palette", "."], "--palette: .: a folder, not a file"),
        (["encode", "x.png", "-o", "data:image/png"], "data:image/png is a URL; kpal writes to files, to stores"),
        (["encode"], "nothing is given for IN"),
        (["info", ""], "the name of the file is empty"),
        (
            ["palette", "x.png", "-o", "shared"],
            ".hex, .txt, .act, .aco, .ase, not without an ending",
        ),
    ],
)
def test_one_wrong_value_is_one_line_with_a_pointer(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = usage_error(*arguments, capsys=capsys).splitlines()
    assert line.startswith(f"kpal {arguments[0]}: ")
    assert reason in line
    assert line.endswith(f"(see kpal {arguments[0]} --help)")


def test_a_file_that_looks_like_an_option_is_named_as_it_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.png").rename("-x.png")
    assert "unrecognised option -x.png; the file of that name is ./-x.png" in usage_error(
        "encode", "-x.png", capsys=capsys
    )
    assert cli.main(["encode", "-q", "./-x.png"]) == 0
    assert cli.main(["encode", "-q", "-f", "--", "-x.png"]) == 0


def test_inputs_may_stand_among_options() -> None:
    Path("y.png").write_bytes(Path("x.png").read_bytes())
    assert cli.main(["encode", "x.png", "-c", "8", "y.png", "-q"]) == 0
    assert Path("x.kpal").read_bytes() == Path("y.kpal").read_bytes() == kpal.encode(gradient(), colors=8)


def test_help_and_version_come_in_all_the_usual_ways(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {}
    for arguments in (["-h"], ["--help"], ["encode", "-h"], ["-V"], ["--version"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        assert stopped.value.code == 0
        shown[" ".join(arguments)] = capsys.readouterr().out
    for arguments in (["help"], ["help", "encode"]):
        assert cli.main(arguments) == 0
        shown[" ".join(arguments)] = capsys.readouterr().out
    assert shown["help"] == shown["-h"] == shown["--help"]
    assert shown["help encode"] == shown["encode -h"]
    assert shown["-V"] == shown["--version"]
    assert usage_error(capsys=capsys) == shown["help"]


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_help_wraps_at_the_width_of_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for command in ("encode", "decode", "palette", "info", "show", "compare", "demo", "help"):
        assert cli.main(["help", command]) == 0
        lines = capsys.readouterr().out.splitlines()
        prose = [line for line in lines if not line.startswith(("  ", "usage:"))]
        assert max(map(len, prose)) <= columns
        assert columns < 80 or max(map(len, lines)) <= columns
    cli.main(["help", "encode"])
    lengths = [len(line) for line in capsys.readouterr().out.splitlines()]
    assert max(lengths) > 0.8 * columns  # it uses the width, too


# --- true reasons


@pytest.mark.parametrize("command", ["decode", "info"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x.png", "not a .kpal file but an image of the format PNG, which kpal encode takes"),
        ("x.gif", "not a .kpal file but an image of the format GIF, which kpal encode takes"),
        ("notes.txt", "not a .kpal file: it does not begin with the magic number"),
        ("empty.kpal", "the file is empty"),
        ("cut.kpal", "the file ends in its"),
        (".", "no images found in .; 4 files of other kinds left out"),
        ("nowhere.kpal", "No such file or directory"),
        ("link.kpal", "a link to gone.kpal, which does not exist"),
        ("s3://a/b.kpal", "s3://a/b.kpal: a URL; kpal reads and writes URLs with fsspec: pip install 'kpal-co"),
        ("file:///tmp/b.kpal", "file:///tmp/b.kpal: a URL; give the path of the file alone"),
        (r"C:\pictures\b.kpal", r"C:\pictures\b.kpal: No such file or directory"),
    ],
)
def test_what_is_no_kpal_file_is_called_what_it_is(
    command: str, name: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pillow(random_indexed(4, 5, 6)).save("x.gif")
    Path("notes.txt").write_text("some text")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    if name == "empty.kpal":
        Path(name).touch()
    if name == "cut.kpal":
        Path(name).write_bytes(kpal.encode(gradient())[:5])
    if name == "link.kpal":
        Path(name).symlink_to("gone.kpal")
    if name == ".":
        reason = "a folder, not a file" if command == "info" else reason.replace("4", "3")
    assert cli.main([command, name]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert reason in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["https://a//b.png", "s3://a/b.png", "data:image/png;base64,iVBORw0KGgo="])
def test_a_url_is_printed_as_it_was_given(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert cli.main(["encode", name, "-o", "out.kpal"]) == 1
    assert capsys.readouterr().err.startswith(f"kpal: {name}: a URL; ")


def test_names_and_messages_are_lines_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    say("red: \x1b[31m, two\nlines, \ud800, \udcff, \u202e, ü, C:\\x")
    assert capsys.readouterr().err == "kpal: red: \\x1b[31m, two lines, \\ud800, \\xff, \\u202e, ü, C:\\x\n"
    assert printable(os.fsdecode(b"a\xff\n")) == "a\\xff\\n"


def test_the_demo_overwrites_by_force_and_changes_nothing_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kpal.comparison.sample.draw", lambda: Image.fromarray(soft_icon()))
    Path("demo").mkdir()
    for name in ("sample-decoded.png", "report.html"):
        Path("demo", name).write_bytes(b"precious")
        assert cli.main(["demo", "demo"]) == 1
        assert f"{name} exists; --force overwrites it" in capsys.readouterr().err
        assert [path.name for path in Path("demo").iterdir()] == [name]
        Path("demo", name).unlink()
    Path("demo/report.html").write_bytes(b"precious")
    assert cli.main(["demo", "--force", "demo"]) == 0
    assert len(list(Path("demo").iterdir())) == 4


def test_a_palette_does_not_take_the_place_of_its_picture(capsys: pytest.CaptureFixture[str]) -> None:
    Path("link.png").symlink_to("x.png")
    for output in ("x.png", "link.png"):
        assert "would take the place of an input" in usage_error("palette", "-f", "x.png", "-o", output, capsys=capsys)
    assert np.array_equal(np.asarray(Image.open("x.png")), gradient())


def test_a_palette_of_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["palette", "missing.png"]) == 1
    assert "palette: none of the images could be read, so that there is no palette" in capsys.readouterr().err


def test_damage_that_pillow_stumbles_over_is_called_damage(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.png").write_bytes(Path("x.png").read_bytes()[:60])
    assert cli.main(["encode", "x.png"]) == 1
    said = capsys.readouterr().err
    assert " object at " not in said
    assert said.startswith("kpal: x.png: ")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: kpal.encode(gradient(), quality=np.zeros((9, 9))),  # type: ignore[arg-type]
        lambda: kpal.encode(gradient(), metric=object()),  # type: ignore[arg-type]
        lambda: kpal.encode(gradient(), exact=np.zeros(3)),  # type: ignore[arg-type]
        lambda: kpal.encode(gradient(), progress=[1, 2]),  # type: ignore[arg-type]
        lambda: kpal.encode(gradient(), coder=object()),  # type: ignore[arg-type]
        lambda: kpal.decode(kpal.encode(gradient()), region=object()),  # type: ignore[arg-type]
        lambda: kpal.KMeans(np.array([1, 2])),  # type: ignore[arg-type]
        lambda: kpal.KMeans(tol=object()),  # type: ignore[arg-type]
        lambda: kpal.Metadata(density=np.zeros((9, 9))),  # type: ignore[arg-type]
        lambda: Image.fromarray(gradient()).save("x.kpal", dpi=object()),
        lambda: kpal.read_palette(__file__),
    ],
)
def test_no_message_of_the_library_shows_the_repr_of_an_object(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError, OSError)) as caught:
        wrong()
    message = str(caught.value)
    assert " object at " not in message
    assert "array(" not in message
    assert "[[" not in message
    assert len(message) < 200


def test_wrong_arguments_are_described_briefly() -> None:
    assert describe((1, np.float64(2.5))) == "(1, 2.5)"
    assert describe([None, "x", True]) == "[None, 'x', True]"
    assert describe(np.zeros(3, np.float32)) == "an array of float32"
    assert describe("x" * 99) == "str"
    nested: list[Any] = []
    nested.append(nested)
    assert describe(nested) == "[list]"


def test_only_short_texts_numbers_and_pairs_of_these_are_shown_and_other_objects_named() -> None:
    for value, said in (
        *((None, "None"), (True, "True"), (5, "5"), (0.5, "0.5"), (np.float32(0.5), "0.5"), (np.uint8(7), "7")),
        *(("x" * 80, f"'{'x' * 80}'"), ("x" * 81, "str"), (b"x", "bytes"), ({1}, "set"), ({1: 2}, "dict")),
        *(((1, "a"), "(1, 'a')"), ([1, 2.5], "[1, 2.5]"), ((), "()"), ([[1]], "[list]"), (((1,), 2), "(tuple, 2)")),
        *(([11] * 20, f"[{', '.join(['11'] * 20)}]"), ([11] * 21, "list"), ((7,) * 81, "tuple")),
        *((np.zeros((2, 2), np.uint16), "an array of uint16"), (range(3), "range"), (object(), "object")),
    ):
        assert describe(value) == said


def test_standard_error_is_what_it_is_or_takes_all_and_keeps_nothing() -> None:
    nowhere = StandardError(None)
    assert nowhere.write("lost") == 4
    assert (nowhere.isatty(), nowhere.encoding) == (False, "utf-8")
    with pytest.raises(io.UnsupportedOperation, match="standard error is closed"):
        nowhere.fileno()
    with Path("log").open("w", encoding="latin-1") as file:
        somewhere = StandardError(file)
        assert somewhere.write("kept") == 4
        assert Path("log").read_text() == "kept"  # at once
        assert (somewhere.isatty(), somewhere.encoding, somewhere.fileno()) == (False, "latin-1", file.fileno())
    assert not somewhere.isatty()


# --- reasons


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnidentifiedImageError("cannot identify image file <_io.BytesIO object at 0x7f>"), "not an image that Pillow"),
        (FileNotFoundError(2, "No such file", "x.png"), "No such file"),
        (FileNotFoundError(2, "No such file", "other"), "other: No such file"),
        (OSError(28, "No space left"), "No space left"),
        (ValueError("colors must be from 1"), "colors must be from 1"),
        (ValueError("bad <a.B object at 0x7f12ab>"), "bad"),
        (ValueError(), "ValueError: "),
        (OSError(), "OSError: "),
        (Image.DecompressionBombError("a bomb"), "a bomb"),
        (MemoryError(), "there is not enough memory"),
        (SyntaxError("broken PNG"), "damaged, or of a kind that Pillow cannot read (SyntaxError: broken PNG)"),
        (KeyError("a"), "damaged, or of a kind that Pillow cannot read (KeyError: 'a')"),
        (RuntimeError("odd"), "RuntimeError: odd"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_every_failure_has_a_reason_on_one_line(
    error: Exception, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with failures("x.png") as failed:
        raise error
    assert failed
    assert failed.reason is not None
    assert failed.reason == reason or (isinstance(error, UnidentifiedImageError) and failed.reason.startswith(reason))
    assert capsys.readouterr().err == f"kpal: x.png: {failed.reason}\n"


def test_a_reader_that_is_not_installed_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(name: str, *notes: str) -> str:
        with failures(name):
            for note in notes:
                warnings.warn(note, stacklevel=1)
            raise UnidentifiedImageError
        return capsys.readouterr().err

    plain = "not an image that Pillow can read"
    assert said("x.avif", "AVIF support not installed", "odd") == f"kpal: x.avif: {plain}; AVIF support not installed\n"
    assert said("x.png", "odd") == f"kpal: x.png: {plain}\n"
    monkeypatch.setitem(Image.OPEN, "JXL", Image.OPEN["PNG"])
    assert said("x.JXL") == f"kpal: x.JXL: {plain}\n"
    monkeypatch.delitem(Image.OPEN, "JXL")
    assert said("x.JXL") == f"kpal: x.JXL: {plain}; JPEG XL needs the package pillow-jxl-plugin\n"
    assert said("x.png") == f"kpal: x.png: {plain}\n"


def test_warnings_become_lines_once_each_unless_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with failures("x.png") as failed:
        for note in ("one", "two", "one"):
            warnings.warn(note, stacklevel=1)
    assert not failed
    assert capsys.readouterr().err == "kpal: x.png: warning: one\nkpal: x.png: warning: two\n"


def test_interrupts_and_broken_pipes_are_no_failures_of_a_file() -> None:
    for error in (KeyboardInterrupt, BrokenPipeError):
        with pytest.raises(error), failures("x.png"):
            raise error


def test_letters_and_their_values_may_be_one_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["encode", "-c16", "-Q0-60", "x.png"]) == 0
    assert Path("x.kpal").read_bytes() == kpal.encode(gradient(), colors=16, quality=(0, 60))
    assert "unrecognised option -quality; did you mean --quality?" in usage_error(
        "encode", "-quality", "80", "x.png", capsys=capsys
    )


# --- summaries


def test_a_change_in_size_is_told_in_percent_of_the_input() -> None:
    for before, after, said in (
        *((200, 100, "50.0 % smaller"), (200, 300, "50.0 % larger"), (1000, 1, "99.9 % smaller")),
        *((7, 7, "0.0 % smaller"), (0, 5, "0.0 % smaller"), (1000, 1001, "0.1 % larger")),
    ):
        assert batch.saving(before, after) == said


def summary(jobs: list[Job], endings: list[Ending], seconds: float) -> str:
    totals = Totals()
    for ending in endings:
        totals.add(ending)
    return totals.summary(jobs, seconds)


def test_a_summary_counts_what_was_done_and_adds_up_its_bytes() -> None:
    jobs = [Job(Path(name), None, name) for name in ("a.png", "b.png", "c.png")]
    done = [Ending(name, name.replace("png", "kpal"), 600, 200) for name in ("a.png", "b.png")]
    failed, skipped = Ending("c.png", error="damaged"), Ending("c.png", input_bytes=900, skipped="larger")
    assert summary(jobs, [*done, failed], 1.26) == "2 of 3 files: 1,200 → 400 bytes (66.7 % smaller) in 1.3 s"
    assert summary(jobs, [*done, skipped], 0) == "2 of 3 files, 1 skipped: 1,200 → 400 bytes (66.7 % smaller) in 0.0 s"
    assert summary(jobs, [failed, failed, skipped], 0) == "0 of 3 files, 1 skipped"
    assert summary(jobs[:1], done[:1], 2) == "a.png → a.kpal: 600 → 200 bytes (66.7 % smaller) in 2.0 s"
    assert summary(jobs[:1], [failed], 2) == summary(jobs[:1], [skipped], 2) == ""
    streamed = [Ending("standard input", None, 600, 200)]
    assert summary([Job(None)], streamed, 2) == f"{Job(None).name}: 600 → 200 bytes (66.7 % smaller) in 2.0 s"


def test_an_ending_tells_programs_only_what_there_is_to_tell() -> None:
    assert Ending("a", "b", 0, 0).as_dict() == {"input": "a", "output": "b", "input_bytes": 0, "bytes": 0}
    assert Ending("a", error="x").as_dict() == {"input": "a", "error": "x"}
