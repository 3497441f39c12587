"""`kpal show`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Final

from PIL import Image

from kpal_format import MAGIC, read_head

from ..batch.jobs import Job
from ..batch.messages import failures, printable
from ..batch.transcode import from_kpal
from ..image_files.color_management import rgb_profile_of
from ..image_files.frames import opened_frames
from ..image_files.metadata import carried
from ..image_files.orientation import orientation_of, turned
from ..image_files.pillow_limits import pixel_limit
from ..pixels import to_array
from .arguments import Commands, add_command, add_max_pixels, file_job, frame

# Every browser shows these, and plays their animations.
_SHOWN: Final = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "WEBP": ".webp", "AVIF": ".avif"}
_WIDEST_WEBP: Final = 16383  # pixels a side
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")  # one is set where windows can open

_OPENER: Final = "xdg-open"  # of the desktops of Linux and BSD
_FAILING: Final = 0.5  # seconds; a program that still runs then has not failed

_started: Final[list[subprocess.Popen[bytes]]] = []  # kept, because Python warns of a process that it forgets


def add(commands: Commands) -> None:
    parser = add_command(commands, "show", run, "open images in a viewer", "[OPTIONS] FILE [FILE ...]")
    parser.description = """Open .kpal files, or images of other formats, in the viewer or the browser of the desktop.
What browsers cannot show is opened as a PNG with the same pixels in the folder for temporary files, which stays there
for the viewer. An animation is opened as a WebP file, which most viewers play."""
    parser.add_argument("inputs", metavar="FILE", nargs="+", help="image files, or - for standard input")
    parser.add_argument("--with", dest="program", metavar="PROGRAM", help="open the images with this program")
    parser.add_argument(
        "--frame",
        metavar="N",
        type=frame,
        help="show only frame N of an animation, from 0, or from the end if negative",
    )
    add_max_pixels(parser)


def run(options: argparse.Namespace) -> int:
    good = True
    for job in [file_job(name) for name in options.inputs]:
        with failures(job.name) as failed:
            path = _viewable(job, options.frame, options.max_pixels)
            _open(path, options.program)
        good &= not failed
    return 0 if good else 1


def _viewable(job: Job, number: int | None, max_pixels: int | None) -> Path:
    """The file itself if every browser shows its format, or else a PNG or WebP of it in a new folder.

    number: of the frame to show; None for all.
    """
    data = job.read()
    if data.startswith(MAGIC):
        head = read_head(data)
        plays = number is None and head.frames > 1 and max(head.width, head.height) <= _WIDEST_WEBP
        format = "WEBP" if plays else "PNG"
        return _temporary(job, from_kpal(data, format, frame=number, max_pixels=max_pixels), _SHOWN[format])
    with pixel_limit(None), Image.open(io.BytesIO(data)) as image:
        format = str(image.format)
    if format in _SHOWN and number is None:
        return job.source.absolute() if isinstance(job.source, Path) else _temporary(job, data, _SHOWN[format])
    file = io.BytesIO()
    with opened_frames(data, frame=number, max_pixels=max_pixels) as frames:
        profile, orientation = rgb_profile_of(frames.image), orientation_of(carried(frames.image))
        Image.fromarray(to_array(turned(frames.image, orientation))).save(file, "PNG", icc_profile=profile)
    return _temporary(job, file.getvalue(), ".png")


def _temporary(job: Job, data: bytes, ending: str) -> Path:
    """A file with the name of the input, which viewers show; it stays after the command has ended."""
    path = Path(tempfile.mkdtemp(prefix="kpal-show-"), job.below.name).with_suffix(ending)
    path.write_bytes(data)
    return path


def _open(path: Path, program: str | None) -> None:
    """Open a file with a program, or as the desktop would; OSError if that is impossible."""
    if program is not None:
        _start(program, path)
        return
    if sys.platform not in ("win32", "darwin") and not any(os.environ.get(name) for name in _DISPLAYS):
        raise OSError(f"there is no display to show it on; it is in {printable(path)}")
    if shutil.which(_OPENER) and not os.environ.get("BROWSER"):
        with contextlib.suppress(OSError):  # a desktop without a viewer of images may have a browser
            _start(_OPENER, path)
            return
    if not webbrowser.open(path.as_uri()):
        raise OSError(f"no viewer and no browser was found; name one with --with, or open {printable(path)}")


def _start(program: str, path: Path) -> None:
    """Start a program with a file, and leave it running; OSError if it fails at once."""
    found = shutil.which(program)
    if found is None:
        raise OSError(f"there is no program {printable(program)}")
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603  # named by the user, or the desktop's own
        [found, os.fspath(path)], stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
    )
    _started.append(process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        if status := process.wait(_FAILING):
            raise OSError(f"{printable(program)} ended with status {status}; the picture is in {printable(path)}")
