"""Palettes of other programs: read as they are meant, in their order, or refused with a reason."""

from __future__ import annotations

import io
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal.color.palette_files import WRITERS, format_palette, parse_colors, parse_palette

from ..images import gradient, pillow, random_indexed

COLORS = random_indexed(1, 300, 200).palette
CLEAR = np.column_stack((COLORS[:9], [255, 255, 0, 255, 255, 255, 255, 255, 255])).astype(np.uint8)
SOFT = random_indexed(9, 9, 20, 4).palette


def swatches(version: int, *colors: tuple[int, ...], names: bool = False) -> bytes:
    data = struct.pack(">HH", version, len(colors))
    for color in colors:
        data += struct.pack(">5H", *color)
        if names:
            data += struct.pack(">I", 3) + "rö\0".encode("utf-16-be")
    return data


# --- reading


def test_a_gimp_palette_is_read_with_its_comments_and_names() -> None:
    text = "GIMP Palette\nName: Ünter\nColumns: 3\n# a comment\n  0   0   0\tblack\n255 128   7 two words\n\n1 2 3\n"
    for data in (text.encode(), text.replace("\n", "\r\n").encode(), text.encode("latin-1")):
        assert parse_palette(data, ".gpl").tolist() == [[0, 0, 0], [255, 128, 7], [1, 2, 3]]


def test_a_gimp_palette_of_aseprite_has_alpha() -> None:
    data = b"GIMP Palette\nChannels: RGBA\n#\n1 2 3 4 soft\n5 6 7 255 hard\n"
    assert parse_palette(data, ".gpl").tolist() == [[1, 2, 3, 4], [5, 6, 7, 255]]


def test_a_color_table_has_256_colours_or_as_many_as_it_counts() -> None:
    table = np.arange(768, dtype=np.uint16).astype(np.uint8).tobytes()
    full = np.frombuffer(table, np.uint8).reshape(256, 3)
    assert np.array_equal(parse_palette(table, ".act"), full)
    assert np.array_equal(parse_palette(table + b"\0\x05\xff\xff", ".ACT"), full[:5])
    assert parse_palette(table + b"\0\x03\0\x01", ".act")[:, 3].tolist() == [255, 0, 255]


def test_swatches_of_rgb_and_gray_are_read_in_both_versions() -> None:
    colors = (0, 0xFFFF, 0x8080, 0, 0), (0, 0xFF00, 0x1200, 0x3400, 0), (8, 0, 0, 0, 0), (8, 10000, 0, 0, 0)
    expected = [[255, 128, 0], [255, 18, 52], [255, 255, 255], [0, 0, 0]]
    one, two = swatches(1, *colors), swatches(2, *colors, names=True)
    for data in (one, two, one + two):
        assert parse_palette(data, ".aco").tolist() == expected


def test_lists_of_hexadecimal_colours_are_read_with_and_without_number_signs() -> None:
    assert parse_palette(b"\xef\xbb\xbf1a1c2c\r\n5D275D\r\n\r\n", ".hex").tolist() == [[26, 28, 44], [93, 39, 93]]
    assert parse_palette(b"#010203\n #04050607 \n", ".txt").tolist() == [[1, 2, 3, 255], [4, 5, 6, 7]]
    assert parse_palette(b"010203ff\n", ".hex").tolist() == [[1, 2, 3]]


def test_colours_in_a_line_are_told_from_the_name_of_a_file() -> None:
    found = parse_colors("#ff0000, 00ff0080")
    assert found is not None
    assert found.tolist() == [[255, 0, 0, 255], [0, 255, 0, 128]]
    for name in ("", "red.gpl", "ff0000.hex", "#ff00", "#ff0000,", "#ff0000,x"):
        assert parse_colors(name) is None


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF", "KPAL"])
def test_the_palette_of_an_image_is_read_whatever_its_format(format: str, tmp_path: Path) -> None:
    path = tmp_path / "x.image"
    options = {"keep_palette": True} if format == "KPAL" else {}
    pillow(random_indexed(20, 20, 256)).save(path, format, **options)
    assert np.array_equal(kpal.read_palette(path), random_indexed(20, 20, 256).palette)


# --- writing


@pytest.mark.parametrize("ending", list(WRITERS))
@pytest.mark.parametrize("palette", [COLORS, CLEAR, SOFT, COLORS[:1]], ids=["rgb", "clear", "soft", "one"])
def test_what_is_written_is_read_again(ending: str, palette: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / f"x{ending}"
    if ending == ".act" and palette is SOFT:
        with pytest.raises(ValueError, match="holds no alpha but one transparent colour"):
            kpal.write_palette(palette, path)
        assert not path.exists()
    else:
        kpal.write_palette(palette, path)
        assert np.array_equal(kpal.read_palette(path), palette)


def test_other_programs_find_what_they_expect() -> None:
    table = format_palette(CLEAR, ".act")
    assert len(table) == 772
    assert table[:27] == CLEAR[:, :3].tobytes()
    assert table[-4:] == b"\0\x09\0\x02"
    assert format_palette(COLORS[:1], ".act")[-4:] == b"\0\x01\xff\xff"
    assert format_palette(np.array([[1, 2, 255]]), ".hex") == b"0102ff\n"
    assert format_palette(np.array([[1, 2, 255]]), ".gpl") == b"GIMP Palette\nName: kpal\n#\n  1   2 255\t#0102ff\n"
    with Image.open(io.BytesIO(format_palette(COLORS, ".png"))) as image:
        assert (image.mode, image.size) == ("P", (200, 1))


def test_only_kinds_of_palette_files_are_written() -> None:
    with pytest.raises(ValueError, match=r"palettes are written as \.kpal, \.png, \.gpl, \.act, \.hex, not as '\.aco'"):
        format_palette(COLORS, ".aco")


# --- what cannot be read


@pytest.mark.parametrize(
    ("ending", "data", "message"),
    [
        (".gpl", b"", "begins with the line 'GIMP Palette'"),
        (".gpl", b"GIMP Palette\n", "a palette of 0 colours"),
        (".gpl", b"GIMP Palette\n1 2\n", "line 2 must begin with 3 numbers from 0 to 255, not '1 2'"),
        (".gpl", b"GIMP Palette\n1 2 256\n", "line 2 must begin with 3 numbers"),
        (".gpl", b"GIMP Palette\n1 2 -3\n", "line 2 must begin with 3 numbers"),
        (".gpl", b"GIMP Palette\n1 2 0003\n", "line 2 must begin with 3 numbers"),
        (".gpl", "GIMP Palette\n1 2 ³\n".encode(), "line 2 must begin with 3 numbers"),
        (".gpl", b"GIMP Palette\nChannels: RGBA\n1 2 3\n", "line 3 must begin with 4 numbers"),
        (".gpl", b"GIMP Palette\n" + b"1 2 3\n" * 257, "a palette of 257 colours; there must be 1 to 256"),
        (".gpl", b"GIMP Palette\n" + b"9" * 9999, "line 2 must begin"),
        (".act", b"", "768 or 772 bytes, not 0"),
        (".act", bytes(770), "768 or 772 bytes, not 770"),
        (".act", bytes(772), "table of 0 colours"),
        (".act", bytes(768) + b"\x01\x01\xff\xff", "table of 257 colours"),
        (".act", bytes(768) + b"\0\x02\0\x02", "of which number 2 is transparent"),
        (".aco", b"\0\x01\0", "end before their count"),
        (".aco", b"\0\x03\0\x01", "version 1 or 2, not 3"),
        (".aco", swatches(1), "a palette of 0 colours"),
        (".aco", swatches(1, (0, 0, 0, 0, 0))[:-1], "end at number 0 of 1"),
        (".aco", swatches(2, (0, 0, 0, 0, 0), names=True)[:-1], "end in the name of number 0"),
        (".aco", swatches(1, (0, 0, 0, 0, 0), (7, 0, 0, 0, 0)), "swatch 1 is in Lab; only RGB and gray"),
        (".aco", swatches(1, (77, 0, 0, 0, 0)), "swatch 0 is in color space 77"),
        (".aco", swatches(1, (8, 10001, 0, 0, 0)), "10001 hundredths of a percent"),
        (".aco", swatches(1, *[(0, 0, 0, 0, 0)] * 300), "a palette of 300 colours"),
        (".hex", b"", "a palette of 0 colours"),
        (".hex", b"ff0000\nred\n", "line 2 must be a colour, rrggbb or rrggbbaa in hexadecimal, not 'red'"),
        (".txt", b";paint.net Palette File\nFFff0000\n", "line 1 must be a colour"),
        (".hex", b"\0\0\0", "not a text"),
        (".png", b"", "neither an image that Pillow can read"),
        (".xyz", b"something", "neither an image that Pillow can read"),
    ],
)
def test_malformed_palettes_say_what_is_wrong(ending: str, data: bytes, message: str) -> None:
    with pytest.raises(kpal.PaletteError, match=message):
        parse_palette(data, ending)


def test_an_image_without_a_palette_is_refused(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "x.png")
    with pytest.raises(kpal.PaletteError, match="an image without a palette"):
        kpal.read_palette(tmp_path / "x.png")


@pytest.mark.parametrize("ending", [*WRITERS, ".aco", ".gif"])
def test_damaged_palettes_are_palettes_or_errors_and_nothing_else(ending: str) -> None:
    if ending == ".aco":
        data = swatches(2, *[(0, 1, 2, 3, 0)] * 5, names=True)
    elif ending == ".gif":
        file = io.BytesIO()
        pillow(random_indexed(4, 4, 9)).save(file, "GIF")
        data = file.getvalue()
    else:
        data = format_palette(CLEAR, ending)
    random = np.random.default_rng(7)
    for case in [data[:size] for size in range(len(data))] + [data + b"\x80"]:
        read_or_refused(case, ending)
    for _ in range(300):
        changed = bytearray(data)
        for position in random.integers(0, len(data), 3):
            changed[position] = random.integers(0, 256)
        read_or_refused(bytes(changed), ending)


def read_or_refused(data: bytes, ending: str) -> None:
    try:
        palette = parse_palette(data, ending)
    except kpal.KpalError:
        return
    assert palette.dtype == np.uint8
    assert 1 <= len(palette) <= 256
    assert palette.shape[1] in (3, 4)


def test_a_color_table_of_all_256_colours_may_count_them() -> None:
    table = np.arange(768, dtype=np.uint16).astype(np.uint8).tobytes()
    assert parse_palette(table + b"\x01\0\xff\xff", ".act").shape == (256, 3)
    assert parse_palette(table + b"\x01\0\0\xff", ".act")[:, 3].tolist() == [255] * 255 + [0]
    assert parse_palette(table + b"\0\x02\0\x01", ".act")[:, 3].tolist() == [255, 0]


@pytest.mark.parametrize(("space", "name"), [(1, "HSB"), (2, "CMYK"), (7, "Lab"), (9, "CMYK"), (3, "color space 3")])
def test_swatches_of_other_colour_spaces_are_named(space: int, name: str) -> None:
    with pytest.raises(kpal.KpalError, match=f"swatch 1 is in {name}; only RGB and gray"):
        parse_palette(swatches(1, (0, 1, 2, 3, 0), (space, 1, 2, 3, 4)), ".aco")


def test_gray_swatches_are_hundredths_of_a_percent_of_ink() -> None:
    inks = [0, 19, 20, 5000, 9980, 9981, 10000]
    expected = [255 - math.floor(255 * ink / 10000 + 0.5) for ink in inks]
    found = parse_palette(swatches(1, *((8, ink, 0, 0, 0) for ink in inks)), ".aco")
    assert found.tolist() == [[level] * 3 for level in expected]
    with pytest.raises(kpal.KpalError, match="swatch 0 has 10001 hundredths of a percent"):
        parse_palette(swatches(1, (8, 10001, 0, 0, 0)), ".aco")


@pytest.mark.parametrize("version", [1, 2])
def test_swatches_that_end_too_early_say_where(version: int) -> None:
    data = swatches(version, (0, 1, 2, 3, 0), (8, 1, 0, 0, 0), names=version == 2)
    for size in range(len(data)):
        with pytest.raises(kpal.KpalError, match=r"the swatches end (before their count|at number|in the name of)"):
            parse_palette(data[:size], ".aco")
    assert len(parse_palette(data, ".aco")) == 2
