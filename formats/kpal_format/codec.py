"""Encoding indexed images as files, and decoding and inspecting files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from .coders import DEFAULT
from .container import MAJOR, MAX_PIXELS, MINOR, Region, read_head
from .indexed import IndexedImage, Metadata
from .parallel import Progress, staged
from .positioned import as_bytes
from .streams import OnError, Reader, Writer


@dataclass(frozen=True)
class Info:
    """The properties of a file that can be read without decoding pixels.

    version: version of the format, "major.minor".
    coder: name of the index coder.
    tiles: number of independently coded tiles; 0 for an image of one colour.
    frames: number of frames; 1 for a still image.
    durations: how long each frame is shown, in milliseconds; empty for a still image.
    loop: how many times an animation is shown; 0 for ever, and for a still image.
    palette_bytes, metadata_bytes: stored sizes; the rest of the file is the tiles and the framing.
    """

    version: str
    width: int
    height: int
    colors: int
    has_alpha: bool
    coder: str
    tiles: int
    frames: int
    durations: tuple[int, ...]
    loop: int
    palette_bytes: int
    metadata_bytes: int
    metadata: Metadata

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON types; the binary parts of metadata are represented by their lengths in bytes."""
        metadata = self.metadata
        parts: dict[str, Any] = {
            name: len(blob) for name in ("icc_profile", "exif", "xmp") if (blob := getattr(metadata, name)) is not None
        }
        if metadata.density:
            parts["density"] = metadata.density
        if metadata.text:
            parts["text"] = dict(metadata.text)
        return {**{k: v for k, v in self.__dict__.items() if k != "metadata"}, "metadata": parts}


def encode_indexed(image: IndexedImage, *, coder: str = DEFAULT, progress: Progress | None = None) -> bytes:
    """Encodes an indexed image as a `.kpal` file, preserving every index, every palette entry and their order.

    progress: as in `decode_indexed`, with the stage "coding".

    Raises ValueError for an unknown coder, and for more metadata than a file can hold.
    """
    height, width = image.indices.shape
    file = io.BytesIO()
    with Writer(file, width, height, image.palette, coder=coder, metadata=image.metadata) as writer:
        staged(progress, "coding", lambda: writer.write(image.indices))
    return file.getvalue()


def inspect(data: bytes | bytearray | memoryview) -> Info:
    """Reads the properties of a file. `data` may be only its beginning; if it is too short, raises TruncatedError."""
    head = read_head(as_bytes(data))
    return Info(
        version=f"{MAJOR}.{MINOR}",
        width=head.width,
        height=head.height,
        colors=head.colors,
        has_alpha=head.channels == 4,
        coder=head.coder.NAME,
        tiles=head.tiles,
        frames=head.frames,
        durations=animation.durations if (animation := head.animation()) else (),
        loop=head.loop,
        palette_bytes=len(head.palette_data.data),
        metadata_bytes=len(head.metadata_header.data) + len(head.metadata_parts.data),
        metadata=head.metadata(),
    )


def decode_indexed(
    data: bytes | bytearray | memoryview,
    *,
    frame: int = 0,
    region: Region | None = None,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> IndexedImage:
    """Decodes the indices, palette and metadata of a `.kpal` file.

    frame: which frame of an animation, negative from the end; those before it in its group are decoded on the way.
    region: (x0, y0, x1, y1): return only columns x0 to x1 and rows y0 to y1, x1 and y1 excluded. Only the tiles that
        overlap them are verified and decoded.
    max_pixels: raise LimitError, before allocating memory, if more pixels than this would have to be decoded; None for
        no limit.
    on_error: "raise" an error, which names the first damaged tile, or "skip" damaged and missing tiles: their pixels
        have index 0, and a KpalWarning counts and names the tiles. A damaged head or index is an error in any case, and
        so is a damaged file of one tile; if that is only cut off, the pixels before the cut are decoded unverified.
    progress: called from this thread with the stage "decoding" and the fraction done, 0 to 1, at least every 20 ms
        while other threads decode. An exception that it raises cancels decoding and propagates.

    Raises KpalError, and nothing else, for any invalid `data`, ValueError for a region outside the image, and
    IndexError for a frame that does not exist.
    """
    return Reader(as_bytes(data), max_pixels=max_pixels, on_error=on_error).read(region, frame=frame, progress=progress)


def verify(data: bytes | bytearray | memoryview) -> None:
    """Checks the framing and the checksums of a complete file without decoding pixels; raises KpalError."""
    Reader(as_bytes(data)).verify()
