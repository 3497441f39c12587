"""Comparisons as tables for people and as JSON for programs."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from ..comparison.formats import Comparison, Row, saving, with_savings


def as_json(comparisons: list[Comparison]) -> dict[str, Any]:
    """All comparisons and their totals, for JSON."""
    return {"images": [c.as_dict() for c in comparisons], "total": with_savings(totals(comparisons))}


def show(console: Console, comparison: Comparison) -> None:
    """Print the comparison of one image: size and quality, the table, and the verdict."""
    c = comparison
    size = f"{c.width} x {c.height}, {c.colors} colour{'s' * (c.colors != 1)}"
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


def totals(comparisons: list[Comparison]) -> list[Row]:
    """The bytes and times of each format, summed over all images; formats that lack an image are left out."""
    rows = []
    for first in comparisons[0].rows if comparisons else ():
        same = [row for c in comparisons for row in c.rows if row.format == first.format]
        if len(same) == len(comparisons):
            encode_ms = None if first.encode_ms is None else sum(row.encode_ms or 0.0 for row in same)
            decode_ms = sum(row.decode_ms for row in same)
            rows.append(Row(first.kind, first.format, sum(row.bytes for row in same), encode_ms, decode_ms))
    return rows


def verdict(rows: list[Row], *, lossless: bool) -> str:
    """Whether kpal is the smallest of all formats that hold the same pixels.

    lossless: whether the quantised images equal the originals, so that the original files take part.
    """
    ours = min((row for row in rows if row.kind == "kpal"), key=_bytes)
    others = [row for row in rows if row.kind == "peer" or (lossless and row.kind != "kpal")]
    best = min(others, key=_bytes)
    if ours.bytes > best.bytes:
        larger = ours.bytes / best.bytes - 1
        sentence = f"kpal is not the smallest here: {ours.format} is {larger:.1%} larger than {best.format}."
    elif ours.bytes == best.bytes:
        sentence = f"{ours.format} is as small as {best.format}."
    else:
        sentence = f"{ours.format} is the smallest, {1 - ours.bytes / best.bytes:.1%} smaller than {best.format}."
    worse = [
        row.format for row in rows if row.kind in ("original", "png") and row not in others and row.bytes < ours.bytes
    ]
    return sentence + (f" It is larger than the {' and the '.join(worse)}, which lost no colours." if worse else "")


def _bytes(row: Row) -> int:
    return row.bytes


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
