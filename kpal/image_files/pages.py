"""Selection of the pictures among the pages and layers of a file.

Smaller copies, masks and layers do not count as pictures: they belong to the one that Pillow opens.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final, cast

from PIL import Image

from ..errors import KpalWarning

if TYPE_CHECKING:
    from PIL import PsdImagePlugin, TiffImagePlugin

with contextlib.suppress(ImportError):
    import pillow_jxl  # noqa: F401  # registers JPEG XL with Pillow, where it is installed

VIEWS: Final = ("MPO",)  # formats with several views of one photo; the first view is the picture
PAGED: Final = ("TIFF", "DCX")
_SUBFILE: Final = 254  # TIFF's NewSubfileType, in bits
_REDUCED: Final = 1
_MASK: Final = 4
_OLD_SUBFILE: Final = 255  # SubfileType, a number
_OLD_REDUCED: Final = 2
_VERSION_INFO: Final = 1057  # Photoshop's resource that tells whether the file contains the composite of its layers


def find_picture(image: Image.Image) -> None:
    """Seek to the first picture of an opened image.

    Raises ValueError for a file with layers but without their composite.
    """
    if image.format == "TIFF":
        _find_page(cast("TiffImagePlugin.TiffImageFile", image))
    elif image.format == "PSD":
        _check_composite(cast("PsdImagePlugin.PsdImageFile", image))


def _find_page(image: TiffImagePlugin.TiffImageFile) -> None:
    if not image.is_animated:
        return
    pages, masked = _pages(image)
    if pages:
        image.seek(pages[0])
    if masked:
        warnings.warn("the page that masks the picture is left out", KpalWarning, stacklevel=2)


def pages_of(image: Image.Image) -> list[int]:
    """The numbers of the pages of an opened TIFF or DCX file, without the masks and smaller copies of pages."""
    every = list(range(getattr(image, "n_frames", 1)))
    if image.format != "TIFF" or len(every) == 1:
        return every
    return _pages(cast("TiffImagePlugin.TiffImageFile", image))[0] or every[:1]


def _pages(image: TiffImagePlugin.TiffImageFile) -> tuple[list[int], bool]:
    """The numbers of the pages that are pictures, and whether there are masks."""
    pages, masked = [], False
    for number, directory in enumerate(_directories(image)):
        kind = directory.get(_SUBFILE, 0)
        kind = kind if isinstance(kind, int) else 0
        masked = masked or kind & (_REDUCED | _MASK) == _MASK
        if not kind & (_REDUCED | _MASK) and directory.get(_OLD_SUBFILE) != _OLD_REDUCED:
            pages.append(number)
    return pages, masked


def _directories(image: TiffImagePlugin.TiffImageFile) -> Iterator[TiffImagePlugin.ImageFileDirectory_v2]:
    """The directories of a TIFF file in order, read without decoding their pixels."""
    from PIL import TiffImagePlugin  # which Pillow has loaded, to open the image

    file = cast("IO[bytes]", image.fp or image._fp)  # once a page is loaded, only the latter
    at = file.tell()
    file.seek(0)
    head = file.read(8)
    if head[2] == 43 or head[3] == 43:
        head += file.read(8)
    seen: set[int] = set()
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(head)
        while directory.next and directory.next not in seen:
            seen.add(directory.next)
            file.seek(directory.next)
            directory.load(file)
            yield directory
    finally:
        file.seek(at)


def _check_composite(image: PsdImagePlugin.PsdImageFile) -> None:
    for number, _, data in image.resources:
        if number == _VERSION_INFO and data[4:5] == b"\0":
            raise ValueError(
                "layers without the picture that they make up; save it with maximised compatibility, or as a PNG"
            )
