"""Palettes of other programs: read as they are meant, in their order, or refused with a reason."""

from __future__ import annotations

import io
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image
from PIL.GimpPaletteFile import GimpPaletteFile

import kpal
from kpal.color.palette_files import (
    FORMATS,
    WRITERS,
    format_palette,
    format_swatches,
    parse_colors,
    parse_palette,
    parse_swatches,
)

from ..images import gradient, pillow, random_indexed

COLORS = random_indexed(1, 300, 200).palette
CLEAR = np.column_stack((COLORS[:9], [255, 255, 0, 255, 255, 255, 255, 255, 255])).astype(np.uint8)
SOFT = random_indexed(9, 9, 20, 4).palette
NO_ALPHA = ("aco", "ase", "riff")
MANY = "ignore:paint.net reads 96 colours"


def swatches(version: int, *colors: tuple[int, ...], names: bool = False) -> bytes:
    data = struct.pack(">HH", version, len(colors))
    for color in colors:
        data += struct.pack(">5H", *color)
        if names:
            data += struct.pack(">I", 3) + "rö\0".encode("utf-16-be")
    return data


def ase(*colors: tuple[Any, ...], version: int = 1) -> bytes:
    """A swatch exchange file of one colour block for each: a model, and its levels."""
    blocks = b""
    for model, *levels in colors:
        block = b"\0\2" + "Ü\0".encode("utf-16-be") + model + struct.pack(f">{len(levels)}f", *levels)
        block += b"\0\0" * (len(levels) != 2)
        blocks += struct.pack(">HI", 1, len(block)) + block
    return b"ASEF" + struct.pack(">HHI", version, 0, len(colors)) + blocks


def riff(name: bytes, chunk: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunk) + 12) + b"PAL " + name + struct.pack("<I", len(chunk)) + chunk


# --- reading


def test_a_palette_of_paint_shop_pro_is_read_with_any_line_ends_and_with_the_alpha_of_aseprite() -> None:
    text = b"JASC-PAL\r\n0100\r\n2\r\n1 2 3 \r\n255 128 0\r\n\r\n"
    for data in (text, text.replace(b"\r\n", b"\n"), text.replace(b"\r\n", b"\r"), b"\xef\xbb\xbf" + text):
        assert parse_palette(data, ".pal").tolist() == [[1, 2, 3], [255, 128, 0]]
        assert parse_palette(data, ".PspPalette").tolist() == [[1, 2, 3], [255, 128, 0]]
    assert parse_palette(b"JASC-PAL\n0100\n2\n1 2 3 4\n5 6 7 255\n", ".pal").tolist() == [[1, 2, 3, 4], [5, 6, 7, 255]]


def test_a_riff_palette_is_told_from_a_jasc_palette_by_its_content() -> None:
    colors = b"\0\3\2\0" + b"\1\2\3\0" + b"\xff\x80\0\4"
    assert parse_palette(riff(b"data", colors), ".pal").tolist() == [[1, 2, 3], [255, 128, 0]]
    others = b"note" + struct.pack("<I", 3) + b"abc\0"  # chunks have an even number of bytes
    with_note = riff(b"data", colors)[:12] + others + riff(b"data", colors)[12:]
    assert parse_palette(with_note, ".pal").tolist() == [[1, 2, 3], [255, 128, 0]]


def test_eight_digits_are_alpha_first_in_a_palette_of_paint_net_and_last_elsewhere() -> None:
    comment = b"; Paint.NET Palette File\r\n"
    for data, ending in ((b"80FF0001\r\nffffff\r\n", ".txt"), (comment + b"80FF0001\r\nFFFFFFFF", ".hex")):
        assert parse_palette(data, ending).tolist() == [[255, 0, 1, 128], [255, 255, 255, 255]]
    assert parse_palette(b";paint.net Palette File\n80FF0001 ; red\n", ".txt").tolist() == [[255, 0, 1, 128]]
    assert parse_palette(b"80FF0001\n", ".hex").tolist() == [[128, 255, 0, 1]]
    assert parse_palette(b"#80FF0001\n", ".txt").tolist() == [[128, 255, 0, 1]]  # as in CSS


def test_hexadecimal_colours_may_be_short_and_have_comments() -> None:
    data = b"; one\n// two\n# three\n#Palette: four\n\n#f00\n#0f08 ; five\n 0000ff // six\n#ffffff, 000000\n"
    expected = [[255, 0, 0, 255], [0, 255, 0, 136], [0, 0, 255, 255], [255, 255, 255, 255], [0, 0, 0, 255]]
    for encoded in (data, data.replace(b"\n", b"\r"), "\ufeff".encode("utf-16-le") + data.decode().encode("utf-16-le")):
        assert parse_palette(encoded, ".hex").tolist() == expected


def test_adobe_swatches_are_read_from_all_groups() -> None:
    colors = ase((b"RGB ", 1, 0.5, 0.25), (b"Gray", 0.5), (b"GRAY", 1.0))
    group = struct.pack(">HI", 0xC001, 6) + b"\0\2" + "G\0".encode("utf-16-be")
    data = colors[:8] + struct.pack(">I", 5) + group + colors[12:] + struct.pack(">HI", 0xC002, 0)
    swatches = parse_swatches(data, ".ase")
    assert [swatch.levels for swatch in swatches] == [(255, 128, 64, 255), (128, 128, 128, 255), (255, 255, 255, 255)]
    assert {swatch.name for swatch in swatches} == {"Ü"}


def test_an_image_without_a_palette_gives_its_colours_in_reading_order() -> None:
    palette = random_indexed(1, 1, 200, 4).palette.copy()
    palette[5] = (0, 0, 0, 0)
    strip = Image.fromarray(np.repeat(np.repeat(palette.reshape(8, 25, 4), 8, axis=0), 8, axis=1))
    for format in ("PNG", "TIFF", "WEBP"):
        file = io.BytesIO()
        strip.save(file, format, **({"lossless": True, "exact": True} if format == "WEBP" else {}))
        assert np.array_equal(parse_palette(file.getvalue(), ".png"), palette)
    gray = io.BytesIO()
    Image.fromarray(np.array([[9, 200, 9, 0]], np.uint8)).save(gray, "PNG")
    assert parse_palette(gray.getvalue(), ".png").tolist() == [[9] * 3, [200] * 3, [0] * 3]


def test_names_go_from_format_to_format_where_both_have_them() -> None:
    data = "GIMP Palette\nName: x\n#\n1 2 3 Ünder the  sea\n4 5 6\tUntitled\n7 8 9 #070809\n1 2 3\n".encode()
    names = ["Ünder the sea", "", "", ""]
    for encoded in (data, data.decode().encode("latin-1").replace(b"\n", b"\r")):
        swatches = parse_swatches(encoded, ".gpl")
        assert [swatch.name for swatch in swatches] == names
        for format in ("gpl", "aco", "ase"):
            assert parse_swatches(format_swatches(swatches, format), f".{format}") == swatches
    with pytest.warns(kpal.KpalWarning, match="hex cannot hold the names of colours"):
        assert format_swatches(swatches, "hex") == b"010203\n040506\n070809\n010203\n"


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
    assert parse_palette(b"#010203\n #04050607 \n", ".hex").tolist() == [[1, 2, 3, 255], [4, 5, 6, 7]]
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


@pytest.mark.filterwarnings(MANY)
@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.parametrize("count", [1, 16, 255, 256])
def test_what_is_written_is_read_again(format: str, count: int, tmp_path: Path) -> None:
    path = tmp_path / f"x{FORMATS[format].ending}"
    for palette in (random_indexed(16, 16, count).palette, random_indexed(16, 16, count, 4).palette):
        palette = np.vstack((palette[:-1], palette[:1]))  # an entry that is there twice stays so
        if palette.shape[1] == 4 and format in (*NO_ALPHA, "act"):
            with pytest.raises(ValueError, match="no alpha"):
                kpal.write_palette(palette, tmp_path / "alpha", format=format)
            assert not (tmp_path / "alpha").exists()
        else:
            kpal.write_palette(palette, path, format=format)
            assert np.array_equal(kpal.read_palette(path), palette)


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in NO_ALPHA])
def test_one_clear_colour_is_written_in_every_format_that_has_it(format: str) -> None:
    ending = FORMATS[format].ending
    assert np.array_equal(parse_palette(format_palette(CLEAR, ending, format=format), ending), CLEAR)


def test_other_programs_find_what_they_expect() -> None:
    table = format_palette(CLEAR, ".act")
    assert len(table) == 772
    assert table[:27] == CLEAR[:, :3].tobytes()
    assert table[-4:] == b"\0\x09\0\x02"
    assert format_palette(COLORS[:1], ".act")[-4:] == b"\0\x01\xff\xff"
    assert format_palette(np.array([[1, 2, 255]]), ".hex") == b"0102ff\n"
    assert format_palette(np.array([[1, 2, 255]]), ".gpl") == b"GIMP Palette\nName: kpal\n#\n  1   2 255\t#0102ff\n"
    assert format_palette(CLEAR[1:3], ".gpl").startswith(b"GIMP Palette\nName: kpal\nChannels: RGBA\n#\n")
    assert format_palette(np.array([[1, 2, 255, 9]]), ".txt").endswith(b"\r\n090102FF\r\n")
    assert format_palette(np.array([[1, 2, 255]]), ".pal") == b"JASC-PAL\r\n0100\r\n1\r\n1 2 255\r\n"  # for GIMP
    gimp = GimpPaletteFile(io.BytesIO(format_palette(COLORS, ".gpl"))).getpalette()[0]
    if PIL.__version__ >= "11.2":  # older ones give each colour the place of its line
        assert gimp == COLORS.tobytes()
    with Image.open(io.BytesIO(format_palette(COLORS, ".png"))) as image:
        assert (image.mode, image.size) == ("P", (200, 1))


def test_only_kinds_of_palette_files_are_written() -> None:
    with pytest.raises(ValueError, match=r"palettes are written as \.kpal, \.png, \.gpl, \.pal, .*, not as '\.xyz'"):
        format_palette(COLORS, ".xyz")
    with pytest.raises(ValueError, match=r"format must be one of kpal, png, gpl, jasc, .*, not 'pal'"):
        format_palette(COLORS, ".pal", format="pal")


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
        (".hex", b"ff0000\n#ff00g0\n", "line 2 must be a colour"),
        (".hex", b"ff0000 red\n", "line 1 must be a colour"),
        (".hex", b"f00\n", "line 1 must be a colour"),
        (".hex", b"; nothing but a comment\n", "a palette of 0 colours"),
        (".hex", b"50%\n", "line 1 must be a colour"),
        (".txt", b"", "a palette of 0 colours"),
        (".txt", b";paint.net\r\rFF0000\rFF00000\r", "line 4 must be a colour, rrggbb or aarrggbb"),
        (".gpl", b"GIMP Palette\n100% 50% 0%\n", "line 2 must begin with 3 numbers"),
        (".pal", b"", "neither a JASC palette, which begins with 'JASC-PAL', nor a RIFF palette"),
        (".pal", b"1 2 3\n", "neither a JASC palette"),
        (".pal", b"JASC-PAL", "line 2 of a JASC palette must be '0100', but the file ends before"),
        (".pal", b"JASC-PAL\n0200\n0\n", "line 2 of a JASC palette must be '0100', not '0200'"),
        (".pal", b"JASC-PALX\n0100\n0\n", "line 1 of a JASC palette must be 'JASC-PAL', not 'JASC-PALX'"),
        (".pal", b"JASC-PAL\n0100\nmany\n", "line 3 of a JASC palette must be the number of its colours, not 'many'"),
        (".pal", b"JASC-PAL\n0100\n0\n", "a palette of 0 colours"),
        (".pal", b"JASC-PAL\n0100\n2\n1 2 3\n", "line 3 gives the number of colours as 2, but there are 1"),
        (".pal", b"JASC-PAL\n0100\n1\n1 2 3\n4 5 6\n", "line 3 gives the number of colours as 1, but there are 2"),
        (".pal", b"JASC-PAL\n0100\n1\n1 2 256\n", "line 4 must begin with 3 numbers from 0 to 255"),
        (".pal", b"JASC-PAL\n0100\n257\n" + b"1 2 3\n" * 257, "a palette of 257 colours"),
        (".pal", riff(b"data", b"\0\4\1\0rgb\0"), "RIFF palettes have version 0x300, not 0x400"),
        (".pal", riff(b"data", b"\0\3\2\0rgb\0"), "ends at number 1 of 2"),
        (".pal", riff(b"data", b"\0\3\1"), "ends before the number of its colours"),
        (".pal", riff(b"data", b"\0\3\0\0"), "a palette of 0 colours"),
        (".pal", riff(b"plth", bytes(9)), "ends before its chunk of colours"),
        (".pal", riff(b"data", b"\0\3\1\1" + bytes(4 * 257)), "a palette of 257 colours"),
        (".hex", b"\n" * 5_000_000, "5,000,000 bytes are too many for a palette"),
        (".ase", ase() + bytes(5_000_000), "5,000,012 bytes are too many for a palette"),
        (".ase", b"", "begins with 'ASEF'"),
        (".ase", b"\0\0\0\0\xe0\xa5", "a sprite of Aseprite"),
        (".ase", ase(version=2), "have version 1.0, not 2.0"),
        (".ase", ase(), "a palette of 0 colours"),
        (".ase", ase((b"RGB ", 0, 0, 0))[:-1], "end in block 0 of 1"),
        (".ase", ase((b"RGB ", 0, 0, 0))[:20], "end in block 0 of 1"),
        (".ase", ase((b"RGB ", 0, 0)), "swatch 0, 'Ü', ends in its colour"),
        (".ase", ase((b"RGB ", 0, 0, 0), (b"CMYK", 0, 0, 0, 0)), "swatch 1, 'Ü', is in CMYK; only RGB and gray"),
        (".ase", ase((b"LAB ", 0, 0, 0)), "swatch 0, 'Ü', is in Lab; only RGB and gray"),
        (".ase", ase((b"RGB ", 0, 2, 0)), "has the level 2, which is not from 0 to 1"),
        (".ase", ase((b"Gray", math.nan)), "has the level nan, which is not from 0 to 1"),
        (".ase", ase((b"Gray", math.inf)), "has the level inf, which is not from 0 to 1"),
        (".ase", ase(*[(b"Gray", 0)] * 257), "a palette of 257 colours"),
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
    with pytest.raises(kpal.PaletteError, match=r"an image without a palette .* of more than 256 colours"):
        kpal.read_palette(tmp_path / "x.png")


def test_colours_that_paint_net_would_leave_out_are_named() -> None:
    with pytest.warns(kpal.KpalWarning, match="paint.net reads 96 colours, and leaves out the rest of these 200"):
        data = format_palette(COLORS, ".txt")
    assert np.array_equal(parse_palette(data, ".txt"), COLORS)


@pytest.mark.parametrize("ending", [*WRITERS, ".gif", "riff"])
def test_damaged_palettes_are_palettes_or_errors_and_nothing_else(ending: str) -> None:
    if ending in (".aco", ".ase"):
        data = format_palette(COLORS[:9], ending)
    elif ending == "riff":
        data, ending = format_palette(COLORS[:9], "", format="riff"), ".pal"
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
