"""The coder `fast`: the compiled loop, plain Python and the reference decoder are one and the same."""

from __future__ import annotations

import hashlib
from types import ModuleType

import numpy as np
import pytest

from kpal_format import DamagedError, IndexedImage, compiled, container, decode_indexed, encode_indexed, inspect
from kpal_format.coders import decode_tile, encode_tile, fast
from kpal_format.coders.tile import rgba
from kpal_format.indexed import U8
from kpal_format.parallel import Count
from kpal_format.ranking import kernel as installed

from .. import reference_decoder
from ..files import Parts, section, varint
from ..images import picture, poster, random_indexed
from ..kernels import plain_fast, with_compiler

PICTURES = {
    f"{height} x {width}, {colors} colours, {channels} channels": picture(height, width, colors, channels)
    for height, width, colors, channels in [
        (1, 1, 2, 3),
        (1, 40, 17, 4),
        (40, 1, 3, 3),
        (16, 16, 16, 4),
        (24, 31, 33, 3),
        (30, 22, 256, 4),
    ]
}
PICTURES |= {
    f"flat, {height} x {width}, {colors} colours, {channels} channels": poster(height, width, colors, channels)
    for height, width, colors, channels in [(40, 60, 12, 3), (40, 60, 40, 4), (12, 300, 2, 3)]
}
PICTURES["noise"] = NOISE = random_indexed(20, 30, 256)
PICTURES["noise in few colours"] = random_indexed(110, 110, 6)  # lists are used more than 1024 times
PICTURES["twice"] = IndexedImage(
    np.tile(picture(20, 25, 30).indices, (2, 2)), picture(20, 25, 30).palette
)  # slots predict the second, third and fourth
PICTURES["longer than a span"] = IndexedImage(
    np.repeat(np.array([[0, 1], [0, 1], [1, 0]], np.uint8), 9000, axis=1), np.array([[0, 0, 0], [9, 9, 9]], np.uint8)
)


@pytest.fixture(params=list(PICTURES.values()), ids=list(PICTURES))
def image(request: pytest.FixtureRequest) -> IndexedImage:
    given: IndexedImage = request.param
    return given


def encoded(module: ModuleType, image: IndexedImage) -> bytes:
    return frames_encoded(module, image.palette, image.indices[None])


def decoded(module: ModuleType, image: IndexedImage, data: bytes) -> tuple[bytes, bool]:
    return frames_decoded(module, image.palette, (1, *image.indices.shape), data)


def frames_encoded(module: ModuleType, palette: U8, frames: U8, tell: Count | None = None) -> bytes:
    """The stream of a tile of frames without motion, or with it wherever it is found."""
    count, height, width = frames.shape
    tile = module.Tile(rgba(palette), width, height, count, None)
    for frame in frames:
        tile.encode_frame(memoryview(bytearray(frame.tobytes())), tell)
    stream: bytes = tile.finish()
    return stream


def frames_decoded(
    module: ModuleType, palette: U8, shape: tuple[int, int, int], data: bytes, tell: Count | None = None
) -> tuple[bytes, bool]:
    count, height, width = shape
    tile = module.Tile(rgba(palette), width, height, count, data)
    content = b""
    for _ in range(count):
        frame = bytearray(height * width)
        tile.decode_frame(memoryview(frame), tell)
        content += frame
    return content, tile.finished()


# --- one model


def test_plain_python_and_the_installed_loop_write_and_read_the_same_bytes(image: IndexedImage) -> None:
    stream = encoded(plain_fast, image)
    assert encoded(installed, image) == stream
    assert decoded(plain_fast, image, stream) == (image.indices.tobytes(), True)
    assert decoded(installed, image, stream) == (image.indices.tobytes(), True)


def test_the_reference_decoder_agrees(image: IndexedImage) -> None:
    height, width = image.indices.shape
    expected: tuple[object, ...] = (
        width,
        height,
        image.palette.shape[1],
        image.palette.tobytes(),
        image.indices.tobytes(),
        {},
    )
    assert reference_decoder.decode(encode_indexed(image, coder="fast"))[:6] == expected


def test_the_bytes_are_the_same_everywhere() -> None:
    data = encode_indexed(picture(50, 80, 100, 4), coder="fast")
    assert hashlib.sha256(data).hexdigest()[:16] == "76c0646718c8d968"


@pytest.mark.parametrize("colors", [1, 2, 3, 4, 5, 15, 16, 17, 32, 255, 256])
def test_images_of_any_number_of_colours_come_back(colors: int) -> None:
    for channels in (3, 4):
        given = random_indexed(9, 14, colors, channels)
        back = decode_indexed(encode_indexed(given, coder="fast"))
        assert np.array_equal(back.indices, given.indices)
        assert np.array_equal(back.palette, given.palette)


def test_equal_and_clear_colours_keep_their_indices() -> None:
    palette = np.array([[9, 9, 9, 0], [5, 5, 5, 0], [7, 7, 7, 255], [7, 7, 7, 255]], np.uint8)
    given = IndexedImage(np.random.default_rng(1).integers(0, 4, (30, 40), dtype=np.uint8), palette)
    back = decode_indexed(encode_indexed(given, coder="fast"))
    assert np.array_equal(back.indices, given.indices)


@with_compiler
def test_fast_is_between_zstd_and_mix_in_size() -> None:
    given = picture(100, 120, 64)
    sizes = {coder: len(encode_indexed(given, coder=coder)) for coder in ("zstd", "fast", "mix")}
    assert sizes["mix"] < sizes["fast"] < 0.9 * sizes["zstd"]


def test_a_picture_that_occurs_again_costs_little() -> None:
    once = picture(40, 60, 100)
    twice = IndexedImage(np.tile(once.indices, (3, 1)), once.palette)
    assert len(encoded(installed, twice)) < 2 * len(encoded(installed, once))


# --- tiles


def test_tiles_in_threads_give_the_bytes_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    given = picture(350, 100, 20)
    monkeypatch.setattr(container, "_TILE", 1 << 13)
    monkeypatch.setattr(container, "_LEAST_TILE", 1 << 10)
    files = []
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        files.append(encode_indexed(given, coder="fast"))
        assert np.array_equal(decode_indexed(files[-1]).indices, given.indices)
    assert files[0] == files[1]
    assert inspect(files[0]).tiles == 5


# --- progress


@pytest.mark.parametrize("module", [installed, plain_fast], ids=["installed", "plain"])
def test_progress_is_reported_for_every_pixel_and_often(module: ModuleType) -> None:
    for given in (picture(30, 1000, 8), PICTURES["longer than a span"], NOISE):
        told: list[int] = []
        stream = frames_encoded(module, given.palette, given.indices[None], told.append)
        assert stream == encoded(installed, given)
        assert sum(told) == given.indices.size
        assert 0 < min(told) <= max(told) <= 1 << 14
        assert module.COMPILED or given is not NOISE or max(told) <= 64
        told.clear()
        assert frames_decoded(module, given.palette, (1, *given.indices.shape), stream, told.append)[1]
        assert sum(told) == given.indices.size
        assert max(told) <= 1 << 14


def test_a_long_row_that_repeats_is_reported_in_parts() -> None:
    indices = np.zeros((2, 100_000), np.uint8)
    indices[:, 1::3] = 1
    told: list[int] = []
    encode_tile(fast, indices, np.array([[0, 0, 0], [9, 9, 9]], np.uint8), told.append)
    assert sum(told) == indices.size
    assert max(told) <= 1 << 14


def test_an_exception_of_the_callback_ends_the_work() -> None:
    given = picture(60, 1000, 8)
    stream = encode_tile(fast, given.indices, given.palette)

    def stop(_: int) -> None:
        calls.append(1)
        raise KeyboardInterrupt

    calls: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        encode_tile(fast, given.indices, given.palette, stop)
    with pytest.raises(KeyboardInterrupt):
        decode_tile(fast, stream, given.indices.shape, given.palette, tell=stop)
    assert len(calls) == 2


# --- damaged streams


def test_no_stream_does_harm_and_both_loops_decode_it_alike() -> None:
    random = np.random.default_rng(1)
    for name in (
        "24 x 31, 33 colours, 3 channels",
        "flat, 40 x 60, 12 colours, 3 channels",
        "1 x 1, 2 colours, 3 channels",
    ):
        given = PICTURES[name]
        stream = encoded(installed, given)
        damaged = [b"\xff" * 500, b"\0", b"", bytes(2000), stream[: len(stream) // 2], stream + bytes(9)]
        damaged += [random.integers(0, 256, 400, dtype=np.uint8).tobytes() for _ in range(8)]
        for at in random.integers(0, len(stream), 20).tolist():
            damaged.append(stream[:at] + bytes((stream[at] ^ 1 << at % 8,)) + stream[at + 1 :])
        for data in damaged:
            content, whole = decoded(installed, given, data)
            assert decoded(plain_fast, given, data) == (content, whole)
            assert max(content) < len(given.palette)


def test_a_stream_of_another_length_is_damage_and_each_prefix_yields_its_part() -> None:
    given = PICTURES["24 x 31, 33 colours, 3 channels"]
    shape, stream = given.indices.shape, encoded(installed, given)
    assert np.array_equal(decode_tile(fast, stream, shape, given.palette), given.indices)
    right = [
        int(
            np.argmin(
                np.append(decode_tile(fast, stream[:size], shape, given.palette, partial=True) == given.indices, False)
            )
        )
        for size in range(len(stream) + 1)
    ]
    assert right[-1] == given.indices.size
    assert right[len(stream) // 2] > given.indices.size // 4
    for wrong in (stream[:-5], stream[: len(stream) // 2], stream + bytes(5), stream + b"\1\2\3\4\5"):
        with pytest.raises(DamagedError, match="does not end where the pixels do"):
            decode_tile(fast, wrong, shape, given.palette)


def test_tiles_too_large_for_the_coder_are_refused_before_anything_is_allocated() -> None:
    wide = Parts(coder=3, width=varint(1 << 27), stream=section(b"\0")).bytes()
    with pytest.raises(DamagedError, match="too large for the coder fast"):
        decode_indexed(wide)
    with pytest.raises(ValueError, match="too many pixels"):
        reference_decoder.decode(wide)


def test_a_large_tile_of_a_short_stream_is_refused_without_decoding_all_of_it() -> None:
    palette = np.array([[0, 0, 0], [9, 9, 9], [200, 0, 0]], np.uint8)
    told: list[int] = []
    with pytest.raises(DamagedError, match="does not end where the pixels do"):
        decode_tile(fast, b"\x55" * 40, (3000, 3000), palette, tell=told.append)
    assert sum(told) < 3000 * 3000


def test_the_loop_is_compiled_if_that_of_mix_is() -> None:
    assert compiled() == installed.COMPILED
