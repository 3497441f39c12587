"""Conversion of image files to `.kpal` files and back, in memory, for `kpal encode` and `kpal decode`."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

import numpy as np
from PIL import Image, ImageSequence

from kpal_format import (
    MAGIC,
    MAX_PIXELS,
    U8,
    Animation,
    IndexedImage,
    OnError,
    Progress,
    Reader,
    Region,
    Writer,
    head_of,
    inspect,
    staged,
)

from ..animation import encode_frames
from ..codec import EncodeOptions, encode
from ..errors import KpalWarning, UnreachableError
from ..image_files.metadata import carried
from ..image_files.moving import TIMES, animated, held_times
from ..image_files.orientation import turn_of, turned
from ..image_files.pillow_limits import large_metadata, pixel_limit
from ..image_files.png_rows import png_of_rows
from ..image_files.strips import may_be_larger
from ..image_files.targets import TARGETS, Target, held, save_options
from ..progress import in_whole, renamed
from ..quantizer.options import as_json
from .by_strips import Packed, UnsuitedError, large_kpal
from .conversion import Converted, Input, Postponed, Reads, Skipped
from .frame_files import FrameFiles, Motion
from .jobs import Job, header_of
from .opened import Opened, OpenedFrames, opened

if TYPE_CHECKING:
    from ..metrics.report import Report

# The shares of the time that the stages take, about.
_ENCODING: Final = {"histogram": 0.05, "clustering": 0.2, "remapping": 0.05, "coding": 0.35, "verifying": 0.35}
_WRITING: Final = {"writing": 0.6, "checking": 0.4}  # of animations
_DECODING: Final = {"decoding": 0.6, "writing": 0.25, "checking": 0.15}
_COMPARED: Final = 1 << 22  # pixels compared at a time, as RGBA takes four times the memory of an indexed image
_LARGE: Final = 1 << 24  # pixels; the memory of a conversion is about 30 bytes a pixel


@dataclass(frozen=True)
class Encoding:
    """The conversion of `kpal encode`.

    options: the options of `encode`; strip, depth, max_pixels, motion: as in `to_kpal`.
    skip_if_larger, skip_if_worse: which images get no result: those whose result would be no smaller than the input,
        and those that cannot reach the required quality or size.
    score: whether the facts include the perceptual score.
    wording: changes the names of options in a message.
    strips_from: the number of pixels above which an image is encoded by strips, if its file can be read so; None for
        no image.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    strip: tuple[str, ...] = ()
    depth: int | None = None
    skip_if_larger: bool = False
    skip_if_worse: bool = False
    score: bool = False
    wording: Callable[[str], str] = str
    max_pixels: int | None = MAX_PIXELS
    motion: Motion = Motion()  # noqa: RUF009  # it is frozen
    strips_from: int | None = MAX_PIXELS
    reads: ClassVar[Reads] = "all"

    @property
    def key(self) -> dict[str, Any]:
        return {
            **as_json(EncodeOptions(**self.options)),
            "strip": sorted(self.strip),
            "depth": self.depth,
            "skip_if_larger": self.skip_if_larger,
            "skip_if_worse": self.skip_if_worse,
            "motion": self.motion.key,
            "strips_from": self.strips_from,
        }

    def check(self, data: Input) -> None:
        """Any bytes may be an image."""

    def __call__(self, job: Job, data: Input, *, alone: bool, progress: Progress | None = None) -> Converted:
        if (packed := self.by_strips(data, alone=alone, progress=progress)) is not None:
            try:
                self._check_size(packed.bytes, data)
            except Skipped:
                packed.file.close()
                raise
            return Converted(packed.parts(), packed.as_dict())
        reports: list[Report] = []
        content = data if isinstance(data, FrameFiles) else data.read()
        try:
            with self.opened(content, alone=alone) as found:
                result = _encoded(found, progress, report=reports.append, **self.options)
        except UnreachableError as error:
            reason = self.wording(str(error))
            raise (Skipped if self.skip_if_worse else UnreachableError)(reason) from error
        (report,) = reports
        self._check_size(len(result), data)
        info = inspect(result)
        about: dict[str, Any] = {"width": info.width, "height": info.height}
        if info.durations:
            about |= {"frames": info.frames, "duration_ms": sum(info.durations), "loop": info.loop}
        about |= {"lossless": report.mse == 0, "coder": info.coder}
        return Converted(result, {**about, **report.as_dict(score=self.score)})

    @contextmanager
    def opened(self, content: bytes | FrameFiles, *, alone: bool) -> Iterator[Opened]:
        """The image or the animation in a file, to be encoded. Raises Postponed as conversions do."""
        chosen: dict[str, Any] = {
            "strip": self.strip,
            "depth": self.depth,
            "exact": self.options.get("exact", False),
            "max_pixels": self.max_pixels,
            "motion": self.motion,
            "most_pixels": None if alone else _LARGE,
        }
        with large_metadata(), opened(content, **chosen) as found:
            yield found

    @property
    def _need_whole(self) -> tuple[str, ...]:
        """The names of options that need all pixels of an image at a time, beside those of `encode`."""
        return ("score",) if self.score else ()

    def by_strips(self, data: Input, *, alone: bool, progress: Progress | None = None) -> Packed | None:
        """The result of an image that is encoded by strips; None for any other input, with a file at its start."""
        if self.strips_from is None or isinstance(data, FrameFiles) or not may_be_larger(data, self.strips_from):
            return None
        try:
            with large_metadata():
                return large_kpal(
                    data,
                    EncodeOptions(**self.options),
                    strips_from=self.strips_from,
                    motion=self.motion,
                    strip=self.strip,
                    depth=self.depth,
                    max_pixels=self.max_pixels,
                    most_pixels=None if alone else _LARGE,
                    unsuited=self._need_whole,
                    progress=progress,
                )
        except UnsuitedError as error:
            raise ValueError(self.wording(str(error))) from error
        finally:
            data.seek(0)

    def _check_size(self, size: int, data: Input) -> None:
        before = len(data) if isinstance(data, FrameFiles) else data.seek(0, os.SEEK_END)
        if self.skip_if_larger and size >= before:
            raise Skipped(f"{size:,} bytes are no fewer than the {before:,} of the input")


@dataclass(frozen=True)
class Decoding:
    """The conversion of `kpal decode`.

    format: Pillow's name of the format, by the ending of the target.
    ending: the ending of targets that have none.
    on_error, region, max_pixels: as in `decode`; frame: as in `from_kpal`.
    """

    format: Callable[[str], str]
    ending: str
    on_error: OnError = "raise"
    region: Region | None = None
    max_pixels: int | None = MAX_PIXELS
    frame: int | None = None

    @property
    def reads(self) -> Reads:
        return "all" if self.region is None and self.frame is None else "parts"

    @property
    def key(self) -> dict[str, Any]:
        return {"to": self.ending, "on_error": self.on_error, "region": self.region, "frame": self.frame}

    def check(self, data: BinaryIO) -> None:
        if MAGIC.startswith(data.read(len(MAGIC))):
            data.seek(0)
            head_of(data)
        else:
            data.seek(0)
            header_of(data.read())

    def __call__(self, job: Job, data: BinaryIO, *, alone: bool, progress: Progress | None = None) -> Converted:
        ending = job.target.suffix if job.target and job.target.suffix else self.ending
        format = self.format(ending)
        chosen: dict[str, Any] = {
            "region": self.region,
            "max_pixels": self.max_pixels,
            "on_error": self.on_error,
            "frame": self.frame,
        }
        with large_metadata():
            if format == "PNG" and (parts := large_png(data, progress=progress, **chosen)) is not None:
                return Converted(parts)
            most_pixels = None if alone else _LARGE
            return Converted(from_kpal(data, format, most_pixels=most_pixels, progress=progress, **chosen))


def to_kpal(
    data: bytes | FrameFiles,
    *,
    strip: tuple[str, ...] = (),
    depth: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    motion: Motion = Motion(),  # noqa: B008  # it is frozen
    progress: Progress | None = None,
    **options: Any,
) -> bytes:
    """Convert an image or an animation that Pillow can read to a `.kpal` file.

    data, strip, depth, max_pixels, motion: as in `opened`.
    progress: called with the name of the stage and the fraction of the whole work that is done.
    options: the other options of `encode`.

    Raises the errors of `opened`, of `encode` and of `encode_frames`.
    """
    exact = options.get("exact", False)
    with opened(data, strip=strip, depth=depth, exact=exact, max_pixels=max_pixels, motion=motion) as found:
        return _encoded(found, progress, **options)


def _encoded(found: Opened, progress: Progress | None, **options: Any) -> bytes:
    if not EncodeOptions(**options).searching:
        progress = in_whole(progress, _ENCODING, frames=found.count)
    if isinstance(found, OpenedFrames):
        about = {**found.times, **options}
        return encode_frames(found.frames, metadata=found.metadata, progress=progress, **about)
    return encode(found.image, metadata=found.metadata, progress=progress, **options)


def from_kpal(
    data: bytes | BinaryIO,
    format: str,
    *,
    region: Region | None = None,
    frame: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    most_pixels: int | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Convert a `.kpal` file to a format of Pillow, as an indexed image if the format supports it.

    data: the bytes, or a file that can be read in any order, of which only the tiles of the region are read.
    region, max_pixels, on_error: as in `decode`.
    frame: the frame of an animation that becomes the picture, negative from the end; None for all frames.
    most_pixels: the number of pixels above which the conversion is Postponed.
    progress: called with the name of the stage and the fraction of the whole work that is done.

    If the format cannot hold the orientation, the pixels are turned instead. Warns of metadata that the format cannot
    hold, and of pixels that a lossy format changes. Raises ValueError if a lossless format cannot hold the pixels, or
    if the region is not a part of the image; LimitError for more than `max_pixels`.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    width, height = _size(file, region, frame, max_pixels)
    if most_pixels is not None and width * height > most_pixels:
        raise Postponed
    reader = Reader(file, max_pixels=max_pixels, on_error=on_error)
    if frame is None and reader.frames > 1:
        return _animation(format, reader, region, progress)
    progress = in_whole(progress, _DECODING)
    decoded = reader.read(region, frame=frame or 0, progress=progress).to_pillow()
    metadata = carried(decoded)
    target = TARGETS.get(format, Target())
    turn, kept = turn_of(metadata, held(format, metadata), heeded=target.turns)
    image = turned(decoded, turn)
    _remove_metadata(image)
    suited = _suited_to(format, image)
    result = io.BytesIO()
    options = save_options(format, suited, kept)
    with pixel_limit(None):
        staged(progress, "writing", lambda: suited.save(result, format, **options))
        with Image.open(io.BytesIO(result.getvalue())) as written:
            staged(progress, "checking", lambda: _check(format, written, image))
    return result.getvalue()


def _animation(format: str, reader: Reader, region: Region | None, progress: Progress | None) -> bytes:
    """All frames of a `.kpal` file in another format, as in `from_kpal`; ValueError if it holds one picture."""
    assert reader.animation is not None  # the file has several frames
    if format == "KPAL":
        return _cropped(reader, region, in_whole(progress, {"decoding": 1.0}, frames=reader.frames))
    if format not in TIMES:
        raise ValueError(
            f"{format} holds no animation: choose one of the {reader.frames} frames with --frame, or a format that "
            f"holds them all ({', '.join(TIMES)})"
        )
    progress = in_whole(progress, _WRITING, frames=reader.frames)
    colors = np.arange(len(reader.palette), dtype=np.uint8)[np.newaxis]
    model = IndexedImage(colors, reader.palette, reader.metadata).to_pillow()
    metadata = carried(model)
    turn, kept = turn_of(metadata, held(format, metadata), heeded=TARGETS[format].turns)
    _remove_metadata(model)
    suited = _suited_to(format, model)
    options = save_options(format, suited, kept)
    animation = held_times(format, reader.animation)

    def frames(stage: str) -> Iterator[U8]:
        for indices in reader.iterate(region, progress=renamed(progress, stage)):
            yield np.asarray(turned(Image.fromarray(indices), turn))

    with pixel_limit(None):
        data = animated(format, reader.palette, suited, options, lambda: frames("writing"), animation)
        expected = (IndexedImage(indices, reader.palette).to_pillow() for indices in frames("checking"))
        _check_frames(format, data, expected, animation)
    return data


def _cropped(reader: Reader, region: Region | None, progress: Progress | None) -> bytes:
    """A `.kpal` file of a region of all frames."""
    file = io.BytesIO()
    width, height = (region[2] - region[0], region[3] - region[1]) if region else (reader.width, reader.height)
    about: dict[str, Any] = {"metadata": reader.metadata, "animation": reader.animation}
    with Writer(file, width, height, reader.palette, **about) as writer:
        for indices in reader.iterate(region, progress=progress):
            writer.write(indices)
    return file.getvalue()


def large_png(
    file: BinaryIO,
    *,
    region: Region | None = None,
    frame: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> Iterator[bytes] | None:
    """Convert a `.kpal` file to PNG as `from_kpal` does, a row of tiles at a time: the bytes of the PNG, in parts.

    None for an image that fits into memory, for one whose pixels must be turned, and for an animation.
    """
    width, height = _size(file, region, frame, max_pixels)
    if width * height <= _LARGE:
        return None
    reader = Reader(file, max_pixels=max_pixels, on_error=on_error)
    if frame is None and reader.frames > 1:
        return None
    model = IndexedImage(np.zeros((1, 1), np.uint8), reader.palette, reader.metadata).to_pillow()
    metadata = carried(model)
    turn, kept = turn_of(metadata, held("PNG", metadata), heeded=TARGETS["PNG"].turns)
    if turn != 1:
        return None
    _remove_metadata(model)
    rows = reader.rows(region, frame=frame or 0, progress=in_whole(progress, {"decoding": 1.0}))
    return png_of_rows(model, save_options("PNG", model, kept), (width, height), rows)


def _size(file: BinaryIO, region: Region | None, frame: int | None, max_pixels: int | None) -> tuple[int, int]:
    """Width and height of a region of a `.kpal` file.

    Raises ValueError without such a region or frame, and LimitError for a large region.
    """
    file.seek(0)
    head = head_of(file)
    box = head.box(region)
    try:
        head.frame(frame or 0)
    except IndexError as error:
        raise ValueError(str(error)) from error
    head.check_pixels(box, max_pixels)
    file.seek(0)
    height, width = box.shape
    return width, height


def _remove_metadata(image: Image.Image) -> None:
    """Removes what Pillow would write whatever the options."""
    for name in ("icc_profile", "exif", "xmp", "text", "dpi"):
        image.info.pop(name, None)


def _check(format: str, written: Image.Image, image: Image.Image) -> None:
    """Raises ValueError if the written pixels differ from the image; warns instead if the format is lossy."""
    changed, most = _differences(written, image)
    _tell_differences(format, changed, image.width * image.height, most)


def _tell_differences(format: str, changed: int, pixels: int, most: int) -> None:
    """Warns that so many pixels differ, by up to `most` levels; raises ValueError if the format is not lossy."""
    if not changed:
        return
    if not TARGETS.get(format, Target()).lossy:
        raise ValueError(f"{format} cannot hold these pixels; PNG and WebP hold all")
    warnings.warn(
        f"{format} changes {changed:,} of {pixels:,} pixels, by up to {most} levels; PNG and WebP change none",
        KpalWarning,
        stacklevel=2,
    )


def _check_frames(format: str, data: bytes, expected: Iterator[Image.Image], animation: Animation) -> None:
    """Like `_check`, for all frames of a written file; raises ValueError if their durations differ, too."""
    with Image.open(io.BytesIO(data)) as image:
        written = _timed(image)
        shown: Iterator[tuple[Image.Image, int]] = zip(expected, animation.durations, strict=True)
        if TIMES[format].merges:
            written, shown = _merged(written), _merged(shown)
        changed = most = pixels = 0
        for (a, its_time), (b, time) in zip_longest(written, shown, fillvalue=(None, None)):
            if a is None or b is None or its_time != time:
                raise ValueError(f"{format} cannot hold these durations; PNG holds all")
            count, difference = _differences(a, b)
            changed, most, pixels = changed + count, max(most, difference), pixels + b.width * b.height
    _tell_differences(format, changed, pixels, most)


def _timed(image: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    """The frames of an opened animation, with their durations in milliseconds."""
    for frame in ImageSequence.Iterator(image):
        frame.load()  # which tells the duration
        yield frame, round(frame.info.get("duration", 0))


def _merged(frames: Iterator[tuple[Image.Image, int]]) -> Iterator[tuple[Image.Image, int]]:
    """The frames, with one in place of those in a row that look the same."""
    held, total = None, 0
    for frame, duration in frames:
        if held is not None and not _differences(held, frame)[0]:
            total += duration
            continue
        if held is not None:
            yield held, total
        held, total = frame.copy(), duration
    if held is not None:
        yield held, total


def _differences(a: Image.Image, b: Image.Image) -> tuple[int, int]:
    """The number of pixels in which two images differ, and the largest difference in a channel."""
    if a.size != b.size:
        return b.width * b.height, 255
    a.load()
    rows = max(1, _COMPARED // a.width)
    count, most = 0, 0
    for top in range(0, a.height, rows):
        strip = (0, top, a.width, min(top + rows, a.height))
        x, y = _seen(a.crop(strip)), _seen(b.crop(strip))
        if not np.array_equal(x, y):
            difference = np.abs(x.astype(np.int16) - y).max(axis=2)
            count += int(np.count_nonzero(difference))
            most = max(most, int(difference.max()))
    return count, most


def _seen(image: Image.Image) -> U8:
    """RGBA pixels, with the hidden colours of fully transparent pixels removed."""
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[:, :, 3] == 0] = 0
    return pixels


def _suited_to(format: str, image: Image.Image) -> Image.Image:
    """The indexed image in a mode that the format supports; ValueError if the format cannot hold its alpha."""
    target = TARGETS.get(format, Target())
    if not target.palettes:
        return _without_palette(format, image)
    alpha = image.info.get("transparency")
    if format != "GIF" or not isinstance(alpha, bytes):  # GIF has one transparent index
        return image
    if not set(alpha) <= {0, 255}:
        raise ValueError("GIF cannot hold soft alpha; PNG and WebP can")
    if 0 not in alpha:
        del image.info["transparency"]
        return image
    # Use one index for all transparent entries.
    clear = alpha.index(0)
    image = image.point([clear if index < len(alpha) and not alpha[index] else index for index in range(256)])
    image.info["transparency"] = clear
    return image


def _without_palette(format: str, image: Image.Image) -> Image.Image:
    pixels = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if pixels.mode == "RGBA" and pixels.getchannel("A").getextrema() == (255, 255):  # no pixel uses an entry with alpha
        pixels = pixels.convert("RGB")
    if format == "AVIF" and pixels.mode == "RGB" and _is_gray(image):
        return pixels.convert("L")
    return pixels


def _is_gray(image: Image.Image) -> bool:
    """Whether the palette has only grays."""
    colors = image.getpalette("RGB") or []
    return colors[::3] == colors[1::3] == colors[2::3]
