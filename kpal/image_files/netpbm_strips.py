"""Netpbm files (PBM, PGM, PPM) larger than memory, as small files of some rows each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import PpmImagePlugin

_SAMPLES: Final = {b"P5": 1, b"P6": 3}  # a pixel


def why_not(image: PpmImagePlugin.PpmImageFile) -> str | None:
    """Why an image cannot be read in strips."""
    return "its numbers are written as text" if image.tile[0].codec_name == "ppm_plain" else None


def strips(image: PpmImagePlugin.PpmImageFile, rows: int) -> Iterator[bytes]:
    """Netpbm files of `rows` rows each, the last one of those that are left."""
    file: IO[bytes] | None = image.fp
    assert file is not None  # the image is not loaded
    file.seek(0)
    kind, _, _, *most = re.sub(rb"#[^\r\n]*", b"", file.read(image.tile[0].offset)).split()
    length = -(-image.width // 8)
    if most:  # of a sample; only bits need no number
        length = image.width * _SAMPLES[kind] * (2 if int(most[0]) > 255 else 1)
    for top in range(0, image.height, rows):
        count = min(rows, image.height - top)
        data = file.read(count * length)
        if len(data) < count * length:
            raise OSError("image file is truncated")  # as Pillow says
        yield b"\n".join((kind, b"%d %d" % (image.width, count), *most, data))
