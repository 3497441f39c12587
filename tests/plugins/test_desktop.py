"""The desktops of Linux and BSD, asked what they make of the files that `kpal desktop install` writes.

If its library is installed, GNOME itself draws a thumbnail, in the sandbox in which it runs thumbnailers. A kpal below
/usr, such as `.ci/run` installs, makes one there, and a kpal anywhere else does not.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal_format import EXTENSION, MAGIC, MIME
from kpal_plugins import desktop
from kpal_plugins.desktop import Command, State

from ..images import soft_icon

SYSTEM_PYTHON = "/usr/bin/python3"  # for which Debian packages the libraries of GNOME
SCRIPT = Path(sys.executable).with_name("kpal")
PAGE = Path(__file__).parents[2] / "docs" / "desktop.md"

pytestmark = pytest.mark.skipif(not sys.platform.startswith(desktop.SYSTEMS), reason="only on Linux and BSD")


def tool(name: str, package: str) -> str:
    """The path of a program; skips the test without it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name}, of Debian's {package}, is missing")
    return path


def in_gnome(library: str, script: str, *arguments: str | Path) -> object:
    """What a script printed as JSON that uses a library of GNOME; skips the test without it."""
    start = f"import gi, json, sys; gi.require_version({library!r}, {'4.0' if 'Desktop' in library else '2.0'!r})"
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run([SYSTEM_PYTHON, "-c", start], capture_output=True).returncode:
        pytest.skip(f"python3-gi and gir1.2-{library.lower()} of Debian are missing")
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", f"{start}\nfrom gi.repository import Gio, GLib, {library}\n{script}", *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and folders for data of the test's own."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'all'}:/usr/local/share:/usr/share")
    return home


@pytest.fixture
def data(home: Path) -> Path:
    """Where files for the user go; skips the test without the program that updates the MIME database."""
    tool("update-mime-database", "shared-mime-info")
    return home / ".local/share"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "no ending"
    path.write_bytes(kpal.encode(soft_icon(300)))
    return path


def command(*words: str) -> int:
    return cli.main(["desktop", *words])


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("kpal-codec.*"))


OURS = ["mime/packages/kpal-codec.xml", "thumbnailers/kpal-codec.thumbnailer"]


# --- what the desktop makes of it


def test_the_type_has_the_names_of_the_format() -> None:
    text = (Path(desktop.__file__).parent / "desktop_files/kpal-codec.xml").read_text()
    names = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    (kind,) = ElementTree.fromstring(text).findall("m:mime-type", names)  # noqa: S314  # our own file
    (match,) = kind.findall("m:magic/m:match", names)
    (glob,) = kind.findall("m:glob", names)
    assert kind.attrib["type"] == MIME
    assert match.attrib["value"].encode().decode("unicode_escape").encode("latin-1") == MAGIC
    assert glob.attrib["pattern"] == f"*{EXTENSION}"
    entry = (Path(desktop.__file__).parent / "desktop_files/kpal-codec.thumbnailer").read_text()
    assert f"\nMimeType={MIME};\n" in entry


def test_the_desktop_recognises_files_by_content_and_by_name(data: Path, picture: Path) -> None:
    xdg_mime, gio = tool("xdg-mime", "xdg-utils"), tool("gio", "libglib2.0-bin")
    named = picture.with_name("empty.kpal")
    named.touch()

    def types(path: Path) -> list[str]:
        first = subprocess.run([xdg_mime, "query", "filetype", path], capture_output=True, text=True, check=True)
        second = subprocess.run([gio, "info", "-a", "standard::content-type", path], capture_output=True, text=True)
        return [first.stdout.strip(), second.stdout.split("content-type: ")[1].strip()]

    assert MIME not in types(picture)
    assert command("install") == 0
    assert types(picture) == [MIME, MIME]
    named.write_bytes(picture.read_bytes())
    assert types(named) == [MIME, MIME]
    assert command("uninstall") == 0
    assert MIME not in types(picture)


def test_file_recognises_the_format_by_the_magic_in_the_docs(picture: Path, tmp_path: Path) -> None:
    file = tool("file", "file")
    (tmp_path / "magic").write_text(PAGE.read_text(encoding="utf-8").split("```magic\n")[1].split("```")[0])
    said = subprocess.run([file, "-m", tmp_path / "magic", "-b", picture], capture_output=True, text=True, check=True)
    version = kpal.inspect(picture.read_bytes()).version
    assert said.stdout.strip() == f"KPAL palette image, version {version}"
    said = subprocess.run(
        [file, "-m", tmp_path / "magic", "-b", "--mime-type", picture], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == MIME


def test_gnome_draws_thumbnails_if_and_only_if_its_sandbox_shows_this_kpal(
    data: Path, picture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tool("bwrap", "bubblewrap")
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    assert command("install") == 0
    said = capsys.readouterr().out
    drawn = in_gnome(
        "GnomeDesktop",
        """
file = Gio.File.new_for_path(sys.argv[1])
kind = file.query_info("standard::content-type", 0, None).get_content_type()
factory = GnomeDesktop.DesktopThumbnailFactory.new(GnomeDesktop.DesktopThumbnailSize.LARGE)
assert factory.can_thumbnail(file.get_uri(), kind, 0)
try:
    image = factory.generate_thumbnail(file.get_uri(), kind, None)
except GLib.Error:
    image = None
print(json.dumps(image and [image.get_width(), image.get_height(), image.get_has_alpha()]))""",
        picture,
    )
    hidden = desktop.hidden_from_gnome(Command(str(SCRIPT)))
    if hidden:
        assert drawn is None
        assert f"GNOME: no thumbnails, because its sandbox shows only what is below /usr, and not {hidden[0]}" in said
    else:
        assert drawn == [256, 256, True]
        assert "GNOME: no thumbnails" not in said


NAMES = ["plain", "with space", "100%", "a%sb", 'it\'s $HOME `id` "x" \\ \\n', "(a)&;#*?~<>|!=", "é", "tab\tand\nline"]


@pytest.mark.parametrize("name", NAMES)
def test_glib_starts_the_program_whatever_its_path(name: str, data: Path, picture: Path, tmp_path: Path) -> None:
    program = str(tmp_path / name / "kpal")
    desktop.install(data, Command(program))
    assert desktop.installed_command(data) == Command(program)
    parsed = in_gnome(
        "GLib",
        """
entry = GLib.KeyFile()
entry.load_from_file(sys.argv[1], 0)
get = lambda key: entry.get_string("Thumbnailer Entry", key)
print(json.dumps([GLib.shell_parse_argv(get("Exec"))[1], get("TryExec")]))""",
        data / OURS[1],
    )
    assert parsed == [[program.replace("%", "%%"), "thumbnail", "-s", "%s", "%i", "%o"], program]


def test_the_command_of_the_entry_makes_a_thumbnail(data: Path, picture: Path, tmp_path: Path) -> None:
    assert command("install") == 0  # of the interpreter, because these tests are not the script
    (line,) = (line for line in (data / OURS[1]).read_text().splitlines() if line.startswith("Exec="))
    values = {"%s": "64", "%i": str(picture), "%o": str(tmp_path / "out.png")}
    words = [values.get(word, word) for word in shlex.split(line.removeprefix("Exec="))]
    assert Path(words[0]).is_absolute()
    subprocess.run(words, cwd="/", env={}, check=True)
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (64, 64)


# --- install, status and uninstall


def test_status_tells_what_is_there_and_what_is_not(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("status") == 1
    assert command("status", "--user") == 1
    assert capsys.readouterr().out.count("missing") == 6
    assert command("install", "--user") == 0
    assert command("status") == command("status", "--user") == 0
    assert command("status", "--system") == 1
    capsys.readouterr()
    for name, state in ((OURS[0], "missing"), (OURS[1], "missing"), ("mime/mime.cache", f"does not know {MIME}")):
        (data / name).unlink()
        assert command("status", "--user") == 1
        assert f"{name}: {state}\n" in capsys.readouterr().out
        assert command("install") == command("status") == 0
        capsys.readouterr()


def test_status_finds_an_entry_whose_kpal_is_gone(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "kpal"
    desktop.install(data, Command(str(program)))
    for content in (None, "not executable", "#!/gone/bin/python", "#!/bin/sh\necho something else"):
        if content is not None:
            program.write_text(content)
            program.chmod(0o644 if content == "not executable" else 0o755)
        assert command("status") == 1
        assert f"{OURS[1]}: starts a kpal that does not run any more\n" in capsys.readouterr().out
    program.unlink()
    program.symlink_to(SCRIPT)
    assert command("status") == 0
    assert f"thumbnails come from {program}\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", OURS)
def test_status_finds_files_of_another_version(name: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("install") == 0
    with (data / name).open("a") as file:
        file.write(" \n")
    assert command("status") == 1
    assert f"{name}: changed, or of another version of kpal" in capsys.readouterr().out
    assert command("install") == command("status") == 0


@pytest.mark.parametrize("name", OURS)
def test_files_that_are_not_ours_stay(name: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / name).parent.mkdir(parents=True)
    (data / name).write_text("<!-- another's -->")
    assert command("install") == 1
    assert f"{data / name} was not written by kpal desktop install" in capsys.readouterr().err
    assert files_below(data) == [name]
    assert command("status") == 1
    assert f"{name}: not ours" in capsys.readouterr().out
    assert command("uninstall") == 0
    assert (data / name).read_text() == "<!-- another's -->"


def test_uninstall_removes_what_install_wrote_and_nothing_else(data: Path) -> None:
    for folder in ("mime/packages", "thumbnailers"):
        (data / folder).mkdir(parents=True)
        (data / folder / "other").write_text("another's")
    assert command("install") == 0
    assert files_below(data) == OURS
    assert command("uninstall") == 0
    assert files_below(data) == []
    assert MIME.encode() not in (data / "mime/mime.cache").read_bytes()
    assert (data / "mime/packages/other").exists()
    assert (data / "thumbnailers/other").exists()
    assert command("uninstall") == 0


def test_system_files_go_to_the_first_folder_that_is_no_package_managers(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "XDG_DATA_DIRS",
        f"relative:/usr/share/ubuntu:{tmp_path}/flatpak/exports/share:/var/lib/snapd/desktop:{tmp_path}/all:/usr/share",
    )
    assert command("install", "--system") == 0
    assert files_below(tmp_path / "all") == OURS
    assert files_below(data) == []
    assert command("status") == command("status", "--system") == 0
    assert command("status", "--user") == 1
    assert command("uninstall", "--system") == 0
    assert files_below(tmp_path / "all") == []


@pytest.mark.parametrize("value", [None, "", "relative/folder"])
def test_without_an_absolute_path_the_defaults_hold(
    value: str | None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_DATA_DIRS"):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert desktop.user_folder() == home / ".local/share"
    assert desktop.system_folder() == Path("/usr/local/share")


def test_the_folder_of_the_user_is_xdg_data_home(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "my data"))
    assert command("install") == 0
    assert files_below(tmp_path / "my data") == OURS


# --- errors


def test_a_missing_updater_is_named_with_its_package_before_anything_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert command("install") == 1
    assert "update-mime-database is missing: install the package shared-mime-info" in capsys.readouterr().err
    assert files_below(home) == []


def test_what_the_updater_says_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "mime/mime.cache").mkdir(parents=True)  # where it wants to write
    assert command("install") == 1
    assert "update-mime-database failed: " in capsys.readouterr().err
    assert command("status") == 1


def test_a_folder_that_may_not_be_written_is_named(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def refused(target: Path) -> Iterator[BinaryIO]:
        raise PermissionError(13, "Permission denied", str(target))
        yield io.BytesIO()

    monkeypatch.setattr(desktop, "replacing", refused)
    assert command("install", "--system") == 1
    said = capsys.readouterr().err
    assert "/all/mime/packages/kpal-codec.xml: Permission denied; " in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_told_what_works_there(
    platform: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert command("install") == command("status") == 1
    assert "kpal thumbnail and kpal decode make PNG files everywhere" in capsys.readouterr().err


def test_a_path_that_desktops_cannot_read_is_refused(data: Path) -> None:
    with pytest.raises(OSError, match="the path of this kpal is not UTF-8"):
        desktop.install(data, Command(os.fsdecode(b"/opt/\xff/kpal")))
    assert files_below(data) == []


def test_the_command_is_this_kpal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    assert desktop.own_command() == Command(str(SCRIPT))
    monkeypatch.setattr(sys, "argv", ["/a/program/that/imports/kpal"])
    command = desktop.own_command()
    assert command.program == sys.executable
    assert command.works()
    assert not Command(sys.executable).works()


def test_states_are_words() -> None:
    assert all(state == str(state) for state in State)
