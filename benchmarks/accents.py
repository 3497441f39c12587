"""How often a small mark of quite another colour keeps its colour, beside libimagequant and the least squared error.

    python benchmarks/accents.py [FOLDER] [-n N] [-c N ...]

Marks of random colour, size, shape and edge stand on gradients, noise and maps, and on crops of the photos below FOLDER
where one is given. A mark is kept where the pixel in its middle is less than 30 levels from its colour. The first table
counts marks by ground and number of colours, the second by the other ways to ask for less: a quality, a size, a rate,
and a palette that images share, where the peer, if it has that way, gets the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import imagequant
import numpy as np
from compare import images
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rich.progress import track

import kpal
from kpal.color.spaces import Metric, to_points
from kpal.pixels import to_array
from kpal_format import U8

_SIZE: Final = (300, 400)
_KEPT: Final = 900  # squared distance in RGB
_LEAST: Final = 8  # pixels a side
_MOST: Final = 0.05  # of the image
_MOST_MARKS: Final = 3
_APART: Final = 208  # lattice steps of OKLab between a mark and nearly all of its ground
_NEARLY_ALL: Final = 0.995
_FINE: Final = 4  # marks with soft edges are drawn so many times as large
_SHARING: Final = 4  # images with a palette in common
_QUALITIES: Final = (50, 65, 80, 90)  # the most that is asked for

Painted = Callable[[U8], U8]  # pixels -> what is shown of them
Painters = tuple[Painted, Painted | None, Painted | None]


@dataclass(frozen=True)
class Marked:
    """An image of one ground, and its marks: the middle (y, x) and the colour of each."""

    ground: str
    pixels: U8
    marks: tuple[tuple[tuple[int, int], tuple[int, ...]], ...]

    def kept(self, shown: U8) -> int:
        """How many of the marks have their colour."""
        return sum(np.square(shown[at].astype(int) - color).sum() < _KEPT for at, color in self.marks)


def main() -> int:
    """Run the benchmark as the command line says."""
    parser = argparse.ArgumentParser(description="How often small marks of another colour keep it.")
    parser.add_argument("folder", type=Path, nargs="?", help="photos to put marks on, too")
    parser.add_argument("-n", type=int, default=50, help="images of each ground (default: %(default)s)")
    parser.add_argument("-c", "--colors", type=int, nargs="+", default=[4, 6, 8, 12, 16, 32, 64])
    options = parser.parse_args()
    marked = list(made(options.n, options.folder))
    ways = {f"{k} colours": in_colors(k) for k in options.colors}
    print(table(marked, ways, ("perceptual", "rgb", "libimagequant")))
    print()
    print(table(marked, other_ways(marked), ("perceptual", "rgb", "libimagequant")))
    return 0


# --- images


def made(count: int, folder: Path | None) -> Iterator[Marked]:
    """So many images of each ground."""
    photos = [file for _, file in images(folder, None)] if folder else []
    grounds = {"gradient": gradient, "noise": noise, "map": chart}
    if photos:
        grounds["photo"] = lambda random: crop(photos[random.integers(len(photos))], random)
    for kind, (name, ground) in enumerate(grounds.items()):
        for number in range(count):
            random = np.random.default_rng((kind, number))
            yield with_marks(name, ground(random), random)


def gradient(random: np.random.Generator) -> U8:
    """From one colour to another; from dark to light gray in a third of the cases."""
    ends = random.integers(0, 256, (2, 3)) if random.random() < 2 / 3 else np.array([[20] * 3, [235] * 3])
    y, x = np.mgrid[: _SIZE[0], : _SIZE[1]]
    angle = random.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    along = (along - along.min()) / np.ptp(along)
    colors: U8 = np.rint(ends[0] + along[:, :, None] * (ends[1] - ends[0])).astype(np.uint8)
    return colors


def noise(random: np.random.Generator) -> U8:
    """Such a gradient, less steep, under noise."""
    flat = gradient(random) * 0.5 + 64
    return np.clip(flat + random.normal(0, random.uniform(2, 12), flat.shape), 0, 255).astype(np.uint8)


def chart(random: np.random.Generator) -> U8:
    """Overlapping areas of four to eight colours with white edges, smoothed as by a renderer."""
    size = (_SIZE[1] * _FINE, _SIZE[0] * _FINE)
    image = Image.new("RGB", size, "white")
    fills = random.integers(40, 256, (random.integers(4, 9), 3))
    for _ in range(40):
        middle, radius = random.uniform((0, 0), size), random.uniform(20, 70) * _FINE
        turns = np.sort(random.uniform(0, 2 * np.pi, random.integers(5, 9)))
        corners = middle + radius * np.stack((np.cos(turns), np.sin(turns)), axis=1)
        draw(image, corners, tuple(map(int, random.choice(fills))))
    return np.asarray(image.resize((_SIZE[1], _SIZE[0]), Image.Resampling.LANCZOS))


def draw(image: Image.Image, corners: NDArray[np.float64], color: tuple[int, ...]) -> None:
    """A polygon of corners (n, 2), with a white edge."""
    points = [(x, y) for x, y in corners.tolist()]
    ImageDraw.Draw(image).polygon(points, fill=color, outline="white", width=_FINE)


def crop(file: Path, random: np.random.Generator) -> U8:
    """A part of a photo; the whole, enlarged, where it is small."""
    height, width = _SIZE
    with Image.open(file) as opened:
        image = Image.fromarray(to_array(opened)[:, :, :3])
    if image.width < width or image.height < height:
        image = image.resize((max(width, image.width), max(height, image.height)), Image.Resampling.LANCZOS)
    x, y = (int(random.integers(0, most + 1)) for most in (image.width - width, image.height - height))
    return np.asarray(image.crop((x, y, x + width, y + height)))


def with_marks(name: str, ground: U8, random: np.random.Generator) -> Marked:
    """The ground with one to three marks of different colours, none of which is anywhere near."""
    height, width = ground.shape[:2]
    pixels = ground
    marks: list[tuple[tuple[int, int], tuple[int, ...]]] = []
    seen = to_points(ground.reshape(-1, 3), "oklab")
    for _ in range(random.integers(1, _MOST_MARKS + 1)):
        largest = (_MOST * height * width) ** 0.5
        side = int(_LEAST * (largest / _LEAST) ** random.random())  # small ones as often as large ones
        y, x = (int(random.integers(2, most - side - 2)) for most in (height, width))
        middle = (y + side // 2, x + side // 2)
        color = another_color(seen, random)
        if color is None or any(np.abs(np.subtract(at, middle)).max() < largest + 4 for at, _ in marks):
            continue
        pixels = painted(pixels, (x, y), side, color, random)
        marks.append((middle, color))
        seen = np.vstack((seen, np.repeat(to_points(np.array([color], np.uint8), "oklab"), len(seen) // 50, axis=0)))
    return Marked(name, pixels, tuple(marks))


def another_color(seen: NDArray[np.int64], random: np.random.Generator) -> tuple[int, ...] | None:
    """A colour far from nearly all that is seen: of any hue, as dark or as light as it happens to be."""
    for color in random.integers(0, 256, (200, 3)):
        away = np.square(seen - to_points(color.astype(np.uint8)[None], "oklab")).sum(axis=1)
        if (away > _APART * _APART).mean() > _NEARLY_ALL:
            return tuple(map(int, color))
    return None


def painted(pixels: U8, at: tuple[int, int], side: int, color: tuple[int, ...], random: np.random.Generator) -> U8:
    """With a square or a disc on it, with hard or with soft edges."""
    y, x = np.mgrid[: pixels.shape[0] * _FINE, : pixels.shape[1] * _FINE] / _FINE
    away = np.abs([x - at[0] - side / 2, y - at[1] - side / 2])
    inside = np.hypot(*away) < side / 2 if random.random() < 0.5 else away.max(axis=0) < side / 2
    share = inside.reshape(pixels.shape[0], _FINE, pixels.shape[1], _FINE).mean(axis=(1, 3))[:, :, None]
    if random.random() < 0.5:
        share = share >= 0.5
    blended: U8 = np.rint(pixels + share * (np.array(color) - pixels.astype(float))).astype(np.uint8)
    return blended


# --- ways to ask for less: each for kpal, for its least squared error and for libimagequant


def in_colors(k: int) -> Painters:
    """A number of colours."""
    return partial(ours, colors=k), partial(ours, colors=k, metric="rgb"), partial(libimagequant, max_colors=k)


def other_ways(marked: list[Marked]) -> dict[str, Painters]:
    """All the others, by name."""
    ways: dict[str, Painters] = {}
    for most in _QUALITIES:
        theirs = partial(libimagequant, max_colors=256, min_quality=0, max_quality=most)
        quality = (0, most)
        ways[f"-Q {most}"] = partial(ours, quality=quality), partial(ours, quality=quality, metric="rgb"), theirs
    for share in (0.5, 0.2):
        ways[f"{share:.0%} of the bytes"] = partial(in_bytes, share=share), None, None
    for k, rate in ((64, 2), (16, 2), (16, 20)):
        both = partial(ours, colors=k, rate=rate), partial(ours, colors=k, rate=rate, metric="rgb")
        ways[f"{k} colours, rate {rate}"] = *both, None
    others = {id(image.pixels): sharing for image, sharing in shared(marked)}
    for k in (16, 64):
        shares = partial(in_shared, others=others, colors=k)
        ways[f"{k} colours, shared"] = partial(shares, metric="perceptual"), partial(shares, metric="rgb"), None
    return ways


def ours(pixels: U8, **options: Any) -> U8:
    """What kpal shows of the pixels."""
    shown: U8 = kpal.quantize(pixels, **options).pixels()
    return shown


def shared(marked: list[Marked]) -> Iterator[tuple[Marked, list[U8]]]:
    """Each image, and those that it shares a palette with."""
    for number, image in enumerate(marked):
        first = number // _SHARING * _SHARING
        yield image, [other.pixels for other in marked[first : first + _SHARING]]


def in_shared(pixels: U8, others: dict[int, list[U8]], colors: int, metric: Metric) -> U8:
    """With the palette that suits it and some others."""
    palette = kpal.shared_palette(others[id(pixels)], colors, metric=metric)
    return ours(pixels, palette=palette, metric=metric)


def in_bytes(pixels: U8, share: float) -> U8:
    """In so much of the size that it has in 64 colours."""
    whole = len(kpal.encode(pixels, colors=64))
    return kpal.decode(kpal.encode(pixels, colors=64, max_bytes=int(whole * share)))


def libimagequant(pixels: U8, **options: int) -> U8:
    """What libimagequant shows of the pixels, without dithering."""
    height, width = pixels.shape[:2]
    rgba = Image.fromarray(pixels).convert("RGBA").tobytes()
    indices, flat = imagequant.quantize_raw_rgba_bytes(rgba, width, height, dithering_level=0, **options)
    palette = np.array(flat, np.uint8).reshape(-1, 4)[:, :3]
    shown: U8 = palette[np.frombuffer(indices, np.uint8).reshape(height, width)]
    return shown


# --- tables


def table(marked: list[Marked], ways: dict[str, Painters], names: tuple[str, ...]) -> str:
    """Of the marks on each ground, how many are kept in each way."""
    grounds = list(dict.fromkeys(image.ground for image in marked))
    kept: dict[tuple[str, str], list[int | None]] = {}
    for image in track(marked, "measuring", disable=not sys.stderr.isatty()):
        for way, painters in ways.items():
            counts = [None if painter is None else image.kept(painter(image.pixels)) for painter in painters]
            total = kept.setdefault((image.ground, way), [0 if count is not None else None for count in counts])
            kept[image.ground, way] = [
                None if a is None or b is None else a + b for a, b in zip(total, counts, strict=True)
            ]
    of = {ground: sum(len(image.marks) for image in marked if image.ground == ground) for ground in grounds}
    lines = [
        f"Marks kept by {', '.join(names)}:",
        "",
        "| | " + " | ".join(f"{ground}, of {of[ground]}" for ground in grounds) + " |",
        "|---|" + "---|" * len(grounds),
    ]
    for way in ways:
        cells = [", ".join("-" if count is None else str(count) for count in kept[ground, way]) for ground in grounds]
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
