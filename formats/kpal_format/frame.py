"""Zstandard frames of a size known beforehand (KPAL.md, section 2.3).

Stored without their first four bytes, which are the same in all of them. Three surprises of the library that this
module exists to contain:

- `decompress(..., max_output_size=n)` ignores n where the frame declares a size of its own, so the declared size is
  compared with the expected one first;
- truncated input may come back short instead of failing, so the result's length is checked;
- the compressor's bytes differ between `threads=0` and other values, so it is pinned.
"""

from __future__ import annotations

from typing import Final

import zstandard

from .errors import DamagedError

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_LEVEL: Final = 19  # the last one before the window, and with it the decoder's memory, grows
_WINDOW: Final = 1 << 23  # ... that of this level
_BLOCK: Final = 1 << 17  # a block yields at most 128 KiB ...
_MIN_BLOCK: Final = 4  # ... and takes at least a header of three bytes and one byte of content


def compress(data: bytes | memoryview) -> bytes:
    """`data` as one frame that declares its size, without the frame's magic number."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=0, write_checksum=False, write_content_size=True)
    return compressor.compress(data)[len(_ZSTD_MAGIC) :]


def decompress(frame: bytes | memoryview, size: int, what: str) -> bytes:
    """The `size` bytes in `frame`; raises DamagedError, which names `what`, for any frame that holds something else."""
    if not 0 < size <= _BLOCK * (len(frame) // _MIN_BLOCK + 1):
        raise DamagedError(f"{what}: {len(frame)} bytes cannot hold the {size} that they stand for")
    data = b"".join((_ZSTD_MAGIC, frame))
    try:
        parameters = zstandard.get_frame_parameters(data)
        if parameters.content_size != size:
            raise DamagedError(f"{what}: does not declare the {size} bytes that it should hold")
        if parameters.dict_id or parameters.has_checksum or parameters.window_size > max(size, _WINDOW):
            raise DamagedError(f"{what}: a frame with a dictionary, a checksum or a window of {parameters.window_size}")
        content = zstandard.ZstdDecompressor().decompress(data, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedError(f"{what}: {error}") from error
    if len(content) != size:
        raise DamagedError(f"{what}: holds {len(content)} bytes instead of {size}")
    return content


def decompress_some(frame: bytes | memoryview, size: int) -> bytes:
    """As many of the first `size` bytes as a frame that was cut off still yields."""
    content = bytearray()
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)  # streaming allocates what the frame asks for
    with decompressor.stream_reader(b"".join((_ZSTD_MAGIC, frame))) as reader:
        try:
            while len(content) < size and (chunk := reader.read(min(_BLOCK, size - len(content)))):
                content += chunk
        except zstandard.ZstdError:
            return bytes(content)  # what came before the damage is what the caller asked for
    return bytes(content)
