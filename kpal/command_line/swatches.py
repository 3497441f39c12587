"""Palettes in a terminal: hexadecimal colours, each behind a block of its colour where the terminal can show that."""

from __future__ import annotations

from typing import Final

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from ..batch.messages import printable
from ..color.palette_files import Swatch

_COLOURFUL: Final = ("256", "truecolor")  # with fewer colours, a terminal would show others than those of the palette
_BACKGROUNDS: Final = (255, 0)  # white and black, to tell translucent colours from opaque ones
_INDENT: Final = "  "


def show_list(console: Console, swatches: list[Swatch]) -> None:
    """Print one colour a line, with its index and its name."""
    for index, swatch in enumerate(swatches):
        name = swatch.name and f" {printable(swatch.name)}"
        _print(console, Text.assemble(f"{index:>3} ", _block(console, swatch), swatch.hex, name))


def show_rows(console: Console, swatches: list[Swatch]) -> None:
    """Print as many colours in a row as fit."""
    cells = [Text.assemble(_block(console, swatch), swatch.hex) for swatch in swatches]
    width = max(cell.cell_len for cell in cells) + len(_INDENT)
    columns = max(1, (console.width - len(_INDENT)) // width)
    for start in range(0, len(cells), columns):
        row = cells[start : start + columns]
        for cell in row[:-1]:
            cell.pad_right(width - cell.cell_len)
        _print(console, Text.assemble(_INDENT, *row))


def _block(console: Console, swatch: Swatch) -> Text:
    """Two cells of the colour, composited with white and with black, and a space; nothing without colours."""
    if console.color_system not in _COLOURFUL or console.no_color:
        return Text()
    *color, alpha = swatch.levels
    block = Text()
    for background in _BACKGROUNDS:
        red, green, blue = ((alpha * level + (255 - alpha) * background + 127) // 255 for level in color)
        block.append(" ", Style(bgcolor=Color.from_rgb(red, green, blue)))
    return block.append(" ")


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True, highlight=False)
