"""`kpal decode`."""

from __future__ import annotations

import argparse
import re

from PIL import Image

from kpal_format import EXTENSION, Region

from ..batch import runner
from ..batch.jobs import UsageError
from ..batch.messages import printable
from ..batch.transcode import Decoding
from .arguments import Commands, add_command, add_max_pixels, add_output, frame, other_endings
from .batches import add_way, chosen_way, selected


def add(commands: Commands) -> None:
    parser = add_command(commands, "decode", run, ".kpal to other formats", "[OPTIONS] IN [IN ...]")
    parser.description = (
        "Convert .kpal files to indexed PNG, or to the Pillow format that the ending of the output's name selects. "
        "A warning names metadata that the format cannot hold, and says if it changes pixels (JPEG, AVIF). Animations "
        "become GIF, WebP, AVIF or animated PNG, whose name may end with .png or .apng."
    )
    parser.epilog = """examples:
  kpal decode chart.kpal                    writes chart.png
  kpal decode chart.kpal -o chart.webp
  kpal decode dance.kpal                    an animation: an animated dance.png
  kpal decode dance.kpal -o dance.gif
  kpal decode dance.kpal -o last.jpg --frame -1
  kpal decode packed/ -o plain/ --to gif    every .kpal file below packed/
  kpal decode - < chart.kpal > chart.png
  kpal decode map.kpal -o part.png --region 500,0,900,300
  kpal decode --on-error skip damaged.kpal  what can be saved of a damaged file"""
    parser.add_argument("inputs", metavar="IN", nargs="*", help=".kpal files, folders of them, or - for standard input")
    add_output(parser)
    add_way(parser)
    parser.add_argument(
        "--region",
        metavar="X0,Y0,X1,Y1",
        type=_region,
        help="decode only the columns from X0 up to X1 and the rows from Y0 up to Y1, without X1 and Y1, counted from "
        "0 at the top left; only what they need of a file is read",
    )
    parser.add_argument(
        "--frame",
        metavar="N",
        type=frame,
        help="decode only frame N of an animation, from 0, or from the end if negative",
    )
    add_max_pixels(parser)
    parser.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        default="raise",
        help="what to do with damaged or missing tiles of a file: fail (raise, the default), or give their pixels the "
        "first colour of the palette and name them in a warning (skip)",
    )
    parser.add_argument(
        "--to", metavar="FORMAT", type=_ending, help="the output format, by ending: png, gif, webp ... (default: png)"
    )


def run(options: argparse.Namespace) -> int:
    ending = options.to or ".png"

    selection = selected(options, frozenset((EXTENSION,)), ending)
    for other in other_endings(selection.jobs, ending):
        if _format(other) != _format(ending) and options.to:
            raise UsageError(f"--to {options.to} does not go with an output that ends with {other!r}")
    conversion = Decoding(_format, ending, options.on_error, options.region, options.max_pixels, options.frame)
    with chosen_way(options) as way:
        return runner.run(selection, conversion, way, quiet=options.quiet, progress=options.display)


def _region(text: str) -> Region:
    match = re.fullmatch(",".join(["([0-9]{1,9})"] * 4), text)
    x0, y0, x1, y1 = map(int, match.groups()) if match else (0, 0, 0, 0)
    if not (x0 < x1 and y0 < y1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not X0,Y0,X1,Y1, four numbers such as 500,0,900,300, with X0 below X1 and Y0 below Y1"
        )
    return x0, y0, x1, y1


def _ending(text: str) -> str:
    ending = "." + text.lower().removeprefix(".")
    try:
        _format(ending)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return ending


def _format(ending: str) -> str:
    """Pillow's name of the format with this ending; UsageError unless Pillow both writes and reads the format."""
    name = Image.registered_extensions().get(ending.lower())
    if name is None or name not in Image.SAVE:
        raise UsageError(f"Pillow writes no images with the ending '{printable(ending)}'")
    if name not in Image.OPEN:
        raise UsageError(f"Pillow writes no images with the ending '{printable(ending)}' that it could read again")
    return name
