"""`kpal palette`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kpal_format import U8

from ..batch import jobs, runner
from ..batch.jobs import Job, UsageError
from ..batch.messages import failures, printable, say
from ..color.palette_files import WRITERS, format_palette
from ..image_files.pages import open_picture
from ..image_files.precision import in_depth
from ..pixels import to_array
from ..quantizer.options import PaletteOptions
from ..quantizer.shared_palette import shared_palette
from .arguments import (
    Commands,
    add_command,
    add_depth,
    add_force,
    add_inputs,
    add_options,
    chosen_options,
    endings_note,
    picture_names,
)


def add(commands: Commands) -> None:
    parser = add_command(commands, "palette", run, "one palette for many images", "[OPTIONS] IN [IN ...]")
    parser.notes = endings_note
    parser.description = """Find one palette that suits all images, for kpal encode --palette.
Images are read one after the other, so there may be any number of them; every pixel counts, so large images count for
more."""
    parser.epilog = """examples:
  kpal palette sprites/ -o shared.kpal -c 64
  kpal encode --palette shared.kpal sprites/
  kpal palette photo.jpg -c 8               prints the colours"""
    add_inputs(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help=f"a file ending with {', '.join(WRITERS)} (default: standard output, one colour a line)",
    )
    add_force(parser)
    add_depth(parser)
    add_options(parser, PaletteOptions)


def run(options: argparse.Namespace) -> int:
    target = None if options.output in (None, jobs.STREAM) else Path(options.output)
    ending = ".hex" if target is None else target.suffix.lower()
    if ending not in WRITERS:
        what = f"as '{printable(ending)}'" if ending else "without an ending"
        raise UsageError(f"palettes are written as {', '.join(WRITERS)}, not {what}")
    chosen = chosen_options(options, PaletteOptions)
    selection = jobs.find(options.inputs, picture_names(), options.output)
    if not selection.jobs:
        say(selection.nothing())
        return 1
    if any(replace(job, target=target).replaces_input() for job in selection.jobs):
        raise UsageError("the palette would take the place of an input; name another file with -o")
    read = 0

    def images() -> Iterator[U8]:
        nonlocal read
        for job in runner.progress(iter(selection.jobs), selection.jobs, quiet=options.quiet):
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
