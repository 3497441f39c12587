"""Compares sizes, times and quality of kpal with its peers over a folder of images.

    python benchmarks/compare.py FOLDER [-c N] [--each N] [--json FILE] [--markdown FILE]

Every folder below FOLDER that holds images is a kind of image. Figures are geometric means over the images of a kind,
so that all images have equal weight. The peers are the formats of `kpal compare`, which store the same pixels as kpal,
and libimagequant (pngquant's library) with oxipng -o2, which chooses its own palette. All times of an image are
measured one after the other in one run, so rely on their ratios rather than on absolute values.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import operator
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from rich.progress import track

import kpal
from kpal.batch.jobs import picture_endings
from kpal.batch.messages import failures
from kpal.comparison.formats import Comparison, compare, timed
from kpal.comparison.pngquant import pngquant
from kpal.metrics.scores import psnr, ssimulacra2
from kpal.pixels import to_array

PNGQUANT: Final = "libimagequant, oxipng -o2"
_REPEATS: Final = 3


@dataclass(frozen=True)
class Result:
    """The figures of one image: those of `kpal compare`, and the times from pixels to file of kpal and pngquant."""

    kind: str
    comparison: Comparison
    kpal_ms: float
    pngquant_ms: float
    pngquant_bytes: int
    pngquant_psnr_db: float | None
    pngquant_ssimulacra2: float | None

    def bytes_of(self) -> dict[str, int]:
        """Bytes by format."""
        return {**{row.format: row.bytes for row in self.comparison.rows}, PNGQUANT: self.pngquant_bytes}

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON types."""
        pngquant = {name: value for name, value in self.__dict__.items() if name.startswith("pngquant")}
        return {"kind": self.kind, **self.comparison.as_dict(), "kpal_ms": self.kpal_ms, **pngquant}


def main() -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Compares sizes, times and quality of kpal with its peers.")
    parser.add_argument("folder", type=Path, help="images, in one folder for each kind")
    parser.add_argument("-c", "--colors", type=int, default=256, help="maximum colours (default: %(default)s)")
    parser.add_argument("--each", type=int, help="maximum images of each kind")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    options = parser.parse_args()
    chosen = images(options.folder, options.each)
    results = []
    for kind, file in track(chosen, "measuring", disable=not sys.stderr.isatty()):
        with failures(str(file)):
            results.append(measure(kind, file, options.colors))
    if not results:
        parser.error(f"no images below {options.folder}")
    report = tables(results)
    print(report)
    if options.markdown:
        options.markdown.write_text(report + "\n")
    if options.json:
        options.json.write_text(json.dumps([result.as_dict() for result in results], indent=1, allow_nan=False) + "\n")
    return 0


def images(folder: Path, each: int | None) -> list[tuple[str, Path]]:
    """The images below `folder`, at most `each` of a kind; the kind is the name of the image's folder."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in picture_endings():
            found.setdefault(str(file.parent.relative_to(folder)), []).append(file)
    return [(kind, file) for kind, files in found.items() for file in files[:each]]


def measure(kind: str, file: Path, colors: int) -> Result:
    """Measures one image."""
    data = file.read_bytes()
    comparison = compare(file.name, data, colors=colors)
    with Image.open(io.BytesIO(data)) as opened:
        original = to_array(opened)
    rgba = Image.fromarray(original).convert("RGBA")
    pngquant_ms, (image, pngquant_bytes) = best(lambda: pngquant(rgba, colors, dithering=0.0))
    kpal_ms, _ = best(lambda: kpal.encode(original, colors=colors))
    shown = image.pixels()
    quality = psnr(original, shown)
    return Result(
        kind,
        comparison,
        kpal_ms,
        pngquant_ms,
        pngquant_bytes,
        quality if math.isfinite(quality) else None,  # JSON knows no infinity
        ssimulacra2(original, shown),
    )


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """The shortest time of several runs, in milliseconds, and the result."""
    return min((timed(work) for _ in range(_REPEATS)), key=operator.itemgetter(0))


def tables(results: list[Result]) -> str:
    """Three tables in Markdown: sizes, times, quality."""
    rows = [row for r in results for row in r.comparison.rows]
    png = next(row.format for row in rows if row.kind == "png")
    names = [*dict.fromkeys(row.format for row in rows if row.kind != "original"), PNGQUANT]
    ours = list(dict.fromkeys(row.format for row in rows if row.kind == "kpal"))
    groups = {kind: [r for r in results if r.kind == kind] for kind in dict.fromkeys(r.kind for r in results)}
    groups["all"] = results
    sizes, times, quality = [], [], []
    for kind, group in groups.items():
        mean = {
            name: geometric(r.bytes_of()[name] / r.bytes_of()[png] for r in group if name in r.bytes_of())
            for name in names
        }
        sizes.append([kind, str(len(group)), *(f"{mean[name]:.3f}" for name in names)])
        decode = [
            f"{geometric(_decode_ms(r, name) / _decode_ms(r, 'indexed PNG') for r in group):.2f}" for name in ours
        ]
        times.append(
            [
                kind,
                f"{geometric(r.kpal_ms for r in group):.1f}",
                f"{geometric(r.kpal_ms / r.pngquant_ms for r in group):.2f}",
                *decode,
            ]
        )
        lossy = [r for r in group if math.isfinite(r.comparison.psnr_db)]
        psnr_db = [r.comparison.psnr_db - r.pngquant_psnr_db for r in lossy if r.pngquant_psnr_db is not None]
        scores = [_score(r) for r in lossy if r.comparison.ssimulacra2 is not None]
        quality.append(
            [kind, str(len(lossy)), *(f"{np.mean(values):+.2f}" if values else "" for values in (psnr_db, scores))]
        )
    return "\n\n".join(
        (
            "Bytes, relative to a PNG of the original pixels:",
            _table(["kind", "images", *names], sizes),
            f"Encoding from pixels to bytes, and decoding with Pillow ({', '.join(ours)} relative to indexed PNG):",
            _table(["kind", "encode ms", f"relative to {PNGQUANT}", *(f"decode, {name}" for name in ours)], times),
            f"Quality of images that lost colours, minus the quality with {PNGQUANT}:",
            _table(["kind", "images", "PSNR, dB", "SSIMULACRA2"], quality),
        )
    )


def _score(result: Result) -> float:
    ours, theirs = result.comparison.ssimulacra2, result.pngquant_ssimulacra2
    # The caller has checked for a score, and whether there is one depends only on the package and the image's size.
    assert ours is not None
    assert theirs is not None
    return ours - theirs


def _decode_ms(result: Result, name: str) -> float:
    return next(row.decode_ms for row in result.comparison.rows if row.format == name)


def geometric(values: Iterable[float]) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(list(values)))))


def _table(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
