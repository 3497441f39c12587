"""The sentence below each comparison: it must not flatter."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from kpal.command_line import tables as report
from kpal.comparison import formats as compare
from kpal.comparison.formats import Comparison, Row, totals, verdict

from ..images import random_indexed


def rows(original: int, png: int, peer: int, ours: int) -> list[Row]:
    return [
        Row("original", "original file", original, None, 1),
        Row("png", "PNG", png, 1, 1),
        Row("peer", "WebP lossless", peer, 1, 1),
        Row("kpal", "kpal zstd", ours, 1, 1),
    ]


def test_kpal_is_the_smallest_only_if_nothing_with_the_same_pixels_is_smaller() -> None:
    assert (
        verdict(rows(400, 300, 100, 90), lossless=False)
        == "kpal zstd is the smallest, 10.0% smaller than WebP lossless."
    )
    assert verdict(rows(400, 300, 100, 100), lossless=False) == "kpal zstd is as small as WebP lossless."
    assert "kpal is not the smallest here: kpal zstd is 10.0% larger than WebP lossless" in verdict(
        rows(400, 300, 100, 110), lossless=False
    )


def test_without_loss_the_original_counts() -> None:
    assert "25.0% larger than original file" in verdict(rows(80, 300, 120, 100), lossless=True)
    assert "11.1% larger than PNG" in verdict(rows(200, 90, 120, 100), lossless=True)


def test_with_loss_an_original_that_is_smaller_is_named() -> None:
    assert verdict(rows(80, 90, 120, 100), lossless=False).endswith(
        "It is larger than the original file and the PNG, which lost no colours."
    )


# --- totals and tables


def comparison(name: str, *, png: int, ours: int, psnr_db: float = 40.04, score: float | None = 81.26) -> Comparison:
    found = [
        Row("original", "original file", 500, None, 0.25),
        Row("png", "PNG", png, 1.5, 2.0),
        Row("peer", "WebP lossless", 300, 3.25, 4.0),
        Row("kpal", "kpal zstd", ours, 5.5, 6.06),
    ]
    return Comparison(name, 30, 20, 7, 12.4, psnr_db, score, found)


def shown(show: Callable[[Console], None]) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    show(console)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_table_has_sizes_savings_and_times() -> None:
    assert shown(lambda console: report.show(console, comparison("a.png", png=400, ours=1100))) == [
        "",
        "a.png: 30 x 20, 7 colours, quantised in 12 ms, PSNR 40.0 dB, SSIMULACRA2 81.3",
        "format bytes saving on PNG encode ms decode ms",
        "original file 500 -25.0 % 0.2",
        "PNG 400 0.0 % 1.5 2.0",
        "WebP lossless 300 25.0 % 3.2 4.0",
        "kpal zstd 1,100 -175.0 % 5.5 6.1",
        "kpal is not the smallest here: kpal zstd is 266.7% larger than WebP lossless. It is larger than the original"
        " file and the PNG, which lost no colours.",
    ]


def test_without_loss_or_score_no_figure_is_shown() -> None:
    lossless = comparison("a.png", png=400, ours=90, psnr_db=math.inf)
    assert shown(lambda console: report.show(console, lossless))[1].endswith("quantised in 12 ms, no loss")
    unscored = comparison("a.png", png=400, ours=90, score=None)
    assert shown(lambda console: report.show(console, unscored))[1].endswith("12 ms, PSNR 40.0 dB")
    one = Comparison("a.png", 1, 1, 1, 0, math.inf, None, lossless.rows)
    assert "1 x 1, 1 colour, quantised" in shown(lambda console: report.show(console, one))[1]


def test_totals_are_sums_of_the_formats_that_all_images_have() -> None:
    images = [comparison("a.png", png=400, ours=100), comparison("b.png", png=200, ours=50)]
    assert totals(images) == [
        Row("original", "original file", 1000, None, 0.5),
        Row("png", "PNG", 600, 3, 4),
        Row("peer", "WebP lossless", 600, 6.5, 8),
        Row("kpal", "kpal zstd", 150, 11, 12.12),
    ]
    lines = shown(lambda console: report.show_total(console, images))
    assert lines[1] == "Total of 2 images"
    assert lines[6] == "kpal zstd 150 75.0 % 11.0 12.1"
    del images[1].rows[2]
    assert [row.format for row in totals(images)] == ["original file", "PNG", "kpal zstd"]
    assert totals([]) == []


def test_json_has_all_images_their_savings_and_the_totals() -> None:
    found = report.as_json([comparison("a.png", png=300, ours=100), comparison("b.png", png=300, ours=0)])
    assert [image["name"] for image in found["images"]] == ["a.png", "b.png"]
    assert [row["saving_percent"] for row in found["images"][0]["rows"]] == [-66.67, 0, 0, 66.67]
    assert found["total"][3] == {
        "kind": "kpal",
        "format": "kpal zstd",
        "bytes": 100,
        "encode_ms": 11.0,
        "decode_ms": 12.12,
        "saving_percent": 83.33,
    }
    assert report.as_json([])["total"] == []


def test_times_are_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.perf_counter", iter([10.0, 10.25]).__next__)
    assert compare.timed(lambda: "done") == (250, "done")


def test_the_original_of_a_loss_is_smaller_only_if_it_is() -> None:
    assert "larger than the" not in verdict(rows(100, 100, 120, 100), lossless=False)
    assert verdict(rows(99, 100, 120, 100), lossless=False).endswith("the original file, which lost no colours.")


def test_a_peer_that_cannot_hold_the_picture_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(image: object) -> bytes:
        raise ValueError("too wide")

    monkeypatch.setattr(compare, "peers", lambda: {"indexed PNG": compare._png, "narrow format": fail})
    file = io.BytesIO()
    Image.fromarray(random_indexed(9, 9, 5).pixels()).save(file, "PNG")
    with pytest.warns(UserWarning, match="narrow format is left out: too wide"):
        found = compare.compare("x", file.getvalue())
    assert [row.format for row in found.rows][:3] == ["original file", "PNG", "indexed PNG"]
    assert (found.width, found.height, found.colors) == (9, 9, 5)
    assert (found.as_dict()["psnr_db"], found.rows[0].bytes) == (None, len(file.getvalue()))


def test_pixels_that_a_peer_does_not_keep_are_found() -> None:
    black, white = (Image.new("RGB", (2, 2), color) for color in ("black", "white"))
    pixels = np.zeros((2, 2, 3), np.uint8)
    assert compare._coded("peer", "x", lambda _: compare._png(black), black, pixels)[0].format == "x"
    with pytest.raises(AssertionError, match="x did not keep the pixels"):
        compare._coded("peer", "x", lambda _: compare._png(white), black, pixels)
