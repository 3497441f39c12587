"""`encode_frames` and `decode_frames`: the frames of an animation to the bytes of a `.kpal` file, and back."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kpal_format import MAX_PIXELS, U8, Animation, Metadata, OnError, Progress, Reader, Region, Writer, look_up
from kpal_format.indexed import describe
from kpal_format.positioned import as_bytes

from .codec import EncodeOptions
from .frame_source import FrameSource
from .image_files.frames import DURATION
from .quantizer import quantize
from .quantizer.shared_palette import shared_palette
from .quantizer.signatures import of_frames, option

if TYPE_CHECKING:
    from .frame_source import FramesLike


@dataclass(frozen=True, kw_only=True)
class FrameOptions(EncodeOptions):
    """The options of `encode_frames`: those of `encode`, and when the frames are shown."""

    durations: float | Iterable[float] | None = option(
        None,
        "how long each frame is shown, in milliseconds: one number for all frames, or one for each, rounded to whole "
        "ones. By default, those of the Pillow image, else 100.",
    )
    loop: int | None = option(
        None, "how many times the animation is shown; 0 for ever. By default, that of the Pillow image, else 0."
    )
    restart: int | None = option(
        None,
        "at most so many frames are coded together, so that decoding can begin at the first of them; the file grows by "
        "a seventh to a third with 64. By default, all frames are coded together.",
    )


@of_frames(FrameOptions)
def encode_frames(frames: FramesLike, options: FrameOptions) -> bytes:
    """Encode an animation as a `.kpal` file of at most `colors` colours, losslessly if its frames have no more.

    frames: images of one size, as in `encode`, one after the other: a sequence, an iterator, or a function that returns
        an iterator and is called at most twice; or a Pillow image of several frames. One frame at a time is in memory;
        the frames of an iterator wait in a temporary file. `IndexedImage`s must share one palette.
    OPTIONS

    Raises ValueError or TypeError for invalid or contradictory arguments, and for frames of different sizes.
    """
    source = FrameSource(frames, exact=options.exact, indexed=options.keep_palette, passes=2)
    try:
        if source.indexed or options.palette is not None:
            for _ in source:
                pass
            palette = source.palette if source.indexed else options.given_palette
            assert palette is not None
        else:
            palette = shared_palette(source, options.colors, metric=options.metric, speed=options.speed)
        animation = _animation(source, options)
        height, width = source.shape
        file = io.BytesIO()
        metadata = options.metadata or Metadata()
        with Writer(
            file, width, height, palette, coder=options.coder, metadata=metadata, animation=animation
        ) as writer:
            for pixels in source:
                indices = pixels if source.indexed else quantize(pixels, palette=palette, metric=options.metric).indices
                writer.write(indices)
        return file.getvalue()
    finally:
        source.close()


def _animation(source: FrameSource, options: FrameOptions) -> Animation:
    own = source.frames
    if options.durations is None:
        durations: Any = DURATION if own is None else own.durations
    else:
        durations = options.durations
    if not isinstance(durations, Iterable):
        durations = [durations] * source.count
    loop = options.loop if options.loop is not None else own.loop if own is not None else 0
    animation = Animation(in_milliseconds(durations), loop, options.restart)
    if animation.frames != source.count:
        raise ValueError(
            f"durations must be one number, or one for each of {source.count} frames, not {animation.frames}"
        )
    return animation


def in_milliseconds(durations: Iterable[float]) -> tuple[int, ...]:
    """Durations, rounded; TypeError or ValueError for what is no finite number from 0."""
    return tuple(map(_in_milliseconds, durations))


def _in_milliseconds(duration: Any) -> int:
    if isinstance(duration, (bool, str)) or not hasattr(duration, "__float__"):
        raise TypeError(f"durations must be numbers of milliseconds, not {describe(duration)}")
    if not (math.isfinite(duration) and duration >= 0):
        raise ValueError(f"a duration must be a finite number of milliseconds from 0, not {describe(duration)}")
    return round(float(duration))


def decode_frames(
    data: bytes | bytearray | memoryview,
    start: int = 0,
    stop: int | None = None,
    *,
    region: Region | None = None,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> Iterator[tuple[U8, int]]:
    """Decode the frames of a `.kpal` file, one at a time: yields pixels, as `decode` does, and milliseconds.

    start, stop: which frames, as of a slice; negative ones count from the end. A still image is one frame of 0 ms.
    max_pixels: as in `decode`, for all these frames together.
    progress: as in `decode`; the fraction is that of these frames.
    region, on_error, errors: as in `decode`.
    """
    reader = Reader(as_bytes(data), max_pixels=max_pixels, on_error=on_error)
    frames = reader.iterate(region, start=start, stop=stop, progress=progress)
    durations = reader.animation.durations if reader.animation else (0,)

    def decoded() -> Iterator[tuple[U8, int]]:
        for indices, duration in zip(frames, durations[start:stop], strict=True):
            yield look_up(reader.palette, indices), duration

    return decoded()
