"""Compares the quality scales of kpal and pngquant: the scores and colours of both at the same quality number.

    python benchmarks/quality.py FOLDER [-q N ...] [--dithering D] [--each N] [--crop N] [--half 0|1] [--tsv FILE]

Every folder below FOLDER that holds images is a kind of image. pngquant is libimagequant at pngquant's defaults,
including full dithering; kpal does not dither by default. For each kind and quality, the table has kpal's mean
SSIMULACRA2 score, its difference from pngquant's, and the mean numbers of colours of both.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from compare import images
from equal_score import cropped
from PIL import Image
from rich.progress import track

import kpal
from kpal.comparison.pngquant import libimagequant
from kpal.metrics.scores import psnr, ssimulacra2
from kpal.pixels import to_array
from kpal_format import U8

_QUALITIES: Final = (60, 65, 70, 75, 80, 85, 90, 95)


@dataclass(frozen=True)
class Result:
    """One image at one quality: score, PSNR in dB and number of colours, for kpal and for pngquant."""

    kind: str
    name: str
    quality: int
    ours: tuple[float, float, int]
    theirs: tuple[float, float, int]


def main() -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Compares the quality scales of kpal and pngquant.")
    parser.add_argument("folder", type=Path, help="images, in one folder for each kind")
    parser.add_argument("-q", "--qualities", type=int, nargs="+", default=_QUALITIES)
    parser.add_argument("--dithering", type=float, default=1.0, help="of pngquant, 0 to 1 (default: %(default)g)")
    parser.add_argument("--each", type=int, help="maximum images of each kind")
    parser.add_argument("--crop", type=int, help="crop to at most N x N pixels at the centre", metavar="N")
    parser.add_argument("--half", type=int, choices=(0, 1), help="use every other image, e.g. to fit a scale on half")
    parser.add_argument("--tsv", type=Path, help="write the figures of each image to this file")
    options = parser.parse_args()
    results = []
    chosen = images(options.folder, options.each)
    chosen = chosen if options.half is None else chosen[options.half :: 2]
    for kind, file in track(chosen, "measuring", disable=not sys.stderr.isatty()):
        with Image.open(file) as opened:
            pixels = cropped(to_array(opened), options.crop)
        results += [
            Result(kind, file.name, quality, ours, theirs)
            for quality in options.qualities
            if (ours := figures(pixels, kpal.quantize(pixels, quality=(0, quality))))
            and (theirs := figures(pixels, pngquant(pixels, quality, options.dithering)))
        ]
    print(table(results, options.qualities))
    if options.tsv:
        rows = ["kind\timage\tquality\tscore\tPSNR\tcolours\tpngquant's score\tPSNR\tcolours"]
        for r in results:
            cells = (f"{score:.2f}\t{decibels:.2f}\t{colors}" for score, decibels, colors in (r.ours, r.theirs))
            rows.append("\t".join((r.kind, r.name, str(r.quality), *cells)))
        options.tsv.write_text("\n".join(rows) + "\n")
    return 0


def pngquant(pixels: U8, quality: int, dithering: float) -> kpal.IndexedImage:
    """The image as pngquant quantises it for a quality."""
    return libimagequant(Image.fromarray(pixels).convert("RGBA"), 256, dithering, quality)


def figures(pixels: U8, image: kpal.IndexedImage) -> tuple[float, float, int] | None:
    """Score, PSNR and number of colours of a result; None if the image is too small or too large for a score."""
    shown = image.pixels()[:, :, : pixels.shape[2]]
    score = ssimulacra2(pixels, shown)
    return None if score is None else (score, psnr(pixels, shown), len(np.unique(image.indices)))


def table(results: list[Result], qualities: list[int]) -> str:
    """Means by kind and quality, as a Markdown table."""
    lines = ["| kind | | " + " | ".join(map(str, qualities)) + " |", "|---|---|" + "---:|" * len(qualities)]
    for kind in dict.fromkeys(result.kind for result in results):
        at = [[r for r in results if (r.kind, r.quality) == (kind, quality)] for quality in qualities]
        ours, theirs = ([np.mean([getattr(r, who) for r in rows], axis=0) for rows in at] for who in ("ours", "theirs"))
        pairs = list(zip(ours, theirs, strict=True))
        scores = [f"{a[0]:.1f} ({a[0] - b[0]:+.1f})" for a, b in pairs]
        colors = [f"{a[2]:.0f} / {b[2]:.0f}" for a, b in pairs]
        lines.append(f"| {kind} | score | " + " | ".join(scores) + " |")
        lines.append("| | colours | " + " | ".join(colors) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
