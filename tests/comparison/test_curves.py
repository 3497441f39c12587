"""The curves of bytes against colours and score."""

from __future__ import annotations

import numpy as np
import pytest

from kpal.comparison import curves, pngquant
from kpal.comparison.curves import COLORS, Curve, Point, measure, sample
from kpal.comparison.plots import BOTTOM, LEFT, RIGHT, TOP, plots
from kpal.quantizer import quantize
from kpal_format import encode_indexed

from ..images import gradient, random_indexed, soft_icon


def test_points_are_files_of_at_most_so_many_colors() -> None:
    pixels = gradient()
    ours = measure(pixels, {})[0]
    assert [point.colors for point in ours.points] == list(COLORS)
    for point in ours.points[::3]:
        image = quantize(pixels, point.colors, speed="fast")
        assert len(encode_indexed(image)) == point.bytes


def test_curves_end_where_nothing_is_lost() -> None:
    found = measure(random_indexed(40, 50, 11).pixels(), {})
    for curve in found:
        assert curve.points[-1].colors == 11
        assert len(curve.points) == 4


def test_options_of_the_comparison_apply() -> None:
    fixed = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)
    ours = measure(gradient(), {"colors": 4, "speed": "default", "quality": (10, 20), "fixed": fixed})[0]
    assert [point.colors for point in ours.points[:-1]] == [4, 8, 16, 32, 64, 128]


def test_without_its_packages_pngquant_has_no_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pngquant, "installed", lambda: False)
    assert [curve.name for curve in measure(soft_icon(12), {})] == [curves.measure(soft_icon(12), {})[0].name]


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (128, 128, (128, 128)),
        (200, 300, (128, 128)),
        (3, 5000, (3, 5000)),
        (20, 5000, (20, 816)),
        (5000, 20, (816, 20)),
    ],
)
def test_samples_of_large_images_are_small_and_spread(height: int, width: int, expected: tuple[int, int]) -> None:
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack((rows >> 8, rows & 255, columns >> 8), axis=2).astype(np.uint8)
    part = sample(pixels)
    assert part.shape[:2] == expected
    covered = part[:, :, 0].astype(int) << 8 | part[:, :, 1]
    assert covered.min() <= height // 4
    assert covered.max() >= height - 1 - height // 4
    assert (np.diff(covered[:, 0]) > 0).all()


def curve(name: str, *points: tuple[int, int, float | None]) -> Curve:
    return Curve(name, [Point(*point) for point in points])


def test_plots_place_points_between_their_axes() -> None:
    of_colors, of_scores = plots(
        [
            curve("kpal mix", (2, 100, -8.0), (16, 550, 50.0), (256, 1000, 90.0)),
            curve("pngquant, oxipng", (2, 120, -10.0), (256, 1900, 92.0)),
        ]
    )
    ours, theirs = of_colors.curves.values()
    assert (ours[0].x, ours[-1].x) == (LEFT, RIGHT)
    assert ours[1].x == pytest.approx(LEFT + (RIGHT - LEFT) * 3 / 7, abs=0.1)
    assert [tick.label for tick in of_colors.y_ticks] == ["0", "500", "1,000", "1,500", "2,000"]
    assert (of_colors.y_ticks[0].at, of_colors.y_ticks[-1].at) == (BOTTOM, TOP)
    assert ours[-1].y == (BOTTOM + TOP) / 2
    assert ours[-1].label == "kpal mix, 256 colours: 1,000 bytes, SSIMULACRA2 90.0"
    assert [tick.label for tick in of_colors.x_ticks] == ["2", "4", "8", "16", "32", "64", "128", "256"]
    assert [len(markers) for markers in of_scores.curves.values()] == [2, 1]
    assert [tick.label for tick in of_scores.x_ticks] == ["50", "60", "70", "80", "90", "100"]
    assert len(theirs) == 2


def test_without_scores_or_colors_to_compare_there_is_no_plot() -> None:
    assert plots([curve("kpal mix", (1, 22, None))]) == []
    assert plots([]) == []
    (only,) = plots([curve("kpal mix", (2, 22, None), (4, 30, None))])
    assert only.x_name == "colours"
