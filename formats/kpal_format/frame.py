"""Zstandard frames whose content size is known in advance (KPAL.md, section 2.3), stored without their magic number.

This module works around three pitfalls of the library:

- `decompress(..., max_output_size=n)` ignores n if the frame declares a size, so the declared size is compared with the
  expected one first.
- Truncated input may give a short result instead of an error, so the length of the result is checked.
- The compressed bytes differ between `threads=0` and other values, so `threads` is fixed.
"""

from __future__ import annotations

from typing import Final

import zstandard

from .errors import DamagedError

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_LEVEL: Final = 19  # higher levels have a larger window, which costs the decoder memory
_WINDOW: Final = 1 << 23  # bytes; the window of _LEVEL
_BLOCK: Final = 1 << 17  # bytes; the largest content of a block
_MIN_BLOCK: Final = 4  # bytes; the smallest stored block: a header of three bytes and one byte of content


def compress(data: bytes | memoryview) -> bytes:
    """Compresses `data` to one frame that declares its content size; the magic number is removed."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=0, write_checksum=False, write_content_size=True)
    return compressor.compress(data)[len(_ZSTD_MAGIC) :]


def decompress(frame: bytes | memoryview, size: int, what: str) -> bytes:
    """The content of `frame`, which must be `size` bytes.

    what: the part of the file, for the message of the DamagedError raised for any other frame.
    """
    if not 0 < size <= _BLOCK * (len(frame) // _MIN_BLOCK + 1):
        raise DamagedError(f"{what}: {len(frame)} bytes cannot hold {size} bytes of content")
    data = b"".join((_ZSTD_MAGIC, frame))
    try:
        parameters = zstandard.get_frame_parameters(data)
        if parameters.content_size != size:
            raise DamagedError(f"{what}: does not declare the {size} bytes that it should hold")
        names_dictionary = frame[0] & 3  # even if its number is 0, which the library takes for none
        if names_dictionary or parameters.has_checksum or parameters.window_size > max(size, _WINDOW):
            raise DamagedError(f"{what}: a frame with a dictionary, a checksum or a window of {parameters.window_size}")
        content = zstandard.ZstdDecompressor().decompress(data, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedError(f"{what}: {error}") from error
    if len(content) != size:
        raise DamagedError(f"{what}: holds {len(content)} bytes instead of {size}")
    return content


def decompress_some(frame: bytes | memoryview, size: int) -> bytes:
    """As many of the first `size` bytes of content as can be recovered from a truncated frame."""
    content = bytearray()
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)  # streaming allocates the window it is told to
    with decompressor.stream_reader(b"".join((_ZSTD_MAGIC, frame))) as reader:
        try:
            while len(content) < size and (chunk := reader.read(min(_BLOCK, size - len(content)))):
                content += chunk
        except zstandard.ZstdError:
            return bytes(content)  # everything before the damage
    return bytes(content)
