"""Conversion of image files to `.kpal` files and back, in memory, for `kpal encode` and `kpal decode`."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

import numpy as np
from PIL import Image, ImageFile

from kpal_format import (
    MAGIC,
    MAX_PIXELS,
    U8,
    IndexedImage,
    Metadata,
    OnError,
    Progress,
    Reader,
    Region,
    head_of,
    inspect,
    staged,
)

from ..codec import EncodeOptions, encode
from ..errors import KpalWarning, UnreachableError
from ..image_files.metadata import carried, stripped
from ..image_files.orientation import turn_of, turned
from ..image_files.pages import open_picture
from ..image_files.pillow_limits import large_metadata, pixel_limit
from ..image_files.png_rows import png_of_rows
from ..image_files.precision import in_depth
from ..image_files.strips import may_be_larger
from ..image_files.targets import TARGETS, Target, held, save_options
from ..progress import in_whole
from ..quantizer.options import as_json
from .by_strips import Packed, UnsuitedError, large_kpal
from .conversion import Converted, Postponed, Reads, Skipped
from .jobs import Job, header_of

if TYPE_CHECKING:
    from ..metrics.report import Report

# The shares of the time that the stages take, about.
_ENCODING: Final = {"histogram": 0.05, "clustering": 0.2, "remapping": 0.05, "coding": 0.35, "verifying": 0.35}
_DECODING: Final = {"decoding": 0.6, "writing": 0.25, "checking": 0.15}
_COMPARED: Final = 1 << 22  # pixels compared at a time, as RGBA takes four times the memory of an indexed image
_LARGE: Final = 1 << 24  # pixels; the memory of a conversion is about 30 bytes a pixel


@dataclass(frozen=True)
class Encoding:
    """The conversion of `kpal encode`.

    options: the options of `encode`; strip, depth, max_pixels: as in `to_kpal`.
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
            "strips_from": self.strips_from,
        }

    def check(self, data: BinaryIO) -> None:
        """Any bytes may be an image."""

    def __call__(self, job: Job, data: BinaryIO, *, alone: bool, progress: Progress | None = None) -> Converted:
        if (packed := self.by_strips(data, alone=alone, progress=progress)) is not None:
            try:
                self._check_size(packed.bytes, data)
            except Skipped:
                packed.file.close()
                raise
            return Converted(packed.parts(), packed.as_dict())
        reports: list[Report] = []
        content = data.read()
        if not EncodeOptions(**self.options).searching:
            progress = in_whole(progress, _ENCODING)
        try:
            with self.picture(content, alone=alone) as (image, metadata):
                result = encode(image, metadata=metadata, progress=progress, report=reports.append, **self.options)
        except UnreachableError as error:
            reason = self.wording(str(error))
            raise (Skipped if self.skip_if_worse else UnreachableError)(reason) from error
        (report,) = reports
        self._check_size(len(result), data)
        height, width = report.image.indices.shape
        about = {"width": width, "height": height, "lossless": report.mse == 0, "coder": inspect(result).coder}
        return Converted(result, {**about, **report.as_dict(score=self.score)})

    @contextmanager
    def picture(self, content: bytes, *, alone: bool) -> Iterator[tuple[Image.Image, Metadata]]:
        """The image in a file, and its metadata, as `picture_of` gives them. Raises Postponed as conversions do."""
        exact, most_pixels = self.options.get("exact", False), None if alone else _LARGE
        limits = {"max_pixels": self.max_pixels, "most_pixels": most_pixels}
        with (
            large_metadata(),
            picture_of(content, strip=self.strip, depth=self.depth, exact=exact, **limits) as found,
        ):
            yield found

    @property
    def _need_whole(self) -> tuple[str, ...]:
        """The names of options that need all pixels of an image at a time, beside those of `encode`."""
        return ("score",) if self.score else ()

    def by_strips(self, file: BinaryIO, *, alone: bool, progress: Progress | None = None) -> Packed | None:
        """The result of an image that is encoded by strips; None for any other, with the file at its start."""
        if self.strips_from is None or not may_be_larger(file, self.strips_from):
            return None
        try:
            with large_metadata():
                return large_kpal(
                    file,
                    EncodeOptions(**self.options),
                    strips_from=self.strips_from,
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
            file.seek(0)

    def _check_size(self, size: int, file: BinaryIO) -> None:
        before = file.seek(0, os.SEEK_END)
        if self.skip_if_larger and size >= before:
            raise Skipped(f"{size:,} bytes are no fewer than the {before:,} of the input")


@dataclass(frozen=True)
class Decoding:
    """The conversion of `kpal decode`.

    format: Pillow's name of the format, by the ending of the target.
    ending: the ending of targets that have none.
    on_error, region, max_pixels: as in `decode`.
    """

    format: Callable[[str], str]
    ending: str
    on_error: OnError = "raise"
    region: Region | None = None
    max_pixels: int | None = MAX_PIXELS

    @property
    def reads(self) -> Reads:
        return "all" if self.region is None else "parts"

    @property
    def key(self) -> dict[str, Any]:
        return {"to": self.ending, "on_error": self.on_error, "region": self.region}

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
        chosen: dict[str, Any] = {"region": self.region, "max_pixels": self.max_pixels, "on_error": self.on_error}
        with large_metadata():
            if format == "PNG" and (parts := large_png(data, progress=progress, **chosen)) is not None:
                return Converted(parts)
            most_pixels = None if alone else _LARGE
            return Converted(from_kpal(data, format, most_pixels=most_pixels, progress=progress, **chosen))


@contextmanager
def picture_of(
    content: bytes,
    *,
    strip: tuple[str, ...] = (),
    depth: int | None = None,
    exact: bool = False,
    max_pixels: int | None = MAX_PIXELS,
    most_pixels: int | None = None,
) -> Iterator[tuple[Image.Image, Metadata]]:
    """The image in a file that Pillow can read, with 8 bits a channel, and the metadata to store with it.

    strip: the fields of `Metadata` to leave out. If they contain the orientation, the pixels are turned instead.
    depth, exact: as in `in_depth`.
    max_pixels: as in `open_picture`.
    most_pixels: the number of pixels above which the work on the image is Postponed.

    Raises ValueError for an animation or several pages, and any error that Pillow raises for a damaged file.
    """
    with open_picture(content, max_pixels=max_pixels) as image:
        if most_pixels is not None and image.width * image.height > most_pixels:
            raise Postponed
        metadata = carried(image, unneeded=strip)
        kept = stripped(metadata, strip)
        in_depth(image, content, depth, exact=exact)
        turn, kept = turn_of(metadata, kept)
        yield turned(image, turn), kept


def to_kpal(
    data: bytes,
    *,
    strip: tuple[str, ...] = (),
    depth: int | None = None,
    max_pixels: int | None = MAX_PIXELS,
    progress: Progress | None = None,
    **options: Any,
) -> bytes:
    """Convert an image file that Pillow can read to a `.kpal` file.

    strip, depth, max_pixels: as in `picture_of`.
    progress: called with the name of the stage and the fraction of the whole work that is done.
    options: the other options of `encode`.

    Raises the errors of `picture_of` and of `encode`.
    """
    if not EncodeOptions(**options).searching:
        progress = in_whole(progress, _ENCODING)
    exact = options.get("exact", False)
    with picture_of(data, strip=strip, depth=depth, exact=exact, max_pixels=max_pixels) as (image, metadata):
        return encode(image, metadata=metadata, progress=progress, **options)


def from_kpal(
    data: bytes | BinaryIO,
    format: str,
    *,
    region: Region | None = None,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    most_pixels: int | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Convert a `.kpal` file to a format of Pillow, as an indexed image if the format supports it.

    data: the bytes, or a file that can be read in any order, of which only the tiles of the region are read.
    region, max_pixels, on_error: as in `decode`.
    most_pixels: the number of pixels above which the conversion is Postponed.
    progress: called with the name of the stage and the fraction of the whole work that is done.

    If the format cannot hold the orientation, the pixels are turned instead. Warns of metadata that the format cannot
    hold, and of pixels that a lossy format changes. Raises ValueError if a lossless format cannot hold the pixels, or
    if the region is not a part of the image; LimitError for more than `max_pixels`.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    width, height = _size(file, region, max_pixels)
    if most_pixels is not None and width * height > most_pixels:
        raise Postponed
    progress = in_whole(progress, _DECODING)
    with pixel_limit(None), Image.open(file, formats=("KPAL",)) as opened:
        with _loading_truncated(on_error == "skip"):
            decoded = staged(progress, "decoding", lambda: _loaded(opened, region))
        metadata = carried(decoded)
        target = TARGETS.get(format, Target())
        turn, kept = turn_of(metadata, held(format, metadata), heeded=target.turns)
        image = turned(decoded, turn)
        _remove_metadata(image)
        suited = _suited_to(format, image)
        result = io.BytesIO()
        options = save_options(format, suited, kept)
        staged(progress, "writing", lambda: suited.save(result, format, **options))
        with Image.open(io.BytesIO(result.getvalue())) as written:
            staged(progress, "checking", lambda: _check(format, written, image, lossy=target.lossy))
        return result.getvalue()


def large_png(
    file: BinaryIO,
    *,
    region: Region | None = None,
    max_pixels: int | None = MAX_PIXELS,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> Iterator[bytes] | None:
    """Convert a `.kpal` file to PNG as `from_kpal` does, a row of tiles at a time: the bytes of the PNG, in parts.

    None for an image that fits into memory, and for one whose pixels must be turned.
    """
    width, height = _size(file, region, max_pixels)
    if width * height <= _LARGE:
        return None
    reader = Reader(file, max_pixels=max_pixels, on_error=on_error)
    model = IndexedImage(np.zeros((1, 1), np.uint8), reader.palette).to_pillow()
    file.seek(0)
    with pixel_limit(None), Image.open(file, formats=("KPAL",)) as opened:
        model.info = dict(opened.info)
    metadata = carried(model)
    turn, kept = turn_of(metadata, held("PNG", metadata), heeded=TARGETS["PNG"].turns)
    if turn != 1:
        return None
    _remove_metadata(model)
    rows = reader.rows(region, progress=in_whole(progress, {"decoding": 1.0}))
    return png_of_rows(model, save_options("PNG", model, kept), (width, height), rows)


def _size(file: BinaryIO, region: Region | None, max_pixels: int | None) -> tuple[int, int]:
    """Width and height of a region of a `.kpal` file; ValueError if there is none, LimitError for a large one."""
    file.seek(0)
    head = head_of(file)
    box = head.box(region)
    head.check_pixels(box, max_pixels)
    file.seek(0)
    height, width = box.shape
    return width, height


def _loaded(opened: Image.Image, region: Region | None) -> Image.Image:
    if region is not None:
        return opened.crop(region)  # which decodes only the tiles of the region
    opened.load()
    return opened


def _remove_metadata(image: Image.Image) -> None:
    """Removes what Pillow would write whatever the options."""
    for name in ("icc_profile", "exif", "xmp", "text", "dpi"):
        image.info.pop(name, None)


@contextmanager
def _loading_truncated(loads: bool) -> Iterator[None]:
    """Sets Pillow's option to load damaged images as far as possible."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = loads
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _check(format: str, written: Image.Image, image: Image.Image, *, lossy: bool) -> None:
    """Raises ValueError if the written pixels differ from the image; warns instead if the format is lossy."""
    changed, most = _differences(written, image)
    if not changed:
        return
    if not lossy:
        raise ValueError(f"{format} cannot hold these pixels; PNG and WebP hold all")
    warnings.warn(
        f"{format} changes {changed:,} of {image.width * image.height:,} pixels, by up to {most} levels; PNG and WebP "
        "change none",
        KpalWarning,
        stacklevel=2,
    )


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
