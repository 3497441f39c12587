"""Encodings that stay as they are, by their SHA-256; `python -m tests.encodings` keeps those of today.

They change with the format (all) and with the quantiser (those of pixels), and then on purpose.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import kpal
from kpal_format import encode_indexed

from .images import gradient, picture, poster, soft_icon

KEPT = Path(__file__).with_suffix(".json")


def of_indices() -> dict[str, str]:
    """Without Zstandard, whose bytes depend on its version; small enough for plain Python."""
    found = {}
    for coder in ("mix", "max", "fast"):
        for name, image in (("picture", picture(16, 20, 40, 4)), ("poster", poster(16, 24, 12))):
            found[f"{name}, {coder}"] = _digest(encode_indexed(image, coder=coder))
    return found


def of_pixels() -> dict[str, str]:
    """With the palette that the quantiser finds."""
    found = {}
    for name, pixels in (("gradient", gradient()), ("icon", soft_icon())):
        for colors in (12, 200):
            image = kpal.quantize(pixels, colors)
            found[f"{name} in {colors} colours, palette"] = _digest(image.palette.tobytes())
            for coder in ("mix", "max"):
                found[f"{name} in {colors} colours, {coder}"] = _digest(encode_indexed(image, coder=coder))
        found[f"{name} in 40 colours, rate 1"] = _digest(kpal.quantize(pixels, 40, rate=1).indices.tobytes())
    for name, pixels in (("gradient", gradient(96, 128)), ("icon", soft_icon(256))):  # whose structure is looked at
        found[f"large {name} in 12 colours"] = _digest(kpal.quantize(pixels, 12).palette.tobytes())
    return found


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_all() -> str:
    """JSON, as it is kept."""
    return json.dumps({**of_indices(), **of_pixels()}, indent=1) + "\n"


if __name__ == "__main__":
    KEPT.write_text(of_all())
