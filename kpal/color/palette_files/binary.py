"""Binary palettes: Adobe's color tables and swatches (.act, .aco, .ase), and Microsoft's RIFF palettes.

Adobe documents the first two ("Adobe Photoshop File Formats Specification"); the swatch exchange format is known from
its files: big-endian blocks of groups and colours, with names in UTF-16 and levels as floats.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

from kpal_format import MAX_COLORS

from .swatches import PaletteError, Swatch, has_alpha

_ACT_TABLE: Final = 3 * MAX_COLORS
_ACT_OPAQUE: Final = 0xFFFF  # the transparent index of a table without a transparent colour

_ACO_COLOR: Final = struct.Struct(">H4H")  # color space, four coordinates
_ACO_RGB, _ACO_GRAY = 0, 8
_ACO_SPACES: Final = {1: "HSB", 2: "CMYK", 7: "Lab", 9: "CMYK"}
_ACO_WHITE_TO_BLACK: Final = 10_000  # gray values are hundredths of a per cent of ink
_ACO_LEVEL: Final = 0x101  # 16-bit levels of one 8-bit level

_ASE_HEAD: Final = struct.Struct(">4sHHI")  # "ASEF", version, blocks
_ASE_BLOCK: Final = struct.Struct(">HI")  # type, length
_ASE_COLOR: Final = 0x0001
_ASE_OTHERS: Final = (0xC001, 0xC002, 0)  # the beginning and the end of a group, the end of the file
_ASE_MODELS: Final = {b"RGB ": 3, b"GRAY": 1}  # and their numbers of levels, from 0 to 1
_ASE_GLOBAL: Final = 0  # as opposed to spot and process colours

_RIFF_HEAD: Final = struct.Struct("<4sI4s")  # "RIFF", length of the rest, "PAL "
_RIFF_CHUNK: Final = struct.Struct("<4sI")  # name, length
_RIFF_PALETTE: Final = struct.Struct("<HH")  # version, colours
_RIFF_VERSION: Final = 0x300


def read_act(data: bytes) -> list[Swatch]:
    """Read an Adobe color table: 256 RGB triples, optionally followed by a count and a transparent index."""
    if len(data) not in (_ACT_TABLE, _ACT_TABLE + 4):
        raise PaletteError(f"an Adobe color table has {_ACT_TABLE} or {_ACT_TABLE + 4} bytes, not {len(data)}")
    count, transparent = struct.unpack_from(">HH", data, _ACT_TABLE) if len(data) > _ACT_TABLE else (256, _ACT_OPAQUE)
    if not 1 <= count <= MAX_COLORS or (transparent >= count and transparent != _ACT_OPAQUE):
        raise PaletteError(f"an Adobe color table of {count} colours, of which number {transparent} is transparent")
    alpha = [0 if number == transparent else 255 for number in range(count)]
    return [Swatch.of((*data[3 * number : 3 * number + 3], alpha[number])) for number in range(count)]


def write_act(swatches: list[Swatch]) -> bytes:
    """Write an Adobe color table; ValueError for alpha other than one clear colour."""
    translucent = [number for number, swatch in enumerate(swatches) if swatch.alpha < 255]
    if len(translucent) > 1 or any(swatches[number].alpha for number in translucent):
        raise ValueError("an Adobe color table holds no alpha but one transparent colour; .hex and .gpl hold all")
    table = b"".join(bytes(swatch.levels[:3]) for swatch in swatches).ljust(_ACT_TABLE, b"\0")
    return table + struct.pack(">HH", len(swatches), *(translucent or [_ACT_OPAQUE]))


def read_aco(data: bytes) -> list[Swatch]:
    """Read Adobe swatches. A second list, of version 2, repeats those of version 1 with their names."""
    version, at, swatches = _read_aco_list(data, 0)
    if version == 1 and data[at : at + 2] == b"\0\2":
        swatches = _read_aco_list(data, at)[2]
    return swatches


def _read_aco_list(data: bytes, at: int) -> tuple[int, int, list[Swatch]]:
    """One list from a position: its version, its end, its colours."""
    if len(data) < at + 4:
        raise PaletteError("the swatches end before their count")
    version, count = struct.unpack_from(">HH", data, at)
    if version not in (1, 2):
        raise PaletteError(f"Adobe swatches have version 1 or 2, not {version}")
    at += 4
    swatches = []
    for number in range(count):
        if len(data) < at + _ACO_COLOR.size + 4 * (version == 2):
            raise PaletteError(f"the swatches end at number {number} of {count}")
        space, *coordinates = _ACO_COLOR.unpack_from(data, at)
        at += _ACO_COLOR.size
        name = ""
        if version == 2:
            size = 2 * int.from_bytes(data[at : at + 4], "big")
            at += 4
            if at + size > len(data):
                raise PaletteError(f"the swatches end in the name of number {number}")
            name = _name(data[at : at + size])
            at += size
        swatches.append(Swatch.of(_from_aco(number, name, space, coordinates), name))
    return version, at, swatches


def _from_aco(number: int, name: str, space: int, coordinates: Sequence[int]) -> list[int]:
    if space == _ACO_RGB:
        return [value >> 8 for value in coordinates[:3]]  # the low byte repeats the high one, or is 0
    if space == _ACO_GRAY:
        if coordinates[0] > _ACO_WHITE_TO_BLACK:
            raise PaletteError(f"{_called(number, name)} has {coordinates[0]} hundredths of a percent of ink")
        level = 255 - (2 * 255 * coordinates[0] + _ACO_WHITE_TO_BLACK) // (2 * _ACO_WHITE_TO_BLACK)
        return [level] * 3
    raise _other_space(number, name, _ACO_SPACES.get(space, f"color space {space}"))


def write_aco(swatches: list[Swatch]) -> bytes:
    """Write Adobe swatches in both versions; ValueError for alpha."""
    _refuse_alpha(swatches, "Adobe swatches hold")
    lists = [struct.pack(">HH", version, len(swatches)) for version in (1, 2)]
    for swatch in swatches:
        color = _ACO_COLOR.pack(_ACO_RGB, *(_ACO_LEVEL * level for level in swatch.levels[:3]), 0)
        name = _utf16(swatch.name or swatch.hex)
        lists[0] += color
        lists[1] += color + struct.pack(">I", len(name) // 2) + name
    return b"".join(lists)


def is_ase(data: bytes) -> bool:
    """Whether the data begin as an Adobe swatch exchange file does."""
    return data.startswith(b"ASEF")


def read_ase(data: bytes) -> list[Swatch]:
    """Read an Adobe swatch exchange file: the colours of all groups, in order."""
    if data[4:6] == b"\xe0\xa5":  # the magic number of Aseprite, whose sprites have the same ending
        raise PaletteError("a sprite of Aseprite, not Adobe swatches; save its palette as .gpl, or the sprite as .png")
    if not is_ase(data) or len(data) < _ASE_HEAD.size:
        raise PaletteError("an Adobe swatch exchange file begins with 'ASEF', a version and the number of its blocks")
    _, major, minor, blocks = _ASE_HEAD.unpack_from(data)
    if major != 1:
        raise PaletteError(f"Adobe swatch exchange files have version 1.0, not {major}.{minor}")
    swatches: list[Swatch] = []
    at = _ASE_HEAD.size
    for number in range(blocks):
        if at + _ASE_BLOCK.size > len(data):
            raise PaletteError(f"the swatches end at block {number} of {blocks}")
        kind, length = _ASE_BLOCK.unpack_from(data, at)
        at += _ASE_BLOCK.size
        if at + length > len(data):
            raise PaletteError(f"the swatches end in block {number} of {blocks}")
        if kind == _ASE_COLOR:
            swatches.append(_from_ase(len(swatches), data[at : at + length]))
        elif kind not in _ASE_OTHERS:
            raise PaletteError(f"block {number} of the swatches is of an unknown kind, {kind:#06x}")
        at += length
    return swatches


def _from_ase(number: int, block: bytes) -> Swatch:
    size = 2 * int.from_bytes(block[:2], "big")
    name, model, levels = _name(block[2 : 2 + size]), block[2 + size : 6 + size].upper(), block[6 + size :]
    if len(model) < 4:
        raise PaletteError(f"{_called(number, name)} has no colour")
    if model not in _ASE_MODELS:
        raise _other_space(number, name, model.decode("ascii", "replace").strip().replace("LAB", "Lab"))
    count = _ASE_MODELS[model]
    if len(levels) < 4 * count:
        raise PaletteError(f"{_called(number, name)} ends in its colour")
    found = [_eight_bit(value, number, name) for value in struct.unpack_from(f">{count}f", levels)]
    return Swatch.of(found * (3 // count), name)


def _eight_bit(value: float, number: int, name: str) -> int:
    level = math.floor(255 * value + 0.5) if math.isfinite(value) else -1
    if not 0 <= level <= 255:
        raise PaletteError(f"{_called(number, name)} has the level {value:g}, which is not from 0 to 1")
    return level


def write_ase(swatches: list[Swatch]) -> bytes:
    """Write an Adobe swatch exchange file; ValueError for alpha."""
    _refuse_alpha(swatches, "an Adobe swatch exchange file holds")
    data = _ASE_HEAD.pack(b"ASEF", 1, 0, len(swatches))
    for swatch in swatches:
        name = _utf16(swatch.name or swatch.hex)
        levels = (level / 255 for level in swatch.levels[:3])
        block = struct.pack(">H", len(name) // 2) + name + struct.pack(">4s3fH", b"RGB ", *levels, _ASE_GLOBAL)
        data += _ASE_BLOCK.pack(_ASE_COLOR, len(block)) + block
    return data


def is_riff(data: bytes) -> bool:
    """Whether the data begin as a RIFF palette does."""
    return data.startswith(b"RIFF") and data[8:12] == b"PAL "


def read_riff(data: bytes) -> list[Swatch]:
    """Read a RIFF palette: the colours of its chunk `data`."""
    at = _RIFF_HEAD.size
    while at + _RIFF_CHUNK.size <= len(data):
        name, length = _RIFF_CHUNK.unpack_from(data, at)
        at += _RIFF_CHUNK.size
        if name == b"data":
            return _from_riff(data[at : at + length])
        at += length + length % 2
    raise PaletteError("the RIFF palette ends before its chunk of colours")


def _from_riff(chunk: bytes) -> list[Swatch]:
    if len(chunk) < _RIFF_PALETTE.size:
        raise PaletteError("the RIFF palette ends before the number of its colours")
    version, count = _RIFF_PALETTE.unpack_from(chunk)
    if version != _RIFF_VERSION:
        raise PaletteError(f"RIFF palettes have version {_RIFF_VERSION:#x}, not {version:#x}")
    colors = chunk[_RIFF_PALETTE.size :][: 4 * count]
    if len(colors) < 4 * count:
        raise PaletteError(f"the RIFF palette ends at number {len(colors) // 4} of {count}")
    return [Swatch.of(colors[at : at + 3]) for at in range(0, 4 * count, 4)]  # and a byte of flags


def write_riff(swatches: list[Swatch]) -> bytes:
    """Write a RIFF palette; ValueError for alpha."""
    _refuse_alpha(swatches, "a RIFF palette holds")
    colors = b"".join(bytes((*swatch.levels[:3], 0)) for swatch in swatches)
    chunk = _RIFF_PALETTE.pack(_RIFF_VERSION, len(swatches)) + colors
    body = _RIFF_CHUNK.pack(b"data", len(chunk)) + chunk
    return _RIFF_HEAD.pack(b"RIFF", 4 + len(body), b"PAL ") + body


def _refuse_alpha(swatches: list[Swatch], who: str) -> None:
    if has_alpha(swatches):
        raise ValueError(f"{who} no alpha; .hex and .gpl hold it")


def _name(data: bytes) -> str:
    """A name in UTF-16 that ends with a zero."""
    return data.decode("utf-16-be", "replace").partition("\0")[0]


def _utf16(name: str) -> bytes:
    return f"{name}\0".encode("utf-16-be", "replace")


def _called(number: int, name: str) -> str:
    return f"swatch {number}, {name!r}," if name else f"swatch {number}"


def _other_space(number: int, name: str, space: str) -> PaletteError:
    return PaletteError(
        f"{_called(number, name)} is in {space}; only RGB and gray can be read without a colour profile"
    )
