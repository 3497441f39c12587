"""Error diffusion (R. W. Floyd, L. Steinberg, "An adaptive algorithm for spatial greyscale", Proc. SID 17, 1976).

Each pixel takes the palette entry nearest to its colour plus the error that its neighbours left it, and passes its
own error on: 7/16 to the right, 3/16, 5/16 and 1/16 to the row below. A pixel needs its left neighbour and
three above, so all pixels with the same x + 2 y can be done at
once: numpy walks the image along such diagonals. In memory these are a slice with a constant stride.

Everything is in integers, errors in sixteenths of a lattice step, so that the result is the same everywhere.
"""

from __future__ import annotations

import numpy as np

from kpal_format import U8

from .nearest import nearest
from .space import STEPS, to_points


def floyd_steinberg(pixels: U8, palette: U8) -> U8:
    """uint8 (h, w, c), palette (k, c) -> indices uint8 (h, w)."""
    height, width, channels = pixels.shape
    centers = to_points(palette, "rgb")
    stride = width + 2  # a column on either side and a row below take the errors that leave the image
    flat = np.zeros((height * stride, channels), np.uint8)
    flat.reshape(height, stride, channels)[:, 1:-1] = pixels
    errors = np.zeros(((height + 1) * stride + 1, centers.shape[1]), np.int16)  # at most 16/16 of STEPS: fits
    indices = np.zeros(height * stride, np.uint8)
    for diagonal in range(width + 2 * (height - 1)):
        first = max(0, (diagonal - width + 2) // 2)
        last = min(height - 1, diagonal // 2)
        start = 1 + diagonal + first * (stride - 2)
        here = slice(start, start + (last - first) * (stride - 2) + 1, stride - 2)
        wanted = np.clip(to_points(flat[here], "rgb") + ((errors[here] + 8) >> 4), 0, STEPS)
        chosen, _ = nearest(wanted, centers)
        indices[here] = chosen
        error = (wanted - centers[chosen]).astype(np.int16)
        for offset, sixteenths in ((1, 7), (stride - 1, 3), (stride, 5), (stride + 1, 1)):
            errors[here.start + offset : here.stop + offset : here.step] += error * np.int16(sixteenths)
    return np.ascontiguousarray(indices.reshape(height, stride)[:, 1:-1])
