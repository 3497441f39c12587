"""From whatever holds pixels to one kind of array: uint8 (h, w, 3) RGB or (h, w, 4) RGBA.

Every Pillow mode is either converted or refused with a reason; none slips through by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from kpal_format import U8, IndexedImage

from .color_management import in_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[Any] | Image.Image | IndexedImage

# Pillow's mode -> the mode to convert to. Images without alpha gain it where `info["transparency"]` names a colour.
_CONVERT: Final = {
    "1": "RGB",
    "L": "RGB",
    "P": "RGB",
    "RGB": "RGB",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "LA": "RGBA",
    "La": "RGBA",
    "PA": "RGBA",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
}
_VIA: Final = {"La": "LA"}  # Pillow has no direct conversion
_DEEP: Final = ("I;16", "I;16L", "I;16B", "I;16N")
_REFUSE: Final = {
    "I": "its values have no fixed range; scale them to 0..255 and convert to 'L'",
    "F": "its values have no fixed range; scale them to 0..255 and convert to 'L'",
    "LAB": "it takes a Pillow with ImageCms",
}


def to_array(pixels: Pixels) -> U8:
    """The pixels as uint8 (h, w, 3), or (h, w, 4) where they have alpha that is not 255 throughout.

    pixels: a Pillow image; an `IndexedImage`; or an array, uint8 or bool, of shape (h, w) or (h, w, 1) gray, (h, w,
        2) gray and alpha, (h, w, 3) RGB or (h, w, 4) RGBA. Sixteen-bit grayscale images are rounded to eight bits.

    Raises TypeError or ValueError that says what would be right.
    """
    if isinstance(pixels, IndexedImage):
        array = pixels.pixels()
    elif isinstance(pixels, Image.Image):
        array = _from_pillow(pixels)
    elif isinstance(pixels, np.ma.MaskedArray):
        raise TypeError("a masked array has pixels without a value; fill them first")
    elif isinstance(pixels, np.ndarray):
        array = _from_array(np.asarray(pixels))
    else:
        raise TypeError(f"pixels must be a numpy array or a Pillow image, not {type(pixels).__name__}")
    if 0 in array.shape:
        raise ValueError(f"pixels must not be empty; the shape is {array.shape}")
    if array.shape[2] == 4 and bool((array[:, :, 3] == 255).all()):
        array = array[:, :, :3]
    return array


def without_hidden(pixels: U8) -> U8:
    """The pixels, black where alpha is 0 and hides their colour."""
    return pixels if pixels.shape[2] == 3 else np.where(pixels[:, :, 3:] > 0, pixels, np.uint8(0))


def own_palette(image: Pixels) -> IndexedImage:
    """A palette image as it is: its indices, its palette and the palette's order.

    image: a Pillow image of mode P; indices beyond its palette, which Pillow shows as black, get black entries. Or an
        `IndexedImage`, which is returned.
    """
    if isinstance(image, IndexedImage):
        return image
    if isinstance(image, Image.Image) and 0 in image.size:
        raise ValueError(f"pixels must not be empty; the size is {image.size}")
    if not isinstance(image, Image.Image) or image.mode != "P":
        mode = f"mode {image.mode}" if isinstance(image, Image.Image) else f"a {type(image).__name__}"
        raise ValueError(f"keep_palette needs a Pillow image of mode P, not {mode}")
    indices = np.array(image, np.uint8)
    flat = image.getpalette("RGB") or []
    colors = max(len(flat) // 3, int(indices.max()) + 1)
    palette = np.zeros((colors, 3), np.uint8)
    palette[: len(flat) // 3] = np.array(flat, np.uint8).reshape(-1, 3)
    alpha = np.full(colors, 255, np.uint8)
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):
        alpha[: len(transparency)] = np.frombuffer(transparency, np.uint8)[:colors]
    elif isinstance(transparency, int) and transparency < colors:
        alpha[transparency] = 0
    elif image.palette is not None and image.palette.mode == "RGBA":
        own = np.array(image.getpalette("RGBA"), np.uint8).reshape(-1, 4)[:, 3]
        alpha[: len(own)] = own
    if (alpha < 255).any():
        palette = np.column_stack((palette, alpha))
    return IndexedImage(indices, palette)


def to_pillow(image: IndexedImage) -> Image.Image:
    """The inverse of `own_palette`: a Pillow image of mode P, with `info["transparency"]` where there is alpha."""
    pillow = Image.fromarray(image.indices)
    pillow.putpalette(np.ascontiguousarray(image.palette[:, :3]).tobytes())
    if image.palette.shape[1] == 4:
        pillow.info["transparency"] = image.palette[:, 3].tobytes()
    return pillow


def _from_pillow(image: Image.Image) -> U8:
    image = in_rgb(image)
    if image.mode in _DEEP or (image.mode == "I" and image.format == "PPM"):  # which Pillow scales to 16 bits
        return _from_deep(image)
    target = _CONVERT.get(image.mode)
    if target is None:
        raise ValueError(
            f"an image of mode {image.mode} cannot be stored: {_REFUSE.get(image.mode, 'kpal does not know it')}"
        )
    if image.has_transparency_data:
        target = "RGBA"
    image = image.convert(_VIA[image.mode]) if image.mode in _VIA else image
    return np.asarray(image if image.mode == target else image.convert(target))


def _from_deep(image: Image.Image) -> U8:
    deep = np.asarray(image).astype(np.uint32)
    gray = ((deep * 255 + 32767) // 65535).astype(np.uint8)
    transparent = image.info.get("transparency")
    if transparent is None:
        return _from_array(gray)
    return _from_array(np.dstack((gray, np.where(deep == transparent, np.uint8(0), np.uint8(255)))))


def _from_array(array: NDArray[Any]) -> U8:
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8:
        raise TypeError(f"an array of pixels must be uint8 (0..255) or bool, not {array.dtype}")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
        raise ValueError(f"an array of pixels is (h, w) or (h, w, 1..4), not {array.shape}")
    channels = array.shape[2]
    return array if channels > 2 else np.take(array, (0, 0, 0) if channels == 1 else (0, 0, 0, 1), axis=2)
