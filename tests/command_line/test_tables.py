"""The sentence below each comparison: it must not flatter."""

from __future__ import annotations

from kpal.command_line.tables import verdict
from kpal.comparison.formats import Row


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
