"""Conversion of image files to `.kpal` files and back, in memory, for `kpal encode` and `kpal decode`."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageFile, PngImagePlugin

from kpal_format import U8, Metadata, OnError, Progress, inspect, staged
from kpal_format.forks import Lock
from kpal_format.metadata import MAX_PARTS

from ..codec import EncodeOptions, encode
from ..errors import KpalWarning, UnreachableError
from ..image_files.metadata import carried, stripped
from ..image_files.orientation import exif_orientation, orientation_of, turned, turned_density, upright
from ..image_files.pages import open_picture
from ..image_files.precision import in_depth
from ..image_files.targets import TARGETS, Target, held, save_options
from ..progress import in_whole
from ..quantizer.options import as_json
from .conversion import Converted, Postponed, Skipped
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

    options: the options of `encode`; strip, depth: as in `to_kpal`.
    skip_if_larger, skip_if_worse: which images get no result: those whose result would be no smaller than the input,
        and those that cannot reach the required quality or size.
    score: whether the facts include the perceptual score.
    wording: changes the names of options in a message.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    strip: tuple[str, ...] = ()
    depth: int | None = None
    skip_if_larger: bool = False
    skip_if_worse: bool = False
    score: bool = False
    wording: Callable[[str], str] = str

    @property
    def key(self) -> dict[str, Any]:
        return {
            **as_json(EncodeOptions(**self.options)),
            "strip": sorted(self.strip),
            "depth": self.depth,
            "skip_if_larger": self.skip_if_larger,
            "skip_if_worse": self.skip_if_worse,
        }

    def check(self, data: bytes) -> None:
        """Any bytes may be an image."""

    def __call__(self, job: Job, data: bytes, *, alone: bool, progress: Progress | None = None) -> Converted:
        reports: list[Report] = []
        try:
            with large_metadata():
                result = to_kpal(
                    data,
                    strip=self.strip,
                    depth=self.depth,
                    most_pixels=None if alone else _LARGE,
                    progress=progress,
                    report=reports.append,
                    **self.options,
                )
        except UnreachableError as error:
            reason = self.wording(str(error))
            raise (Skipped if self.skip_if_worse else UnreachableError)(reason) from error
        if self.skip_if_larger and len(result) >= len(data):
            raise Skipped(f"{len(result):,} bytes are no fewer than the {len(data):,} of the input")
        height, width = reports[0].image.indices.shape
        about = {"width": width, "height": height, "lossless": reports[0].mse == 0, "coder": inspect(result).coder}
        return Converted(result, {**about, **reports[0].as_dict(score=self.score)})


@dataclass(frozen=True)
class Decoding:
    """The conversion of `kpal decode`.

    format: Pillow's name of the format, by the ending of the target.
    ending: the ending of targets that have none.
    on_error: as in `decode`.
    """

    format: Callable[[str], str]
    ending: str
    on_error: OnError = "raise"

    @property
    def key(self) -> dict[str, Any]:
        return {"to": self.ending, "on_error": self.on_error}

    def check(self, data: bytes) -> None:
        header_of(data)

    def __call__(self, job: Job, data: bytes, *, alone: bool, progress: Progress | None = None) -> Converted:
        ending = job.target.suffix if job.target and job.target.suffix else self.ending
        with large_metadata():
            result = from_kpal(
                data,
                self.format(ending),
                on_error=self.on_error,
                most_pixels=None if alone else _LARGE,
                progress=progress,
            )
        return Converted(result)


def to_kpal(
    data: bytes,
    *,
    strip: tuple[str, ...] = (),
    depth: int | None = None,
    most_pixels: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> bytes:
    """Convert an image file that Pillow can read to a `.kpal` file.

    strip: the fields of `Metadata` to leave out. If they contain the orientation, the pixels are turned instead.
    depth: as in `in_depth`.
    most_pixels: the number of pixels above which the conversion is Postponed.
    progress: called with the name of the stage and the fraction of the whole work that is done.
    options: the other options of `encode`.

    Raises ValueError for an animation or several pages, the errors of `encode`, and any error that Pillow raises for a
    damaged file.
    """
    if not EncodeOptions(**options).searching:
        progress = in_whole(progress, _ENCODING)
    with open_picture(data) as image:
        if most_pixels is not None and image.width * image.height > most_pixels:
            raise Postponed
        metadata = carried(image, unneeded=strip)
        kept = stripped(metadata, strip)
        in_depth(image, data, depth, exact=options.get("exact", False))
        turn, kept = _turn(metadata, kept)
        return encode(turned(image, turn), metadata=kept, progress=progress, **options)


def from_kpal(
    data: bytes,
    format: str,
    *,
    on_error: OnError = "raise",
    most_pixels: int | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Convert a `.kpal` file to a format of Pillow, as an indexed image if the format supports it.

    on_error: as in `decode`.
    progress: called with the name of the stage and the fraction of the whole work that is done.

    If the format cannot hold the orientation, the pixels are turned instead. Warns of metadata that the format cannot
    hold, and of pixels that a lossy format changes. Raises ValueError if a lossless format cannot hold the pixels.

    most_pixels: the number of pixels above which the conversion is Postponed.
    """
    progress = in_whole(progress, _DECODING)
    with Image.open(io.BytesIO(data), formats=("KPAL",)) as opened:
        if most_pixels is not None and opened.width * opened.height > most_pixels:
            raise Postponed
        with _loading_truncated(on_error == "skip"):
            staged(progress, "decoding", opened.load)
        metadata = carried(opened)
        target = TARGETS.get(format, Target())
        turn, kept = _turn(metadata, held(format, metadata), heeded=target.turns)
        image = turned(opened, turn)
        for name in ("icc_profile", "exif", "xmp", "text", "dpi"):  # Pillow would write these whatever the options
            image.info.pop(name, None)
        suited = _suited_to(format, image)
        file = io.BytesIO()
        options = save_options(format, suited, kept)
        staged(progress, "writing", lambda: suited.save(file, format, **options))
        with Image.open(io.BytesIO(file.getvalue())) as written:
            staged(progress, "checking", lambda: _check(format, written, image, lossy=target.lossy))
        return file.getvalue()


@contextmanager
def large_metadata() -> Iterator[None]:
    """Lets Pillow read texts and profiles of PNG files up to the size that a `.kpal` file may hold.

    Raises Pillow's limit of a megabyte for each text or profile; Pillow's limit for their total stays. Several threads
    may be in the block at a time: the limit returns to what it was when the last one leaves.
    """
    with _limit_lock:
        _limits.append(PngImagePlugin.MAX_TEXT_CHUNK)
        PngImagePlugin.MAX_TEXT_CHUNK = max(_limits[0], MAX_PARTS)
    try:
        yield
    finally:
        with _limit_lock:
            first = _limits[0]
            _limits.pop()
            if not _limits:
                PngImagePlugin.MAX_TEXT_CHUNK = first


_limits: list[int] = []  # Pillow's limit as each thread found it that is in the block of `large_metadata`
_limit_lock = Lock()


@contextmanager
def _loading_truncated(loads: bool) -> Iterator[None]:
    """Sets Pillow's option to load damaged images as far as possible."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = loads
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _turn(metadata: Metadata, kept: Metadata, *, heeded: bool = True) -> tuple[int, Metadata]:
    """The orientation by which to turn the pixels of an image, and the metadata to store with them.

    metadata: the metadata of the image; kept: the part of it that the result will have.
    heeded: whether viewers of the result heed its orientation.
    """
    orientation = orientation_of(metadata)
    decider = "xmp" if exif_orientation(metadata.exif) is None else "exif"
    if heeded and getattr(kept, decider) == getattr(metadata, decider):
        return 1, kept
    return orientation, turned_density(upright(kept), orientation)


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
