"""`kpal compare`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ..batch import jobs
from ..batch.jobs import PICTURES
from ..batch.messages import failures, say
from ..batch.progress import displayed
from ..quantizer.options import Options
from .arguments import (
    Commands,
    add_command,
    add_depth,
    add_inputs,
    add_max_pixels,
    add_options,
    add_progress,
    chosen_options,
    endings_note,
)

if TYPE_CHECKING:
    from ..comparison.formats import Comparison


def add(commands: Commands) -> None:
    parser = add_command(commands, "compare", run, "sizes beside PNG, WebP and JPEG XL", "[OPTIONS] IMAGE [IMAGE ...]")
    parser.notes = endings_note
    parser.description = """Quantise each image, encode the result in every format, and show sizes, times and quality.
No files are written. For oxipng, JPEG XL and the perceptual score, install kpal with the extra `compare`."""
    add_inputs(parser, "IMAGE")
    add_depth(parser)
    add_max_pixels(parser)
    add_options(parser, Options, without=("keep_palette",))
    add_progress(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from ..comparison.formats import compare
    from . import tables

    chosen = chosen_options(options, Options)
    console = Console()
    comparisons: list[Comparison] = []
    selection = jobs.find(options.inputs, PICTURES)
    shared = console if console.is_terminal else None
    with displayed(len(selection.jobs), options.display, console=shared) as display:
        for job in selection.jobs:
            with display.file(job.name) as told, failures(job.name) as failed:
                limits = {"depth": options.depth, "max_pixels": options.max_pixels}
                comparison = compare(job.name, job.read(), **limits, progress=told, **chosen)
            if not failed:
                comparisons.append(comparison)
                if not options.json:
                    tables.show(console, comparison)
    if options.json:
        print(json.dumps(tables.as_json(comparisons), indent=2))
    elif len(comparisons) > 1:
        tables.show_total(console, comparisons)
    if not selection.jobs:
        say(selection.nothing())
    elif left_out := selection.left_out():
        say(f"{len(comparisons)} of {len(selection.jobs)} files{left_out}")
    return 0 if selection.jobs and len(comparisons) == len(selection.jobs) else 1
