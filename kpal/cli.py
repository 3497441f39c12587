"""The command line.

Every command gives exit status 0, 1 (some inputs failed, the rest is done) or 2 (wrong usage); 130 after an interrupt.
Results go to files or standard output, everything said to people goes to standard error, so that both can be piped.
Modules that only one command needs are imported by it: most calls are for one small file.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from kpal_format import CODERS, DEFAULT_CODER, EXTENSION, MAGIC, MAX_COLORS, U8, Info, compiled
from kpal_format import inspect as inspect_file

from . import __version__, batch, jobs
from .codec import encode
from .errors import UnreachableError
from .jobs import Job, UsageError, picture_endings
from .messages import abandon, failures, printable, say, why_unreadable
from .options import DITHER_LEVEL, DITHERS, SPEEDS, Options, Quality
from .palette_files import WRITERS, format_palette, parse_colors, read_palette
from .parser import Parser, Program
from .pixels import to_array
from .precision import DEPTH
from .quantizer import quantize
from .shared import shared_palette
from .space import METRICS
from .transcode import from_kpal, in_depth, large_metadata, open_picture, to_kpal

if TYPE_CHECKING:
    from .compare import Comparison
    from .measure import Report

STRIPPABLE: Final = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp", "text": "text", "dpi": "density"}

_Commands = Any  # argparse keeps the type of its subparsers to itself


def main(arguments: list[str] | None = None) -> int:
    """Run the command line with `arguments`, those of the process by default; returns the exit status."""
    if arguments is None:
        _die_tidily()
        _occupy_standard_streams()
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # what Pillow logs of bad files, it also raises
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names and texts may have what the terminal cannot show
    try:
        with _flushed_output(), large_metadata():
            options = _parser().parse_args(arguments)
            try:
                return int(options.run(options))
            except UsageError as error:
                options.error(str(error))  # which ends the program with that status
                return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except OSError as error:  # of standard output: those of files are met where files are read and written
        if not isinstance(error, BrokenPipeError):  # whoever closed the pipe has seen enough
            say(f"standard output: {error.strerror or error}")
        abandon(sys.stdout)
        return 1


def _die_tidily() -> None:
    """Makes the signals that ask a process to end raise an exception, so that no unfinished file is left over."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, end)


def _occupy_standard_streams() -> None:
    """Opens those descriptors that are closed, so that no file gets their number and what a library prints.

    Nothing can be written to such a standard output: that is an error when something is, as for a full disk.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)  # gets the lowest number that is free
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8")


@contextmanager
def _flushed_output() -> Iterator[None]:
    """Flushes standard output at the end, where an error can still be reported."""
    try:
        yield
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _version() -> str:
    return f"kpal {__version__}, the coders mix and max {'compiled' if compiled() else 'in plain Python, slow'}"


def _parser() -> Program:
    parser = Program(
        prog="kpal",
        usage="%(prog)s COMMAND [OPTIONS] ...",
        description="Images of few colours in few bytes: encode, decode, inspect and compare .kpal files.",
        epilog="""kpal COMMAND --help, or kpal help COMMAND, tells what a command does and takes.

Exit status: 0; 1 if some inputs failed (they are named, and the others are done); 2 for wrong usage.""",
    )
    parser.add_argument("-V", "--version", action="version", version=_version(), help="show the version and exit")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, prog="kpal", parser_class=Parser
    )
    parser.siblings = commands.choices
    for add in (_add_encode, _add_decode, _add_palette, _add_info, _add_compare, _add_demo, _add_help):
        add(commands)
    return parser


def _add_encode(commands: _Commands) -> None:
    parser = _command(commands, "encode", _encode, "images to .kpal", "[OPTIONS] IN [IN ...]")
    parser.description = """Store images as .kpal files, losslessly where they have no more colours than asked for.
Each result is named after its input: .kpal replaces the ending of a picture, and is added to any other name. If two
results would have the same name, the later one keeps the whole name of its input: a.jpg becomes a.kpal, and a.png
becomes a.png.kpal."""
    parser.notes = _endings_note
    parser.epilog = """examples:
  kpal encode chart.png                     writes chart.kpal
  kpal encode -c 64 chart.png -o small.kpal
  kpal encode -Q 60-85 photos/ -o packed/   all images below photos/
  kpal encode --max-bytes 20k chart.png
  kpal encode --palette game.gpl sprites/
  kpal encode - < chart.png > chart.kpal

A quality means what it means to pngquant: from 60 up, about the same SSIMULACRA2 in the mean over images of a kind.
With --metric rgb, 50 is 32 dB of PSNR, 80 is 38, 90 is 42, 95 is 45, and 100 no error. A file that cannot have the
quality or the size that is asked for is named and fails, and nothing is written for it."""
    _add_inputs_and_output(parser, "image files, folders of them, or - for standard input")
    _add_quantization(parser)
    parser.add_argument(
        "--max-bytes",
        metavar="SIZE",
        type=_size,
        help="the size that each file may have, in bytes or as 20k, 20kiB, 1.5M; takes colours away where it must",
    )
    parser.add_argument(
        "--keep-palette",
        action="store_true",
        help="keep the palette and its order as they are; an error for images without one",
    )
    parser.add_argument(
        "--coder",
        choices=CODERS,
        default=DEFAULT_CODER,
        help="how indices are coded: zstd decodes fastest, mix is small, max a little smaller (default: %(default)s)",
    )
    parser.add_argument(
        "--strip",
        metavar="PARTS",
        type=_parts,
        default=(),
        help=f"metadata to leave out, {', '.join(STRIPPABLE)} or all, separated by commas (default: keep all); without "
        "what turns a picture the right way up, its pixels are turned",
    )
    parser.add_argument(
        "--skip-if-larger",
        action="store_true",
        help="write no result that is not smaller than its input; this is reported and is not a failure",
    )
    parser.add_argument(
        "--skip-if-worse",
        action="store_true",
        help="write no result that cannot reach --quality or --max-bytes; this is reported and is not a failure",
    )
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="save the time of decoding each result to check it before it is written",
    )
    parser.add_argument(
        "--json", action="store_true", help="print an object for each file, with sizes, error and times"
    )
    parser.add_argument(
        "--score", action="store_true", help="with --json, add SSIMULACRA2; it needs the package and takes a while"
    )


def _add_decode(commands: _Commands) -> None:
    parser = _command(commands, "decode", _decode, ".kpal to other formats", "[OPTIONS] IN [IN ...]")
    parser.description = (
        "Turn .kpal files into what Pillow writes: an indexed PNG, or what the ending of the output's name says. "
        "What the format cannot hold is named, and so is a change of pixels (JPEG, AVIF)."
    )
    parser.epilog = """examples:
  kpal decode chart.kpal                    writes chart.png
  kpal decode chart.kpal -o chart.webp
  kpal decode packed/ -o plain/ --to gif    every .kpal file below packed/
  kpal decode - < chart.kpal > chart.png"""
    _add_inputs_and_output(parser, ".kpal files, folders of them, or - for standard input")
    parser.add_argument(
        "--to", metavar="FORMAT", type=_ending, help="ending of the output's format: png, gif, webp ... (default: png)"
    )


def _add_palette(commands: _Commands) -> None:
    parser = _command(commands, "palette", _palette, "one palette for many images", "[OPTIONS] IN [IN ...]")
    parser.notes = _endings_note
    parser.description = """Find the palette that suits all images together, to encode each of them with --palette.
Images are read one after the other, so there may be any number of them; large ones count for more."""
    parser.epilog = """examples:
  kpal palette sprites/ -o shared.kpal -c 64
  kpal encode --palette shared.kpal sprites/
  kpal palette photo.jpg -c 8               prints the colours"""
    parser.add_argument("inputs", metavar="IN", nargs="+", help="image files, folders of them, or - for standard input")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help=f"a file that ends with {', '.join(WRITERS)} (default: a colour a line on standard output)",
    )
    _add_search(parser)
    parser.add_argument("-f", "--force", action="store_true", help="overwrite a file that exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary; errors are still shown")


def _add_info(commands: _Commands) -> None:
    parser = _command(commands, "info", _info, "what a .kpal file says of itself", "[--json] FILE")
    parser.description = "Show the header of a .kpal file, without decoding the image."
    parser.add_argument("file", metavar="FILE", help="a .kpal file, or - for standard input")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _add_compare(commands: _Commands) -> None:
    parser = _command(
        commands, "compare", _compare, "sizes beside PNG, WebP and JPEG XL", "[OPTIONS] IMAGE [IMAGE ...]"
    )
    parser.notes = _endings_note
    parser.description = """Quantise each image, store its pixels in every format, and show sizes, times and quality.
Nothing is written. For oxipng, JPEG XL and the perceptual score, install kpal with its extra `compare`."""
    parser.add_argument(
        "inputs", metavar="IMAGE", nargs="+", help="image files, folders of them, or - for standard input"
    )
    _add_quantization(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def _add_demo(commands: _Commands) -> None:
    parser = _command(commands, "demo", _demo, "see it work on a sample picture", "[-f] [FOLDER]")
    parser.description = """Draw a sample picture, encode it, open it through Pillow, check the pixels,
compare with other formats, and leave the files to look at."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        type=Path,
        help="where to put the files (default: a new temporary folder)",
    )
    parser.add_argument("-f", "--force", action="store_true", help="overwrite the files of an earlier demo")


def _add_help(commands: _Commands) -> None:
    parser = _command(commands, "help", _help, "what a command does and takes", "[COMMAND]")
    parser.description = "Show the help of kpal, or of one of its commands."
    parser.add_argument("command", metavar="COMMAND", nargs="?", help="its name")


def _command(commands: _Commands, name: str, run: Callable[[argparse.Namespace], int], help: str, takes: str) -> Parser:
    parser: Parser = commands.add_parser(name, help=help, usage=f"%(prog)s {takes}")
    parser.siblings = commands.choices
    parser.set_defaults(run=run, error=parser.error)
    return parser


def _help(options: argparse.Namespace) -> int:
    parser = _parser()
    if options.command is not None:
        parser.check_command(options.command)
    print((parser.siblings[options.command] if options.command else parser).format_help(), end="")
    return 0


def _endings_note() -> str:
    return f"""A folder stands for the files in it and in its subfolders whose names end with {_list(_endings())}.
A .kpal file beside the picture that it was made from is left out, and so is the output. Links to folders are not
followed."""


def _list(names: Iterable[str]) -> str:
    *first, last = sorted(names)
    return f"{', '.join(first)} or {last}"


def _add_inputs_and_output(parser: argparse.ArgumentParser, inputs: str) -> None:
    parser.add_argument("inputs", metavar="IN", nargs="+", help=inputs)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file, a folder, or - for standard output (default: beside the input, with another ending)",
    )
    parser.add_argument("-f", "--force", action="store_true", help="overwrite files that exist")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary; errors are still shown")


def _add_search(parser: argparse.ArgumentParser) -> None:
    """How images are read, and what the search for a palette takes, under the names that it has in the library."""
    parser.add_argument(
        "-c",
        "--colors",
        metavar="N",
        type=_colors,
        default=MAX_COLORS,
        help="colours at the most (default: %(default)s)",
    )
    parser.add_argument(
        "--depth",
        type=int,
        choices=(DEPTH,),
        help="round images of more than 8 bits a channel to 8, even if that merges some of at most 256 colours (label "
        "maps, masks); by default, such images are refused and others rounded",
    )
    parser.add_argument(
        "--fix",
        metavar="COLORS",
        dest="fixed",
        type=_fixed,
        help="colours that the palette must have: '#rrggbb,#rrggbbaa', or a file as for kpal encode --palette",
    )
    parser.add_argument(
        "--metric",
        choices=METRICS,
        default="perceptual",
        help="what looks best, or the least squared error of RGB values (default: %(default)s)",
    )
    parser.add_argument(
        "--speed", choices=SPEEDS, default="default", help="fast takes about half the time for a little more error"
    )


def _add_quantization(parser: argparse.ArgumentParser) -> None:
    """The options of `quantize`, under their names."""
    _add_search(parser)
    parser.add_argument(
        "-Q",
        "--quality",
        metavar="[MIN-]MAX",
        type=_quality,
        help="the fewest colours that reach MAX, from 0 to 100; a failure where N colours do not reach MIN; without a "
        "MIN, images of at most N colours stay exact (0-80 reduces them, too)",
    )
    parser.add_argument(
        "--palette",
        metavar="FILE",
        type=_palette_file,
        help="use the colours of this palette (.gpl, .act, .aco, .hex) or image with a palette, in their order",
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help="keep what colours are hidden under alpha 0 (default: they become one), and refuse images that would lose "
        "bits (see --depth)",
    )
    parser.add_argument(
        "--dither",
        choices=DITHERS,
        default="none",
        help="hide banding by noise or by a pattern, for larger files (default: %(default)s)",
    )
    parser.add_argument(
        "--dither-level",
        metavar="L",
        type=float,
        default=DITHER_LEVEL,
        help="how much, from 0 to 1 (default: %(default)g)",
    )
    parser.add_argument(
        "--rate",
        metavar="R",
        type=float,
        help="the error that a bit saved is worth, in times the mean; 0.5 to 2 are useful (default: none, but what "
        "--max-bytes takes)",
    )


def _options(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Those of the arguments that have one of these names; UsageError where they contradict each other."""
    chosen = {name: getattr(options, name) for name in names if hasattr(options, name)}
    checked = {field.name: chosen[field.name] for field in fields(Options) if field.name in chosen}
    try:
        Options(**checked)
    except (TypeError, ValueError) as error:
        raise UsageError(_as_options(str(error), checked)) from error
    return chosen


def _as_options(message: str, names: Iterable[str]) -> str:
    """A message of the library with the names of its arguments as those of options, `--max-bytes` for `max_bytes`."""
    pattern = rf"\b({'|'.join(names)})\b(?:=(\d+))?"
    return re.sub(pattern, lambda found: _as_option(found[1]) + (f" {found[2]}" if found[2] else ""), message)


def _as_option(name: str) -> str:
    return "--fix" if name == "fixed" else f"--{name.replace('_', '-')}"


def _colors(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_COLORS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_COLORS}")
    return int(text)


def _quality(text: str) -> Quality:
    match = re.fullmatch(r"(?:([0-9]{1,3})-)?([0-9]{1,3})", text)
    if match is None or not int(match[1] or 0) <= int(match[2]) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not MAX or MIN-MAX, numbers from 0 to 100 such as 85 or 60-85")
    return int(match[2]) if match[1] is None else (int(match[1]), int(match[2]))


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([kM]?)(i?)B?", text)
    size = 0
    if match is not None and (match[2] or not match[3]):
        unit = (1024 if match[3] else 1000) ** ("", "k", "M").index(match[2])
        size = int(Fraction(match[1]) * unit)
    if size < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 20000, 20k, 20kiB or 1.5M")
    return size


def _fixed(text: str) -> U8:
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
    try:
        return read_palette(name)
    except OSError as error:  # which a KpalError is
        raise argparse.ArgumentTypeError(f"{printable(name)}: {why_unreadable(name, error)}") from error


def _parts(text: str) -> tuple[str, ...]:
    names = list(STRIPPABLE) if text == "all" else text.split(",")
    for name in names:
        if name not in STRIPPABLE:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(STRIPPABLE)}, all")
    return tuple(STRIPPABLE[name] for name in names)


def _ending(text: str) -> str:
    ending = "." + text.lower().removeprefix(".")
    try:
        _format(ending)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return ending


def _format(ending: str) -> str:
    """Pillow's name of the format with that ending; UsageError for one that Pillow does not both write and read."""
    name = Image.registered_extensions().get(ending.lower())
    if name is None or name not in Image.SAVE:
        raise UsageError(f"Pillow writes no images with the ending '{printable(ending)}'")
    if name not in Image.OPEN:
        raise UsageError(f"Pillow writes no images with the ending '{printable(ending)}' that it could read again")
    return name


def _encode(options: argparse.Namespace) -> int:
    chosen = _options(options, inspect.signature(encode).parameters)
    if options.score and not options.json:
        raise UsageError("--score is shown by --json")
    reports: list[Report] = []

    def work(job: Job, data: bytes) -> bytes:
        try:
            report = reports.append if options.json else None
            result = to_kpal(data, strip=options.strip, depth=options.depth, report=report, **chosen)
        except UnreachableError as error:
            reason = _as_options(str(error), chosen)
            raise (batch.Skipped if options.skip_if_worse else UnreachableError)(reason) from error
        if options.skip_if_larger and len(result) >= len(data):
            raise batch.Skipped(f"{len(result):,} bytes are no fewer than the {len(data):,} of the input")
        return result

    def tell(ending: batch.Ending) -> None:
        if options.json:
            facts = reports.pop().as_dict(score=options.score) if reports else {}
            print(json.dumps({**ending.as_dict(), **facts}))

    selection = jobs.plan(options.inputs, options.output, _endings(), EXTENSION, in_place=True)
    for ending in _other_endings(selection.jobs, EXTENSION):
        if ending in Image.registered_extensions():
            raise UsageError(f"encode writes {EXTENSION} files, not {ending}; decode turns them into other formats")
    if options.json and any(job.target is None and job.problem is None for job in selection.jobs):
        raise UsageError("--json and an image cannot both go to standard output")
    return batch.run(selection, work, force=options.force, quiet=options.quiet, tell=tell)


def _decode(options: argparse.Namespace) -> int:
    ending = options.to or ".png"

    def work(job: Job, data: bytes) -> bytes:
        return from_kpal(data, _format(job.target.suffix if job.target and job.target.suffix else ending))

    selection = jobs.plan(options.inputs, options.output, frozenset((EXTENSION,)), ending)
    for other in _other_endings(selection.jobs, ending):
        if _format(other) != _format(ending) and options.to:
            raise UsageError(f"--to {options.to} does not go with an output that ends with {other!r}")
    return batch.run(selection, work, force=options.force, quiet=options.quiet, expect=_header)


def _endings() -> frozenset[str]:
    """The endings of the names that count in folders: `.kpal` files are pictures like others."""
    return picture_endings() | {EXTENSION}


def _header(data: bytes) -> Info:
    """What `inspect` gives; ValueError that says what the data are where they are no `.kpal` file."""
    if MAGIC.startswith(data[: len(MAGIC)]):
        return inspect_file(data)
    other = None
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data)) as image:  # Pillow raises nearly every kind
        other = image.format
    if other is None:
        raise ValueError(f"not a {EXTENSION} file: it does not begin with the magic number")
    raise ValueError(f"not a {EXTENSION} file but an image of the format {other}, which kpal encode takes")


def _other_endings(jobs: list[Job], ending: str) -> set[str]:
    """The endings of targets, in lower case, that the caller chose in place of `ending`."""
    return {job.target.suffix.lower() for job in jobs if job.target is not None} - {ending, ""}


def _palette(options: argparse.Namespace) -> int:
    target = None if options.output in (None, jobs.STREAM) else Path(options.output)
    ending = ".hex" if target is None else target.suffix.lower()
    if ending not in WRITERS:
        what = f"as '{printable(ending)}'" if ending else "without an ending"
        raise UsageError(f"palettes are written as {', '.join(WRITERS)}, not {what}")
    chosen = _options(options, list(inspect.signature(shared_palette).parameters)[1:])
    selection = jobs.find(options.inputs, _endings(), options.output)
    if not selection.jobs:
        say(selection.nothing())
        return 1
    if any(replace(job, target=target).replaces_input() for job in selection.jobs):
        raise UsageError("the palette would take the place of an input; name another file with -o")
    read = 0

    def images() -> Iterator[U8]:
        nonlocal read
        for job in batch.progress(selection.jobs, quiet=options.quiet):
            with failures(job.name) as failed:
                data = job.read()
                with open_picture(data) as image:
                    in_depth(image, data, options.depth)
                    pixels = to_array(image)
            if not failed:
                read += 1
                yield pixels

    with failures("palette") as failed:
        result = Job(None, target)
        if target is not None:
            result.check(force=options.force)
        try:
            palette = shared_palette(images(), **chosen)
        except ValueError:
            if read:
                raise
            raise ValueError("none of the images could be read, so that there is no palette") from None
        if target is not None:
            result.write(format_palette(palette, ending))
        else:
            print(format_palette(palette, ending).decode(), end="")
    if not failed and not options.quiet:
        say(f"{len(palette)} colours of {read} of {len(selection.jobs)} images{selection.left_out()}")
    return 0 if not failed and read == len(selection.jobs) else 1


def _info(options: argparse.Namespace) -> int:
    if not options.file:
        raise UsageError("the name of the file is empty")
    job = Job(None) if options.file == jobs.STREAM else Job(Path(options.file), name=printable(options.file))
    with failures(job.name) as failed:
        data = job.read()
        info = _header(data)
    if failed:
        return 1
    if options.json:
        print(json.dumps({"bytes": len(data), **info.as_dict()}, indent=2))
    else:
        _print_info(len(data), info)
    return 0


def _print_info(size: int, info: Info) -> None:
    lines = {
        "format": f"kpal {info.version}",
        "pixels": f"{info.width} x {info.height}",
        "colours": f"{info.colors}{' with alpha' * info.has_alpha}, {info.palette_bytes} bytes",
        "indices": f"{info.coder}, {info.tiles} tile{'s' * (info.tiles != 1)}",
        "file": f"{size:,} bytes",
    }
    if info.metadata.dpi:
        lines["resolution"] = "{:.1f} x {:.1f} dpi".format(*info.metadata.dpi)
    for name in ("icc_profile", "exif", "xmp"):
        if blob := getattr(info.metadata, name):
            lines[name.replace("_", " ")] = f"{len(blob):,} bytes"
    lines |= {f"text {key!r}": repr(value) for key, value in info.metadata.text.items()}
    for name, value in lines.items():
        print(f"{name + ':':<13} {value}")


def _compare(options: argparse.Namespace) -> int:
    from rich.console import Console

    from . import report
    from .compare import compare

    chosen = _options(options, inspect.signature(quantize).parameters)
    console = Console()
    comparisons: list[Comparison] = []
    selection = jobs.find(options.inputs, _endings())
    for job in batch.progress(selection.jobs, quiet=options.json, console=console if console.is_terminal else None):
        with failures(job.name) as failed:
            comparison = compare(job.name, job.read(), depth=options.depth, **chosen)
        if not failed:
            comparisons.append(comparison)
            if not options.json:
                report.show(console, comparison)
    if options.json:
        print(json.dumps(report.as_json(comparisons), indent=2))
    elif len(comparisons) > 1:
        report.show_total(console, comparisons)
    if not selection.jobs:
        say(selection.nothing())
    elif left_out := selection.left_out():
        say(f"{len(comparisons)} of {len(selection.jobs)} files{left_out}")
    return 0 if selection.jobs and len(comparisons) == len(selection.jobs) else 1


def _demo(options: argparse.Namespace) -> int:
    from rich.console import Console

    from . import demo, report
    from .compare import compare

    with failures("demo") as failed:
        folder = options.folder or Path(tempfile.mkdtemp(prefix="kpal-demo-"))
        picture = demo.draw()
        drawn = io.BytesIO()
        picture.save(drawn, "PNG", optimize=True)
        data = to_kpal(drawn.getvalue())
        results = {"sample.png": drawn.getvalue(), "sample.kpal": data, "sample-decoded.png": from_kpal(data, "PNG")}
        files = [(Job(None, folder / name), content) for name, content in results.items()]
        for job, _ in files:
            job.check(force=options.force)
        for job, content in files:
            job.write(content)
        expected = quantize(picture).pixels()
        for name in ("sample.kpal", "sample-decoded.png"):
            with Image.open(folder / name) as opened:
                if not np.array_equal(np.asarray(opened.convert("RGBA")), expected):
                    raise AssertionError(f"{name} does not have the pixels that were encoded")
    if failed:
        return 1
    report.show(Console(), compare("sample.png", drawn.getvalue(), colors=MAX_COLORS))
    print(f"\nPillow opened sample.kpal, and its pixels are right. Look at the files in {printable(folder)}")
    return 0
