"""The stages as plain Python (mixing/README.md).

Where kernel.pyx is compiled, Python finds that module of the same name first.
"""

from typing import Final

from .mixing.rate_choice import ChoosingTile
from .mixing.tile import Tile
from .palette.color_set import ColorSet

__all__ = ["COMPILED", "ChoosingTile", "ColorSet", "Tile"]

COMPILED: Final = False
