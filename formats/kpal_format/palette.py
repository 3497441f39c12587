"""Palettes as bytes (KPAL.md, section 4).

Channel by channel, each value as its difference from the entry before: in a palette that is sorted in space
neighbours are close, so the differences are small. Any order is kept; a sorted one just costs less.
"""

from __future__ import annotations

import numpy as np

from . import frame
from .indexed import U8


def encode_palette(palette: U8) -> bytes:
    """palette: uint8 (k, 3 or 4)."""
    deltas = np.diff(palette, axis=0, prepend=np.uint8(0))  # modulo 256, as the dtype wraps
    plain = deltas.T.tobytes()
    framed = frame.compress(plain)
    return framed if len(framed) < len(plain) else plain


def decode_palette(data: bytes | memoryview, colors: int, channels: int) -> U8:
    """Returns uint8 (colors, channels); raises DamagedError."""
    size = colors * channels
    plain = data if len(data) == size else frame.decompress(data, size, "palette")
    deltas = np.frombuffer(plain, np.uint8).reshape(channels, colors)
    return np.ascontiguousarray(np.cumsum(deltas, axis=1, dtype=np.uint8).T)
