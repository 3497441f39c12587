"""The coder `fast` (KPAL.md, section 5.3): symbol ranking by hash slots, neighbours and adaptive colour lists.

`ranking/README.md` explains the model. Its stages are compiled as the module `ranking.kernel`; otherwise they run as
plain Python, at some microseconds per pixel. The kernel is loaded on first use.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import DamagedError
from ..forks import load_module
from ..indexed import U8
from ..parallel import Count
from .stacked import StackedDecoder, StackedEncoder
from .tile import check_size, rgba

if TYPE_CHECKING:
    from ..ranking.kernel import Tile

ID: Final = 3
NAME: Final = "fast"


def encoder(shape: tuple[int, int, int], palette: U8) -> StackedEncoder:
    return StackedEncoder(sys.modules[__name__], shape, palette)


def decoder(
    data: bytes | memoryview, shape: tuple[int, int, int], palette: U8, *, partial: bool = False
) -> StackedDecoder:
    return StackedDecoder(sys.modules[__name__], data, shape, palette, partial=partial)


def encode(indices: U8, palette: U8, tell: Count | None = None) -> bytes:
    """Encodes one tile: see `Coder.encode`."""
    return _tile(indices.shape, palette, None).encode(memoryview(bytearray(indices.tobytes())), tell)


def decode(
    data: bytes | memoryview,
    shape: tuple[int, int],
    palette: U8,
    *,
    partial: bool = False,
    tell: Count | None = None,
) -> U8:
    """Decodes one tile: see `Coder.decode`."""
    check_size(shape, NAME)
    content = bytearray(shape[0] * shape[1])
    if not _tile(shape, palette, bytes(data)).decode(memoryview(content), tell) and not partial:
        raise DamagedError("index stream: it does not end where the pixels do")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _tile(shape: tuple[int, int], palette: U8, data: bytes | None) -> Tile:
    """The kernel's coder for one tile; `data` is the stream to decode, or None to encode."""
    rows, width = shape
    kind: type[Tile] = load_module("kpal_format.ranking.kernel").Tile
    return kind(rgba(palette), width, rows, data)
