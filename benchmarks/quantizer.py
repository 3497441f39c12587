"""Compares error, perceptual score and time of kpal's quantiser and libimagequant, without dithering.

    python benchmarks/quantizer.py FOLDER [-c N ...] [--each N] [--reference TSV]

Every folder below FOLDER that holds images is a kind of image. Images that already have at most the requested number of
colours are skipped. The columns are:

- error: the squared error with `metric="rgb"` relative to libimagequant's (geometric mean, worst). Images with alpha
  are composited over black, white and a checkerboard first.
- score, fast: SSIMULACRA2 of the default and of `speed="fast"` minus libimagequant's (mean, worst, share above 0).
- time, fast, rgb: processor time of the three relative to libimagequant's.

A reference is a TSV table with the columns image_file, K, method and MSE_sum_over_RGB: errors of other methods, before
their palettes are rounded to eight bits. Images are matched by file name.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from compare import geometric, images
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

import kpal
from kpal.clustering.lattice import cluster
from kpal.color.spaces import SCALE, to_points
from kpal.comparison.pngquant import libimagequant
from kpal.metrics.scores import ssimulacra2
from kpal.pixels import to_array
from kpal.quantizer.histogram import Histogram
from kpal_format import U8

_MAX_SCORED: Final = 1 << 20  # pixels; the score is slow on larger images


@dataclass(frozen=True)
class Result:
    """One image at one number of colours, relative to libimagequant; `score` and `fast` are differences in points."""

    kind: str
    colors: int
    error: float
    score: float | None
    fast: float | None
    times: tuple[float, float, float]


def main() -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Compares kpal's quantiser with libimagequant.")
    parser.add_argument("folder", type=Path, help="images, in one folder for each kind")
    parser.add_argument("-c", "--colors", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--each", type=int, help="maximum images of each kind")
    parser.add_argument("--reference", type=Path, help="TSV table of other methods' errors")
    options = parser.parse_args()
    chosen = images(options.folder, options.each)
    results = []
    for kind, file in track(chosen, "measuring", disable=not sys.stderr.isatty()):
        with Image.open(file) as opened:
            pixels = to_array(opened)
        colors = len(Histogram(pixels).colors)
        results += [measure(kind, pixels, k) for k in options.colors if k < colors]
    print(table(results))
    if options.reference:
        print()
        print(reference_table(options.reference, {file.name: file for _, file in chosen}))
    return 0


def measure(kind: str, pixels: U8, k: int) -> Result:
    """Measures one image at k colours."""
    theirs, their_time = timed(
        lambda: libimagequant(Image.fromarray(pixels).convert("RGBA"), k, 0.0).pixels()[:, :, : pixels.shape[2]]
    )
    default, default_time = timed(lambda: kpal.quantize(pixels, k).pixels())
    fast, fast_time = timed(lambda: kpal.quantize(pixels, k, speed="fast").pixels())
    least, least_time = timed(lambda: kpal.quantize(pixels, k, metric="rgb").pixels())
    score: float | None = None
    fast_score: float | None = None
    if pixels.shape[0] * pixels.shape[1] <= _MAX_SCORED and (base := ssimulacra2(pixels, theirs)) is not None:
        ours, quick = ssimulacra2(pixels, default), ssimulacra2(pixels, fast)
        assert ours is not None
        assert quick is not None
        score, fast_score = ours - base, quick - base
    times = (default_time / their_time, fast_time / their_time, least_time / their_time)
    return Result(kind, k, error(pixels, least) / max(error(pixels, theirs), 1e-9), score, fast_score, times)


def error(a: U8, b: U8) -> float:
    """Squared error summed over RGB, mean over pixels; with alpha, also mean over black, white and checkerboard."""
    if a.shape[2] == 3:
        return float(np.square(a.astype(np.int32) - b).sum(axis=2).mean())
    y, x = np.mgrid[: a.shape[0], : a.shape[1]] // 8
    checks = np.where((x + y) % 2, 102.0, 153.0)[:, :, None]
    grounds = [np.zeros_like(checks), np.full_like(checks, 255), checks]
    return float(np.mean([np.square(_over(a, ground) - _over(b, ground)).sum(axis=2).mean() for ground in grounds]))


def _over(pixels: U8, ground: NDArray[np.float64]) -> NDArray[np.float64]:
    alpha = pixels[:, :, 3:] / 255
    seen: NDArray[np.float64] = pixels[:, :, :3] * alpha + ground * (1 - alpha)
    return seen


def timed(work: Callable[[], U8]) -> tuple[U8, float]:
    """The result, and processor time in seconds: the shorter of two runs, or a single run if it takes over a second."""
    seconds = []
    for _ in range(2):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
        if seconds[0] > 1:
            break
    return result, min(seconds)


def table(results: list[Result]) -> str:
    """A Markdown table by kind and number of colours."""
    lines = [
        "| kind | K | images | error, worst | score, worst, won | fast, worst, won | time | fast | rgb |",
        "|---|---:|---:|---|---|---|---:|---:|---:|",
    ]
    for kind in [*dict.fromkeys(result.kind for result in results), "all"]:
        for k in dict.fromkeys(result.colors for result in results):
            rows = [row for row in results if kind in (row.kind, "all") and row.colors == k]
            if rows:
                errors = [row.error for row in rows]
                cells = [kind, str(k), str(len(rows)), f"{geometric(errors):.3f}, {max(errors):.3f}"]
                cells += [points(row.score for row in rows), points(row.fast for row in rows)]
                cells += [f"{geometric(row.times[i] for row in rows):.2f}" for i in range(3)]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def points(values: Iterable[float | None]) -> str:
    """Mean, worst value, and share of values above 0."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    return f"{np.mean(known):+.2f}, {min(known):+.2f}, {np.mean(np.array(known) > 0):.0%}"


def reference_table(table: Path, files: dict[str, Path]) -> str:
    """A Markdown table of kpal's errors relative to the reference, on the lattice and with an 8-bit palette."""
    known: dict[tuple[str, int], dict[str, float]] = {}
    with table.open() as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            name = Path(row["image_file"]).name
            if name in files:
                methods = known.setdefault((name, int(row["K"])), {})
                methods[row["method"]] = min(float(row["MSE_sum_over_RGB"]), methods.get(row["method"], np.inf))
    lines_ = [
        "| K | images | lattice / best, worst | 8 bits - best, worst | 8 bits / IOKM, worst, won |",
        "|---:|---:|---|---|---|",
    ]
    found: dict[int, list[tuple[float, float, float]]] = {}
    for (name, k), methods in sorted(known.items()):
        with Image.open(files[name]) as opened:
            pixels = to_array(opened)
        histogram = Histogram(pixels)
        result = cluster(to_points(histogram.colors, "rgb"), histogram.counts, k)
        lattice = result.inertia / SCALE**2 / int(histogram.counts.sum())
        rounded = error(pixels, kpal.quantize(pixels, k, metric="rgb").pixels())
        best = min(methods.values())
        found.setdefault(k, []).append((lattice / best, rounded - best, rounded / methods.get("IOKM", np.nan)))
    for k, rows in sorted(found.items()):
        lattices, roundeds, iokms = zip(*rows, strict=True)
        won = np.array([value for value in iokms if not np.isnan(value)])
        lines_.append(
            f"| {k} | {len(rows)} | {geometric(lattices):.4f}, {max(lattices):.4f} | {np.mean(roundeds):+.2f}, "
            f"{max(roundeds):+.2f} | {geometric(won):.3f}, {won.max():.3f}, {(won < 1).sum()} of {len(won)} |"
        )
    return "\n".join(lines_)


if __name__ == "__main__":
    sys.exit(main())
