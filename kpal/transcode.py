"""Image files of other formats to `.kpal` files and back, in memory: what `kpal encode` and `decode` do to each."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from PIL import Image, PngImagePlugin

from kpal_format import U8, Metadata
from kpal_format.metadata import MAX_PARTS

from .codec import encode
from .errors import KpalWarning
from .metadata import carried, stripped
from .orientation import exif_orientation, orientation_of, turned, turned_density, upright
from .pages import find_picture
from .precision import DEPTH, Rounding, settle
from .targets import TARGETS, Target, held, save_options

with contextlib.suppress(ImportError):
    import pillow_jxl  # noqa: F401  # registers JPEG XL with Pillow, where it is installed

_COMPARED: Final = 1 << 22  # pixels at a time: as RGBA, they take four times what they do in a palette image


def to_kpal(data: bytes, *, strip: tuple[str, ...] = (), depth: int | None = None, **options: Any) -> bytes:
    """An image file that Pillow reads as a `.kpal` file.

    strip: the fields of `Metadata` to leave out of what the file carries. Where that is what turns the picture the
        right way up, the pixels are turned.
    depth: as in `in_depth`.
    options: those of `encode`.

    Raises ValueError for an animation or several pages, what `encode` raises, and whatever Pillow raises for a damaged
    file.
    """
    with open_picture(data) as image:
        metadata = carried(image, unneeded=strip)
        kept = stripped(metadata, strip)
        in_depth(image, data, depth, exact=options.get("exact", False))
        turn, kept = _turn(metadata, kept)
        return encode(turned(image, turn), metadata=kept, **options)


def from_kpal(data: bytes, format: str) -> bytes:
    """A `.kpal` file in another of Pillow's formats, as a palette image where the format has such.

    The pixels are turned where the format cannot hold what turns the picture the right way up. Warns of metadata that
    the format cannot hold, and of pixels that it changes if it is lossy. Raises ValueError where another one cannot
    hold the pixels.
    """
    with Image.open(io.BytesIO(data), formats=("KPAL",)) as opened:
        metadata = carried(opened)
        target = TARGETS.get(format, Target())
        turn, kept = _turn(metadata, held(format, metadata), heeded=target.turns)
        image = turned(opened, turn)
        for name in ("icc_profile", "exif", "xmp", "text", "dpi"):  # which Pillow would write in spite of the options
            image.info.pop(name, None)
        suited = _suited_to(format, image)
        file = io.BytesIO()
        suited.save(file, format, **save_options(format, suited, kept))
        with Image.open(io.BytesIO(file.getvalue())) as written:
            _check(format, written, image, lossy=target.lossy)
        return file.getvalue()


@contextmanager
def large_metadata() -> Iterator[None]:
    """Lets Pillow read the texts and profiles of PNG files up to the size that a `.kpal` file may hold.

    Its own limit of a megabyte for each protects programs that know of no other; the one for all of them stays.
    """
    before = PngImagePlugin.MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_CHUNK = max(before, MAX_PARTS)
    try:
        yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK = before


def _turn(metadata: Metadata, kept: Metadata, *, heeded: bool = True) -> tuple[int, Metadata]:
    """By which orientation to turn the pixels of an image with `metadata` of which only `kept` stays, and with what.

    heeded: whether what shows the result heeds orientations at all.
    """
    orientation = orientation_of(metadata)
    decider = "xmp" if exif_orientation(metadata.exif) is None else "exif"
    if heeded and getattr(kept, decider) == getattr(metadata, decider):
        return 1, kept
    return orientation, turned_density(upright(kept), orientation)


def _check(format: str, written: Image.Image, image: Image.Image, *, lossy: bool) -> None:
    """Raises ValueError if what was written does not show what it should, or if the format is lossy, warns of that."""
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
    """How many pixels of two images differ, and by how much at most in a channel."""
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
    """RGBA pixels, without the colours of what is fully transparent."""
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[:, :, 3] == 0] = 0
    return pixels


@contextmanager
def open_picture(data: bytes) -> Iterator[Image.Image]:
    """The image in `data`; ValueError for one of several frames, most of which would be lost."""
    with Image.open(io.BytesIO(data)) as image:
        find_picture(image)
        yield image


def in_depth(image: Image.Image, data: bytes, depth: int | None, *, exact: bool = False) -> None:
    """Gives the image that `data` holds 8 bits a channel, in place: as `encode` would, or if depth is 8, at any cost.

    Raises ValueError where the image would lose what it must not; warns of what is rounded.
    """
    settle(image, Rounding(exact=exact, forced=depth == DEPTH, way_out=f"--depth {DEPTH} rounds it nevertheless"), data)


def _suited_to(format: str, image: Image.Image) -> Image.Image:
    """The palette image as one of a mode that the format has; ValueError where it cannot hold its alpha."""
    target = TARGETS.get(format, Target())
    if not target.palettes:
        return _without_palette(format, image)
    alpha = image.info.get("transparency")
    if format != "GIF" or alpha is None:
        return image
    if not set(alpha) <= {0, 255}:
        raise ValueError("GIF cannot hold soft alpha; PNG and WebP can")
    # GIF has one transparent index: let it stand for all that are.
    clear = alpha.index(0)
    image = image.point([clear if index < len(alpha) and not alpha[index] else index for index in range(256)])
    image.info["transparency"] = clear
    return image


def _without_palette(format: str, image: Image.Image) -> Image.Image:
    pixels = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if pixels.mode == "RGBA" and pixels.getchannel("A").getextrema() == (255, 255):  # entries with alpha are not used
        pixels = pixels.convert("RGB")
    if format == "AVIF" and pixels.mode == "RGB" and _is_gray(image):
        return pixels.convert("L")
    return pixels


def _is_gray(image: Image.Image) -> bool:
    """Whether all colours of the palette are gray."""
    colors = image.getpalette("RGB") or []
    return colors[::3] == colors[1::3] == colors[2::3]
