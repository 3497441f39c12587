"""Comparisons as one HTML page that needs nothing else: no network, no other files.

The templates, the style and the script are in the folder `page`. Names of files may be hostile: the templates escape
every value, and the page's security policy allows no script but its own.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from markupsafe import Markup

from kpal_format import U8

from .. import __version__
from ..quantizer.options import QuantizeOptions
from . import curves, pictures, plots
from .formats import Comparison, Row, Sides, saving, totals, verdict

if TYPE_CHECKING:
    from jinja2 import Template

_LABELLED: Final = 32  # colours of the largest palette whose colours are labelled
_NOTES: Final = 2_000  # bytes left for the notes about pictures that the limit leaves out


@dataclass(frozen=True)
class Bar:
    """A row of a table of formats: its length relative to the longest, and the bytes it saves on PNG in per cent."""

    row: Row
    length: float
    saving: float


@dataclass(frozen=True)
class Swatch:
    """An entry of a palette: its index, its colour as #rrggbb or #rrggbbaa, and its pixels."""

    index: int
    color: str
    pixels: int
    share: str


@dataclass
class _Entry:
    """One image: its row in the index, and its section, with exact and with reduced pictures, while there is room."""

    comparison: Comparison
    thumbnail: str
    exact: bytes | None
    reduced: bytes | None  # the same as `exact` for small images
    needed: int  # bytes of `exact`, even where it has been dropped

    @property
    def smallest(self) -> tuple[Row, Row, Row]:
        """As in `summary`."""
        return summary(self.comparison.rows)

    @property
    def score(self) -> float:
        """The score to sort by: 100 without loss, and below all others without a score."""
        if math.isinf(self.comparison.psnr_db):
            return 100.0
        return -math.inf if self.comparison.ssimulacra2 is None else self.comparison.ssimulacra2


class Page:
    """A page that grows image by image.

    limit: the maximum size in bytes. Images that would exceed it are shown reduced, or else only in the index; small
        images come first. The index itself is never shortened.
    options: of `quantize`, as for `compare`.
    """

    def __init__(self, limit: int, options: dict[str, Any]) -> None:
        self._limit = limit
        self._options = options
        self._entries: list[_Entry] = []
        self._failures: list[tuple[str, str]] = []

    def add(self, comparison: Comparison, sides: Sides) -> None:
        """Adds an image; `sides` as `compare` tells them."""
        levels = pictures.differences(sides)
        exact = pictures.exact(sides, levels)
        # The curves of a single frame would tell little of an animation.
        sample = curves.sample(sides.original) if sides.frames == 1 else None
        measured = [] if sample is None else plots.plots(curves.measure(sample, self._options))
        facts = {
            "number": len(self._entries) + 1,
            "comparison": comparison,
            "verdict": verdict(comparison.rows, lossless=math.isinf(comparison.psnr_db)),
            "bars": bars(comparison.rows),
            "smallest": summary(comparison.rows)[2].bytes,
            "swatches": swatches(sides),
            "labelled": len(sides.image.palette) <= _LABELLED,
            "plots": measured,
            "sample": None if sample is None or sample.shape == sides.original.shape else sample.shape[1::-1],
            "frame": plots,
            "file_name": f"{Path(comparison.name).stem}.kpal",
            "orientation": sides.orientation,
            "full": (exact.width, exact.height),
            "identical": not levels.any(),
            "amplified": pictures.AMPLIFIED,
            "scale": pictures.scale(),
        }
        section = _section(exact, facts)
        reduced = pictures.reduced(sides, levels)
        small = section if reduced is None else min(section, _section(reduced, facts), key=len)
        self._entries.append(_Entry(comparison, exact.kpal, section, small, len(section)))
        self._drop("exact")
        self._drop("reduced")

    def fail(self, name: str, reason: str) -> None:
        """Adds an input that could not be compared."""
        self._failures.append((name, reason))

    def render(self) -> bytes:
        """The page, at most `limit` bytes unless its index is larger."""
        shell = len(self._rendered({}, 0)) + _NOTES
        decoder = len(_text("decoder.js"))
        left = self._limit - shell
        # Only exact pictures need the decoder: below a small limit, there may be room for more images without them.
        choices = [self._chosen(left - decoder, exact=True), self._chosen(left, exact=False)]
        needed = shell + decoder + sum(entry.needed for entry in self._entries)
        return self._rendered(max(choices, key=len), needed)

    def _chosen(self, left: int, *, exact: bool) -> dict[int, bytes]:
        """The sections that fit into so many bytes, each by the number of its image."""
        sections: dict[int, bytes] = {}
        for name in ("reduced", "exact"):
            found = {i: getattr(entry, name) for i, entry in enumerate(self._entries)}
            for i, section in sorted(found.items(), key=lambda item: len(item[1] or b"")):
                if section is None or not (exact or self._is_reduced(i, section)):
                    continue
                needed = len(section) - len(sections.get(i, b""))
                if needed <= left:
                    sections[i] = section
                    left -= needed
        return sections

    def _is_reduced(self, i: int, section: bytes) -> bool:
        return len(section) < self._entries[i].needed

    def _drop(self, name: str) -> None:
        """Forgets the largest sections that would not all fit on the page, so that memory does not grow with images."""
        kept = [entry for entry in self._entries if getattr(entry, name) is not None]
        kept.sort(key=lambda entry: len(getattr(entry, name)))
        size = sum(len(getattr(entry, name)) for entry in kept)
        while size > self._limit:
            largest = kept.pop()
            size -= len(getattr(largest, name))
            setattr(largest, name, None)

    def _rendered(self, sections: dict[int, bytes], needed: int) -> bytes:
        """The page with these sections; it says that `needed` bytes would show every pixel."""
        comparisons = [entry.comparison for entry in self._entries]
        total = totals(comparisons)
        style, script = _text("page.css"), _text("page.js")
        left_out = [i for i in range(len(self._entries)) if i not in sections]
        reduced = [i for i, section in sections.items() if self._is_reduced(i, section)]
        page = _template("page.html").render(
            version=__version__,
            style=Markup(style),  # noqa: S704  # our own file
            script=Markup(script),  # noqa: S704
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            entries=self._entries,
            decoder=Markup(_text("decoder.js")) if len(reduced) < len(sections) else None,  # noqa: S704
            sections=[Markup(sections[i].decode()) for i in sorted(sections)],  # noqa: S704  # the template has escaped it
            shown=set(sections),
            moving=any(entry.comparison.frames > 1 for entry in self._entries),
            left_out=len(left_out),
            reduced=len(reduced),
            needed=_short_size(needed),
            limit=_short_size(self._limit),
            total=bars(total),
            summary=summary(total),
            verdict=verdict(total, lossless=all(math.isinf(comparison.psnr_db) for comparison in comparisons)),
            failures=self._failures,
            options=described(self._options),
        )
        return page.encode()


def bars(rows: list[Row]) -> list[Bar]:
    """The rows for a table, each with the length of its bar."""
    longest = max(row.bytes for row in rows)
    return [Bar(row, row.bytes / longest, saving(row, rows)) for row in rows]


def summary(rows: list[Row]) -> tuple[Row, Row, Row]:
    """The PNG of the original pixels, the smallest peer, and the smallest of kpal."""

    def smallest(kind: str) -> Row:
        return min((row for row in rows if row.kind == kind), key=lambda row: row.bytes)

    return smallest("png"), smallest("peer"), smallest("kpal")


def swatches(sides: Sides) -> list[Swatch]:
    """The entries of the palette, the most frequent first."""
    palette = sides.image.palette
    counts = _counts(sides.image.indices, len(palette)) if sides.counts is None else sides.counts
    pixels = int(counts.sum())
    order = np.argsort(-counts, kind="stable")
    return [
        Swatch(i, "#" + palette[i].tobytes().hex(), int(counts[i]), percent(counts[i] / pixels)) for i in order.tolist()
    ]


def _short_size(size: int) -> str:
    """A size as `--html-max-size` takes it, rounded up."""
    return f"{math.ceil(size / 100_000) / 10:g}M" if size >= 1_000_000 else f"{math.ceil(size / 1000)}k"


def percent(share: float) -> str:
    """A share of pixels, for people."""
    per_cent = 100 * share
    return f"{per_cent:.1f} %" if per_cent >= 0.1 or not share else "< 0.1 %"


def described(options: dict[str, Any]) -> list[str]:
    """The options that differ from the defaults, for people."""
    defaults = {field.name: field.default for field in dataclasses.fields(QuantizeOptions)}
    changed = {name: value for name, value in options.items() if value is not defaults[name]}
    return [
        f"{name.replace('_', ' ')} {f'of {len(value)} colours' if isinstance(value, np.ndarray) else value}"
        for name, value in changed.items()
        if isinstance(value, np.ndarray) or value != defaults[name]
    ]


def _counts(indices: U8, colors: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    counts = np.zeros(colors, np.intp)
    for row in indices:  # numpy widens what it counts
        counts += np.bincount(row, minlength=colors)
    return counts


def _section(shown: pictures.Pictures, facts: dict[str, Any]) -> bytes:
    return _template("image.html").render(shown=shown, **facts).encode()


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("kpal.comparison", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


@cache
def _text(name: str) -> str:
    return files("kpal.comparison").joinpath("page", name).read_text(encoding="utf-8")
