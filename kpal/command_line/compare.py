"""`kpal compare`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..batch import jobs
from ..batch.jobs import PICTURES, UsageError
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
    add_pages,
    add_progress,
    chosen_options,
    endings_note,
    size,
)
from .pages import LIMIT, PageFile, page_name

if TYPE_CHECKING:
    from ..comparison.formats import Comparison


def add(commands: Commands) -> None:
    parser = add_command(commands, "compare", run, "sizes beside PNG, WebP and JPEG XL", "[OPTIONS] IMAGE [IMAGE ...]")
    parser.notes = endings_note
    parser.description = """Quantise each image, encode the result in every format, and show sizes, times and quality.
No files are written but the page of --html. For oxipng, JPEG XL, the perceptual score and pngquant's curves, install
kpal with the extra `compare`. Animations are compared with GIF (by gifsicle -O3, if it is installed), APNG and
lossless WebP."""
    add_inputs(parser, "IMAGE")
    add_depth(parser)
    add_max_pixels(parser)
    add_pages(parser)
    add_options(parser, Options, without=("keep_palette",))
    add_progress(parser)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--html",
        metavar="PAGE",
        help="write the results to a web page that shows each image beside its original; it needs no other file",
    )
    parser.add_argument(
        "--html-max-size",
        metavar="SIZE",
        type=size,
        default=LIMIT,
        help="maximum size of the page, in bytes or as 500k, 20M; images beyond it are reduced, or only in its index "
        "(default: %(default)s)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite an existing page")


def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from ..comparison.formats import compare
    from . import tables

    chosen = chosen_options(options, Options)
    console = Console()
    comparisons: list[Comparison] = []
    selection = jobs.find(options.inputs, PICTURES)
    page = _page(options, selection.jobs, chosen)
    if page is not None and not page.check(force=options.force):
        return 1
    measure: Callable[..., Comparison] = partial(compare, **chosen) if page is None else page.compare
    shared = console if console.is_terminal else None
    with displayed(len(selection.jobs), options.display, console=shared) as display:
        for job in selection.jobs:
            with display.file(job.name) as told, failures(job.name) as failed:
                limits = {"depth": options.depth, "max_pixels": options.max_pixels, "pages": options.pages}
                comparison = measure(job.name, job.read(), **limits, progress=told)
            if not failed:
                comparisons.append(comparison)
                if not options.json:
                    tables.show(console, comparison)
            elif page is not None:
                page.fail(job.name, str(failed.reason))
    if options.json:
        print(json.dumps(tables.as_json(comparisons), indent=2))
    elif len(comparisons) > 1:
        tables.show_total(console, comparisons)
    if not selection.jobs:
        say(selection.nothing())
    elif left_out := selection.left_out():
        say(f"{len(comparisons)} of {len(selection.jobs)} files{left_out}")
    complete = bool(selection.jobs) and len(comparisons) == len(selection.jobs)
    if page is not None and comparisons:
        complete &= page.write()
        if options.open:
            page.browse()
    return 0 if complete else 1


def _page(options: argparse.Namespace, inputs: list[jobs.Job], chosen: dict[str, Any]) -> PageFile | None:
    """The page to write, if one is asked for."""
    if options.html is not None:
        return PageFile(page_name(options.html, inputs), chosen, options.html_max_size)
    for name in ("open", "force"):
        if getattr(options, name):
            raise UsageError(f"--{name} is about the page: add --html PAGE")
    return None
