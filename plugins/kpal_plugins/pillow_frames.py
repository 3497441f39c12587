"""The frames of an image and of those that are appended to it, as Pillow's `save(save_all=True)` takes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from PIL import Image

from kpal.image_files.frames import Frames, frames_of, times_shown
from kpal_format.indexed import describe


class AppendedFrames(Frames):
    """The frames of several images, one after the other; of TIFF files, all pages.

    image: the first image. The animation is shown as often as this one, or for ever if it does not say.
    others: the other images. Those that come only once, as from a generator, are asked for only once.
    described: a function that is applied to each frame.
    """

    def __init__(
        self,
        image: Image.Image,
        others: Iterable[Image.Image],
        described: Callable[[Image.Image], Image.Image] = lambda frame: frame,
    ) -> None:
        first = frames_of(image, pages=True)
        super().__init__(image, first.places)
        if first.count == 1 and "loop" in image.info:  # of a frame that was copied from an animation
            self.loop = times_shown(image)
        self._first, self._described = first, described
        if not isinstance(others, Sequence):
            others, self.repeatable = iter(others), False
            ahead = list(itertools.islice(others, 1))
            others = itertools.chain(ahead, others) if ahead else ()
        self._others = others

    @property
    def single(self) -> bool:
        """Whether there is only one frame."""
        return self._first.count == 1 and isinstance(self._others, Sequence) and not self._others

    def shown(self) -> Iterator[Image.Image]:
        durations: list[int] = []
        for image in itertools.chain((self.image,), self._others):
            if not isinstance(image, Image.Image):
                raise TypeError(f"append_images must be Pillow images, not {describe(image)}")
            frames = self._first if image is self.image else frames_of(image, pages=True)
            yield from map(self._described, frames.shown())
            durations += frames.durations
        self._durations, self.count = durations, len(durations)
