"""Bytes and times of kpal's coders beside WebP lossless and JPEG XL: `python benchmarks/coders.py IMAGE...`.

Each image, of at most 256 colours, is stored in all formats with the same pixels, and decoded to RGB or RGBA through
Pillow. All decoders take turns in one process, so that other work of the machine affects all of them alike. Times are
processor times: the least of several for decoding, a single one for encoding.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pillow_jxl  # noqa: F401  # registers itself
from PIL import Image

import kpal
from kpal_format import CODERS, decode_indexed, encode_indexed


def main() -> None:
    """Prints a line for each image and format, then geometric means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--coders", default=",".join(CODERS), help="those of kpal (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=9, help="decodings of each file (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="WebP at method 4 and JPEG XL at effort 3 alone")
    arguments = parser.parse_args()
    totals: dict[str, list[tuple[float, float, float]]] = {}
    for path in arguments.images:
        rows = measured(path, arguments.coders.split(","), arguments.repeat, quick=arguments.quick)
        for name, (size, encode, decode) in rows.items():
            print(f"{path.stem[:40]:<40} {name:<12} {size:>8} bytes {encode:>9.1f} {decode:>8.2f} ns/pixel", flush=True)
            totals.setdefault(name, []).append((size, encode, decode))
    print(f"{'geometric means':<40} {'':<12} {'bytes':>14} {'encode':>9} {'decode':>8}")
    for name, found in totals.items():
        means = [math.exp(sum(map(math.log, column)) / len(found)) for column in zip(*found, strict=True)]
        print(f"{'':<40} {name:<12} {means[0]:>8.0f} bytes {means[1]:>9.1f} {means[2]:>8.2f} ns/pixel")


def measured(path: Path, coders: list[str], repeat: int, *, quick: bool) -> dict[str, tuple[int, float, float]]:
    """For each format: the bytes, and the nanoseconds per pixel of encoding and of decoding."""
    with Image.open(path) as image:
        given = decode_indexed(kpal.encode(image, coder="zstd", keep_palette=False))
    pixels = Image.fromarray(given.pixels())
    mode = pixels.mode
    encoders: dict[str, Callable[[], bytes]] = {"webp m4": lambda: _saved(pixels, "WEBP", lossless=True, method=4)}
    encoders["jxl e3"] = lambda: _saved(pixels, "JXL", lossless=True, effort=3)
    if not quick:
        encoders["webp m6"] = lambda: _saved(pixels, "WEBP", lossless=True, method=6, quality=100)
        encoders["jxl e9"] = lambda: _saved(pixels, "JXL", lossless=True, effort=9)
    for coder in coders:
        encoders[f"kpal {coder}"] = partial(encode_indexed, given, coder=coder)
    files, spent = {}, {}
    for name, encode in encoders.items():
        start = time.process_time()
        files[name] = encode()
        spent[name] = time.process_time() - start
        with Image.open(io.BytesIO(files[name])) as back:
            assert _visible(back.convert("RGBA")) == _visible(pixels.convert("RGBA")), f"{path} {name}"
    best = dict.fromkeys(files, math.inf)
    for _ in range(repeat):
        for name, data in files.items():
            start = time.process_time()
            with Image.open(io.BytesIO(data)) as back:
                back.convert(mode).load()
            best[name] = min(best[name], time.process_time() - start)
    scale = 1e9 / given.indices.size
    return {name: (len(data), spent[name] * scale, best[name] * scale) for name, data in files.items()}


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _visible(image: Image.Image) -> bytes:
    """The pixels, those of alpha 0 all alike: formats may store whatever they like there."""
    pixels = np.asarray(image).copy()
    pixels[pixels[..., 3] == 0] = 0
    return pixels.tobytes()


if __name__ == "__main__":
    main()
