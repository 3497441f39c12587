"""Image files, opened to be encoded: one image, or the frames of an animation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from PIL import Image

from kpal_format import MAX_PIXELS, Metadata

from ..image_files.frames import opened_frames
from ..image_files.metadata import carried, stripped
from ..image_files.orientation import turn_of, turned
from ..image_files.precision import in_depth
from .conversion import Postponed
from .frame_files import FrameFiles, Motion

if TYPE_CHECKING:
    from ..frame_source import FramesLike


@dataclass(frozen=True)
class OpenedImage:
    """An image for `encode`, with 8 bits a channel, and the metadata to store with it."""

    image: Image.Image
    metadata: Metadata
    count = 1


@dataclass(frozen=True)
class OpenedFrames:
    """Frames for `encode_frames`, and the metadata to store with them.

    times: the arguments `durations`, `loop` and `restart`.
    count: the number of frames.
    """

    frames: FramesLike
    metadata: Metadata
    times: Mapping[str, Any]
    count: int


Opened = OpenedImage | OpenedFrames


@contextmanager
def opened(
    data: bytes | FrameFiles,
    *,
    strip: tuple[str, ...] = (),
    depth: int | None = None,
    exact: bool = False,
    max_pixels: int | None = MAX_PIXELS,
    motion: Motion = Motion(),  # noqa: B008  # it is frozen
    most_pixels: int | None = None,
) -> Iterator[Opened]:
    """The image or the animation in a file that Pillow can read.

    data: the content of a file, or the files of the frames.
    strip: the fields of `Metadata` to leave out. If they contain the orientation, the pixels are turned instead.
    depth, exact: as in `in_depth`.
    max_pixels: as in `opened_frames`.
    motion: which pictures become frames, and when these are shown.
    most_pixels: the number of pixels of a picture above which the work on it is Postponed.

    Raises ValueError for several pages that `motion` does not ask for, and any error that Pillow raises for a damaged
    file.
    """
    if isinstance(data, FrameFiles):
        count = data.count()
        frames = partial(data.frames, depth=depth, exact=exact, max_pixels=max_pixels)
        times = {"durations": motion.durations_of(count), "loop": motion.loop, "restart": motion.restart}
        yield OpenedFrames(frames, stripped(data.metadata(unneeded=strip), strip), times, count)
        return
    with opened_frames(data, pages=motion.pages, frame=motion.frame, max_pixels=max_pixels) as found:
        image = found.image
        if most_pixels is not None and image.width * image.height > most_pixels:
            raise Postponed
        metadata = carried(image, unneeded=strip)
        turn, kept = turn_of(metadata, stripped(metadata, strip))
        if found.count == 1 and not motion.timed:
            in_depth(image, data, depth, exact=exact)
            yield OpenedImage(turned(image, turn), kept)
            return
        durations = motion.durations_of(found.count)
        times = {
            "durations": found.durations if durations is None and turn != 1 else durations,
            "loop": found.loop if motion.loop is None else motion.loop,
            "restart": motion.restart,
        }
        upright = found if turn == 1 else lambda: (turned(frame, turn) for frame in found.shown())
        yield OpenedFrames(upright, kept, times, found.count)
