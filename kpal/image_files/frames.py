"""The frames of an image file that Pillow has opened: their full pictures, durations, and how often they are shown.

GIF stores how often an animation is repeated, the other formats how often it is shown; `Frames.loop` is always the
latter. APNG may begin with a picture for programs without animation, which is no frame.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from PIL import Image

from .color_management import in_rgb
from .pages import PAGED, VIEWS, pages_of
from .precision import Rounding, in_eight_bits

DURATION: Final = 100  # milliseconds, of frames that name none
_LAYERED: Final = ("PSD",)


class Frames:
    """The frames of an image; `frames_of` makes them. Iterating gives each frame's full picture, of mode RGB or RGBA.

    One frame at a time is in memory. The frames can be iterated again and again, as long as the image is open; the
    image then shows another frame meanwhile, and the former one at the end.

    count: the number of frames.
    loop: how many times they are shown; 0 for ever.
    """

    def __init__(self, image: Image.Image, places: list[int]) -> None:
        self.image, self.count = image, len(places)
        self.loop = _times_shown(image) if len(places) > 1 else 0
        self._places = places
        self._durations: list[int] = []

    @property
    def durations(self) -> tuple[int, ...]:
        """How long each frame is shown, in milliseconds. Unless all frames have been iterated, this decodes them."""
        if len(self._durations) < self.count:
            for _ in self.shown():
                pass
        return tuple(self._durations)

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
            for place in self._places:
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


def _seek(image: Image.Image, place: int) -> None:
    back = place < image.tell()
    image.seek(place)
    if back and image.palette is not None:
        image.palette.dirty = 1  # for Pillow's APNG reader, which goes back without the palette


def _times_shown(image: Image.Image) -> int:
    loop: Any = image.info.get("loop")
    if image.format == "GIF":  # which counts repetitions
        return 1 if loop is None else loop + 1 if loop else 0
    return loop if isinstance(loop, int) and loop > 0 else 0


def _milliseconds(image: Image.Image) -> int:
    duration: Any = image.info.get("duration")
    return round(duration) if isinstance(duration, (int, float)) and duration >= 0 else DURATION
