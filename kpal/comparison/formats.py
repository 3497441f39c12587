"""kpal beside its peers: sizes, times and quality of one image in every format that is installed.

All rows except the original file and its PNG hold the *same* pixels, the pixels of the quantised image. Each result is
decoded and compared, so that no format wins by losing pixels. Peers run at their strongest settings.
"""

from __future__ import annotations

import io
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from kpal_format import (
    CODERS,
    MAX_PIXELS,
    U8,
    IndexedImage,
    Progress,
    Reader,
    compiled,
    decode_indexed,
    encode_indexed,
    look_up,
    staged,
)

from ..color.compositing import same
from ..image_files.frames import opened_frames
from ..image_files.metadata import PARTS, carried
from ..image_files.orientation import orientation_of
from ..image_files.pillow_limits import pixel_limit
from ..image_files.precision import in_depth
from ..metrics.scores import psnr, ssimulacra2
from ..pixels import to_array
from ..progress import in_whole
from ..quantizer import quantize

T = TypeVar("T")

INDEXED_PNG: Final = "indexed PNG"


@dataclass(frozen=True)
class Row:
    """The result of one format.

    kind: the original file, a PNG of the original pixels, or a peer or a coder of kpal with the pixels of the quantised
        image.
    encode_ms: None for the original file.
    """

    kind: Literal["original", "png", "peer", "kpal"]
    format: str
    bytes: int
    encode_ms: float | None
    decode_ms: float


@dataclass(frozen=True)
class Comparison:
    """The results of all formats for one image.

    psnr_db: PSNR of the quantised image against the original; infinite if they are equal (None in JSON).
    ssimulacra2: the perceptual score, 100 for equal images, about 90 for no visible difference; None without the
        package, and for tiny or huge images.
    rows: one row for each format, the coders of kpal last.
    frames, duration_ms: the number of frames, and how long they last in all; 1 and None for a still image. The errors
        are means over the frames; of the score, over some of them.
    """

    name: str
    width: int
    height: int
    colors: int
    quantize_ms: float
    psnr_db: float
    ssimulacra2: float | None
    rows: list[Row]
    frames: int = 1
    duration_ms: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The comparison for JSON, which has no infinity: an infinite PSNR becomes None."""
        psnr_db = self.psnr_db if math.isfinite(self.psnr_db) else None
        return {**asdict(self), "psnr_db": psnr_db, "rows": with_savings(self.rows)}


@dataclass(frozen=True)
class Sides:
    """The two sides of a comparison, for those who show them.

    original: the pixels of the original, uint8 (h, w, 3 or 4); original_png: as a PNG.
    image: the quantised image; file: as the smallest `.kpal` file of those compared.
    orientation: how a viewer would turn the original, as in Exif; neither PNG nor file tell it.
    frames: the number of frames. Of an animation, `original` and `image` are the first frame; `original_png` and `file`
        have all of them.
    counts: the pixels of each entry of the palette in all frames; None to count those of `image`.
    """

    original: U8
    image: IndexedImage
    original_png: bytes
    file: bytes
    orientation: int
    frames: int = 1
    counts: NDArray[np.intp] | None = None

    def each(self) -> Iterator[tuple[U8, U8]]:
        """The pixels of both sides of each frame."""
        if self.frames == 1:
            yield self.original, self.image.pixels()
            return
        reader = Reader(self.file, max_pixels=None)
        with Image.open(io.BytesIO(self.original_png)) as original:
            for frame, indices in zip(ImageSequence.Iterator(original), reader.iterate(), strict=True):
                yield to_array(frame), look_up(reader.palette, indices)


def saving(row: Row, rows: list[Row]) -> float:
    """The bytes that `row` saves, in per cent of the PNG in `rows`."""
    return 100 * (1 - row.bytes / next(other.bytes for other in rows if other.kind == "png"))


def with_savings(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows for JSON."""
    return [{**asdict(row), "saving_percent": round(saving(row, rows), 2)} for row in rows]


def totals(comparisons: list[Comparison]) -> list[Row]:
    """The bytes and times of each format, summed over all images; formats that lack an image are left out."""
    rows = []
    for first in comparisons[0].rows if comparisons else ():
        same = [row for c in comparisons for row in c.rows if row.format == first.format]
        if len(same) == len(comparisons):
            encode_ms = None if first.encode_ms is None else sum(row.encode_ms or 0.0 for row in same)
            decode_ms = sum(row.decode_ms for row in same)
            rows.append(Row(first.kind, first.format, sum(row.bytes for row in same), encode_ms, decode_ms))
    return rows


def verdict(rows: list[Row], *, lossless: bool) -> str:
    """Whether kpal is the smallest of all formats that hold the same pixels.

    lossless: whether the quantised images equal the originals, so that the original files take part.
    """
    ours = min((row for row in rows if row.kind == "kpal"), key=_bytes)
    others = [row for row in rows if row.kind == "peer" or (lossless and row.kind != "kpal")]
    best = min(others, key=_bytes)
    if ours.bytes > best.bytes:
        larger = ours.bytes / best.bytes - 1
        sentence = f"kpal is not the smallest here: {ours.format} is {larger:.1%} larger than {best.format}."
    elif ours.bytes == best.bytes:
        sentence = f"{ours.format} is as small as {best.format}."
    else:
        sentence = f"{ours.format} is the smallest, {1 - ours.bytes / best.bytes:.1%} smaller than {best.format}."
    worse = [
        row.format for row in rows if row.kind in ("original", "png") and row not in others and row.bytes < ours.bytes
    ]
    return sentence + (f" It is larger than the {' and the '.join(worse)}, which lost no colours." if worse else "")


def _bytes(row: Row) -> int:
    return row.bytes


def compare(
    name: str,
    data: bytes,
    *,
    depth: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    pages: bool = False,
    progress: Progress | None = None,
    sides: Callable[[Sides], None] | None = None,
    **options: Any,
) -> Comparison:
    """Compare the image file `data` in all formats.

    depth: as in `in_depth`.
    max_pixels, pages: as in `opened_frames`.
    progress: called with the name of the stage or of the format, and the fraction of the whole work that is done.
    sides: called with the pixels and files that were compared.
    options: the options of `quantize`.

    Raises the errors of `quantize`, and the errors of Pillow for a file that Pillow cannot read.
    """
    with opened_frames(data, pages=pages, max_pixels=max_pixels) as opened:
        orientation = orientation_of(carried(opened.image, unneeded=PARTS))
        if opened.count > 1:
            from .animations import compare_frames  # which imports this module

            with pixel_limit(None):
                return compare_frames(name, data, opened, orientation, progress, sides, options)
        in_depth(opened.image, data, depth, exact=options.get("exact", False))
        original = to_array(opened.image)
    with pixel_limit(None):  # the others have as many pixels
        return _compared(name, data, original, orientation, progress, sides, options)


def _compared(
    name: str,
    data: bytes,
    original: U8,
    orientation: int,
    progress: Progress | None,
    sides: Callable[[Sides], None] | None,
    options: Mapping[str, Any],
) -> Comparison:
    others = peers()
    # In plain Python, mix and max take a millisecond a pixel.
    coders = [coder for coder in CODERS if compiled() or coder not in ("mix", "max")]
    stages = ("histogram", "clustering", "remapping", "PNG", *others, *(f"kpal {coder}" for coder in coders))
    progress = in_whole(progress, dict.fromkeys(stages, 1.0))
    quantize_ms, image = timed(lambda: quantize(original, progress=progress, **options))
    png, original_png = staged(progress, "PNG", lambda: _coded("png", "PNG", _png, Image.fromarray(original), original))
    rows = [Row("original", "original file", len(data), None, _decode_ms(data)), png]
    indexed, shown = image.to_pillow(), image.pixels()
    for peer, encode in others.items():
        try:
            row, _ = staged(progress, peer, partial(_coded, "peer", peer, encode, indexed, shown))
        except (OSError, ValueError) as error:  # for example, WebP is limited to 16383 pixels a side
            warnings.warn(f"{peer} is left out: {error}", stacklevel=2)
        else:
            rows.append(row)
    ours = [staged(progress, f"kpal {coder}", partial(_kpal, coder, image)) for coder in coders]
    rows += [row for row, _ in ours]
    if sides is not None:
        sides(Sides(original, image, original_png, min((file for _, file in ours), key=len), orientation))
    height, width = image.indices.shape
    return Comparison(
        name,
        width,
        height,
        len(image.palette),
        quantize_ms,
        psnr(original, shown),
        ssimulacra2(original, shown),
        rows,
    )


def peers() -> dict[str, Callable[[Image.Image], bytes]]:
    """The installed encoders of other formats that hold indexed pixels losslessly."""
    found: dict[str, Callable[[Image.Image], bytes]] = {INDEXED_PNG: _png}
    try:
        import oxipng
    except ImportError:
        pass
    else:
        found[f"{INDEXED_PNG}, oxipng"] = lambda image: bytes(oxipng.optimize_from_memory(_png(image), level=6))
    found["WebP lossless"] = lambda image: _saved(
        _direct(image), "WEBP", lossless=True, quality=100, method=6, exact=True
    )
    if "JXL" in Image.SAVE:  # registered by pillow-jxl-plugin, which image_files/pages.py imports
        found["JPEG XL lossless"] = lambda image: _saved(_direct(image), "JXL", lossless=True, effort=9)
    return found


def _coded(
    kind: Literal["png", "peer"], name: str, encode: Callable[[Image.Image], bytes], image: Image.Image, expected: U8
) -> tuple[Row, bytes]:
    encode_ms, data = timed(lambda: encode(image))
    with Image.open(io.BytesIO(data)) as decoded:
        if not same(to_array(decoded), expected):
            raise AssertionError(f"{name} did not keep the pixels")
    return Row(kind, name, len(data), encode_ms, _decode_ms(data)), data


def _kpal(coder: str, image: IndexedImage) -> tuple[Row, bytes]:
    encode_ms, data = timed(lambda: encode_indexed(image, coder=coder))
    if not np.array_equal(decode_indexed(data, max_pixels=None).pixels(), image.pixels()):
        raise AssertionError(f"kpal's coder {coder} did not keep the pixels")
    return Row("kpal", f"kpal {coder}", len(data), encode_ms, _decode_ms(data)), data


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """The milliseconds that `work` takes, and its result."""
    start = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - start), result


def _decode_ms(data: bytes) -> float:
    """The milliseconds that Pillow takes to decode, the best of three."""
    return min(timed(lambda: Image.open(io.BytesIO(data)).load())[0] for _ in range(3))


def _direct(image: Image.Image) -> Image.Image:
    """The image as RGB or RGBA, for formats without palettes."""
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _png(image: Image.Image) -> bytes:
    return _saved(image, "PNG", optimize=True)


def _saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
