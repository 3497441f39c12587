"""Any image comes back, whatever its shape, colours and options: found by Hypothesis, the same way every time."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import kpal
from kpal.quantizer.options import DITHERS
from kpal_format import CODERS, DEFAULT_CODER, IndexedImage, Metadata, decode_indexed, encode_indexed, inspect

settings.register_profile(
    "here", derandomize=True, deadline=None, database=None, max_examples=60, suppress_health_check=list(HealthCheck)
)
settings.load_profile("here")

coders = st.sampled_from(CODERS)
sides = st.integers(1, 24)
strings = st.text(max_size=12)
metadata_of_any_kind = st.builds(
    Metadata,
    icc_profile=st.none() | st.binary(max_size=40),
    exif=st.none() | st.binary(max_size=40),
    xmp=st.none() | st.binary(max_size=300),
    text=st.dictionaries(strings, strings, max_size=3),
    density=st.none() | st.tuples(*[st.integers(1, 2**31 - 1)] * 2),
)


@st.composite
def indexed_images(draw: st.DrawFn) -> IndexedImage:
    """From noise to flat areas, with palettes in any order, entries equal or not."""
    height, width, colors = draw(sides), draw(sides), draw(st.sampled_from((1, 2, 3, 4, 5, 16, 17, 33, 255, 256)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    palette = random.integers(0, 256, (colors, draw(st.sampled_from((3, 4)))), dtype=np.uint8)
    if draw(st.booleans()):
        palette = np.sort(palette >> draw(st.integers(0, 7)), axis=0)
    used = random.integers(0, colors, draw(st.integers(1, 40)), dtype=np.uint8)
    scale = draw(st.sampled_from((1, 2, 7)))  # pixels of a flat square
    small = random.choice(used, (-(-height // scale), -(-width // scale)))
    indices = np.kron(small, np.ones((scale, scale), np.uint8))[:height, :width]
    return IndexedImage(np.ascontiguousarray(indices, np.uint8), palette, draw(metadata_of_any_kind))


@st.composite
def pixel_arrays(draw: st.DrawFn, channels: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Of more or fewer than 256 colours."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = (draw(sides), draw(sides), channels)
    return random.integers(0, draw(st.sampled_from((1, 2, 4, 256))), size, dtype=np.uint8)


@given(indexed_images(), coders)
def test_an_indexed_image_comes_back_exactly(image: IndexedImage, coder: str) -> None:
    data = encode_indexed(image, coder=coder)
    back = decode_indexed(data)
    assert np.array_equal(back.indices, image.indices)
    assert np.array_equal(back.palette, image.palette)
    assert back.metadata == image.metadata
    assert inspect(data).metadata == image.metadata


@given(st.sampled_from((3, 4)).flatmap(pixel_arrays), coders, st.integers(2, 256), st.sampled_from(DITHERS))
def test_pixels_come_back_in_their_shape_exactly_if_their_colours_are_few_enough(
    pixels: np.ndarray[Any, np.dtype[np.uint8]], coder: str, colors: int, dither: Any
) -> None:
    data = kpal.encode(pixels, colors=colors, coder=coder, dither=dither)
    back = kpal.decode(data)
    assert back.shape[:2] == pixels.shape[:2]
    assert inspect(data).colors <= colors
    seen = np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))[..., :4]
    if len(np.unique(seen.reshape(-1, 4), axis=0)) <= colors:
        shown = np.dstack((back, np.full(back.shape[:2], 255, np.uint8)))[..., :4]
        assert np.array_equal(shown[..., 3], seen[..., 3])
        visible = seen[..., 3] > 0
        assert np.array_equal(shown[visible], seen[visible])


@given(st.sampled_from(("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")), sides, sides, st.integers(0, 99))
def test_every_mode_of_pillow_saves_and_opens_with_its_colours(mode: str, width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    few = random.integers(0, 2, (height, width, 4), dtype=np.uint8) * 255
    image = Image.fromarray(few, "RGBA").convert("RGBA" if mode in ("LA", "RGBA") else "RGB")
    image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, "KPAL", coder=DEFAULT_CODER)
    with Image.open(file) as back:
        assert back.size == image.size
        rgba = np.asarray(image.convert("RGBA"))
        shown = np.asarray(back.convert("RGBA"))
        visible = rgba[..., 3] > 0
        assert np.array_equal(shown[visible], rgba[visible])
