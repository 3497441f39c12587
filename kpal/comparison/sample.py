"""A sample picture of typical content for kpal, drawn by code: text, a chart, gradients, icons with soft alpha."""

from __future__ import annotations

import math
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

WIDTH: Final = 900
HEIGHT: Final = 600
_OVER: Final = 3  # the picture is drawn larger, then reduced, for the soft edges of a real screenshot

_INK: Final = (38, 43, 56, 255)
_FAINT: Final = (122, 130, 148, 255)
_GRID: Final = (226, 230, 238, 255)
_PANEL: Final = (255, 255, 255, 255)
_SERIES: Final = ((66, 120, 220, 255), (236, 128, 54, 255), (58, 170, 112, 255))


def draw() -> Image.Image:
    """The sample picture, mode RGBA, 900 x 600 pixels, the same in every run."""
    canvas = _background()
    canvas.alpha_composite(_shadow((30, 40, 870, 570), radius=18, blur=14))
    ImageDraw.Draw(canvas).rounded_rectangle(_scaled(30, 34, 870, 560), 14 * _OVER, fill=_PANEL)
    _title_bar(canvas)
    _chart(canvas, 60, 130, 560, 520)
    _sidebar(canvas, 600, 130)
    return canvas.reduce(_OVER)


def _background() -> Image.Image:
    """The area around the window: a gradient that fades to transparent on the left."""
    size = (WIDTH * _OVER, HEIGHT * _OVER)
    fade = Image.linear_gradient("L").rotate(90).resize(size)
    colors = Image.merge(
        "RGB", (fade.point(lambda v: 90 + v // 4), fade.point(lambda v: 120 + v // 3), Image.new("L", size, 220))
    )
    colors.putalpha(fade.point(lambda v: 255 - v))
    return colors


def _shadow(box: tuple[int, int, int, int], radius: int, blur: int) -> Image.Image:
    alpha = Image.new("L", (WIDTH * _OVER, HEIGHT * _OVER), 0)
    ImageDraw.Draw(alpha).rounded_rectangle(_scaled(*box), radius * _OVER, fill=110)
    shadow = Image.new("RGBA", alpha.size, (20, 24, 40, 0))
    shadow.putalpha(alpha.filter(ImageFilter.GaussianBlur(blur * _OVER)))
    return shadow


def _title_bar(canvas: Image.Image) -> None:
    pen = ImageDraw.Draw(canvas)
    for i, color in enumerate(((255, 95, 87, 255), (254, 188, 46, 255), (40, 200, 64, 255))):
        pen.ellipse(_scaled(50 + 22 * i, 52, 63 + 22 * i, 65), fill=color)
    _text(canvas, (130, 47), "Quarterly report", 18, _INK)
    _text(canvas, (60, 92), "Requests served, in millions", 15, _FAINT)
    pen.line(_scaled(30, 80, 870, 80), fill=_GRID, width=_OVER)


def _chart(canvas: Image.Image, left: int, top: int, right: int, bottom: int) -> None:
    pen = ImageDraw.Draw(canvas)
    for i in range(6):
        y = bottom - 30 - i * (bottom - top - 40) // 5
        pen.line(_scaled(left + 34, y, right, y), fill=_GRID, width=_OVER)
        _text(canvas, (left, y - 9), f"{20 * i:3d}", 13, _FAINT)
    for i, month in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug")):
        _text(canvas, (left + 40 + i * 57, bottom - 22), month, 13, _FAINT)
    for n, color in enumerate(_SERIES):
        points = []
        for x in range(left + 36, right, 2):
            t = (x - left) / (right - left)
            level = 40 + 70 * n + 60 * t * (n + 1) / 2 + 28 * math.sin(7 * t + 2 * n) + 9 * math.sin(23 * t + n)
            points.append((x * _OVER, (bottom - 30 - level) * _OVER))
        area = Image.new("L", canvas.size, 0)
        ImageDraw.Draw(area).polygon(
            [*points, (points[-1][0], (bottom - 30) * _OVER), (points[0][0], (bottom - 30) * _OVER)], fill=34
        )
        canvas.paste(Image.new("RGBA", canvas.size, color), mask=area)
        pen.line(points, fill=color, width=5 * _OVER // 2, joint="curve")


def _sidebar(canvas: Image.Image, left: int, top: int) -> None:
    pen = ImageDraw.Draw(canvas)
    for i, (label, color) in enumerate(zip(("Europe", "Americas", "Asia-Pacific"), _SERIES, strict=True)):
        y = top + 30 * i
        pen.rounded_rectangle(_scaled(left, y + 3, left + 14, y + 17), 3 * _OVER, fill=color)
        _text(canvas, (left + 24, y), label, 15, _INK)
    bar = Image.linear_gradient("L").rotate(90).resize((230 * _OVER, 18 * _OVER))
    heat = Image.merge(
        "RGB",
        (
            bar,
            ImageChops.multiply(bar, ImageChops.invert(bar)).point(lambda v: min(255, 4 * v)),
            ImageChops.invert(bar),
        ),
    )
    canvas.paste(heat, (left * _OVER, (top + 112) * _OVER))
    _text(canvas, (left, top + 136), "cold", 13, _FAINT)
    _text(canvas, (left + 206, top + 136), "hot", 13, _FAINT)
    for i, color in enumerate((*_SERIES, (150, 90, 200, 255))):
        _icon(canvas, left + 60 * i, top + 180, color)
    lines = (
        "kpal keeps a palette and the",
        "index of every pixel. Sharp",
        "edges stay sharp, flat areas",
        "stay flat, soft shadows stay",
        "soft.",
    )
    _text(canvas, (left, top + 262), "\n".join(lines), 15, _INK)


def _icon(canvas: Image.Image, x: int, y: int, color: tuple[int, int, int, int]) -> None:
    """A glossy disc with a soft shadow."""
    canvas.alpha_composite(_shadow((x + 3, y + 8, x + 47, y + 52), radius=22, blur=4))
    disc = Image.new("L", canvas.size, 0)
    ImageDraw.Draw(disc).ellipse(_scaled(x, y, x + 46, y + 46), fill=255)
    shine = Image.radial_gradient("L").resize((92 * _OVER, 92 * _OVER)).point(lambda v: max(0, 150 - v))
    face = Image.new("RGBA", canvas.size, color)
    face.paste((255, 255, 255, 255), ((x - 30) * _OVER, (y - 34) * _OVER), shine)
    canvas.paste(face, mask=disc)


def _text(canvas: Image.Image, at: tuple[int, int], text: str, size: int, color: tuple[int, int, int, int]) -> None:
    font = ImageFont.load_default(size * _OVER)
    ImageDraw.Draw(canvas).text((at[0] * _OVER, at[1] * _OVER), text, fill=color, font=font, spacing=5 * _OVER)


def _scaled(*values: int) -> tuple[float, ...]:
    return tuple(float(v * _OVER) for v in values)
