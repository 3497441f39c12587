"""The frames of an image file that Pillow has opened: their full pictures, durations, and how often they are shown.

GIF stores how often an animation is repeated, the other formats how often it is shown; `Frames.loop` is always the
latter. APNG may begin with a picture for programs without animation, which is no frame.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

from PIL import Image

from kpal_format import MAX_PIXELS, beyond_limit

from ..errors import KpalWarning
from .color_management import in_rgb
from .pages import PAGED, VIEWS, find_picture, pages_of
from .pillow_limits import pixel_limit
from .precision import Rounding, in_eight_bits

DURATION: Final = 100  # milliseconds, of frames that name none
_LAYERED: Final = ("PSD",)
_GIF_VERSIONS: Final = (b"GIF87a", b"GIF89a")
_GIF_END: Final = 0x3B
_GIF_EXTENSION: Final = 0x21


class Frames:
    """The frames of an image; `frames_of` makes them. Iterating gives each frame's full picture, of mode RGB or RGBA.

    One frame at a time is in memory. The frames can be iterated again and again, as long as the image is open; the
    image then shows another frame meanwhile, and the former one at the end.

    count: the number of frames.
    places: the numbers that `image.seek` takes for them.
    loop: how many times they are shown; 0 for ever.
    repeatable: whether they can be iterated again and again.
    """

    repeatable = True

    def __init__(self, image: Image.Image, places: list[int]) -> None:
        self.image, self.count = image, len(places)
        self.loop = times_shown(image) if len(places) > 1 else 0
        self.places = places
        self._durations: list[int] = []

    @property
    def durations(self) -> tuple[int, ...]:
        """How long each frame is shown, in milliseconds. Unless all frames have been iterated, this decodes them."""
        if len(self._durations) < self.count:
            for _ in self.shown():
                pass
        return tuple(self._durations)

    def only(self, frame: int) -> Frames:
        """One of the frames, negative from the end; ValueError if it does not exist."""
        if not -self.count <= frame < self.count:
            raise ValueError(f"there is no frame {frame}: {self.count} frame{'s' * (self.count != 1)} count from 0")
        return Frames(self.image, [self.places[frame]])

    def begin(self) -> None:
        """Makes the image show the first frame."""
        _seek(self.image, self.places[0])

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Image.Image]:
        name = os.fsdecode(getattr(self.image, "filename", ""))
        for image in self.shown():
            image = in_rgb(in_eight_bits(image, Rounding(name=name)))
            yield image.convert("RGBA" if image.has_transparency_data else "RGB")

    def shown(self) -> Iterator[Image.Image]:
        """The image itself, at each of the frames in turn."""
        image, before = self.image, self.image.tell()
        durations: list[int] = []
        try:
            for place in self.places:
                _seek(image, place)
                image.load()  # for some formats, only this sets the duration
                durations.append(_milliseconds(image))
                yield image
            self._durations = durations
        finally:
            _seek(image, before)


def frames_of(image: Image.Image, *, pages: bool = False) -> Frames:
    """The frames of an image, of which there is one unless it is an animation.

    image: an image that Pillow has opened, of any format.
    pages: take the pages of a TIFF or DCX file for frames; masks and smaller copies of pages are no frames. Without,
        several pages raise ValueError, as all but one would be lost.
    """
    if image.format in PAGED:
        places = pages_of(image)
        if len(places) > 1 and not pages:
            raise ValueError("several pages: frames_of(image, pages=True) takes them for frames")
    elif image.format in VIEWS or image.format in _LAYERED:
        places = [image.tell()]
    else:
        first = int(bool(getattr(image, "default_image", False)))
        places = list(range(first, getattr(image, "n_frames", 1)))
    return Frames(image, places)


@contextmanager
def opened_frames(
    data: bytes | IO[bytes], *, pages: bool = False, frame: int | None = None, max_pixels: int | None = MAX_PIXELS
) -> Iterator[Frames]:
    """The frames of an image file, or of its content; their `image` shows the first of them.

    pages: as in `frames_of`.
    frame: only this frame or page, negative from the end.
    max_pixels: the limit for the pixels of all these frames, in the block instead of Pillow's; None for no limit.

    Raises ValueError for several pages that nobody asked for, and for a frame that does not exist; LimitError for more
    pixels.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    with pixel_limit(max_pixels), Image.open(file) as image:
        find_picture(image)
        if image.format in PAGED and not pages and frame is None and len(pages_of(image)) > 1:
            raise ValueError(
                "several pages: --frame N takes one of them, and --pages takes all for the frames of an animation"
            )
        frames = frames_of(image, pages=True)
        if image.format == "GIF" and not _has_end(file):
            warnings.warn("the GIF has no end, so that frames may be missing", KpalWarning, stacklevel=3)
        if frame is not None:
            frames = frames.only(frame)
        # Pillow's limit is that of the whole process, and another thread may have raised it.
        if max_pixels is not None and frames.count * image.width * image.height > max_pixels:
            raise beyond_limit(image.width, image.height, max_pixels, frames=frames.count)
        frames.begin()
        yield frames


def _has_end(file: IO[bytes]) -> bool:
    """Whether the blocks of a GIF lead to its end mark. Pillow takes a file that is cut off between frames as whole."""
    before = file.tell()
    file.seek(0)
    gif = file.read()
    file.seek(before)

    def beyond_table(at: int, flags: int) -> int:
        return at + (3 << (flags & 7) + 1 if flags & 0x80 else 0)

    try:
        at = beyond_table(13, gif[10])
        while gif[at] != _GIF_END:
            # An extension has a label, an image its place, perhaps a palette, and the size of its codes.
            at = at + 2 if gif[at] == _GIF_EXTENSION else beyond_table(at + 10, gif[at + 9]) + 1
            while gif[at]:
                at += gif[at] + 1
            at += 1
    except IndexError:
        return False
    return True


def _seek(image: Image.Image, place: int) -> None:
    back = place < image.tell()
    if back and (chunks := getattr(image, "png", None)) is not None:
        chunks.queue = []  # for Pillow's APNG reader, which goes back with the chunk that was to be next
    image.seek(place)
    if back and image.palette is not None:
        image.palette.dirty = 1  # for Pillow's APNG reader, which goes back without the palette


def times_shown(image: Image.Image) -> int:
    """How many times an animation is shown; 0 for ever. The image may be a copy of one of its frames."""
    loop, repeats = image.info.get("loop"), image.info.get("version") in _GIF_VERSIONS
    if loop is None:
        return int(repeats)
    return loop + repeats if isinstance(loop, int) and loop > 0 else 0


def _milliseconds(image: Image.Image) -> int:
    duration: Any = image.info.get("duration")
    return round(duration) if isinstance(duration, (int, float)) and duration >= 0 else DURATION
