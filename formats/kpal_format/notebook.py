"""Indexed images as Jupyter notebooks show them: a picture, or a picture with its size and its palette.

Pillow, which nothing else in this package needs, is imported where it is used.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .indexed import IndexedImage

_LARGEST: Final = 2048  # pixels a side; larger pictures are reduced, because a notebook stores all that it shows
_SMALLEST: Final = 128  # pixels on the screen; smaller pictures are enlarged
_CHECKERS: Final = "repeating-conic-gradient(#8882 0 25%, #0000 0 50%) 0 0 / 16px 16px"


def png(image: IndexedImage) -> bytes:
    """The picture as an indexed PNG of exactly its pixels; reduced, if it has more than 2048 a side."""
    pillow = image.to_pillow()
    if max(pillow.size) > _LARGEST:
        pillow = pillow.convert("RGBA" if pillow.has_transparency_data else "RGB")
        pillow.thumbnail((_LARGEST, _LARGEST))
    file = io.BytesIO()
    pillow.save(file, "PNG")
    return file.getvalue()


def html(image: IndexedImage) -> str:
    """The picture over checkers, its size, and its palette as a strip of colours."""
    height, width = image.indices.shape
    url = f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"
    colors = ["#" + color.tobytes().hex() for color in image.palette]
    entries = "".join(
        f'<i title="{i}: {color}" style="flex:1;background:{color}"></i>' for i, color in enumerate(colors)
    )
    return (
        '<div style="display:inline-block;max-width:100%">'
        f'<img alt="{describe(image)}" width="{width * max(1, _SMALLEST // max(width, height))}" src="{url}"'
        f' style="max-width:100%;image-rendering:pixelated;background:{_CHECKERS}">'
        f'<div style="display:flex;height:12px;margin:4px 0;background:{_CHECKERS}">{entries}</div>'
        f"<small>{describe(image)}</small></div>"
    )


def describe(image: IndexedImage) -> str:
    """The size and the number of colours, for people."""
    height, width = image.indices.shape
    colors, channels = image.palette.shape
    return f"{width} x {height}, {colors} colour{'s' * (colors != 1)}{' with alpha' * (channels == 4)}"
