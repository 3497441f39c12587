"""Tiles of several frames in the coders that have them: all frames come back, one at a time, and damage is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest
import zstandard

from kpal_format import DamagedError
from kpal_format.coders import encode_tile, fast, zstd
from kpal_format.coders.motion import find_motion, may_move
from kpal_format.indexed import U8
from kpal_format.ranking import kernel as installed

from .. import reference_decoder
from ..images import picture, poster, random_indexed
from ..kernels import plain_fast

CODERS = [pytest.param(coder, id=coder.NAME) for coder in (zstd, fast)]


@dataclass(frozen=True)
class Animation:
    """Frames of one tile: indices, uint8 (frames, rows, width), and their palette."""

    indices: U8
    palette: U8


def walking(frames: int, height: int, width: int, colors: int, channels: int = 3) -> Animation:
    """A figure that walks over a picture, which then scrolls; the last frame comes twice."""
    ground = picture(height, width, colors, channels)
    figure = random_indexed(height // 3 + 1, width // 4 + 1, colors).indices
    made = []
    for i in range(frames - 1):
        frame = np.roll(ground.indices, max(0, i - frames // 2), axis=1)
        at = i * 2 % max(1, width - figure.shape[1] + 1)
        frame[: figure.shape[0], at : at + figure.shape[1]] = figure
        made.append(frame)
    return Animation(np.stack([*made, made[-1]]), ground.palette)


def changing(frames: int, height: int, width: int, colors: int) -> Animation:
    """Pixels that change here and there."""
    random = np.random.default_rng(5)
    ground = random_indexed(height, width, colors)
    made = [ground.indices]
    for _ in range(frames - 1):
        changed = random.random((height, width)) < 0.2
        made.append(np.where(changed, random.integers(0, colors, (height, width), dtype=np.uint8), made[-1]))
    return Animation(np.stack(made), ground.palette)


def blinking(frames: int, colors: int) -> Animation:
    """Two posters that alternate, and come twice at times."""
    one, other = poster(24, 40, colors), poster(24, 40, colors, 4)
    return Animation(np.stack([(one, other, other)[i % 3].indices for i in range(frames)]), one.palette)


ANIMATIONS = {
    "a figure walks": walking(8, 40, 66, 12),
    "in many colours, with alpha": walking(6, 33, 50, 200, 4),
    "pixels change": changing(5, 20, 30, 256),
    "two posters alternate": blinking(9, 16),
    "in two colours": walking(5, 17, 33, 2),
    "one pixel": changing(6, 1, 1, 3),
    "one row": changing(4, 1, 70, 5),
    "one column": changing(4, 70, 1, 20),
    "nothing changes": Animation(np.stack([picture(9, 21, 30).indices] * 20), picture(9, 21, 30).palette),
}


@pytest.fixture(params=list(ANIMATIONS.values()), ids=list(ANIMATIONS))
def animation(request: pytest.FixtureRequest) -> Animation:
    given: Animation = request.param
    return given


def shape_of(animation: Animation) -> tuple[int, int, int]:
    frames, height, width = animation.indices.shape
    return frames, height, width


def encoded(coder: ModuleType, animation: Animation) -> bytes:
    encoder = coder.encoder(shape_of(animation), animation.palette)
    hand = np.empty(animation.indices.shape[1:], np.uint8)
    for frame in animation.indices:
        hand[:] = frame  # the caller may use one array for all frames
        encoder.write(hand)
    stream: bytes = encoder.finish()
    return stream


def decoded(coder: ModuleType, animation: Animation, data: bytes, *, partial: bool = False) -> U8:
    shape = shape_of(animation)
    decoder = coder.decoder(data, shape, animation.palette, partial=partial)
    frames = np.stack([decoder.read() for _ in range(shape[0])])
    decoder.finish()
    return frames


# --- what comes back


@pytest.mark.parametrize("coder", CODERS)
def test_all_frames_come_back_one_at_a_time(coder: ModuleType, animation: Animation) -> None:
    assert np.array_equal(decoded(coder, animation, encoded(coder, animation)), animation.indices)


def test_frames_of_zstd_agree_with_the_reference_decoder(animation: Animation) -> None:
    frames, height, width = shape_of(animation)
    stream = encoded(zstd, animation)
    k = len(animation.palette)
    assert reference_decoder._zstd_tile(stream, k, width, height, frames) == animation.indices.tobytes()


@pytest.mark.parametrize("moves", [False, True], ids=["without motion", "with motion"])
def test_frames_of_fast_agree_with_plain_python_and_the_reference_decoder(animation: Animation, moves: bool) -> None:
    frames, height, width = shape_of(animation)
    stream = frames_encoded(installed, animation, moves=moves)
    assert frames_encoded(plain_fast, animation, moves=moves) == stream
    pixels = animation.indices.tobytes()
    for module in (installed, plain_fast):
        assert frames_decoded(module, animation, stream) == (pixels, True)
    palette = [tuple(entry) for entry in full(animation.palette).tolist()]
    assert reference_decoder.FastTile(palette, width, height, stream, frames).decode() == pixels


def full(palette: U8) -> U8:
    whole = np.full((len(palette), 4), 255, np.uint8)
    whole[:, : palette.shape[1]] = palette
    return whole


def frames_encoded(
    module: ModuleType, animation: Animation, *, moves: bool = False, told: list[int] | None = None
) -> bytes:
    frames, height, width = shape_of(animation)
    tile = module.Tile(full(animation.palette).tobytes(), width, height, frames, None)
    motion = [find_motion(now, before) if moves else ([], b"") for before, now in pairwise(animation.indices)]
    for frame, found in zip(animation.indices, [([], b""), *motion], strict=True):
        tile.encode_frame(memoryview(bytearray(frame.tobytes())), told.append if told is not None else None, *found)
    stream: bytes = tile.finish()
    return stream


def frames_decoded(
    module: ModuleType, animation: Animation, data: bytes, told: list[int] | None = None
) -> tuple[bytes, bool]:
    frames, height, width = shape_of(animation)
    tile = module.Tile(full(animation.palette).tobytes(), width, height, frames, data)
    content = b""
    for _ in range(frames):
        frame = bytearray(height * width)
        tile.decode_frame(memoryview(frame), told.append if told is not None else None)
        content += frame
    return content, tile.finished()


def test_the_bytes_are_the_same_everywhere() -> None:
    stream = encoded(fast, walking(7, 50, 90, 40))
    assert hashlib.sha256(stream).hexdigest()[:16] == "a54cddec46b36350"


# --- sizes


@pytest.mark.parametrize("coder", CODERS)
def test_a_frame_that_changes_nothing_costs_next_to_nothing(coder: ModuleType) -> None:
    still = picture(60, 80, 100)
    once = encoded(coder, Animation(np.stack([still.indices] * 2), still.palette))
    often = encoded(coder, Animation(np.stack([still.indices] * 200), still.palette))
    assert len(often) < len(once) + 60


@pytest.mark.parametrize("coder", CODERS)
def test_a_small_change_costs_little(coder: ModuleType) -> None:
    still = picture(60, 80, 100)
    frames = np.stack([still.indices] * 20)
    for i in range(1, 20):
        frames[i:, 20:23, 3 * i : 3 * i + 3] = i
    alone = len(encode_tile(coder, still.indices, still.palette))
    assert len(encoded(coder, Animation(frames, still.palette))) < alone + 20 * 40


def test_zstd_takes_differences_where_the_same_change_comes_to_all_colours() -> None:
    noise = random_indexed(60, 60, 256)
    frames = Animation(np.stack([noise.indices + np.uint8(7 * i) for i in range(6)]), noise.palette)
    stream = encoded(zstd, frames)
    assert stream[0] == 3
    assert len(stream) < 1.1 * len(encode_tile(zstd, noise.indices, noise.palette))


def test_motion_makes_what_moves_smaller() -> None:
    noise = random_indexed(64, 400, 60)
    frames = Animation(np.stack([noise.indices[:, 5 * i : 5 * i + 200] for i in range(8)]), noise.palette)
    first = len(encode_tile(fast, frames.indices[0], frames.palette))
    assert len(encoded(fast, frames)) - first < 0.6 * (len(frames_encoded(installed, frames)) - first)


# --- motion


def test_motion_is_found_where_a_part_moves_and_nowhere_else() -> None:
    before = picture(96, 128, 50).indices
    now = before.copy()
    now[16:64, 32:96] = before[13:61, 37:101]
    vectors, blocks = find_motion(now, before)
    assert vectors == [(5, -3)]
    numbers = np.frombuffer(blocks, np.uint8).reshape(6, 8)
    assert numbers[1:4, 2:6].sum() >= 10
    assert numbers.sum() == numbers[1:4, 2:6].sum()


def test_motion_is_not_found_in_what_does_not_move() -> None:
    noise = random_indexed(50, 70, 30).indices
    assert find_motion(noise, noise) == ([], b"")
    assert find_motion(noise, noise[::-1]) == ([], b"")
    assert find_motion(noise[:5, :5], noise[5:10, :5]) == ([], b"")
    assert find_motion(np.zeros((40, 40), np.uint8), np.ones((40, 40), np.uint8)) == ([], b"")


def test_only_tiles_with_room_for_a_third_frame_have_motion() -> None:
    assert may_move(2, 2048, 2730)
    assert not may_move(2, 2048, 2731)
    assert not may_move(1, 10, 10)


def test_vectors_that_point_out_of_the_frame_take_the_pixels_at_its_edges() -> None:
    given = changing(2, 20, 37, 9)
    pixels = given.indices.tobytes()
    for vectors in ([(-4096, 4095), (4095, -4096)], [(-7, 3), (30, 0), (0, -19), (1, 1)]):
        numbers = bytes(i % (len(vectors) + 1) for i in range(6))
        tile = installed.Tile(full(given.palette).tobytes(), 37, 20, 2, None)
        tile.encode_frame(memoryview(bytearray(pixels[:740])))
        tile.encode_frame(memoryview(bytearray(pixels[740:])), None, vectors, numbers)
        stream = tile.finish()
        assert frames_decoded(plain_fast, given, stream) == (pixels, True)
        palette = [tuple(entry) for entry in full(given.palette).tolist()]
        assert reference_decoder.FastTile(palette, 37, 20, stream, 2).decode() == pixels


# --- progress


@pytest.mark.parametrize("module", [installed, plain_fast], ids=["installed", "plain"])
def test_progress_counts_the_pixels_of_all_frames_and_changes_no_byte(module: ModuleType) -> None:
    given = walking(4, 30, 300, 20)
    told: list[int] = []
    stream = frames_encoded(module, given, moves=True, told=told)
    assert stream == frames_encoded(installed, given, moves=True)
    assert sum(told) == given.indices.size
    told.clear()
    assert frames_decoded(module, given, stream, told)[1]
    assert sum(told) == given.indices.size


@pytest.mark.parametrize("coder", CODERS)
def test_an_exception_of_the_callback_ends_the_work(coder: ModuleType) -> None:
    given = ANIMATIONS["a figure walks"]

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        coder.encoder(shape_of(given), given.palette).write(given.indices[0], stop)
    with pytest.raises(KeyboardInterrupt):
        coder.decoder(encoded(coder, given), shape_of(given), given.palette).read(stop)


# --- damage


def test_no_stream_of_frames_does_harm_and_both_loops_decode_it_alike() -> None:
    random = np.random.default_rng(1)
    for name in ("a figure walks", "pixels change", "one pixel"):
        given = ANIMATIONS[name]
        stream = frames_encoded(installed, given, moves=True)
        damaged = [b"\xff" * 500, b"\0", b"", bytes(2000), stream[: len(stream) // 2]]
        damaged += [random.integers(0, 256, 400, dtype=np.uint8).tobytes() for _ in range(4)]
        for at in random.integers(0, len(stream), 8).tolist():
            damaged.append(stream[:at] + bytes((stream[at] ^ 1 << at % 8,)) + stream[at + 1 :])
        for data in damaged:
            content, whole = frames_decoded(installed, given, data)
            assert frames_decoded(plain_fast, given, data) == (content, whole)
            assert max(content) < len(given.palette)


@pytest.mark.parametrize("coder", CODERS)
def test_a_stream_of_frames_with_another_end_is_damage(coder: ModuleType) -> None:
    given = ANIMATIONS["a figure walks"]
    stream = encoded(coder, given)
    for wrong in (stream[: len(stream) // 2], stream + bytes(5), stream + b"\1\2\3\4\5"):
        with pytest.raises(DamagedError, match="index stream"):
            decoded(coder, given, wrong)


@pytest.mark.parametrize("coder", CODERS)
def test_a_truncated_stream_yields_the_frames_that_are_there_and_zeros(coder: ModuleType) -> None:
    given = changing(12, 160, 160, 100)
    stream = encoded(coder, given)
    found = decoded(coder, given, stream[: len(stream) * 3 // 4], partial=True)
    assert np.array_equal(found[:4], given.indices[:4])
    assert not found[-1].any()
    for size in (0, 1, 2, 7):
        assert not decoded(coder, given, stream[:size], partial=True)[1:].any()


@pytest.mark.parametrize(
    ("k", "content"),
    [
        (256, b"\1"),  # packed where nothing is gained
        (16, b"\2" + bytes(500)),  # stored
        (16, b"\4" + bytes(40)),
        (16, b""),
    ],
)
def test_frames_of_an_unknown_form_are_damage(k: int, content: bytes) -> None:
    palette = np.zeros((k, 3), np.uint8)
    with pytest.raises(DamagedError, match="unknown form"):
        zstd.decoder(content, (2, 10, 10), palette)
    assert not zstd.decoder(content, (2, 10, 10), palette, partial=True).read().any()


def zstd_tile(form: int, content: bytes, **options: int) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, source_size=len(content), **options)
    return bytes((form,)) + zstandard.ZstdCompressor(compression_params=parameters).compress(content)[4:]


def test_differences_that_are_not_below_the_number_of_colours_are_damage() -> None:
    palette = np.zeros((10, 3), np.uint8)
    right, wrong = (bytes(100) + bytes((value,)) * 100 for value in (9, 10))
    decoder = zstd.decoder(zstd_tile(3, right), (2, 10, 10), palette)
    assert [decoder.read().max() for _ in range(2)] == [0, 9]
    decoder = zstd.decoder(zstd_tile(3, wrong), (2, 10, 10), palette)
    decoder.read()
    with pytest.raises(DamagedError, match="a difference of 10 in 10 colours"):
        decoder.read()


def test_a_window_beyond_its_limit_is_damage() -> None:
    shape = (40, 1024, 1024)
    content = bytes(40 << 20)
    palette = np.zeros((200, 3), np.uint8)
    zstd.decoder(zstd_tile(0, content, window_log=24), shape, palette).read()
    with pytest.raises(DamagedError, match="a window of 33554432"):
        zstd.decoder(zstd_tile(0, content, window_log=25), shape, palette)


def test_frames_that_are_too_large_for_fast_are_refused() -> None:
    with pytest.raises(DamagedError, match="too large for the coder fast"):
        fast.decoder(b"\0", (2, 1, 1 << 23), np.zeros((2, 3), np.uint8))
