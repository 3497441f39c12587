"""SHA-256 digests of encodings that must not change by accident; `python -m tests.encodings` accepts the current ones.

A deliberate change of the format changes all of them; a change of the quantiser changes the digests of pixels.
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
    """Encodings of given indices, small enough for plain Python. Bytes of `zstd` depend on the version of Zstandard."""
    found = {}
    for coder in ("mix", "max", "fast"):
        for name, image in (("picture", picture(16, 20, 40, 4)), ("poster", poster(16, 24, 12))):
            found[f"{name}, {coder}"] = _digest(encode_indexed(image, coder=coder))
    return found


def of_pixels() -> dict[str, str]:
    """Encodings of pixels, with palettes found by the quantiser."""
    found = {}
    for name, pixels in (("gradient", gradient()), ("icon", soft_icon())):
        for colors in (12, 200):
            image = kpal.quantize(pixels, colors)
            found[f"{name} in {colors} colours, palette"] = _digest(image.palette.tobytes())
            for coder in ("mix", "max"):
                found[f"{name} in {colors} colours, {coder}"] = _digest(encode_indexed(image, coder=coder))
        found[f"{name} in 40 colours, rate 1"] = _digest(kpal.quantize(pixels, 40, rate=1).indices.tobytes())
    for name, pixels in (("gradient", gradient(96, 128)), ("icon", soft_icon(256))):  # large enough for MS-SSIM
        found[f"large {name} in 12 colours"] = _digest(kpal.quantize(pixels, 12).palette.tobytes())
    return found


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_all() -> str:
    """All digests as JSON."""
    return json.dumps({**of_indices(), **of_pixels()}, indent=1) + "\n"


if __name__ == "__main__":
    KEPT.write_text(of_all())
