"""Images and reports show themselves in notebooks, and briefly in the interpreter."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal_format import IndexedImage, notebook

from .images import METADATA, gradient, random_indexed


@pytest.mark.parametrize(("colors", "channels"), [(1, 3), (2, 4), (256, 3), (256, 4)])
def test_the_picture_has_exactly_the_pixels(colors: int, channels: int) -> None:
    image = random_indexed(20, 30, colors, channels)
    with Image.open(io.BytesIO(image._repr_png_())) as shown:
        assert shown.mode == "P"
        assert np.array_equal(
            np.asarray(shown.convert("RGBA")), np.asarray(Image.fromarray(image.pixels()).convert("RGBA"))
        )


def test_a_huge_picture_is_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_LARGEST", 16)
    with Image.open(io.BytesIO(random_indexed(20, 40, 9)._repr_png_())) as shown:
        assert shown.size == (16, 8)


def test_html_shows_picture_size_and_palette() -> None:
    image = random_indexed(20, 30, 7, 4)
    html = image._repr_html_()
    assert html.count("<i ") == 7
    for color in image.palette:
        assert "#" + color.tobytes().hex() in html
    assert "30 x 20, 7 colours with alpha" in html
    assert not re.search("https?:", html)


def test_representations_are_short() -> None:
    assert repr(random_indexed(20, 30, 7)) == "<IndexedImage 30 x 20, 7 colours>"
    assert repr(IndexedImage(np.zeros((1, 1), np.uint8), np.zeros((1, 4), np.uint8))) == (
        "<IndexedImage 1 x 1, 1 colour with alpha>"
    )
    reports: list[kpal.Report] = []
    data = kpal.encode(gradient(), 16, report=reports.append)
    kpal.quantize(random_indexed(9, 9, 5).pixels(), report=reports.append)
    assert re.fullmatch(rf"<Report bytes {len(data)}, colours 16, quality \d+\.\d, PSNR \d\d\.\d dB>", repr(reports[0]))
    assert repr(reports[1]) == "<Report colours 5, quality 100.0, PSNR without error>"


def test_a_report_shows_picture_and_figures() -> None:
    reports: list[kpal.Report] = []
    data = kpal.encode(gradient(), 16, report=reports.append)
    (report,) = reports
    assert report._repr_png_() == report.image._repr_png_()
    html = report._repr_html_()
    assert f"<tr><th>bytes</th><td>{len(data)}</td></tr>" in html
    assert report.image._repr_html_() in html
    assert np.array_equal(np.asarray(report.to_pillow()), report.image.indices)


def test_to_pillow_gives_what_opening_the_file_gives() -> None:
    image = random_indexed(9, 12, 200, 4)
    image = IndexedImage(image.indices, image.palette, METADATA)
    ours = image.to_pillow()
    with Image.open(io.BytesIO(kpal.encode(image))) as opened:
        opened.load()
        assert (ours.mode, ours.size, ours.info) == (opened.mode, opened.size, opened.info)
        assert ours.getpalette("RGB") == opened.getpalette("RGB")
        assert np.array_equal(np.asarray(ours), np.asarray(opened))
