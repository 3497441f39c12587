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
_INPUT: Final = 1 << 8  # bytes decompressed at once, to at most 8 MiB


def compress(data: bytes | memoryview) -> bytes:
    """Compresses `data` to one frame that declares its content size; the magic number is removed."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=0, write_checksum=False, write_content_size=True)
    return compressor.compress(data)[len(_ZSTD_MAGIC) :]


class Compressor:
    """Compresses content that comes in pieces, on whose sizes the bytes depend, to one frame.

    size: the bytes of all pieces together.
    window: a limit of the window.
    """

    def __init__(self, size: int, window: int) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            _LEVEL,
            source_size=size,
            window_log=window.bit_length() - 1,
            threads=0,
            write_checksum=False,
            write_content_size=True,
        )
        self._stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj(size=size)
        self._done = bytearray()

    def write(self, piece: bytes | memoryview) -> None:
        """Takes the next piece."""
        self._done += self._stream.compress(piece)

    def finish(self) -> bytes:
        """The frame, without its magic number, after the last piece."""
        self._done += self._stream.flush()
        return bytes(self._done[len(_ZSTD_MAGIC) :])


def decompress(frame: bytes | memoryview, size: int, what: str) -> bytes:
    """The content of `frame`, which must be `size` bytes.

    what: the part of the file, for the message of the DamagedError raised for any other frame.
    """
    data = _checked(frame, size, max(size, _WINDOW), what)
    try:
        content = zstandard.ZstdDecompressor().decompress(data, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedError(f"{what}: {error}") from error
    if len(content) != size:
        raise DamagedError(f"{what}: holds {len(content)} bytes instead of {size}")
    return content


class Decompressor:
    """Decompresses a frame in pieces, in little more memory than its window.

    size, what: as in `decompress`.
    window: what the window must not exceed.
    partial: `frame` may be truncated; nothing raises, and pieces may be shorter than wanted.
    """

    def __init__(self, frame: bytes | memoryview, size: int, window: int, what: str, *, partial: bool = False) -> None:
        data = b"".join((_ZSTD_MAGIC, frame)) if partial else _checked(frame, size, window, what)
        self._data, self._at, self._what, self._partial = memoryview(data), 0, what, partial
        self._stream = zstandard.ZstdDecompressor(max_window_size=window).decompressobj()
        self._content = bytearray()

    def read(self, size: int) -> bytes:
        """The next `size` bytes of content; raises DamagedError if there are fewer."""
        while len(self._content) < size and self._advance():
            pass
        if len(self._content) < size and not self._partial:
            raise DamagedError(f"{self._what}: the content ends too early")
        taken = bytes(self._content[:size])
        del self._content[:size]
        return taken

    def finish(self) -> None:
        """Raises DamagedError unless the frame ends with the content read, and the data with the frame."""
        while not self._content and self._advance():
            pass
        ends = not self._content and self._stream.eof and not self._stream.unused_data and self._at == len(self._data)
        if not ends and not self._partial:
            raise DamagedError(f"{self._what}: it does not end where its content does")

    def _advance(self) -> bool:
        """Decompresses a little more; returns whether there was anything left to do."""
        piece = self._data[self._at : self._at + _INPUT]
        if self._stream.eof or not piece:
            return False
        self._at += len(piece)
        try:
            self._content += self._stream.decompress(piece)
        except zstandard.ZstdError as error:
            if not self._partial:
                raise DamagedError(f"{self._what}: {error}") from error
            self._at = len(self._data)
        return True


def _checked(frame: bytes | memoryview, size: int, window: int, what: str) -> bytes:
    """The frame with its magic number; raises DamagedError unless its header is as it must be."""
    if not 0 < size <= _BLOCK * (len(frame) // _MIN_BLOCK + 1):
        raise DamagedError(f"{what}: {len(frame)} bytes cannot hold {size} bytes of content")
    data = b"".join((_ZSTD_MAGIC, frame))
    try:
        parameters = zstandard.get_frame_parameters(data)
    except zstandard.ZstdError as error:
        raise DamagedError(f"{what}: {error}") from error
    if parameters.content_size != size:
        raise DamagedError(f"{what}: does not declare the {size} bytes that it should hold")
    names_dictionary = frame[0] & 3  # even if its number is 0, which the library takes for none
    if names_dictionary or parameters.has_checksum or parameters.window_size > window:
        raise DamagedError(f"{what}: a frame with a dictionary, a checksum or a window of {parameters.window_size}")
    return data


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
