"""The values that a `.kpal` file holds: an indexed image and its metadata."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from .parallel import pulse

if TYPE_CHECKING:
    from PIL import Image

U8 = NDArray[np.uint8]

INCH: Final = 0.0254  # metres
MAX_COLORS: Final = 256  # an index is one byte
MAX_SIDE: Final = 2**28 - 1  # width and height are varints of at most four bytes: 4 x 7 bits
_STRIP_PIXELS: Final = 1 << 18
_MAX_DESCRIPTION: Final = 80  # characters of a value in a message


@dataclass(frozen=True)
class Metadata:
    """Metadata of an image; every part is optional.

    icc_profile: an ICC profile of an RGB colour space.
    exif: an Exif block, with or without the leading `Exif` and two zero bytes.
    xmp: an XMP packet.
    text: keyword -> text; both may be any Unicode.
    density: pixels per metre, (horizontal, vertical).
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    density: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("icc_profile", "exif", "xmp"):
            blob = getattr(self, name)
            if blob is not None and not isinstance(blob, bytes):
                raise TypeError(f"{name} must be bytes or None, not {type(blob).__name__}")
            object.__setattr__(self, name, blob or None)  # empty and absent are the same
        if not isinstance(self.text, Mapping) or not all(
            isinstance(p, str) for item in self.text.items() for p in item
        ):
            raise TypeError("text must map str to str")
        # A frozen value must not change: keep a read-only view of a private copy.
        object.__setattr__(self, "text", MappingProxyType(dict(self.text)))
        if self.density is not None:
            object.__setattr__(self, "density", _as_density(self.density))

    def __reduce__(self) -> tuple[object, ...]:
        # A mapping proxy cannot be pickled, so pickle a dict.
        values: list[Any] = [getattr(self, f.name) for f in fields(self)]
        return Metadata, tuple(dict(v) if isinstance(v, MappingProxyType) else v for v in values)

    @property
    def dpi(self) -> tuple[float, float] | None:
        """The density in dots per inch."""
        return (self.density[0] * INCH, self.density[1] * INCH) if self.density else None

    def as_info(self) -> dict[str, Any]:
        """The parts that are there, as in `info` of a Pillow image: icc_profile, exif, xmp, text (a dict) and dpi."""
        info: dict[str, Any] = {"icc_profile": self.icc_profile, "exif": self.exif, "xmp": self.xmp}
        info["text"] = dict(self.text)
        info["dpi"] = self.dpi
        return {key: value for key, value in info.items() if value}

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))


@dataclass(frozen=True, eq=False, repr=False)
class IndexedImage:
    """An image of at most 256 colours; unpacks as `indices, palette, metadata = image`.

    indices: uint8 (h, w), each below k.
    palette: uint8 (k, 3) RGB or (k, 4) RGBA (alpha not premultiplied), 1 <= k <= 256.

    The stored arrays are read-only; arrays that others can write to are copied. Raises TypeError or ValueError for
    arrays of another kind.
    """

    indices: U8
    palette: U8
    metadata: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        check_palette(self.palette)
        check_indices(self.indices, len(self.palette))
        if not isinstance(self.metadata, Metadata):
            raise TypeError(f"metadata must be a Metadata, not {describe(self.metadata)}")
        height, width = self.indices.shape
        check_size(width, height)
        object.__setattr__(self, "indices", _frozen(self.indices))
        object.__setattr__(self, "palette", _frozen(self.palette))

    def __iter__(self) -> Iterator[Any]:
        return iter((self.indices, self.palette, self.metadata))

    def pixels(self) -> U8:
        """The colours of the pixels: uint8 (h, w, 3) or (h, w, 4)."""
        return look_up(self.palette, self.indices)

    def to_pillow(self) -> Image.Image:
        """A Pillow image of mode P, the same as `Image.open` gives for the `.kpal` file of this image.

        Alpha of the palette and metadata are in `info`. Needs Pillow.
        """
        from PIL import Image

        pillow = Image.fromarray(self.indices)
        pillow.putpalette(np.ascontiguousarray(self.palette[:, :3]).tobytes())
        if self.palette.shape[1] == 4:
            pillow.info["transparency"] = transparency(self.palette)
        pillow.info.update(self.metadata.as_info())
        return pillow

    def __repr__(self) -> str:
        from .notebook import describe

        return f"<IndexedImage {describe(self)}>"

    def _repr_png_(self) -> bytes:
        from .notebook import png

        return png(self)

    def _repr_html_(self) -> str:
        from .notebook import html

        return html(self)


def transparency(palette: U8) -> int | bytes:
    """What Pillow keeps in `info["transparency"]` for a palette with alpha, uint8 (k, 4).

    The index of the only entry that is not opaque, if that is clear; otherwise the alpha of every entry.
    """
    alpha: bytes = palette[:, 3].tobytes()
    return alpha.index(0) if sorted(alpha)[:2] in ([0], [0, 255]) else alpha


def look_up(table: U8, indices: U8) -> U8:
    """table[indices] with little temporary memory: uint8 (k, ...) and (h, w) -> (h, w, ...)."""
    found = np.empty((*indices.shape, *table.shape[1:]), np.uint8)
    for rows in _strips(indices):
        np.take(table, indices[rows], axis=0, out=found[rows], mode="clip")
    return found


def used_entries(indices: U8, colors: int) -> NDArray[np.bool_]:
    """For each index below `colors`, whether it occurs: bool (colors,)."""
    used = np.zeros(colors, np.bool_)
    for rows in _strips(indices):
        used |= np.bincount(indices[rows].reshape(-1), minlength=colors) > 0
    return used


def _strips(indices: U8) -> Iterator[slice]:
    """Slices of rows, to bound temporary memory: numpy widens each index to eight bytes."""
    step = max(1, _STRIP_PIXELS // indices.shape[1])
    for top in range(0, len(indices), step):
        pulse()
        yield slice(top, top + step)


def check_size(width: int, height: int) -> None:
    """Raises ValueError unless a file can have this width and height."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"an image has 1 to {MAX_SIDE} rows and columns, not {height} x {width}")


def check_palette(palette: U8) -> None:
    """Raises TypeError or ValueError for anything but a palette, uint8 (k, 3 or 4)."""
    _check_array("palette", palette)
    colors, channels = palette.shape
    if not 1 <= colors <= MAX_COLORS or channels not in (3, 4):
        raise ValueError(f"a palette is (1..{MAX_COLORS}, 3 or 4), not {palette.shape}")


def check_indices(indices: U8, colors: int) -> None:
    """Raises TypeError or ValueError for anything but indices, uint8 (h, w), below `colors`."""
    _check_array("indices", indices)
    if indices.size and int(indices.max()) >= colors:
        raise ValueError(f"index {int(indices.max())} is outside a palette of {colors} colours")


def _check_array(name: str, array: object) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        raise TypeError(f"{name} must be a numpy array of uint8, not {describe(array)}")
    if array.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, not {array.ndim}")


def _frozen(array: U8) -> U8:
    """The array itself if nobody can write to it, else a read-only copy."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            array = array.copy()
            array.flags.writeable = False
            break
        owner = owner.base
    return array


def _as_density(density: object) -> tuple[int, int]:
    try:
        x, y = (operator.index(value) for value in density)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise TypeError(f"density must be two whole numbers of pixels per metre, not {describe(density)}") from error
    if not (0 < x < 2**31 and 0 < y < 2**31):
        raise ValueError(f"density must be two numbers of pixels per metre from 1 to 2**31 - 1, not {x} and {y}")
    return x, y


def as_whole(name: str, value: Any) -> int:
    """The int that an argument stands for; raises TypeError, which names it."""
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name} must be a whole number, not {describe(value)}") from error


def describe(value: object) -> str:
    """Describes an invalid argument in a message: short strings, numbers and sequences in full, else the type."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, str) and len(value) <= _MAX_DESCRIPTION:
        return repr(value)
    if isinstance(value, (tuple, list)) and len(value) <= _MAX_DESCRIPTION:
        text = ", ".join(type(item).__name__ if isinstance(item, (tuple, list)) else describe(item) for item in value)
        if len(text) <= _MAX_DESCRIPTION:
            return f"({text})" if isinstance(value, tuple) else f"[{text}]"
    return type(value).__name__
