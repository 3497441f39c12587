"""The page of `kpal compare --html`: whole, exact, safe, and within its limit."""

from __future__ import annotations

import base64
import hashlib
import re

import numpy as np
import pytest
from PIL import Image

from kpal.comparison import curves, pngquant
from kpal.comparison.formats import Sides, compare
from kpal.comparison.page import Page, described, percent
from kpal_format import decode_indexed

from ..images import gradient, poster, soft_icon
from .pages import LIMIT, Parsed, compared, file_of, links_to_files, page_of, page_with, pixels_of, png

HOSTILE = (
    "<script>alert(1)</script>.png",
    "\"><img src=x onerror='alert(1)'>.png",
    "{{ 7 * 7 }}{% raw %}.png",
    "' onmouseover='alert(1).png",
    "</title></style><b>&amp;.png",
    "javascript:alert(1)",
)
PNG = png(gradient())
Photo = tuple[Parsed, list[Sides]]


@pytest.fixture
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the curves, which take most of the time."""
    monkeypatch.setattr(curves, "measure", lambda *_: [])


@pytest.fixture(scope="module")
def photo() -> Photo:
    return page_of({"photo.png": PNG}, colors=40)


@pytest.mark.usefixtures("no_curves")
def test_every_picture_shows_exactly_the_pixels() -> None:
    images = {"photo.png": PNG, "icon.png": png(soft_icon()), "one.png": png(np.full((1, 1, 3), 200, np.uint8))}
    page, sides = page_of(images, colors=40)
    originals, previews = (page.find("img", side) for side in ("original", "kpal"))
    for original, preview, link, expected in zip(originals, previews, links_to_files(page), sides, strict=True):
        assert np.array_equal(pixels_of(original.attributes["src"]), expected.original)
        assert np.array_equal(decode_indexed(file_of(link)).pixels(), expected.image.pixels())
        assert max(pixels_of(preview.attributes["src"]).shape[:2]) <= 96
        for image in (original, preview):
            assert (image.attributes["width"], image.attributes["height"]) == tuple(
                map(str, expected.original.shape[1::-1])
            )


@pytest.mark.usefixtures("no_curves")
def test_a_file_has_the_name_of_its_image_and_the_bytes_that_the_page_tells() -> None:
    page, (sides,) = page_of({"photos/a <b>.png": PNG}, colors=40)
    (link,) = links_to_files(page)
    assert link.attributes["download"] == link.text == "a <b>.kpal"
    assert f"the {len(sides.file):,} bytes of" in link.parents[-1].text


def test_the_file_is_the_smallest_of_kpal() -> None:
    sides: list[Sides] = []
    comparison = compare("icon.png", png(soft_icon(16)), sides=sides.append)
    assert len(sides[0].file) == min(row.bytes for row in comparison.rows if row.kind == "kpal")


def test_nothing_comes_from_elsewhere(photo: Photo) -> None:
    page, _ = photo
    for element in page.elements:
        for name, value in element.attributes.items():
            if name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
                assert value.startswith(("data:", "#")), (element.name, name, value[:50])
            assert not name.startswith("on")
    without_data = re.sub(r"data:image/[\w-]+;base64,[\w+/=]+", "", page.page)
    assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttpRequest", without_data)


def test_the_policy_allows_its_own_script_and_no_other(photo: Photo) -> None:
    page, _ = photo
    (script,) = (each for each in page.find("script") if "type" not in each.attributes)
    (policy,) = (m.attributes["content"] for m in page.find("meta") if "http-equiv" in m.attributes)
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


@pytest.mark.usefixtures("no_curves")
def test_names_are_text_and_nothing_else() -> None:
    icon = png(soft_icon(12))
    page, _ = page_of(dict.fromkeys(HOSTILE, icon))
    assert [each.text for each in page.find("h2") if each.within("article")] == list(HOSTILE)
    plain, _ = page_of({f"{i}.png": icon for i in range(len(HOSTILE))})
    assert [(e.name, sorted(e.attributes)) for e in page.elements] == [
        (e.name, sorted(e.attributes)) for e in plain.elements
    ]


@pytest.mark.usefixtures("no_curves")
def test_a_reason_of_a_failure_is_text() -> None:
    page = Page(LIMIT, {})
    page.add(*compared("a.png", PNG))
    page.fail("<b>broken</b>.png", "not <i>an image</i>")
    parsed = Parsed(page.render().decode())
    (failure,) = (each for each in parsed.find("li") if each.within("ul", **{"class": "failures"}))
    assert failure.text == ": not <i>an image</i>"


def test_each_entry_of_the_palette_has_its_color_and_its_share(photo: Photo) -> None:
    page, (sides,) = photo
    buttons = [each for each in page.find("button") if "data-color" in each.attributes]
    counts = np.bincount(sides.image.indices.reshape(-1))
    expected = {"#" + color.tobytes().hex(): n for color, n in zip(sides.image.palette, counts, strict=True)}
    assert {b.attributes["data-color"]: int(b.attributes["data-pixels"]) for b in buttons} == expected
    pixels = [int(button.attributes["data-pixels"]) for button in buttons]
    assert sum(pixels) == sides.image.indices.size
    assert pixels == sorted(pixels, reverse=True)
    for button in buttons:
        color, n = button.attributes["data-color"], int(button.attributes["data-pixels"])
        assert button.attributes["title"].startswith(f"{color}, {percent(n / sum(pixels))}, entry ")


def test_shares_are_readable() -> None:
    assert [percent(share) for share in (1.0, 0.1234, 0.0009, 0.0)] == ["100.0 %", "12.3 %", "< 0.1 %", "0.0 %"]


@pytest.mark.usefixtures("no_curves")
def test_a_palette_with_alpha_shows_it() -> None:
    page, (sides,) = page_of({"icon.png": png(soft_icon())})
    colors = {button.attributes.get("data-color") for button in page.find("button")} - {None}
    assert colors == {"#" + color.tobytes().hex() for color in sides.image.palette}
    assert {len(color) for color in colors if color} == {9}


def test_bars_are_as_long_as_their_formats_are_large(photo: Photo) -> None:
    page, (sides,) = photo
    rows = [each for each in page.find("tr") if each.within("table", **{"class": "formats"}) and each.within("tbody")]
    bytes_of = {}
    lengths = {}
    for row in rows:
        own = [each for each in page.elements if row in each.parents]
        name = next(each.text for each in own if each.name == "th")
        bytes_of[name] = int(next(each.text for each in own if each.name == "td").replace(",", ""))
        lengths[name] = float(
            next(each for each in own if each.name == "i").attributes["style"].removeprefix("--length:")
        )
    assert bytes_of["PNG"] == len(sides.original_png)
    assert set(bytes_of) == {"original file", "PNG", "indexed PNG", "kpal mix"}
    longest = max(bytes_of.values())
    assert lengths == pytest.approx({name: size / longest for name, size in bytes_of.items()}, abs=1e-4)


def test_plots_have_a_point_for_each_number_of_colors(photo: Photo) -> None:
    page, _ = photo
    first = page.find("figure", "plot")[0]
    labels = [each.text for each in page.find("title") if first in each.parents and each.within("g")]
    ours = [label for label in labels if label.startswith("kpal")]
    assert len(ours) == 8
    sizes = [int(re.search(r"([\d,]+) bytes", label)[1].replace(",", "")) for label in ours]  # type: ignore[index]
    assert sizes == sorted(sizes)
    assert len(labels) == len(ours) + 8 * pngquant.installed()


@pytest.mark.usefixtures("no_curves")
def test_an_image_without_errors_says_so() -> None:
    page, _ = page_of({"flat.png": png(poster(40, 50, 5).pixels())})
    assert "No pixel differs." in page.text()
    assert "amplified" not in page.text()


@pytest.mark.usefixtures("no_curves")
def test_several_images_have_an_index_and_totals() -> None:
    page, sides = page_of({"a.png": PNG, "b.png": png(soft_icon())})
    links = [each.attributes["href"] for each in page.find("a") if each.within("table")]
    assert links == [f"#{each.attributes['id']}" for each in page.find("article")]
    rows = [each for each in page.find("tr") if each.within("section", **{"class": "index"}) and each.within("tbody")]
    assert len(rows) == 2
    assert f"{sum(len(each.original_png) for each in sides):,}" in page.text()
    for image in page.find("img"):
        if image.within("tr"):
            assert max(pixels_of(image.attributes["src"]).shape[:2]) <= 96


def test_one_image_has_neither_index_nor_totals(photo: Photo) -> None:
    page, _ = photo
    assert page.find("a") == links_to_files(page)
    assert not page.find("section", "index")
    assert not page.find("section", "total")


def large(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (300, 600, 3), dtype=np.uint8)
    return png(np.minimum(pixels, 40 * seed))


@pytest.mark.usefixtures("no_curves")
def test_beyond_the_limit_images_are_reduced_and_then_only_in_the_index() -> None:
    found = [compared(f"{seed}.png", large(seed), colors=16, speed="fast") for seed in (1, 2, 3)]
    everything = page_with(found, LIMIT, colors=16)
    assert len(everything.find("figure", "viewer")) == 3
    assert "limited" not in everything.text()
    reduced = {}
    for limit in (1_200_000, 300_000, 100_000):
        page = page_with(found, limit, colors=16)
        assert len(page.page.encode()) <= limit
        viewers = page.find("figure", "viewer")
        reduced[limit] = (sum("data-exact" in v.attributes for v in viewers), len(viewers))
        assert (
            f"This page is limited to {limit / 1e6:g}M" in page.text() or f"limited to {limit // 1000}k" in page.text()
        )
        assert "--html-max-size" in page.text()
        assert len([each for each in page.find("img") if each.within("tr")]) == 3
    exact, shown = zip(*reduced.values(), strict=True)
    assert exact == tuple(sorted(exact, reverse=True))
    assert shown == tuple(sorted(shown, reverse=True))
    assert exact[0] > exact[-1]
    assert shown[0] == 3 > shown[-1]


@pytest.mark.usefixtures("no_curves")
def test_only_a_page_with_exact_pictures_has_the_decoder() -> None:
    photo, icon = compared("large.png", large(3), colors=16, speed="fast"), compared("icon.png", png(soft_icon()))
    for found, limit, shown, exact in (
        ([photo, icon], LIMIT, 2, 2),
        ([photo, icon], 500_000, 2, 1),
        ([photo], 350_000, 1, 0),
        ([icon], 100_000, 0, 0),
    ):
        page = page_with(found, limit)
        assert (len(page.find("figure", "viewer")), len(links_to_files(page))) == (shown, exact)
        assert bool([each for each in page.find("script") if each.attributes.get("id") == "decoder"]) == bool(exact)
        assert len(page.page.encode()) <= limit


@pytest.mark.usefixtures("no_curves")
def test_the_size_that_the_note_names_shows_every_pixel() -> None:
    found = [compared(f"{seed}.png", large(seed), colors=16, speed="fast") for seed in (1, 2)]
    page = page_with(found, 300_000, colors=16)
    named = re.search(r"--html-max-size ([\d.]+)M", page.text())
    assert named
    page = page_with(found, int(float(named[1]) * 1e6), colors=16)
    assert sum("data-exact" in viewer.attributes for viewer in page.find("figure", "viewer")) == 2


@pytest.mark.usefixtures("no_curves")
def test_memory_does_not_grow_with_the_images() -> None:
    page = Page(400_000, {"colors": 16})
    found = compared("a.png", large(3), colors=16, speed="fast")
    for _ in range(4):
        page.add(*found)
    held = [entry.exact for entry in page._entries if entry.exact] + [e.reduced for e in page._entries if e.reduced]
    assert sum(map(len, held)) <= 2 * 400_000


@pytest.mark.usefixtures("no_curves")
def test_a_turned_photo_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = gradient()
    page, _ = page_of({"turned.png": png(pixels, exif=exif)}, colors=40)
    original, kpal = (page.find("img", side)[-1] for side in ("original", "kpal"))
    assert np.array_equal(pixels_of(original.attributes["src"]), np.rot90(pixels, -1))
    assert original.attributes["width"] == kpal.attributes["width"] == str(len(pixels))
    (link,) = links_to_files(page)
    assert link.attributes["data-orientation"] == "6", "the script turns what it decodes"


def test_options_that_are_not_defaults_are_named() -> None:
    options = {"colors": 64, "dither": "ordered", "rate": None, "palette": np.zeros((5, 3), np.uint8), "exact": False}
    assert described(options) == ["colors 64", "dither ordered", "palette of 5 colours"]


def test_a_given_palette_has_no_curve_of_kpal() -> None:
    page, _ = page_of({"a.png": PNG}, palette=np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    assert not any(each.text.startswith("kpal") for each in page.find("title") if each.within("g"))


def test_labels_name_every_control(photo: Photo) -> None:
    page, _ = photo
    for element in page.elements:
        if element.name == "img":
            assert "alt" in element.attributes
        if element.name == "input" and element.attributes["type"] == "range":
            assert element.attributes["aria-label"]
    (html,) = page.find("html")
    assert html.attributes["lang"] == "en"
