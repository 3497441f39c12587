"""Compares the bytes of kpal's `mix` with those of pngquant and oxipng -o6 at pngquant's perceptual score.

    python benchmarks/equal_score.py FOLDER [--each N] [--crop N] [--tsv FILE]

Every folder below FOLDER that holds images is a kind of image. pngquant is libimagequant at pngquant's defaults: 256
colours, speed 4, full dithering. kpal runs with several numbers of colours and several rates. For each rate, the
logarithm of its bytes is interpolated at pngquant's score between two numbers of colours; the best rate counts. If no
run reaches the score, the image is excluded from the means and counted as unreached.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compare import geometric, images
from PIL import Image
from rich.progress import track

import kpal
from kpal.comparison.pngquant import pngquant
from kpal.metrics.scores import ssimulacra2
from kpal.pixels import to_array
from kpal_format import U8

_COLORS: Final = (12, 24, 48, 96, 160, 256)
_RATES: Final = (0.0, 0.4, 1.0, 2.0)
_LEVEL: Final = 6  # the optimisation level of oxipng

Curve = list[tuple[float, float]]  # score and logarithm of the bytes, for each number of colours


@dataclass(frozen=True)
class Result:
    """One image: kpal's bytes relative to pngquant's, without and with rates; None if the score is unreached."""

    kind: str
    name: str
    score: float
    plain: float | None
    rated: float | None


def main() -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Compares bytes of kpal and pngquant at pngquant's perceptual score.")
    parser.add_argument("folder", type=Path, help="images, in one folder for each kind")
    parser.add_argument("--each", type=int, help="maximum images of each kind")
    parser.add_argument("--crop", type=int, help="crop to at most N x N pixels at the centre", metavar="N")
    parser.add_argument("--tsv", type=Path, help="write the figures of each image to this file")
    options = parser.parse_args()
    chosen = images(options.folder, options.each)
    results = []
    for kind, file in track(chosen, "measuring", disable=not sys.stderr.isatty()):
        with Image.open(file) as opened:
            result = measure(kind, file.name, cropped(to_array(opened), options.crop))
        if result is not None:
            results.append(result)
    print(table(results))
    if options.tsv:
        rows = ["kind\timage\tscore\tplain\trated"]
        rows += [f"{r.kind}\t{r.name}\t{r.score:.2f}\t{share(r.plain)}\t{share(r.rated)}" for r in results]
        options.tsv.write_text("\n".join(rows) + "\n")
    return 0


def cropped(pixels: U8, most: int | None) -> U8:
    """The centre of an image, at most `most` x `most` pixels."""
    if most is None:
        return pixels
    top, left = (max(0, (size - most) // 2) for size in pixels.shape[:2])
    return pixels[top : top + most, left : left + most]


def measure(kind: str, name: str, pixels: U8) -> Result | None:
    """Measures one image; None if it is too small or too large for a score."""
    theirs, their_bytes = pngquant(Image.fromarray(pixels).convert("RGBA"), 256, dithering=1.0, level=_LEVEL)
    score = ssimulacra2(pixels, theirs.pixels()[:, :, : pixels.shape[2]])
    if score is None:
        return None
    curves = [curve(pixels, rate) for rate in _RATES]
    found = [bytes_at(score, curves[:1]), bytes_at(score, curves)]
    plain, rated = (None if size is None else size / their_bytes for size in found)
    return Result(kind, name, score, plain, rated)


def curve(pixels: U8, rate: float) -> Curve:
    """Encodes an image at one rate with every number of colours."""
    points = []
    for colors in _COLORS:
        image = kpal.quantize(pixels, colors, rate=rate)
        score = ssimulacra2(pixels, image.pixels())
        assert score is not None
        points.append((score, math.log(len(kpal.encode(image, coder="mix")))))
    return points


def bytes_at(score: float, curves: list[Curve]) -> float | None:
    """The fewest bytes that reach a score, from single runs and from interpolation along each curve."""
    enough = [size for points in curves for reached, size in points if reached >= score]
    for points in curves:
        for (low, small), (high, large) in itertools.pairwise(points):
            if low < score < high:
                enough.append(small + (large - small) * (score - low) / (high - low))
    return math.exp(min(enough)) if enough else None


def table(results: list[Result]) -> str:
    """Geometric means by kind."""
    lines = ["| kind | images | rate 0 | best rate, worst | unreached |", "|---|---:|---:|---|---:|"]
    for kind in [*dict.fromkeys(result.kind for result in results), "all"]:
        rows = [row for row in results if kind in (row.kind, "all")]
        plain = [row.plain for row in rows if row.plain is not None]
        rated = [row.rated for row in rows if row.rated is not None]
        cells = [geometric(plain), geometric(rated), max(rated)] if plain and rated else []
        lines.append(
            f"| {kind} | {len(rows)} | "
            + " | ".join([share(cells[0]), f"{share(cells[1])}, {share(cells[2])}"] if cells else ["", ""])
            + f" | {len(rows) - len(rated)} |"
        )
    return "\n".join(lines)


def share(value: float | None) -> str:
    """A ratio formatted for a table; empty for None."""
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
