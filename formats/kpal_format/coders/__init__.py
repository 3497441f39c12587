"""The index coders (KPAL.md, section 5).

A coder is a module or an object with an ID (its number in files), a NAME (used everywhere else), and functions `encode`
and `decode` as in `Coder`. To add a coder, write its module and list it in `_CODERS`.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..indexed import U8, describe
from ..parallel import Count
from . import fast, zstd
from .mix import MAX, MIX, compiled

__all__ = ["BY_ID", "BY_NAME", "DEFAULT", "Coder", "coder_named", "compiled", "zstd"]


class Coder(Protocol):
    """The interface of a coder. Tiles are coded independently of each other."""

    @property
    def ID(self) -> int: ...  # noqa: N802  # a constant of the module
    @property
    def NAME(self) -> str: ...  # noqa: N802

    def encode(self, indices: U8, palette: U8, tell: Count | None = None) -> bytes:
        """Encodes one tile, uint8 (rows, width).

        palette: uint8 (k, 3 or 4), k >= 2.
        tell: called periodically with the number of pixels done since the last call; an exception that it raises
            cancels the work and propagates.
        """

    def decode(
        self,
        data: bytes | memoryview,
        shape: tuple[int, int],
        palette: U8,
        *,
        partial: bool = False,
        tell: Count | None = None,
    ) -> U8:
        """Decodes one tile, uint8 (rows, width); raises DamagedError. The caller must check that indices are below k.

        partial: `data` may be truncated; return the pixels that it still yields, and zeros for the rest.
        tell: as in `encode`.
        """


_CODERS: Final[tuple[Coder, ...]] = (zstd, fast, MIX, MAX)
BY_ID: Final = {coder.ID: coder for coder in _CODERS}
BY_NAME: Final = {coder.NAME: coder for coder in _CODERS}
# In plain Python, `mix` takes about a millisecond per pixel, `fast` some microseconds.
DEFAULT: Final = MIX.NAME if compiled() else fast.NAME


def coder_named(name: object) -> Coder:
    """The coder of that name; raises ValueError if there is none."""
    if not isinstance(name, str) or name not in BY_NAME:
        raise ValueError(f"unknown coder {describe(name)}: one of {', '.join(BY_NAME)}")
    return BY_NAME[name]
