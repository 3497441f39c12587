"""`kpal thumbnail`."""

from __future__ import annotations

import argparse
import io
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from kpal_format import MAGIC

from .. import __version__
from ..batch.jobs import STREAM, Job, UsageError, header_of
from ..batch.messages import failures, printable
from ..image_files.thumbnails import MAX_PIXELS, identity, path_of, thumbnail, write_png
from .arguments import Commands, add_command, add_max_pixels

_LARGEST: Final = 4096
_ENOUGH: Final = 1 << 20  # bytes in which Pillow recognises other formats


def add(commands: Commands) -> None:
    parser = add_command(commands, "thumbnail", run, "a small PNG for file managers", "[OPTIONS] FILE OUT")
    parser.description = f"""Write a PNG of at most N x N pixels that shows a .kpal file. It is never larger than the
picture, upright, in sRGB, and holds the texts of the freedesktop.org thumbnail specification (Thumb::URI ...). An
existing file is overwritten, because file managers create OUT before they call a thumbnailer. N may be up to
{_LARGEST:,}."""
    parser.epilog = "kpal desktop install makes file managers call this command."
    parser.add_argument("file", metavar="FILE", help="a .kpal file or its file: URI, or - for standard input")
    parser.add_argument("out", metavar="OUT", help="the PNG file, or - for standard output")
    parser.add_argument("-s", "--size", metavar="N", type=_size, default=256, help="the size (default: %(default)s)")
    add_max_pixels(parser, MAX_PIXELS)


def run(options: argparse.Namespace) -> int:
    if not options.file or not options.out:
        raise UsageError("the name of a file is empty")
    name = "standard input" if options.file == STREAM else printable(options.file)
    with failures(name) as failed, ExitStack() as stack:
        source = None if options.file == STREAM else path_of(options.file)
        job = Job(source, None if options.out == STREAM else Path(options.out), name)
        if job.replaces_input():
            raise FileExistsError("the thumbnail would take the place of the picture")
        job.check(force=True)
        file = _opened(job, stack)
        texts = {"Software": f"kpal {__version__}"} | (identity(source) if source else {})
        image, about = thumbnail(file, options.size, max_pixels=options.max_pixels)
        png = io.BytesIO()
        write_png(image, texts | about, png)
        job.write(png.getvalue())
    return 1 if failed else 0


def _opened(job: Job, stack: ExitStack) -> IO[bytes]:
    """The input, which is a `.kpal` file, as a seekable file; raises OSError, or ValueError for another format."""
    file: IO[bytes]
    if isinstance(job.source, Path) and job.source.is_file():
        file = stack.enter_context(job.source.open("rb"))
    else:
        file = io.BytesIO(job.read())
    if not MAGIC.startswith(file.read(len(MAGIC))):
        file.seek(0)
        header_of(file.read(_ENOUGH))
    return file


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _LARGEST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_LARGEST:,}")
    return int(text)
