"""Conversion of images larger than memory to `.kpal` files, by strips of rows.

The strips are read twice: to count their colours, for a palette that is exact if it can hold all of them, and to encode
them. Each is an image to Pillow and to the quantiser, and only one of them is in memory. The same pixels give the same
file, however their file divides them.
"""

from __future__ import annotations

import builtins
import hashlib
import os
import tempfile
import time
import warnings
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final

import numpy as np

from kpal_format import MAX_PIXELS, U8, Metadata, Progress, Reader, Writer

from ..clustering.opacity import lacks_clear
from ..codec import EncodeOptions
from ..color.palettes import with_channels
from ..errors import KpalWarning
from ..image_files.frames import opened_frames
from ..image_files.metadata import stripped
from ..image_files.orientation import turn_of
from ..image_files.precision import Loss, rounding_of, settle
from ..image_files.strips import Strips, WholeError
from ..metrics.report import Report
from ..metrics.scores import decibels
from ..pixels import to_array
from ..progress import in_whole
from ..quantizer import quantize
from ..quantizer.options import given
from ..quantizer.search import with_clear_entry
from ..quantizer.shared_palette import shared_palette
from ..quantizer.tally import Tally
from .conversion import Postponed
from .frame_files import Motion

Size = tuple[int, int]  # width and height

_PIXELS: Final = 1 << 22  # of a strip, about; another number gives other palettes
# The shares of the time that the stages take, about.
_SHARES: Final = {"histogram": 0.2, "clustering": 0.1, "coding": 0.5, "verifying": 0.2}
_COPIED: Final = 1 << 20  # bytes
# The options that need all pixels at a time.
_NEED_WHOLE: Final = frozenset(("dither", "exact", "keep_palette", "max_bytes", "quality", "rate"))
_OF_PALETTE: Final = ("colors", "fixed", "metric", "speed")  # options of `shared_palette`


class UnsuitedError(ValueError):
    """An option needs all pixels at a time; the message has the names of options in Python."""


@dataclass(frozen=True)
class Packed:
    """A `.kpal` file in a temporary file, and the facts about it: mse and ms as in `Report`."""

    file: IO[bytes]
    bytes: int
    width: int
    height: int
    coder: str
    colors: int
    mse: float
    ms: dict[str, float]

    def parts(self) -> Iterator[builtins.bytes]:
        """The bytes of the file, which is removed then."""
        with self.file:
            self.file.seek(0)
            while part := self.file.read(_COPIED):
                yield part

    def as_dict(self) -> dict[str, Any]:
        """The facts for JSON, like those of a whole image, but for what only all pixels together can tell."""
        return {
            "width": self.width,
            "height": self.height,
            "lossless": not self.mse,
            "coder": self.coder,
            "by_strips": True,
            "colors": self.colors,
            "mse": self.mse,
            "psnr_db": decibels(self.mse) if self.mse else None,
            "ms": {stage: round(ms, 3) for stage, ms in self.ms.items()},
            "bytes": self.bytes,
        }


def large_kpal(
    file: BinaryIO,
    options: EncodeOptions,
    *,
    strips_from: int,
    motion: Motion,
    strip: tuple[str, ...] = (),
    depth: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    most_pixels: int | None = None,
    unsuited: Collection[str] = (),
    progress: Progress | None = None,
) -> Packed | None:
    """Convert an image file of more than `strips_from` pixels to a `.kpal` file, a strip at a time.

    None for a smaller image, for an animation, which is encoded by frames, and, with a KpalWarning, for an image that
    cannot be read by strips.

    motion, strip, depth, max_pixels, most_pixels, progress: as in `to_kpal`.
    unsuited: the names of further options, which need all pixels at a time.

    Raises UnsuitedError for such options, and the errors of `to_kpal`.
    """
    with opened_frames(file, pages=motion.pages, frame=motion.frame, max_pixels=max_pixels) as frames:
        image = frames.image
        pixels = image.width * image.height
        if pixels <= strips_from or motion.timed or frames.count > 1:
            return None
        if most_pixels is not None and pixels > most_pixels:
            raise Postponed
        try:
            strips = Strips(image)
        except WholeError as error:
            warnings.warn(f"{error}: all its pixels are held in memory", KpalWarning, stacklevel=2)
            return None
        if names := set(unsuited) or given(options, EncodeOptions) & _NEED_WHOLE:
            raise UnsuitedError(_need_all(", ".join(sorted(names)), pixels))
        metadata = strips.metadata(unneeded=strip)
        turn, kept = turn_of(metadata, stripped(metadata, strip))
        if turn != 1 or strips.turned:
            raise UnsuitedError(_need_all("turning it by its orientation", pixels))
        work = _Work(strips, options, image.size, depth, in_whole(progress, _SHARES))
        return work.packed(kept)


def _need_all(what: str, pixels: int) -> str:
    return (
        f"{what} needs all pixels at a time, but an image of {pixels:,} pixels is encoded by strips; with strips_from "
        "none, it is held in memory, about 30 bytes a pixel"
    )


class _Work:
    """The stages of the work on one image."""

    def __init__(
        self, strips: Strips, options: EncodeOptions, size: Size, depth: int | None, progress: Progress | None
    ) -> None:
        self._strips, self._options, self._depth, self._progress = strips, options, depth, progress
        self._width, self._height = size
        self._ms: dict[str, float] = {}

    def packed(self, metadata: Metadata) -> Packed:
        """The file, with this metadata."""
        palette = self._palette()
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            mse, digest = self._write(file, palette, metadata)
            if self._options.verify:
                self._verify(file, digest)
            stack.pop_all()
        size = file.seek(0, os.SEEK_END)
        return Packed(file, size, self._width, self._height, self._options.coder, len(palette), mse, self._ms)

    def _palette(self) -> U8:
        """The given palette, or the best one for all strips."""
        options, given_palette = self._options, self._options.given_palette
        tally = Tally(metric=options.metric)
        has_alpha = lacks = False
        loss = Loss(rounding_of(self._depth))
        for strip in self._pixels("histogram", loss):
            if given_palette is None:
                tally.add(strip)
            else:
                has_alpha |= strip.shape[2] == 4
                lacks |= lacks_clear(with_channels(given_palette, strip.shape[2]), strip)
        loss.settle()
        if given_palette is not None:
            palette = with_channels(given_palette, 4) if has_alpha else given_palette
            return with_clear_entry(palette, options.colors) if lacks else palette
        with self._timed("clustering"):
            chosen: dict[str, Any] = {name: getattr(options, name) for name in _OF_PALETTE}
            return shared_palette(tally, progress=self._progress, **chosen)

    def _write(self, file: IO[bytes], palette: U8, metadata: Metadata) -> tuple[float, bytes]:
        """Writes the file; returns the mean squared error and the digest of the indices."""
        digest, error = hashlib.sha256(), 0.0
        reports: list[Report] = []
        with Writer(file, self._width, self._height, palette, coder=self._options.coder, metadata=metadata) as writer:
            for strip in self._pixels("coding", Loss(rounding_of(self._depth))):
                indices = quantize(strip, palette=palette, metric=self._options.metric, report=reports.append).indices
                writer.write(indices)
                digest.update(indices.tobytes())
                error += reports.pop().mse * len(strip)
        return error / self._height, digest.digest()

    def _verify(self, file: IO[bytes], digest: bytes) -> None:
        """Raises RuntimeError unless the indices in the file have this digest."""
        file.seek(0)
        found = hashlib.sha256()
        with self._timed("verifying"):
            for rows in Reader(file, max_pixels=None).rows(progress=self._told("verifying")):
                found.update(rows.tobytes())
        if found.digest() != digest:
            raise RuntimeError("the file does not decode to what was encoded: please report this, with the image")

    def _pixels(self, stage: str, loss: Loss) -> Iterator[U8]:
        """The pixels of all strips from the top down, uint8 (n, width, 3 or 4): the same number of rows in each."""
        done, height, rows = 0, self._height, max(1, _PIXELS // self._width)
        with self._timed(stage):
            for strip in _even(self._arrays(loss), rows):
                yield strip
                done += len(strip)
                if self._progress is not None:
                    self._progress(stage, done / height)
        if done != height:
            raise RuntimeError(f"{done} of {height} rows have been read: please report this, with the image")

    def _arrays(self, loss: Loss) -> Iterator[U8]:
        for image, content in self._strips.images():
            settle(image, loss.rounding, content, whole=loss)
            yield to_array(image)

    def _told(self, stage: str) -> Progress | None:
        progress = self._progress
        return None if progress is None else lambda _, fraction: progress(stage, fraction)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._ms[stage] = 1000 * (time.perf_counter() - start)


def _even(strips: Iterator[U8], rows: int) -> Iterator[U8]:
    """The rows of strips of any height in strips of `rows` rows each, the last one of those that are left."""
    held: list[U8] = []
    for strip in strips:
        held.append(strip)
        if sum(map(len, held)) >= rows:
            joined = _joined(held)
            whole = len(joined) // rows * rows
            for top in range(0, whole, rows):
                yield joined[top : top + rows]
            held = [joined[whole:]] if whole < len(joined) else []
    if held:
        yield _joined(held)


def _joined(strips: list[U8]) -> U8:
    channels = max(strip.shape[2] for strip in strips)
    return np.concatenate([with_channels(strip, channels) for strip in strips])
