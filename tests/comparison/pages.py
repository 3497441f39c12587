"""Pages to test, and what a page holds."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import numpy as np
from PIL import Image

from kpal.comparison.formats import Comparison, Row, Sides
from kpal.comparison.page import Page
from kpal.metrics.scores import psnr
from kpal.pixels import to_array
from kpal.quantizer import quantize
from kpal_format import U8, encode_indexed

LIMIT = 8_000_000
_VOID = ("meta", "link", "img", "input", "br")


@dataclass(eq=False)
class Element:
    """An element of a page: its name, attributes, parents from the outermost on, and the text directly in it."""

    name: str
    attributes: dict[str, str]
    parents: tuple[Element, ...]
    text: str = ""

    def within(self, name: str, **attributes: str) -> bool:
        return any(each.name == name and attributes.items() <= each.attributes.items() for each in self.parents)


@dataclass
class Parsed(HTMLParser):
    """The elements of a page, in order."""

    page: str
    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self._open: list[Element] = []
        self.feed(self.page)
        self.close()
        assert not self._open, "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data

    def find(self, name: str, css_class: str = "") -> list[Element]:
        """The elements of this name that have the class."""
        return [
            each
            for each in self.elements
            if each.name == name and (not css_class or css_class in each.attributes.get("class", "").split())
        ]

    def text(self) -> str:
        """The text of the page without style and script."""
        words = [each.text for each in self.elements if each.name not in ("style", "script")]
        return " ".join(" ".join(words).split())


def png(pixels: U8 | Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, "PNG", **options)
    return file.getvalue()


def compared(name: str, data: bytes, **options: Any) -> tuple[Comparison, Sides]:
    """What `compare` tells of an image, with one peer and made-up times instead of the slow encoders."""
    with Image.open(io.BytesIO(data)) as opened:
        orientation = opened.getexif().get(0x0112, 1)
        original = to_array(opened)
    image = quantize(original, **options)
    indexed, file = png(image.to_pillow()), encode_indexed(image)
    rows = [
        Row("original", "original file", len(data), None, 1.0),
        Row("png", "PNG", len(png(original)), 1.0, 1.0),
        Row("peer", "indexed PNG", len(indexed), 1.0, 1.0),
        Row("kpal", "kpal mix", len(file), 1.0, 1.0),
    ]
    height, width = image.indices.shape
    error = psnr(original, image.pixels())
    comparison = Comparison(name, width, height, len(image.palette), 1.0, error, None, rows)
    return comparison, Sides(original, image, png(original), file, orientation)


def page_of(images: dict[str, bytes], limit: int = LIMIT, **options: Any) -> tuple[Parsed, list[Sides]]:
    """The page that compares the images with these options of `quantize`, and the sides of each."""
    found = [compared(name, data, **options) for name, data in images.items()]
    return page_with(found, limit, **options), [sides for _, sides in found]


def page_with(found: list[tuple[Comparison, Sides]], limit: int, **options: Any) -> Parsed:
    page = Page(limit, options)
    for comparison, sides in found:
        page.add(comparison, sides)
    return Parsed(page.render().decode())


def decoded(url: str) -> Image.Image:
    """The picture in a data URL."""
    head, _, data = url.partition(",")
    assert head in ("data:image/png;base64", "data:image/webp;base64")
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


def file_of(link: Element) -> bytes:
    """The `.kpal` file behind a link."""
    head, _, data = link.attributes["href"].partition(",")
    assert head == "data:image/x-kpal;base64"
    return base64.b64decode(data, validate=True)


def links_to_files(page: Parsed) -> list[Element]:
    return [link for link in page.find("a") if "download" in link.attributes]


def pixels_of(url: str) -> U8:
    image = decoded(url)
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
