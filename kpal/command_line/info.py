"""`kpal info`."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from kpal_format import Info, read_head

from ..batch.jobs import Job, header_of
from ..batch.messages import failures
from ..color.palette_files import Swatch, parse_swatches, swatches_of
from .arguments import Commands, add_command, file_job

if TYPE_CHECKING:
    from rich.console import Console


def add(commands: Commands) -> None:
    parser = add_command(
        commands, "info", run, "show the header and the palette of .kpal files", "[--json] [--palette] FILE [FILE ...]"
    )
    parser.description = """Show size, frames, colours, coder, metadata and palette of .kpal files without decoding.
Terminals of at least 256 colours show a block of each colour of the palette, unless NO_COLOR is set."""
    parser.epilog = """examples:
  kpal info chart.kpal
  kpal info --palette game.gpl              the colours of a palette file"""
    parser.add_argument("inputs", metavar="FILE", nargs="+", help=".kpal files, or - for standard input")
    parser.add_argument(
        "--palette", action="store_true", help="list only the palette, which may be that of an image or a palette file"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the same as a JSON object; one a line if there are several files"
    )


def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    console = Console()
    several = len(options.inputs) > 1
    good = True
    for number, job in enumerate([file_job(name) for name in options.inputs]):
        with failures(job.name) as failed:
            data = job.read()
            if options.json:
                facts = {"input": job.name, **(_palette(job, data) if options.palette else _header(data))}
                print(json.dumps(facts, indent=None if several else 2))
            else:
                _show(console, job, data, palette=options.palette, heading=several, first=number == 0)
        if failed and several and options.json:
            print(json.dumps({"input": job.name, "error": failed.reason}))
        good &= not failed
    return 0 if good else 1


def _palette(job: Job, data: bytes) -> dict[str, Any]:
    return {"palette": [swatch.hex for swatch in _swatches(job, data)]}


def _header(data: bytes) -> dict[str, Any]:
    info = header_of(data)
    total = {"duration_ms": sum(info.durations)} if info.durations else {}
    return {"bytes": len(data), **info.as_dict(), **total, "palette": [swatch.hex for swatch in _own(data)]}


def _swatches(job: Job, data: bytes) -> list[Swatch]:
    return parse_swatches(data, job.source.suffix if job.source else "")


def _own(data: bytes) -> list[Swatch]:
    """The palette of a `.kpal` file."""
    return swatches_of(read_head(data).palette())


def _show(console: Console, job: Job, data: bytes, *, palette: bool, heading: bool, first: bool) -> None:
    from .swatches import show_list, show_rows

    shown = _swatches(job, data) if palette else header_of(data)
    if heading:
        print(f"{'' if first else chr(10)}{job.name}")
    if isinstance(shown, Info):
        _print_info(len(data), shown)
        show_rows(console, _own(data))
    else:
        show_list(console, shown)


def _animation(info: Info) -> dict[str, str]:
    """What there is to say of the frames of an animation."""
    if not info.durations:
        return {}
    least, most, total = min(info.durations), max(info.durations), sum(info.durations)
    each = f"{least}" if least == most else f"{least} to {most}"
    times = "for ever" if not info.loop else f"{info.loop:,} time{'s' * (info.loop != 1)}"
    return {
        "frames": f"{info.frames:,}, each shown for {each} ms, {total / 1000:,.3f} s in all",
        "shown": times,
    }


def _print_info(size: int, info: Info) -> None:
    lines = {
        "format": f"kpal {info.version}",
        "pixels": f"{info.width} x {info.height}",
        **_animation(info),
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
    lines["palette"] = ""
    for name, value in lines.items():
        print(f"{name + ':':<13} {value}".rstrip())
