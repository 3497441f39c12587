"""Makes the two pictures of the README from the sample of `kpal demo`: python docs/make_pictures.py

Needs kpal with the extra `dev`: matplotlib draws the chart, and the other formats in it need their encoders.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import matplotlib
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

import kpal
from kpal.comparison.formats import compare
from kpal.comparison.sample import draw

FOLDER: Final = Path(__file__).parent / "pictures"
_DETAIL: Final = (560, 115, 860, 500)  # a part of the sample with text, a gradient and soft shadows
_CAPTION: Final = 40  # pixels above each detail, and between the details
_INK: Final = (38, 43, 56)
_OURS: Final = "#3f6fd1"
_PEERS: Final = "#b9c0cc"


def before_and_after(sample: Image.Image, png_bytes: int) -> Image.Image:
    """A detail of the sample and of its `.kpal` file, side by side, each with the bytes of the whole file."""
    data = kpal.encode(sample)
    after = Image.open(io.BytesIO(data))
    sides = ((sample, f"PNG: {png_bytes:,} bytes"), (after, f"kpal: {len(data):,} bytes"))
    details = [_over_white(image).crop(_DETAIL) for image, _ in sides]
    width, height = details[0].size
    sheet = Image.new("RGB", (2 * width + _CAPTION, height + _CAPTION), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (detail, (_, caption)) in enumerate(zip(details, sides, strict=True)):
        left = i * (width + _CAPTION)
        sheet.paste(detail, (left, _CAPTION))
        pen.text((left + _CAPTION, 10), caption, fill=_INK, font=ImageFont.load_default(18))
    return sheet


def sizes(png: bytes) -> bytes:
    """A bar chart, as PNG, of the bytes of the sample in every format of `kpal compare`."""
    rows = [row for row in compare("sample.png", png).rows if row.kind != "original"]
    rows.sort(key=lambda row: row.bytes, reverse=True)
    figure = Figure(figsize=(7.6, 0.36 * len(rows) + 0.5))
    axes = figure.add_subplot()
    colors = [_OURS if row.kind == "kpal" else _PEERS for row in rows]
    bars = axes.barh([row.format for row in rows], [row.bytes / 1000 for row in rows], color=colors)
    axes.bar_label(bars, [f" {row.bytes / 1000:.1f} kB" for row in rows])
    axes.set_xlim(0, 1.12 * rows[0].bytes / 1000)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.tick_params(left=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120, bbox_inches="tight")
    return file.getvalue()


def _over_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _save(name: str, picture: Image.Image) -> None:
    """Writes a picture as an indexed PNG with a palette found by kpal."""
    with Image.open(io.BytesIO(kpal.encode(picture))) as indexed:
        indexed.save(FOLDER / name, optimize=True)


def main() -> None:
    """Write both pictures."""
    matplotlib.use("agg")
    FOLDER.mkdir(exist_ok=True)
    sample, file = draw(), io.BytesIO()
    sample.save(file, "PNG", optimize=True)
    _save("before-after.png", before_and_after(sample, len(file.getvalue())))
    with Image.open(io.BytesIO(sizes(file.getvalue()))) as chart:
        _save("sizes.png", chart.convert("RGB"))


if __name__ == "__main__":
    main()
