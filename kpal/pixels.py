"""Conversion of arrays and Pillow images to one kind of array: uint8 (h, w, 3) RGB or (h, w, 4) RGBA.

Every Pillow mode is either converted explicitly or refused with a reason. Array-likes of other libraries (PyTorch,
xarray, Dask, JAX, Zarr) are whatever numpy converts without a guess, so lists are not among them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from PIL import Image

from kpal_format import U8, IndexedImage
from kpal_plugins.pillow import transparency

from .image_files.color_management import in_rgb
from .image_files.precision import Rounding, in_eight_bits, rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    class ArrayLike(Protocol):
        """An array of another library; `__array_interface__`, `__dlpack__` or a memoryview will also do."""

        def __array__(self) -> NDArray[Any]: ...

    Pixels = NDArray[Any] | Image.Image | IndexedImage | ArrayLike | memoryview

# Pillow mode -> the mode to convert to. If `info["transparency"]` names a colour, images without alpha gain it.
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
_NO_RANGE: Final = "its levels have no fixed range; bring them to 0..255 and convert to 'L'"
_REFUSE: Final = {
    "I": _NO_RANGE,
    "F": _NO_RANGE,
    "LAB": "it needs a Pillow with ImageCms",
}
_ARRAY_PROTOCOLS: Final = ("__array__", "__array_interface__", "__array_struct__", "__dlpack__")


def to_array(pixels: Pixels, *, exact: bool = False) -> U8:
    """The pixels as uint8 (h, w, 3), or (h, w, 4) if any pixel is not opaque.

    pixels: a Pillow image; an `IndexedImage`; or an array or array-like, uint8, uint16 or bool, of shape (h, w) or
        (h, w, 1) gray, (h, w, 2) gray and alpha, (h, w, 3) RGB or (h, w, 4) RGBA. White is 255, 65535 or True. 16-bit
        samples are rounded to 8 bits as described in precision.py.
    exact: refuse samples that rounding would change.

    Raises TypeError or ValueError with advice for unsuitable pixels; warns of rounding.
    """
    if isinstance(pixels, IndexedImage):
        array = pixels.pixels()
    elif isinstance(pixels, Image.Image):
        array = _from_pillow(pixels, exact=exact)
    elif _is_array_like(pixels):
        array = _from_array(_as_array(pixels), exact=exact)
    else:
        raise TypeError(_no_pixels(pixels))
    if 0 in array.shape:
        raise ValueError(f"pixels must not be empty; the shape is {array.shape}")
    if array.shape[2] == 4 and bool((array[:, :, 3] == 255).all()):
        array = array[:, :, :3]
    return array


def is_one_image(value: Any) -> bool:
    """Whether the value holds pixels, not several images; an array of four dimensions is several."""
    return isinstance(value, (Image.Image, IndexedImage)) or (_is_array_like(value) and np.ndim(value) < 4)


def without_hidden(pixels: U8) -> U8:
    """The pixels, with black instead of the hidden colours under alpha 0."""
    return pixels if pixels.shape[2] == 3 else np.where(pixels[:, :, 3:] > 0, pixels, np.uint8(0))


def own_palette(image: Pixels) -> IndexedImage:
    """The indices and the palette of an indexed image, unchanged.

    image: an `IndexedImage`, which is returned; or a Pillow image of mode P, where indices beyond the palette, which
        Pillow shows as black, get black entries.
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
    if image.palette is not None and image.palette.mode == "RGBA":
        own = np.array(image.getpalette("RGBA"), np.uint8).reshape(-1, 4)[:, 3]
        alpha[: len(own)] = own
    transparency = image.info.get("transparency")  # which changes what the palette says
    if isinstance(transparency, bytes):
        alpha[: len(transparency)] = np.frombuffer(transparency, np.uint8)[:colors]
    elif isinstance(transparency, int) and transparency < colors:
        alpha[transparency] = 0
    if (alpha < 255).any():
        palette = np.column_stack((palette, alpha))
    return IndexedImage(indices, palette)


def to_pillow(image: IndexedImage) -> Image.Image:
    """The inverse of `own_palette`: a Pillow image of mode P, with `info["transparency"]` if the palette has alpha."""
    pillow = Image.fromarray(image.indices)
    pillow.putpalette(np.ascontiguousarray(image.palette[:, :3]).tobytes())
    if image.palette.shape[1] == 4:
        pillow.info["transparency"] = transparency(image.palette)
    return pillow


def _from_pillow(image: Image.Image, *, exact: bool) -> U8:
    name = os.fsdecode(getattr(image, "filename", ""))
    image = in_rgb(in_eight_bits(image, Rounding(exact=exact, name=name)))
    target = _CONVERT.get(image.mode)
    if target is None:
        raise ValueError(
            f"an image of mode {image.mode} cannot be stored: {_REFUSE.get(image.mode, 'kpal does not know it')}"
        )
    if image.has_transparency_data:
        target = "RGBA"
    image = image.convert(_VIA[image.mode]) if image.mode in _VIA else image
    return np.asarray(image if image.mode == target else image.convert(target))


def _is_array_like(value: object) -> bool:
    return isinstance(value, memoryview) or any(hasattr(value, name) for name in _ARRAY_PROTOCOLS)


def _as_array(pixels: Any) -> NDArray[Any]:
    """The values of an array or array-like; raises TypeError if it cannot hand them to numpy."""
    only_dlpack = hasattr(pixels, "__dlpack__") and not hasattr(pixels, "__array__")
    try:
        array: NDArray[Any] = np.from_dlpack(pixels) if only_dlpack else np.asanyarray(pixels)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:  # such as PyTorch's for the memory of a GPU
        raise TypeError(f"pixels: numpy cannot convert this {type(pixels).__name__}: {error}") from error
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("a masked array has pixels without a value; fill them first")
    return np.asarray(array)


def _no_pixels(value: object) -> str:
    """Says what to pass instead of the value."""
    if isinstance(value, (str, os.PathLike)):
        way_out = "for a path, pass PIL.Image.open(path)"
    elif isinstance(value, (bytes, bytearray)) or hasattr(value, "read"):
        way_out = "for an image file, pass PIL.Image.open(file), with io.BytesIO(data) for its bytes"
    elif isinstance(value, (list, tuple)):
        way_out = "for lists of samples, pass numpy.array(pixels, numpy.uint8)"
    else:
        way_out = "an object of another library needs __array__ or __dlpack__"
    return f"pixels must be a numpy array or a Pillow image, not {type(value).__name__}: {way_out}"


def _from_array(array: NDArray[Any], *, exact: bool) -> U8:
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise TypeError(f"an array of pixels must be uint8, uint16 or bool, not {array.dtype}: {_as_pixels(array)}")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4:
        channels_first = array.ndim == 3 and 1 <= array.shape[0] <= 4
        way_out = ": numpy.moveaxis(pixels, 0, -1) moves its channels last" if channels_first else ""
        raise ValueError(f"an array of pixels is (h, w) or (h, w, 1..4), not {array.shape}{way_out}")
    channels = array.shape[2]
    if array.dtype.itemsize == 2:
        array = rounded(array, Rounding(exact=exact), alpha=channels in (2, 4))
    return array if channels > 2 else np.take(array, (0, 0, 0) if channels == 1 else (0, 0, 0, 1), axis=2)


def _as_pixels(array: NDArray[Any]) -> str:
    """Advice on how to convert an array without a fixed range to uint8."""
    if array.dtype.kind in "iu":
        return "pixels.astype(numpy.uint8) keeps levels and labels from 0 to 255 as they are"
    return "scale it to 0..255 and convert it with pixels.round().astype(numpy.uint8)"
