"""Animations in other formats: every frame keeps its pixels, and durations and loops survive as far as they can."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal.image_files.gif_frames import gif_of_frames
from kpal.image_files.moving import animated, held_times
from kpal_format import U8, Animation, IndexedImage

from ..images import moving

FRAMES = 9
GIFSICLE = shutil.which("gifsicle") or ""
TIMES = Animation(tuple(range(0, 10 * FRAMES, 10)), loop=3)


def frames_with(palette: U8) -> list[U8]:
    """Frames that use all of a palette, and show and hide each of its entries."""
    shapes = list(moving(FRAMES, 24, 30, len(palette), palette.shape[1]))
    return [np.ascontiguousarray(image.indices) for image in shapes]


def palette_of(colors: int, alphas: list[int]) -> U8:
    """Distinct colours, whose alpha goes round in `alphas`; none for three channels."""
    rgb = np.random.default_rng(colors).permutation(256**2)[:colors].astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3]
    if not alphas:
        return np.ascontiguousarray(rgb)
    return np.column_stack((rgb, np.resize(np.array(alphas, np.uint8), colors)))


def written(format: str, palette: U8, frames: list[U8], times: Animation = TIMES) -> bytes:
    entries = np.arange(len(palette), dtype=np.uint8)[np.newaxis]
    model = IndexedImage(entries, palette).to_pillow()
    if format in ("WEBP", "AVIF"):
        model = model.convert("RGBA" if palette.shape[1] == 4 else "RGB")
    options = {"lossless": True} if format == "WEBP" else {}
    return animated(format, palette, model, options, lambda: iter(frames), held_times(format, times))


def read(data: bytes) -> Iterator[tuple[U8, int]]:
    """The frames as Pillow shows them, RGBA without hidden colours, and their milliseconds."""
    with Image.open(io.BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            yield seen(np.array(image.convert("RGBA"))), image.info.get("duration", 0)


def seen(pixels: U8) -> U8:
    if pixels.shape[2] == 3:
        pixels = np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))
    pixels[pixels[:, :, 3] == 0] = 0
    return pixels


@pytest.mark.parametrize("format", ["GIF", "PNG"])
@pytest.mark.parametrize("colors", [1, 2, 3, 4, 5, 16, 17, 255, 256])
@pytest.mark.parametrize("alphas", [[], [255, 0], [0, 255, 255]])
def test_gif_and_apng_show_every_frame_exactly(format: str, colors: int, alphas: list[int]) -> None:
    palette = palette_of(colors, alphas)
    frames = frames_with(palette)
    data = written(format, palette, frames)
    shown = list(read(data))
    assert [duration for _, duration in shown] == list(TIMES.durations)
    for (pixels, _), indices in zip(shown, frames, strict=True):
        assert np.array_equal(pixels, seen(palette[indices]))


@pytest.mark.parametrize("format", ["GIF", "PNG"])
def test_gif_and_apng_keep_the_palette_and_its_order(format: str) -> None:
    palette = palette_of(9, [])
    with Image.open(io.BytesIO(written(format, palette, frames_with(palette)))) as image:
        assert image.mode == "P"
        own = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    assert np.array_equal(own[: len(palette)], palette)


def test_soft_alpha_is_kept_where_the_format_has_it() -> None:
    palette = palette_of(40, [0, 60, 128, 255])
    frames = frames_with(palette)
    for (pixels, _), indices in zip(read(written("PNG", palette, frames)), frames, strict=True):
        assert np.array_equal(pixels, seen(palette[indices]))


def test_frames_that_stay_the_same_are_frames_nevertheless() -> None:
    palette = palette_of(5, [255, 0])
    frames = frames_with(palette)[:1] * 4
    times = Animation((10, 20, 30, 40))
    for format in ("GIF", "PNG"):
        assert [duration for _, duration in read(written(format, palette, frames, times))] == [10, 20, 30, 40]


def test_webp_shows_every_frame_for_its_time() -> None:
    palette = palette_of(60, [255, 99, 0])
    frames = frames_with(palette)
    times = Animation((40,) * FRAMES, loop=3)
    data = written("WEBP", palette, frames, times)
    shown = [pixels for pixels, duration in read(data) for _ in range(duration // 40)]  # it joins equal frames
    for pixels, indices in zip(shown, frames, strict=True):
        assert np.array_equal(pixels, seen(palette[indices]))
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["loop"] == 3


@pytest.mark.skipif(not GIFSICLE, reason="needs gifsicle")
@pytest.mark.parametrize("loop", [0, 1, 2, 3])
def test_other_programs_read_the_gif(loop: int) -> None:
    palette = palette_of(7, [255, 0])
    data = written("GIF", palette, frames_with(palette), Animation((70,) * FRAMES, loop))
    info = subprocess.run([GIFSICLE, "--info"], input=data, capture_output=True, check=True).stdout.decode()
    assert f"{FRAMES} images" in info
    assert info.count("delay 0.07s") == FRAMES
    repeats = {0: "loop forever", 1: None, 2: "loop count 1", 3: "loop count 2"}[loop]
    assert (repeats in info) if repeats else "loop" not in info


@pytest.mark.parametrize("loop", [0, 1, 2, 65536])
def test_a_gif_is_shown_as_often_as_asked_for(loop: int) -> None:
    data = b"".join(gif_of_frames(palette_of(2, []), [np.zeros((1, 1), np.uint8)] * 2, [1, 1], loop=loop))
    with Image.open(io.BytesIO(data)) as image:
        assert kpal.frames_of(image).loop == loop


def test_durations_of_a_gif_keep_the_speed_on_the_whole() -> None:
    with pytest.warns(kpal.KpalWarning, match=r"GIF cannot hold the durations of 30 of 30 frames exactly"):
        held = held_times("GIF", Animation((33,) * 30))
    assert set(held.durations) <= {30, 40}
    assert abs(sum(held.durations) - 30 * 33) <= 5
    for durations in ((16,) * 50, (16, 16, 1000) * 9):
        with pytest.warns(kpal.KpalWarning, match="rounded, and all together last"):
            held = held_times("GIF", Animation(durations))
        assert min(held.durations) >= 20  # viewers slow down shorter frames
        assert all(abs(a - b) <= 10 for a, b in zip(held.durations, durations, strict=True))


def test_frames_without_duration_stay_without() -> None:
    with pytest.warns(kpal.KpalWarning, match="of 2 of 4 frames"):
        assert held_times("GIF", Animation((14, 0, 14, 0))).durations[1::2] == (0, 0)


def test_a_gif_too_wide_for_its_format_is_an_error() -> None:
    frames = [np.zeros((1, 65_536), np.uint8)] * 2
    with pytest.raises(ValueError, match=r"GIF holds at most 65,535 pixels a side, not 65,536 x 1"):
        list(gif_of_frames(palette_of(2, []), frames, [1, 1], loop=0))


@pytest.mark.parametrize(
    ("format", "duration", "held"),
    [
        ("GIF", 0, 0),
        ("GIF", 3, 10),
        ("GIF", 2**31 - 1, 655_350),
        ("PNG", 65_535, 65_535),
        ("PNG", 65_540, 65_540),
        ("PNG", 65_541, 65_540),
        ("PNG", 2**31 - 1, 65_535_000),
        ("WEBP", 2**31 - 1, 2**24 - 1),
        ("AVIF", 0, 1),
    ],
)
def test_durations_that_a_format_cannot_hold_become_the_nearest(format: str, duration: int, held: int) -> None:
    times = Animation((duration, duration))
    if duration == held:
        assert held_times(format, times) == times
        return
    with pytest.warns(kpal.KpalWarning, match=f"{format} cannot hold the durations of 2 of 2 frames"):
        assert held_times(format, times).durations == (held, held)


@pytest.mark.parametrize(("format", "most"), [("GIF", 65_536), ("WEBP", 65_535)])
def test_more_showings_than_a_format_counts_become_as_many_as_it_can(format: str, most: int) -> None:
    assert held_times(format, Animation((10, 10), most)).loop == most
    with pytest.warns(kpal.KpalWarning, match=f"at most {most:,} times, not {most + 1:,}"):
        assert held_times(format, Animation((10, 10), most + 1)).loop == most
    with pytest.warns(kpal.KpalWarning, match="for ever, not 2 times"):
        assert held_times("AVIF", Animation((10, 10), 2)).loop == 0


def test_long_comments_are_kept() -> None:
    comment = bytes(range(1, 256)) * 3
    frames = [np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)]
    data = b"".join(gif_of_frames(palette_of(2, []), frames, [1, 1], loop=0, comment=comment))
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["comment"] == comment


def test_frames_are_asked_for_one_after_the_other() -> None:
    palette = palette_of(9, [255, 0])
    frames = frames_with(palette)
    alive = []

    def watched() -> Iterator[U8]:
        for number, frame in enumerate(frames):
            alive.append(number)
            yield frame

    parts = gif_of_frames(palette, watched(), [1] * FRAMES, loop=0)
    counts = [len(alive) for _ in parts]
    assert all(b - a <= 2 for a, b in pairwise(counts))  # a frame and the one after it
