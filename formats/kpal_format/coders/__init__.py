"""The index coders (KPAL.md, section 5).

A coder is a module or an object with an ID (its number in files), a NAME (used everywhere else), and functions
`encoder` and `decoder` as in `Coder`. To add a coder, write its module and list it in `_CODERS`.
"""

from __future__ import annotations

from typing import Final, Protocol

from ..indexed import U8, describe
from ..parallel import Count
from . import fast, zstd
from .mix import MAX, MIX, compiled

__all__ = [
    "BY_ID",
    "BY_NAME",
    "DEFAULT",
    "Coder",
    "Decoder",
    "Encoder",
    "coder_named",
    "compiled",
    "decode_tile",
    "encode_tile",
    "zstd",
]


class Encoder(Protocol):
    """Encodes one tile, frame by frame."""

    def write(self, indices: U8, tell: Count | None = None) -> None:
        """Encodes the next frame, uint8 (rows, width).

        tell: called periodically with the number of pixels done since the last call; an exception that it raises
            cancels the work and propagates.
        """

    def finish(self) -> bytes:
        """The stream, once all frames are written."""


class Decoder(Protocol):
    """Decodes one tile, frame by frame."""

    def read(self, tell: Count | None = None) -> U8:
        """Decodes the next frame, uint8 (rows, width); raises DamagedError.

        The caller must check that the indices are below the number of colours.

        tell: as in `Encoder.write`.
        """

    def finish(self) -> None:
        """Raises DamagedError unless the stream ends where the last frame does; to be called after that."""


class Coder(Protocol):
    """The interface of a coder. Tiles are coded independently of each other; a still image is a single frame."""

    @property
    def ID(self) -> int: ...  # noqa: N802  # a constant of the module
    @property
    def NAME(self) -> str: ...  # noqa: N802

    def encoder(self, shape: tuple[int, int, int], palette: U8) -> Encoder:
        """Begins a tile of so many frames, rows and columns.

        palette: uint8 (k, 3 or 4), k >= 2.
        """

    def decoder(
        self, data: bytes | memoryview, shape: tuple[int, int, int], palette: U8, *, partial: bool = False
    ) -> Decoder:
        """Opens the stream of a tile of so many frames, rows and columns; raises DamagedError.

        partial: `data` may be truncated; frames have the pixels that it still yields, and zeros for the rest.
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


def encode_tile(coder: Coder, indices: U8, palette: U8, tell: Count | None = None) -> bytes:
    """The stream of a tile of one frame, uint8 (rows, width)."""
    encoder = coder.encoder((1, *indices.shape), palette)
    encoder.write(indices, tell)
    return encoder.finish()


def decode_tile(
    coder: Coder,
    data: bytes | memoryview,
    shape: tuple[int, int],
    palette: U8,
    *,
    partial: bool = False,
    tell: Count | None = None,
) -> U8:
    """The only frame of a tile, uint8 (rows, width); raises DamagedError."""
    decoder = coder.decoder(data, (1, *shape), palette, partial=partial)
    indices = decoder.read(tell)
    decoder.finish()
    return indices
