"""What an image carries beside its pixels is kept, or named."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

import kpal
from kpal import cli
from kpal.batch.transcode import from_kpal, to_kpal
from kpal.command_line.encode import STRIPPABLE
from kpal.image_files.pillow_limits import large_metadata

from ..foreign_files import chunk, exif_block, png_with, saved, sign, xmp_packet
from ..images import METADATA

Image.init()  # so that it knows which formats it has


def metadata_in(data: bytes) -> kpal.Metadata:
    return kpal.inspect(to_kpal(data)).metadata


def left_out(data: bytes, *, strip: tuple[str, ...] = ()) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        to_kpal(data, strip=strip)
    return [str(warning.message) for warning in caught if warning.category is kpal.KpalWarning]


# --- comments


@pytest.mark.parametrize("format", ["JPEG", "GIF", "JPEG2000"])
def test_comments_become_text_and_comments_again(format: str) -> None:
    if format not in Image.SAVE:
        pytest.skip("Pillow writes no such files")
    data = to_kpal(saved(sign(), format, comment="Größe".encode()))
    assert kpal.inspect(data).metadata.text == {"Comment": "Größe"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kpal.KpalWarning)  # JPEG changes pixels
        back = from_kpal(data, format)
    with Image.open(io.BytesIO(back)) as image:
        image.load()
        assert image.info["comment"] == "Größe".encode()
    with Image.open(io.BytesIO(from_kpal(data, "PNG"))) as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)
        assert image.text == {"Comment": "Größe"}


def test_comments_of_any_encoding_and_number_are_text() -> None:
    data = saved(sign(), "JPEG")
    comments = [b"first", "Größe".encode("latin-1") + b"\0", "Maß".encode()]
    data = data[:2] + b"".join(b"\xff\xfe" + struct.pack(">H", len(c) + 2) + c for c in comments) + data[2:]
    assert metadata_in(data).text == {"Comment": "first\nGröße\nMaß"}
    assert not kpal.inspect(to_kpal(data, strip=("text",))).metadata.text


def test_a_comment_and_text_of_that_name_do_not_get_in_each_others_way() -> None:
    image = sign()
    image.info |= {"comment": "of the file", "text": {"Comment": "of the picture", "Author": "x"}}
    assert kpal.metadata_of(image).text == {"Comment": "of the picture", "Author": "x"}


def test_texts_beside_a_comment_are_named_where_there_is_room_for_one() -> None:
    data = kpal.encode(sign(), metadata=kpal.Metadata(text={"Author": "x", "Comment": "y"}))
    with pytest.warns(kpal.KpalWarning, match="GIF cannot hold the text 'Author': it is left out"):
        from_kpal(data, "GIF")


# --- the shape of pixels and the resolution


def gif(aspect: int) -> bytes:
    data = bytearray(saved(sign().convert("P"), "GIF"))
    data[12] = aspect
    return bytes(data)


def jpeg(unit: int, across: int, down: int) -> bytes:
    data = bytearray(saved(sign(), "JPEG", quality=95))
    data[13:18] = struct.pack(">BHH", unit, across, down)
    return bytes(data)


def tiff(**tags: object) -> bytes:
    numbers = {"x": 282, "y": 283, "unit": 296, "description": 270, "scale": 33550, "iptc": 33723, "gdal": 42113}
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        if name == "scale":
            info.tagtype[33550] = 12
        info[numbers[name]] = value
    return saved(sign(), "TIFF", tiffinfo=info)


PHYS = {"square": struct.pack(">IIB", 3, 3, 0), "wide": struct.pack(">IIB", 1, 2, 0)}


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (png_with(sign(), chunk(b"pHYs", PHYS["wide"])), "1:2"),
        (jpeg(0, 2, 1), "2:1"),
        (tiff(x=4, y=1, unit=1), "4:1"),
        (gif(17), "64:32"),
    ],
    ids=["PNG", "JPEG", "TIFF", "GIF"],
)
def test_the_shape_of_pixels_is_named(data: bytes, shape: str) -> None:
    assert left_out(data) == [f"left out, as a .kpal file cannot hold it: the shape of its pixels, {shape}"]
    assert left_out(data, strip=("density",)) == []
    assert metadata_in_silence(data).density is None


def metadata_in_silence(data: bytes) -> kpal.Metadata:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kpal.KpalWarning)
        return metadata_in(data)


def test_of_square_pixels_nothing_is_said() -> None:
    for data in (png_with(sign(), chunk(b"pHYs", PHYS["square"])), jpeg(0, 1, 1), tiff(x=3, y=3, unit=1), gif(49)):
        assert left_out(data) == []


def test_pixels_without_a_side_have_no_shape() -> None:
    for across, down in ((0, 1), (1, 0), (0, 0)):
        assert left_out(png_with(sign(), chunk(b"pHYs", struct.pack(">IIB", across, down, 0)))) == []
        assert left_out(jpeg(0, across, down)) == []
    assert left_out(gif(0)) == []


def test_a_resolution_that_pillow_makes_up_is_none() -> None:
    assert metadata_in(saved(sign(), "TIFF")).density is None
    assert metadata_in(saved(sign(), "JPEG", exif=exif_block(1))).density is None
    assert metadata_in(jpeg(1, 72, 72)).density == (2835, 2835)
    assert metadata_in(tiff(x=72, y=72, unit=2)).density == (2835, 2835)


# --- TIFF


def test_what_tiff_files_say_of_the_picture_becomes_exif_and_tags_again() -> None:
    exif = Image.Exif()
    exif[271] = "Camera"
    exif[34665] = {36867: "2020:01:01 00:00:00"}
    exif[34853] = {1: "N"}
    data = to_kpal(saved(sign(), "TIFF", exif=exif.tobytes()))
    for found in (exif_in(kpal.inspect(data).metadata.exif), exif_of(from_kpal(data, "TIFF"))):
        assert found[271] == "Camera"
        assert found.get_ifd(34665)[36867] == "2020:01:01 00:00:00"
        assert found.get_ifd(34853)[1] == "N"
    assert 256 not in exif_in(kpal.inspect(data).metadata.exif)  # which is about the layout of that file
    assert metadata_in(saved(sign(), "TIFF")).exif is None


def exif_in(block: bytes | None) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block or b"")
    return exif


def exif_of(data: bytes) -> Image.Exif:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.getexif()


def test_xmp_goes_into_tiff_files() -> None:
    data = kpal.encode(sign(), metadata=kpal.Metadata(xmp=b"<x:xmpmeta/>"))
    with Image.open(io.BytesIO(from_kpal(data, "TIFF"))) as image:
        assert image.info["xmp"] == b"<x:xmpmeta/>"


# --- what has no place


def test_what_has_no_place_is_named_in_one_line() -> None:
    assert left_out(tiff(scale=(1.0, 1.0, 0.0), gdal="0", x=2, y=1, unit=1)) == [
        "left out, as a .kpal file cannot hold it: GeoTIFF, GDAL metadata, the shape of its pixels, 2:1"
    ]
    scale = chunk(b"sCAL", b"\x011\x001")
    assert left_out(png_with(sign(), scale)) == ["left out, as a .kpal file cannot hold it: the physical scale"]
    assert left_out(png_with(sign(), scale), strip=tuple(STRIPPABLE.values())) == []
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x04abcd"
    photo = saved(sign(), "JPEG", quality=95)
    segment = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    assert left_out(photo[:2] + segment + photo[2:]) == ["left out, as a .kpal file cannot hold it: IPTC"]


@pytest.mark.parametrize(("kind", "field"), [("APP1", "exif"), ("exif", "exif"), ("xmp", "xmp"), ("APP1", "xmp")])
def test_hexadecimal_texts_are_what_they_stand_for(kind: str, field: str) -> None:
    block = {"exif": exif_block(1), "xmp": xmp_packet(1)}[field]
    wrapped = b"http://ns.adobe.com/xap/1.0/\0" * (kind == "APP1" and field == "xmp") + block
    info = PngImagePlugin.PngInfo()
    info.add_text(f"Raw profile type {kind}", f"\n{kind}\n{len(wrapped):8}\n{wrapped.hex()}\n")
    found = metadata_in(saved(sign(), "PNG", pnginfo=info))
    assert (found.exif, found.xmp) == ((block, None) if field == "exif" else (None, block))


def test_hexadecimal_texts_without_a_place_are_named() -> None:
    for kind, name in (("icc", "an ICC profile as text"), ("iptc", "IPTC"), ("8bim", "IPTC")):
        info = PngImagePlugin.PngInfo()
        info.add_text(f"Raw profile type {kind}", f"\n{kind}\n       2\nabcd\n")
        assert left_out(saved(sign(), "PNG", pnginfo=info)) == [f"left out, as a .kpal file cannot hold it: {name}"]


def test_what_nobody_misses_is_not_named() -> None:
    background, time = chunk(b"bKGD", bytes(6)), chunk(b"tIME", bytes(7))
    assert left_out(png_with(sign(), background, time)) == []
    assert left_out(saved(sign(), "ICO")) == []


def test_photoshop_files_keep_what_their_resources_hold() -> None:
    resources = b""
    for number, data in (
        (1005, struct.pack(">IHHIHH", 300 << 16, 1, 1, 150 << 16, 1, 1)),
        (1058, exif_block(6, prefix=False)),
        (1060, xmp_packet(6)),
        (1064, struct.pack(">Id", 1, 2.0)),
    ):
        resources += b"8BIM" + struct.pack(">H2xI", number, len(data)) + data + bytes(len(data) % 2)
    assert metadata_in_silence(psd(resources)) == kpal.Metadata(
        exif=exif_block(1, prefix=False), xmp=xmp_packet(1), density=(11811, 5906)
    )
    assert left_out(psd(resources)) == ["left out, as a .kpal file cannot hold it: the shape of its pixels, 1:2"]


def psd(resources: bytes, layers: bytes = b"") -> bytes:
    image = sign()
    planes = b"".join(np.asarray(band).tobytes() for band in image.split())
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, image.height, image.width, 8, 3) + bytes(4)
    section = struct.pack(">I", len(layers) + 4) + struct.pack(">I", len(layers)) + layers if layers else bytes(4)
    return head + struct.pack(">I", len(resources)) + resources + section + bytes(2) + planes


@pytest.mark.parametrize("format", ["PNG", "GIF", "JPEG", "TIFF", "BMP"])
def test_an_image_whose_file_is_gone_still_has_what_pillow_read(format: str) -> None:
    with Image.open(io.BytesIO(saved(sign(), format, dpi=(300, 150)))) as image:
        expected = kpal.metadata_of(image)
    with Image.open(io.BytesIO(saved(sign(), format, dpi=(300, 150)))) as image:
        image.load()
        image.fp = None
        assert kpal.metadata_of(image) == expected
    assert (expected.density == (11811, 5906)) == (format != "GIF")


# --- large


@pytest.mark.parametrize("strip", [(), ("icc_profile",), ("text",), tuple(STRIPPABLE.values())])
def test_large_profiles_and_texts_go_in_and_out(tmp_path: Path, strip: tuple[str, ...]) -> None:
    noise = np.random.default_rng(0).integers(32, 127, 1_500_000, np.uint8).tobytes()
    profile = (METADATA.icc_profile or b"") + noise
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", noise.decode(), zip=True)
    source, encoded, back = tmp_path / "a.png", tmp_path / "a.kpal", tmp_path / "b.png"
    sign().save(source, icc_profile=profile, pnginfo=info)
    names = [name for name, field in STRIPPABLE.items() if field in strip]
    assert cli.main(["encode", "--coder", "zstd", str(source), *(["--strip", ",".join(names)] if names else [])]) == 0
    metadata = kpal.inspect(encoded.read_bytes()).metadata
    assert metadata.icc_profile == (None if "icc_profile" in strip else profile)
    assert metadata.text == ({} if "text" in strip else {"Comment": noise.decode()})
    assert cli.main(["decode", str(encoded), "-o", str(back)]) == 0
    with large_metadata(), Image.open(back) as image:
        assert kpal.metadata_of(image) == metadata
    assert PngImagePlugin.MAX_TEXT_CHUNK == 1 << 20  # other programs' limit is as before


def test_texts_larger_than_a_file_holds_are_still_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 25)))
    source = tmp_path / "bomb.png"
    source.write_bytes(png_with(sign(), bomb))
    assert cli.main(["encode", str(source)]) == 1
    assert "too large" in capsys.readouterr().err


# --- stripping


@pytest.mark.parametrize(
    "format", ["PNG", "GIF", "BMP", "TIFF", "JPEG", "WEBP", "PPM", "TGA", "PCX", "ICO", "JPEG2000"]
)
def test_stripping_works_with_and_without_what_is_stripped(format: str, tmp_path: Path) -> None:
    if format not in Image.SAVE:
        pytest.skip("Pillow writes no such files")
    options: dict[str, Any] = {"sizes": [(24, 16)]} if format == "ICO" else {}
    plain = saved(sign(), format, **options)
    options |= {"exif": exif_block(1), "icc_profile": METADATA.icc_profile, "dpi": (72, 72), "comment": b"x"}
    rich = saved(sign(), format, **options)
    source, target = tmp_path / "source", tmp_path / "target.kpal"
    for data in (plain, rich):
        source.write_bytes(data)
        for parts in ("icc", "exif", "xmp", "text", "dpi", "exif,xmp", "icc,text,dpi", "all"):
            assert cli.main(["encode", "-f", "-q", "--strip", parts, str(source), "-o", str(target)]) == 0
            metadata = kpal.inspect(target.read_bytes()).metadata
            gone = STRIPPABLE if parts == "all" else parts.split(",")
            assert not any(getattr(metadata, STRIPPABLE[part]) for part in gone)
            assert kpal.decode(target.read_bytes()).shape == (16, 24, 3)
