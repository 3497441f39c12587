"""Files with more than 8 bits a channel, of which Pillow keeps 8: their bit depth and their full samples.

Pillow has no modes for 16-bit colour: its unpackers take the high byte of each sample. Told the opposite byte order,
they take the low byte. Decoding a file once with each byte order gives the full samples, and leaves compression,
filters and interlacing to Pillow. The decoders of JPEG 2000, AVIF and JPEG XL do not use these unpackers; for these
formats only the bit depth is known.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAD: Final = 1 << 20  # bytes from the start of a file in which the bit depth is searched
_PNG_IN_ICON: Final = re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR.{8}\x10", re.DOTALL)
_READABLE: Final = ("PNG", "TIFF", "SGI", "PPM")
_TIFF_BITS: Final = 258  # BitsPerSample
_TIFF_PLANES: Final = 284  # PlanarConfiguration: 2 for planes instead of pixels


def bits_of(image: Image.Image, content: bytes | None = None) -> int | None:
    """The bits a channel that the file of the image declares; None if unknown.

    content: the content of the file, if the caller has it.
    """
    if (tags := getattr(image, "tag_v2", None)) is not None:
        return int(max(tags.get(_TIFF_BITS, (1,))))
    source = _source(image, content)
    if source is None or image.format not in _BITS:
        return None
    try:
        with _from_start(source) as file:
            return _BITS[image.format](file.read(_HEAD))
    except (OSError, ValueError, IndexError):  # the file has been closed, removed or replaced
        return None


def read_samples(image: Image.Image, content: bytes | None = None) -> tuple[NDArray[np.uint16], str] | None:
    """The 16-bit samples (h, w, c) of an image that Pillow cut to 8 bits, and the Pillow mode with these channels.

    content: as in `bits_of`.

    None if the format is not supported, or if the image has changed since Pillow read the file.
    """
    source = _source(image, content)
    if source is None or image.format not in _READABLE:
        return None
    assert isinstance(image, ImageFile.ImageFile)  # only images from files have a source
    if content is not None or image.tile:  # an unloaded image cannot have been changed
        return _decoded(image, source)
    try:
        return _decoded(image, source) if _is_unchanged(image, source) else None
    except Exception:  # the file was replaced, and Pillow raises nearly every kind for damaged files
        return None


def _source(image: Image.Image, content: bytes | None) -> IO[bytes] | str | None:
    """The file of an image: its content, an open file object, or else its name."""
    if not isinstance(image, ImageFile.ImageFile):
        return None
    if content := content or getattr(image, "fc", None):  # pillow-jxl-plugin keeps the content in `fc`
        return io.BytesIO(content)
    if image.tile and image.fp is not None:
        return image.fp
    if image.filename:
        return os.fsdecode(image.filename)
    return getattr(image, "_fp", None)  # Pillow keeps the file of multi-frame formats in `_fp`


@contextmanager
def _from_start(source: IO[bytes] | str) -> Iterator[IO[bytes]]:
    """The file, positioned at its start; the position of an open file is restored."""
    if isinstance(source, str):
        with Path(source).open("rb") as file:
            yield file
    else:
        position = source.tell()
        source.seek(0)
        try:
            yield source
        finally:
            source.seek(position)


@contextmanager
def _reopened(image: ImageFile.ImageFile, source: IO[bytes] | str) -> Iterator[ImageFile.ImageFile]:
    """The image opened again, not loaded yet."""
    with _from_start(source) as file, type(image)(file) as fresh:
        fresh.seek(image.tell())
        yield fresh


def _is_unchanged(image: ImageFile.ImageFile, source: IO[bytes] | str) -> bool:
    """Whether a loaded image still has the pixels that Pillow reads from the file."""
    with _reopened(image, source) as fresh:
        return fresh.size == image.size and fresh.mode == image.mode and fresh.tobytes() == image.tobytes()


def _decoded(image: ImageFile.ImageFile, source: IO[bytes] | str) -> tuple[NDArray[np.uint16], str] | None:
    with _reopened(image, source) as fresh:
        if not fresh.tile or (fresh.format == "PNG" and getattr(fresh, "is_animated", False)):
            return None
        if fresh.format == "PPM":
            return _from_ppm(fresh), "RGB"
        rawmode = _arguments(fresh.tile[0])[0]
        if rawmode == "LA;16B":  # two bytes of gray and two of alpha can be read as the four bytes of an RGBA pixel
            return _unpacked(fresh, "RGBA", [_with(fresh.tile[0], "RGBA")]).view(">u2").astype(np.uint16), "LA"
        mode = fresh.mode
        high_tiles, low_tiles = _tiles(fresh, low=False), _tiles(fresh, low=True)
        if not high_tiles:
            return None
        samples = _unpacked(fresh, mode, high_tiles).astype(np.uint16)
    samples <<= 8
    with _reopened(image, source) as fresh:
        samples |= _unpacked(fresh, mode, low_tiles)
    return (_straight(samples) if rawmode.startswith("RGBa") else samples), mode


def _unpacked(fresh: ImageFile.ImageFile, mode: str, tiles: list[ImageFile._Tile]) -> NDArray[np.uint8]:
    """One byte of each sample, (h, w, c), as Pillow decodes it with these tiles."""
    fresh._mode, fresh.tile = mode, tiles
    fresh.load()
    return np.array(fresh).reshape(fresh.height, fresh.width, -1)


def _tiles(fresh: ImageFile.ImageFile, *, low: bool) -> list[ImageFile._Tile]:
    """The tiles of a 16-bit file, changed to unpack the high or the low bytes; empty if Pillow cannot do this."""
    tags: Any = getattr(fresh, "tag_v2", {})
    planes = tags.get(_TIFF_PLANES) == 2
    found = []
    for tile in fresh.tile:
        rawmode = _arguments(tile)[0]
        if tile.codec_name == "SGI16":  # this decoder always takes the high bytes of its planes
            size = 2 * fresh.width * fresh.height
            for number, band in enumerate(fresh.mode):
                plane = tile._replace(codec_name="raw", offset=tile.offset + number * size)
                found.append(_with(plane, _half(f"{band};16B", low=low)))
        elif planes and tile.codec_name == "libtiff":  # always takes the high bytes of planes
            return []
        elif planes and rawmode in tuple("RGBA"):  # Pillow omits the 16 bits from the rawmode of planes
            found.append(_with(tile, _half(f"{rawmode};16{'L' if tags.prefix == b'II' else 'B'}", low=low)))
        elif re.fullmatch(r"(L|RGBX?|RGBA|RGBa|CMYK);16[BLN]", rawmode):
            found.append(_with(tile, _half(rawmode, low=low)))
        else:
            return []
    return found


def _half(rawmode: str, *, low: bool) -> str:
    """The rawmode that takes the high or the low bytes of the samples of `rawmode`, which takes the high bytes."""
    channels, order = rawmode.split(";16")
    channels = channels.replace("a", "A")  # otherwise Pillow divides by an 8-bit alpha
    big = order == "B" or (order == "N" and sys.byteorder == "big")
    first = big != low
    return f"{channels};16{'B' if first else '' if channels == 'L' else 'L'}"


def _arguments(tile: ImageFile._Tile) -> tuple[Any, ...]:
    return tile.args if isinstance(tile.args, tuple) else (tile.args,)


def _with(tile: ImageFile._Tile, rawmode: str) -> ImageFile._Tile:
    return tile._replace(args=(rawmode, *_arguments(tile)[1:]))


def _straight(samples: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Straight alpha from premultiplied alpha."""
    alpha = samples[:, :, 3].astype(np.uint64)
    for channel in range(3):
        color = samples[:, :, channel].astype(np.uint64)
        samples[:, :, channel] = np.minimum((color * 65535 + alpha // 2) // np.maximum(alpha, 1), 65535)
    return samples


def _from_ppm(fresh: ImageFile.ImageFile) -> NDArray[np.uint16]:
    """The RGB samples, read as a gray image three times as wide, because Pillow scales only gray to 16 bits."""
    width, height = fresh.size
    (tile,) = fresh.tile
    most = _arguments(tile)[1]
    fresh._mode, fresh._size = "I", (3 * width, height)
    tile = tile._replace(extents=(0, 0, *fresh.size))
    plain = tile.codec_name == "ppm_plain"
    fresh.tile = [tile if plain else tile._replace(codec_name="raw", args=("I;16B", 0, 1))]  # Pillow's "ppm" is slow
    fresh.load()
    samples = np.array(fresh, np.uint32).reshape(height, width, 3)
    if not plain:
        samples = (np.minimum(samples, most) * 65535 + most // 2) // most
    return samples.astype(np.uint16)


# --- bit depth by format


def _png_bits(head: bytes) -> int:
    return head[24]


def _sgi_bits(head: bytes) -> int:
    return 8 * head[3]


def _ppm_bits(head: bytes) -> int:
    magic, _, _, most = re.sub(rb"#[^\r\n]*", b"", head[:4096]).split(None, 4)[:4]
    return int(most).bit_length() if magic in (b"P3", b"P6") else 8


def _icon_bits(head: bytes) -> int:
    return 16 if _PNG_IN_ICON.search(head) else 8


def _jpeg2000_bits(head: bytes) -> int:
    """The deepest channel (ISO/IEC 15444-1, A.5.1: Csiz at byte 38 of the marker segment SIZ, then Ssiz)."""
    at = head.index(b"\xff\x4f\xff\x51") + 2
    channels = int.from_bytes(head[at + 38 : at + 40], "big")
    return max((size & 0x7F) + 1 for size in head[at + 40 : at + 40 + 3 * channels : 3])


def _avif_bits(head: bytes) -> int:
    """AV1-ISOBMFF 2.3.3: bits high_bitdepth and twelve_bit are in the third byte of the box av1C."""
    found = [head[match.end() + 1] >> 5 & 3 for match in re.finditer(rb"av1C\x81", head)]
    return (8, 8, 10, 12)[max(found)]


def _dds_bits(head: bytes) -> int:
    """16 for the half floats of BC6H (DXGI formats 94 to 96), otherwise the bits of the widest channel mask."""
    if head[84:88] == b"DX10":
        return 16 if int.from_bytes(head[128:132], "little") in (94, 95, 96) else 8
    if not head[80] & 0x40:  # DDPF_RGB
        return 8
    channels = 3 + (head[80] & 1)  # DDPF_ALPHAPIXELS
    return max(int.from_bytes(head[at : at + 4], "little").bit_count() for at in range(92, 92 + 4 * channels, 4))


def _jpeg_xl_bits(head: bytes) -> int:
    """ISO/IEC 18181-1, annex D: bit fields, lowest bit first."""
    if (start := re.search(rb"(^|jxlc|jxlp....)\xff\x0a", head, re.DOTALL)) is None:
        raise ValueError("no codestream within the head")
    bits = _Bits(head[start.end() :])
    _skip_size(bits)
    if bits.take(1):  # all_default
        return 8
    if bits.take(1):  # extra_fields
        bits.take(3)  # orientation
        if bits.take(1):
            _skip_size(bits)  # intrinsic_size
        if bits.take(2):  # a preview or an animation
            raise ValueError("a preview or an animation, whose fields are not parsed")
    is_float = bits.take(1)
    choice = bits.take(2)
    return (32, 16, 24)[choice] if is_float and choice < 3 else (8, 10, 12)[choice] if choice < 3 else 1 + bits.take(6)


def _skip_size(bits: _Bits) -> None:
    small = bits.take(1)
    _skip_side(bits, small)
    if not bits.take(3):  # a ratio other than 0 gives the width from the height
        _skip_side(bits, small)


def _skip_side(bits: _Bits, small: int) -> None:
    bits.take(5 if small else (9, 13, 18, 30)[bits.take(2)])


class _Bits:
    """A bit reader, lowest bit first; `take` reads an unsigned integer of `count` bits."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:64], "little")

    def take(self, count: int) -> int:
        value = self._value & (1 << count) - 1
        self._value >>= count
        return value


_BITS: Final[dict[str, Callable[[bytes], int]]] = {
    "PNG": _png_bits,
    "SGI": _sgi_bits,
    "PPM": _ppm_bits,
    "ICO": _icon_bits,
    "ICNS": _icon_bits,
    "JPEG2000": _jpeg2000_bits,
    "AVIF": _avif_bits,
    "DDS": _dds_bits,
    "JXL": _jpeg_xl_bits,
}
