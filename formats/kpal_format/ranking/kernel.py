"""The stages of the coder `fast` as plain Python.

If kernel.pyx is compiled, Python imports the compiled module of the same name instead.
"""

from typing import Final

from .tile import Tile

__all__ = ["COMPILED", "Tile"]

COMPILED: Final = False
