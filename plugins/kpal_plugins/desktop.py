"""The desktops of Linux and BSD: files that tell file managers what a `.kpal` file is and how to draw its thumbnail.

They are an entry for the shared MIME database, which all desktops read, and a thumbnailer entry, which the file
managers of GNOME, KDE, Xfce, Cinnamon, MATE and LXQt read. Their templates are in `desktop_files`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from kpal.atomic import replacing
from kpal_format import MIME

SYSTEMS: Final = ("linux", "freebsd", "openbsd", "netbsd", "dragonfly", "sunos")  # of `sys.platform`

_UPDATER: Final = "update-mime-database"
_SIGNATURE: Final = b'Written by "kpal desktop install"'  # in every file of ours
_TYPE: Final = Path("mime/packages/kpal-codec.xml")
_DATABASE: Final = Path("mime/mime.cache")  # what the updater writes last, and desktops read
_THUMBNAILER: Final = Path("thumbnailers/kpal-codec.thumbnailer")
_MODULE: Final = ("-P", "-m", "kpal")  # -P: the current folder may have another module of that name
_SECONDS: Final = 60  # after which a program that should end at once counts as failed

# Of the file system, GNOME shows a thumbnailer these folders and the picture alone.
_SHOWN_BY_GNOME: Final = tuple(map(Path, ("/usr", "/bin", "/lib", "/lib64", "/sbin")))

# Desktop Entry Specification: the characters for which an argument is quoted, those that a backslash escapes within
# quotes, and the escapes that every value of type string knows, whether quoted or not.
_RESERVED: Final = re.compile(r"""[\s"'\\><~|&;$*?#()`]""")
_ESCAPED: Final = re.compile(r'(["`$\\])')
_STRING: Final = {"\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r"}


class State(StrEnum):
    """The state of a file, in the words of `kpal desktop status`."""

    INSTALLED = "installed"
    MISSING = "missing"
    FOREIGN = "not ours"
    OUTDATED = "changed, or of another version of kpal"
    UNAWARE = f"does not know {MIME}"
    STALE = "starts a kpal that does not run any more"


@dataclass(frozen=True)
class Command:
    """How to start a kpal: a program by its absolute path, and the arguments before those of kpal."""

    program: str
    arguments: tuple[str, ...] = ()

    def works(self) -> bool:
        """Whether it starts a kpal."""
        command = [self.program, *self.arguments, "--version"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, cwd="/")  # noqa: S603  # that is ours
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0 and done.stdout.startswith(b"kpal ")


def own_command() -> Command:
    """How to start the kpal of this process: by its script, or if another program imported it, by the interpreter."""
    script = Path(sys.argv[0]).absolute()  # links stay, because upgrades may change what is behind them
    if script.name == "kpal" and script.is_file() and os.access(script, os.X_OK):
        return Command(str(script))
    return Command(str(Path(sys.executable).absolute()), _MODULE)


def hidden_from_gnome(command: Command) -> list[Path]:
    """The files and folders that the kpal of this process needs and GNOME hides from thumbnailers."""
    import numpy
    import PIL

    import kpal

    packages = (str(module.__file__) for module in (kpal, numpy, PIL))
    needed = map(Path, (command.program, sys.executable, sys.prefix, sys.base_prefix, *packages))
    places = dict.fromkeys(place for path in needed for place in (path, path.resolve()))
    return [place for place in places if not any(map(place.is_relative_to, _SHOWN_BY_GNOME))]


def user_folder() -> Path:
    """The folder for data of the user: XDG_DATA_HOME, or what stands for it. Raises OSError without a home folder."""
    folder = Path(os.environ.get("XDG_DATA_HOME", ""))
    if folder.is_absolute():  # the specification wants relative paths ignored
        return folder
    try:
        return Path("~/.local/share").expanduser()
    except RuntimeError as error:
        raise OSError("there is no home folder: set HOME or XDG_DATA_HOME") from error


def system_folder() -> Path:
    """The folder for data of all users: the first of XDG_DATA_DIRS that does not belong to a package manager."""
    given = map(Path, os.environ.get("XDG_DATA_DIRS", "").split(":"))
    folders = [folder for folder in given if folder.is_absolute()] or [Path("/usr/local/share")]
    return next((folder for folder in folders if not _is_managed(folder)), folders[0])


def _is_managed(folder: Path) -> bool:
    return folder.is_relative_to("/usr/share") or bool({"flatpak", "snapd"} & set(folder.parts))


def install(folder: Path, command: Command) -> list[Path]:
    """Writes the files below a folder for data, and updates the MIME database; returns the files.

    Raises OSError: FileExistsError, before anything is written, if a file of the same name is not ours.
    """
    contents = _contents(command)
    updater = _updater()  # raises before anything is written
    paths = [folder / name for name in contents]
    for path in paths:
        if os.path.lexists(path) and not _is_ours(path):
            raise FileExistsError(f"{path} was not written by kpal desktop install: move it away")
    for path, content in zip(paths, contents.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
        path.chmod(0o644)  # root's umask may hide it from all others
    _update(updater, folder)
    return paths


def uninstall(folder: Path) -> list[Path]:
    """Removes our files below a folder for data, and updates the MIME database; returns the files that were there.

    Raises OSError.
    """
    ours = [folder / name for name in (_TYPE, _THUMBNAILER) if _is_ours(folder / name)]
    for path in ours:
        path.unlink()
    if ours or (_in_database(folder) and not os.path.lexists(folder / _TYPE)):
        _update(_updater(), folder)
    return ours


def status(folder: Path) -> dict[Path, State]:
    """The state of each file below a folder for data, and of the MIME database.

    Raises OSError for files that cannot be read.
    """
    command = installed_command(folder)
    contents = _contents(command or own_command())
    states = {folder / name: _state(folder / name, content) for name, content in contents.items()}
    if command and states[folder / _THUMBNAILER] is State.INSTALLED and not command.works():
        states[folder / _THUMBNAILER] = State.STALE
    return states | {folder / _DATABASE: State.INSTALLED if _in_database(folder) else State.UNAWARE}


def installed_command(folder: Path) -> Command | None:
    """How to start the kpal that makes the thumbnails; None if no entry of ours is below the folder for data."""
    path = folder / _THUMBNAILER
    if not _is_ours(path):
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    found = re.search("^TryExec=(.*)$", text, re.MULTILINE)
    return Command(_unescaped(found[1] if found else ""), _MODULE if f" {' '.join(_MODULE)} " in text else ())


def _contents(command: Command) -> dict[Path, bytes]:
    """The files of an installation that starts this command, by their paths relative to a folder for data."""
    templates = Path(__file__).with_name("desktop_files")
    entry = (templates / _THUMBNAILER.name).read_text(encoding="utf-8")
    words = " ".join(map(_quoted, (command.program, *command.arguments)))
    entry = entry.format(program=_escaped(command.program), command=_escaped(words))
    try:
        return {_TYPE: (templates / _TYPE.name).read_bytes(), _THUMBNAILER: entry.encode()}
    except UnicodeEncodeError as error:
        raise OSError("the path of this kpal is not UTF-8, as desktops want it") from error


def _quoted(argument: str) -> str:
    """An argument of a command in a desktop entry, before the escapes of strings."""
    argument = argument.replace("%", "%%")
    return '"' + _ESCAPED.sub(r"\\\1", argument) + '"' if _RESERVED.search(argument) else argument


def _escaped(text: str) -> str:
    """The text as a value of type string."""
    return "".join(_STRING.get(character, character) for character in text)


def _unescaped(text: str) -> str:
    """The text of a value of type string."""
    characters = {escape: character for character, escape in _STRING.items()}
    return re.sub(r"\\.", lambda found: characters.get(found[0], found[0]), text)


def _state(path: Path, content: bytes) -> State:
    if not os.path.lexists(path):
        return State.MISSING
    if not _is_ours(path):
        return State.FOREIGN
    return State.INSTALLED if path.read_bytes() == content else State.OUTDATED


def _is_ours(path: Path) -> bool:
    """Whether a file is there and has our signature."""
    return path.is_file() and _SIGNATURE in path.read_bytes()


def _in_database(folder: Path) -> bool:
    path = folder / _DATABASE
    return path.is_file() and MIME.encode() + b"\0" in path.read_bytes()


def _updater() -> str:
    path = shutil.which(_UPDATER)
    if path is None:
        raise FileNotFoundError(f"the program {_UPDATER} is missing: install the package shared-mime-info")
    return path


def _update(updater: str, folder: Path) -> None:
    done = subprocess.run([updater, folder / "mime"], capture_output=True, timeout=_SECONDS)  # noqa: S603  # no shell
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise OSError(f"{_UPDATER} failed: {reason}")
