"""The command line.

Every command has exit status 0, 1 (some inputs failed, the rest is done) or 2 (wrong usage); 130 after an interrupt.
Results go to files or standard output and messages to standard error, so that both can be piped. Modules are imported
where they are needed, because start-up time matters for a small file.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Final

from kpal_format import compiled

from .. import __version__
from ..batch.messages import BatchError, abandon, say
from ..errors import UnreachableError
from .parser import Parser, Program

if TYPE_CHECKING:
    from .arguments import Commands

_COMMANDS: Final = ("encode", "decode", "palette", "info", "show", "compare", "demo", "thumbnail", "desktop")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line with `arguments`, by default the arguments of the process; returns the exit status."""
    if arguments is None:
        _die_tidily()
        _occupy_standard_streams()
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # Pillow logs errors that it also raises
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal's encoding may lack characters of names
    try:
        with _flushed_output():
            return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except (BatchError, UnreachableError) as error:
        say(str(error))
        return 1
    except OSError as error:  # from standard output, as errors of files are handled where they occur
        if not isinstance(error, BrokenPipeError):  # the reader of the pipe wants no more output
            say(f"standard output: {error.strerror or error}")
        abandon(sys.stdout)
        return 1


def _run(words: list[str]) -> int:
    if words in (["-V"], ["--version"]):  # before all that the commands need is loaded
        print(_version())
        sys.exit(0)
    if words[:1] == ["thumbnail"]:  # file managers start it for every file
        return _obey(_parser(["thumbnail"]), words)
    from ..image_files.pillow_limits import large_metadata

    with large_metadata():
        return _obey(_parser(_COMMANDS), words)


def _obey(parser: Program, words: list[str]) -> int:
    from ..batch.jobs import UsageError

    options = parser.parse_args(words)
    try:
        return int(options.run(options))
    except UsageError as error:
        options.error(str(error))  # which ends the program with that status
        return 2


def _die_tidily() -> None:
    """Makes signals that terminate the process raise an exception, so that no unfinished files are left."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, end)


def _occupy_standard_streams() -> None:
    """Opens closed standard descriptors, so that no file gets such a number and receives what a library prints.

    A closed standard output is opened for reading, so that writing to it is an error, as for a full disk.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8")


@contextmanager
def _flushed_output() -> Iterator[None]:
    """Flushes standard output at the end, while an error can still be reported."""
    try:
        yield
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _version() -> str:
    return f"kpal {__version__}, the coders mix and max {'compiled' if compiled() else 'in plain Python, slow'}"


def _parser(names: Sequence[str]) -> Program:
    """The parser with the commands of these names, each a module of this package."""
    parser = Program(
        prog="kpal",
        usage="%(prog)s COMMAND [OPTIONS] ...",
        description="Encode, decode, inspect and compare .kpal files: compact images of at most 256 colours.",
        epilog="""kpal COMMAND --help, or kpal help COMMAND, explains a command and its options.

Exit status: 0 on success; 1 if some inputs failed (each is named, and the others are done); 2 for wrong usage.""",
    )
    parser.add_argument("-V", "--version", action="version", version=_version(), help="show the version and exit")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, prog="kpal", parser_class=Parser
    )
    parser.siblings = commands.choices
    for name in names:
        import_module(f"..{name}", __name__).add(commands)
    _add_help(commands)
    return parser


def _add_help(commands: Commands) -> None:
    from .arguments import add_command

    parser = add_command(commands, "help", _help, "explain a command and its options", "[COMMAND]")
    parser.description = "Show the help of kpal, or of one of its commands."
    parser.add_argument("command", metavar="COMMAND", nargs="?", help="the name of the command")


def _help(options: argparse.Namespace) -> int:
    parser = _parser(_COMMANDS)
    if options.command is not None:
        parser.check_command(options.command)
    print((parser.siblings[options.command] if options.command else parser).format_help(), end="")
    return 0
