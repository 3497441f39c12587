"""The page in Chromium and in Firefox: it shows the pixels of the files, its controls work, the console stays empty."""

from __future__ import annotations

import base64
import contextlib
import re
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kpal import encode_frames
from kpal.color.compositing import seen
from kpal.comparison.formats import Comparison, Sides, compare
from kpal.comparison.page import Page
from kpal_format import U8, decode_indexed

from .. import browsers
from ..browsers import Browser
from ..images import gradient, moving, soft_icon
from .pages import LIMIT, compared, png
from .test_animations import film, gradients

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
def images() -> list[tuple[Comparison, Sides]]:
    sideways = Image.Exif()
    sideways[0x0112] = 6
    return [
        compared("<b>10</b>.png", png(gradient()), colors=40),
        compared("9.png", png(soft_icon(), exif=sideways), colors=40),
        compared("100.png", png(np.full((1, 1, 3), 200, np.uint8))),
    ]


@pytest.fixture(scope="module")
def page(images: list[tuple[Comparison, Sides]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Page(LIMIT, {"colors": 40})
    for image in images:
        made.add(*image)
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


def wait(browser: Browser, condition: str) -> None:
    """Waits until a JavaScript expression is true."""
    for _ in range(200):
        if browser.run(f"return {condition}"):
            return
        time.sleep(0.1)
    raise AssertionError(f"{condition} stays false: {browser.run('return document.body.innerText')}")


def decoded(browser: Browser, number: int) -> None:
    """Scrolls to an image and waits until its file is decoded."""
    browser.run(f"document.querySelector('#image-{number} .viewer').scrollIntoView()")
    wait(browser, f"!document.querySelector('#image-{number} .viewer').matches('.preview')")


def shown(browser: Browser, selector: str) -> U8:
    """The pixels of an image or a canvas."""
    width, height, values = browser.run(
        f"const picture = document.querySelector('{selector}');"
        """const canvas = document.createElement('canvas');
        canvas.width = picture.naturalWidth ?? picture.width;
        canvas.height = picture.naturalHeight ?? picture.height;
        const context = canvas.getContext('2d', {willReadFrequently: true});
        context.drawImage(picture, 0, 0);
        const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
        return [canvas.width, canvas.height, Array.from(data)];"""
    )
    return np.array(values, np.uint8).reshape(height, width, 4)


def assert_looks_like(found: U8, expected: U8) -> None:
    """The pixels are the same, but for the rounding of translucent colours, which a canvas premultiplies."""
    assert found.shape[:2] == expected.shape[:2]
    for a, b in seen(found, expected, (0, 255)):
        assert np.abs(a.astype(int) - b).max() <= 2
    opaque = found[..., 3] == 255
    assert np.array_equal(found[opaque][:, :3], expected[opaque][:, :3])


def test_kpals_side_shows_the_pixels_of_the_file(browser: Browser, images: list[tuple[Comparison, Sides]]) -> None:
    for number, (_, sides) in enumerate(images, 1):
        decoded(browser, number)
        turned = np.rot90(decode_indexed(sides.file).pixels(), -1 if sides.orientation == 6 else 0)
        assert_looks_like(shown(browser, f"#image-{number} .sides .kpal"), turned)
        told = browser.run(f"return document.querySelector('#image-{number} .source').textContent")
        assert re.match(r"Your browser decoded kpal's side with JavaScript, in [\d.,]+ ms, from the ", told)
        assert f" {len(sides.file):,} byte" in told


@pytest.mark.parametrize(
    "cause", ["document.getElementById('image-3').scrollIntoView()", "dispatchEvent(new Event('beforeprint'))"]
)
def test_a_file_is_decoded_when_its_image_comes_near_or_is_printed(
    started: Browser, page: Path, tmp_path: Path, cause: str
) -> None:
    copy = tmp_path / "copy.html"  # which has never been scrolled
    copy.write_bytes(page.read_bytes())
    started.open(copy)
    waits = "document.querySelector('#image-{} .viewer').matches('.preview')"
    wait(started, "!" + waits.format(1))
    assert started.run(f"return {waits.format(3)}")
    started.run(cause)
    wait(started, "!" + waits.format(3))
    assert started.complaints() == []


def test_nothing_is_loaded_from_elsewhere(browser: Browser) -> None:
    decoded(browser, 1)
    names = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith(("blob:", "data:")) for name in names), names


def test_the_link_saves_the_file(browser: Browser, images: list[tuple[Comparison, Sides]]) -> None:
    decoded(browser, 2)
    browser.run("document.querySelector('#image-2 .source a').click()")
    saved, file = browser.downloads / "9.kpal", images[1][1].file
    for _ in range(100):
        if saved.exists() and saved.stat().st_size == len(file):
            break
        time.sleep(0.1)
    assert saved.read_bytes() == file


def damaged(page: Path, file: bytes, copy: Path) -> Path:
    """A copy of the page with a wrong byte near the end of a file."""
    wrong = file[:-9] + bytes([file[-9] ^ 1]) + file[-8:]
    intact, broken = (base64.b64encode(data).decode() for data in (file, wrong))
    text = page.read_text()
    assert intact in text
    copy.write_text(text.replace(intact, broken))
    return copy


def test_a_damaged_file_shows_an_error_instead_of_pixels(
    started: Browser, page: Path, images: list[tuple[Comparison, Sides]], tmp_path: Path
) -> None:
    started.open(damaged(page, images[0][1].file, tmp_path / "damaged.html"))
    wait(started, "document.querySelector('#image-1 .viewer').matches('.failed')")
    said = started.run("return document.querySelector('#image-1 [role=alert]').textContent")
    assert re.match(r"kpal's side could not be decoded from the [\d,]+ bytes of .+\.kpal: .*checksum", said)
    assert started.run("return getComputedStyle(document.querySelector('#image-1 .sides .kpal')).display") == "none"
    decoded(started, 2)
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
    visible = """return Array.from(document.querySelectorAll('#image-2 .sides img'))
        .filter(i => getComputedStyle(i).visibility === 'visible').map(i => i.className)"""
    browser.run("document.querySelector('#image-2 .stage').focus()")
    assert browser.run(visible) == ["original", "kpal"]
    for key, expected in (("1", "original"), ("2", "kpal"), ("3", "difference")):
        browsers.press(browser, key)
        assert browser.run(visible) == [expected]
        assert (
            browser.run(f"return getComputedStyle(document.querySelector('#image-2 .{expected}')).clipPath") == "none"
        )
    browsers.press(browser, "0")
    assert browser.run(visible) == ["original", "kpal"]
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
    place = "document.querySelector('.play output').textContent"
    button = "document.querySelector('.play button').textContent"
    count = sides.frames
    wait(started, f"{button} === 'Play'")
    assert started.run(f"return {place}") == f"{count} / {count}", "it is shown once"
    each = list(sides.each())
    started.run("document.querySelector('.stage').focus()")
    for key, number in ((".", 0), (".", 1), (".", 2), (",", 1), (",", 0), (",", count - 1)):
        browsers.press(started, key)
        wait(started, f"{place} === '{number + 1} / {count}'")
        for side, expected in zip(("original", "kpal"), each[number], strict=True):
            assert_looks_like(shown(started, f".sides canvas.{side}"), expected)
    assert f"decoded {count} of {count} frames" in started.run("return document.querySelector('.source').textContent")
    browsers.press(started, "p")
    assert started.run(f"return {button}") == "Pause"
    browsers.press(started, "p")
    assert started.run(f"return {button}") == "Play"
    assert started.complaints() == []


def test_an_animation_stops_where_its_file_is_damaged(started: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    frames = gradients(200, 400)
    file = encode_frames(frames, restart=3, coder="fast")  # in two tiles, of which the second one will be damaged
    comparison, still = compared("film.png", png(frames[0]))
    made = Page(LIMIT, {})
    comparison = replace(comparison, frames=len(frames), duration_ms=60 * len(frames))
    made.add(comparison, replace(still, original_png=film(frames), file=file, frames=len(frames)))
    path.write_bytes(made.render())
    started.open(damaged(path, file, tmp_path / "damaged.html"))
    wait(started, "document.querySelector('.viewer').matches('.failed')")
    assert started.run("return document.querySelector('[role=alert]').textContent").endswith(": tile 1 is damaged")
    assert started.run("return document.querySelector('.play output').textContent") == f"3 / {len(frames)}"
    assert started.run("return getComputedStyle(document.querySelector('.sides .kpal')).display") == "none"
    assert started.run("return document.querySelector('.play').hidden")
    assert started.complaints() == []
