"""Comparisons as tables for people and as JSON for programs."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from ..comparison.formats import Comparison, Row, saving, totals, verdict, with_savings


def as_json(comparisons: list[Comparison]) -> dict[str, Any]:
    """All comparisons and their totals, for JSON."""
    return {"images": [c.as_dict() for c in comparisons], "total": with_savings(totals(comparisons))}


def show(console: Console, comparison: Comparison) -> None:
    """Print the comparison of one image: size and quality, the table, and the verdict."""
    c = comparison
    frames = f"{c.frames} frames, " if c.frames > 1 else ""
    size = f"{c.width} x {c.height}, {frames}{c.colors} colour{'s' * (c.colors != 1)}"
    if math.isinf(c.psnr_db):
        quality = "no loss"
    else:
        quality = f"PSNR {c.psnr_db:.1f} dB" + (
            f", SSIMULACRA2 {c.ssimulacra2:.1f}" if c.ssimulacra2 is not None else ""
        )
    _print(console, f"\n{c.name}: {size}, quantised in {c.quantize_ms:.0f} ms, {quality}")
    console.print(_table(c.rows))
    _print(console, verdict(c.rows, lossless=math.isinf(c.psnr_db)))


def show_total(console: Console, comparisons: list[Comparison]) -> None:
    """Print the totals over all images."""
    rows = totals(comparisons)
    _print(console, f"\nTotal of {len(comparisons)} images")
    console.print(_table(rows))
    _print(console, verdict(rows, lossless=all(math.isinf(c.psnr_db) for c in comparisons)))


def _print(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("format")
    for heading in ("bytes", "saving on PNG", "encode ms", "decode ms"):
        table.add_column(heading, justify="right")
    for row in rows:
        encode_ms = "" if row.encode_ms is None else f"{row.encode_ms:.1f}"
        style = "bold" if row.kind == "kpal" else ""
        table.add_row(
            row.format, f"{row.bytes:,}", f"{saving(row, rows):.1f} %", encode_ms, f"{row.decode_ms:.1f}", style=style
        )
    return table
