"""`kpal compare` of animations: the same frames in every format, and on the page."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kpal import cli, encode_frames
from kpal.comparison import animations, pictures
from kpal.comparison.formats import Comparison, Sides, compare
from kpal.comparison.page import Page
from kpal.quantizer import quantize
from kpal_format import U8

from ..images import gradient, moving
from .pages import LIMIT, Parsed, decoded, file_of, links_to_files

COUNT = 5


def film(frames: list[U8], duration: int = 60) -> bytes:
    file = io.BytesIO()
    first, *others = map(Image.fromarray, frames)
    first.save(file, "PNG", save_all=True, append_images=others, duration=duration, loop=2)
    return file.getvalue()


def gradients(height: int = 20, width: int = 28) -> list[U8]:
    return [np.roll(gradient(height, width), number, axis=1) for number in range(COUNT)]


def compared(data: bytes, **options: Any) -> tuple[Comparison, Sides]:
    sides: list[Sides] = []
    return compare("film.png", data, sides=sides.append, **options), sides[0]


@pytest.fixture(scope="module")
def lossy() -> tuple[Comparison, Sides]:
    return compared(film(gradients()), colors=12)


def test_every_format_has_a_row(lossy: tuple[Comparison, Sides]) -> None:
    comparison, _ = lossy
    names = [row.format for row in comparison.rows]
    assert names[:2] == ["original file", "PNG"]
    assert {"indexed APNG", "WebP lossless", "kpal mix"} <= set(names)
    assert ("GIF, gifsicle" if shutil.which("gifsicle") else "GIF") in names
    assert (comparison.frames, comparison.duration_ms, comparison.colors) == (COUNT, 60 * COUNT, 12)
    assert 20 < comparison.psnr_db < 60
    assert all(row.bytes > 0 and row.decode_ms > 0 for row in comparison.rows)


def test_the_sides_have_all_frames(lossy: tuple[Comparison, Sides]) -> None:
    _, sides = lossy
    each = list(sides.each())
    assert len(each) == COUNT
    for (original, shown), pixels in zip(each, gradients(), strict=True):
        assert np.array_equal(original, pixels)
        assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 12
    assert sides.counts is not None
    assert sides.counts.sum() == COUNT * 20 * 28


def test_a_format_that_loses_pixels_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    gif = animations._gif

    def wrong(film: animations._Film) -> bytes:
        film.palette = film.palette ^ np.uint8(1)
        try:
            return gif(film)
        finally:
            film.palette = film.palette ^ np.uint8(1)

    monkeypatch.setattr(animations, "_gif", wrong)
    with pytest.raises(AssertionError, match=r"GIF.* did not keep the frames"):
        compared(film([image.pixels() for image in moving(3, 12, 12, 5)]))


def test_soft_alpha_leaves_out_gif_and_says_so() -> None:
    frames = [image.pixels() for image in moving(3, 12, 12, 9, 4)]
    with pytest.warns(UserWarning, match=r"GIF.* is left out: it cannot hold soft alpha"):
        comparison, _ = compared(film(frames))
    assert not any("GIF" in row.format for row in comparison.rows)


def test_a_picture_too_wide_for_webp_leaves_out_webp_and_says_so() -> None:
    frames = [np.full((1, 16_384, 3), gray, np.uint8) for gray in (0, 255)]
    with pytest.warns(UserWarning, match="WebP lossless is left out"):
        comparison, _ = compared(film(frames))
    assert not any("WebP" in row.format for row in comparison.rows)


def test_the_command_prints_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(film([image.pixels() for image in moving(3, 12, 12, 5)]))
    assert cli.main(["compare", str(path)]) == 0
    assert "12 x 12, 3 frames, 5 colours" in capsys.readouterr().out
    assert cli.main(["compare", "--json", str(path)]) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert (image["frames"], image["duration_ms"]) == (3, 180)


def test_both_sides_play_on_the_page(lossy: tuple[Comparison, Sides]) -> None:
    page = Page(LIMIT, {})
    page.add(*lossy)
    parsed = Parsed(page.render().decode())
    (original,) = parsed.find("img", "original")
    with decoded(original.attributes["src"]) as image:
        assert getattr(image, "n_frames", 1) == COUNT
        assert (image.info["duration"], image.info["loop"]) == (60, 2)
    (link,) = links_to_files(parsed)
    assert file_of(link) == lossy[1].file
    assert "5 frames" in parsed.text()
    assert "0.30 s" in parsed.text()
    assert "Largest difference of all frames" in parsed.text()
    assert not parsed.find("svg", "")[1:]  # no curves of a single frame, just the mark of the page


def test_reduced_pictures_play_too() -> None:
    frames = gradients(300, 500)
    png = film(frames)
    file = encode_frames(frames, durations=60, loop=2, colors=4)
    sides = Sides(frames[0], quantize(frames[0], colors=4), png, file, 1, COUNT)
    shown = pictures.reduced(sides, pictures.differences(sides))
    assert shown is not None
    assert (shown.width, shown.height, shown.file) == (480, 288, None)
    for url in (shown.original, shown.kpal):
        with decoded(url) as image:
            assert (getattr(image, "n_frames", 1), image.size) == (COUNT, (480, 288))
            assert image.info["loop"] == 2
