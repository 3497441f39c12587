"""`kpal info`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kpal_format import Info

from ..batch.jobs import STREAM, Job, UsageError
from ..batch.messages import failures, printable
from ..batch.transcode import header_of
from .arguments import Commands, add_command


def add(commands: Commands) -> None:
    parser = add_command(commands, "info", run, "show the header of a .kpal file", "[--json] FILE")
    parser.description = "Show size, colours, coder and metadata of a .kpal file without decoding the image."
    parser.add_argument("file", metavar="FILE", help="a .kpal file, or - for standard input")
    parser.add_argument("--json", action="store_true", help="print the header as JSON")


def run(options: argparse.Namespace) -> int:
    if not options.file:
        raise UsageError("the name of the file is empty")
    job = Job(None) if options.file == STREAM else Job(Path(options.file), name=printable(options.file))
    with failures(job.name) as failed:
        data = job.read()
        info = header_of(data)
    if failed:
        return 1
    if options.json:
        print(json.dumps({"bytes": len(data), **info.as_dict()}, indent=2))
    else:
        _print_info(len(data), info)
    return 0


def _print_info(size: int, info: Info) -> None:
    lines = {
        "format": f"kpal {info.version}",
        "pixels": f"{info.width} x {info.height}",
        "colours": f"{info.colors}{' with alpha' * info.has_alpha}, {info.palette_bytes} bytes",
        "indices": f"{info.coder}, {info.tiles} tile{'s' * (info.tiles != 1)}",
        "file": f"{size:,} bytes",
    }
    if info.metadata.dpi:
        lines["resolution"] = "{:.1f} x {:.1f} dpi".format(*info.metadata.dpi)
    for name in ("icc_profile", "exif", "xmp"):
        if blob := getattr(info.metadata, name):
            lines[name.replace("_", " ")] = f"{len(blob):,} bytes"
    lines |= {f"text {key!r}": repr(value) for key, value in info.metadata.text.items()}
    for name, value in lines.items():
        print(f"{name + ':':<13} {value}")
