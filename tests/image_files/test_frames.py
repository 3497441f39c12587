"""The frames of image files: full pictures, durations in milliseconds, and how often they are shown."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image, features

import kpal
from kpal.image_files.frames import Frames

from ..images import moving, soft_icon
from .test_pages import tiff

RGB = [image.pixels() for image in moving(3, 20, 30, 40)]
RGBA = [np.roll(np.where(soft_icon(24) > 127, np.uint8(255), np.uint8(0)), 3 * step, axis=1) for step in range(4)]
DURATIONS = [40, 0, 250, 70]


def saved(frames: list[Any], format: str, **options: Any) -> Image.Image:
    """The frames in an open file."""
    file = io.BytesIO()
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(file, format, save_all=True, append_images=others, **options)
    return Image.open(file)


def pictures(frames: Frames) -> list[Any]:
    return [np.array(picture) for picture in frames]


def visible(picture: Image.Image) -> Any:
    """The pixels with alpha, black where that is 0."""
    pixels = np.array(picture.convert("RGBA"))
    return np.where(pixels[:, :, 3:] > 0, pixels, 0)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("frames", [RGB, RGBA], ids=["opaque", "clear"])
def test_each_frame_is_a_full_picture(format: str, frames: list[Any]) -> None:
    if format == "GIF" and frames is RGBA and int(PIL.__version__.split(".")[0]) < 12:
        pytest.skip("Pillow before 12 writes such frames wrongly")
    options: dict[str, Any] = {"lossless": True, "exact": True} if format == "WEBP" else {}
    with saved(frames, format, duration=DURATIONS[: len(frames)], disposal=2 * (format == "GIF"), **options) as image:
        found = kpal.frames_of(image)
        assert found.count == len(found) == len(frames)
        assert {picture.mode for picture in found} <= {"RGBA" if frames is RGBA else "RGB", "RGBA"}
        for _ in range(2):
            for picture, frame in zip(found, frames, strict=True):
                assert np.array_equal(visible(picture), visible(Image.fromarray(frame)))
        assert found.durations == tuple(DURATIONS[: len(frames)])


@pytest.mark.parametrize(
    ("format", "loop", "shown"),
    [
        *(("GIF", loop, shown) for loop, shown in ((None, 1), (0, 0), (1, 2), (65535, 65536))),
        *((format, loop, loop) for format in ("PNG", "WEBP") for loop in (0, 1, 7)),
    ],
)
def test_a_loop_is_how_often_all_is_shown(format: str, loop: int | None, shown: int) -> None:
    options = {} if loop is None else {"loop": loop}
    with saved(RGB, format, duration=50, **options) as image:
        assert kpal.frames_of(image).loop == shown


def test_frames_without_a_duration_get_a_tenth_of_a_second() -> None:
    with saved(RGB, "GIF") as image:
        assert image.info.get("duration") is None
        assert kpal.frames_of(image).durations[0] == 100


def test_the_image_is_left_where_it_was() -> None:
    for format in ("GIF", "PNG", "WEBP"):
        with saved(RGB, format, lossless=True) as image:
            for place in (0, 2):
                image.seek(place)
                pictures(kpal.frames_of(image))
                assert image.tell() == place
                assert np.array_equal(np.array(image.convert("RGB")), RGB[place])


def test_an_indexed_apng_can_be_gone_through_again() -> None:
    """Pillow itself loses the palette when it goes back."""
    first, *others = (image.to_pillow() for image in moving(3, 20, 30, 40))
    file = io.BytesIO()
    first.save(file, "PNG", save_all=True, append_images=others)
    with Image.open(file) as image:
        assert image.mode == "P"
        frames = kpal.frames_of(image)
        assert np.array_equal(pictures(frames), RGB)
        assert np.array_equal(pictures(frames), RGB)
        assert np.array_equal(np.array(image.convert("RGB")), RGB[0])


def test_a_picture_for_programs_without_animation_is_no_frame() -> None:
    file = io.BytesIO()
    cover = Image.new("RGB", (30, 20), "red")
    cover.save(
        file,
        "PNG",
        save_all=True,
        append_images=[Image.fromarray(frame) for frame in RGB],
        default_image=True,
        duration=30,
    )
    with Image.open(file) as image:
        frames = kpal.frames_of(image)
        assert frames.count == 3
        assert np.array_equal(pictures(frames), RGB)
        assert frames.durations == (30, 30, 30)


def test_fractions_of_milliseconds_are_rounded() -> None:
    file = io.BytesIO()
    first, *others = (Image.fromarray(frame) for frame in RGB)
    first.save(file, "PNG", save_all=True, append_images=others, duration=30)
    data = file.getvalue()
    at = 0
    while (at := data.find(b"fcTL", at + 1)) > 0:
        chunk = bytearray(data[at : at + 30])
        chunk[24:28] = struct.pack(">HH", 1, 60)
        data = data[:at] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[at + 34 :]
    with Image.open(io.BytesIO(data)) as image:
        assert kpal.frames_of(image).durations == (17, 17, 17)


@pytest.mark.skipif("avif" not in features.modules or not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_sequences_are_animations() -> None:
    with saved(RGB, "AVIF", duration=[40, 20, 250], quality=100, subsampling="4:4:4") as image:
        frames = kpal.frames_of(image)
        assert np.abs(np.array(pictures(frames), int) - RGB).mean() < 4
        assert frames.durations == (40, 20, 250)


def test_a_still_image_is_one_frame() -> None:
    with saved(RGB[:1], "PNG") as image:
        frames = kpal.frames_of(image)
        assert (frames.count, frames.durations, frames.loop) == (1, (100,), 0)
        assert np.array_equal(pictures(frames), RGB[:1])
    frames = kpal.frames_of(Image.new("L", (4, 5)))
    assert (frames.count, [picture.mode for picture in frames]) == (1, ["RGB"])


def test_pages_are_frames_only_when_asked_for() -> None:
    with saved([*RGB, np.full((20, 30), 77, np.uint8)], "TIFF") as image:
        with pytest.raises(ValueError, match="several pages"):
            kpal.frames_of(image)
        with pytest.raises(ValueError, match="several pages"):
            kpal.encode_frames(image)
        frames = kpal.frames_of(image, pages=True)
        assert np.array_equal(pictures(frames)[:3], RGB)
        assert (frames.durations, frames.loop) == ((100,) * 4, 0)
        assert kpal.inspect(kpal.encode_frames(frames, durations=7)).durations == (7,) * 4


def test_masks_and_smaller_copies_of_pages_are_no_frames() -> None:
    page, copy = Image.new("RGB", (30, 20), "blue"), Image.new("RGB", (15, 10), "red")
    data = tiff((page, {}), (copy, {254: 1}), (page, {254: 4}), (page, {254: 2}))
    with Image.open(io.BytesIO(data)) as image:
        assert kpal.frames_of(image, pages=True).count == 2
        assert [picture.size for picture in kpal.frames_of(image, pages=True)] == [(30, 20)] * 2


def test_deep_pages_are_refused_if_exact() -> None:
    deep = (np.arange(600, dtype=np.uint16) * 100).reshape(20, 30)
    with saved([deep, deep], "TIFF") as image:
        frames = kpal.frames_of(image, pages=True)
        with pytest.warns(kpal.KpalWarning, match="16-bit"):
            assert [picture.mode for picture in frames] == ["RGB", "RGB"]
        with pytest.raises(ValueError, match="frame 0: a 16-bit image"):
            kpal.encode_frames(frames, exact=True)
