"""`kpal desktop`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kpal_plugins import desktop

from ..batch.messages import failures, printable
from .arguments import Commands, add_command


def add(commands: Commands) -> None:
    takes = "install|uninstall|status [--user|--system]"
    parser = add_command(commands, "desktop", run, "thumbnails and file type on Linux and BSD", takes)
    parser.description = """Teach the file managers of Linux and BSD desktops what a .kpal file is and how to draw its
thumbnail: install writes an entry for the shared MIME database and a thumbnailer entry that starts this kpal, uninstall
removes them, and status shows what is there. Only files written by install are ever replaced or removed."""
    parser.epilog = """install and status say what each desktop needs: GNOME, a kpal below /usr; KDE, previews that its
settings switch on.

Exit status of status: 0 if everything is installed, for the user or for all users, and 1 if not."""
    parser.add_argument("action", choices=tuple(_ACTIONS), help="what to do")
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--user", action="store_true", help="for yourself, in XDG_DATA_HOME (default)")
    scope.add_argument("--system", action="store_true", help="for all users, in XDG_DATA_DIRS")


def run(options: argparse.Namespace) -> int:
    status = 1
    with failures(f"desktop {options.action}"):
        if not sys.platform.startswith(desktop.SYSTEMS):
            raise OSError(_ELSEWHERE)
        try:
            status = _ACTIONS[options.action](options)
        except PermissionError as error:
            hint = "; --system needs root" if options.system else ""
            raise OSError(f"{error.filename}: {error.strerror}{hint}") from error
    return status


def _install(options: argparse.Namespace) -> int:
    command = desktop.own_command()
    for path in desktop.install(_folder(options), command):
        print(f"wrote {printable(path)}")
    _explain(command)
    return 0


def _uninstall(options: argparse.Namespace) -> int:
    folder = _folder(options)
    removed = desktop.uninstall(folder)
    for path in removed:
        print(f"removed {printable(path)}")
    if not removed:
        print(f"there is nothing of kpal below {printable(folder)}")
    return 0


def _status(options: argparse.Namespace) -> int:
    chosen = options.user or options.system
    folders = [_folder(options)] if chosen else [desktop.user_folder(), desktop.system_folder()]
    working = [folder for folder in folders if _report(folder)]
    return 0 if working else 1


def _report(folder: Path) -> bool:
    """Prints the state of the files below a folder for data; returns whether kpal is installed there."""
    states = desktop.status(folder)
    command = desktop.installed_command(folder)
    print(f"{printable(folder)}:")
    for path, state in states.items():
        print(f"  {printable(path.relative_to(folder))}: {state}")
    if command is not None:
        print(f"  thumbnails come from {printable(command.program)}")
    complete = all(state is desktop.State.INSTALLED for state in states.values())
    if complete and command == desktop.own_command():
        _explain(command)
    return complete


def _folder(options: argparse.Namespace) -> Path:
    return desktop.system_folder() if options.system else desktop.user_folder()


def _explain(command: desktop.Command) -> None:
    """Prints what desktops still need."""
    hidden = desktop.hidden_from_gnome(command)
    print(f"GNOME: {_HIDDEN.format(path=printable(hidden[0])) if hidden else _SHOWN}")
    print(f"KDE: {_KDE}")
    print("Xfce, Cinnamon, MATE, LXQt: restart the file manager.")


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "install": _install,
    "uninstall": _uninstall,
    "status": _status,
}

_ELSEWHERE: Final = (
    "this is for the desktops of Linux and BSD; those of macOS and Windows take no thumbnails from a Python program. "
    "kpal thumbnail and kpal decode make PNG files everywhere"
)
_SHOWN: Final = "restart the file manager."
_HIDDEN: Final = (
    "no thumbnails, because its sandbox shows only what is below /usr, and not {path}. Install kpal below /usr, as "
    "in docs/desktop.md."
)
_KDE: Final = (
    "restart Dolphin, and switch on previews of KPAL images in its settings. KDE Frameworks before autumn 2024 draw "
    "thumbnails only with plugins in C++, and kpal has none."
)
