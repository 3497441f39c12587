"""Random files for other decoders: `python -m tests.plugins.random_files FOLDER` writes 2,000, and what they hold.

Half of them are animations. `expected.json` has the size, and SHA-256 of the indices of all frames and of the palette.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kpal_format import CODERS, U8, Animation, IndexedImage, Writer

from ..images import moving

FILES = 2000
Random = np.random.Generator

# Kinds of pictures: random, height, width, number of colours -> indices of any integer type.
PICTURES: tuple[Callable[[Random, int, int, int], Any], ...] = (
    lambda random, height, width, colors: random.integers(0, colors, (height, width)),
    lambda _, height, width, colors: np.add.outer(np.arange(height) // 3, np.arange(width) // 5) % colors,
    lambda random, height, width, colors: (
        random.integers(0, colors, (height // 4 + 1, width // 4 + 1)).repeat(4, 0).repeat(4, 1)[:height, :width]
    ),
    lambda random, height, width, colors: (random.random((height, width)) < 0.1).cumsum(1) % colors,
)


def picture(random: Random, height: int, width: int, colors: int) -> U8:
    made = PICTURES[random.integers(len(PICTURES))](random, height, width, colors)
    return np.ascontiguousarray(made, np.uint8)


def frames(random: Random, height: int, width: int, colors: int, seed: int) -> list[U8]:
    """Frames that have nothing in common, that scroll, that move in parts, or of which single pixels change."""
    count, kind = int(random.integers(1, 12)), random.integers(4)
    if kind == 0:
        return [picture(random, height, width, colors) for _ in range(count)]
    if kind == 1:
        ground = picture(random, height + 40, width + 40, colors)
        steps = np.abs(random.integers(-3, 4, (count, 2)).cumsum(0)) % 40
        return [ground[y : y + height, x : x + width].copy() for y, x in steps]
    if kind == 2:
        return [image.indices for image in moving(count, height, width, colors, 3, seed)]
    shown = [picture(random, height, width, colors)]
    for _ in range(count - 1):
        changed = random.random((height, width)) < random.choice((0, 0.01, 0.1))
        shown.append(np.where(changed, random.integers(0, colors, (height, width)), shown[-1]).astype(np.uint8))
    return shown


def random_file(number: int) -> tuple[bytes, dict[str, Any]]:
    """A file, and what it holds."""
    random = np.random.default_rng(number)
    height, width = (int(side) for side in random.integers(8, 64, 2))
    colors, channels = int(random.choice((1, 2, 3, 4, 5, 15, 16, 17, 40, 200, 256))), int(random.integers(3, 5))
    palette = random.integers(0, 256, (colors, channels)).astype(np.uint8)
    animation = None
    shown = [picture(random, height, width, colors)]
    if number % 2:
        shown = frames(random, height, width, colors, number)
        durations = random.integers(0, 3000, len(shown)) if random.integers(2) else [40] * len(shown)
        animation = Animation(tuple(int(duration) for duration in durations), int(random.integers(4)))
    file = io.BytesIO()
    with Writer(file, width, height, palette, coder=CODERS[number // 2 % len(CODERS)], animation=animation) as writer:
        for indices in shown:
            writer.write(IndexedImage(indices, palette).indices)
    return file.getvalue(), {
        "width": width,
        "height": height,
        "colors": colors,
        "channels": channels,
        "indices_sha256": hashlib.sha256(b"".join(indices.tobytes() for indices in shown)).hexdigest(),
        "palette_sha256": hashlib.sha256(palette.tobytes()).hexdigest(),
        "frames": len(shown),
        "durations": None if animation is None else list(animation.durations),
        "loop": 0 if animation is None else animation.loop,
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for number in range(FILES):
        data, content = random_file(number)
        name = f"{number:04}.kpal"
        (folder / name).write_bytes(data)
        expected[name] = content
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
