"""Comparisons as tables for people and as JSON for programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from .compare import ORIGINAL, TRUE_COLOR_PNG, Comparison, Row, kpal_row

if TYPE_CHECKING:
    from collections.abc import Iterable


def as_json(comparisons: list[Comparison]) -> dict[str, Any]:
    """All comparisons, and their totals."""
    return {"images": [c.as_dict() for c in comparisons], "total": [row.__dict__ for row in totals(comparisons)]}


def show(console: Console, comparison: Comparison) -> None:
    """One image: what it became, the table, and whether kpal is the smallest."""
    c = comparison
    size = f"{c.width} x {c.height}, {c.colors} colour{'s' * (c.colors != 1)}"
    if math.isinf(c.psnr_db):
        quality = "no loss"
    else:
        quality = f"PSNR {c.psnr_db:.1f} dB" + (
            f", SSIMULACRA2 {c.ssimulacra2:.1f}" if c.ssimulacra2 is not None else ""
        )
    console.print(
        f"\n{c.name}: {size}, quantised in {c.quantize_ms:.0f} ms, {quality}",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )
    console.print(_table(c.rows))
    console.print(verdict(c.rows), soft_wrap=True, markup=False, highlight=False)


def show_total(console: Console, comparisons: list[Comparison]) -> None:
    """Sums over all images."""
    rows = totals(comparisons)
    console.print(f"\nTotal of {len(comparisons)} images", soft_wrap=True, markup=False, highlight=False)
    console.print(_table(rows))
    console.print(verdict(rows), soft_wrap=True, markup=False, highlight=False)


def totals(comparisons: list[Comparison]) -> list[Row]:
    """Sums of bytes and times by format; a format that lacks an image is left out."""
    rows = []
    for first in comparisons[0].rows if comparisons else ():
        same = [row for c in comparisons for row in c.rows if row.format == first.format]
        if len(same) == len(comparisons):
            encode_ms = None if first.encode_ms is None else sum(row.encode_ms or 0.0 for row in same)
            rows.append(
                Row(first.format, sum(row.bytes for row in same), encode_ms, sum(row.decode_ms for row in same))
            )
    return rows


def verdict(rows: list[Row]) -> str:
    """One sentence: is kpal the smallest of the formats that hold the same pixels?"""
    same_pixels = [row for row in rows if row.format not in (ORIGINAL, TRUE_COLOR_PNG)]
    ours = min((row for row in same_pixels if row.format.startswith(kpal_row(""))), key=_bytes)
    peer = min((row for row in same_pixels if not row.format.startswith(kpal_row(""))), key=_bytes)
    if ours.bytes == peer.bytes:
        return f"{ours.format} is as small as {peer.format}."
    if ours.bytes < peer.bytes:
        return f"{ours.format} is the smallest, {1 - ours.bytes / peer.bytes:.1%} smaller than {peer.format}."
    return (
        f"kpal is not the smallest here: {ours.format} is {ours.bytes / peer.bytes - 1:.1%} larger than {peer.format}."
    )


def _bytes(row: Row) -> int:
    return row.bytes


def _table(rows: Iterable[Row]) -> Table:
    rows = list(rows)
    yardstick = next(row.bytes for row in rows if row.format == TRUE_COLOR_PNG)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("format")
    for heading in ("bytes", "against PNG", "encode ms", "decode ms"):
        table.add_column(heading, justify="right")
    for row in rows:
        saving = f"{100 * (row.bytes / yardstick - 1):+.1f} %"
        encode_ms = "" if row.encode_ms is None else f"{row.encode_ms:.1f}"
        style = "bold" if row.format.startswith(kpal_row("")) else ""
        table.add_row(row.format, f"{row.bytes:,}", saving, encode_ms, f"{row.decode_ms:.1f}", style=style)
    return table
