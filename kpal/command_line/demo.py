"""`kpal demo`."""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from kpal_format import MAX_COLORS, Progress

from ..batch.jobs import Job
from ..batch.messages import failures, printable
from ..batch.progress import displayed
from ..batch.transcode import from_kpal, to_kpal
from ..quantizer import quantize
from .arguments import Commands, add_command, add_progress


def add(commands: Commands) -> None:
    parser = add_command(commands, "demo", run, "see it work on a sample picture", "[-f] [FOLDER]")
    parser.description = """Draw a sample picture, encode it, open the result with Pillow and check its pixels,
compare sizes with other formats, and keep the files for a look."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        type=Path,
        help="the folder for the files (default: a new temporary folder)",
    )
    parser.add_argument("-f", "--force", action="store_true", help="overwrite the files of an earlier demo")
    add_progress(parser)


def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from ..comparison.formats import compare
    from . import tables

    console = Console()
    shared = console if console.is_terminal else None
    with displayed(2, options.display, console=shared) as display, failures("demo") as failed:
        folder = options.folder or Path(tempfile.mkdtemp(prefix="kpal-demo-"))
        with display.file("sample.kpal") as told:
            drawn = _make(folder, force=options.force, progress=told)
        with display.file("comparison") as told:
            comparison = compare("sample.png", drawn, progress=told, colors=MAX_COLORS)
    if failed:
        return 1
    tables.show(console, comparison)
    print(f"\nPillow opened sample.kpal, and its pixels are right. Look at the files in {printable(folder)}")
    return 0


def _make(folder: Path, *, force: bool, progress: Progress | None) -> bytes:
    """Write the files into the folder and check their pixels; returns the PNG of the sample picture."""
    from ..comparison.sample import draw

    picture = draw()
    drawn = io.BytesIO()
    picture.save(drawn, "PNG", optimize=True)
    data = to_kpal(drawn.getvalue(), progress=progress)
    results = {"sample.png": drawn.getvalue(), "sample.kpal": data, "sample-decoded.png": from_kpal(data, "PNG")}
    files = [(Job(None, folder / name), content) for name, content in results.items()]
    for job, _ in files:
        job.check(force=force)
    for job, content in files:
        job.write(content)
    expected = quantize(picture).pixels()
    for name in ("sample.kpal", "sample-decoded.png"):
        with Image.open(folder / name) as opened:
            if not np.array_equal(np.asarray(opened.convert("RGBA")), expected):
                raise AssertionError(f"{name} does not have the pixels that were encoded")
    return drawn.getvalue()
