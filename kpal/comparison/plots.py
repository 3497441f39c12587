"""Plots of curves: where lines, points and ticks are in the drawing. The page draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .curves import Curve, Point

WIDTH: Final = 480
HEIGHT: Final = 280
LEFT, RIGHT, TOP, BOTTOM = 58, 466, 14, 236  # the edges of the area that holds the curves
_BEST: Final = 100  # the score of equal images
_TICKS: Final = 5  # about as many on an axis


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Marker:
    """A point of a curve, with what a pointer over it tells."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Plot:
    """Axes and curves, in units of the drawing, from the top left.

    x_ticks: increasing along the horizontal axis named `x_name`; y_ticks: along the vertical axis, which is bytes.
    curves: for each name the markers, from left to right.
    """

    title: str
    x_name: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    curves: dict[str, list[Marker]]


def plots(curves: list[Curve]) -> list[Plot]:
    """Bytes against colours, and against the score where there are scores; none if no curve has two points."""
    found = []
    if any(len(curve.points) > 1 for curve in curves):
        found.append(_of_colors(curves))
    scored = [Curve(curve.name, [point for point in curve.points if (point.score or -1) >= 0]) for curve in curves]
    if any(len(curve.points) > 1 for curve in scored):
        found.append(_of_scores([curve for curve in scored if curve.points]))
    return found


def _of_colors(curves: list[Curve]) -> Plot:
    numbers = [point.colors for curve in curves for point in curve.points]
    first, last = (math.log2(edge(numbers)) for edge in (min, max))
    powers = range(math.ceil(first), math.floor(last) + 1)
    ticks = {str(2**power): float(power) for power in powers}
    return _plot("Bytes against colours", "colours", curves, _octave, ticks, (first, last))


def _of_scores(curves: list[Curve]) -> Plot:
    worst = min(_score(point) for curve in curves for point in curve.points)
    step = 10 if worst >= _BEST / 2 else 20
    first = step * math.floor(min(worst, _BEST - 1) / step)
    ticks = {str(score): float(score) for score in range(first, _BEST + 1, step)}
    return _plot("Bytes against score", "SSIMULACRA2", curves, _score, ticks, (first, _BEST))


def _octave(point: Point) -> float:
    return math.log2(point.colors)


def _score(point: Point) -> float:
    assert point.score is not None
    return point.score


def _plot(
    title: str,
    x_name: str,
    curves: list[Curve],
    position: Callable[[Point], float],
    ticks: dict[str, float],
    ends: tuple[float, float],
) -> Plot:
    """position: where a point is on the horizontal axis, whose ends are `ends`; ticks: labels and their positions."""
    step = _step(max(point.bytes for curve in curves for point in curve.points))
    most = max(math.ceil(point.bytes / step) for curve in curves for point in curve.points)

    def x(value: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (value - ends[0]) / max(ends[1] - ends[0], 1e-9), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / (most * step), 1)

    return Plot(
        title,
        x_name,
        [Tick(x(at), label) for label, at in ticks.items()],
        [Tick(y(count * step), f"{count * step:,}") for count in range(most + 1)],
        {
            curve.name: [
                Marker(x(position(point)), y(point.bytes), _label(curve.name, point))
                for point in sorted(curve.points, key=position)
            ]
            for curve in curves
        },
    )


def _step(most: int) -> int:
    """The distance of ticks, 1, 2 or 5 times a power of ten, for about five of them up to `most`."""
    magnitude = int(10 ** math.floor(math.log10(max(most / _TICKS, 1))))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude * _TICKS >= most)


def _label(name: str, point: Point) -> str:
    score = "" if point.score is None else f", SSIMULACRA2 {point.score:.1f}"
    return f"{name}, {point.colors} colour{'s' * (point.colors != 1)}: {point.bytes:,} bytes{score}"
