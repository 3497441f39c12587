"""Palette files: the formats of painting programs, and images with a palette.

    .gpl          GIMP, Inkscape, Krita; with Aseprite's fourth column for alpha
    .act          Adobe Color Table: 256 RGB triples, optionally followed by a count and a transparent index
    .aco          Adobe Color Swatches, versions 1 and 2, RGB and gray; read only
    .hex, .txt    one colour a line, rrggbb or rrggbbaa, with or without #, as on Lospec
    others        a `.kpal` file, or any image with a palette that Pillow reads

Palettes are uint8 (k, 3), or (k, 4) if any colour is not opaque, in the order of the file.
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from kpal_format import EXTENSION, MAGIC, MAX_COLORS, U8, IndexedImage, KpalError, encode_indexed, read_head, verify

from ..atomic import replacing
from ..pixels import own_palette
from .palettes import as_palette

_LARGEST: Final = 1 << 28  # bytes; larger files are not images from which anyone takes a palette
_ACT_TABLE: Final = 3 * MAX_COLORS
_ACT_OPAQUE: Final = 0xFFFF  # the transparent index of a table without a transparent colour
_ACO_COLOR: Final = struct.Struct(">H4H")  # color space, four coordinates
_ACO_RGB, _ACO_GRAY = 0, 8
_ACO_SPACES: Final = {1: "HSB", 2: "CMYK", 7: "Lab", 9: "CMYK"}
_ACO_WHITE_TO_BLACK: Final = 10_000  # gray values are hundredths of a per cent of ink

_HEX: Final = re.compile(r"#?([0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?)")


class PaletteError(KpalError):
    """The file cannot be read as a palette."""


def read_palette(path: str | os.PathLike[str]) -> U8:
    """Read a palette from a file: uint8 (k, 3 or 4), in the order of the file.

    path: a GIMP palette (.gpl), an Adobe color table (.act) or swatches (.aco), a list of hexadecimal colours (.hex,
        .txt), a `.kpal` file, or an image with a palette that Pillow reads.

    Raises KpalError for a file without a palette, and OSError for a file that cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        return parse_palette(file.read(_LARGEST), path.suffix)


def write_palette(palette: U8, path: str | os.PathLike[str]) -> None:
    """Write a palette, uint8 (k, 3 or 4), to a file in the format that its ending names.

    Raises ValueError if the ending is unknown, or if the format cannot hold the palette.
    """
    content = format_palette(palette, Path(path).suffix)
    with replacing(Path(path)) as file:
        file.write(content)


def parse_palette(data: bytes, ending: str) -> U8:
    """Like `read_palette`, for the content of a file and the ending of its name. Raises KpalError."""
    read = _READERS.get(ending.lower(), _read_image)
    colors = read(data)
    if not 1 <= len(colors) <= MAX_COLORS:
        raise PaletteError(f"a palette of {len(colors)} colours; there must be 1 to {MAX_COLORS}")
    return _without_needless_alpha(np.array(colors, np.uint8))


def format_palette(palette: U8, ending: str) -> bytes:
    """Like `write_palette`, but return the content of the file."""
    write = WRITERS.get(ending.lower())
    if write is None:
        raise ValueError(f"palettes are written as {', '.join(WRITERS)}, not as {ending!r}")
    return write(_without_needless_alpha(as_palette(palette)))


def parse_colors(text: str) -> U8 | None:
    """Parse a list of colours, "#ff0000,#00ff00", to uint8 (k, 3 or 4); None for any other text."""
    found = [_HEX.fullmatch(item.strip()) for item in text.split(",")]
    colors = [_from_hex(match[1]) for match in found if match]
    return _without_needless_alpha(np.array(colors, np.uint8)) if len(colors) == len(found) else None


def _read_image(data: bytes) -> U8:
    if data.startswith(MAGIC):
        verify(data)
        return read_head(data).palette()
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode != "P":
                raise PaletteError(f"an image without a palette (mode {image.mode}); save it with one, as mode P")
            return own_palette(image).palette
    except KpalError:
        raise
    except UnidentifiedImageError as error:
        raise PaletteError("neither an image that Pillow can read nor another file that holds a palette") from error
    except Exception as error:  # Pillow raises nearly every kind for damaged images
        raise PaletteError(f"the image is damaged, or Pillow cannot read its kind: {error}") from error


def _read_gpl(data: bytes) -> list[tuple[int, ...]]:
    lines = _text(data).splitlines()
    if not lines or not lines[0].startswith("GIMP Palette"):
        raise PaletteError("a GIMP palette begins with the line 'GIMP Palette'")
    channels = 3
    colors: list[tuple[int, ...]] = []
    for number, line in enumerate(lines[1:], 2):
        if not (line := line.strip()) or line.startswith("#"):
            continue
        if not colors and re.match(r"(Name|Columns)\s*:", line):
            continue
        if not colors and re.fullmatch(r"Channels\s*:\s*RGBA", line):
            channels = 4
            continue
        values = line.split(None, channels)[:channels]
        if len(values) < channels or not all(_is_level(value) for value in values):
            raise PaletteError(f"line {number} must begin with {channels} numbers from 0 to 255, not {line[:40]!r}")
        colors.append(_opaque(int(value) for value in values))
    return colors


def _write_gpl(palette: U8) -> bytes:
    lines = ["GIMP Palette"] + ["Channels: RGBA"] * (palette.shape[1] == 4) + ["Name: kpal", "#"]
    lines += [" ".join(f"{value:3d}" for value in color) + "\t" + _to_hex(color) for color in palette.tolist()]
    return "\n".join([*lines, ""]).encode()


def _read_act(data: bytes) -> U8:
    if len(data) not in (_ACT_TABLE, _ACT_TABLE + 4):
        raise PaletteError(f"an Adobe color table has {_ACT_TABLE} or {_ACT_TABLE + 4} bytes, not {len(data)}")
    palette = np.full((MAX_COLORS, 4), 255, np.uint8)
    palette[:, :3] = np.frombuffer(data, np.uint8, _ACT_TABLE).reshape(-1, 3)
    if len(data) == _ACT_TABLE:
        return palette
    count, transparent = struct.unpack_from(">HH", data, _ACT_TABLE)
    if not 1 <= count <= MAX_COLORS or (transparent >= count and transparent != _ACT_OPAQUE):
        raise PaletteError(f"an Adobe color table of {count} colours, of which number {transparent} is transparent")
    if transparent != _ACT_OPAQUE:
        palette[transparent, 3] = 0
    return palette[:count]


def _write_act(palette: U8) -> bytes:
    transparent = _ACT_OPAQUE
    if palette.shape[1] == 4:
        clear = np.flatnonzero(palette[:, 3] < 255)
        if len(clear) > 1 or palette[clear[0], 3]:
            raise ValueError("an Adobe color table holds no alpha but one transparent colour; .hex and .gpl hold all")
        transparent = int(clear[0])
    table = palette[:, :3].tobytes().ljust(_ACT_TABLE, b"\0")
    return table + struct.pack(">HH", len(palette), transparent)


def _read_aco(data: bytes) -> list[tuple[int, ...]]:
    """Read the first of the two lists that a file may hold: version 2 repeats the colours with names."""
    if len(data) < 4:
        raise PaletteError("the swatches end before their count")
    version, count = struct.unpack_from(">HH", data)
    if version not in (1, 2):
        raise PaletteError(f"Adobe swatches have version 1 or 2, not {version}")
    colors = []
    at = 4
    for number in range(count):
        if len(data) < at + _ACO_COLOR.size + 4 * (version == 2):
            raise PaletteError(f"the swatches end at number {number} of {count}")
        colors.append(_from_aco(number, *_ACO_COLOR.unpack_from(data, at)))
        at += _ACO_COLOR.size
        if version == 2:  # a name of 16-bit characters
            at += 4 + 2 * int.from_bytes(data[at : at + 4], "big")
            if at > len(data):
                raise PaletteError(f"the swatches end in the name of number {number}")
    return colors


def _from_aco(number: int, space: int, first: int, second: int, third: int, _: int) -> tuple[int, ...]:
    if space == _ACO_RGB:
        return _opaque(value >> 8 for value in (first, second, third))  # the low byte repeats the high one, or is 0
    if space == _ACO_GRAY:
        if first > _ACO_WHITE_TO_BLACK:
            raise PaletteError(f"swatch {number} has {first} hundredths of a percent of ink")
        level = 255 - (2 * 255 * first + _ACO_WHITE_TO_BLACK) // (2 * _ACO_WHITE_TO_BLACK)
        return _opaque((level, level, level))
    name = _ACO_SPACES.get(space, f"color space {space}")
    raise PaletteError(f"swatch {number} is in {name}; only RGB and gray can be read without a colour profile")


def _read_hex(data: bytes) -> list[tuple[int, ...]]:
    colors = []
    for number, line in enumerate(_text(data).splitlines(), 1):
        if not (line := line.strip()):
            continue
        match = _HEX.fullmatch(line)
        if match is None:
            raise PaletteError(f"line {number} must be a colour, rrggbb or rrggbbaa in hexadecimal, not {line[:40]!r}")
        colors.append(_from_hex(match[1]))
    return colors


def _write_hex(palette: U8) -> bytes:
    return "".join(_to_hex(color)[1:] + "\n" for color in palette.tolist()).encode()


def _swatches(palette: U8) -> IndexedImage:
    """An image with one pixel of each colour, side by side."""
    return IndexedImage(np.arange(len(palette), dtype=np.uint8)[None], palette)


def _write_png(palette: U8) -> bytes:
    file = io.BytesIO()
    _swatches(palette).to_pillow().save(file, "PNG")
    return file.getvalue()


def _write_kpal(palette: U8) -> bytes:
    return encode_indexed(_swatches(palette))


def _text(data: bytes) -> str:
    if b"\0" in data:
        raise PaletteError("not a text")
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")  # names may be in any encoding


def _is_level(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255


def _opaque(values: Iterable[int]) -> tuple[int, ...]:
    """Red, green and blue, with an alpha of 255 if there is none."""
    return (*values, 255)[:4]


def _from_hex(digits: str) -> tuple[int, ...]:
    return _opaque(bytes.fromhex(digits))


def _to_hex(color: list[int]) -> str:
    return "#" + bytes(color).hex()


def _without_needless_alpha(palette: U8) -> U8:
    return palette[:, :3] if palette.shape[1] == 4 and bool((palette[:, 3] == 255).all()) else palette


_READERS: Final[dict[str, Callable[[bytes], U8 | list[tuple[int, ...]]]]] = {
    ".gpl": _read_gpl,
    ".act": _read_act,
    ".aco": _read_aco,
    ".hex": _read_hex,
    ".txt": _read_hex,
}
WRITERS: Final[dict[str, Callable[[U8], bytes]]] = {
    EXTENSION: _write_kpal,
    ".png": _write_png,
    ".gpl": _write_gpl,
    ".act": _write_act,
    ".hex": _write_hex,
}
