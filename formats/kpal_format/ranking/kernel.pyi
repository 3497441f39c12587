# The kernel's interface: mypy does not understand Cython's annotations in the sources.
from ..parallel import Count

COMPILED: bool

class Tile:
    def __init__(self, colors: bytes, width: int, rows: int, frames: int, data: bytes | None) -> None: ...
    def encode_frame(
        self,
        indices: memoryview,
        tell: Count | None = None,
        vectors: list[tuple[int, int]] | None = None,
        blocks: bytes = b"",
    ) -> None: ...
    def finish(self) -> bytes: ...
    def decode_frame(self, indices: memoryview, tell: Count | None = None) -> None: ...
    def finished(self) -> bool: ...
