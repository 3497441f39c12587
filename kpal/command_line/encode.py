"""`kpal encode`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Final

from PIL import Image

from kpal_format import EXTENSION

from ..batch import jobs, runner
from ..batch.jobs import Job, UsageError
from ..batch.transcode import to_kpal
from ..codec import EncodeOptions
from ..errors import UnreachableError
from .arguments import (
    Commands,
    add_command,
    add_depth,
    add_inputs,
    add_options,
    add_output,
    chosen_options,
    endings_note,
    in_option_names,
    other_endings,
    picture_names,
)

if TYPE_CHECKING:
    from ..metrics.report import Report

STRIPPABLE: Final = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp", "text": "text", "dpi": "density"}


def add(commands: Commands) -> None:
    parser = add_command(commands, "encode", run, "images to .kpal", "[OPTIONS] IN [IN ...]")
    parser.description = """Store images as .kpal files, losslessly where they have no more colours than asked for.
Each result is named after its input: .kpal replaces the ending of a picture, and is added to any other name. If two
results would have the same name, the later one keeps the whole name of its input: a.jpg becomes a.kpal, and a.png
becomes a.png.kpal."""
    parser.notes = endings_note
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
    add_inputs(parser)
    add_output(parser)
    add_depth(parser)
    add_options(parser, EncodeOptions)
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


def run(options: argparse.Namespace) -> int:
    chosen = chosen_options(options, EncodeOptions)
    if options.score and not options.json:
        raise UsageError("--score is shown by --json")
    reports: list[Report] = []

    def work(job: Job, data: bytes) -> bytes:
        try:
            report = reports.append if options.json else None
            result = to_kpal(data, strip=options.strip, depth=options.depth, report=report, **chosen)
        except UnreachableError as error:
            reason = in_option_names(str(error), chosen)
            raise (runner.Skipped if options.skip_if_worse else UnreachableError)(reason) from error
        if options.skip_if_larger and len(result) >= len(data):
            raise runner.Skipped(f"{len(result):,} bytes are no fewer than the {len(data):,} of the input")
        return result

    def tell(ending: runner.Ending) -> None:
        if options.json:
            facts = reports.pop().as_dict(score=options.score) if reports else {}
            print(json.dumps({**ending.as_dict(), **facts}))

    selection = jobs.plan(options.inputs, options.output, picture_names(), EXTENSION, in_place=True)
    for ending in other_endings(selection.jobs, EXTENSION):
        if ending in Image.registered_extensions():
            raise UsageError(f"encode writes {EXTENSION} files, not {ending}; decode turns them into other formats")
    if options.json and any(job.target is None and job.problem is None for job in selection.jobs):
        raise UsageError("--json and an image cannot both go to standard output")
    return runner.run(selection, work, force=options.force, quiet=options.quiet, tell=tell)


def _parts(text: str) -> tuple[str, ...]:
    names = list(STRIPPABLE) if text == "all" else text.split(",")
    for name in names:
        if name not in STRIPPABLE:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(STRIPPABLE)}, all")
    return tuple(STRIPPABLE[name] for name in names)
