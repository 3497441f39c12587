"""Progress is told often, from the thread that asks, and what it raises ends the work soon."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kpal
from kpal.progress import Watch
from kpal_format import IndexedImage, compiled, container, encode_indexed, parallel
from kpal_format.coders import BY_NAME, decode_tile, encode_tile

from .images import gradient, random_indexed
from .kernels import with_compiler

SOON = 0.5  # seconds from the wish to the end of the work: 0.1, and what a busy machine adds
OPTIONS: dict[str, Any] = {"colors": 24, "verify": True}
STAGES = ["histogram", "clustering", "remapping", "coding", "verifying"]


class CancelledError(Exception):
    """Raised by callbacks."""


def busy(height: int, width: int) -> np.ndarray:
    """Pixels that take a coder long."""
    return random_indexed(height, width, 256).pixels()


def all_threads_end() -> bool:
    """Whether no thread of the codec is left, soon."""
    end = time.monotonic() + 2
    while any(thread.name == "kpal" for thread in threading.enumerate()):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def seconds_after_wish(work: Callable[[Callable[[str, float], None]], object], stage: str, delay: float) -> float:
    """How long work goes on after the wish to end it, which comes so many seconds after the stage began."""
    wished = 0.0
    begun = 0.0

    def progress(name: str, fraction: float) -> None:
        nonlocal wished, begun
        if name == stage and not begun:
            begun = time.monotonic()
        if begun and time.monotonic() > begun + delay:
            wished = begun + delay
            raise CancelledError

    with pytest.raises(CancelledError):
        work(progress)
    return time.monotonic() - wished


# --- what is told


def test_decoding_is_told_from_beginning_to_end_in_the_thread_that_asks() -> None:
    calls: list[tuple[str, float, int]] = []
    data = kpal.encode(gradient(), colors=30)

    def heard(stage: str, fraction: float) -> None:
        calls.append((stage, fraction, threading.get_ident()))

    for decode in (kpal.decode, kpal.decode_indexed):
        calls.clear()
        decode(data, progress=heard)
        fractions = [fraction for _, fraction, _ in calls]
        assert {(stage, thread) for stage, _, thread in calls} == {("decoding", threading.get_ident())}
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_progress_changes_no_result() -> None:
    pixels = busy(70, 90)
    data = kpal.encode(pixels, **OPTIONS)
    assert kpal.encode(pixels, **OPTIONS, progress=lambda *_: None) == data
    assert np.array_equal(kpal.decode(data, progress=lambda *_: None), kpal.decode(data))
    with kpal.open_reader(io.BytesIO(data), progress=lambda *_: None) as reader:
        assert np.array_equal(reader.read((3, 4, 50, 60), progress=lambda *_: None), kpal.decode(data)[4:60, 3:50])
        assert np.array_equal(np.vstack(list(reader.rows(progress=lambda *_: None))), kpal.decode(data))


def test_tiles_tell_how_far_they_are_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_TILE", 1 << 10)
    monkeypatch.setattr(container, "_LEAST_TILE", 1)
    image, fractions = random_indexed(200, 200, 50), []
    data = encode_indexed(image, coder="zstd", progress=lambda _, fraction: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 30
    fractions.clear()
    with kpal.open_reader(io.BytesIO(data)) as reader:
        for _ in reader.rows(progress=lambda _, fraction: fractions.append(fraction)):
            pass
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize("coder", kpal.CODERS)
def test_a_coder_tells_of_every_pixel_once(coder: str) -> None:
    image, counts = random_indexed(50, 60, 16), list[int]()
    data = encode_tile(BY_NAME[coder], image.indices, image.palette, counts.append)
    assert sum(counts) == 3000
    counts.clear()
    decode_tile(BY_NAME[coder], data, (50, 60), image.palette, tell=counts.append)
    assert sum(counts) == 3000


@pytest.mark.parametrize("progress", [5, "x", ()])
def test_what_cannot_be_called_is_named(progress: Any) -> None:
    data = kpal.encode(gradient(), colors=4)
    for decode in (kpal.decode, kpal.decode_indexed):
        with pytest.raises(TypeError, match="progress must be callable"):
            decode(data, progress=progress)
    with pytest.raises(TypeError, match="progress must be callable"):
        kpal.open_reader(io.BytesIO(data), progress=progress)


@pytest.mark.parametrize("options", [{"max_bytes": 1000}, {"max_bytes": 1500, "coder": "zstd"}, {"quality": (5, 20)}])
def test_a_search_tells_one_rising_fraction(options: dict[str, Any]) -> None:
    calls: list[tuple[str, float]] = []
    pixels = gradient(90, 120)
    data = kpal.encode(pixels, verify=True, progress=lambda stage, fraction: calls.append((stage, fraction)), **options)
    assert kpal.inspect(data).colors < 256  # it was a search
    fractions = [fraction for _, fraction in calls]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert {stage for stage, _ in calls} == set(STAGES)


def test_the_fraction_of_a_search_follows_from_its_attempts() -> None:
    calls: list[tuple[str, float]] = []
    watch = Watch(lambda stage, fraction: calls.append((stage, fraction)), searching=True)
    watch.stage("a", lambda: parallel.tell(0.5))  # the first attempt has a quarter, each of its stages 40 % of the rest
    watch.stage("b", lambda: None)
    watch.attempt(4)
    watch.stage("c", lambda: None)
    watch.attempt(0)
    watch.stage("d", lambda: None)
    watch.finish()
    a = 0.4 * 0.25
    b = a + 0.4 * (0.25 - a)
    c = b + 0.4 * (1 - b) / 4
    d = c + 0.4 * (1 - c)
    expected = [
        ("a", 0.0),
        ("a", a / 2),
        ("a", a),
        ("b", a),
        ("b", b),
        ("c", b),
        ("c", c),
        ("d", c),
        ("d", d),
        ("d", 1.0),
    ]
    assert [stage for stage, _ in dict.fromkeys(calls)] == [stage for stage, _ in expected]
    assert [fraction for _, fraction in dict.fromkeys(calls)] == pytest.approx([fraction for _, fraction in expected])


def test_stages_outside_of_a_search_go_from_0_to_1_each() -> None:
    calls: list[tuple[str, float]] = []
    watch = Watch(lambda stage, fraction: calls.append((stage, fraction)))
    assert watch.stage("a", lambda: 7) == 7
    watch.attempt(3)
    watch.stage("a", lambda: parallel.tell(0.25))
    watch.finish()
    assert list(dict.fromkeys(calls)) == [("a", 0.0), ("a", 1.0), ("a", 0.25)]
    assert calls[-1] == ("a", 1.0)


def test_the_time_of_a_stage_is_that_of_all_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.perf_counter", iter([1.0, 1.5, 2.0, 2.25, 3.0, 3.125]).__next__)
    watch = Watch()
    for name in ("a", "b", "a"):
        watch.stage(name, lambda: None)
    assert watch.ms == {"a": 625.0, "b": 250.0}


# --- the end of the work


@with_compiler
@pytest.mark.parametrize("coder", kpal.CODERS)
def test_the_decoding_of_one_large_tile_ends_soon_after_the_wish(coder: str) -> None:
    image = random_indexed(1000, 1500, 256)
    data = encode_indexed(image, coder=coder)
    if coder == "zstd":
        with pytest.raises(CancelledError):
            kpal.decode(data, progress=_at_once)
        return
    assert seconds_after_wish(lambda progress: kpal.decode(data, progress=progress), "decoding", 0.1) < SOON
    assert all_threads_end()


def _at_once(stage: str, fraction: float) -> None:
    raise CancelledError


@with_compiler
@pytest.mark.parametrize("coder", ["fast", "mix", "max"])
def test_the_coding_and_verifying_of_one_large_tile_end_soon(coder: str) -> None:
    image = random_indexed(1000, 1500, 256)

    def encode(progress: Callable[[str, float], None]) -> None:
        kpal.encode(image, coder=coder, verify=True, progress=progress)

    assert seconds_after_wish(encode, "coding", 0.1) < SOON
    assert all_threads_end()


def test_the_caller_does_not_wait_for_zstandard() -> None:
    image = IndexedImage((busy(1400, 1400)[:, :, 0] // 4).astype(np.uint8), random_indexed(1, 64, 64).palette)
    assert seconds_after_wish(lambda p: kpal.encode(image, coder="zstd", progress=p), "coding", 0.05) < SOON


@with_compiler
def test_several_tiles_in_threads_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_TILE", 1 << 19)
    image = random_indexed(1500, 1500, 256)
    assert seconds_after_wish(lambda p: encode_indexed(image, coder="mix", progress=p), "coding", 0.1) < SOON
    data = encode_indexed(image, coder="mix")
    assert kpal.inspect(data).tiles > 2
    assert seconds_after_wish(lambda p: kpal.decode(data, progress=p), "decoding", 0.1) < SOON
    with kpal.open_reader(io.BytesIO(data)) as reader:
        assert seconds_after_wish(lambda p: reader.read(progress=p), "decoding", 0.1) < SOON
    assert all_threads_end()


@with_compiler
@pytest.mark.parametrize(
    ("stage", "options"),
    [
        ("histogram", {}),
        ("clustering", {}),
        ("remapping", {"dither": "floyd-steinberg", "colors": 256}),
        ("remapping", {"dither": "ordered"}),
        ("remapping", {"rate": 1.0}),
    ],
)
def test_every_stage_of_a_large_image_ends_soon(stage: str, options: dict[str, Any]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (1100, 1300, 3), dtype=np.uint8)
    arguments = {"metric": "rgb", "speed": "fast", "colors": 8, **options}
    assert seconds_after_wish(lambda p: kpal.encode(pixels, progress=p, **arguments), stage, 0.03) < SOON


@pytest.mark.parametrize("stage", STAGES)
def test_what_progress_raises_is_raised_as_it_is_and_nothing_follows(stage: str) -> None:
    calls: list[str] = []
    error = CancelledError("by the user")

    def progress(name: str, fraction: float) -> None:
        assert not (calls and calls[-1] == "over")
        calls.append(name)
        if name == stage:
            calls.append("over")
            raise error

    with pytest.raises(CancelledError) as caught:
        kpal.encode(gradient(), **OPTIONS, progress=progress)
    time.sleep(0.05)
    assert caught.value is error
    assert calls[-1] == "over"


def test_an_error_in_a_watched_file_is_the_error_of_the_file() -> None:
    data = bytearray(kpal.encode(gradient(), colors=30))
    data[-7] ^= 1
    with pytest.raises(kpal.DamagedError, match="checksum"):
        kpal.decode(data, progress=lambda *_: None)


def test_the_error_of_the_first_item_is_raised_whichever_thread_meets_it() -> None:
    def work(number: int, count: Any) -> None:
        time.sleep(0.01 * (number == 0))
        raise KeyError(number)

    for _ in range(5):
        with pytest.raises(KeyError) as caught:
            parallel.in_parallel(work, range(8), 8)
        assert caught.value.args == (0,)


@pytest.mark.parametrize(
    ("items", "processors", "together"), [(4, 3, 3), (2, 8, 2), (5, 1, 1), (3, None, 1), (1, 4, 1), (0, 4, 0)]
)
def test_as_many_items_are_worked_on_at_a_time_as_there_are_processors(
    items: int, processors: int | None, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    met, threads = threading.Barrier(max(together, 1)), set[int]()

    def work(number: int, count: Any) -> int:
        if number < together:
            met.wait(10)
        threads.add(threading.get_ident())
        return number * number

    assert parallel.in_parallel(work, range(items), items) == [number * number for number in range(items)]
    assert len(threads) == together


def test_the_fraction_of_several_items_is_that_of_their_pixels() -> None:
    told: list[float] = []

    def work(pixels: int, count: Callable[[int], object]) -> None:
        for _ in range(pixels):
            count(1)

    parallel.watched(lambda: parallel.in_parallel(work, [300, 500, 200], 1000), told.append)
    assert told == sorted(told)
    fractions = sorted(set(told))
    assert 100 < len(fractions) <= 129
    assert 1 - 1 / 128 < fractions[-1] <= 1
    assert all(round(1000 * fraction) == pytest.approx(1000 * fraction) for fraction in fractions)


def test_what_ends_everything_is_raised_before_what_is_wrong_with_an_item() -> None:
    ended, wrong, interrupt = parallel.Ended(), KeyError(), KeyboardInterrupt()
    assert parallel._most_severe({0: ended, 1: wrong, 2: KeyError()}) is wrong
    assert parallel._most_severe({0: ended, 1: wrong, 2: interrupt}) is interrupt
    assert parallel._most_severe({1: parallel.Ended(), 0: ended}) is ended


def test_a_callback_may_code_another_image() -> None:
    data = kpal.encode(gradient(), colors=20)
    nested: list[str] = []

    def progress(stage: str, fraction: float) -> None:
        assert kpal.decode(data, progress=lambda stage, _: nested.append(stage)).shape == gradient().shape

    kpal.encode(gradient(), colors=16, progress=progress)
    assert set(nested) == {"decoding"}


def test_without_threads_the_work_is_told_and_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_helpers", lambda *_: [])
    data = kpal.encode(gradient(), colors=20, progress=lambda *_: None)
    assert data == kpal.encode(gradient(), colors=20)
    if compiled():
        image = random_indexed(900, 900, 256)
        assert seconds_after_wish(lambda p: encode_indexed(image, coder="mix", progress=p), "coding", 0.1) < SOON
        pixels = np.random.default_rng(1).integers(0, 256, (600, 700, 3), dtype=np.uint8)
        for stage in ("histogram", "clustering"):  # where it is raised matters here, not when: a busy machine is slow
            calls: list[str] = []

            def progress(name: str, fraction: float, stage: str = stage, calls: list[str] = calls) -> None:
                calls.append(name)
                if calls.count(stage) == 2:
                    raise CancelledError

            with pytest.raises(CancelledError):
                kpal.encode(pixels, progress=progress)
            assert calls[-2:] == [stage] * 2
