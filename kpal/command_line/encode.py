"""`kpal encode`."""

from __future__ import annotations

import argparse
import re
from fractions import Fraction
from functools import partial
from typing import Any, Final

from PIL import Image

from kpal_format import EXTENSION

from ..batch import runner
from ..batch.budget import Budgeted, WithBudget
from ..batch.frame_files import FASTEST, Motion
from ..batch.jobs import PICTURES, STREAM, UsageError, sequence
from ..batch.messages import printable, why_unreadable
from ..batch.transcode import Encoding
from ..codec import EncodeOptions
from ..stores import kind_of, place
from .arguments import (
    Commands,
    add_command,
    add_depth,
    add_inputs,
    add_max_pixels,
    add_options,
    add_output,
    add_pages,
    add_strips_from,
    chosen_options,
    endings_note,
    frame,
    in_option_names,
    other_endings,
    size,
    whole,
)
from .batches import add_way, chosen_way, print_json, selected
from .parser import Parser

STRIPPABLE: Final = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp", "text": "text", "dpi": "density"}


def add(commands: Commands) -> None:
    parser = add_command(commands, "encode", run, "images to .kpal", "[OPTIONS] IN [IN ...]")
    parser.description = """Convert images to .kpal files of at most N colours, losslessly if they have no more.
Each result is named after its input: .kpal replaces the ending of a picture, and is appended to any other name. If two
results would have the same name, the later one keeps the whole name of its input: a.jpg becomes a.kpal, and a.png
becomes a.png.kpal."""
    parser.notes = endings_note
    parser.epilog = """examples:
  kpal encode chart.png                     writes chart.kpal
  kpal encode -c 64 chart.png -o small.kpal
  kpal encode -Q 60-85 photos/ -o packed/   all images below photos/
  kpal encode --max-bytes 20k chart.png
  kpal encode --total-max-bytes 1M sprites/ the best sprites that fit into a MB
  kpal encode --palette game.gpl sprites/
  kpal encode dance.gif                     an animation
  kpal encode --fps 12 frames/ -o walk.kpal the same, of the files of a folder
  kpal encode - < chart.png > chart.kpal

A quality means about the same as in pngquant: from 60 up, the same mean SSIMULACRA2 over images of a kind. With
--metric rgb, 50 is a PSNR of 32 dB, 80 is 38 dB, 90 is 42 dB, 95 is 45 dB, and 100 is no error. An image that cannot
reach the requested quality or size fails, and no file is written for it."""
    add_inputs(parser, optional=True)
    add_output(parser)
    add_way(parser)
    add_depth(parser)
    add_max_pixels(parser)
    add_strips_from(parser)
    add_options(parser, EncodeOptions)
    _add_motion(parser)
    parser.add_argument(
        "--total-max-bytes",
        metavar="SIZE",
        type=size,
        help="maximum size of all results together: spends the bytes where they save the most error; takes some 10 "
        "times as long",
    )
    parser.add_argument(
        "--strip",
        metavar="PARTS",
        type=_parts,
        default=(),
        help=f"metadata to leave out: {', '.join(STRIPPABLE)} or all, separated by commas (default: keep all); if this "
        "removes the orientation, the pixels are turned instead",
    )
    parser.add_argument(
        "--skip-if-larger",
        action="store_true",
        help="write a result only if it is smaller than its input; a skipped file is reported, but is no failure",
    )
    parser.add_argument(
        "--skip-if-worse",
        action="store_true",
        help="skip images that cannot reach --quality or --max-bytes; a skipped file is reported, but is no failure",
    )
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not decode each result to check it before it is written, which saves time",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object for each file, with sizes, error and times"
    )
    parser.add_argument(
        "--score", action="store_true", help="with --json, add the SSIMULACRA2 score; slow, needs the extra `compare`"
    )


def _add_motion(parser: Parser) -> None:
    """Add the options of animations."""
    parser.add_argument(
        "--fps",
        metavar="N",
        type=_fps,
        help="make one animation of all inputs, whose pictures are its frames, N frames a second; files of a folder "
        "are sorted by the numbers in their names",
    )
    parser.add_argument(
        "--durations",
        metavar="MS",
        type=_durations,
        default=(),
        help="the same, but show each frame for so many milliseconds: one number, one for each frame, separated by "
        "commas, or a file of them",
    )
    parser.add_argument(
        "--loop",
        metavar="N",
        type=_count,
        help="how many times an animation is shown; 0 for ever (default: as the input says, or for ever)",
    )
    parser.add_argument(
        "--restart",
        metavar="N",
        type=whole,
        help="make it possible to begin decoding an animation at every Nth frame, for larger files",
    )
    parser.add_argument(
        "--frame", metavar="N", type=frame, help="encode only frame N, from 0, or from the end if negative"
    )
    add_pages(parser)


def run(options: argparse.Namespace) -> int:
    chosen = chosen_options(options, EncodeOptions)
    motion = _motion(options)
    if options.score and not options.json:
        raise UsageError("--score is shown by --json: add --json")
    made: dict[str, Any] = {} if options.total_max_bytes is None else {"total": options.total_max_bytes}
    conversion = (WithBudget if made else Encoding)(
        chosen,
        strip=options.strip,
        depth=options.depth,
        skip_if_larger=options.skip_if_larger,
        skip_if_worse=options.skip_if_worse,
        score=options.score,
        wording=partial(in_option_names, names=(*chosen, "score", "strips_from", "total_max_bytes")),
        max_pixels=options.max_pixels,
        strips_from=options.strips_from,
        motion=motion,
        **made,
    )
    if motion.timed and options.jobs_from is None and _of_frames(options.inputs):
        selection = sequence(options.inputs, options.output, PICTURES, EXTENSION)
    else:
        selection = selected(options, PICTURES, EXTENSION, in_place=True)
    for ending in other_endings(selection.jobs, EXTENSION):
        if ending in Image.registered_extensions():
            raise UsageError(f"encode writes {EXTENSION} files, not {ending}; decode turns them into other formats")
    if options.json and any(job.target is None and job.problem is None for job in selection.jobs):
        raise UsageError("--json and an image cannot both go to standard output")
    report = print_json if options.json else lambda _: None
    with chosen_way(options) as way:
        return runner.run(
            selection,
            conversion,
            way,
            quiet=options.quiet,
            progress=options.display,
            report=report,
            kind=Budgeted if made else runner.Batch,
        )


def _motion(options: argparse.Namespace) -> Motion:
    try:
        return Motion(options.pages, options.frame, options.durations, options.fps, options.loop, options.restart)
    except ValueError as error:
        names = ("pages", "frame", "durations", "fps", "loop", "restart")
        raise UsageError(in_option_names(str(error), names)) from error


def _of_frames(inputs: list[str]) -> bool:
    """Whether the inputs are the frames of an animation; one file is an animation of its own."""
    return len(inputs) > 1 or any(name != STREAM and kind_of(place(name)) == "folder" for name in inputs)


def _fps(text: str) -> Fraction:
    match = re.fullmatch(r"([0-9]{1,6})(?:(\.[0-9]{1,6})|/([1-9][0-9]{0,5}))?", text)
    fps = Fraction(match[1] + (match[2] or "")) / int(match[3] or 1) if match else Fraction(0)
    if not 0 < fps <= FASTEST:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of frames a second such as 12, 29.97 or 30000/1001, up to {FASTEST}"
        )
    return fps


def _durations(text: str) -> tuple[float, ...]:
    if (durations := _milliseconds(text)) is not None:
        return durations
    try:
        durations = _milliseconds(place(text).read_bytes().decode("ascii", "replace"))
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither milliseconds, such as 40 or 100,100,500, nor a file of them: "
            f"{why_unreadable(text, error)}"
        ) from error
    if durations is None:
        raise argparse.ArgumentTypeError(f"{printable(text)} must hold numbers of milliseconds from 0 and nothing else")
    return durations


def _milliseconds(text: str) -> tuple[float, ...] | None:
    words = text.replace(",", " ").split()
    if not words or not all(re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,6})?", word) for word in words):
        return None
    return tuple(map(float, words))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up")
    return int(text)


def _parts(text: str) -> tuple[str, ...]:
    names = list(STRIPPABLE) if text == "all" else text.split(",")
    for name in names:
        if name not in STRIPPABLE:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(STRIPPABLE)}, all")
    return tuple(STRIPPABLE[name] for name in names)
