"""The coders `mix` and `max`: the compiled loop, plain Python and the reference decoder are one and the same."""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType

import numpy as np
import pytest

import kpal_format
from kpal.clustering.nearest import four, neighbours
from kpal.color.palettes import sorted_palette
from kpal_format import (
    DEFAULT_CODER,
    U8,
    DamagedError,
    IndexedImage,
    Wishes,
    compiled,
    container,
    decode_indexed,
    encode_indexed,
)
from kpal_format import kernel as installed
from kpal_format.coders import decode_tile, encode_tile, mix
from kpal_format.palette import decode_palette, encode_palette
from kpal_format.parallel import Count

from .. import reference_decoder
from ..files import Parts, section, varint
from ..images import picture, poster, random_indexed
from ..kernels import plain, with_compiler

PICTURES = {
    f"{height} x {width}, {colors} colours, {channels} channels": picture(height, width, colors, channels)
    for height, width, colors, channels in [
        (1, 1, 2, 3),
        (1, 40, 17, 4),
        (40, 1, 3, 3),
        (16, 16, 16, 4),
        (24, 31, 33, 3),
        (30, 22, 256, 4),
        (25, 26, 241, 3),
    ]
}
PICTURES |= {
    f"flat, {height} x {width}, {colors} colours, {channels} channels": poster(height, width, colors, channels)
    for height, width, colors, channels in [(40, 60, 12, 3), (40, 60, 40, 4), (12, 300, 2, 3)]
}


@pytest.fixture(params=list(PICTURES.values()), ids=list(PICTURES))
def image(request: pytest.FixtureRequest) -> IndexedImage:
    given: IndexedImage = request.param
    return given


def tile(module: ModuleType, profile: int, image: IndexedImage, data: bytes | None) -> installed.Tile:
    height, width = image.indices.shape
    rgba = np.full((len(image.palette), 4), 255, np.uint8)
    rgba[:, : image.palette.shape[1]] = image.palette
    made: installed.Tile = module.Tile(profile, rgba.tobytes(), bool((rgba[:, 3] == 255).all()), width, height, 1, data)
    return made


def encoded(module: ModuleType, profile: int, image: IndexedImage) -> bytes:
    encoder = tile(module, profile, image, None)
    encoder.encode_frame(memoryview(image.indices.tobytes()))
    return encoder.finish()


def decoded(module: ModuleType, profile: int, image: IndexedImage, data: bytes) -> tuple[bytes, bool]:
    content = bytearray(image.indices.size)
    decoder = tile(module, profile, image, data)
    decoder.decode_frame(memoryview(content))
    return bytes(content), decoder.finished()


# --- one model


@pytest.mark.parametrize("profile", [0, 1])
def test_plain_python_and_the_installed_loop_write_and_read_the_same_bytes(image: IndexedImage, profile: int) -> None:
    stream = encoded(plain, profile, image)
    assert encoded(installed, profile, image) == stream
    assert decoded(plain, profile, image, stream) == (image.indices.tobytes(), True)
    assert decoded(installed, profile, image, stream) == (image.indices.tobytes(), True)


@pytest.mark.parametrize("coder", ["zstd", "mix", "max"])
def test_the_reference_decoder_agrees(image: IndexedImage, coder: str) -> None:
    height, width = image.indices.shape
    data = encode_indexed(image, coder=coder)
    palette = image.palette.tobytes()
    indices = image.indices.tobytes()
    assert reference_decoder.decode(data)[:6] == (width, height, image.palette.shape[1], palette, indices, {})


def test_the_bytes_are_the_same_everywhere() -> None:
    given = picture(50, 80, 100, 4)
    digests = [hashlib.sha256(encode_indexed(given, coder=coder)).hexdigest()[:16] for coder in ("mix", "max")]
    assert digests == ["ebc584138511e576", "338e07c09a711dcc"]


def test_what_was_coded_before_does_not_change_the_bytes() -> None:
    images = [picture(24, 31, 200, 3), picture(24, 31, 200, 4), picture(9, 40, 33, 3)]
    alone = [encode_indexed(image) for image in images]
    assert [encode_indexed(images[i]) for i in (0, 1, 0, 2, 2, 1)] == [alone[i] for i in (0, 1, 0, 2, 2, 1)]
    for data, image in zip(reversed(alone), reversed(images), strict=True):
        assert np.array_equal(decode_indexed(data).indices, image.indices)


@pytest.mark.parametrize("coder", ["mix", "max"])
@pytest.mark.parametrize("colors", [1, 2, 15, 16, 17, 32, 255, 256])
def test_images_of_any_number_of_colours_come_back(colors: int, coder: str) -> None:
    for channels in (3, 4):
        given = random_indexed(9, 14, colors, channels)
        back = decode_indexed(encode_indexed(given, coder=coder))
        assert np.array_equal(back.indices, given.indices)
        assert np.array_equal(back.palette, given.palette)


@with_compiler
def test_mix_is_the_smallest_for_pictures_and_zstd_stays_for_speed() -> None:
    given = picture(100, 120, 64)
    sizes = [len(encode_indexed(given, coder=coder)) for coder in ("max", "mix", "zstd")]
    assert sizes[1] < 0.9 * sizes[2]
    assert sizes[0] < 1.02 * sizes[1]


# --- palettes


@pytest.mark.parametrize("channels", [3, 4])
def test_palettes_that_are_sets_are_the_smallest_and_come_back(channels: int) -> None:
    random = np.random.default_rng(channels)
    for colors in (1, 2, 3, 17, 100, 256):
        values = random.normal(120, 50, (colors, channels)).clip(0, 255).astype(np.uint8)
        if channels == 4:
            values[::2, 3] = 255
            values[0] = 0
        given = sorted_palette(values)
        stored = encode_palette(given, as_set=True)
        assert np.array_equal(decode_palette(stored, len(given), channels), given)
        assert len(stored) <= len(encode_palette(given, as_set=False))
        if colors > 50:
            assert len(stored) < 0.9 * len(encode_palette(given, as_set=False))


def test_plain_python_and_the_installed_loop_code_the_same_sets() -> None:
    for channels in (3, 4):
        colors = [(i * 37 % 256, i * 11 % 256, i, 255 if channels == 3 else i) for i in range(0, 200, 3)]
        colors = [tuple(color) for color in sorted_palette(np.array(colors, np.uint8)).tolist()]
        stream = plain.ColorSet(channels, None).encode(colors)
        assert installed.ColorSet(channels, None).encode(colors) == stream
        assert plain.ColorSet(channels, stream).decode(len(colors)) == colors
        assert installed.ColorSet(channels, stream).decode(len(colors)) == colors


def test_no_damaged_set_does_harm_and_the_reference_decoder_says_the_same_of_it() -> None:
    random = np.random.default_rng(1)
    for _ in range(150):
        stored = b"\1" + random.integers(0, 256, random.integers(1, 40), dtype=np.uint8).tobytes()
        data = Parts(flags=1, last=19, palette=section(stored), stream=section(b"\2" + bytes(1))).bytes()
        try:
            palette = decode_indexed(data).palette.tobytes()
        except DamagedError:
            with pytest.raises(ValueError, match=r"."):
                reference_decoder.decode(data)
        else:
            assert reference_decoder.decode(data).palette == palette


# --- tiles


@with_compiler
def test_tiles_in_threads_give_the_bytes_of_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    given = picture(700, 100, 20)
    monkeypatch.setattr(container, "_TILE", 1 << 14)
    monkeypatch.setattr(container, "_LEAST_TILE", 1 << 10)
    files = []
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        files.append(encode_indexed(given, coder="mix"))
        assert np.array_equal(decode_indexed(files[-1]).indices, given.indices)
    assert files[0] == files[1]
    assert kpal_format.inspect(files[0]).tiles == 5


# --- streams that are wrong


@pytest.mark.parametrize("profile", [0, 1])
def test_no_stream_does_harm_and_both_loops_make_the_same_of_it(profile: int) -> None:
    random = np.random.default_rng(profile)
    given = PICTURES["24 x 31, 33 colours, 3 channels"]
    stream = encoded(installed, profile, given)
    damaged = [b"\xff" * 500, b"\0", bytes(2000), stream[: len(stream) // 2], stream + bytes(9)]
    damaged += [random.integers(0, 256, 400, dtype=np.uint8).tobytes() for _ in range(2)]
    for at in random.integers(0, len(stream), 4).tolist():
        damaged.append(stream[:at] + bytes((stream[at] ^ 1 << at % 8,)) + stream[at + 1 :])
    for data in damaged:
        content, whole = decoded(installed, profile, given, data)
        assert decoded(plain, profile, given, data) == (content, whole)
        assert max(content) < 33
        if content != given.indices.tobytes():
            continue
        assert not whole or len(data) < len(stream)


def test_a_stream_of_another_length_is_damage() -> None:
    given = PICTURES["16 x 16, 16 colours, 4 channels"]
    palette = np.ascontiguousarray(np.diff(given.palette, axis=0, prepend=np.uint8(0)).T).tobytes()
    stream = encoded(installed, 0, given)

    def file(content: bytes) -> bytes:
        parts = Parts(flags=1, coder=1, last=15, width=varint(16), height=varint(16), palette=section(palette))
        parts.stream = section(content)
        return parts.bytes()

    assert np.array_equal(decode_indexed(file(stream)).indices, given.indices)
    for wrong in (stream[:-5], stream + b"\1\2\3\4\5", stream[: len(stream) // 2]):
        with pytest.raises(DamagedError, match="does not end where the pixels do"):
            decode_indexed(file(wrong))
        with pytest.raises(ValueError, match=r"tile|end"):
            reference_decoder.decode(file(wrong))


def test_tiles_too_large_for_the_model_are_refused_before_anything_is_allocated() -> None:
    wide = Parts(coder=1, width=varint(1 << 27), stream=section(b"\0")).bytes()
    with pytest.raises(DamagedError, match="too large for the coder mix"):
        decode_indexed(wide)
    with pytest.raises(ValueError, match="too many pixels"):
        reference_decoder.decode(wide)


# --- progress


def watched(kernel: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Count], object]]:
    """Encoding, decoding and choosing of a picture, of one wide row, and of one colour in a wide row."""
    monkeypatch.setitem(sys.modules, "kpal_format.kernel", kernel)
    width = 50_000 if kernel is installed and compiled() else 200
    palette = np.random.default_rng(3).integers(0, 256, (20, 3)).astype(np.uint8)
    for indices in (picture(9, width // 9, 20).indices, picture(1, width, 20).indices, np.ones((1, width), np.uint8)):
        stream = encode_tile(mix.MIX, indices, palette)
        yield partial(encode_tile, mix.MIX, indices, palette)
        yield partial(decode_watched, stream, indices.shape, palette)
        yield partial(mix.MIX.choose, wishes(indices, palette), palette)


def decode_watched(stream: bytes, shape: tuple[int, int], palette: U8, tell: Count) -> object:
    return decode_tile(mix.MIX, stream, shape, palette, tell=tell)


def wishes(indices: U8, palette: U8) -> Wishes:
    """Those of pixels that want to be what they are."""
    points = four(palette.astype(np.int64) * 8)
    k = len(palette)
    return Wishes(
        positions=indices.astype(np.int32),
        points=points,
        labels=np.arange(k, dtype=np.uint8),
        busy=np.zeros(indices.shape, np.uint16),
        prices=np.array([10], np.int32),
        shares=np.array([200], np.uint8),
        centers=points,
        near=neighbours(palette.astype(np.int64))[0].astype(np.uint8),
    )


@pytest.mark.parametrize(("kernel", "most"), [(installed, 1 << 14), (plain, 1 << 6)], ids=["installed", "plain"])
def test_a_watcher_is_told_of_every_pixel_in_time(
    kernel: ModuleType, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for work in watched(kernel, monkeypatch):
        told: list[int] = []
        work(told.append)
        assert sum(told) in (198, 200, 49_995, 50_000)
        assert max(told) <= most
        assert len(told) > 2


@pytest.mark.parametrize("kernel", [installed, plain], ids=["installed", "plain"])
def test_what_a_watcher_raises_ends_the_work_at_once(kernel: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for work in watched(kernel, monkeypatch):
        told: list[int] = []

        def end(pixels: int, told: list[int] = told) -> None:
            told.append(pixels)
            raise InterruptedError("enough")

        with pytest.raises(InterruptedError, match="enough"):
            work(end)
        assert len(told) == 1


def test_watching_changes_nothing(image: IndexedImage) -> None:
    for coder in (mix.MIX, mix.MAX):
        stream = encode_tile(coder, image.indices, image.palette)
        assert encode_tile(coder, image.indices, image.palette, lambda _: None) == stream
        shape = image.indices.shape
        assert np.array_equal(decode_tile(coder, stream, shape, image.palette, tell=lambda _: None), image.indices)


# --- with and without a compiler


@with_compiler
def test_without_a_compiled_loop_larger_images_warn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mix, "compiled", lambda: False)
    mix._warn_once.cache_clear()
    large = picture(70, 70, 4)
    encode_indexed(PICTURES["16 x 16, 16 colours, 4 channels"], coder="mix")
    with pytest.warns(RuntimeWarning, match="without a C compiler"):
        data = encode_indexed(large, coder="mix")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(decode_indexed(data).indices, large.indices)


def test_the_default_coder_is_mix_where_the_loop_is_compiled_and_fast_elsewhere() -> None:
    assert compiled() == installed.COMPILED
    assert ("mix" if compiled() else "fast") == DEFAULT_CODER
