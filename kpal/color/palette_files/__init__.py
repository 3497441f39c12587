"""Palette files: the formats of painting programs, and images.

    .gpl          GIMP, Inkscape, Krita; with Aseprite's fourth column for alpha
    .pal          JASC, the palettes of Paint Shop Pro; or RIFF, those of Microsoft, told apart by their content
    .hex          one colour a line, rrggbb or rrggbbaa, with or without #, as on Lospec
    .txt          the same in paint.net's order, aarrggbb
    .act          Adobe Color Table, with at most one transparent colour
    .aco, .ase    Adobe Color Swatches and Swatch Exchange, RGB and gray
    others        a `.kpal` file, or any image that has a palette or at most 256 colours

Palettes are uint8 (k, 3), or (k, 4) if any colour is not opaque, in the order of the file.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from kpal_format import EXTENSION, MAX_COLORS, U8

from ...atomic import replacing
from ...errors import KpalWarning
from ..palettes import as_palette
from . import binary, images, text
from .swatches import PaletteError, Swatch, palette_of, swatches_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "FORMATS",
    "WRITERS",
    "PaletteError",
    "Swatch",
    "format_name",
    "format_palette",
    "format_swatches",
    "parse_colors",
    "parse_palette",
    "parse_swatches",
    "read_palette",
    "swatches_of",
    "write_palette",
]

# Bytes; no larger file is an image from which anyone takes a palette, or a palette that is no image.
_LARGEST: Final = 1 << 28
_LARGEST_PALETTE: Final = 1 << 22


class Format(NamedTuple):
    """A format of palette files.

    ending: of the names of its files, which another format may have, too.
    is_text: whether people can read it.
    names: whether it holds the names of colours.
    recognise: whether the format can be told by the content of a file, whatever its name.
    """

    ending: str
    read: Callable[[bytes], list[Swatch]]
    write: Callable[[list[Swatch]], bytes]
    is_text: bool = False
    names: bool = False
    recognise: Callable[[bytes], bool] | None = None


def _begins(words: str) -> Callable[[bytes], bool]:
    """Whether a text begins with these words, in any encoding that is read."""

    def begins(data: bytes) -> bool:
        try:
            return text.text_of(data[: 4 * len(words)]).startswith(words)
        except PaletteError:
            return False

    return begins


# By name. Of the formats with the same ending, the first is written.
FORMATS: Final[dict[str, Format]] = {
    "kpal": Format(EXTENSION, images.read_image, images.write_kpal),
    "png": Format(".png", images.read_image, images.write_png),
    "gpl": Format(".gpl", text.read_gpl, text.write_gpl, is_text=True, names=True, recognise=_begins("GIMP Palette")),
    "jasc": Format(".pal", text.read_jasc, text.write_jasc, is_text=True, recognise=_begins("JASC-PAL")),
    "riff": Format(".pal", binary.read_riff, binary.write_riff, recognise=binary.is_riff),
    "hex": Format(".hex", text.read_hex, text.write_hex, is_text=True),
    "paint.net": Format(".txt", text.read_paint_net, text.write_paint_net, is_text=True),
    "act": Format(".act", binary.read_act, binary.write_act),
    "aco": Format(".aco", binary.read_aco, binary.write_aco, names=True),
    "ase": Format(".ase", binary.read_ase, binary.write_ase, names=True, recognise=binary.is_ase),
}
# The formats that are written, by ending: the name of the first that has it.
WRITERS: Final[dict[str, str]] = {}
for _name, _format in FORMATS.items():
    WRITERS.setdefault(_format.ending, _name)


def read_palette(path: str | os.PathLike[str]) -> U8:
    """Read a palette from a file: uint8 (k, 3 or 4), in the order of the file.

    path: a palette of GIMP, Aseprite, Krita or Inkscape (.gpl), of Paint Shop Pro or Microsoft (.pal), of paint.net
        (.txt), of Adobe's programs (.act, .aco, .ase), a list of hexadecimal colours (.hex), a `.kpal` file, or an
        image that Pillow reads: its palette or, without one, its colours in reading order, at most 256. Formats that
        begin with a name of their own are recognised under any ending.

    Raises KpalError for a file without a palette, and OSError for a file that cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        return parse_palette(file.read(_LARGEST), path.suffix)


def write_palette(palette: ArrayLike, path: str | os.PathLike[str], *, format: str | None = None) -> None:
    """Write a palette, numbers from 0 to 255 of shape (k, 3 or 4), to a file.

    format: the name of a format (kpal, png, gpl, jasc, riff, hex, paint.net, act, aco or ase); by default, the ending
        of the file chooses it, and `.pal` means jasc.

    Raises ValueError if the ending or the format is unknown, or if the format cannot hold the palette; warns of what
    the program of the format would leave out.
    """
    content = format_palette(palette, Path(path).suffix, format=format)
    with replacing(Path(path)) as file:
        file.write(content)


def parse_palette(data: bytes, ending: str) -> U8:
    """Like `read_palette`, for the content of a file and the ending of its name. Raises KpalError."""
    return palette_of(parse_swatches(data, ending))


def parse_swatches(data: bytes, ending: str) -> list[Swatch]:
    """Like `parse_palette`, but return the colours together with their names."""
    read = _reader(data, ending.lower())
    if read is not images.read_image and len(data) > _LARGEST_PALETTE:
        raise PaletteError(f"{len(data):,} bytes are too many for a palette")
    swatches = read(data)
    if not 1 <= len(swatches) <= MAX_COLORS:
        raise PaletteError(f"a palette of {len(swatches)} colours; there must be 1 to {MAX_COLORS}")
    return swatches


def _reader(data: bytes, ending: str) -> Callable[[bytes], list[Swatch]]:
    for each in FORMATS.values():
        if each.recognise is not None and each.recognise(data):
            return each.read
    if ending == FORMATS["riff"].ending:
        raise PaletteError("neither a JASC palette, which begins with 'JASC-PAL', nor a RIFF palette")
    return FORMATS[WRITERS[ending]].read if ending in WRITERS else images.read_image


def format_palette(palette: ArrayLike, ending: str, *, format: str | None = None) -> bytes:
    """Like `write_palette`, but return the content of the file."""
    return format_swatches(swatches_of(as_palette(palette)), format_name(ending, format))


def format_swatches(swatches: list[Swatch], format: str) -> bytes:
    """The content of a file in a format of `FORMATS`; warns of names of colours that it cannot hold.

    Raises ValueError if the format cannot hold the colours.
    """
    if not FORMATS[format].names and any(swatch.name for swatch in swatches):
        warnings.warn(f"{format} cannot hold the names of colours: they are left out", KpalWarning, stacklevel=2)
    return FORMATS[format].write(swatches)


def format_name(ending: str, format: str | None = None) -> str:
    """The name of the format in which a palette is written; ValueError for one that is unknown."""
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
    name = format or WRITERS.get(ending.lower())
    if name is None:
        raise ValueError(f"palettes are written as {', '.join(WRITERS)}, not as {ending!r}")
    return name


def parse_colors(words: str) -> U8 | None:
    """Parse a list of colours, "#ff0000,#00ff00", to uint8 (k, 3 or 4); None for any other text."""
    found = [text.match_hex(word.strip()) for word in words.split(",")]
    swatches = [swatch for swatch in found if swatch is not None]
    return palette_of(swatches) if len(swatches) == len(found) else None
