"""`encode_frames` and `decode_frames`: the frames of an animation to the bytes of a `.kpal` file, and back."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from kpal_format import (
    MAX_PIXELS,
    U8,
    Animation,
    IndexedImage,
    OnError,
    Progress,
    Reader,
    Region,
    Writer,
    look_up,
)
from kpal_format.animation import MAX_FRAMES
from kpal_format.indexed import describe
from kpal_format.positioned import as_bytes

from .codec import NOT_THE_SAME, EncodeOptions
from .color.palettes import with_channels
from .frame_source import FrameSource
from .image_files.frames import DURATION
from .metrics.report import Report
from .metrics.scores import mean_squared_error
from .progress import Watch
from .quantizer.byte_target import fitted, out_of_reach
from .quantizer.frames import FramesSearch, Plan, Span
from .quantizer.signatures import of_frames, option

if TYPE_CHECKING:
    from .frame_source import FramesLike

Judge = Callable[[U8, IndexedImage], int]


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
        "at most so many frames are coded together, so that decoding can begin at the first of them. By default, all "
        "are coded together: the file grows by a seventh to a third with 64.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        durations: Any = self.durations
        several = isinstance(durations, Iterable)
        whole = in_milliseconds(durations if several else [durations or 0])
        Animation(whole, self.loop or 0, self.restart)  # which checks all three
        if durations is not None:
            object.__setattr__(self, "durations", whole if several else whole[0])

    @property
    def announced(self) -> int | None:
        """The number of frames that the durations imply."""
        return len(self.durations) if isinstance(self.durations, tuple) else None

    def animation(self, source: FrameSource) -> Animation:
        """When the frames are shown; they must have been iterated."""
        durations: Any = self.durations
        loop = self.loop
        if (own := source.moving) is not None:
            durations = own.durations if durations is None else durations
            loop = own.loop if loop is None else loop
        if not isinstance(durations, tuple):
            durations = (DURATION if durations is None else durations,) * source.count
        if len(durations) != source.count:
            raise ValueError(
                f"durations must be one number, or one for each of {source.count} frames, not {len(durations)}"
            )
        return Animation(durations, loop or 0, self.restart)


@of_frames(FrameOptions)
def encode_frames(frames: FramesLike, options: FrameOptions) -> bytes:
    """Encode an animation as a `.kpal` file of at most `colors` colours, losslessly if its frames have no more in all.

    frames: images of one size, whatever `encode` takes, one after the other: a sequence, an iterator, or a function
        that returns an iterator and is called at most twice; or a Pillow image of several frames, or its `frames_of`.
        One frame at a time is in memory; those that come only once wait, compressed, in a temporary file.
        `IndexedImage`s must share one palette.
    OPTIONS

    All frames share one palette. A pixel that does not change from one frame to the next keeps its palette entry,
    whatever `dither` or `rate` makes of its neighbours. `exact` also refuses frames that together have more than
    `colors` colours. The progress of a stage counts frames, and "coding" includes remapping. A report has the picture
    of the first frame, and the error of all.

    Raises ValueError or TypeError for invalid or contradictory arguments, and for frames of different sizes.
    """
    with closing(_source(frames, options)) as source:
        return _Encoding(source, options).run()


@dataclass(frozen=True)
class Trial:
    """A file, its number of colours, and the sum over its frames of what a judge finds."""

    data: bytes
    colors: int
    judged: int


@contextmanager
def frames_encoder(
    frames: FramesLike, options: FrameOptions, judge: Judge
) -> Iterator[Callable[[int, float | None], Trial]]:
    """Yields a function that encodes frames with other `colors` and another `rate` than `options`.

    judge: called with each frame, uint8 (h, w, c), and with what the file shows of it.

    The files are those of `encode_frames` without `max_bytes`. To encode several times is faster than with it.
    """
    with closing(_source(frames, options)) as source:
        yield _Encoding(source, options, judge).trials()


def _source(frames: FramesLike, options: FrameOptions) -> FrameSource:
    return FrameSource(frames, exact=options.exact, indexed=options.keep_palette, expected=options.announced)


class _Encoding:
    """One way to encode frames, or several."""

    def __init__(self, source: FrameSource, options: FrameOptions, judge: Judge | None = None) -> None:
        self._source, self._options, self._judge = source, options, judge
        self._watch = Watch(options.progress, searching=options.searching)
        self._metadata = source.metadata if options.metadata is None else options.metadata
        self._facts: dict[Plan, _Facts] = {}

    def run(self) -> bytes:
        options = self._options
        plan, data = self._kept() if self._source.indexed else self._quantized()
        if options.verify:
            self._watch.attempt(1)
            self._verify(plan, data)
        self._watch.finish()
        if options.report is not None:
            options.report(self._report(plan, data))
        return data

    def _quantized(self) -> tuple[Plan, bytes]:
        options, watch, search = self._options, self._watch, self._search()
        plan, data = self._asked(search)
        if options.max_bytes is None or len(data) <= options.max_bytes:
            return plan, data
        rated = options.coder in ("mix", "max") and options.rateable
        return fitted(search, (plan, data), self._code, options.max_bytes, watch, rated=rated)

    def _search(self) -> FramesSearch:
        search = FramesSearch(self._frames, self._options, self._watch)
        self._animation = self._options.animation(self._source)
        return search

    def _asked(self, search: FramesSearch) -> tuple[Plan, bytes]:
        """What the options of the search ask for."""
        if search.options.exact and not search.lossless:
            raise ValueError(f"exact: the frames have more colours than a palette of {search.options.colors} holds")
        plan = search.quantized()
        return plan, self._code(plan)

    def trials(self) -> Callable[[int, float | None], Trial]:
        """As `frames_encoder` yields it."""
        search = None if self._source.indexed else self._search()

        def encoded(colors: int, rate: float | None) -> Trial:
            nonlocal search
            if search is None:
                plan, data = self._kept()
            else:
                search = search.asking(colors=colors, rate=rate)
                plan, data = self._asked(search)
            return Trial(data, len(plan.palette), self._facts.pop(plan).judged)

        return encoded

    def _kept(self) -> tuple[Plan, bytes]:
        """The frames' own indices and palette, unchanged."""
        options, palette = self._options, self._source.palette
        assert palette is not None  # the frames have indices
        if not options.keep_palette and (wrong := sorted(options.changing())):
            raise ValueError(f"an IndexedImage is stored unchanged: it does not go with {', '.join(wrong)}")
        if options.keep_palette and len(palette) > options.colors:
            raise ValueError(f"keep_palette: the palette has {len(palette)} colours, more than colors={options.colors}")
        for _ in self._frames((0.0, 1.0)):
            pass
        self._animation = options.animation(self._source)
        plan = Plan(palette, 100.0, 0, lambda: lambda indices: indices)
        data = self._code(plan)
        if options.max_bytes is not None and len(data) > options.max_bytes:
            raise out_of_reach(len(data), options.max_bytes)
        return plan, data

    def _frames(self, span: Span, *, last: bool = False) -> Iterator[tuple[U8, Span]]:
        """All frames, each with its part of a span."""
        start, end = span
        for number, frame in enumerate(self._source.iterate(last=last)):
            if number == self._options.announced:
                raise ValueError(f"durations are {number}, but there are more frames")
            before, after = (start + (end - start) * self._source.share(done) for done in (number, number + 1))
            yield frame, (before, after)

    def _code(self, plan: Plan) -> bytes:
        """The file of a plan."""
        file, remap, facts = io.BytesIO(), plan.remapper(), _Facts()
        height, width = self._source.shape
        with Writer(
            file,
            width,
            height,
            plan.palette,
            coder=self._options.coder,
            metadata=self._metadata,
            animation=self._animation,
        ) as writer:

            def code(frame: U8) -> None:
                indices = remap(frame)
                self._note(facts, plan, frame, indices)
                writer.write(indices)

            last = self._options.max_bytes is None and self._judge is None
            for frame, span in self._frames((0.0, 1.0), last=last):
                self._watch.stage("coding", partial(code, frame), span)
        self._facts[plan] = facts
        return file.getvalue()

    def _note(self, facts: _Facts, plan: Plan, frame: U8, indices: U8) -> None:
        if self._options.verify:
            facts.checksums.append(zlib.crc32(indices.data))
        if self._judge is not None and not self._source.indexed:
            pixels = with_channels(frame, plan.palette.shape[1])
            facts.judged += self._judge(pixels, IndexedImage(indices, plan.palette))
        if self._options.report is None:
            return
        shown = look_up(plan.palette, indices)
        original = shown if self._source.indexed else with_channels(frame, shown.shape[2])
        facts.errors.append(mean_squared_error(original, shown))
        if facts.first is None:
            facts.first = original, IndexedImage(indices, plan.palette, self._metadata)

    def _verify(self, plan: Plan, data: bytes) -> None:
        """Raises RuntimeError unless the file decodes to the frames."""
        reader, checksums = Reader(data, max_pixels=None), self._facts[plan].checksums
        same = np.array_equal(reader.palette, plan.palette) and reader.metadata == self._metadata
        same = same and reader.animation is not None and reader.animation.durations == self._animation.durations
        frames = reader.iterate()
        for number, checksum in enumerate(checksums):
            span = self._source.share(number), self._source.share(number + 1)
            same = self._watch.stage("verifying", partial(_next_checksum, frames), span) == checksum and same
        if not same:
            raise RuntimeError(NOT_THE_SAME)

    def _report(self, plan: Plan, data: bytes) -> Report:
        facts = self._facts[plan]
        assert facts.first is not None  # there is a frame
        original, image = facts.first
        return Report(
            colors=len(plan.palette),
            quality=plan.quality,
            mse=math.fsum(facts.errors) / len(facts.errors),
            iterations=plan.iterations,
            ms=dict(self._watch.ms),
            bytes=len(data),
            original=original,
            image=image,
        )


def _next_checksum(frames: Iterator[U8]) -> int:
    return zlib.crc32(np.ascontiguousarray(next(frames)).data)


@dataclass
class _Facts:
    """What was noted of the frames of a file while it was made.

    checksums: of the indices of each frame, to verify the file.
    errors: the mean squared error of each frame, for a report; first: the pixels of frame 0, and the image.
    judged: the sum over all frames of what the judge finds, if there is one; 0 for frames that are stored unchanged.
    """

    checksums: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    first: tuple[U8, IndexedImage] | None = None
    judged: int = 0


def in_milliseconds(durations: Iterable[float]) -> tuple[int, ...]:
    """Durations, rounded; TypeError or ValueError for what is no finite number from 0. Of too many, not all."""
    return tuple(map(_in_milliseconds, islice(durations, MAX_FRAMES + 1)))


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
