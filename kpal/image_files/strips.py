"""Images larger than memory, read in strips of rows: each strip becomes a small file that Pillow opens.

A strip has the bit depth, the palette, the transparency and the colour space of the whole file, so that it means the
same to Pillow, and to everything that works on Pillow's images.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Iterator
from typing import IO, Any, Final, Protocol

from PIL import ExifTags, Image

from kpal_format import Metadata

from . import netpbm_strips, png_strips, tiff_strips
from .metadata import carried
from .png_rows import SIGNATURE

_PIXELS: Final = 1 << 22  # of a strip, about
_TIFFS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NETPBM: Final = (b"P4", b"P5", b"P6")
_PNG_SIZE: Final = struct.Struct(">16xII")  # width and height, at the start of the first chunk


class WholeError(ValueError):
    """An image cannot be read in strips; the message says why."""


def may_be_larger(file: IO[bytes], pixels: int) -> bool:
    """Whether a file is of a format that can be read in strips, and may be an image of more than so many pixels.

    It costs a small file less than opening it.
    """
    head = file.read(_PNG_SIZE.size)
    file.seek(0)
    if len(head) == _PNG_SIZE.size and head.startswith(SIGNATURE):
        width, height = _PNG_SIZE.unpack(head)
        return bool(width * height > pixels)
    return head.startswith((*_TIFFS, *_NETPBM))


class Strips:
    """The strips of an image that Pillow has opened, but not loaded.

    Raises WholeError if it cannot be read in strips.
    """

    def __init__(self, image: Image.Image) -> None:
        if image.format not in _KINDS:
            raise WholeError(f"the format is {image.format}")
        self._image: Any = image
        self._kind = _KINDS[image.format]
        if (reason := self._kind.why_not(self._image)) is not None:
            raise WholeError(reason)

    @property
    def turned(self) -> bool:
        """Whether Pillow turns the pixels when it loads the whole image; it does not turn the strips."""
        return getattr(self._image, "tag_v2", {}).get(ExifTags.Base.Orientation, 1) in range(2, 9)

    def images(self) -> Iterator[tuple[Image.Image, bytes]]:
        """The strips from the top down, each opened and not loaded, with the content of its file."""
        rows = max(1, _PIXELS // self._image.width)
        for content in self._kind.strips(self._image, rows):
            with Image.open(io.BytesIO(content), formats=(self._image.format,)) as strip:
                yield strip, content

    def metadata(self, *, unneeded: Collection[str] = ()) -> Metadata:
        """The metadata of the whole image, as `carried` finds them."""
        if self._image.format != "PNG":
            return carried(self._image, unneeded=unneeded, load=False)
        with Image.open(io.BytesIO(png_strips.without_pixels(self._image)), formats=("PNG",)) as image:
            return carried(image, unneeded=unneeded)


class _Kind(Protocol):
    """A module for the strips of a format."""

    def why_not(self, image: Any, /) -> str | None:
        """Why an image cannot be read in strips."""

    def strips(self, image: Any, rows: int, /) -> Iterator[bytes]:
        """Files of about `rows` rows each, from the top down."""


_KINDS: Final[dict[str, _Kind]] = {"PNG": png_strips, "TIFF": tiff_strips, "PPM": netpbm_strips}
