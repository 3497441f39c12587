"""Arguments shared by several commands: inputs, outputs, and the options of the library."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kpal_format import EXTENSION, MAX_COLORS, MAX_PIXELS, U8

from ..batch.jobs import STREAM, Job, UsageError, picture_endings
from ..batch.messages import printable, why_unreadable
from ..batch.progress import HOW
from ..image_files.precision import DEPTH
from ..stores import Place, Remote, place
from .parser import Parser

if TYPE_CHECKING:
    from ..quantizer.options import PaletteOptions, Quality

_NUMBER: Final = r"([0-9]{1,12}(?:\.[0-9]{1,6})?)"

Commands = Any  # the type of subparsers is private to argparse


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], help: str, takes: str
) -> Parser:
    """Add a command. `run` executes it and returns the exit status; `takes` is the usage after the command's name."""
    parser: Parser = commands.add_parser(name, help=help, usage=f"%(prog)s {takes}")
    parser.siblings = commands.choices
    parser.set_defaults(run=run, error=parser.error)
    return parser


def add_inputs(parser: Parser, metavar: str = "IN", *, optional: bool = False) -> None:
    """Add the images that a command reads."""
    parser.add_argument(
        "inputs",
        metavar=metavar,
        nargs="*" if optional else "+",
        help="image files, folders of them, or - for standard input",
    )


def add_force(parser: Parser) -> None:
    """Add the options common to all commands that write files."""
    parser.add_argument("-f", "--force", action="store_true", help="overwrite existing files")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary; still warnings and errors")
    add_progress(parser)


def add_progress(parser: Parser) -> None:
    """Add the option for how progress is displayed."""
    parser.add_argument(
        "--progress",
        dest="display",  # `progress` is an option of the library
        choices=HOW,
        default=HOW[0],
        help="show progress as a bar, or as plain lines now and then, which suits logs (default: auto, a bar in a "
        "terminal and plain lines elsewhere)",
    )


def add_output(parser: Parser) -> None:
    """Add the output and the options of commands that write files."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file, a folder, or - for standard output (default: beside the input, with the new ending)",
    )
    add_force(parser)


def add_depth(parser: Parser) -> None:
    """Add the option for images of more than 8 bits a channel."""
    parser.add_argument(
        "--depth",
        type=int,
        choices=(DEPTH,),
        help="round images of more than 8 bits a channel to 8 even if they have at most 256 colours and some would "
        "merge (label maps, masks); by default, such images are refused and all others rounded",
    )


def add_max_pixels(parser: Parser, default: int = MAX_PIXELS) -> None:
    """Add the limit for the pixels of an image."""
    parser.add_argument(
        "--max-pixels",
        metavar="N",
        type=_pixels,
        default=default,
        help="refuse images of more pixels, as they may be made to exhaust memory and time: a number such as 500M or "
        f"2G, or none for files that you trust (default: {default:,})",
    )


def add_strips_from(parser: Parser) -> None:
    """Add the number of pixels from which images are encoded by strips."""
    parser.add_argument(
        "--strips-from",
        metavar="N",
        type=_pixels,
        default=MAX_PIXELS,
        help="encode still PNG, TIFF and raw PPM files of more pixels by strips, so that they need not fit into "
        "memory, with the palette that suits all strips; no quality, rate, dithering, --max-bytes, --exact, "
        "--keep-palette and --score; none to hold every image in memory, about 30 bytes a pixel "
        f"(default: {MAX_PIXELS:,})",
    )


def add_pages(parser: Parser) -> None:
    """Add the option for documents of several pages."""
    parser.add_argument(
        "--pages", action="store_true", help="take the pages of a TIFF file for the frames of an animation"
    )


def add_options(parser: Parser, kind: type[PaletteOptions], *, without: Collection[str] = ()) -> None:
    """Add the options of the library that have a help text, with their names in the library."""
    for each in fields(kind):
        about = each.metadata
        if about["help"] is None or each.name in without:
            continue
        names = [*about.get("short", ()), about.get("name") or as_option(each.name)]
        if isinstance(each.default, bool):
            parser.add_argument(*names, dest=each.name, action="store_true", help=about["help"])
            continue
        parser.add_argument(
            *names,
            dest=each.name,
            default=each.default,
            choices=about.get("choices"),
            metavar=about.get("metavar"),
            type=_PARSERS.get(each.name) or about.get("parse", str),
            help=about["help"] + " (default: %(default)s)" * (each.default is not None),
        )


def chosen_options(given: argparse.Namespace, kind: type[PaletteOptions]) -> dict[str, Any]:
    """The arguments that are fields of the options class `kind`; UsageError if they contradict each other."""
    chosen = {each.name: getattr(given, each.name) for each in fields(kind) if hasattr(given, each.name)}
    try:
        kind(**chosen)
    except (TypeError, ValueError) as error:
        raise UsageError(in_option_names(str(error), chosen)) from error
    return chosen


def in_option_names(message: str, names: Iterable[str]) -> str:
    """A message of the library with argument names replaced by option names: `--max-bytes` for `max_bytes`."""
    pattern = rf"\b({'|'.join(names)})\b(?:=(\d+))?"
    return re.sub(pattern, lambda found: as_option(found[1]) + (f" {found[2]}" if found[2] else ""), message)


def as_option(name: str) -> str:
    """The command-line option for an argument of the library."""
    return "--fix" if name == "fixed" else f"--{name.replace('_', '-')}"


def picture_names() -> frozenset[str]:
    """The endings of files that count in folders: pictures, including `.kpal` files."""
    return picture_endings() | {EXTENSION}


def endings_note() -> str:
    """The part of a help text that says which files in a folder count."""
    return f"""A folder stands for all files in it and in its subfolders whose names end with {_list(picture_names())}.
A .kpal file beside the picture from which it was made is left out, and so is the output. Links to folders are not
followed."""


def _list(names: Iterable[str]) -> str:
    *first, last = sorted(names)
    return f"{', '.join(first)} or {last}"


def other_endings(jobs: list[Job], ending: str) -> set[str]:
    """The endings of targets, in lower case, other than `ending`."""
    return {job.target.suffix.lower() for job in jobs if job.target is not None} - {ending, ""}


def file_job(name: str, target: Place | None = None) -> Job:
    """The job of one file, or of standard input; UsageError for an empty name."""
    if not name:
        raise UsageError("the name of the file is empty")
    source = place(name)
    return Job(None, target) if name == STREAM else Job(source, target, printable(name), Path(source.name))


def _colors(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_COLORS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_COLORS}")
    return int(text)


def whole(text: str) -> int:
    """A number, 1 or more."""
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def frame(text: str) -> int:
    """The number of a frame, negative from the end."""
    if re.fullmatch("-?[0-9]{1,9}", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a frame, such as 0 or -1")
    return int(text)


def _quality(text: str) -> Quality:
    match = re.fullmatch(r"(?:([0-9]{1,3})-)?([0-9]{1,3})", text)
    if match is None or not int(match[1] or 0) <= int(match[2]) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not MAX or MIN-MAX, numbers from 0 to 100 such as 85 or 60-85")
    return int(match[2]) if match[1] is None else (int(match[1]), int(match[2]))


def _pixels(text: str) -> int | None:
    if text == "none":
        return None
    match = re.fullmatch(rf"{_NUMBER} ?([kMG]?)", text)
    pixels = 0 if match is None else _product(match[1], 1000, match[2])
    if pixels < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of pixels such as 500M, 2G or 100000000, or none")
    return pixels


def size(text: str) -> int:
    """A number of bytes, 1 or more."""
    match = re.fullmatch(rf"{_NUMBER} ?([kMG]?)(i?)B?", text)
    found = 0
    if match is not None and (match[2] or not match[3]):
        found = _product(match[1], 1024 if match[3] else 1000, match[2])
    if found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 20000, 20k, 20kiB or 1.5M")
    return found


def _product(number: str, base: int, prefix: str) -> int:
    return int(Fraction(number) * base ** ("", "k", "M", "G").index(prefix))


def _fixed(text: str) -> U8:
    from ..color.palette_files import parse_colors

    colors = parse_colors(text)
    if colors is not None:
        return colors
    try:
        return _palette_file(text)
    except argparse.ArgumentTypeError as error:
        if os.path.lexists(text):
            raise
        raise argparse.ArgumentTypeError(f"{error}; colours are written as #ff8800,#00ff0080") from error


def _palette_file(name: str) -> U8:
    from ..color.palette_files import parse_palette, read_palette

    try:
        if isinstance(source := place(name), Remote):
            return parse_palette(source.read_bytes(), source.suffix)
        return read_palette(name)
    except OSError as error:  # which a KpalError is
        raise argparse.ArgumentTypeError(f"{printable(name)}: {why_unreadable(name, error)}") from error


# Parsers of the options whose values are not plain numbers, flags or choices.
_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "colors": _colors,
    "fixed": _fixed,
    "max_bytes": size,
    "palette": _palette_file,
    "quality": _quality,
}
