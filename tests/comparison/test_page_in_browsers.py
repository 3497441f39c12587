"""The page in Chromium and in Firefox: slider, views, zoom, copying and sorting work, and the console stays empty."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kpal.color.compositing import seen
from kpal.comparison.formats import Sides, compare
from kpal.comparison.page import Page

from .. import browsers
from ..browsers import Browser
from ..images import gradient, moving, soft_icon
from .pages import LIMIT, compared, png

BROWSERS: list[Any] = [
    pytest.param(
        browsers.chromium,
        id="chromium",
        marks=pytest.mark.skipif(
            not (browsers.CHROMIUM and browsers.CHROMEDRIVER), reason="needs chromium and chromium-driver"
        ),
    ),
    pytest.param(
        browsers.firefox, id="firefox", marks=pytest.mark.skipif(not browsers.FIREFOX, reason="needs firefox-esr")
    ),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Page(LIMIT, {"colors": 40})
    made.add(*compared("<b>10</b>.png", png(gradient()), colors=40))
    made.add(*compared("9.png", png(soft_icon()), colors=40))
    made.add(*compared("100.png", png(np.full((1, 1, 3), 200, np.uint8))))
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(made.render())
    return path


@pytest.fixture(scope="module", params=BROWSERS)
def started(request: pytest.FixtureRequest) -> Iterator[Browser]:
    opened: Callable[[], contextlib.AbstractContextManager[Browser]] = request.param
    with opened() as browser:
        yield browser


@pytest.fixture
def browser(started: Browser, page: Path) -> Iterator[Browser]:
    started.resize(1280, 900)
    started.open(page)
    yield started
    assert started.complaints() == []


def test_keys_move_the_slider_which_moves_the_edge_of_both_sides(browser: Browser) -> None:
    edges = """return Array.from(document.querySelectorAll('#image-1 .sides img'), i => getComputedStyle(i).clipPath)"""
    browser.run("document.querySelector('#image-1 .split').focus()")
    assert browser.run(edges)[:2] == ["inset(0px 50% 0px 0px)", "inset(0px 0px 0px 50%)"]
    for _ in range(4):
        browsers.press(browser, "ArrowRight")
    original, kpal, _ = browser.run(edges)
    at = float(browser.run("return document.querySelector('#image-1 .split').value"))
    assert at > 50
    assert kpal == f"inset(0px 0px 0px {at:g}%)"
    assert original == f"inset(0px {100 - at:g}% 0px 0px)"


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_a_pointer_drags_the_line(browser: Browser, kind: str) -> None:
    browser.run("document.querySelector('#image-1 .viewer').scrollIntoView()")
    left, top, width, height = browser.run(
        "const b = document.querySelector('#image-1 .sides').getBoundingClientRect();"
        "return [b.left, b.top, b.width, b.height]"
    )
    middle = top + height / 4
    browsers.drag(browser, (left + width / 2, middle), (left + width / 4, middle), kind)
    assert float(browser.run("return document.querySelector('#image-1 .split').value")) == pytest.approx(25, abs=1)


def test_number_keys_choose_what_is_shown(browser: Browser) -> None:
    shown = """return Array.from(document.querySelectorAll('#image-2 .sides img'))
        .filter(i => getComputedStyle(i).visibility === 'visible').map(i => i.className)"""
    browser.run("document.querySelector('#image-2 .stage').focus()")
    assert browser.run(shown) == ["original", "kpal"]
    for key, expected in (("1", "original"), ("2", "kpal"), ("3", "difference")):
        browsers.press(browser, key)
        assert browser.run(shown) == [expected]
        assert (
            browser.run(f"return getComputedStyle(document.querySelector('#image-2 .{expected}')).clipPath") == "none"
        )
    browsers.press(browser, "0")
    assert browser.run(shown) == ["original", "kpal"]
    assert browser.run("return document.querySelector('#image-1 fieldset :checked').value") == "slider"


def test_enlarged_pixels_are_crisp(browser: Browser) -> None:
    state = """const s = document.querySelector('#image-1 .sides');
        return [s.getBoundingClientRect().width, getComputedStyle(s.querySelector('img')).imageRendering]"""
    browser.run("document.querySelector('#image-1 .stage').focus()")
    width, rendering = browser.run(state)
    assert rendering == "pixelated"
    assert width % 64 == 0
    for _ in range(2):
        browsers.press(browser, "+")
    assert browser.run(state)[0] == 64 * 32 > width
    browser.run("const s = document.querySelector('#image-1 .stage'); s.scrollLeft = 700;")
    time.sleep(0.3)
    left, width, line = browser.run(
        "const s = document.querySelector('#image-1 .stage');"
        "const h = document.querySelector('#image-1 .handle').getBoundingClientRect();"
        "return [s.getBoundingClientRect().left, s.clientWidth, (h.left + h.right) / 2]"
    )
    assert line == pytest.approx(left + width / 2, abs=2), "the line leaves the view"


def test_a_press_on_a_color_copies_it(browser: Browser) -> None:
    browser.run("document.querySelector('#image-1 .palette').scrollIntoView({block: 'center'})")
    x, y, color = browser.run(
        "const s = document.querySelector('#image-1 .swatches button'), b = s.getBoundingClientRect();"
        "return [b.left + 8, b.top + 8, s.dataset.color]"
    )
    browsers.drag(browser, (x, y), (x, y))
    time.sleep(0.3)
    assert browser.run("return document.querySelector('.toast').textContent") == f"Copied {color}"


def test_headings_sort_the_index(browser: Browser) -> None:
    names = "return Array.from(document.querySelectorAll('.index tbody th'), c => c.dataset.value)"
    assert browser.run(names) == ["<b>10</b>.png", "9.png", "100.png"]
    click = "document.querySelectorAll('.index thead button')[{}].click()"
    sizes = "return Array.from(document.querySelectorAll('.index tbody tr'), r => Number(r.cells[5].dataset.value))"
    browser.run(click.format(5))
    found = browser.run(sizes)
    assert found == sorted(found)
    browser.run(click.format(5))
    assert browser.run(sizes) == found[::-1]
    assert browser.run("return document.querySelectorAll('.index thead th')[5].ariaSort") == "descending"
    browser.run(click.format(0))
    assert browser.run(names)[1:] == ["9.png", "100.png"], "numbers in names count as numbers"


@pytest.mark.parametrize("width", [500, 1280])
def test_the_page_is_never_wider_than_the_window(browser: Browser, width: int) -> None:
    browser.resize(width, 900)
    time.sleep(0.3)
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
    fits = "s => s.offsetWidth <= s.parentElement.clientWidth"
    assert browser.run(f"return Array.from(document.querySelectorAll('.sides')).every({fits})")


def test_every_picture_loads(browser: Browser) -> None:
    assert browser.run("return Array.from(document.images).every(i => i.complete && i.naturalWidth > 0)")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sides]]:
    """A page of an animation with soft alpha, which changes in boxes and loops once."""
    frames = [image.pixels() for image in moving(6, 24, 40, 17, 4)]
    sides: list[Sides] = []
    data = png(Image.fromarray(frames[0]), save_all=True, append_images=[*map(Image.fromarray, frames[1:])], loop=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GIF is left out
        comparison = compare("film.png", data, sides=sides.append, colors=9)
    made = Page(LIMIT, {})
    made.add(comparison, *sides)
    path: Path = tmp_path_factory.mktemp("films") / "report.html"
    path.write_bytes(made.render())
    return path, sides


def test_both_sides_of_an_animation_play_in_step(started: Browser, films: tuple[Path, list[Sides]]) -> None:
    path, (sides,) = films
    started.resize(1280, 900)
    started.open(path)
    shown = "document.querySelector('.play output').textContent"
    button = "document.querySelector('.play button').textContent"
    pixels = """return Array.from(document.querySelectorAll('.sides canvas'), (canvas) => {
        const copy = canvas.cloneNode().getContext('2d', {willReadFrequently: true});
        copy.drawImage(canvas, 0, 0);
        return Array.from(copy.getImageData(0, 0, canvas.width, canvas.height).data);
        })"""
    count = sides.frames
    for _ in range(100):
        if started.run(f"return {button}") == "Play":
            break
        time.sleep(0.1)
    assert started.run(f"return {shown}") == f"{count} / {count}", "it is shown once"
    each = list(sides.each())
    started.run("document.querySelector('.stage').focus()")
    for key, number in ((".", 0), (".", 1), (".", 2), (",", 1), (",", 0), (",", count - 1)):
        browsers.press(started, key)
        time.sleep(0.3)
        assert started.run(f"return {shown}") == f"{number + 1} / {count}"
        for found, expected in zip(started.run(pixels), each[number], strict=True):
            drawn = np.array(found, np.uint8).reshape(*expected.shape[:2], 4)
            for a, b in seen(drawn, expected, (0, 255)):  # a canvas rounds translucent colours
                assert np.abs(a.astype(int) - b).max() <= 2
    browsers.press(started, "p")
    assert started.run(f"return {button}") == "Pause"
    browsers.press(started, "p")
    assert started.run(f"return {button}") == "Play"
    assert started.complaints() == []
