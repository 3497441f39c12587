"""kpal beside its peers: sizes, times and quality of one image in every format that is installed.

All rows but the original file and its PNG hold the *same* pixels, those of the quantised image, and each is decoded and
compared, so that no row can be smaller by being wrong. Peers run at their strongest settings, as kpal's claims are
about those.
"""

from __future__ import annotations

import io
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from PIL import Image

from kpal_format import CODERS, U8, IndexedImage, compiled, decode_indexed, encode_indexed

from .measure import psnr, same, ssimulacra2
from .pixels import to_array, to_pillow
from .quantizer import quantize
from .transcode import open_picture

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One format.

    kind: the file as it was given, a PNG of its pixels, or a peer or a coder of kpal with the pixels of the quantised
        image.
    encode_ms: None for what was not encoded here.
    """

    kind: Literal["original", "png", "peer", "kpal"]
    format: str
    bytes: int
    encode_ms: float | None
    decode_ms: float


@dataclass(frozen=True)
class Comparison:
    """One image.

    psnr_db: of the quantised image against the original; infinite where they are the same (None in JSON).
    ssimulacra2: the perceptual score, 100 for the same and about 90 for no visible difference; None without the
        package, and for tiny or huge images.
    rows: the formats, those of kpal last.
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
        """For JSON, which knows no infinity."""
        psnr_db = self.psnr_db if math.isfinite(self.psnr_db) else None
        return {**asdict(self), "psnr_db": psnr_db, "rows": with_savings(self.rows)}


def saving(row: Row, rows: list[Row]) -> float:
    """Percent of the bytes of the PNG in `rows` that `row` saves."""
    return 100 * (1 - row.bytes / next(other.bytes for other in rows if other.kind == "png"))


def with_savings(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows for JSON."""
    return [{**asdict(row), "saving_percent": round(saving(row, rows), 2)} for row in rows]


def compare(name: str, data: bytes, **options: Any) -> Comparison:
    """Compare the image file `data` in all formats, with the `options` of `quantize`.

    Raises what `quantize` raises, and what Pillow raises for a file that it cannot read.
    """
    with open_picture(data) as opened:
        original = to_array(opened)
    quantize_ms, image = timed(lambda: quantize(original, **options))
    rows = [
        Row("original", "original file", len(data), None, _decode_ms(data)),
        _row("png", "PNG", _png, Image.fromarray(original), original),
    ]
    indexed, shown = to_pillow(image), image.pixels()
    for peer, encode in peers().items():
        try:
            rows.append(_row("peer", peer, encode, indexed, shown))
        except (OSError, ValueError) as error:  # WebP ends at 16383 pixels a side, for one
            warnings.warn(f"{peer} is left out: {error}", stacklevel=2)
    # In plain Python, mix and max take a millisecond a pixel.
    rows += [_kpal(coder, image) for coder in CODERS if compiled() or coder not in ("mix", "max")]
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
    """What else holds indexed pixels losslessly, as far as it is installed."""
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
    if "JXL" in Image.SAVE:  # of pillow-jxl-plugin, which transcode.py imports
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
    if not np.array_equal(decode_indexed(data).pixels(), image.pixels()):
        raise AssertionError(f"kpal's coder {coder} did not keep the pixels")
    return Row("kpal", f"kpal {coder}", len(data), encode_ms, _decode_ms(data))


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Milliseconds, and the result."""
    start = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - start), result


def _decode_ms(data: bytes) -> float:
    """Bytes to pixels through Pillow, the best of three."""
    return min(timed(lambda: Image.open(io.BytesIO(data)).load())[0] for _ in range(3))


def _direct(image: Image.Image) -> Image.Image:
    """The colours themselves, for formats without palettes."""
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _png(image: Image.Image) -> bytes:
    return _saved(image, "PNG", optimize=True)


def _saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
