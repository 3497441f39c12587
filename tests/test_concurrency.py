"""Many at once, in threads and in processes, give what one after the other gives."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal_format import U8, compiled

from .images import gradient, soft_icon

CODERS = [coder for coder in kpal.CODERS if coder in ("zstd", "fast") or compiled()]  # plain Python would take minutes


def work(number: int) -> tuple[bytes, bytes]:
    """One image of its own kind, encoded, and its pixels as Pillow opens it."""
    pixels: U8 = np.roll(soft_icon() if number % 2 else gradient(), number, axis=0)
    options = {"dither": "floyd-steinberg"} if number % 3 == 0 else {"rate": 2.0} if number % 3 == 1 else {}
    data = kpal.encode(pixels, colors=8 + number, coder=CODERS[number % len(CODERS)], **options)
    with Image.open(io.BytesIO(data)) as image:
        return data, image.convert("RGBA").tobytes()


@pytest.mark.parametrize(
    "start",
    [lambda: ThreadPoolExecutor(8), lambda: ProcessPoolExecutor(3, mp_context=get_context("spawn"))],
    ids=["threads", "processes"],
)
def test_many_at_once_give_the_bytes_of_one_after_the_other(
    start: Callable[[], Executor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))  # for the processes, which import this file
    expected = [work(number) for number in range(12)]
    with start() as pool:
        for _ in range(3):
            assert list(pool.map(work, range(12))) == expected


def test_one_image_may_be_read_by_many_threads() -> None:
    data = kpal.encode(gradient(), colors=30)
    expected = kpal.decode(data)
    with ThreadPoolExecutor(8) as pool:
        assert all(np.array_equal(pixels, expected) for pixels in pool.map(kpal.decode, [data] * 40))


def test_the_same_pixels_and_options_serve_many_threads() -> None:
    pixels, palette = gradient(), kpal.quantize(gradient(), 20).palette
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: kpal.encode(pixels, palette=palette), range(24)))) == 1
