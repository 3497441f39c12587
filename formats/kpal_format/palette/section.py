"""The palette section (KPAL.md, section 4): the compact form for sets of colours, or differences of entries."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from .. import zstd_frame
from ..errors import DamagedError
from ..forks import load_module
from ..indexed import U8

if TYPE_CHECKING:
    from ..kernel import ColorSet

_FRAME, _SET = range(2)  # the form, the first byte of a section that is not a plain palette
_OUT_OF_RANGE: Final = b"\xff\xff\xff\xff"  # no stream begins with this: the code must be below the initial range


def morton_keys(palette: U8) -> NDArray[np.int64]:
    """The position on a Morton curve, int64 (k,), of each colour of a uint8 (k, 3 or 4) palette."""
    channels = palette.shape[1]
    keys = np.zeros(len(palette), np.int64)
    for channel in (1, 0, 2, 3)[:channels]:  # green first: it contributes most to luma
        keys = keys << 1 | _spread_bits(channels)[palette[:, channel]]
    return keys


@functools.cache
def _spread_bits(step: int) -> NDArray[np.int64]:
    """Each byte with its bits `step` places apart."""
    values = np.arange(256, dtype=np.int64)
    spread: NDArray[np.int64] = np.bitwise_or.reduce([(values >> bit & 1) << bit * step for bit in range(8)])
    return spread


def encode_palette(palette: U8, *, as_set: bool) -> bytes:
    """Encodes a palette, uint8 (k, 3 or 4), in its smallest form.

    as_set: allow the form for sets, if the palette is in Morton order; it is smaller, but slower to decode.
    """
    plain = np.diff(palette, axis=0, prepend=np.uint8(0)).T.tobytes()  # modulo 256, as the dtype wraps
    candidates = [plain, bytes((_FRAME,)) + zstd_frame.compress(plain)]
    if as_set and (np.diff(morton_keys(palette)) > 0).all():
        candidates.append(bytes((_SET,)) + _encode_set(palette))
    best = min(candidates, key=len)
    return best if len(best) < len(plain) else plain


def decode_palette(data: bytes | memoryview, colors: int, channels: int) -> U8:
    """Decodes a palette, uint8 (colors, channels); raises DamagedError."""
    size = colors * channels
    if len(data) == size:
        plain = bytes(data)
    elif data[0] == _FRAME:
        plain = zstd_frame.decompress(data[1:], size, "palette")
    elif data[0] == _SET:
        return _decode_set(bytes(data[1:]), colors, channels)
    else:
        raise DamagedError(f"palette: unknown form {data[0]}")
    deltas = np.frombuffer(plain, np.uint8).reshape(channels, colors)
    return np.ascontiguousarray(np.cumsum(deltas, axis=1, dtype=np.uint8).T)


def _encode_set(palette: U8) -> bytes:
    rgba = np.full((len(palette), 4), 255, np.uint8)
    rgba[:, : palette.shape[1]] = palette
    colors = [tuple(color) for color in rgba[np.argsort(rgba[:, 3] < 255, kind="stable")].tolist()]
    return _color_set(palette.shape[1], None).encode(colors)


def _color_set(channels: int, data: bytes | None) -> ColorSet:
    """The coder for a set; its module is loaded on first use, since importing it takes time."""
    coder: type[ColorSet] = load_module("kpal_format.kernel").ColorSet
    return coder(channels, data)


def _decode_set(data: bytes, colors: int, channels: int) -> U8:
    coder = _color_set(channels, data)
    palette = np.array(coder.decode(colors), np.uint8)[:, :channels]
    keys = morton_keys(palette)
    order = np.argsort(keys)
    if data[:4] == _OUT_OF_RANGE or not coder.read_whole() or not np.diff(keys[order]).all():
        raise DamagedError("palette: not a set of colours")
    return np.ascontiguousarray(palette[order])
