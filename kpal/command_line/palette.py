"""`kpal palette`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from kpal_format import Progress

from ..batch import jobs
from ..batch.jobs import PICTURES, Job, UsageError
from ..batch.messages import failures, printable, say
from ..batch.progress import displayed
from ..batch.tallies import Counting, counted
from ..batch.workers import engaged
from ..color.palette_files import FORMATS, WRITERS, format_name, format_swatches, parse_swatches, swatches_of
from ..image_files.pillow_limits import pixel_limit
from ..quantizer.options import PaletteOptions, given
from ..quantizer.shared_palette import shared_palette
from ..quantizer.tally import Tally
from ..stores import Place, place, why_not_writable
from .arguments import (
    Commands,
    add_command,
    add_depth,
    add_force,
    add_inputs,
    add_max_pixels,
    add_options,
    add_pages,
    as_option,
    chosen_options,
    endings_note,
    file_job,
)
from .batches import add_workers, chosen_executor


def add(commands: Commands) -> None:
    parser = add_command(
        commands, "palette", run, "one palette for many images, or that of a file", "[OPTIONS] IN [IN ...]"
    )
    parser.notes = endings_note
    parser.description = """Find one palette that suits all images, for kpal encode --palette.
Images are read once and not kept, so there may be any number of them; every pixel counts, so large images count for
more, and so do animations, of which every frame counts. With --of, convert the palette that a file has."""
    parser.epilog = """examples:
  kpal palette sprites/ -o shared.kpal -c 64
  kpal encode --palette shared.kpal sprites/
  kpal palette photo.jpg -c 8               prints the colours
  kpal palette --of hero.png -o hero.gpl    the palette that an image has
  kpal palette --of hero.gpl -o hero.ase    for another program"""
    add_inputs(parser, optional=True)
    parser.add_argument(
        "--of",
        metavar="FILE",
        help="write the palette of this file as it is: a .kpal file, an image, a palette file, or - for standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help=f"a file ending with {', '.join(WRITERS)} (default: standard output, one colour a line)",
    )
    parser.add_argument(
        "--to",
        metavar="FORMAT",
        choices=list(FORMATS),
        help=f"the format: {', '.join(FORMATS)} (default: by the ending of OUT, where .pal means jasc; hex)",
    )
    add_force(parser)
    add_workers(parser)
    add_depth(parser)
    add_max_pixels(parser)
    add_pages(parser)
    add_options(parser, PaletteOptions)


def run(options: argparse.Namespace) -> int:
    target = None if options.output in (None, jobs.STREAM) else place(options.output)
    if target is not None and (reason := why_not_writable(target)):
        raise UsageError(reason)
    format = _format(target, options.to)
    chosen = chosen_options(options, PaletteOptions)
    if options.of is not None:
        return _convert(options, chosen, target, format)
    if not options.inputs:
        raise UsageError("nothing is given for IN; --of takes the palette that a file has")
    selection = jobs.find(options.inputs, PICTURES, options.output)
    if not selection.jobs:
        say(selection.nothing())
        return 1
    if any(replace(job, target=target).replaces_input() for job in selection.jobs):
        raise UsageError("the palette would take the place of an input; name another file with -o")
    result = Job(None, target)
    counting = Counting(chosen["metric"], options.depth, options.max_pixels, options.pages)
    read = 0
    told: Progress | None = None

    def tallies() -> Iterator[Tally]:
        nonlocal read, told
        for found in counted(selection.jobs, counting, executor, limit, display):
            read += found.read
            yield found.tally
        told = work.enter_context(display.file("palette"))

    def progress(stage: str, fraction: float) -> None:
        if told is not None:
            told(stage, fraction)

    shown = displayed(len(selection.jobs) + 1, "none" if options.quiet else options.display)
    with (
        chosen_executor(options) as chosen_by_user,
        engaged(selection.jobs, options.jobs, chosen_by_user) as (executor, limit),
        shown as display,
        ExitStack() as work,
        failures("palette") as failed,
    ):
        _check(result, format, force=options.force)
        try:
            palette = shared_palette(tallies(), progress=progress, **chosen)
        except ValueError:
            if read:
                raise
            raise ValueError("none of the images could be read, so that there is no palette") from None
        result.write(format_swatches(swatches_of(palette), format))
    if not failed and not options.quiet:
        say(f"{len(palette)} colours of {read} of {len(selection.jobs)} images{selection.left_out()}")
    return 0 if not failed and read == len(selection.jobs) else 1


def _convert(options: argparse.Namespace, chosen: dict[str, Any], target: Place | None, format: str) -> int:
    """Write the palette of one file."""
    wrong = sorted(map(as_option, given(PaletteOptions(**chosen), PaletteOptions)))
    wrong += ["--depth"] * (options.depth is not None) + ["IN"] * bool(options.inputs)
    if wrong:
        raise UsageError(f"--of writes the palette of its file unchanged: it does not go with {', '.join(wrong)}")
    job = file_job(options.of, target)
    with failures(job.name) as failed, pixel_limit(options.max_pixels):
        _check(job, format, force=options.force)
        swatches = parse_swatches(job.read(), job.source.suffix if job.source else "")
        job.write(format_swatches(swatches, format))
    if not failed and not options.quiet:
        say(f"{job.name}: {len(swatches)} colours")
    return 1 if failed else 0


def _format(target: Place | None, named: str | None) -> str:
    """The format of the result; UsageError for an ending of no format."""
    if target is None:
        return named or "hex"
    ending = target.suffix
    try:
        return format_name(ending, named)
    except ValueError as error:
        what = f"as '{printable(ending)}'" if ending else "without an ending"
        raise UsageError(f"palettes are written as {', '.join(WRITERS)}, not {what}") from error


def _check(job: Job, format: str, *, force: bool) -> None:
    """Like `Job.check`, but lets a terminal show text."""
    if job.target is not None or not FORMATS[format].is_text:
        job.check(force=force)
