"""Colour tables of rasters become palettes, and palettes become colour tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kpal
from kpal_plugins.rasterio import colormap_of, palette_of

COVER = {0: (0, 0, 0, 0), 1: (70, 107, 159, 255), 2: (222, 197, 197, 255), 5: (28, 95, 44, 255)}


def test_a_colormap_becomes_a_palette_and_comes_back() -> None:
    palette = palette_of(COVER)
    assert palette.shape == (6, 4)
    assert palette[5].tolist() == [28, 95, 44, 255]
    assert colormap_of(palette) == {**COVER, 3: (0, 0, 0, 0), 4: (0, 0, 0, 0)}


def test_an_opaque_colormap_becomes_a_palette_without_alpha() -> None:
    colormap = {value: (value, 255 - value, 7, 255) for value in range(256)}
    palette = palette_of(colormap)
    assert palette.shape == (256, 3)
    assert colormap_of(palette) == colormap
    assert np.array_equal(palette_of({value: color[:3] for value, color in colormap.items()}), palette)


@pytest.mark.parametrize(
    "wrong", [{}, {256: (0, 0, 0, 255)}, {-1: (0, 0, 0, 255)}, {0: (0, 0)}, {0: (0, 0, 256)}, {0: (0, 0, 0, -1)}]
)
def test_what_is_no_palette_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        palette_of(wrong)


def test_a_geotiff_keeps_its_labels_and_colours_through_a_kpal_file(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
    labels = np.random.default_rng(0).choice([0, 1, 2, 5], (30, 40)).astype(np.uint8)
    size: dict[str, Any] = {"driver": "GTiff", "height": 30, "width": 40, "count": 1, "dtype": "uint8"}
    grid = {"crs": "EPSG:4326", "transform": rasterio.Affine(0.1, 0, 7, 0, -0.1, 47)}

    def write(path: Path, labels: Any, colormap: Any) -> None:
        with rasterio.open(path, "w", **size, **grid) as raster:
            raster.write(labels, 1)
            raster.write_colormap(1, colormap)

    def read(path: Path) -> tuple[Any, Any]:
        with rasterio.open(path) as raster:
            return raster.read(1), raster.colormap(1)

    write(tmp_path / "cover.tif", labels, COVER)
    found, colormap = read(tmp_path / "cover.tif")
    assert colormap[5] == COVER[5]
    indices, palette, _ = kpal.decode_indexed(kpal.encode(kpal.IndexedImage(found, palette_of(colormap))))
    write(tmp_path / "again.tif", indices, colormap_of(palette))
    again, colors = read(tmp_path / "again.tif")
    assert np.array_equal(again, labels)
    assert colors == colormap
