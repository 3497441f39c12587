"""The coder `fast` (KPAL.md, section 5.3): hash slots and adaptive colour lists, nothing mixed.

The work is done by `_fast_loop.py`, compiled or as plain Python; it is loaded on first use.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ..errors import DamagedError
from ..indexed import U8
from .tile import Tell, check_size, rgba

ID: Final = 3
NAME: Final = "fast"


def encode(indices: U8, palette: U8, tell: Tell | None = None) -> bytes:
    """One tile, as `Coder` promises it."""
    from ._fast_loop import Tile

    rows, width = indices.shape
    return Tile(rgba(palette), width, rows, None).encode(memoryview(bytearray(indices.tobytes())), tell)


def decode(
    data: bytes | memoryview, shape: tuple[int, int], palette: U8, *, partial: bool = False, tell: Tell | None = None
) -> U8:
    """The inverse of `encode`, as `Coder` promises it."""
    from ._fast_loop import Tile

    rows, width = shape
    check_size(rows, width, NAME)
    content = bytearray(rows * width)
    if not Tile(rgba(palette), width, rows, bytes(data)).decode(memoryview(content), tell) and not partial:
        raise DamagedError("index stream: it does not end where the pixels do")
    return np.frombuffer(content, np.uint8).reshape(shape)
