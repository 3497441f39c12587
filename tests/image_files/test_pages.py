"""A file of one picture is taken, whatever else of it the file has; several pages need a word of the user."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal.batch.frame_files import Motion
from kpal.batch.transcode import to_kpal

from ..foreign_files import saved, sign
from .test_metadata import psd

LARGE = Image.fromarray(np.random.default_rng(0).integers(0, 9, (16, 24), np.uint8))
SMALL = LARGE.resize((12, 8), Image.Resampling.NEAREST)


def tiff(*pages: tuple[Image.Image, dict[int, int]], order: str = "<", big: bool = False) -> bytes:
    """A TIFF file of gray pages, each with tags of its own: written by hand, as Pillow sets none of these."""
    magic = {"<": b"II", ">": b"MM"}[order]
    head = magic + struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, 16) if big else (42, 8)))
    data = head
    offset, count = ("Q", "Q") if big else ("I", "H")
    for number, (image, more) in enumerate(pages):
        tags = {256: image.width, 257: image.height, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: image.height}
        tags |= {279: image.width * image.height, **more}
        size = struct.calcsize(order + count) + len(tags) * (20 if big else 12) + struct.calcsize(order + offset)
        tags[273] = len(data) + size
        directory = struct.pack(order + count, len(tags))
        for tag, value in sorted(tags.items()):
            directory += struct.pack(order + ("HHQQ" if big else "HHII"), tag, 16 if big else 4, 1, value)
        pixels = np.asarray(image).tobytes()
        following = 0 if number == len(pages) - 1 else len(data) + size + len(pixels)
        data += directory + struct.pack(order + offset, following) + pixels
    return data


@pytest.mark.filterwarnings("ignore:the page that masks:kpal.KpalWarning")
@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize(
    "pages",
    [
        [(LARGE, {})],
        [(LARGE, {254: 0}), (SMALL, {254: 1})],
        [(LARGE, {}), (SMALL, {254: 1}), (SMALL, {254: 1})],
        [(SMALL, {254: 1}), (LARGE, {254: 0})],
        [(LARGE, {}), (LARGE, {254: 4}), (SMALL, {254: 5})],
        [(LARGE, {254: 2}), (SMALL, {254: 3})],
        [(LARGE, {255: 1}), (SMALL, {255: 2})],
        [(LARGE, {254: 1}), (SMALL, {254: 1})],
    ],
)
def test_smaller_copies_and_masks_are_no_pages(pages: list[Any], order: str, big: bool) -> None:
    data = to_kpal(tiff(*pages, order=order, big=big))
    assert np.array_equal(kpal.decode(data)[:, :, 0], np.asarray(LARGE))


@pytest.mark.parametrize(
    "pages",
    [
        [(LARGE, {}), (LARGE, {})],
        [(LARGE, {254: 2}), (LARGE, {254: 2})],
        [(LARGE, {}), (SMALL, {254: 1}), (LARGE, {})],
        [(LARGE, {255: 3}), (LARGE, {255: 3})],
    ],
)
def test_pages_are_refused_unless_one_or_all_are_asked_for(pages: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"several pages: --frame N .*--pages"):
        to_kpal(tiff(*pages))
    assert kpal.inspect(to_kpal(tiff(*pages), motion=Motion(pages=True))).frames == 2
    page = to_kpal(tiff(*pages), motion=Motion(frame=1))
    assert not kpal.inspect(page).durations
    assert np.array_equal(kpal.decode(page)[:, :, 0], np.asarray(LARGE))


def test_pages_of_different_sizes_are_no_animation() -> None:
    with pytest.raises(ValueError, match=r"frame 1 has 12 x 8 pixels, but frame 0 has 24 x 16"):
        to_kpal(tiff((LARGE, {}), (SMALL, {})), motion=Motion(pages=True))


def test_a_mask_that_is_left_out_is_named() -> None:
    with pytest.warns(kpal.KpalWarning, match="masks the picture"):
        to_kpal(tiff((LARGE, {}), (LARGE, {254: 4})))


def test_directories_that_run_in_a_circle_end() -> None:
    data = tiff((LARGE, {}), (SMALL, {254: 1}))
    end = len(data) - SMALL.width * SMALL.height
    data = data[: end - 4] + struct.pack("<I", 8) + data[end:]
    assert np.array_equal(kpal.decode(to_kpal(data))[:, :, 0], np.asarray(LARGE))


def test_the_layers_of_photoshop_are_one_picture() -> None:
    channels = b"".join(struct.pack(">HI", number, 2) for number in range(3))
    layer = struct.pack(">4IH", 0, 0, 0, 0, 3) + channels + b"8BIMnorm\xff\0\0\0" + struct.pack(">I", 12) + bytes(12)
    layers = struct.pack(">h", 2) + 2 * layer + 2 * 3 * bytes(2)
    with Image.open(io.BytesIO(psd(b"", layers))) as image:
        assert getattr(image, "is_animated", False)
    assert np.array_equal(kpal.decode(to_kpal(psd(b"", layers))), np.asarray(sign()))


def test_layers_without_their_picture_are_refused() -> None:
    for has_picture in (0, 1):
        info = b"8BIM" + struct.pack(">H2xIIBx", 1057, 6, 1, has_picture)
        if has_picture:
            assert kpal.decode(to_kpal(psd(info))).shape == (16, 24, 3)
        else:
            with pytest.raises(ValueError, match="maximised compatibility"):
                to_kpal(psd(info))


def test_the_largest_of_several_sizes_is_the_picture() -> None:
    icon = saved(sign().resize((64, 64)), "ICO", sizes=[(16, 16), (64, 64), (32, 32)])
    assert kpal.decode(to_kpal(icon)).shape[:2] == (64, 64)


def test_the_first_view_of_a_photo_is_the_picture_and_the_others_are_named() -> None:
    views = saved(sign(), "MPO", save_all=True, append_images=[sign()], quality=95)
    with pytest.warns(kpal.KpalWarning, match="its other views"):
        assert kpal.decode(to_kpal(views)).shape == (16, 24, 3)
