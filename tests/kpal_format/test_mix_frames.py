"""The coders `mix` and `max` with frames: all loops and the reference decoder agree, and frames cost what changes."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from kpal_format import U8, DamagedError
from kpal_format import kernel as installed
from kpal_format.coders import encode_tile, mix
from kpal_format.coders.tile import rgba

from .. import reference_decoder
from ..images import film, picture
from ..kernels import plain, with_compiler

FILMS = {
    f"{frames} frames, {height} x {width}, {colors} colours": film(frames, height, width, colors)
    for frames, height, width, colors in [(2, 1, 1, 2), (5, 1, 40, 17), (4, 40, 1, 3), (6, 12, 40, 16), (6, 16, 20, 40)]
}


def palette_of(frames: list[U8], channels: int = 3) -> U8:
    """A random palette for all indices that occur, of at least two colours."""
    colors = max(2, 1 + max(int(frame.max()) for frame in frames))
    return np.random.default_rng(colors).integers(0, 256, (colors, channels)).astype(np.uint8)


def shape_of(frames: list[U8]) -> tuple[int, int, int]:
    return len(frames), *frames[0].shape


def tile(module: ModuleType, profile: int, frames: list[U8], data: bytes | None) -> installed.Tile:
    count, rows, width = shape_of(frames)
    made: installed.Tile = module.Tile(profile, rgba(palette_of(frames)), True, width, rows, count, data)
    return made


def encoded(module: ModuleType, profile: int, frames: list[U8]) -> bytes:
    encoder = tile(module, profile, frames, None)
    for frame in frames:
        encoder.encode_frame(memoryview(frame.tobytes()))
    return encoder.finish()


def decoded(module: ModuleType, profile: int, frames: list[U8], data: bytes) -> tuple[list[bytes], bool]:
    decoder = tile(module, profile, frames, data)
    content = bytearray(frames[0].size)
    found = []
    for _ in frames:
        decoder.decode_frame(memoryview(content))
        found.append(bytes(content))
    return found, decoder.finished()


def coded(frames: list[U8], coder: mix.Mix = mix.MIX) -> bytes:
    encoder = coder.encoder(shape_of(frames), palette_of(frames))
    for frame in frames:
        encoder.write(frame)
    return encoder.finish()


# --- one model


@pytest.mark.parametrize("profile", [0, 1])
@pytest.mark.parametrize("frames", FILMS.values(), ids=FILMS)
def test_plain_python_the_installed_loop_and_the_reference_agree(frames: list[U8], profile: int) -> None:
    stream = encoded(installed, profile, frames)
    shown = [frame.tobytes() for frame in frames]
    assert encoded(plain, profile, frames) == stream
    assert decoded(installed, profile, frames, stream) == (shown, True)
    assert decoded(plain, profile, frames, stream) == (shown, True)
    count, rows, width = shape_of(frames)
    palette = [tuple(color) for color in palette_of(frames).tolist()]
    assert reference_decoder.Tile(profile == 1, palette, width, rows, count, stream).decode() == shown


@with_compiler
@pytest.mark.parametrize("coder", [mix.MIX, mix.MAX], ids=["mix", "max"])
def test_encoders_and_decoders_take_frames_one_after_the_other(coder: mix.Mix) -> None:
    frames = film(6, 24, 31, 33)
    stream = coded(frames, coder)
    decoder = coder.decoder(stream, shape_of(frames), palette_of(frames))
    for frame in frames:
        found = decoder.read()
        assert np.array_equal(found, frame)
        found[:] = 0  # the caller's own
    decoder.finish()


def test_one_frame_is_a_still_image() -> None:
    (frame,) = film(1, 24, 31, 33)
    assert coded([frame]) == encode_tile(mix.MIX, frame, palette_of([frame]))


@with_compiler
@pytest.mark.parametrize("rows", [240_000, 400_000], ids=["three slots", "two slots, no room for motion"])
def test_more_frames_than_the_ring_holds_come_back(rows: int) -> None:
    random = np.random.default_rng(rows)
    first = np.repeat(random.integers(0, 9, (rows // 50, 1), dtype=np.uint8), 50, axis=0)
    frames = [np.roll(first, 700 * (i % 3), axis=0) for i in range(6)]
    frames[3][rows // 2 :] = frames[0][rows // 2 :]
    stream = coded(frames)
    decoder = mix.MIX.decoder(stream, shape_of(frames), palette_of(frames))
    assert all(np.array_equal(decoder.read(), frame) for frame in frames)
    decoder.finish()


# --- what frames cost


@with_compiler
def test_frames_that_change_nothing_take_no_more_than_a_few_bytes_together() -> None:
    frame = picture(30, 40, 20).indices
    assert len(coded([frame] * 50)) <= len(coded([frame] * 2)) + 6


@with_compiler
def test_a_small_change_costs_little_in_a_frame_of_any_size() -> None:
    for width in (60, 240, 960):
        frames = [picture(30, width, 20).indices.copy() for _ in range(2)]
        frames[1][10:14, 20:26] = 3
        assert len(coded(frames)) - len(coded([frames[0], frames[0]])) < 30


@with_compiler
def test_what_moves_costs_little() -> None:
    scene = np.random.default_rng(1).integers(0, 20, (48, 96), dtype=np.uint8)
    windows = [np.ascontiguousarray(scene[:, 5 * i : 5 * i + 64]) for i in range(6)]
    columns = 5 * 48 * 5  # pixels that come into sight, at 4.3 bits each
    assert len(coded(windows)) < len(coded(windows[:1])) + 1.25 * columns * 4.33 / 8


@with_compiler
def test_a_scene_that_returns_is_found_again_many_frames_later() -> None:
    random = np.random.default_rng(2)
    scenes = [random.integers(0, 20, (24, 64), dtype=np.uint8) for _ in range(4)]
    once, twice = len(coded(scenes)), len(coded(scenes + scenes))
    assert twice < 1.4 * once


# --- streams that are wrong


@pytest.mark.parametrize("profile", [0, 1])
def test_no_stream_does_harm_and_both_loops_make_the_same_of_it(profile: int) -> None:
    random = np.random.default_rng(profile)
    frames = film(4, 9, 30, 20)
    stream = encoded(installed, profile, frames)
    damaged = [b"\xff" * 300, b"\0", bytes(500), stream[: len(stream) // 2], stream + bytes(9)]
    damaged += [random.integers(0, 256, 300, dtype=np.uint8).tobytes() for _ in range(2)]
    for at in random.integers(0, len(stream), 3).tolist():
        damaged.append(stream[:at] + bytes((stream[at] ^ 1 << at % 8,)) + stream[at + 1 :])
    for data in damaged:
        found, whole = decoded(installed, profile, frames, data)
        assert decoded(plain, profile, frames, data) == (found, whole)
        assert max(map(max, found)) < 20


def test_what_a_short_stream_does_not_reach_is_zero() -> None:
    frames = [picture(12, 40, 20, seed=seed).indices | np.uint8(1) for seed in range(4)]
    stream = coded(frames)
    decoder = mix.MIX.decoder(stream[: len(stream) // 2], shape_of(frames), palette_of(frames), partial=True)
    found = [decoder.read() for _ in frames]
    decoder.finish()
    assert np.array_equal(found[0], frames[0])
    assert not found[3].any()


def test_a_stream_of_another_length_is_damage() -> None:
    frames = film(4, 12, 40, 20)
    stream = coded(frames)
    for wrong in (stream[:-5], stream + b"\1\2\3\4\5", stream[: len(stream) // 2]):
        decoder = mix.MIX.decoder(wrong, shape_of(frames), palette_of(frames))
        for _ in frames:
            decoder.read()
        with pytest.raises(DamagedError, match="does not end where the pixels do"):
            decoder.finish()


def test_frames_too_large_for_the_model_are_refused_before_anything_is_allocated() -> None:
    palette = np.zeros((2, 3), np.uint8)
    with pytest.raises(DamagedError, match="too large for mix"):
        mix.MIX.decoder(b"\0", (2, 8200, 8200), palette)


# --- progress


@pytest.mark.parametrize("kernel", [installed, plain], ids=["installed", "plain"])
def test_a_watcher_is_told_of_every_pixel_of_every_frame(kernel: ModuleType) -> None:
    frames = film(4, 20, 40, 12)
    scene = np.random.default_rng(1).integers(0, 12, (20, 50), dtype=np.uint8)
    frames += [np.ascontiguousarray(scene[:, 3 * i : 3 * i + 40]) for i in range(4)]  # motion, which is tried
    encoder = tile(kernel, 0, frames, None)
    told: list[int] = []
    for i, frame in enumerate(frames):
        encoder.encode_frame(memoryview(frame.tobytes()), told.append)
        assert sum(told) == (i + 1) * frame.size
    decoder = tile(kernel, 0, frames, encoder.finish())
    told.clear()
    content = bytearray(frames[0].size)
    for i in range(len(frames)):
        decoder.decode_frame(memoryview(content), told.append)
        assert sum(told) == (i + 1) * len(content)


@with_compiler
def test_what_a_watcher_raises_ends_the_work_even_while_motion_is_tried() -> None:
    scene = np.random.default_rng(1).integers(0, 20, (48, 96), dtype=np.uint8)
    windows = [np.ascontiguousarray(scene[:, 5 * i : 5 * i + 64]) for i in range(2)]
    encoder = mix.MIX.encoder(shape_of(windows), palette_of(windows))
    encoder.write(windows[0])

    def end(_: int) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        encoder.write(windows[1], end)
