"""The index coders (KPAL.md, section 5).

A coder, a module or an object, has an ID (its number in the file), a NAME (its name everywhere else), and the
functions `encode` and `decode` with the signatures below. To add one, write its module and name it in `_CODERS`.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..indexed import U8
from . import fast, zstd
from .mix import MAX, MIX, compiled

__all__ = ["BY_ID", "BY_NAME", "DEFAULT", "Coder", "compiled", "zstd"]


class Coder(Protocol):
    """What a coder provides. Tiles are coded independently of each other."""

    @property
    def ID(self) -> int: ...  # noqa: N802  # a constant of the module
    @property
    def NAME(self) -> str: ...  # noqa: N802

    def encode(self, indices: U8, palette: U8) -> bytes:
        """One tile, uint8 (rows, width), of an image with that palette of at least two colours."""

    def decode(self, data: bytes | memoryview, shape: tuple[int, int], palette: U8, *, partial: bool = False) -> U8:
        """The inverse. Raises DamagedError. Whether the values fit the palette is for the caller to check.

        partial: `data` was cut off; return what it yields, and zeros for the rest.
        """


_CODERS: Final[tuple[Coder, ...]] = (zstd, fast, MIX, MAX)
BY_ID: Final = {coder.ID: coder for coder in _CODERS}
BY_NAME: Final = {coder.NAME: coder for coder in _CODERS}
# As plain Python `mix` takes about a millisecond a pixel and `fast` some microseconds.
DEFAULT: Final = MIX.NAME if compiled() else fast.NAME
