"""The stages as plain Python, where they could not be compiled (kernel.pyx): the compiled module would hide this one."""

from typing import Final

from .mixing.rate_choice import ChoosingTile
from .mixing.tile import Tile
from .palette.color_set import ColorSet

__all__ = ["COMPILED", "ChoosingTile", "ColorSet", "Tile"]

COMPILED: Final = False
