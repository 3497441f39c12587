"""How colours with alpha look: composited over a background."""

from __future__ import annotations

from typing import Final

import numpy as np

from kpal_format import U8

BLACK_AND_WHITE: Final = (0, 255)  # the extremes between which every other background lies
DARK_AND_LIGHT: Final = (26, 230)  # the backgrounds of SSIMULACRA2's own tool


def same(a: U8, b: U8) -> bool:
    """Whether two images look equal: ignores colours under alpha 0, and an alpha channel that is 255 throughout."""
    return all(np.array_equal(x, y) for x, y in seen(a, b, BLACK_AND_WHITE))


def seen(a: U8, b: U8, backgrounds: tuple[int, ...]) -> list[tuple[U8, U8]]:
    """Both images as RGB, composited over each of the backgrounds if either has alpha."""
    if a.shape[2] == b.shape[2] == 3:
        return [(a, b)]
    return [(over(a, level), over(b, level)) for level in backgrounds]


def over(pixels: U8, level: int) -> U8:
    """An image as RGB, composited over a gray level if it has alpha."""
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[:, :, 3:].astype(np.uint32)
    seen: U8 = ((pixels[:, :, :3] * alpha + (255 - alpha) * level + 127) // 255).astype(np.uint8)
    return seen
