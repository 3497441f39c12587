"""Animations: frames in any form become one file with one palette, and come back one at a time."""

from __future__ import annotations

import io
import itertools
import os
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageSequence

import kpal
from kpal.animation import FrameOptions, frames_encoder
from kpal.quantizer import rate_distortion
from kpal.quantizer.histogram import PooledHistogram
from kpal_format import U8, IndexedImage, Reader
from kpal_format.tiles import Decoding

from .files import use_small_tiles
from .images import METADATA, gradient, moving, soft_icon

FEW = [image.pixels() for image in moving(7, 24, 32, 40)]  # 2 and 3 are alike
DITHERS = ("none", "floyd-steinberg", "ordered", "blue-noise")


def scene(frames: int = 6, height: int = 40, width: int = 56, channels: int = 3) -> list[U8]:
    """Frames of many colours: a thing walks over a background that does not change."""
    background = gradient(height, width)
    if channels == 4:
        alpha = np.full((height, width, 1), 255, np.uint8)
        alpha[:6], alpha[6:12] = 0, 100
        background = np.dstack((background, alpha))
    every = []
    for number in range(frames):
        frame = background.copy()
        frame[20:30, 5 * number : 5 * number + 12] = 255 - frame[20:30, 5 * number : 5 * number + 12]
        frame[..., 3:] = background[..., 3:]
        every.append(frame)
    return every


def decoded(data: bytes) -> list[U8]:
    return [pixels for pixels, _ in kpal.decode_frames(data)]


def indices_of(data: bytes) -> list[U8]:
    return list(Reader(data).iterate())


def as_apng(frames: list[U8], **options: Any) -> Image.Image:
    """The frames as an open image. Pillow makes one of frames that are alike."""
    file = io.BytesIO()
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(file, "PNG", save_all=True, append_images=others, **options)
    return Image.open(file)


# --- frames of few colours


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("coder", kpal.CODERS)
def test_frames_of_few_colours_come_back_as_they_were(coder: str, channels: int) -> None:
    frames = [image.pixels() for image in moving(6, 15, 20, 30, channels)]
    if channels == 4:
        frames = [np.where(frame[:, :, 3:] > 0, frame, np.uint8(0)) for frame in frames]
    data = kpal.encode_frames(frames, coder=coder, verify=True)
    assert np.array_equal(decoded(data), frames)
    assert kpal.inspect(data).frames == 6


def test_frames_are_whatever_encode_takes() -> None:
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    white = np.full((3, 4), 255, np.uint8)
    same: list[Any] = [
        gray,
        np.dstack((gray, white)),
        np.dstack((gray, gray, gray)),
        np.dstack((gray, gray, gray, white)),
        gray.astype(np.uint16) * np.uint16(257),
        Image.fromarray(gray),
        memoryview(gray.data),
    ]
    for frame in decoded(kpal.encode_frames(same)):
        assert np.array_equal(frame, np.dstack((gray, gray, gray)))


def test_alpha_of_one_frame_is_that_of_all() -> None:
    opaque, clear = np.full((4, 5, 4), 255, np.uint8), np.zeros((4, 5, 4), np.uint8)
    frames = decoded(kpal.encode_frames([opaque[:, :, :3], clear, opaque]))
    assert np.array_equal(frames, [opaque, clear, opaque])


def test_hidden_colours_are_kept_if_exact_only() -> None:
    frame = np.zeros((2, 3, 4), np.uint8)
    frame[0] = (9, 8, 7, 0)
    assert kpal.inspect(kpal.encode_frames([frame])).colors == 1
    assert np.array_equal(decoded(kpal.encode_frames([frame, frame], exact=True)), [frame, frame])


def test_two_colours_that_are_one_point_of_the_palettes_space_stay_apart() -> None:
    frames = [np.full((3, 3, 3), (0, 0, blue), np.uint8) for blue in range(12)]
    assert np.array_equal(decoded(kpal.encode_frames(frames)), frames)
    palette = np.array([(0, 0, blue) for blue in range(11, -1, -1)], np.uint8)
    assert np.array_equal(decoded(kpal.encode_frames(frames, palette=palette)), frames)


# --- all forms of frames


def written_by_rows(frames: list[U8], durations: list[float], palette: U8, **options: Any) -> bytes:
    file = io.BytesIO()
    height, width = frames[0].shape[:2]
    with kpal.open_writer(file, width, height, palette=palette, durations=durations, **options) as writer:
        for frame in frames:
            for top in range(0, height, 7):
                writer.write(frame[top : top + 7])
    return file.getvalue()


@pytest.mark.parametrize("frames", [FEW, scene()], ids=["few colours", "many colours"])
def test_all_forms_of_frames_give_the_same_bytes(frames: list[U8]) -> None:
    frames = [*frames[:3], *frames[4:]]
    expected = kpal.encode_frames(frames)
    forms: list[Any] = [
        tuple(frames),
        np.stack(frames),
        iter(frames),
        (frame for frame in frames),
        lambda: iter(frames),
        lambda: frames,
        map(Image.fromarray, frames),
        [Image.fromarray(frame) for frame in frames],
    ]
    for form in forms:
        assert kpal.encode_frames(form) == expected
    with as_apng(frames, duration=100) as image:
        assert kpal.encode_frames(image) == expected
        assert kpal.encode_frames(kpal.frames_of(image)) == expected
        assert kpal.encode_frames(ImageSequence.Iterator(image)) == expected


@pytest.mark.parametrize("restart", [None, 2])
def test_rows_of_a_writer_give_the_same_bytes(restart: int | None) -> None:
    frames = scene()
    palette = kpal.shared_palette(frames, 30)
    durations = [10.0 * number for number in range(len(frames))]
    data = written_by_rows(frames, durations, palette, loop=3, restart=restart)
    assert data == kpal.encode_frames(frames, palette=palette, durations=durations, loop=3, restart=restart)
    with kpal.open_reader(data) as reader:
        assert (reader.frames, reader.durations, reader.loop) == (6, (0, 10, 20, 30, 40, 50), 3)


@pytest.mark.parametrize("cores", [1, 4])
def test_threads_do_not_change_the_bytes(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_tiles(monkeypatch)
    frames = scene(4, 70, 90)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    expected = kpal.encode_frames(frames, 20, coder="zstd")
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert kpal.encode_frames(frames, 20, coder="zstd") == expected
    assert kpal.inspect(expected).tiles > 4


@pytest.mark.parametrize("options", [{}, {"colors": 20}, {"max_bytes": 1500}, {"quality": 40}, {"verify": True}])
def test_a_function_is_called_at_most_twice(options: dict[str, Any]) -> None:
    calls: list[int] = []

    def begin() -> Iterator[U8]:
        calls.append(1)
        return iter(scene())

    assert kpal.encode_frames(begin, **options) == kpal.encode_frames(scene(), **options)
    assert len(calls) <= 2


def test_an_array_that_the_caller_uses_again_is_copied() -> None:
    frames = scene()

    def reused() -> Iterator[U8]:
        array = np.empty_like(frames[0])
        for frame in frames:
            array[:] = frame
            yield array

    for options in ({}, {"colors": 20, "dither": "floyd-steinberg"}):
        assert kpal.encode_frames(reused(), **options) == kpal.encode_frames(frames, **options)  # type: ignore[arg-type]
        assert kpal.encode_frames(reused, **options) == kpal.encode_frames(frames, **options)  # type: ignore[arg-type]


class Spools:
    """The temporary files that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[Any] = []
        make = tempfile.TemporaryFile

        def noted() -> Any:
            self.files.append(make())
            return self.files[-1]

        monkeypatch.setattr("kpal.frame_source.tempfile.TemporaryFile", noted)


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> Spools:
    return Spools(monkeypatch)


def test_the_temporary_file_of_an_iterator_goes_away(spools: Spools) -> None:
    kpal.encode_frames(iter(FEW))
    assert [file.closed for file in spools.files] == [True]


def test_it_goes_away_after_errors_too(spools: Spools) -> None:
    with pytest.raises(ValueError, match="frame 1 has 5 x 4 pixels"):
        kpal.encode_frames(iter([FEW[0], np.zeros((4, 5, 3), np.uint8)]))

    def broken() -> Iterator[U8]:
        yield FEW[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kpal.encode_frames(broken())
    with pytest.raises(KeyboardInterrupt):
        kpal.encode_frames(iter(FEW), progress=interrupting("coding"))
    assert [file.closed for file in spools.files] == [True, True, True]


def test_frames_that_can_be_had_again_need_no_temporary_file(spools: Spools) -> None:
    with as_apng(FEW) as image:
        for frames in (FEW, lambda: FEW, image):
            kpal.encode_frames(frames)
    assert spools.files == []


@pytest.mark.parametrize("form", [iter, lambda frames: lambda: frames])
def test_memory_does_not_grow_with_the_number_of_frames(form: Callable[[Any], Any]) -> None:
    def peak(count: int) -> int:
        frames = (np.full((100, 200, 3), number % 200, np.uint8) for number in range(count))
        tracemalloc.start()
        data = kpal.encode_frames(form(frames if form is iter else Repeated(count)), coder="zstd", restart=4)
        for _ in kpal.decode_frames(data):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(8)  # loads modules
    assert peak(200) < peak(8) + 100_000 + 200 * 500  # a frame has 60,000 bytes


class Repeated:
    """Frames that are made when they are asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[U8]:
        return (np.full((100, 200, 3), number % 200, np.uint8) for number in range(self.count))


# --- what does not change stays as it is


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("options", [*({"dither": each} for each in DITHERS), {"rate": 1.0}, {"rate": 3.0}])
def test_a_pixel_that_does_not_change_keeps_its_entry(options: dict[str, Any], channels: int) -> None:
    frames = scene(channels=channels)
    indices = indices_of(kpal.encode_frames(frames, 12, **options))
    for before, after, old, new in zip(frames, frames[1:], indices, indices[1:], strict=False):
        same = (before == after).all(axis=2)
        assert not same.all()
        assert np.array_equal(old[same], new[same])
    assert not np.array_equal(indices[0], indices[-1])


@pytest.mark.parametrize("dither", ["none", "ordered", "blue-noise"])
def test_a_pattern_stands_still_and_returns_when_a_thing_has_passed(dither: Any) -> None:
    background, *_, last = scene()
    thing = background.copy()
    thing[10:30, 10:40] = last[10:30, 10:40][::-1]
    indices = indices_of(kpal.encode_frames([background, thing, background], 12, dither=dither))
    assert np.array_equal(indices[0], indices[2])


def test_dithering_keeps_the_mean_where_only_some_pixels_change() -> None:
    """The error of a pixel that keeps its entry still reaches its neighbours."""
    random = np.random.default_rng(5)
    palette = np.array([(0, 0, 0), (255, 255, 255)], np.uint8)
    frames = [np.full((64, 64, 3), 100, np.uint8)]
    for _ in range(12):
        frame = frames[-1].copy()
        some = random.random((64, 64)) < 0.3
        frame[some] = np.where(frame[some] == 100, 101, 100).astype(np.uint8)
        frames.append(frame)
    data = kpal.encode_frames(frames, palette=palette, dither="floyd-steinberg", dither_level=1.0)
    for frame in decoded(data):
        assert abs(float(frame.mean()) - 100.5) < 4


def test_a_rate_keeps_entries_that_noise_alone_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    frames = [np.clip(gradient() + random.normal(0, 3, (48, 64, 3)), 0, 255).astype(np.uint8) for _ in range(4)]

    def changes() -> int:
        indices = indices_of(kpal.encode_frames(frames, 40, rate=1.0))
        return sum(int((a != b).sum()) for a, b in itertools.pairwise(indices))

    held = changes()
    monkeypatch.setattr(rate_distortion, "_CHANGE", -1e9)
    assert held < changes() / 3


def test_clear_and_opaque_pixels_stay_so() -> None:
    icon = soft_icon(40)
    frames = [np.roll(icon, 3 * step, axis=1) for step in range(4)]
    every: list[dict[str, Any]] = [
        {"colors": 6},
        {"colors": 6, "rate": 3.0},
        {"colors": 6, "dither": "floyd-steinberg"},
    ]
    for options in every:
        for frame, shown in zip(frames, decoded(kpal.encode_frames(frames, **options)), strict=True):
            assert (shown[frame[:, :, 3] == 0] == 0).all()
            assert (shown[frame[:, :, 3] == 255][:, 3] == 255).all()


def test_a_mark_that_only_one_frame_has_keeps_its_colour() -> None:
    frames = [np.repeat(gradient(80, 120)[:, :, :1] // 3 + 60, 3, axis=2) for _ in range(3)]
    frames[1][30:40, 50:60] = (250, 20, 60)
    shown = decoded(kpal.encode_frames(frames, 8))[1][35, 55].astype(int)
    assert np.abs(shown - (250, 20, 60)).max() < 30


# --- options


def test_a_quality_takes_the_fewest_colours_that_reach_it_over_all_frames() -> None:
    reports: list[kpal.Report] = []
    for quality in (20, 40):
        kpal.encode_frames(scene(), quality=quality, report=reports.append)
    few, many = reports
    assert 20 <= few.quality < many.quality
    assert few.colors < many.colors < 256
    with pytest.raises(kpal.UnreachableError, match="quality"):
        kpal.encode_frames(scene(), 4, quality=(90, 95))


@pytest.mark.parametrize("coder", kpal.CODERS)
def test_a_size_is_reached_or_named(coder: str) -> None:
    full = len(kpal.encode_frames(scene(), coder=coder))
    for most in (full - 1, full // 2):
        data = kpal.encode_frames(iter(scene()), coder=coder, max_bytes=most)
        assert most // 3 < len(data) <= most
        assert len(decoded(data)) == 6
    with pytest.raises(kpal.UnreachableError, match="the least that is possible is"):
        kpal.encode_frames(scene(), coder=coder, max_bytes=20)


def test_fixed_colours_are_in_the_palette() -> None:
    palette = kpal.decode_indexed(kpal.encode_frames(scene(), 8, fixed=[(1, 2, 3)])).palette
    assert [1, 2, 3] in palette.tolist()


def test_a_given_palette_keeps_its_order_and_gains_a_clear_entry_if_any_frame_needs_one() -> None:
    given = np.array([(255, 255, 255), (0, 0, 0), (250, 20, 60)], np.uint8)
    kept = kpal.decode_indexed(kpal.encode_frames(scene(), palette=given))
    assert np.array_equal(kept.palette, given)
    with pytest.warns(kpal.KpalWarning, match="one is added at its end"):
        data = kpal.encode_frames([*scene(3), *scene(3, channels=4)], palette=given)
    assert kpal.decode_indexed(data).palette[3].tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="no room for one"):
        kpal.encode_frames(scene(channels=4), 3, palette=given)


def test_the_palette_is_about_as_good_as_a_shared_one() -> None:
    shared = kpal.shared_palette(scene(), 16)
    reports: list[kpal.Report] = []
    kpal.encode_frames(scene(), 16, report=reports.append)
    kpal.encode_frames(scene(), palette=shared, report=reports.append)
    assert reports[0].mse < 1.1 * reports[1].mse


@pytest.mark.parametrize("options", [{}, {"dither": "floyd-steinberg"}, {"rate": 1.0}])
def test_frames_of_more_colours_than_are_counted_one_by_one(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[kpal.Report] = []
    kpal.encode_frames(scene(channels=4), 30, report=reports.append, **options)
    monkeypatch.setattr(PooledHistogram.__init__, "__kwdefaults__", {"alpha": False, "limit": 1000})
    data = kpal.encode_frames(scene(channels=4), 30, report=reports.append, **options)
    assert reports[1].mse < 1.2 * reports[0].mse
    assert (decoded(data)[3][:6] == 0).all()


def test_indexed_frames_are_stored_unchanged() -> None:
    images = list(moving(5, 20, 30, 200))
    for options in ({}, {"keep_palette": True}):
        data = kpal.encode_frames(images, verify=True, **options)  # type: ignore[arg-type]
        assert np.array_equal(kpal.decode_indexed(data).palette, images[0].palette)
        assert np.array_equal(indices_of(data), [image.indices for image in images])
    pillows = [image.to_pillow() for image in images]
    assert kpal.encode_frames(pillows, keep_palette=True) == data


def test_options_that_would_change_indexed_frames_are_refused() -> None:
    images = list(moving(3, 20, 30, 9))
    with pytest.raises(ValueError, match="stored unchanged: it does not go with colors, dither"):
        kpal.encode_frames(images, 4, dither="ordered")
    with pytest.raises(ValueError, match="9 colours, more than colors=4"):
        kpal.encode_frames(images, 4, keep_palette=True)
    with pytest.raises(ValueError, match="frame 0: keep_palette needs a Pillow image of mode P"):
        kpal.encode_frames(FEW, keep_palette=True)
    with pytest.raises(kpal.UnreachableError, match="max_bytes"):
        kpal.encode_frames(images, max_bytes=30)


def test_exact_refuses_what_a_palette_cannot_hold() -> None:
    with pytest.raises(ValueError, match="exact: the frames have more colours than a palette of 256 holds"):
        kpal.encode_frames(scene(), exact=True)
    halves = [image.pixels() for seed in (1, 2) for image in moving(2, 20, 30, 100, seed=seed)]
    kpal.encode_frames(halves, exact=True)
    with pytest.raises(ValueError, match="exact: the frames have more colours than a palette of 150 holds"):
        kpal.encode_frames(halves, 150, exact=True)


def test_the_metadata_are_those_of_the_first_frame_unless_others_are_given() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    first, other = Image.fromarray(FEW[0]), Image.fromarray(FEW[1])
    first.info["icc_profile"] = profile
    with pytest.warns(kpal.KpalWarning, match="frame 1 has another ICC profile than frame 0"):
        data = kpal.encode_frames([first, other])
    assert kpal.inspect(data).metadata.icc_profile == profile
    with as_apng(FEW, icc_profile=profile) as image:
        assert kpal.inspect(kpal.encode_frames(image)).metadata.icc_profile == profile
        assert kpal.inspect(kpal.encode_frames(image, metadata=METADATA)).metadata == METADATA
        assert not kpal.inspect(kpal.encode_frames(image, metadata=kpal.Metadata())).metadata


def test_a_report_has_the_first_picture_and_the_error_of_all_frames() -> None:
    frames, reports = scene(), list[kpal.Report]()
    data = kpal.encode_frames(frames, 16, report=reports.append)
    (report,) = reports
    shown = decoded(data)
    errors = [np.square(a.astype(int) - b).mean() for a, b in zip(frames, shown, strict=True)]
    assert report.mse == pytest.approx(np.mean(errors))
    assert (report.bytes, report.colors) == (len(data), 16)
    assert np.array_equal(report.original, frames[0])
    assert np.array_equal(report.image.pixels(), shown[0])
    assert set(report.ms) == {"histogram", "clustering", "coding"}


def test_verification_finds_a_file_that_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Decoding.read
    monkeypatch.setattr(Decoding, "read", lambda self, frames=1: read(self, frames)[::-1])
    with pytest.raises(RuntimeError, match="does not decode to what was encoded"):
        kpal.encode_frames(FEW, coder="zstd", verify=True)


# --- progress


def interrupting(stage: str) -> Callable[[str, float], None]:
    def progress(name: str, fraction: float) -> None:
        if name == stage:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("form", [list, iter])
def test_the_progress_of_each_stage_rises_frame_by_frame(form: Callable[[Any], Any]) -> None:
    calls: list[tuple[str, float]] = []
    kpal.encode_frames(form(scene()), 20, verify=True, progress=lambda *call: calls.append(call))
    stages = {name: [fraction for _, fraction in run] for name, run in itertools.groupby(calls, lambda call: call[0])}
    assert list(stages) == ["histogram", "clustering", "coding", "verifying"]
    for fractions in stages.values():
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    for stage in ("coding", "verifying"):
        assert {number / 6 for number in range(7)} <= set(stages[stage])


def test_a_search_tells_the_fraction_of_the_whole() -> None:
    fractions: list[float] = []
    kpal.encode_frames(scene(), max_bytes=1500, progress=lambda _, fraction: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


# --- durations


def test_durations_are_one_number_or_one_for_each_frame() -> None:
    def stored(durations: Any) -> tuple[int, ...]:
        return kpal.inspect(kpal.encode_frames(FEW[:3], durations=durations)).durations

    assert stored(None) == (100, 100, 100)
    assert stored(40) == stored(np.float32(40.2)) == (40, 40, 40)
    assert stored([0, 33.4, 1000 / 60]) == stored(iter((0, 33, 17))) == stored(np.array([0, 33, 17])) == (0, 33, 17)


def test_an_image_gives_its_durations_and_its_loop() -> None:
    with as_apng(FEW[:3], duration=[0, 10, 20], loop=4) as image:
        info = kpal.inspect(kpal.encode_frames(image))
        assert (info.durations, info.loop) == ((0, 10, 20), 4)
        info = kpal.inspect(kpal.encode_frames(image, durations=5, loop=0))
        assert (info.durations, info.loop) == ((5, 5, 5), 0)


# --- bad input

ONE = np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        ([], {}, "frames must have at least one"),
        (iter(()), {}, "frames must have at least one"),
        (list, {}, "frames must have at least one"),
        ([ONE, ONE[:3]], {}, "frame 1 has 5 x 3 pixels, but frame 0 has 5 x 4"),
        ([ONE, ONE.astype(float)], {}, "frame 1: an array of pixels must be uint8, uint16 or bool"),
        ([ONE, None], {}, "frame 1: pixels must be a numpy array or a Pillow image, not NoneType"),
        ([None], {}, "frame 0: pixels must be a numpy array or a Pillow image, not NoneType"),
        ([ONE[:0]], {}, "frame 0: pixels must not be empty"),
        (ONE, {}, "frames must be several images, not a single one"),
        ("anim.gif", {}, "frames must be a sequence .* not 'anim.gif'"),
        (b"GIF89a", {}, "frames must be a sequence .* not bytes"),
        (Path("anim.gif"), {}, "frames must be a sequence"),
        ({1: ONE}, {}, "frames must be a sequence .* not dict"),
        (7, {}, "frames must be a sequence .* not 7"),
        (lambda: 7, {}, "frames: the function must return an iterator of images, not 7"),
        ([IndexedImage(ONE[:, :, 0], ONE[0]), ONE], {}, "frame 1: keep_palette needs"),
        ([ONE, IndexedImage(ONE[:, :, 0], ONE[0])], {}, "frame 1: an IndexedImage, while frame 0 is none"),
        (
            [IndexedImage(ONE[:, :, 0], ONE[0]), IndexedImage(ONE[:, :, 0], ONE[0] + 1)],
            {},
            "frame 1: its palette is not that of frame 0",
        ),
        ([ONE], {"durations": -1}, "a duration must be a finite number of milliseconds from 0, not -1"),
        ([ONE], {"durations": float("nan")}, "a duration must be a finite number of milliseconds from 0, not nan"),
        ([ONE], {"durations": [float("inf")]}, "a duration must be a finite number of milliseconds from 0, not inf"),
        ([ONE], {"durations": 2**31}, "a duration must be from 0 to 2147483647 milliseconds"),
        ([ONE], {"durations": "100"}, "durations must be numbers of milliseconds"),
        ([ONE], {"durations": [None]}, "durations must be numbers of milliseconds, not None"),
        ([ONE], {"durations": True}, "durations must be numbers of milliseconds, not True"),
        ([ONE] * 3, {"durations": [1, 2]}, "durations are 2, but there are more frames"),
        ([ONE] * 2, {"durations": [1, 2, 3]}, "one for each of 2 frames, not 3"),
        ([ONE], {"durations": []}, "an animation has 1 to 1048576 frames, not 0"),
        (itertools.repeat(ONE), {"durations": [1, 2]}, "durations are 2, but there are more frames"),
        ([ONE], {"durations": itertools.repeat(1)}, "an animation has 1 to 1048576 frames"),
        ([ONE], {"loop": -1}, "loop must be from 0 to"),
        ([ONE], {"loop": 1.5}, "loop must be a whole number"),
        ([ONE], {"restart": 0}, "restart must be from 1 to"),
        ([ONE], {"colors": 0}, "colors must be from 1 to 256"),
        ([ONE], {"coder": "gif"}, "coder"),
        ([ONE], {"rate": 1, "dither": "ordered"}, "rate and dither undo each other"),
    ],
)
def test_bad_input_is_an_error_that_says_what_is_wrong(frames: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        kpal.encode_frames(frames, **options)
    assert not isinstance(caught.value, kpal.KpalError)


def test_frames_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpal.frame_source.MAX_FRAMES", 50)
    with pytest.raises(ValueError, match="an animation has at most 50 frames"):
        kpal.encode_frames(itertools.repeat(ONE))


def test_a_damaged_image_among_the_frames_is_an_error_of_its_own_kind() -> None:
    good, damaged = (bytearray(kpal.encode(frame)) for frame in FEW[:2])
    damaged[-9] ^= 1
    images = [Image.open(io.BytesIO(data)) for data in (good, damaged)]
    with pytest.raises(kpal.DamagedError):
        kpal.encode_frames(images)


def test_a_function_that_returns_other_frames_the_second_time_is_an_error() -> None:
    every = [[FEW[0], FEW[1]], [FEW[0], FEW[2]], [FEW[0]], [FEW[0], FEW[1], FEW[2]]]
    for second, message in zip(
        every[1:],
        ["frame 1 is not the same", "of 2 frames, a second iteration .* has only 1", "frame 2 is not the same"],
        strict=True,
    ):
        calls = iter((every[0], second))
        with pytest.raises(ValueError, match=message):
            kpal.encode_frames(lambda calls=calls: next(calls))  # type: ignore[misc]


# --- reading


@pytest.fixture(scope="module")
def data() -> bytes:
    return kpal.encode_frames(FEW, durations=range(7), coder="fast")


def test_decode_gives_the_first_frame_or_the_one_that_is_asked_for(data: bytes) -> None:
    assert np.array_equal(kpal.decode(data), FEW[0])
    assert np.array_equal(kpal.decode(data, 3), FEW[3])
    assert np.array_equal(kpal.decode(data, frame=-1, region=(1, 2, 9, 8)), FEW[-1][2:8, 1:9])
    for frame in (7, -8):
        with pytest.raises(IndexError, match=f"frame {frame} is not one of 7"):
            kpal.decode(data, frame)


@pytest.mark.parametrize(("start", "stop"), [(0, None), (2, 5), (-3, -1), (4, 99), (5, 2), (0, 0)])
def test_frames_are_decoded_from_start_to_stop(data: bytes, start: int, stop: int | None) -> None:
    frames = list(kpal.decode_frames(data, start, stop))
    assert [duration for _, duration in frames] == list(range(7))[start:stop]
    assert all(np.array_equal(a, b) for (a, _), b in zip(frames, FEW[start:stop], strict=True))
    with kpal.open_reader(data) as reader:
        again = reader.iterate(None, start, stop)
        assert all(np.array_equal(a, b) for a, (b, _) in zip(again, frames, strict=True))


def test_a_start_beyond_the_end_is_an_error_at_once(data: bytes) -> None:
    for start in (7, -8):
        with pytest.raises(IndexError, match=f"frame {start} is not one of 7"):
            kpal.decode_frames(data, start)
    with pytest.raises(TypeError, match="frame must be a whole number"):
        kpal.decode_frames(data, 1.5)  # type: ignore[arg-type]


def test_the_limit_of_pixels_counts_all_frames_that_are_asked_for(data: bytes) -> None:
    size = 24 * 32
    assert len(list(kpal.decode_frames(data, 1, 4, max_pixels=3 * size))) == 3
    with pytest.raises(kpal.LimitError):
        kpal.decode_frames(data, 1, 4, max_pixels=3 * size - 1)
    kpal.decode(data, 6, max_pixels=size)


def test_a_still_image_is_one_frame() -> None:
    still = kpal.encode(FEW[0])
    ((pixels, duration),) = kpal.decode_frames(still)
    assert np.array_equal(pixels, FEW[0])
    assert duration == 0
    with kpal.open_reader(still) as reader:
        assert (reader.frames, reader.durations, reader.loop) == (1, (), 0)


def test_bad_files_are_errors_at_once_or_at_the_frame() -> None:
    with pytest.raises(kpal.KpalError):
        kpal.decode_frames(b"GIF89a")
    damaged = bytearray(kpal.encode_frames(scene(3, 200, 400), coder="fast", restart=1))
    damaged[-10] ^= 1  # in the last group
    frames = kpal.decode_frames(bytes(damaged))
    assert [duration for _, duration in itertools.islice(frames, 2)] == [100, 100]
    with pytest.raises(kpal.DamagedError, match="frames 2 to 2"):
        next(frames)


def test_a_reader_reads_regions_and_rows_of_any_frame(data: bytes) -> None:
    with kpal.open_reader(data) as reader:
        assert np.array_equal(reader.read((3, 4, 20, 18), frame=5), FEW[5][4:18, 3:20])
        assert np.array_equal(np.vstack(list(reader.rows(frame=-2))), FEW[-2])
        with pytest.raises(IndexError):
            reader.read(frame=7)


def test_progress_of_decoding_is_that_of_all_frames(data: bytes) -> None:
    fractions: list[float] = []
    for _ in kpal.decode_frames(data, progress=lambda _, fraction: fractions.append(fraction)):
        pass
    assert {number / 7 for number in range(8)} <= set(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


# --- writing rows


def test_a_writer_discards_an_animation_with_rows_missing(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="frame 1 are missing"),
        kpal.open_writer(tmp_path / "a.kpal", 5, 4, palette=[(0, 0, 0)], durations=[1, 2]) as writer,
    ):
        writer.write(ONE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loop": 3}, "loop and restart are those of an animation, which needs durations"),
        ({"durations": [-1]}, "a duration must be a finite number"),
        ({"durations": []}, "an animation has 1 to"),
        ({"durations": 40}, "durations must be several, one for each frame, not 40"),
    ],
)
def test_wrong_times_of_a_writer_are_errors(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        kpal.open_writer(tmp_path / "a.kpal", 5, 4, palette=[(0, 0, 0)], **options)
    assert list(tmp_path.iterdir()) == []


# --- several files of the same frames


@pytest.mark.parametrize("channels", [3, 4])
def test_one_search_gives_the_files_of_many_numbers_of_colours(channels: int) -> None:
    frames, options = scene(channels=channels), FrameOptions(durations=40)
    if channels == 4:
        frames = [np.where(frame[:, :, 3:] > 0, frame, np.uint8(0)) for frame in frames]

    def squares(original: U8, image: IndexedImage) -> int:
        return int(np.square(original.astype(int) - image.pixels()).sum())

    with frames_encoder(iter(frames), options, squares) as encode:  # frames that come only once
        for colors, rate in ((24, None), (24, 1.5), (9, 0.0), (24, None)):
            trial = encode(colors, rate)
            assert trial.data == kpal.encode_frames(frames, durations=40, colors=colors, rate=rate)
            shown = decoded(trial.data)
            assert trial.judged == sum(
                int(np.square(a.astype(int) - b).sum()) for a, b in zip(frames, shown, strict=True)
            )
            assert trial.colors == kpal.inspect(trial.data).colors
