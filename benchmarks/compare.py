"""Sizes, times and quality of kpal against its peers over a folder of images.

    python benchmarks/compare.py FOLDER [-c N] [--each N] [--json FILE] [--markdown FILE]

Every folder below FOLDER that holds images is a kind of image; figures are geometric means over the images of a
kind, so that each image counts the same. The peers are those of `kpal compare`, which hold the same pixels as kpal,
and one that chooses its own: libimagequant, pngquant's library, and oxipng -o2. Times are taken in one run, one
after the other for each image; believe their ratios.
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

import imagequant
import numpy as np
import oxipng
from PIL import Image
from rich.progress import track

import kpal
from kpal.compare import Comparison, compare, timed
from kpal.jobs import picture_endings
from kpal.measure import psnr, ssimulacra2
from kpal.messages import failures
from kpal.pixels import to_array, to_pillow

PNGQUANT: Final = "libimagequant, oxipng -o2"
_REPEATS: Final = 3


@dataclass(frozen=True)
class Result:
    """One image: what `kpal compare` tells of it, and beside each other the whole way from pixels to a file."""

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
        """For JSON."""
        pngquant = {name: value for name, value in self.__dict__.items() if name.startswith("pngquant")}
        return {"kind": self.kind, **self.comparison.as_dict(), "kpal_ms": self.kpal_ms, **pngquant}


def main() -> int:
    """Run the benchmark as the command line says."""
    parser = argparse.ArgumentParser(description="Sizes, times and quality of kpal against its peers.")
    parser.add_argument("folder", type=Path, help="images, in a folder for each kind")
    parser.add_argument("-c", "--colors", type=int, default=256, help="colours at the most (default: %(default)s)")
    parser.add_argument("--each", type=int, help="images of each kind at the most")
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
    """The images below `folder`, each with its kind, the folder that it is in; `each` of a kind at the most."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in picture_endings():
            found.setdefault(str(file.parent.relative_to(folder)), []).append(file)
    return [(kind, file) for kind, files in found.items() for file in files[:each]]


def measure(kind: str, file: Path, colors: int) -> Result:
    """All figures of one image."""
    data = file.read_bytes()
    comparison = compare(file.name, data, colors=colors)
    with Image.open(io.BytesIO(data)) as opened:
        original = to_array(opened)
    rgba = Image.fromarray(original).convert("RGBA")
    pngquant_ms, (image, pngquant_bytes) = best(lambda: pngquant(rgba, colors))
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


def pngquant(
    rgba: Image.Image, colors: int, *, dithering: float = 0.0, level: int = 2
) -> tuple[kpal.IndexedImage, int]:
    """What pngquant and oxipng of that level make of an image, by default not dithered, as kpal's; and its bytes."""
    image = libimagequant(rgba, colors, dithering)
    file = io.BytesIO()
    to_pillow(image).save(file, "PNG")
    return image, len(oxipng.optimize_from_memory(file.getvalue(), level=level))


def libimagequant(rgba: Image.Image, colors: int, dithering: float = 0.0, max_quality: int = 100) -> kpal.IndexedImage:
    """What libimagequant makes of an image at its defaults, but for dithering and the quality that is enough."""
    indices, flat = imagequant.quantize_raw_rgba_bytes(
        rgba.tobytes(), *rgba.size, dithering_level=dithering, max_colors=colors, max_quality=max_quality
    )
    palette = np.array(flat, np.uint8).reshape(-1, 4)
    return kpal.IndexedImage(np.frombuffer(indices, np.uint8).reshape(rgba.size[::-1]), palette)


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """The least milliseconds of a few runs, and the result."""
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
            "Bytes, as a share of those of a PNG of the original pixels:",
            _table(["kind", "images", *names], sizes),
            f"Encoding from pixels to bytes, and decoding by Pillow ({', '.join(ours)} as a share of its indexed PNG):",
            _table(["kind", "encode ms", f"share of {PNGQUANT}", *(f"decode, {name}" for name in ours)], times),
            f"Quality of the palette where colours were lost, minus that of {PNGQUANT}:",
            _table(["kind", "images", "PSNR, dB", "SSIMULACRA2"], quality),
        )
    )


def _score(result: Result) -> float:
    ours, theirs = result.comparison.ssimulacra2, result.pngquant_ssimulacra2
    assert ours is not None  # the caller asks only where there is a score,
    assert theirs is not None  # which depends on the package and the size of the image alone
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
