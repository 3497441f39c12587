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
    others: the other images; if it is no sequence, they are asked for only once.
    described: a function that is applied to each frame.

    count: the number of frames; 0 as long as nothing tells.
    """

    def __init__(
        self,
        image: Image.Image,
        others: Iterable[Image.Image],
        described: Callable[[Image.Image], Image.Image] = lambda frame: frame,
    ) -> None:
        super().__init__(image, frames_of(image, pages=True).places)
        if self.count == 1 and "loop" in image.info:  # of a frame that was copied from an animation
            self.loop = times_shown(image)
        self._described = described
        self._others = others
        self.repeatable = isinstance(others, Sequence)
        if isinstance(others, Sequence):
            self.count += sum(map(len, map(_frames_of, others)))
        else:
            ahead = list(itertools.islice(iterator := iter(others), 1))
            self._others = itertools.chain(ahead, iterator)
            self.count = 0 if ahead else self.count

    @property
    def durations(self) -> tuple[int, ...]:
        """How long each frame is shown, in milliseconds, once all frames have been iterated."""
        return tuple(self._durations)

    def shown(self) -> Iterator[Image.Image]:
        durations: list[int] = []
        for frames in itertools.chain((Frames(self.image, self.places),), map(_frames_of, self._others)):
            yield from map(self._described, frames.shown())
            durations += frames.durations
        self._durations, self.count = durations, len(durations)


def _frames_of(image: Image.Image) -> Frames:
    if not isinstance(image, Image.Image):
        raise TypeError(f"append_images must be Pillow images, not {describe(image)}")
    return frames_of(image, pages=True)
