"""Colours look as the source says: littlecms, through ImageCms, is the judge, or the formulas of the standards."""

from __future__ import annotations

import io
import itertools
import struct
import warnings
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin

import kpal
from kpal import cli
from kpal.batch.transcode import to_kpal
from kpal.comparison.formats import compare
from kpal.image_files import icc_profiles
from kpal.image_files.color_tags import SRGB_CURVE, SRGB_PRIMARIES, ColorTag, _of_code_points
from kpal.image_files.icc_profiles import Primaries, matrix_profile, power
from kpal.pixels import to_array

from ..foreign_files import (
    chrm,
    chunk,
    cicp,
    cmyk_profile,
    gama,
    gray_profile,
    gray_table_profile,
    icc_profile,
    png_with,
    saved,
)

Image.init()  # so that it knows which formats it has
Chromaticities = list[tuple[float, float]]  # of white, red, green and blue

D65 = (0.3127, 0.3290)
SRGB: Chromaticities = [D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)]
P3: Chromaticities = [D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)]
BT2020: Chromaticities = [D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)]
ADOBE: Chromaticities = [D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)]
PROPHOTO: Chromaticities = [(0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)]
COLORS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (15, 16, 3), np.uint8))
RAMP = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (4, 1)))
INKS = Image.frombytes("CMYK", (15, 16), np.random.default_rng(1).bytes(4 * 15 * 16))
SRGB_PROFILE: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def in_srgb(image: Image.Image, profile: bytes) -> NDArray[np.int64]:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return np.asarray(converted).astype(int)


def look(data: bytes) -> NDArray[np.int64]:
    """The colours of a `.kpal` file in sRGB."""
    with Image.open(io.BytesIO(data)) as image:
        rgb, profile = image.convert("RGB"), image.info.get("icc_profile")
    return in_srgb(rgb, profile) if profile else np.asarray(rgb).astype(int)


def linear(curve: float | str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if curve == "sRGB":
        return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    if curve == "BT.709":
        return np.where(values < 0.081, values / 4.5, ((values + 0.099) / 1.099) ** (1 / 0.45))
    assert isinstance(curve, float)
    return np.asarray(values**curve)


def to_d50(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ relative to D50, by Bradford's adaptation."""
    white, *primaries = [np.array((x, y, 1 - x - y)) for x, y in chromaticities]
    matrix = np.array(primaries).T
    white = white / white[1]
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    scale = (bradford @ (0.9642, 1, 0.8249)) / (bradford @ white)
    return np.asarray(np.linalg.inv(bradford) @ np.diag(scale) @ bradford @ matrix * np.linalg.solve(matrix, white))


def expected(chromaticities: Chromaticities, curve: float | str) -> NDArray[np.int64]:
    """COLORS in sRGB, if they have these primaries and that transfer function."""
    light = linear(curve, np.asarray(COLORS) / 255) @ to_d50(chromaticities).T @ np.linalg.inv(to_d50(SRGB)).T
    light = light.clip(0, 1)
    return np.round(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)).astype(int)


def assert_alike(a: NDArray[np.int64], b: NDArray[np.int64]) -> None:
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= 2


# --- PNG


@pytest.mark.parametrize(
    ("chunks", "chromaticities", "curve"),
    [
        ([gama(100_000)], SRGB, 1.0),
        ([gama(55_556)], SRGB, 1.8),
        ([gama(45_455), chrm(*ADOBE)], ADOBE, "sRGB"),
        ([gama(55_556), chrm(*PROPHOTO)], PROPHOTO, 1.8),
        ([chrm(*P3)], P3, "sRGB"),
        ([cicp(12, 13, 0, 1)], P3, "sRGB"),
        ([cicp(9, 14, 0, 1)], BT2020, "BT.709"),
        ([cicp(1, 8, 0, 1)], SRGB, 1.0),
        ([cicp(1, 4, 0, 1)], SRGB, 2.2),
        ([cicp(12, 13, 0, 1), gama(100_000)], P3, "sRGB"),
        ([cicp(12, 13, 0, 1), chunk(b"sRGB", b"\0")], P3, "sRGB"),
        ([cicp(2, 2, 0, 1), gama(100_000)], SRGB, 1.0),
        ([cicp(2, 8, 0, 1)], SRGB, 1.0),
    ],
)
def test_a_profile_says_what_the_chunks_of_a_png_say(
    chunks: list[bytes], chromaticities: Chromaticities, curve: float | str
) -> None:
    data = png_with(COLORS, *chunks)
    encoded = to_kpal(data)
    assert np.array_equal(kpal.decode(encoded), np.asarray(COLORS))
    assert_alike(look(encoded), expected(chromaticities, curve))
    with Image.open(io.BytesIO(data)) as image:
        assert kpal.encode(image, metadata=None) == kpal.encode(COLORS, metadata=kpal.inspect(encoded).metadata)
    assert not kpal.inspect(to_kpal(data, strip=("icc_profile",))).metadata


@pytest.mark.parametrize(
    "chunks",
    [
        [gama(45_455), chrm(*SRGB)],
        [gama(45_455)],
        [gama(45_000)],
        [chrm(*SRGB)],
        [chunk(b"sRGB", b"\0"), gama(100_000), chrm(*ADOBE)],
        [cicp(1, 13, 0, 1), gama(100_000)],
        [cicp(2, 2, 0, 1)],
    ],
)
def test_what_says_srgb_needs_no_profile(chunks: list[bytes]) -> None:
    assert not kpal.inspect(to_kpal(png_with(COLORS, *chunks))).metadata


def test_an_icc_profile_goes_before_gama_and_cicp_before_both() -> None:
    profile = SRGB_PROFILE
    iccp = chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))
    assert kpal.inspect(to_kpal(png_with(COLORS, iccp, gama(100_000)))).metadata.icc_profile == profile
    assert not kpal.inspect(to_kpal(png_with(COLORS, iccp, cicp(1, 13, 0, 1)))).metadata
    made = kpal.inspect(to_kpal(png_with(COLORS, iccp, cicp(12, 13, 0, 1)))).metadata.icc_profile
    assert made is not None
    assert b"D\0i\0s\0p\0l\0a\0y\0 \0P\x003" in made


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        ([cicp(9, 16, 0, 1)], r"cICP 9/16 \(PQ\)"),
        ([cicp(9, 18, 0, 1)], r"cICP 9/18 \(HLG\)"),
        ([cicp(1, 13, 1, 1)], "cICP"),
        ([cicp(1, 13, 0, 0)], "cICP"),
        ([cicp(77, 13, 0, 1)], "cICP 77/13"),
        ([chrm((0, 0), (0, 0), (0, 0), (0, 0))], "primaries that make no sense"),
        ([chrm((0.3, 0.3), (0.3, 0.3), (0.3, 0.3), (0.3, 0.3))], "primaries that make no sense"),
        ([gama(0)], "gAMA or cHRM make no sense"),
        ([chunk(b"iCCP", b"x\0\0no zlib")], "ICC profile is damaged"),
    ],
)
def test_what_no_profile_can_say_is_named(chunks: list[bytes], said: str) -> None:
    with pytest.warns(kpal.KpalWarning, match=said):
        data = to_kpal(png_with(COLORS, *chunks))
    assert not kpal.inspect(data).metadata
    assert np.array_equal(kpal.decode(data), np.asarray(COLORS))


def test_the_profile_beside_colours_of_high_dynamic_range_is_kept() -> None:
    iccp = chunk(b"iCCP", b"x\0\0" + zlib.compress(SRGB_PROFILE))
    with pytest.warns(kpal.KpalWarning, match="PQ"):
        data = to_kpal(png_with(COLORS, iccp, cicp(9, 16, 0, 1)))
    assert kpal.inspect(data).metadata.icc_profile == SRGB_PROFILE


def test_gray_and_palette_images_have_the_profile_too() -> None:
    made = kpal.inspect(to_kpal(png_with(COLORS, gama(100_000)))).metadata
    for mode in ("L", "P", "1", "LA", "RGBA"):
        assert kpal.inspect(to_kpal(png_with(COLORS.convert(mode), gama(100_000)))).metadata == made


def test_a_loaded_image_is_found_out_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "p3.png"
    path.write_bytes(png_with(COLORS, cicp(12, 13, 0, 1)))
    with Image.open(path) as image:
        image.load()
        assert kpal.inspect(kpal.encode(image)).metadata.icc_profile
        path.unlink()
        assert not kpal.inspect(kpal.encode(image)).metadata


# --- other formats


def test_calibrated_colours_and_profiles_of_bmp_files_are_kept() -> None:
    pixels = np.asarray(COLORS)[::-1, :, ::-1].tobytes()

    def bmp(space: bytes, numbers: tuple[int, ...] = (0,) * 12, profile: bytes = b"") -> bytes:
        head = struct.pack("<IiiHHIIiiII", 124, 16, 15, 1, 24, 0, len(pixels), 0, 0, 0, 0) + bytes(16) + space
        head += struct.pack("<12I4I", *numbers, 4, 124 + len(pixels), len(profile), 0)
        return b"BM" + struct.pack("<I4xI", 138 + len(pixels) + len(profile), 138) + head + pixels + profile

    assert kpal.inspect(to_kpal(bmp(b"DEBM", profile=SRGB_PROFILE))).metadata.icc_profile == SRGB_PROFILE
    for nothing in (b"BGRs", b" niW", b"\0\0\0\0"):
        assert not kpal.inspect(to_kpal(bmp(nothing))).metadata
    with pytest.warns(kpal.KpalWarning, match="an ICC profile in another file"):
        to_kpal(bmp(b"KNIL"))
    light = to_xyz(ADOBE).T.reshape(-1)
    numbers = (*(round(value * (1 << 30)) for value in light), *[round(1.8 * 65536)] * 3)
    assert_alike(look(to_kpal(bmp(b"\0\0\0\0", numbers))), expected(ADOBE, 1.8))


def to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    white, *primaries = [np.array((x, y, 1 - x - y)) for x, y in chromaticities]
    matrix = np.array(primaries).T
    return np.asarray(matrix * np.linalg.solve(matrix, white / white[1]))


def test_the_primaries_of_tiff_files_count() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[318], tags[319] = D65, tuple(value for pair in P3[1:] for value in pair)
    assert_alike(look(to_kpal(saved(COLORS, "TIFF", tiffinfo=tags))), expected(P3, "sRGB"))
    tags[319] = tuple(value for pair in SRGB[1:] for value in pair)
    assert not kpal.inspect(to_kpal(saved(COLORS, "TIFF", tiffinfo=tags))).metadata


@pytest.mark.skipif("JPEG2000" not in Image.SAVE, reason="a Pillow without OpenJPEG")
def test_the_profile_of_jpeg_2000_files_is_kept() -> None:
    data = saved(COLORS, "JPEG2000")
    header, box = data.index(b"jp2h") - 4, data.index(b"colr") - 4
    (header_size,), (box_size,) = (struct.unpack_from(">I", data, at) for at in (header, box))
    new = struct.pack(">I4s3B", 11 + len(SRGB_PROFILE), b"colr", 2, 0, 0) + SRGB_PROFILE
    size = struct.pack(">I", header_size - box_size + len(new))
    data = data[:header] + size + data[header + 4 : box] + new + data[box + box_size :]
    assert kpal.inspect(to_kpal(data)).metadata.icc_profile == SRGB_PROFILE


@pytest.mark.skipif("AVIF" not in Image.SAVE, reason="a Pillow without libavif")
def test_the_code_points_of_avif_files_count() -> None:
    data = bytearray(saved(COLORS, "AVIF", quality=100, subsampling="4:4:4"))
    assert not kpal.inspect(to_kpal(bytes(data))).metadata
    at = data.index(b"nclx") + 4
    data[at : at + 4] = struct.pack(">HH", 12, 13)
    made = kpal.inspect(to_kpal(bytes(data))).metadata
    assert made == kpal.inspect(to_kpal(png_with(COLORS, cicp(12, 13, 0, 1)))).metadata
    data[at : at + 4] = struct.pack(">HH", 9, 16)
    with pytest.warns(kpal.KpalWarning, match=r"nclx 9/16 \(PQ\)"):
        to_kpal(bytes(data))


# --- profiles of other colour spaces


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
@pytest.mark.parametrize(
    ("profile", "exact"),
    [
        (gray_profile(2.2), True),
        (gray_profile(1.8), True),
        (gray_profile(1.0, pcs=b"Lab "), False),
        (gray_table_profile(), False),
    ],
    ids=["gamma 2.2", "gamma 1.8", "L*", "table"],
)
def test_gray_images_look_as_their_profile_says(mode: str, profile: bytes, exact: bool) -> None:
    image = RAMP.convert(mode)
    data = saved(image, "PNG", icc_profile=profile)
    encoded = to_kpal(data)
    assert_alike(look(encoded), in_srgb(image.convert("L"), profile))
    assert bool(kpal.inspect(encoded).metadata.icc_profile) == exact
    assert np.array_equal(kpal.decode(encoded), np.asarray(image.convert("RGB"))) == (exact or mode == "1")
    with Image.open(io.BytesIO(data)) as opened:
        assert_alike(look(kpal.encode(opened)), look(encoded))


def test_a_linear_gray_profile_is_kept_exactly() -> None:
    # littlecms is no judge here: its path from 8 bits of gray is off by 10 levels in the darks.
    data = to_kpal(saved(RAMP, "PNG", icc_profile=gray_profile(1.0)))
    light = np.arange(256) / 255
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert_alike(look(data)[0, :, 0], np.round(255 * shown).astype(int))


def test_transparency_survives_the_conversion_of_gray() -> None:
    keyed = saved(RAMP, "PNG", icc_profile=gray_table_profile(), transparency=7)
    alpha = kpal.decode(to_kpal(keyed))[0, :, 3]
    assert np.flatnonzero(alpha == 0).tolist() == [7]
    soft = RAMP.convert("LA")
    soft.putalpha(RAMP)
    assert np.array_equal(
        kpal.decode(to_kpal(saved(soft, "PNG", icc_profile=gray_table_profile())))[0, :, 3], range(256)
    )


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PSD"])
def test_cmyk_is_converted_by_its_profile(format: str) -> None:
    profile = cmyk_profile()
    data = (
        psd(INKS, profile) if format == "PSD" else saved(INKS, format, icc_profile=profile, **QUALITY.get(format, {}))
    )
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "CMYK"
        shown = in_srgb(image, profile)
        naive = np.asarray(image.convert("RGB")).astype(int)
        assert np.array_equal(to_array(image), shown)
        assert np.array_equal(look(saved(image, "KPAL")), shown)
    encoded = to_kpal(data)
    assert np.array_equal(look(encoded), shown)
    assert np.abs(shown - naive).max() > 50
    assert kpal.inspect(encoded).metadata.icc_profile is None


QUALITY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100}}


def psd(image: Image.Image, profile: bytes) -> bytes:
    """A Photoshop file of inverted CMYK planes."""
    planes = b"".join((255 - np.asarray(band)).tobytes() for band in image.split())
    resources = b"8BIM" + struct.pack(">H2xI", 1039, len(profile)) + profile + bytes(len(profile) % 2)
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 4, image.height, image.width, 8, 4)
    return head + bytes(4) + struct.pack(">I", len(resources)) + resources + bytes(6) + planes


def test_cmyk_without_a_profile_is_converted_as_pillow_does() -> None:
    assert np.array_equal(kpal.decode(to_kpal(saved(INKS, "TIFF"))), np.asarray(INKS.convert("RGB")))


def test_lab_is_converted() -> None:
    lab = ImageCms.profileToProfile(
        COLORS, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    found = kpal.decode(to_kpal(saved(lab, "TIFF"))).astype(int)
    assert np.abs(found - np.asarray(COLORS)).mean() < 2  # Lab of 8 bits is coarse
    assert np.array_equal(to_array(lab), found)


@pytest.mark.parametrize(
    ("image", "profile", "said"),
    [
        (COLORS, cmyk_profile(), "one for CMYK colours"),
        (COLORS, gray_profile(2.2), "one for GRAY colours"),
        (COLORS, b"short", "damaged"),
        (RAMP, cmyk_profile(), "one for CMYK colours"),
        (RAMP, icc_profile(b"GRAY", {}), "cannot be used"),
        (INKS, SRGB_PROFILE, "one for RGB colours"),
        (INKS, icc_profile(b"CMYK", {}), "cannot be used"),
        (INKS, SRGB_PROFILE[:16] + b"CMYK" + SRGB_PROFILE[20:], "cannot be used"),
    ],
    ids=["rgb-cmyk", "rgb-gray", "rgb-short", "gray-cmyk", "gray-empty", "cmyk-rgb", "cmyk-empty", "cmyk-relabelled"],
)  # the bytes of a profile hold the time at which it was made
def test_profiles_that_are_of_no_use_are_named(image: Image.Image, profile: bytes, said: str) -> None:
    data = saved(image, "TIFF", icc_profile=profile)
    with pytest.warns(kpal.KpalWarning, match=said):
        encoded = to_kpal(data)
    assert not kpal.inspect(encoded).metadata.icc_profile
    assert np.array_equal(kpal.decode(encoded), kpal.quantize(np.asarray(image.convert("RGB"))).pixels())
    with pytest.warns(kpal.KpalWarning, match=said), Image.open(io.BytesIO(data)) as opened:
        opened.save(io.BytesIO(), "KPAL")


def test_a_profile_given_with_save_is_that_of_the_image() -> None:
    file = io.BytesIO()
    INKS.save(file, "KPAL", icc_profile=cmyk_profile())
    assert np.array_equal(look(file.getvalue()), in_srgb(INKS, cmyk_profile()))
    file = io.BytesIO()
    RAMP.save(file, "KPAL", icc_profile=gray_profile(1.8))
    assert_alike(look(file.getvalue()), in_srgb(RAMP, gray_profile(1.8)))
    file = io.BytesIO()
    COLORS.save(file, "KPAL", icc_profile=SRGB_PROFILE)
    assert kpal.inspect(file.getvalue()).metadata.icc_profile == SRGB_PROFILE


def test_palettes_and_comparisons_see_the_pixels_that_are_encoded(tmp_path: Path) -> None:
    path, palette = tmp_path / "inks.tif", tmp_path / "palette.hex"
    data = saved(INKS, "TIFF", icc_profile=cmyk_profile())
    path.write_bytes(data)
    assert cli.main(["palette", str(path), "-o", str(palette)]) == 0
    colors = {tuple(color) for color in kpal.decode(to_kpal(data)).reshape(-1, 3).tolist()}
    assert {tuple(color) for color in kpal.read_palette(palette)[:, :3].tolist()} == colors
    assert compare("inks.tif", data).psnr_db == float("inf")


def test_the_command_names_what_it_leaves_out_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hdr.png"
    path.write_bytes(png_with(COLORS, cicp(9, 16, 0, 1)))
    assert cli.main(["encode", str(path)]) == 0
    assert capsys.readouterr().err.count("cICP 9/16 (PQ)") == 1
    assert cli.main(["encode", "--strip", "icc", "-f", str(path)]) == 0
    assert "cICP" not in capsys.readouterr().err


# --- profiles that are made


def test_a_profile_is_compact_and_the_same_every_time() -> None:
    made = matrix_profile("x", SRGB_PRIMARIES, power(Fraction(1)))
    assert made == matrix_profile("x", SRGB_PRIMARIES, power(Fraction(1)))
    assert len(made) == int.from_bytes(made[:4], "big") < 500
    assert len(made) % 4 == 0
    opened = ImageCms.ImageCmsProfile(io.BytesIO(made)).profile
    assert (opened.xcolor_space, opened.connection_space, opened.device_class) == ("RGB ", "XYZ ", "mntr")
    assert opened.profile_description == "x"
    assert opened.is_matrix_shaper
    reference = ImageCms.ImageCmsProfile(io.BytesIO(SRGB_PROFILE)).profile
    for name in ("red_colorant", "green_colorant", "blue_colorant"):
        assert np.allclose(getattr(opened, name)[0], getattr(reference, name)[0], atol=1e-4)


def test_primaries_on_the_edge_of_the_diagram_are_no_problem() -> None:
    xyz = Primaries((33333, 33333), (100_000, 0), (0, 100_000), (0, 0))
    assert matrix_profile("XYZ", xyz, power(Fraction(1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kpal.inspect(to_kpal(png_with(COLORS, cicp(10, 8, 0, 1)))).metadata.icc_profile
    for white in ((0, 0), (31270, 0)):
        with pytest.raises(ValueError, match="make no sense"):
            matrix_profile("x", Primaries(white, (64000, 33000), (30000, 60000), (15000, 6000)), power(Fraction(1)))


# --- code points


# H.273, table 2: x and y of green, blue, red and white, in its order.
H273_PRIMARIES = {
    1: "0.300 0.600 0.150 0.060 0.640 0.330 0.3127 0.3290",
    4: "0.21 0.71 0.14 0.08 0.67 0.33 0.310 0.316",
    5: "0.29 0.60 0.15 0.06 0.64 0.33 0.3127 0.3290",
    6: "0.310 0.595 0.155 0.070 0.630 0.340 0.3127 0.3290",
    7: "0.310 0.595 0.155 0.070 0.630 0.340 0.3127 0.3290",
    8: "0.243 0.692 0.145 0.049 0.681 0.319 0.310 0.316",
    9: "0.170 0.797 0.131 0.046 0.708 0.292 0.3127 0.3290",
    10: "0.0 1.0 0.0 0.0 1.0 0.0 0.33333 0.33333",
    11: "0.265 0.690 0.150 0.060 0.680 0.320 0.314 0.351",
    12: "0.265 0.690 0.150 0.060 0.680 0.320 0.3127 0.3290",
    22: "0.295 0.605 0.155 0.077 0.630 0.340 0.3127 0.3290",
}


def test_primaries_are_those_of_the_standard() -> None:
    for number in range(30):
        tag = _of_code_points("", number, 8)
        assert tag is not None
        if number not in (2, *H273_PRIMARIES):
            assert tag.primaries is None
            assert tag.name.endswith(f"{number}/8")
            continue
        numbers = [round(100_000 * float(value)) for value in H273_PRIMARIES[number if number != 2 else 1].split()]
        green, blue, red, white = zip(numbers[::2], numbers[1::2], strict=True)
        assert tag.primaries == Primaries(white, red, green, blue)


def bt709(light: float) -> float:
    return 1.099 * light**0.45 - 0.099 if light >= 0.018 else 4.5 * light


# H.273, table 3: from light to signal.
H273_TRANSFER: dict[int, Callable[[float], float]] = {
    **dict.fromkeys((1, 6, 11, 12, 14, 15), bt709),
    4: lambda light: light ** (1 / 2.2),
    5: lambda light: light ** (1 / 2.8),
    7: lambda light: 1.1115 * light**0.45 - 0.1115 if light >= 0.0228 else 4 * light,
    8: lambda light: light,
    13: lambda light: 1.055 * light ** (1 / 2.4) - 0.055 if light >= 0.0031308 else 12.92 * light,
}


def light_of(curve: bytes, signal: float) -> float:
    """ICC.1:2022, 10.18: parametric curves of types 0 and 3."""
    signature, reserved, kind, also_reserved = struct.unpack_from(">4sIHH", curve)
    assert (signature, reserved, also_reserved) == (b"para", 0, 0)
    parameters = [value / 65536 for value in struct.unpack_from(f">{(len(curve) - 12) // 4}i", curve, 12)]
    if kind == 0:
        return float(signal ** parameters[0])
    gamma, a, b, c, d = parameters
    assert kind == 3
    return float((a * signal + b) ** gamma if signal >= d else c * signal)


def test_transfer_functions_are_those_of_the_standard() -> None:
    for number in range(20):
        tag = _of_code_points("", 1, number)
        assert tag is not None
        if number not in (2, *H273_TRANSFER):
            assert tag.curve is None
            continue
        assert tag.curve is not None
        for light in (0, 0.001, 0.003, 0.004, 0.015, 0.021, 0.025, 0.1, 0.3, 0.7, 1):
            signal = H273_TRANSFER[number if number != 2 else 13](light)
            assert light_of(tag.curve, signal) == pytest.approx(light, abs=1e-4)


@pytest.mark.parametrize("first", [False, True])
def test_code_points_have_the_names_that_people_know(first: bool) -> None:
    names = {(9, 13): "BT.2020", (12, 13): "Display P3", (11, 13): "DCI-P3", (1, 8): "linear sRGB", (4, 4): "cICP 4/4"}
    for (primaries, transfer), name in names.items():
        tag = _of_code_points("cICP", primaries, transfer, first=first)
        assert tag is not None
        assert (tag.name, tag.first) == (name, first)
    for transfer, name in ((16, "cICP 9/16 (PQ)"), (18, "cICP 9/18 (HLG)"), (17, "cICP 9/17"), (99, "cICP 9/99")):
        assert _of_code_points("cICP", 9, transfer) == ColorTag(name)
    assert _of_code_points("cICP", 2, 2) is None


# --- the bytes of profiles


def test_a_profile_has_the_header_and_the_table_that_the_standard_wants() -> None:
    profile = matrix_profile("P3", Primaries((31270, 32900), (68000, 32000), (26500, 69000), (15000, 6000)), SRGB_CURVE)
    size, version = struct.unpack_from(">I4xI", profile)
    assert (size, version) == (len(profile), 0x04400000)
    assert profile[12:24] == b"mntrRGB XYZ "
    assert struct.unpack(">6H", profile[24:36]) == (2022, 1, 1, 0, 0, 0)
    assert profile[36:40] == b"acsp"
    assert profile[68:80] == bytes.fromhex("0000f6d6 00010000 0000d32d")
    assert profile[4:8] == profile[80:128][:4] == bytes(4)
    (count,) = struct.unpack_from(">I", profile, 128)
    table = [struct.unpack_from(">4sII", profile, 132 + 12 * number) for number in range(count)]
    assert {name for name, _, _ in table} == {
        *(b"desc", b"cprt", b"wtpt", b"chad", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
    }
    places = {(start, length) for _, start, length in table}
    assert len({start for name, start, _ in table if name.endswith(b"TRC")}) == 1
    assert min(places)[0] == 132 + 12 * count
    for start, length in places:
        assert start % 4 == 0
        assert start + length <= len(profile)
    for (start, length), (following, _) in itertools.pairwise(sorted(places)):
        assert start + length <= following < start + length + 4
    colorants = {
        name: np.array(struct.unpack_from(">3i", profile, start + 8)) / 65536
        for name, start, _ in table
        if name.endswith(b"XYZ")
    }
    found = np.column_stack([colorants[name] for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
    assert np.abs(found - to_d50(P3)).max() < 1e-4
    info = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    assert info.profile_description == "P3"
    assert info.red_primary is not None
    assert info.red_primary[1][:2] == pytest.approx(to_d50(P3)[:, 0][:2] / to_d50(P3)[:, 0].sum(), abs=1e-3)


def test_tags_are_those_that_are_there_whole() -> None:
    profile = matrix_profile("x", SRGB_PRIMARIES, power(Fraction(2)))
    tags = icc_profiles._tags(profile)
    assert len(tags) == 10
    assert tags[b"rTRC"] == power(Fraction(2))
    last = max(tags, key=lambda name: profile.rindex(tags[name]))
    end = profile.rindex(tags[last]) + len(tags[last])
    assert last in icc_profiles._tags(profile[:end])
    shared = [name for name in tags if tags[name] == tags[last]]
    assert set(tags) - set(icc_profiles._tags(profile[: end - 1])) == set(shared)
    assert icc_profiles._tags(profile[:132]) == icc_profiles._tags(b"") == {}


def test_numbers_of_profiles_have_16_bits_on_either_side_of_the_point() -> None:
    for value, packed in ((0, "00000000"), (1, "00010000"), (-1, "ffff0000"), (Fraction(1, 2), "00008000")):
        assert icc_profiles._fixed(Fraction(value)) == bytes.fromhex(packed)
    assert icc_profiles._fixed(32768 - Fraction(1, 65536)) == bytes.fromhex("7fffffff")
    for large in (32768, -32768, 65535):
        with pytest.raises(OverflowError):
            icc_profiles._fixed(Fraction(large))


def test_the_inverse_of_a_matrix_times_it_is_one() -> None:
    matrix = tuple(tuple(map(Fraction, row)) for row in ((2, -1, 5), (7, 3, -4), (1, 6, 8)))
    one = tuple(tuple(map(Fraction, row)) for row in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    assert icc_profiles._product(matrix, icc_profiles._inverse(matrix)) == one
    assert icc_profiles._product(icc_profiles._inverse(matrix), matrix) == one
    with pytest.raises(ZeroDivisionError):
        icc_profiles._inverse(tuple(tuple(map(Fraction, row)) for row in ((1, 2, 3), (2, 4, 6), (1, 0, 1))))


def test_near_is_every_number_within() -> None:
    for index in range(8):
        numbers = [10] * 8
        numbers[index] += 3
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        far = Primaries(*pairs)
        here = Primaries((10, 10), (10, 10), (10, 10), (10, 10))
        assert here.near(far, 3)
        assert far.near(here, 3)
        assert not here.near(far, 2)
