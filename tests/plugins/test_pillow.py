"""The Pillow plugin: the format behaves like those that Pillow brings along."""

from __future__ import annotations

import copy
import dataclasses
import io
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

import kpal
from kpal_format import Writer
from kpal_plugins.pillow import register

from ..files import Parts, section, varint
from ..images import METADATA, gradient, pillow, random_indexed, soft_icon

OPAQUE = random_indexed(13, 17, 40)
TRANSLUCENT = random_indexed(13, 17, 40, 4)


def opened(data: bytes) -> ImageFile.ImageFile:
    return Image.open(io.BytesIO(data))


def saved(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "KPAL", **options)
    return file.getvalue()


@pytest.fixture
def _truncated_images_load() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    yield
    ImageFile.LOAD_TRUNCATED_IMAGES = False


# --- opening


def test_a_file_opens_by_name_with_its_header_and_no_pixel_read(tmp_path: Path) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(kpal.encode(OPAQUE))
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size, image.get_format_mimetype()) == (
            "KPAL",
            "P",
            (17, 13),
            "image/x-kpal",
        )
        assert image.tile
        assert np.array_equal(np.asarray(image), OPAQUE.indices)
        assert np.array_equal(np.asarray(image.convert("RGB")), OPAQUE.pixels())


def test_only_the_head_is_read_before_the_pixels_are_asked_for() -> None:
    metadata = kpal.Metadata(xmp=np.random.default_rng(0).bytes(50_000))
    data = kpal.encode(random_indexed(300, 300, 256), metadata=metadata)
    file = io.BytesIO(data)
    image = Image.open(file)
    assert file.tell() < len(data)
    assert image.info["xmp"] == metadata.xmp


@pytest.mark.parametrize("most", [20, 1000])
def test_a_file_that_gives_less_than_asked_for_opens_and_loads(most: int) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(most if size is None or size < 0 else min(size, most))

    image = kpal.IndexedImage(OPAQUE.indices, OPAQUE.palette, kpal.Metadata(xmp=bytes(range(256)) * 20))
    with Image.open(Slow(kpal.encode(image, coder="zstd")), formats=["KPAL"]) as shown:
        assert np.array_equal(np.asarray(shown), OPAQUE.indices)


def test_alpha_is_in_the_transparency_of_the_palette() -> None:
    image = opened(kpal.encode(TRANSLUCENT))
    assert image.has_transparency_data
    assert image.info["transparency"] == TRANSLUCENT.palette[:, 3].tobytes()
    assert np.array_equal(np.asarray(image.convert("RGBA")), TRANSLUCENT.pixels())


@pytest.mark.parametrize("alpha", [[255, 0, 255], [0], [0, 255], [255, 0, 0], [255, 1, 255], [128, 0, 255], [255] * 3])
def test_transparency_is_an_index_where_one_entry_alone_is_clear_as_in_png(alpha: list[int]) -> None:
    palette = np.column_stack((random_indexed(1, 1, len(alpha)).palette, np.array(alpha, np.uint8)))
    image = kpal.IndexedImage(np.arange(6, dtype=np.uint8).reshape(2, 3) % len(alpha), palette)
    found = opened(kpal.encode(image))
    png = io.BytesIO()
    pillow(image).save(png, "PNG")
    with Image.open(png) as expected:
        assert found.info["transparency"] == expected.info["transparency"]
    assert isinstance(found.info["transparency"], int) == (sorted(alpha)[:2] in ([0], [0, 255]))
    assert np.array_equal(np.asarray(found.convert("RGBA")), image.pixels())
    assert np.array_equal(np.asarray(found.crop((0, 0, 2, 1)).convert("RGBA")), image.pixels()[:1, :2])
    assert np.array_equal(
        kpal.decode(kpal.encode(found, keep_palette=True)), image.pixels()[..., : 3 + (min(alpha) < 255)]
    )


@pytest.mark.parametrize(
    "change", [lambda i: i.copy(), copy.copy, copy.deepcopy, lambda i: pickle.loads(pickle.dumps(i))]
)
@pytest.mark.parametrize("image", [OPAQUE, TRANSLUCENT], ids=["opaque", "translucent"])
def test_copies_and_pickles_show_the_same(image: kpal.IndexedImage, change: object) -> None:
    same = change(opened(kpal.encode(image)))  # type: ignore[operator]
    assert np.array_equal(np.asarray(same.convert("RGBA"))[..., : image.palette.shape[1]], image.pixels())


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "KPAL"])
def test_images_go_on_to_other_formats_with_their_alpha(format: str) -> None:
    file = io.BytesIO()
    image = opened(kpal.encode(TRANSLUCENT))
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    (image.convert("RGBA") if format == "TIFF" else image).save(file, format, **options)
    assert np.array_equal(np.asarray(Image.open(file).convert("RGBA")), TRANSLUCENT.pixels())


@pytest.mark.parametrize(
    "part", [lambda image: image, lambda image: image.crop((0, 0, 9, 8)), lambda image: image.copy()]
)
def test_a_gif_of_an_image_with_one_clear_entry_has_its_colours(part: Callable[[Image.Image], Image.Image]) -> None:
    alpha = np.full(40, 255, np.uint8)
    alpha[7] = 0
    data = kpal.encode(kpal.IndexedImage(OPAQUE.indices, np.column_stack((OPAQUE.palette, alpha))))
    expected, image, file = opened(data).convert("RGBA"), opened(data), io.BytesIO()
    image.info["transparency"] = 7  # as GIF has it
    part(image).save(file, "GIF")
    shown = np.asarray(part(expected))
    found = np.asarray(Image.open(file).convert("RGBA"))
    assert np.array_equal(found[shown[..., 3] > 0], shown[shown[..., 3] > 0])
    assert np.array_equal(found[..., 3], shown[..., 3])


def test_crop_and_resize_work_on_an_image_that_is_not_loaded_yet() -> None:
    data = kpal.encode(OPAQUE)
    assert np.array_equal(np.asarray(opened(data).crop((3, 2, 9, 8))), OPAQUE.indices[2:8, 3:9])
    assert opened(data).resize((34, 26)).size == (34, 26)


def test_formats_may_be_restricted_to_this_one() -> None:
    data = kpal.encode(OPAQUE)
    assert Image.open(io.BytesIO(data), formats=["KPAL"]).format == "KPAL"
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(data), formats=["PNG"])
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(b"\x8bKPAL\n\x1a" + data[8:]), formats=["KPAL"])


def test_registering_twice_does_no_harm() -> None:
    register()
    assert opened(kpal.encode(OPAQUE)).format == "KPAL"
    assert Image.registered_extensions()[".kpal"] == "KPAL"


@pytest.mark.parametrize("module", ["kpal", "kpal_plugins.pillow", "kpal_format, kpal.command_line.main"])
def test_any_first_import_registers_the_format(module: str) -> None:
    code = f"import {module}; from PIL import Image; print(Image.registered_extensions()['.kpal'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("KPAL\n", "")


@pytest.mark.parametrize("piece", [1, 100, 10_000])
def test_a_parser_may_be_fed_piece_by_piece(piece: int) -> None:
    data = kpal.encode(TRANSLUCENT)
    parser = ImageFile.Parser()
    for start in range(0, len(data), piece):
        parser.feed(data[start : start + piece])
    assert np.array_equal(np.asarray(parser.close().convert("RGBA")), TRANSLUCENT.pixels())


def test_a_parser_complains_of_an_end_too_early() -> None:
    parser = ImageFile.Parser()
    parser.feed(kpal.encode(TRANSLUCENT)[:-5])
    with pytest.raises(OSError, match="ends in its"):
        parser.close()


def test_verify_finds_damage_without_decoding() -> None:
    data = kpal.encode(OPAQUE)
    image = opened(data)
    image.verify()
    with pytest.raises(RuntimeError, match="directly after open"):
        image.verify()
    with pytest.raises(kpal.DamagedError, match="checksum"):
        opened(data[:-1] + b"!").verify()


def test_metadata_are_where_pillow_keeps_them() -> None:
    image = opened(kpal.encode(OPAQUE, metadata=METADATA))
    assert image.info["icc_profile"] == METADATA.icc_profile
    assert image.info["xmp"] == METADATA.xmp
    assert image.info["text"] == METADATA.text
    assert image.info["dpi"] == pytest.approx((300, 150), rel=1e-4)
    assert image.getexif()[0x0112] == 6
    assert set(opened(kpal.encode(OPAQUE)).info) == set()


# --- damaged files


def test_damaged_files_are_errors_of_pillow_and_of_kpal() -> None:
    data = kpal.encode(TRANSLUCENT)
    for size in range(8, len(data)):
        with pytest.raises(kpal.TruncatedError):
            opened(data[:size]).load()
    for position in range(8, len(data), 7):
        changed = bytearray(data)
        changed[position] ^= 0x10
        with pytest.raises(kpal.KpalError):
            opened(bytes(changed)).load()


def test_a_decompression_bomb_is_found_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = Parts(width=varint(60_000), height=varint(60_000), stream=section(b"\0bomb")).bytes()
    with pytest.raises(Image.DecompressionBombError):
        opened(bomb)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        assert opened(kpal.encode(OPAQUE)).load()


def test_a_file_that_changes_between_open_and_load_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(kpal.encode(OPAQUE))
    for other in (random_indexed(13, 16, 40), random_indexed(17, 13, 40), random_indexed(1000, 1000, 2)):
        with Image.open(path) as image:
            with path.open("r+b") as file:
                file.write(kpal.encode(other))
                file.truncate()
            with pytest.raises(kpal.KpalError):
                image.load()


@pytest.mark.usefixtures("_truncated_images_load")
def test_truncated_images_load_when_pillow_is_told_to() -> None:
    image = random_indexed(64, 64, 200)
    data = kpal.encode(image)
    with pytest.warns(kpal.KpalWarning, match="the file ends in its index stream"):
        shown = np.asarray(opened(data[:-1000]))
    assert np.array_equal(shown[:32], image.indices[:32])
    assert not shown[-1].any()
    with pytest.raises(kpal.DamagedError):
        opened(data[:-1] + b"!").load()


# --- saving


def test_saving_by_name_takes_the_options_of_encode(tmp_path: Path) -> None:
    path = tmp_path / "x.kpal"
    image = Image.fromarray(gradient())
    image.save(path, colors=64, coder="zstd", dither="floyd-steinberg")
    assert path.read_bytes() == kpal.encode(gradient(), colors=64, coder="zstd", dither="floyd-steinberg")
    image.save(path, quality=(10, 30), max_bytes=4000)
    assert path.read_bytes() == kpal.encode(gradient(), quality=(10, 30), max_bytes=4000)
    image.save(path, quality=30)
    assert path.read_bytes() == kpal.encode(gradient(), quality=(0, 30))
    image.save(path, palette=[[0, 0, 0], [255, 255, 255]])
    assert kpal.inspect(path.read_bytes()).colors == 2


@pytest.mark.parametrize("pixels", [gradient(), soft_icon()], ids=["rgb", "rgba"])
def test_what_is_saved_is_what_encode_makes(pixels: np.ndarray) -> None:
    assert saved(Image.fromarray(pixels)) == kpal.encode(pixels)


def test_a_palette_and_its_order_survive_opening_and_saving() -> None:
    data = kpal.encode(TRANSLUCENT)
    assert saved(opened(data), keep_palette=True) == data


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "PA"])
def test_pillow_s_own_modes_can_be_saved(mode: str) -> None:
    source = pillow(OPAQUE) if mode == "P" else pillow(OPAQUE).convert("L" if mode == "PA" else "RGB").convert(mode)
    expected = source.convert("RGB").convert("RGBA")
    assert np.array_equal(np.asarray(opened(saved(source)).convert("RGBA")), np.asarray(expected))


def test_a_plain_save_keeps_the_metadata_of_the_image_that_was_opened() -> None:
    data = kpal.encode(OPAQUE, metadata=METADATA)
    assert kpal.inspect(saved(opened(data))).metadata == METADATA
    assert kpal.inspect(saved(opened(data).convert("RGB"))).metadata == METADATA
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    file = io.BytesIO()
    pillow(OPAQUE).convert("RGB").save(file, "JPEG", exif=exif, xmp=METADATA.xmp, dpi=(300, 150))
    found = kpal.inspect(saved(Image.open(file))).metadata
    assert (found.exif, found.xmp, found.density) == (exif.tobytes(), METADATA.xmp, (11811, 5906))


@pytest.mark.parametrize("name", ["icc_profile", "exif", "xmp", "text", "dpi"])
def test_none_leaves_a_kind_of_metadata_out(name: str) -> None:
    image = opened(kpal.encode(OPAQUE, metadata=METADATA))
    left = kpal.inspect(saved(image, **{name: None})).metadata
    field = "density" if name == "dpi" else name
    assert left == dataclasses.replace(METADATA, **{field: {} if name == "text" else None})  # type: ignore[arg-type]


def test_what_a_file_cannot_keep_is_named_unless_it_is_unwanted() -> None:
    image = pillow(OPAQUE)
    image.info["icc_profile"] = b"\0" * 16 + b"CMYK"
    with pytest.warns(kpal.KpalWarning, match="one for CMYK colours"):
        saved(image)
    assert not kpal.inspect(saved(image, icc_profile=None)).metadata


def test_metadata_that_is_given_replaces_that_of_the_image() -> None:
    image = opened(kpal.encode(OPAQUE, metadata=METADATA))
    exif = Image.Exif()
    exif[0x0112] = 3
    given = kpal.inspect(saved(image, exif=exif, xmp=b"<x/>", text={"Author": "Ä"}, dpi=(72, 72))).metadata
    assert given.exif == exif.tobytes()
    assert (given.xmp, given.text, given.density) == (b"<x/>", {"Author": "Ä"}, (2835, 2835))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"colours": 5}, TypeError, r"unknown save options for KPAL: colours \(did you mean colors\?\); there are col"),
        ({"colours": None}, TypeError, "unknown save options for KPAL: colours"),
        ({"optimise": True}, TypeError, r"optimise \(did you mean optimize\?\)"),
        ({"xyz": 1, "qualty": 5}, TypeError, r"KPAL: qualty \(did you mean quality\?\), xyz; there are"),
        ({"metadata": METADATA}, TypeError, "unknown save options for KPAL: metadata"),
        ({"colors": 0}, ValueError, "colors must be"),
        ({"coder": "lzw"}, ValueError, "unknown coder"),
        ({"dpi": (float("inf"), 1)}, ValueError, "dpi must be two positive numbers"),
        ({"dpi": 72}, ValueError, "dpi must be two positive numbers"),
        ({"text": [1]}, TypeError, "text must map"),
        ({"exif": 5}, TypeError, "exif must be bytes"),
        ({"keep_palette": True}, ValueError, "keep_palette needs"),
        ({"quality": "high"}, TypeError, "quality must be an int, the max, or two"),
        ({"max_bytes": 10}, ValueError, "max_bytes: the least that is possible"),
    ],
)
def test_wrong_options_are_found_before_the_first_byte_is_written(
    options: dict[str, object], error: type[Exception], message: str
) -> None:
    file = io.BytesIO()
    with pytest.raises(error, match=message):
        Image.fromarray(gradient()).save(file, "KPAL", **options)
    assert not file.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"optimize": True},
        {"progressive": True, "subsampling": 0},
        {"lossless": True, "method": 6, "exact": True},
        {"compress_level": 0},
        {"compression": "tiff_deflate"},
        {"pnginfo": PngInfo()},
        {"effort": 7, "distance": 1.0},
        {"append_images": [Image.new("RGB", (1, 1))], "save_all": False},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_that_callers_pass_to_every_format_are_ignored_with_a_warning(options: dict[str, object]) -> None:
    ours = {name: value for name, value in options.items() if name == "exact"}
    ignored = ", ".join(sorted(set(options) - {"exact", "save_all"}))
    with pytest.warns(kpal.KpalWarning, match=f"which KPAL ignores: {ignored}$") as found:
        data = saved(Image.fromarray(soft_icon()), **options)
    assert found[0].filename == __file__
    assert data == kpal.encode(soft_icon(), **ours)  # type: ignore[arg-type]


def test_options_that_ask_for_nothing_go_without_a_warning() -> None:
    image = pillow(OPAQUE)
    assert saved(image, optimize=False, lossless=None, icc_profile=None, colors=None, quality=None) == saved(image)


def test_one_number_is_a_quality_as_in_other_formats() -> None:
    assert saved(Image.fromarray(gradient()), quality=85) == kpal.encode(gradient(), quality=85)


def test_all_frames_of_an_image_of_one_frame_can_be_saved() -> None:
    image = pillow(OPAQUE)
    assert saved(image, save_all=True) == saved(image, save_all=True, append_images=[]) == saved(image)


# --- cropping


def test_a_crop_within_the_image_decodes_no_more_and_any_other_is_as_pillow_crops() -> None:
    data = kpal.encode(OPAQUE)
    loaded = opened(data)
    loaded.load()
    sides = [(a, b) for a in (-1, 0, 1, 12, 13, 14, 17, 18) for b in (-1, 0, 1, 12, 13, 14, 17, 18)]
    for (x0, x1), (y0, y1) in [*((pair, (2, 9)) for pair in sides), *(((2, 9), pair) for pair in sides)]:
        image = opened(data)
        if x1 < x0 or y1 < y0:
            with pytest.raises(ValueError, match="less than"):
                image.crop((x0, y0, x1, y1))
            continue
        assert np.array_equal(np.asarray(image.crop((x0, y0, x1, y1))), np.asarray(loaded.crop((x0, y0, x1, y1))))
        assert bool(image.tile) == (0 <= x0 < x1 <= 17 and 0 <= y0 < y1 <= 13)


def huge_map() -> bytes:
    """A file of 190 megapixels, more than may be decoded by default."""
    file = io.BytesIO()
    strip = np.zeros((1000, 19_000), np.uint8)
    strip[10:20, 30:40] = 1
    with Writer(file, 19_000, 10_000, OPAQUE.palette[:2], coder="zstd") as writer:
        for _ in range(10):
            writer.write(strip)
    return file.getvalue()


@pytest.mark.parametrize("make", [huge_map, lambda: kpal.encode(flat_map())], ids=["tiles", "one colour"])
def test_a_huge_map_can_be_cropped_once_pillow_s_limit_is_lifted(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make()
    with pytest.raises(Image.DecompressionBombError):
        opened(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with opened(data) as image:
        part = np.asarray(image.crop((25, 5, 50, 30)).convert("RGB"))
    assert np.array_equal(part, kpal.decode(data, region=(25, 5, 50, 30)))
    with kpal.open_reader(io.BytesIO(data)) as reader:
        assert np.array_equal(part, reader.read((25, 5, 50, 30)))
        assert next(reader.rows()).shape[1] == image.width


def flat_map() -> kpal.IndexedImage:
    return kpal.IndexedImage(np.broadcast_to(np.uint8(0), (10_000, 19_000)), OPAQUE.palette[:1])


@pytest.mark.parametrize("box", [(2.5, 1.5, 9.5, 8.5), (2.6, 1.4, 9.4, 8.6), (-0.4, -0.5, 17.4, 13.4)])
def test_corners_between_pixels_are_rounded_as_pillow_does(box: tuple[float, float, float, float]) -> None:
    image, loaded = opened(kpal.encode(OPAQUE)), opened(kpal.encode(OPAQUE))
    loaded.load()
    assert np.array_equal(np.asarray(image.crop(box)), np.asarray(loaded.crop(box)))
    assert image.tile


@pytest.mark.usefixtures("_truncated_images_load")
def test_a_crop_of_a_truncated_image_shows_what_there_is_when_pillow_is_told_to() -> None:
    image = random_indexed(64, 64, 200)
    with pytest.warns(kpal.KpalWarning, match="the file ends in its index stream"):
        part = opened(kpal.encode(image)[:-1000]).crop((3, 4, 30, 20))
    assert np.array_equal(np.asarray(part), image.indices[4:20, 3:30])


@pytest.mark.parametrize("box", [(2, 2, 9, 9), (-1, 0, 5, 5)])
def test_a_crop_of_a_closed_image_is_the_error_that_loading_it_is(box: tuple[int, int, int, int]) -> None:
    image = opened(kpal.encode(OPAQUE))
    image.close()
    with pytest.raises((ValueError, OSError, AssertionError)) as of_load:
        image.load()
    with pytest.raises((ValueError, OSError, AssertionError)) as of_crop:
        image.crop(box)
    assert (of_crop.type, str(of_crop.value)) == (of_load.type, str(of_load.value))
