"""Colour tables of GDAL, which rasterio reads and writes as {value: (red, green, blue, alpha)}, as palettes and back.

with rasterio.open("cover.tif") as raster:
    image = kpal.IndexedImage(raster.read(1), palette_of(raster.colormap(1)))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kpal_format import MAX_COLORS, U8

Color = tuple[int, int, int, int]


def palette_of(colormap: Mapping[int, Sequence[int]]) -> U8:
    """The palette in which entry i has the colour of value i: uint8 (k, 3), or (k, 4) if any colour is not opaque.

    colormap: the value -> its colour, three or four numbers from 0 to 255. Values below the largest that have no colour
        get (0, 0, 0, 0).

    Raises ValueError for values above 255, which an index cannot be, and for colours of another form.
    """
    if not colormap or not all(0 <= value < MAX_COLORS for value in colormap):
        raise ValueError(f"a colormap must have values from 0 to {MAX_COLORS - 1}, and at least one")
    palette = np.zeros((max(colormap) + 1, 4), np.uint8)
    for value, color in colormap.items():
        if len(color) not in (3, 4) or not all(0 <= sample <= 255 for sample in color):
            raise ValueError(f"the colour of value {value} must be three or four numbers from 0 to 255, not {color}")
        palette[value] = (*color, 255)[:4]
    return palette if (palette[:, 3] < 255).any() else np.ascontiguousarray(palette[:, :3])


def colormap_of(palette: U8) -> dict[int, Color]:
    """The colour table of a palette, uint8 (k, 3 or 4), for `write_colormap`."""
    return {index: (r, g, b, *(alpha or [255])) for index, (r, g, b, *alpha) in enumerate(palette.tolist())}
