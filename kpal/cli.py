"""The command line.

Every command gives exit status 0, 1 (some inputs failed, the rest is done) or 2 (wrong usage); 130 after an interrupt.
Results go to files or standard output, everything said to people goes to standard error, so that both can be piped.
Modules that only one command needs are imported by it: most calls are for one small file.
"""

from __future__ import annotations

import argparse
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
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from kpal_format import CODERS, DEFAULT_CODER, EXTENSION, MAX_COLORS, U8, Info, compiled
from kpal_format import inspect as inspect_file

from . import __version__, batch
from .codec import encode
from .errors import UnreachableError
from .options import DITHER_LEVEL, DITHERS, SPEEDS, Options
from .palette_files import WRITERS, format_palette, parse_colors, read_palette
from .pixels import to_array
from .quantizer import quantize
from .shared import shared_palette
from .space import METRICS
from .transcode import from_kpal, open_picture, to_kpal

if TYPE_CHECKING:
    from .compare import Comparison
    from .measure import Report

# What people keep pictures of few colours in; a folder may hold much else that Pillow would open.
IMAGES: Final = frozenset(
    (
        *(".png", ".apng", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".jpg", ".jpeg"),
        *(".jxl", ".avif", ".tga", ".pcx", ".ico", ".ppm", ".pgm", ".pbm"),
    )
)
STRIPPABLE: Final = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp", "text": "text", "dpi": "density"}

_Commands = Any  # argparse keeps the type of its subparsers to itself


def main(arguments: list[str] | None = None) -> int:
    """Run the command line with `arguments`, those of the process by default; returns the exit status."""
    if arguments is None:
        _die_tidily()
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # what Pillow logs of bad files, it also raises
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names and texts may have what the terminal cannot show
    try:
        with _flushed_output():
            options = _parser().parse_args(arguments)
            try:
                return int(options.run(options))
            except batch.UsageError as error:
                options.error(str(error))  # which ends the program with that status
                return 2
    except KeyboardInterrupt:
        batch.say("interrupted")
        return 130
    except OSError as error:  # of standard output: those of files are met where files are read and written
        if not isinstance(error, BrokenPipeError):  # whoever closed the pipe has seen enough
            batch.say(f"standard output: {error.strerror or error}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at exit
        return 1


def _die_tidily() -> None:
    """Makes the signals that ask a process to end raise an exception, so that no unfinished file is left over."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kpal",
        description="Images of few colours in few bytes: encode, decode, inspect and compare .kpal files.",
        epilog="Exit status: 0; 1 if some inputs failed (the others are done); 2 for wrong usage.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_encode, _add_decode, _add_palette, _add_info, _add_compare, _add_demo):
        add(commands)
    return parser


def _add_encode(commands: _Commands) -> None:
    parser = _command(commands, "encode", _encode, "images to .kpal")
    parser.description = "Store images as .kpal files, losslessly where they have no more colours than asked for."
    parser.epilog = """examples:
  kpal encode chart.png                     writes chart.kpal
  kpal encode -c 64 chart.png -o small.kpal
  kpal encode -Q 60-85 photos/ -o packed/   every image below photos/, each in as few colours as will do
  kpal encode --max-bytes 20k chart.png
  kpal encode --palette game.gpl sprites/
  kpal encode - < chart.png > chart.kpal

Quality 50 is 32 dB of PSNR, 80 is 38, 90 is 42, 95 is 45, and 100 no error: with --metric rgb for each image,
otherwise in the mean. From 65 up it is close to pngquant's. A file that cannot have the quality or the size that is
asked for is named and fails, and nothing is written for it."""
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
        help="how indices are coded: zstd decodes fastest; fast is a quarter smaller; mix saves another seventh "
        "and takes some six times as long to decode; max is a little smaller still (default: %(default)s)",
    )
    parser.add_argument(
        "--strip",
        metavar="PARTS",
        type=_parts,
        default=(),
        help=f"metadata to leave out, {', '.join(STRIPPABLE)} or all, separated by commas (default: keep all)",
    )
    parser.add_argument(
        "--skip-if-larger",
        action="store_true",
        help="write no file that is not smaller than the input; that is said, and no failure",
    )
    parser.add_argument(
        "--skip-if-worse",
        action="store_true",
        help="where --quality or --max-bytes cannot be reached, say so and go on: no failure",
    )
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not decode each file to see that it is right before it takes its name; saves that time",
    )
    parser.add_argument(
        "--json", action="store_true", help="print an object for each file, with sizes, error and times"
    )
    parser.add_argument(
        "--score", action="store_true", help="with --json, add SSIMULACRA2; it needs the package and takes a while"
    )


def _add_decode(commands: _Commands) -> None:
    parser = _command(commands, "decode", _decode, ".kpal to other formats")
    parser.description = (
        "Turn .kpal files into what Pillow writes: an indexed PNG, or what the ending of the output's name says."
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
    parser = _command(commands, "palette", _palette, "one palette for many images")
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
    parser = _command(commands, "info", _info, "what a .kpal file says of itself")
    parser.description = "Show the header of a .kpal file, without decoding the image."
    parser.add_argument("file", metavar="FILE", help="a .kpal file, or - for standard input")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _add_compare(commands: _Commands) -> None:
    parser = _command(commands, "compare", _compare, "sizes beside PNG, WebP and JPEG XL")
    parser.description = """Quantise each image, store its pixels in every format, and show sizes, times and quality.
Nothing is written. For oxipng, JPEG XL and the perceptual score, install kpal with its extra `compare`."""
    parser.add_argument(
        "inputs", metavar="IMAGE", nargs="+", help="image files, folders of them, or - for standard input"
    )
    _add_quantization(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def _add_demo(commands: _Commands) -> None:
    parser = _command(commands, "demo", _demo, "see it work on a sample picture")
    parser.description = """Draw a sample picture, encode it, open it through Pillow, check the pixels,
compare with other formats, and leave the files to look at."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        type=Path,
        help="where to put the files (default: a new temporary folder)",
    )


def _command(
    commands: _Commands, name: str, run: Callable[[argparse.Namespace], int], help: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run, error=parser.error)
    return parser


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
    """What the search for a palette takes, under the names that it has in the library."""
    parser.add_argument(
        "-c",
        "--colors",
        metavar="N",
        type=_colors,
        default=MAX_COLORS,
        help="colours at the most (default: %(default)s)",
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
        metavar="MIN-MAX",
        type=_quality,
        help="the fewest colours that reach MAX, from 0 to 100; a failure where N colours do not reach MIN",
    )
    parser.add_argument(
        "--palette",
        metavar="FILE",
        type=_palette_file,
        help="use the colours of this palette (.gpl, .act, .aco, .hex) or image with a palette, in their order",
    )
    parser.add_argument(
        "--exact", action="store_true", help="keep what colours are hidden under alpha 0 (default: they become one)"
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
    try:
        Options(**{field.name: chosen[field.name] for field in fields(Options) if field.name in chosen})
    except (TypeError, ValueError) as error:
        raise batch.UsageError(str(error)) from error
    return chosen


def _colors(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_COLORS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_COLORS}")
    return int(text)


def _quality(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,3})-([0-9]{1,3})", text)
    if match is None or not int(match[1]) <= int(match[2]) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not MIN-MAX, two numbers from 0 to 100 such as 60-85")
    return int(match[1]), int(match[2])


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
    return _palette_file(text) if colors is None else colors


def _palette_file(name: str) -> U8:
    try:
        return read_palette(name)
    except OSError as error:  # which a KpalError is
        raise argparse.ArgumentTypeError(f"{name}: {error.strerror or error}") from error


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
    except batch.UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return ending


def _format(ending: str) -> str:
    """Pillow's name of the format with that ending; UsageError for one that Pillow does not both write and read."""
    name = Image.registered_extensions().get(ending.lower())
    if name not in Image.SAVE or name not in Image.OPEN:
        raise batch.UsageError(f"Pillow writes no images with the ending {ending!r}")
    return name


def _encode(options: argparse.Namespace) -> int:
    chosen = _options(options, inspect.signature(encode).parameters)
    if options.score and not options.json:
        raise batch.UsageError("--score is shown by --json")
    reports: list[Report] = []

    def work(job: batch.Job, data: bytes) -> bytes:
        try:
            result = to_kpal(data, strip=options.strip, report=reports.append if options.json else None, **chosen)
        except UnreachableError as error:
            if options.skip_if_worse:
                raise batch.Skipped(str(error)) from error
            raise
        if options.skip_if_larger and len(result) >= len(data):
            raise batch.Skipped(f"{len(result):,} bytes are no fewer than the {len(data):,} of the input")
        return result

    def tell(ending: batch.Ending) -> None:
        if options.json:
            facts = reports.pop().as_dict(score=options.score) if reports else {}
            print(json.dumps({**ending.as_dict(), **facts}))

    jobs = batch.plan(options.inputs, options.output, IMAGES, EXTENSION)
    for ending in _other_endings(jobs, EXTENSION):
        if ending in Image.registered_extensions():
            raise batch.UsageError(
                f"encode writes {EXTENSION} files, not {ending}; decode turns them into other formats"
            )
    if options.json and any(job.target is None for job in jobs):
        raise batch.UsageError("--json and an image cannot both go to standard output")
    return batch.run(jobs, work, force=options.force, quiet=options.quiet, tell=tell)


def _decode(options: argparse.Namespace) -> int:
    ending = options.to or ".png"

    def work(job: batch.Job, data: bytes) -> bytes:
        return from_kpal(data, _format(job.target.suffix if job.target and job.target.suffix else ending))

    jobs = batch.plan(options.inputs, options.output, frozenset((EXTENSION,)), ending)
    for other in _other_endings(jobs, ending):
        if _format(other) != _format(ending) and options.to:
            raise batch.UsageError(f"--to {options.to} does not go with an output that ends with {other!r}")
    return batch.run(jobs, work, force=options.force, quiet=options.quiet)


def _other_endings(jobs: list[batch.Job], ending: str) -> set[str]:
    """The endings of targets, in lower case, that the caller chose in place of `ending`."""
    return {job.target.suffix.lower() for job in jobs if job.target is not None} - {ending, ""}


def _palette(options: argparse.Namespace) -> int:
    if options.output is not None and (ending := Path(options.output).suffix.lower()) not in WRITERS:
        raise batch.UsageError(f"palettes are written as {', '.join(WRITERS)}, not as {ending!r}")
    chosen = _options(options, list(inspect.signature(shared_palette).parameters)[1:])
    found = batch.sources(options.inputs, IMAGES | {EXTENSION})
    if not found:
        batch.say("no images found")
        return 1
    read = 0

    def images() -> Iterator[U8]:
        nonlocal read
        for job in batch.progress([batch.Job(source, None) for source, _ in found], quiet=options.quiet):
            with batch.failures(job.name) as failed, open_picture(job.read()) as image:
                pixels = to_array(image)
            if not failed:
                read += 1
                yield pixels

    with batch.failures(options.output or "palette") as failed:
        target = batch.Job(None, options.output and Path(options.output))
        if target.target:
            target.check(force=options.force)
        palette = shared_palette(images(), **chosen)
        if target.target:
            target.write(format_palette(palette, ending))
        else:
            print(format_palette(palette, ".hex").decode(), end="")
    if not failed and not options.quiet:
        batch.say(f"{len(palette)} colours of {read} of {len(found)} images")
    return 0 if not failed and read == len(found) else 1


def _info(options: argparse.Namespace) -> int:
    source = None if options.file == batch.STREAM else Path(options.file)
    job = batch.Job(source, None)
    with batch.failures(job.name) as failed:
        data = job.read()
        info = inspect_file(data)
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
    jobs = [batch.Job(source, None) for source, _ in batch.sources(options.inputs, IMAGES | {EXTENSION})]
    for job in batch.progress(jobs, quiet=options.json, console=console if console.is_terminal else None):
        with batch.failures(job.name) as failed:
            comparison = compare(job.name, job.read(), **chosen)
        if not failed:
            comparisons.append(comparison)
            if not options.json:
                report.show(console, comparison)
    if options.json:
        print(json.dumps(report.as_json(comparisons), indent=2))
    elif len(comparisons) > 1:
        report.show_total(console, comparisons)
    if not jobs:
        batch.say("no images found")
    return 0 if jobs and len(comparisons) == len(jobs) else 1


def _demo(options: argparse.Namespace) -> int:
    from rich.console import Console

    from . import demo, report
    from .compare import compare

    with batch.failures("demo") as failed:
        folder = options.folder or Path(tempfile.mkdtemp(prefix="kpal-demo-"))
        picture = demo.draw()
        drawn = io.BytesIO()
        picture.save(drawn, "PNG", optimize=True)
        data = to_kpal(drawn.getvalue())
        results = {"sample.png": drawn.getvalue(), "sample.kpal": data, "sample-decoded.png": from_kpal(data, "PNG")}
        for name, content in results.items():
            job = batch.Job(None, folder / name)
            job.check(force=False)
            job.write(content)
        expected = quantize(picture).pixels()
        for name in ("sample.kpal", "sample-decoded.png"):
            with Image.open(folder / name) as opened:
                if not np.array_equal(np.asarray(opened.convert("RGBA")), expected):
                    raise AssertionError(f"{name} does not have the pixels that were encoded")
    if failed:
        return 1
    report.show(Console(), compare("sample.png", drawn.getvalue(), colors=MAX_COLORS))
    print(f"\nPillow opened sample.kpal, and its pixels are right. Look at the files in {batch.printable(folder)}")
    return 0
