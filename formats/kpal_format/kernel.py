"""The stages of the model (mixing/README.md) as plain Python.

If kernel.pyx is compiled, Python imports the compiled module of the same name instead.
"""

from typing import Final

from .mixing.rate_choice import ChoosingTile
from .mixing.tile import Tile
from .palette.color_set import ColorSet

__all__ = ["COMPILED", "ChoosingTile", "ColorSet", "Tile"]

COMPILED: Final = False
