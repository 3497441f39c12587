"""Palettes as text: GIMP palettes, JASC palettes, and lists of hexadecimal colours in two orders of channels."""

from __future__ import annotations

import codecs
import re
import warnings
from typing import Final

from ...errors import KpalWarning
from .swatches import PaletteError, Swatch, has_alpha

_NEW_LINE: Final = re.compile(r"\r\n|\r|\n")  # unlike str.splitlines, not at characters that names in Latin-1 may have
_SHOWN: Final = 40  # characters of a wrong line in a message

_GPL_PROPERTY: Final = re.compile(r"(\w+)\s*:\s*(.*)")
_JASC_HEADER: Final = ("JASC-PAL", "0100")
_HEX: Final = re.compile(r"#?([0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?)")
_SHORT_HEX: Final = re.compile(r"#([0-9a-fA-F]{3,4})")
_COMMENT: Final = re.compile(r";.*|//.*|(?:^|(?<=\s))#(?:\s.*)?$")
_PAINT_NET_COLORS: Final = 96
_PAINT_NET_HEADER: Final = ";paint.net Palette File"


def text_of(data: bytes) -> str:
    """The text of a file in UTF-8 or, with a byte order mark, UTF-16; else in Latin-1, the encoding of old programs."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        raise PaletteError("not a text")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _lines(data: bytes) -> list[str]:
    return [line.strip() for line in _NEW_LINE.split(text_of(data))]


def read_gpl(data: bytes) -> list[Swatch]:
    """Read a GIMP palette; the property `Channels: RGBA` of Aseprite announces a fourth column for alpha."""
    lines = _lines(data)
    if not lines[0].startswith("GIMP Palette"):
        raise PaletteError("a GIMP palette begins with the line 'GIMP Palette'")
    channels = 3
    swatches: list[Swatch] = []
    for number, line in enumerate(lines[1:], 2):
        if not line or line.startswith("#"):
            continue
        if not swatches and (found := _GPL_PROPERTY.match(line)):
            if found.groups() == ("Channels", "RGBA"):
                channels = 4
            continue
        swatches.append(_levels(line, number, channels))
    return swatches


def write_gpl(swatches: list[Swatch]) -> bytes:
    """Write a GIMP palette; alpha is written as Aseprite does."""
    alpha = has_alpha(swatches)
    lines = ["GIMP Palette", "Name: kpal"] + ["Channels: RGBA"] * alpha + ["#"]
    for swatch in swatches:
        levels = " ".join(f"{value:3d}" for value in swatch.levels[: 3 + alpha])
        lines.append(f"{levels}\t{swatch.name or swatch.hex}")
    return "\n".join([*lines, ""]).encode()


def read_jasc(data: bytes) -> list[Swatch]:
    """Read a palette of Paint Shop Pro; as in Aseprite, colours may have a fourth number for alpha."""
    lines = _lines(data)
    while lines and not lines[-1]:
        lines.pop()
    for number, expected in enumerate(_JASC_HEADER, 1):
        if len(lines) < number or lines[number - 1] != expected:
            raise PaletteError(f"line {number} of a JASC palette must be {expected!r}{_instead(lines, number)}")
    if len(lines) < 3 or not re.fullmatch("[0-9]{1,9}", lines[2]):
        raise PaletteError(f"line 3 of a JASC palette must be the number of its colours{_instead(lines, 3)}")
    count = int(lines[2])
    swatches = [_levels(line, number, 3 + (len(line.split()) == 4)) for number, line in enumerate(lines[3:], 4)]
    if len(swatches) != count:
        raise PaletteError(f"line 3 gives the number of colours as {count}, but there are {len(swatches)}")
    return swatches


def _instead(lines: list[str], number: int) -> str:
    return f", not {lines[number - 1][:_SHOWN]!r}" if len(lines) >= number else ", but the file ends before"


def write_jasc(swatches: list[Swatch]) -> bytes:
    """Write a palette of Paint Shop Pro; GIMP accepts no other line ends."""
    alpha = has_alpha(swatches)
    colors = [" ".join(map(str, swatch.levels[: 3 + alpha])) for swatch in swatches]
    return "\r\n".join([*_JASC_HEADER, str(len(swatches)), *colors, ""]).encode()


def read_hex(data: bytes) -> list[Swatch]:
    """Read hexadecimal colours, rrggbb or rrggbbaa with or without #, and the short forms of CSS with it."""
    return _read_hex(data, alpha_first=_is_paint_net(data))


def read_paint_net(data: bytes) -> list[Swatch]:
    """Read hexadecimal colours of which eight digits are aarrggbb; after #, they are rrggbbaa as everywhere."""
    return _read_hex(data, alpha_first=True)


def _is_paint_net(data: bytes) -> bool:
    return _lines(data)[0].lower().replace(" ", "").startswith(_PAINT_NET_HEADER.lower().replace(" ", ""))


def _read_hex(data: bytes, *, alpha_first: bool) -> list[Swatch]:
    swatches = []
    for number, line in enumerate(_lines(data), 1):
        if _is_hash_comment(line):
            continue
        for word in _COMMENT.sub("", line).replace(",", " ").split():
            found = _HEX.fullmatch(word) or _SHORT_HEX.fullmatch(word)
            if found is None:
                order = "aarrggbb" if alpha_first else "rrggbbaa"
                raise PaletteError(
                    f"line {number} must be a colour, rrggbb or {order} in hexadecimal, not {line[:_SHOWN]!r}"
                )
            swatches.append(_from_hex(found[1], alpha_first=alpha_first and word[0] != "#"))
    return swatches


def _is_hash_comment(line: str) -> bool:
    """Whether a line is a comment such as "#Palette Name: x", whose first word is no misspelt colour."""
    found = re.match(r"#(\w+)", line)
    return found is not None and bool(re.search("[^0-9a-fA-F]", found[1])) and not re.search("[0-9]", found[1])


def match_hex(text: str) -> Swatch | None:
    """The colour that a text is, rrggbb or rrggbbaa with or without #; None for any other text."""
    found = _HEX.fullmatch(text)
    return _from_hex(found[1]) if found else None


def _from_hex(digits: str, *, alpha_first: bool = False) -> Swatch:
    """The colour of three, four, six or eight hexadecimal digits."""
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    levels = bytes.fromhex(digits)
    if alpha_first and len(levels) == 4:
        levels = levels[1:] + levels[:1]
    return Swatch.of(levels)


def write_hex(swatches: list[Swatch]) -> bytes:
    """Write one colour a line, rrggbb or rrggbbaa."""
    alpha = has_alpha(swatches)
    return "".join(bytes(swatch.levels[: 3 + alpha]).hex() + "\n" for swatch in swatches).encode()


def write_paint_net(swatches: list[Swatch]) -> bytes:
    """Write one colour a line, aarrggbb; warn of more colours than paint.net reads."""
    if len(swatches) > _PAINT_NET_COLORS:
        warnings.warn(
            f"paint.net reads {_PAINT_NET_COLORS} colours, and leaves out the rest of these {len(swatches)}",
            KpalWarning,
            stacklevel=2,
        )
    colors = [bytes((swatch.alpha, *swatch.levels[:3])).hex().upper() for swatch in swatches]
    return "\r\n".join([_PAINT_NET_HEADER, ";aarrggbb in hexadecimal", *colors, ""]).encode()


def _levels(line: str, number: int, channels: int) -> Swatch:
    """The colour of a line that begins with numbers; the rest of it is the name."""
    *values, name = [*line.split(None, channels), ""][: channels + 1]
    if len(values) < channels or not all(_is_level(value) for value in values):
        raise PaletteError(f"line {number} must begin with {channels} numbers from 0 to 255, not {line[:_SHOWN]!r}")
    return Swatch.of(map(int, values), name)


def _is_level(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255
