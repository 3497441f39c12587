"""Files and indexed images: the whole way there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .coders import DEFAULT
from .container import MAJOR, MINOR, Head, Section, pack, read_bands, read_bands_left, read_head
from .errors import DamagedError, TruncatedError
from .indexed import U8, IndexedImage, Metadata
from .parallel import in_parallel

# Where Pillow's check against decompression bombs raises by default: 2 x (1 GiB / 4 / 3), rounded down. An array of
# that many RGB pixels takes 512 MiB.
MAX_PIXELS: Final = 2 * (1024 * 1024 * 1024 // 4 // 3)


@dataclass(frozen=True)
class Info:
    """What a file says of itself before any pixel is decoded.

    version: of the format, "major.minor".
    coder: name of the index coder.
    bands: how many independently coded bands of rows there are.
    palette_bytes, metadata_bytes: sizes as stored; the rest of the file is the index stream and the framing.
    """

    version: str
    width: int
    height: int
    colors: int
    has_alpha: bool
    coder: str
    bands: int
    palette_bytes: int
    metadata_bytes: int
    metadata: Metadata

    def as_dict(self) -> dict[str, Any]:
        """For JSON: metadata as text, density and the lengths of the binary parts."""
        metadata = self.metadata
        parts: dict[str, Any] = {
            name: len(blob) for name in ("icc_profile", "exif", "xmp") if (blob := getattr(metadata, name)) is not None
        }
        if metadata.density:
            parts["density"] = metadata.density
        if metadata.text:
            parts["text"] = dict(metadata.text)
        return {**{k: v for k, v in self.__dict__.items() if k != "metadata"}, "metadata": parts}


def encode_indexed(image: IndexedImage, *, coder: str = DEFAULT) -> bytes:
    """An indexed image as a `.kpal` file, exactly: every index, every palette entry and their order.

    Raises ValueError for a coder that does not exist and for metadata larger than a file may hold.
    """
    return pack(image, coder)


def inspect(data: bytes | bytearray | memoryview) -> Info:
    """What the file says of itself. `data` may be just its beginning; TruncatedError if that is too little."""
    head = read_head(as_bytes(data))
    return Info(
        version=f"{MAJOR}.{MINOR}",
        width=head.width,
        height=head.height,
        colors=head.colors,
        has_alpha=head.channels == 4,
        coder=head.coder.NAME,
        bands=head.bands,
        palette_bytes=len(head.palette_data.data),
        metadata_bytes=len(head.metadata_header.data) + len(head.metadata_parts.data),
        metadata=head.metadata(),
    )


def decode_indexed(data: bytes | bytearray | memoryview, *, max_pixels: int | None = MAX_PIXELS) -> IndexedImage:
    """The indices, palette and metadata of a whole `.kpal` file.

    max_pixels: refuse larger images with LimitError before anything is allocated for them; with None, the memory of
        the machine is the limit.

    Raises KpalError and nothing else for whatever bytes `data` holds.
    """
    if max_pixels is not None and not isinstance(max_pixels, (int, np.integer)):
        raise TypeError(f"max_pixels must be an int or None, not {type(max_pixels).__name__}")
    view = as_bytes(data)
    head = read_head(view)
    head.check_pixels(max_pixels)
    bands = read_bands(view, head)
    palette = head.palette()
    return IndexedImage(_decode_bands(head, bands, palette), palette, head.metadata())


def decode_truncated(data: bytes | bytearray | memoryview, *, max_pixels: int | None = MAX_PIXELS) -> IndexedImage:
    """Like `decode_indexed`, but where the file ends too early, what is missing becomes index 0.

    The head must be whole. Nothing verifies what is there, as the checksum went with the end of the file.
    """
    try:
        return decode_indexed(data, max_pixels=max_pixels)
    except TruncatedError:
        view = as_bytes(data)
        head = read_head(view)
        palette = head.palette()
        indices = _decode_bands(head, read_bands_left(view, head), palette, partial=True)
        return IndexedImage(indices, palette, head.metadata())


def verify(data: bytes | bytearray | memoryview) -> None:
    """Check the framing and the checksum of a whole file without decoding its pixels; raises KpalError."""
    view = as_bytes(data)
    read_bands(view, read_head(view))


def as_bytes(data: bytes | bytearray | memoryview) -> memoryview:
    """A flat view of the bytes; TypeError for what has none."""
    try:
        return memoryview(data).cast("B")
    except TypeError as error:
        raise TypeError(f"data must be contiguous bytes, bytearray or memoryview, not {type(data).__name__}") from error


def _decode_bands(head: Head, bands: list[Section], palette: U8, *, partial: bool = False) -> U8:
    if len(bands) == 1 and not partial:  # whose bytes are checked before anything is allocated
        with bands[0].decoding():
            indices = head.coder.decode(bands[0].data, (head.height, head.width), palette)
    else:
        indices = np.zeros((head.height, head.width), np.uint8)

        def decode(number: int) -> None:
            rows = indices[number * head.band_rows : (number + 1) * head.band_rows]
            with bands[number].decoding():
                rows[:] = head.coder.decode(bands[number].data, (rows.shape[0], head.width), palette, partial=partial)

        in_parallel(decode, range(len(bands)))
    highest = int(indices.max())
    if highest >= head.colors:
        if not partial:
            raise DamagedError(
                f"index stream: index {highest} is outside a palette of {head.colors} colours", head.size
            )
        indices[indices >= head.colors] = 0
    indices.flags.writeable = False
    return indices
