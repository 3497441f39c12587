"""Animations in the container: frames, groups of them, durations, and what is read of a file to get at one frame."""

from __future__ import annotations

import io
import tracemalloc
import warnings
from collections.abc import Sequence

import numpy as np
import pytest

from kpal_format import (
    Animation,
    DamagedError,
    IndexedImage,
    KpalWarning,
    LimitError,
    Reader,
    TruncatedError,
    Writer,
    decode_indexed,
    encode_indexed,
    inspect,
    verify,
)

from .. import reference_decoder
from ..files import Parts, section, use_small_tiles, varint
from ..images import METADATA, moving, random_indexed
from ..kernels import with_compiler

FRAMES = list(moving(11, 60, 50, 9))


def written(
    frames: Sequence[IndexedImage] = FRAMES,
    coder: str = "zstd",
    durations: Sequence[int] = (),
    loop: int = 0,
    restart: int | None = None,
) -> bytes:
    height, width = frames[0].indices.shape
    animation = Animation(tuple(durations) or (40,) * len(frames), loop, restart)
    file = io.BytesIO()
    with Writer(
        file, width, height, frames[0].palette, coder=coder, metadata=frames[0].metadata, animation=animation
    ) as writer:
        for image in frames:
            writer.write(image.indices)
    return file.getvalue()


@pytest.fixture
def grouped(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Eleven frames of 2 x 2 tiles in groups of four."""
    use_small_tiles(monkeypatch)
    data = written(restart=4)
    assert inspect(data).tiles == 12
    return data


def are(indices: Sequence[np.ndarray], frames: Sequence[IndexedImage]) -> bool:
    return len(indices) == len(frames) and all(
        np.array_equal(found, image.indices) for found, image in zip(indices, frames, strict=True)
    )


# --- what was written is read


@pytest.mark.parametrize(
    "coder", [*("zstd", "fast"), *(pytest.param(name, marks=with_compiler) for name in ("mix", "max"))]
)
@pytest.mark.parametrize("restart", [None, 4])
def test_frames_come_back(coder: str, restart: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_tiles(monkeypatch)
    data = written(coder=coder, restart=restart)
    assert are(list(Reader(data).iterate()), FRAMES)
    verify(data)


def test_a_still_image_has_one_frame_and_no_animation() -> None:
    data = encode_indexed(FRAMES[0], coder="zstd")
    reader, info = Reader(data), inspect(data)
    assert (reader.frames, reader.animation) == (1, None)
    assert (info.frames, info.durations, info.loop) == (1, (), 0)
    assert are(list(reader.iterate()), FRAMES[:1])
    assert np.array_equal(reader.read(frame=0).indices, FRAMES[0].indices)


def test_an_animation_may_have_one_frame() -> None:
    data = written(FRAMES[:1], durations=[70], loop=3)
    assert Reader(data).animation == Animation((70,), 3)
    assert np.array_equal(decode_indexed(data).indices, FRAMES[0].indices)


@pytest.mark.parametrize(
    "durations",
    [[100] * 11, [0] * 11, [10, *[0] * 10], [2**31 - 1, *range(10)], [70, 80, 2550] * 3 + [10, 10], [20] * 10 + [3000]],
)
def test_durations_and_loop_come_back(durations: list[int]) -> None:
    for loop in (0, 1, 2**32 - 1):
        data = written(durations=durations, loop=loop)
        assert Reader(data).animation == Animation(tuple(durations), loop)
        assert (inspect(data).durations, inspect(data).loop) == (tuple(durations), loop)
        found = reference_decoder.decode(data)
        assert (found.durations, found.loop) == (durations, loop)


def test_equal_durations_take_three_bytes_whatever_the_number_of_frames() -> None:
    flat = random_indexed(1, 1, 1)
    sizes = [len(written([flat] * count)) for count in (2, 100, 127)]
    assert sizes == [sizes[0]] * 3
    assert sizes[0] - len(encode_indexed(flat, coder="zstd")) == 4  # and one for the number of frames


def test_many_durations_are_compressed() -> None:
    flat = random_indexed(1, 1, 1)
    data = written([flat] * 9000, durations=[20, 30, 50_000] * 3000)
    assert len(data) < 200
    assert inspect(data).durations == (20, 30, 50_000) * 3000


def test_the_first_frame_is_what_a_reader_of_stills_gets() -> None:
    data = written()
    assert np.array_equal(decode_indexed(data).indices, FRAMES[0].indices)
    assert np.array_equal(Reader(data).read().indices, FRAMES[0].indices)


def test_any_frame_and_any_part_of_the_sequence_can_be_read(grouped: bytes) -> None:
    reader = Reader(grouped)
    for number in range(-11, 11):
        assert np.array_equal(reader.read(frame=number).indices, FRAMES[number].indices)
        assert np.array_equal(decode_indexed(grouped, frame=number).indices, FRAMES[number].indices)
    for start, stop in ((0, None), (3, 9), (4, 8), (-2, None), (5, 5), (9, 2), (-11, 100)):
        assert are(list(reader.iterate(start=start, stop=stop)), FRAMES[start:stop])


def test_a_sequence_cannot_start_beyond_its_ends(grouped: bytes) -> None:
    for start in (11, -12, 100):
        with pytest.raises(IndexError, match=f"frame {start} is not one of 11"):
            Reader(grouped).iterate(start=start)


@pytest.mark.parametrize("region", [(0, 0, 50, 60), (3, 4, 5, 6), (20, 10, 41, 33), (49, 59, 50, 60)])
def test_a_region_of_every_frame_can_be_read(grouped: bytes, region: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = region
    reader = Reader(grouped)
    for number, indices in enumerate(reader.iterate(region)):
        assert np.array_equal(indices, FRAMES[number].indices[y0:y1, x0:x1])
        assert np.array_equal(np.concatenate(list(reader.rows(region, frame=number))), indices)


def test_the_reference_decoder_reads_groups_of_frames() -> None:
    frames = [random_indexed(1, 33000, 2, seed=seed) for seed in range(3)]
    frames = [IndexedImage(image.indices, frames[0].palette) for image in frames]
    data = written(frames, restart=2)
    assert inspect(data).tiles == 2
    assert reference_decoder.decode(data).indices == b"".join(image.indices.tobytes() for image in frames)


def test_a_group_has_at_least_65536_pixels() -> None:
    data = written([*FRAMES] * 5, restart=1)  # of 3000 pixels each
    assert Reader(data).animation == Animation((40,) * 55, 0, 22)


def test_rows_may_arrive_in_any_portions(grouped: bytes) -> None:
    file = io.BytesIO()
    with Writer(file, 50, 60, FRAMES[0].palette, coder="zstd", animation=Animation((40,) * 11, 0, 4)) as writer:
        for number, image in enumerate(FRAMES):
            for top in range(0, 60, number + 1):
                writer.write(image.indices[top : top + number + 1])
    assert file.getvalue() == grouped


def test_a_pipe_gets_the_same_bytes(grouped: bytes) -> None:
    class Pipe:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> None:
            self.data += data

    pipe = Pipe()
    with Writer(pipe, 50, 60, FRAMES[0].palette, coder="zstd", animation=Animation((40,) * 11, 0, 4)) as writer:
        for image in FRAMES:
            writer.write(image.indices)
    assert pipe.data == grouped


def test_progress_counts_all_frames_that_are_asked_for(grouped: bytes) -> None:
    told: list[float] = []
    reader = Reader(grouped)
    for read in (
        lambda: list(reader.iterate(start=2, progress=lambda _, fraction: told.append(fraction))),
        lambda: reader.read(frame=7, progress=lambda _, fraction: told.append(fraction)),
    ):
        told.clear()
        read()
        assert told == sorted(told)
        assert (told[0], told[-1]) == (0.0, 1.0)
        assert len(set(told)) > 3


# --- memory and limits


def test_frames_are_not_all_in_memory() -> None:
    noise = [IndexedImage(image.indices, FRAMES[0].palette) for image in moving(300, 100, 200, 9)]
    data = written(noise, restart=10)
    tracemalloc.start()
    for _ in Reader(data).iterate():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 100 * 200 < 300 * 100 * 200 / 2


def test_the_limit_counts_the_pixels_of_all_frames_that_are_asked_for() -> None:
    reader = Reader(written(), max_pixels=3 * 3000)
    assert len(list(reader.iterate(stop=3))) == 3
    assert len(list(reader.iterate(start=8))) == 3
    assert reader.read(frame=10).indices.shape == (60, 50)
    with pytest.raises(LimitError, match="4 frames of 50 x 60 pixels are more than the limit, max_pixels=9000"):
        reader.iterate(stop=4)
    assert len(list(Reader(written(), max_pixels=None).iterate())) == 11


def test_a_frame_of_a_file_of_very_many_costs_no_more_than_that_frame() -> None:
    data = Parts(flags=8, last=0, palette=section(b"\1\2\3"), stream=b"", timing=varint(2**20) + b"\0\x0a\0").bytes()
    assert len(data) < 32
    tracemalloc.start()
    assert next(Reader(data, max_pixels=2**21).iterate()).shape == (1, 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # the durations


# --- what is wrong is said


def test_a_frame_that_does_not_exist_is_an_index_error() -> None:
    reader = Reader(written())
    for number in (11, -12, 2**40):
        with pytest.raises(IndexError, match=f"frame {number} is not one of 11"):
            reader.read(frame=number)
        with pytest.raises(IndexError):
            decode_indexed(encode_indexed(FRAMES[0]), frame=number)
    with pytest.raises(TypeError, match=r"frame must be a whole number, not 1\.5"):
        reader.read(frame=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((),), ValueError, "an animation has 1 to 1048576 frames, not 0"),
        (((10,) * (2**20 + 1),), ValueError, "not 1048577"),
        (((10, -1),), ValueError, "a duration must be from 0 to 2147483647 milliseconds, not -1"),
        (((10, 2**31),), ValueError, "not 2147483648"),
        (((10, 1.5),), TypeError, "durations must be whole numbers"),
        ((5,), TypeError, "durations must be whole numbers"),
        (((10,), -1), ValueError, "loop must be from 0 to 4294967295, not -1"),
        (((10,), 2**32), ValueError, "loop"),
        (((10,), None), TypeError, "loop must be a whole number, not None"),
        (((10,), 0, 0), ValueError, "restart must be from 1 to 1048576, not 0"),
        (((10,), 0, "x"), TypeError, "restart must be a whole number, not 'x'"),
    ],
)
def test_invalid_timing_is_named(arguments: tuple[object, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Animation(*arguments)  # type: ignore[arg-type]


def test_missing_frames_and_rows_are_named() -> None:
    writer = Writer(io.BytesIO(), 50, 60, FRAMES[0].palette, animation=Animation((10, 20)))
    writer.write(FRAMES[0].indices)
    writer.write(FRAMES[1].indices[:13])
    with pytest.raises(ValueError, match="47 of 60 rows of frame 1 are missing"):
        writer.close()
    with pytest.raises(ValueError, match="47 rows of 50 pixels are missing, not 60 of 50"):
        writer.write(FRAMES[1].indices)
    writer.write(FRAMES[1].indices[13:])
    with pytest.raises(ValueError, match="0 rows of 50 pixels are missing"):
        writer.write(FRAMES[1].indices)
    writer.close()


def test_damage_is_named_by_tile_and_frames_and_the_rest_can_be_read(grouped: bytes) -> None:
    data = bytearray(grouped)
    data[-1] ^= 1  # of the last tile, in frames 8 to 10
    reader = Reader(bytes(data))
    assert are(list(reader.iterate(stop=8)), FRAMES[:8])
    with pytest.raises(
        DamagedError, match=r"tile in row 1, column 1, region \(25, 30, 50, 60\), frames 8 to 10: "
    ) as caught:
        list(reader.iterate())
    assert caught.value.region == (25, 30, 50, 60)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = list(reader.iterate(on_error="skip"))
    assert [warning.category for warning in said] == [KpalWarning]
    assert "1 of 4 tiles are damaged" in str(said[0].message)
    assert are(found[:8], FRAMES[:8])
    for number in (8, 9, 10):
        expected = FRAMES[number].indices.copy()
        expected[30:, 25:] = 0
        assert np.array_equal(found[number], expected)


def test_an_animation_that_was_cut_off_is_an_error_or_yields_its_beginning() -> None:
    data = written(list(moving(6, 60, 70, 200)), coder="fast")
    cut = data[: len(data) * 2 // 3]
    with pytest.raises(TruncatedError):
        list(Reader(cut).iterate())
    with pytest.warns(KpalWarning, match="not verified"):
        found = list(Reader(cut, on_error="skip").iterate())
    assert len(found) == 6
    assert np.array_equal(found[0], next(moving(6, 60, 70, 200)).indices)


def test_metadata_goes_with_frames() -> None:
    frames = [IndexedImage(image.indices, image.palette, METADATA) for image in FRAMES]
    data = written(frames)
    assert inspect(data).metadata == METADATA
    assert are(list(Reader(data).iterate()), FRAMES)
