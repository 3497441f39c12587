"""Clear stays clear: palettes and fixed colours without a clear entry never paint a clear background."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import kpal
from kpal import KpalWarning
from kpal.cli import main
from kpal.clustering.opacity import lacks_clear

from ..images import gradient, soft_icon
from ..kernels import with_compiler

U8 = NDArray[np.uint8]
OPAQUE = [[0, 0, 0], [255, 0, 0], [90, 160, 250]]
ADDED = pytest.warns(KpalWarning, match="no clear entry.* one is added at its end")


def sprite(soft: bool = False) -> U8:
    pixels = soft_icon(32)
    if not soft:
        pixels[:, :, 3] = np.where(pixels[:, :, 3] > 127, 255, 0)
    return pixels


def ramp(colors: int) -> list[list[int]]:
    return [[i, 255 - i, 7] for i in range(colors)]


def stays_clear(pixels: U8, shown: U8) -> bool:
    clear, opaque = pixels[:, :, 3] == 0, pixels[:, :, 3] == 255
    assert clear.any()
    return not shown[clear, 3].any() and bool((shown[opaque, 3] == 255).all())


# --- a given palette


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metric": "rgb"},
        {"exact": True},
        {"quality": (0, 80)},
        {"dither": "floyd-steinberg"},
        {"dither": "floyd-steinberg", "dither_level": 1},
        {"dither": "ordered", "dither_level": 1},
        pytest.param({"rate": 5}, marks=with_compiler),
    ],
    ids=str,
)
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("alpha", [[], [255]], ids=["rgb", "rgba"])
def test_a_clear_entry_is_added_at_the_end_of_a_palette_without_one(
    options: dict[str, Any], soft: bool, alpha: list[int]
) -> None:
    pixels = sprite(soft)
    with ADDED:
        image = kpal.quantize(pixels, palette=[color + alpha for color in OPAQUE], **options)
    assert image.palette.tolist() == [*([*color, 255] for color in OPAQUE), [0, 0, 0, 0]]
    assert stays_clear(pixels, image.pixels())


def test_soft_pixels_take_the_nearest_entry_which_may_be_the_clear_one() -> None:
    pixels = np.array([[[0, 0, 0, a] for a in (0, 60, 120, 136, 200, 255)]], np.uint8)
    with ADDED:
        image = kpal.quantize(pixels, palette=[[255, 255, 255], [0, 0, 0]])
    assert image.indices.tolist() == [[2, 2, 2, 1, 1, 1]]


def test_nearly_clear_pixels_are_not_painted_by_an_opaque_palette_either() -> None:
    pixels = np.full((4, 4, 4), (9, 9, 9, 1), np.uint8)
    pixels[0] = (200, 10, 10, 255)
    with ADDED:
        image = kpal.quantize(pixels, palette=OPAQUE)
    assert image.indices.tolist() == [[1] * 4] + [[3] * 4] * 3


@pytest.mark.parametrize(
    ("palette", "alphas", "expected"),
    [
        ([(0, 0, 0, 255)], (0, 255), True),
        ([(0, 0, 0, 255)], (127, 255), True),
        ([(0, 0, 0, 255)], (128, 255), False),
        ([(0, 0, 0, 128)], (0, 255), True),
        ([(0, 0, 0, 1)], (0, 255), True),
        ([(0, 0, 0, 128)], (1, 255), False),
        ([(0, 0, 0, 255), (7, 8, 9, 0)], (0, 255), False),
    ],
)
def test_only_what_is_clear_needs_a_clear_entry(
    palette: list[tuple[int, ...]], alphas: tuple[int, ...], expected: bool
) -> None:
    pixels = np.array([[[1, 2, 3, alpha] for alpha in alphas]], np.uint8)
    assert lacks_clear(np.array(palette, np.uint8), pixels) is expected
    assert lacks_clear(np.array(palette, np.uint8), pixels[:, :, :3]) is False


def test_palettes_that_have_what_is_needed_stay_as_they_are() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clear = [*([*color, 255] for color in OPAQUE), [1, 2, 3, 0]]
        assert kpal.quantize(sprite(), palette=clear).palette.tolist() == clear
        assert kpal.quantize(gradient(), palette=OPAQUE).palette.tolist() == OPAQUE


@pytest.mark.parametrize(("size", "colors"), [(256, 256), (3, 3)])
def test_a_palette_without_room_for_a_clear_entry_is_refused(size: int, colors: int) -> None:
    for pixels in (sprite(), sprite(soft=True)):
        with pytest.raises(ValueError, match=f"no clear entry.* one of its {size} colours alpha 0, or leave one out"):
            kpal.encode(pixels, palette=ramp(size), colors=colors)
    assert len(kpal.quantize(gradient(), palette=ramp(size)).palette) == size


def test_the_last_place_goes_to_the_clear_entry() -> None:
    with ADDED:
        image = kpal.quantize(sprite(), palette=ramp(255))
    assert image.palette[255].tolist() == [0, 0, 0, 0]
    with ADDED:
        assert len(kpal.quantize(sprite(), 4, palette=OPAQUE).palette) == 4


@with_compiler
def test_max_bytes_says_it_once(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    colors = kpal.quantize(sprite(soft=True)[:, :, :3], 30).palette
    whole = len(kpal.encode(sprite(soft=True), palette=colors))
    recwarn.clear()
    shown = kpal.decode(kpal.encode(sprite(soft=True), palette=colors, max_bytes=whole - 20))
    assert stays_clear(sprite(soft=True), shown)
    assert len(recwarn) == 1


def test_saving_with_pillow_and_encoding_on_the_command_line_do_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, file = Image.fromarray(sprite()), io.BytesIO()
    with ADDED:
        image.save(file, "KPAL", palette=OPAQUE)
    with ADDED:
        assert file.getvalue() == kpal.encode(sprite(), palette=OPAQUE)
    image.save(tmp_path / "sprite.png")
    (tmp_path / "opaque.hex").write_text("\n".join(bytes(color).hex() for color in OPAQUE))
    arguments = ["encode", "--palette", str(tmp_path / "opaque.hex"), str(tmp_path / "sprite.png")]
    assert main(arguments) == 0
    assert "sprite.png: warning: the palette has no clear entry" in capsys.readouterr().err
    assert (tmp_path / "sprite.kpal").read_bytes() == file.getvalue()


def test_a_palette_of_opaque_images_may_be_used_for_clear_ones() -> None:
    palette = kpal.shared_palette([gradient(), gradient()[::-1]], 20)
    with ADDED:
        assert stays_clear(sprite(), kpal.quantize(sprite(), palette=palette).pixels())
    palette = kpal.shared_palette([gradient(), sprite(soft=True)], 20)
    assert stays_clear(sprite(soft=True), kpal.quantize(sprite(soft=True), palette=palette).pixels())


@pytest.mark.parametrize(
    ("palette", "message"),
    [
        (OPAQUE, "the rows have alpha, but the palette has none: give it four channels and a clear entry"),
        ([[*color, 255] for color in OPAQUE], r"no clear entry: add \(0, 0, 0, 0\)"),
        ([[*color, 128] for color in OPAQUE], r"no clear entry: add \(0, 0, 0, 0\)"),
    ],
)
def test_a_writer_of_rows_whose_palette_is_written_before_refuses_clear_rows(
    tmp_path: Path, palette: list[list[int]], message: str
) -> None:
    for target in (tmp_path / "x.kpal", io.BytesIO()):
        with pytest.raises(ValueError, match=message), kpal.open_writer(target, 32, 32, palette=palette) as writer:
            writer.write(sprite()[:1])
    assert not list(tmp_path.iterdir())
    clear = [*([*color, 255] for color in OPAQUE), [0, 0, 0, 0]]
    file = io.BytesIO()
    with kpal.open_writer(file, 32, 32, palette=clear) as writer:
        writer.write(sprite())
    assert file.getvalue() == kpal.encode(sprite(), palette=clear)


# --- fixed colours


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "ordered", "blue-noise"])
@pytest.mark.parametrize("colors", [4, 9])
def test_clear_pixels_have_an_entry_beside_the_fixed_ones(colors: int, dither: Any) -> None:
    image = kpal.quantize(sprite(), colors, fixed=OPAQUE, dither=dither)
    assert len(image.palette) == colors
    assert {(*color, 255) for color in OPAQUE} <= set(map(tuple, image.palette.tolist()))
    assert stays_clear(sprite(), image.pixels())


def test_fixed_colours_that_leave_no_entry_for_clear_pixels_are_refused() -> None:
    for fixed in (OPAQUE, [[*color, 128] for color in OPAQUE]):
        with pytest.raises(ValueError, match="fixed takes all 3 colours, and none of them is clear"):
            kpal.encode(sprite(), colors=3, fixed=fixed)
        with pytest.raises(ValueError, match="fixed takes all 3 colours"):
            kpal.shared_palette([sprite(), gradient()], 3, fixed=fixed)
    clear = [*([*color, 255] for color in OPAQUE[:2]), [0, 0, 0, 0]]
    assert stays_clear(sprite(), kpal.quantize(sprite(), 3, fixed=clear).pixels())
    assert len(kpal.quantize(gradient(), 3, fixed=OPAQUE).palette) == 3


@with_compiler
@pytest.mark.parametrize("fixed", [None, OPAQUE])
@pytest.mark.parametrize("options", [{"quality": (0, 0)}, {"quality": (0, 40)}, {"max_bytes": 300}], ids=str)
def test_searches_for_fewer_colours_keep_an_entry_for_clear_pixels(
    options: dict[str, Any], fixed: list[list[int]] | None
) -> None:
    assert stays_clear(sprite(), kpal.decode(kpal.encode(sprite(), fixed=fixed, **options)))
