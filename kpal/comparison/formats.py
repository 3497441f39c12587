"""kpal beside its peers: sizes, times and quality of one image in every format that is installed.

All rows except the original file and its PNG hold the *same* pixels, the pixels of the quantised image. Each result is
decoded and compared, so that no format wins by losing pixels. Peers run at their strongest settings.
"""

from __future__ import annotations

import io
import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
from PIL import Image

from kpal_format import (
    CODERS,
    DEFAULT_CODER,
    MAX_PIXELS,
    U8,
    IndexedImage,
    Progress,
    compiled,
    decode_indexed,
    encode_indexed,
    staged,
)

from ..color.compositing import same
from ..image_files.pages import open_picture
from ..image_files.pillow_limits import pixel_limit
from ..image_files.precision import in_depth
from ..metrics.scores import psnr, ssimulacra2
from ..pixels import to_array, to_pillow
from ..progress import in_whole
from ..quantizer import quantize

T = TypeVar("T")


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
    """

    name: str
    width: int
    height: int
    colors: int
    quantize_ms: float
    psnr_db: float
    ssimulacra2: float | None
    rows: list[Row]

    def as_dict(self) -> dict[str, Any]:
        """The comparison for JSON, which has no infinity: an infinite PSNR becomes None."""
        psnr_db = self.psnr_db if math.isfinite(self.psnr_db) else None
        return {**asdict(self), "psnr_db": psnr_db, "rows": with_savings(self.rows)}


def saving(row: Row, rows: list[Row]) -> float:
    """The bytes that `row` saves, in per cent of the PNG in `rows`."""
    return 100 * (1 - row.bytes / next(other.bytes for other in rows if other.kind == "png"))


def with_savings(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows for JSON."""
    return [{**asdict(row), "saving_percent": round(saving(row, rows), 2)} for row in rows]


def compare(
    name: str,
    data: bytes,
    *,
    depth: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    progress: Progress | None = None,
    **options: Any,
) -> Comparison:
    """Compare the image file `data` in all formats.

    depth: as in `in_depth`.
    max_pixels: as in `open_picture`.
    progress: called with the name of the stage or of the format, and the fraction of the whole work that is done.
    options: the options of `quantize`.

    Raises the errors of `quantize`, and the errors of Pillow for a file that Pillow cannot read.
    """
    with open_picture(data, max_pixels=max_pixels) as opened:
        in_depth(opened, data, depth, exact=options.get("exact", False))
        original = to_array(opened)
    with pixel_limit(None):  # the others have as many pixels
        return _compared(name, data, original, progress, options)


def _compared(
    name: str, data: bytes, original: U8, progress: Progress | None, options: Mapping[str, Any]
) -> Comparison:
    others = peers()
    coders = CODERS if compiled() else (DEFAULT_CODER,)  # in plain Python, mix and max take a millisecond a pixel
    stages = ("histogram", "clustering", "remapping", "PNG", *others, *(f"kpal {coder}" for coder in coders))
    progress = in_whole(progress, dict.fromkeys(stages, 1.0))
    quantize_ms, image = timed(lambda: quantize(original, progress=progress, **options))
    rows = [Row("original", "original file", len(data), None, _decode_ms(data))]
    rows.append(staged(progress, "PNG", lambda: _row("png", "PNG", _png, Image.fromarray(original), original)))
    indexed, shown = to_pillow(image), image.pixels()
    for peer, encode in others.items():
        try:
            rows.append(staged(progress, peer, partial(_row, "peer", peer, encode, indexed, shown)))
        except (OSError, ValueError) as error:  # for example, WebP is limited to 16383 pixels a side
            warnings.warn(f"{peer} is left out: {error}", stacklevel=2)
    rows += [staged(progress, f"kpal {coder}", partial(_kpal, coder, image)) for coder in coders]
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
    found: dict[str, Callable[[Image.Image], bytes]] = {"indexed PNG": _png}
    try:
        import oxipng
    except ImportError:
        pass
    else:
        found["indexed PNG, oxipng"] = lambda image: bytes(oxipng.optimize_from_memory(_png(image), level=6))
    found["WebP lossless"] = lambda image: _saved(
        _direct(image), "WEBP", lossless=True, quality=100, method=6, exact=True
    )
    if "JXL" in Image.SAVE:  # registered by pillow-jxl-plugin, which image_files/pages.py imports
        found["JPEG XL lossless"] = lambda image: _saved(_direct(image), "JXL", lossless=True, effort=9)
    return found


def _row(
    kind: Literal["png", "peer"], name: str, encode: Callable[[Image.Image], bytes], image: Image.Image, expected: U8
) -> Row:
    encode_ms, data = timed(lambda: encode(image))
    with Image.open(io.BytesIO(data)) as decoded:
        if not same(to_array(decoded), expected):
            raise AssertionError(f"{name} did not keep the pixels")
    return Row(kind, name, len(data), encode_ms, _decode_ms(data))


def _kpal(coder: str, image: IndexedImage) -> Row:
    encode_ms, data = timed(lambda: encode_indexed(image, coder=coder))
    if not np.array_equal(decode_indexed(data, max_pixels=None).pixels(), image.pixels()):
        raise AssertionError(f"kpal's coder {coder} did not keep the pixels")
    return Row("kpal", f"kpal {coder}", len(data), encode_ms, _decode_ms(data))


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
