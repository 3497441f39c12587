"""Arguments of the commands that work on batches: which files, and how they are worked on."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Container, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..batch.conversion import Ending
from ..batch.jobs import STREAM, Selection, UsageError, listed, plan
from ..batch.messages import printable, why_unreadable
from ..batch.runner import Way
from .arguments import whole
from .parser import Parser


def add_workers(parser: Parser) -> None:
    """Add the options that say what does the work."""
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=whole,
        help="the number of files to work on at a time (default: the number of cores)",
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="let a Dask cluster do the work: the address of its scheduler, or local for one on this machine; needs "
        "the extra `dask`, and all its machines must see the same files",
    )


def add_way(parser: Parser) -> None:
    """Add the options that say how a batch is run."""
    add_workers(parser)
    parser.add_argument(
        "--jobs-from",
        metavar="FILE",
        help='read inputs and outputs from a file, or - for standard input: a line of JSON for each, such as {"input": '
        '"a.png", "output": "out/a.kpal"}',
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--preserve",
        action="store_true",
        help="give each result the permissions and the time of its input; stores keep neither",
    )


@contextmanager
def chosen_way(options: argparse.Namespace) -> Iterator[Way]:
    """How to run a batch, for as long as it lasts."""
    way = Way(force=options.force, dry=options.dry_run, preserve=options.preserve, workers=options.jobs)
    with chosen_executor(options) as executor:
        yield replace(way, executor=executor)


@contextmanager
def chosen_executor(options: argparse.Namespace) -> Iterator[Executor | None]:
    """The executor of the cluster that does the work, for as long as it lasts; None for this machine."""
    if options.dask is None:
        yield None
        return
    from ..batch.cluster import dask_executor

    with dask_executor(options.dask, options.jobs) as executor:
        yield executor


def selected(
    options: argparse.Namespace, endings: Container[str], new_ending: str, *, in_place: bool = False
) -> Selection:
    """The jobs of a command: its inputs, or the lines of --jobs-from."""
    if options.jobs_from is None:
        if not options.inputs:
            raise UsageError("nothing is given for IN")
        return plan(options.inputs, options.output, endings, new_ending, in_place=in_place)
    if options.inputs or options.output:
        raise UsageError("--jobs-from names inputs and outputs itself")
    try:
        if options.jobs_from == STREAM:
            return listed(sys.stdin)
        with Path(options.jobs_from).open(encoding="utf-8") as file:
            return listed(file)
    except OSError as error:
        raise UsageError(f"{printable(options.jobs_from)}: {why_unreadable(options.jobs_from, error)}") from error


def print_json(ending: Ending) -> None:
    """Print the outcome of a job as a line of JSON."""
    print(json.dumps(ending.as_dict()), flush=True)
