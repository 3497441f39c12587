"""Bytes and times of label arrays in Zarr: kpal's codec beside Zarr's defaults, Zstandard and Blosc.

    python benchmarks/label_maps.py [--rasters FOLDER] [--photos FOLDER] [--chunk N ...]

The rasters are GeoTIFF files of labels, such as land cover. From each photo come superpixels (SLIC, about 1000), the
regions of a segmentation (Felzenszwalb and Huttenlocher), both int32, and a uint8 mask that gives each region one of 16
classes by its mean colour. Arrays are cut to whole chunks. The table has the bytes relative to Zarr's Zstandard, and
the median processor time to read a chunk through Zarr, the best of five reads.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import zarr
from numpy.typing import NDArray
from PIL import Image
from skimage.segmentation import felzenszwalb, slic
from zarr.codecs import BloscCodec, ZstdCodec

import kpal
from kpal_plugins.zarr import KpalCodec

Labels = NDArray[Any]

_CODECS: Final[dict[str, dict[str, Any]]] = {
    "zarr's zstd": {"compressors": ZstdCodec()},
    "zarr's blosc": {"compressors": BloscCodec()},
    **{f"kpal {name}": {"serializer": KpalCodec(coder=name), "compressors": None} for name in kpal.CODERS},
}
_READS: Final = 5


def rasters(folder: Path) -> Iterator[tuple[str, Labels]]:
    """The first band of every GeoTIFF file, with its kind."""
    import rasterio

    for path in sorted(folder.rglob("*.tif")):
        with rasterio.open(path) as raster:
            yield "land cover", raster.read(1)


def segmentations(folder: Path) -> Iterator[tuple[str, Labels]]:
    """Labels made from every photo, with their kind."""
    for path in sorted(folder.glob("*.png")):
        photo = np.asarray(Image.open(path).convert("RGB"))
        yield "superpixels", slic(photo, n_segments=1000, start_label=0).astype(np.int32)
        regions = felzenszwalb(photo, scale=100, min_size=50).astype(np.int32)
        yield "regions", regions
        sizes = np.bincount(regions.reshape(-1))
        means = np.stack(
            [np.bincount(regions.reshape(-1), photo[..., i].reshape(-1)) / sizes for i in range(3)], axis=1
        )
        yield "class mask", kpal.KMeans(16).fit(means, sizes).labels_.astype(np.uint8)[regions]


def measure(labels: Labels, chunk: int, codecs: dict[str, Any]) -> tuple[int, list[float]]:
    """The bytes of all chunks in a store, and the milliseconds of processor time that each takes to read."""
    store: dict[str, Any] = {}
    array = zarr.create_array(store, shape=labels.shape, chunks=(chunk, chunk), dtype=labels.dtype, **codecs)
    array[...] = labels
    times = []
    for y in range(0, labels.shape[0], chunk):
        for x in range(0, labels.shape[1], chunk):
            seconds = []
            for _ in range(_READS):
                start = time.process_time()
                found = np.asarray(array[y : y + chunk, x : x + chunk])
                seconds.append(time.process_time() - start)
            assert np.array_equal(found, labels[y : y + chunk, x : x + chunk])
            times.append(1000 * min(seconds))
    return sum(len(data) for key, data in store.items() if key.startswith("c/")), times


def main() -> None:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Measures label arrays in Zarr.")
    parser.add_argument("--rasters", type=Path, metavar="FOLDER", help="GeoTIFF files of labels")
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="PNG files to segment")
    parser.add_argument("--chunk", type=int, nargs="+", default=[512, 256], metavar="N", help="rows and columns")
    options = parser.parse_args()
    maps = [] if options.rasters is None else list(rasters(options.rasters))
    maps += [] if options.photos is None else segmentations(options.photos)
    print(f"| labels | chunk | chunks | {' | '.join(_CODECS)} |\n|---|---:|---:|{'---:|' * len(_CODECS)}")
    for chunk in options.chunk:
        totals: dict[tuple[str, str], int] = defaultdict(int)
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        for kind, labels in maps:
            height, width = (side // chunk * chunk for side in labels.shape)
            for name, codecs in _CODECS.items() if height and width else ():
                size, read = measure(labels[:height, :width], chunk, codecs)
                totals[kind, name] += size
                times[kind, name] += read
        for kind in dict.fromkeys(kind for kind, _ in totals):
            base = totals[kind, "zarr's zstd"]
            cells = [
                f"{totals[kind, name] / base:.3f} ({statistics.median(times[kind, name]):.1f} ms)" for name in _CODECS
            ]
            print(f"| {kind} | {chunk} | {len(times[kind, next(iter(_CODECS))])} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
