# The kernel's interface: mypy does not understand Cython's annotations in the sources.
from collections.abc import Sequence

from .parallel import Count

COMPILED: bool

class ColorSet:
    def __init__(self, channels: int, data: bytes | None) -> None: ...
    def encode(self, colors: Sequence[tuple[int, ...]]) -> bytes: ...
    def decode(self, k: int) -> list[tuple[int, int, int, int]]: ...
    def read_whole(self) -> bool: ...

class Tile:
    def __init__(
        self, profile: int, colors: bytes, opaque: bool, width: int, rows: int, frames: int, data: bytes | None
    ) -> None: ...
    def encode_frame(self, indices: memoryview, tell: Count | None = None) -> None: ...
    def finish(self) -> bytes: ...
    def decode_frame(self, indices: memoryview, tell: Count | None = None) -> None: ...
    def finished(self) -> bool: ...

class ChoosingTile(Tile):
    def choose(
        self,
        indices: memoryview,
        positions: memoryview,
        points: memoryview,
        labels: memoryview,
        busy: memoryview,
        prices: memoryview,
        shares: memoryview,
        centers: memoryview,
        near: memoryview,
        *,
        tell: Count | None = None,
    ) -> None: ...
