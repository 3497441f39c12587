"""A decoder of .kpal files as KPAL.md describes them, written for reading and for comparison, not for speed.

It shares no code with kpal_format, and rejects everything that section 6 lists.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from itertools import pairwise
from typing import Any, NamedTuple

import msgpack
import zstandard

M31 = 0x7FFFFFFF


class Reader:
    """The bytes of a file, read from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise ValueError("a part extends beyond the end of the file")
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self, least: int, most: int) -> int:
        value = 0
        for i in range(5):
            byte = self.take(1)[0]
            value |= (byte & 127) << 7 * i
            if byte < 128:
                if (byte == 0 and i) or not least <= value <= most:
                    break
                return value
        raise ValueError("a varint that is too long or out of bounds")

    def checksum(self) -> None:
        """Reads the checksum of all bytes before it."""
        crc = zlib.crc32(self.data[: self.at])
        if self.take(4) != crc.to_bytes(4, "little"):
            raise ValueError("a checksum that does not fit")


class Decoded(NamedTuple):
    """The content of a file: palette entries, indices row by row and frame by frame, metadata by the keys of section 3.

    durations: one for each frame; None for a still image.
    """

    width: int
    height: int
    channels: int
    palette: bytes
    indices: bytes
    metadata: dict[str, Any]
    durations: list[int] | None = None
    loop: int = 0


def decode(data: bytes) -> Decoded:
    """Decodes a file. Raises ValueError for a file that a decoder must reject."""
    file = Reader(data)
    if file.take(8) != b"\x8bKPAL\r\n\x1a":
        raise ValueError("not a .kpal file")
    version, flags, coder, last = file.take(4)
    if version != 9 or flags > 15 or coder > 3:
        raise ValueError("another version, an unknown flag or an unknown coder")
    k, channels = last + 1, 4 if flags & 1 else 3
    width, height = file.varint(1, 2**28 - 1), file.varint(1, 2**28 - 1)
    tile_rows, tile_columns, frames = height, width, 1
    if flags & 4:
        tile_rows, tile_columns = file.varint(1, height), file.varint(1, width)
    if flags & 8:
        frames = file.varint(1, 2**20)
    tile_frames = file.varint(1, frames) if flags & 12 == 12 else frames
    n = -(-height // tile_rows) * -(-width // tile_columns) * -(-frames // tile_frames)
    if flags & 4 and (k == 1 or n == 1 or tile_rows * tile_columns * tile_frames < 65536 or n > 2**24):
        raise ValueError("tiles that must not be")
    loop, durations = _timing(file, frames) if flags & 8 else (0, None)
    metadata = {}
    if flags & 2:
        metadata = _metadata(file.take(file.varint(1, 65536)), file.take(file.varint(0, 2**24)))
    palette = _palette(file.take(file.varint(1, k * channels)), k, channels)
    tiles = _indexed_tiles(file, n) if flags & 4 else _only_tile(file, k)
    if file.at < len(data):
        raise ValueError("bytes follow the end")
    places = (
        (first, x, y)
        for first in range(0, frames, tile_frames)
        for y in range(0, height, tile_rows)
        for x in range(0, width, tile_columns)
    )
    indices = bytearray(frames * width * height)
    for (first, x, y), tile in zip(places, tiles, strict=False):  # an image of one colour has no tile
        shape = min(tile_frames, frames - first), min(tile_rows, height - y), min(tile_columns, width - x)
        decoded = _tile(coder, tile, palette, *shape)
        for row in range(shape[0] * shape[1]):
            frame, within = first + row // shape[1], row % shape[1]
            at = (frame * height + y + within) * width + x
            indices[at : at + shape[2]] = decoded[row * shape[2] : (row + 1) * shape[2]]
    entries = bytes(v for entry in palette for v in entry)
    return Decoded(width, height, channels, entries, bytes(indices), metadata, durations, loop)


def _tile(coder: int, data: bytes, palette: list[Entry], frames: int, rows: int, columns: int) -> bytes:
    """The indices of a tile, frame by frame."""
    if coder == 0:
        return _zstd_tile(data, len(palette), columns, rows, frames)
    if columns > 1 << 22 or (rows + 3) * (columns + 16) > 1 << 27:
        raise ValueError("a tile of too many pixels")
    if coder == 3:
        return FastTile(palette, columns, rows, data, frames).decode()
    return b"".join(Tile(coder == 2, palette, columns, rows, frames, data).decode())


def _timing(file: Reader, frames: int) -> tuple[int, list[int]]:
    """Section 2.5."""
    loop, unit = file.varint(0, 2**32 - 1), file.varint(0, 2**31 - 1)
    stored = file.take(file.varint(0, 4 * frames))
    if len(stored) not in (0, frames, 4 * frames):
        stored = _frame(stored, 4 * frames)
    size = len(stored) // frames
    multiples = [int.from_bytes(stored[at : at + size], "little") for at in range(0, len(stored), size or 1)]
    durations = [unit * multiple for multiple in multiples] or [unit] * frames
    if max(durations) > M31:
        raise ValueError("a duration that is too long")
    return loop, durations


def _only_tile(file: Reader, k: int) -> list[bytes]:
    """Section 2.2, with one tile."""
    tiles = [file.take(file.varint(1, 2**35 - 1))] if k > 1 else []
    file.checksum()
    return tiles


def _indexed_tiles(file: Reader, n: int) -> list[bytes]:
    """Section 2.2, with an index."""
    entries = [(int.from_bytes(file.take(4), "little"), file.take(4)) for _ in range(n)]
    file.checksum()
    tiles = []
    for length, crc in entries:
        tile = file.take(length)
        if not tile or zlib.crc32(tile).to_bytes(4, "little") != crc:
            raise ValueError("a tile without bytes, or whose checksum does not fit")
        tiles.append(tile)
    return tiles


def _frame(stored: bytes, n: int, window: int = 0) -> bytes:
    """Section 2.3."""
    if not 0 < n <= 131072 * (len(stored) // 4 + 1):
        raise ValueError("a frame that is too short for what it stands for")
    data = b"\x28\xb5\x2f\xfd" + stored
    try:
        head = zstandard.get_frame_parameters(data)
        if (
            head.content_size != n
            or stored[0] & 3
            or head.has_checksum
            or head.window_size > (window or max(n, 1 << 23))
        ):
            raise ValueError("a frame of another kind")
        content = zstandard.ZstdDecompressor().decompress(data, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError("a damaged frame") from error
    if len(content) != n:
        raise ValueError("a frame of another length")
    return content


def _metadata(packed: bytes, stored: bytes) -> dict[str, Any]:
    """Section 3."""
    try:
        header = msgpack.unpackb(packed, strict_map_key=False, object_pairs_hook=_map)
    except (TypeError, msgpack.UnpackException) as error:
        raise ValueError("a header that is not msgpack") from error
    if type(header) is not dict or _depth(header) > 16:
        raise ValueError("a header that is not a map or nests too deep")
    lengths: list[tuple[Any, Any]] = [(key, header.get(key, 0)) for key in ("icc", "exif", "xmp")]
    texts = header.get("text", [])
    if type(texts) is not list or not all(type(t) is list and len(t) == 2 and type(t[0]) is str for t in texts):
        raise ValueError("text that is not an array of keywords and lengths")
    lengths += [(("text", keyword), length) for keyword, length in texts]
    density = header.get("density", [1, 1])
    if type(density) is not list or not all(type(v) is int and 1 <= v < 2**31 for v in density) or len(density) != 2:
        raise ValueError("a density that is not two numbers of pixels per metre")
    if not all(type(length) is int and length >= 0 for _, length in lengths) or len(dict(lengths)) != len(lengths):
        raise ValueError("a length that is none, or a keyword that occurs twice")
    n = sum(length for _, length in lengths)
    if n > 2**24:
        raise ValueError("more metadata than are allowed")
    parts = Reader(stored if len(stored) == n else _frame(stored, n))
    found: dict[str, Any] = {"density": density} if "density" in header else {}
    for key, length in lengths:
        part = parts.take(length)
        if type(key) is tuple:
            found.setdefault("text", {})[key[1]] = part.decode()
        elif part:
            found[key] = part
    return found


def _map(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    if not all(type(key) is str for key, _ in pairs) or len(dict(pairs)) != len(pairs):
        raise ValueError("a key that is not a string or occurs twice")
    return dict(pairs)


def _depth(value: object) -> int:
    if isinstance(value, (msgpack.ExtType, msgpack.Timestamp)):
        raise ValueError("an extension type")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _zstd_tile(data: bytes, k: int, width: int, rows: int, frames: int = 1) -> bytes:
    """Section 5.1: the indices of all frames, one after the other."""
    form, rest = data[0], data[1:]
    bits = 8 if form in (0, 3) else next(b for b in (1, 2, 4, 8) if k <= 1 << b)
    if form > 3 or (form == 1 and bits == 8) or (form == 2 and frames > 1) or (form == 3 and frames == 1):
        raise ValueError("an unknown form of a tile")
    row = -(-width * bits // 8)
    n = row * rows
    packed = rest if form == 2 else _frame(rest, n * frames, max(n, 1 << 23) if frames == 1 else max(2 * n, 1 << 24))
    if len(packed) != n * frames:
        raise ValueError("a tile of another length")
    indices = bytearray()
    for at in range(0, len(packed), row):
        unpacked = [b >> s & (1 << bits) - 1 for b in packed[at : at + row] for s in range(8 - bits, -1, -bits)]
        if any(unpacked[width:]):
            raise ValueError("bits that fill up a row and are not 0")
        indices += bytes(unpacked[:width])
    if max(indices) >= k:
        raise ValueError("an index that is not below k")
    for i in range(width * rows, len(indices) if form == 3 else 0):
        indices[i] = (indices[i] + indices[i - width * rows]) % k
    return bytes(indices)


# Section 4: the palette.

Entry = tuple[int, ...]


def _palette(section: bytes, k: int, channels: int) -> list[Entry]:
    n = k * channels
    if len(section) < n and section[0] == 1:
        return ColourSet(section[1:]).decode(k, channels)
    if len(section) < n and section[0] != 0:
        raise ValueError("an unknown form of the palette")
    deltas = section if len(section) == n else _frame(section[1:], n)
    planes = []
    for c in range(channels):
        value = 0
        planes.append([value := value + d & 255 for d in deltas[c * k : c * k + k]])
    return list(zip(*planes, strict=True))


T = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785, 3901,
     3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094)  # fmt: skip
R, G, B, A = range(4)


def _squash(x: int) -> int:
    x = max(-2047, min(2047, x)) + 2048
    i, f = x >> 7, x & 127
    return (T[i] * (128 - f) + T[i + 1] * f + 64) >> 7


_SQUASHED = [_squash(x) for x in range(-2047, 2048)]  # they never fall
STRETCH = [min(bisect_left(_SQUASHED, p) - 2047, 2047) for p in range(4096)]


class Context:
    """The probability of a 1, and the number of its updates."""

    def __init__(self, p: int, n: int = 1) -> None:
        self.p, self.n = p, n

    def learn(self, bit: int) -> None:
        self.p += (bit * 65536 - self.p) * (131072 // (2 * self.n + 3)) >> 16
        self.n = min(self.n + 1, 30)


class Cell(NamedTuple):
    """A box of the colour cube: its lowest colour and the number of unknown bits of each channel."""

    low: list[int]
    unknown: list[int]


class ColourSet:
    """Section 4.1."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.range, self.code = data, 0, 0xFFFFFFFF, 0
        for _ in range(4):
            self.code = self.code << 8 | self.byte()
        self.empty = [
            [Context(65536 * 3 // 5 if m == 2 else 65536 * 7 // (5 * m - 4)) for _ in range(32)] for m in range(2, 10)
        ]
        self.side = {c: [Context(p) for p in (32768, 13107, 52428, 32768)] for c in (R, B)}  # by d = -1..2
        self.side |= {c: [Context(32768)] for c in (G, A)}
        self.place = [[[Context(_squash((2 * i - 11) * 24) * 16, 2) for i in range(12)] for _ in range(3)]
                      for _ in range(4)]  # fmt: skip
        self.weights = [[19661] * 3 for _ in range(4)]
        self.done: list[list[int]] = []

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def bit(self, p: int) -> int:
        bound = (self.range >> 16) * p
        bit = int(self.code < bound)
        if bit:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        while self.range < 1 << 24:
            self.range <<= 8
            self.code = self.code << 8 | self.byte()
        return bit

    def adaptive(self, context: Context) -> int:
        bit = self.bit(max(16, min(65520, context.p)))
        context.learn(bit)
        return bit

    def mixed(self, contexts: list[Context], weights: list[int]) -> int:
        s = [STRETCH[context.p >> 4] for context in contexts]
        q = _squash(sum(w * x for w, x in zip(weights, s, strict=True)) >> 16)
        bit = self.bit(16 * q)
        for j in range(3):
            weights[j] = max(-131072, min(131072, weights[j] + (s[j] * (bit * 4096 - q) >> 8)))
            contexts[j].learn(bit)
        return bit

    def uniform(self, lo: int, hi: int) -> int:
        while lo < hi:
            mid = (lo + hi + 1) >> 1
            if self.bit(65536 * (hi + 1 - mid) // (hi + 1 - lo)):
                lo = mid
            else:
                hi = mid - 1
        return lo

    def decode(self, k: int, channels: int) -> list[Entry]:
        if self.code == 0xFFFFFFFF:
            raise ValueError("a colour set that no encoder writes")
        opaque = k if channels == 3 else self.uniform(0, k)
        self.cell(opaque, (G, R, B), Cell([0, 0, 0, 255], [8, 8, 8, 0]), 0)
        rest = k - opaque
        if rest and self.bit(57344):
            self.done.append([0, 0, 0, 0])
            rest -= 1
        self.cell(rest, (G, R, B, A), Cell([0] * 4, [8] * 4), 0)
        if self.at < len(self.data):
            raise ValueError("bytes follow a colour set")
        axes = (G, R, B, A)[:channels]
        entries = sorted(self.done, key=lambda v: [v[c] >> b & 1 for b in range(7, -1, -1) for c in axes])
        if any(a[:channels] == b[:channels] for a, b in pairwise(entries)):
            raise ValueError("equal entries in a colour set")
        return [tuple(v[:channels]) for v in entries]

    def cell(self, n: int, axes: tuple[int, ...], cell: Cell, level: int) -> None:
        """S(n, axes), for a cell at this level and below."""
        if n < 2:
            if n:
                self.point(axes, cell)
            return
        c = axes[level % len(axes)]
        b = cell.unknown[c] - 1
        h = 1 << (sum(cell.unknown) - 1)
        lower, upper = (Cell(cell.low.copy(), cell.unknown.copy()) for _ in range(2))
        lower.unknown[c] = upper.unknown[c] = b
        upper.low[c] += 1 << b
        if n <= h and self.adaptive(self.empty[(n if n < 8 else 8 if n < 16 else 9) - 2][level]):
            d = 0
            if c in (R, B):
                d = 1 + max(-1, min(2, (cell.low[G if c == R else R] >> b) - (cell.low[c] >> b)))
            self.cell(n, axes, upper if self.adaptive(self.side[c][d]) else lower, level + 1)
        else:
            low_n = self.uniform(max(1, n - h), min(n - 1, h))
            self.cell(low_n, axes, lower, level + 1)
            self.cell(n - low_n, axes, upper, level + 1)

    def point(self, axes: tuple[int, ...], cell: Cell) -> None:
        low, unknown = cell
        for c in (A, G, R, B)[4 - len(axes) :]:
            near = [0] * 4
            least = -1
            for other in self.done[-32:]:
                distance = 0
                for a in axes:
                    w = 1 << unknown[a]
                    distance += max(0, abs(2 * (other[a] - low[a]) + 1 - w) - w) ** 2
                if least < 0 or distance <= least:
                    near, least = other, distance
            predictions = [near[c]]
            if c == R:
                predictions = [near[R], low[G], low[G] + near[R] - near[G]]
            elif c == B:
                predictions = [low[G] + near[B] - near[G], low[R],
                               (low[R] + low[G] - near[R] - near[G] + 2 * near[B]) >> 1]  # fmt: skip
            while unknown[c]:
                contexts = [self.place[c][j][_place(p, low[c], unknown[c])] for j, p in enumerate(predictions)]
                if not self.done:
                    bit = self.bit(32768)
                elif len(contexts) == 1:
                    bit = self.adaptive(contexts[0])
                else:
                    bit = self.mixed(contexts, self.weights[c])
                unknown[c] -= 1
                low[c] += bit << unknown[c]
        self.done.append(low)


def _place(p: int, low: int, u: int) -> int:
    w = 1 << u
    d = 2 * (p - low) + 1 - w
    a = abs(d)
    r = 0 if 4 * a < w else 1 if 2 * a < w else 2 if 4 * a < 3 * w else 3 if a <= w else 4 if a <= 2 * w else 5
    return 5 - r if d < 0 else 6 + r


# Section 5.2: `mix` and `max`.


def _log2(value: int) -> int:
    e = value.bit_length() - 1
    m = value << (30 - e)
    for _ in range(10):
        m = m * m >> 30
        e *= 2
        if m >= 1 << 31:
            m >>= 1
            e += 1
    return e


def _exponentials() -> list[int]:
    v, out = 32767 << 32, []
    for _ in range(1024):
        out.append(max(1, (v + (1 << 31)) >> 32))
        v = v * 4248701965 >> 32
    return out


EXP = _exponentials()
LOG = [max(-12288, _log2(2 * i + 1) - 13312) for i in range(4096)]
RATE = [29127, 14692, *(3276800 // (100 * n + 156) for n in range(2, 29))]
BIAS_RATE = [96 + 56544 // (4 * n + 109) for n in range(256)]
DECAY = [15360 - _log2(32768 - rate) for rate in RATE]
FLAG_RATE = [65536 // (2 * n + 3) for n in range(99)]
FLAG_DECAY = [15360 - _log2(32768 - rate) for rate in FLAG_RATE]
LEVEL = [min(15, (((i + 1) ** 4).bit_length() - 1) // 3) for i in range(4096)]
TRUST = [max(1, 65536 // (e * e + 8)) for e in range(1276)]


def _limit(value: int, most: int) -> int:
    return max(-most, min(most, value))


def _byte(value: int) -> int:
    return max(0, min(255, value))


def _combine(a: int, b: int) -> int:
    return (a * 0x2F0B4C47 ^ (b * 0x1E35A7BD + 0x3C6EF372)) & M31


def _fold(h: int) -> int:
    return (h ^ h >> 15) * 0x2C1B3C6D & M31


def _hash_key(h: int) -> int:
    return _fold(h * 0x2F0B4C47 & M31)


def _pack(a: int, b: int, c: int, d: int) -> int:
    return a | b << 8 | c << 16 | d << 24


def _far(a: Entry, b: Entry) -> int:
    return 3 * (a[0] - b[0]) ** 2 + 4 * (a[1] - b[1]) ** 2 + 2 * (a[2] - b[2]) ** 2 + 4 * (a[3] - b[3]) ** 2


def _after(p: int, rate: int) -> int:
    """The updated logarithm p of a symbol that occurred."""
    v = 2 * EXP[min(-p >> 4, 1023)]
    return LOG[(v + ((65536 - v) * rate >> 15)) >> 4]


RISE = [[_after(-64 * j - 32, rate) + 64 * j + 32 for j in range(193)] for rate in RATE]


def _tree(colors: list[Entry], order: list[int]) -> list[int]:
    n = len(order)
    if n < 2:
        return order
    spread = []
    for c, factor in enumerate((3, 4, 2, 4)):
        values = [colors[i][c] for i in order]
        spread.append((n * sum(v * v for v in values) - sum(values) ** 2) * factor)
    axis = spread.index(max(spread))
    order = sorted(order, key=lambda i: colors[i][axis])
    half = 1 << ((n - 1).bit_length() - 1)
    return order if n == 2 else _tree(colors, order[:half]) + _tree(colors, order[half:])


class Slot:
    """Sixteen logarithms, the number of their updates, and the check of their context."""

    def __init__(self) -> None:
        self.check, self.count, self.logs = 0, 0, [0] * 16


class Bias:
    """What each symbol gains or loses by a neighbour, and the number of updates."""

    def __init__(self) -> None:
        self.values, self.count = [0] * 16, 0


class FlagSlot:
    """The logarithms of no and yes, and the number of their updates."""

    def __init__(self) -> None:
        self.logs, self.count = [-2191, -380], 0


class Neighbourhood(NamedTuple):
    """The ranks around a pixel."""

    w: int
    n: int
    nw: int
    ne: int
    ww: int
    nn: int
    nww: int
    nee: int
    nnw: int
    nne: int
    www: int
    nwww: int
    neee: int
    nnee: int


class Reference(NamedTuple):
    """What section 5.2.9 knows of the frames before: the ranks around a pixel's place in the reference."""

    p: int
    pe: int
    pw: int
    pn: int
    ps: int
    pnw: int
    pne: int
    pse: int
    psw: int
    pp: int
    moved: int


class RangeDecoder:
    """Section 5.2.2."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.range = data, 4, 0xFFFFFFFF
        self.code = int.from_bytes(data[:4].ljust(4, b"\0"), "big")

    def narrow(self, below: int, width: int) -> None:
        self.code -= below
        self.range = width
        while self.range < 1 << 24:
            self.range <<= 8
            self.code = (self.code & 0xFFFFFF) << 8 | (self.data[self.at] if self.at < len(self.data) else 0)
            self.at += 1

    def end(self) -> None:
        if not self.at - 4 <= len(self.data) <= self.at:
            raise ValueError("a tile that does not end where its pixels do")


def _premultiplied(palette: list[Entry]) -> list[Entry]:
    """RGBA."""
    return [(*((v * e[3] + 127) // 255 for v in e[:3]), e[3]) for e in ((*entry, 255)[:4] for entry in palette)]


class Tile(RangeDecoder):
    """One tile of section 5.2."""

    def __init__(self, is_max: bool, palette: list[Entry], width: int, rows: int, frames: int, data: bytes) -> None:
        super().__init__(data)
        self.k, self.width, self.rows, self.line, self.frames = len(palette), width, rows, width + 16, frames
        self.size = (rows + 3) * self.line
        if frames > 1 and self.size > 1 << 26:
            raise ValueError("frames of too many pixels")
        colors = _premultiplied(palette)
        self.channels = 3 if all(color[3] == 255 for color in colors) else 4
        self.order = _tree(colors, list(range(self.k)))
        self.color = [colors[i] for i in self.order]
        self.distance = [[sum(abs(a - b) for a, b in zip(e, f, strict=True)) for f in self.color] for e in self.color]
        self.contexts, self.hits = (13, 5) if is_max else (5, 1)
        self.pace = (168, 1802240) if is_max else (240, 2072576)
        n = width * rows * frames
        self.slot_bits = min(max((2 * n).bit_length(), 8), 16 if is_max else 14)
        self.flag_mask = (1 << min(max(n.bit_length(), 8), 16 if frames > 1 else 13)) - 1
        self.match_mask = (1 << min(max(n.bit_length(), 8), 16)) - 1
        self.slots: list[dict[int, Slot]] = [{} for _ in range(self.contexts)]  # missing slots were never used
        self.flag_slots: list[dict[int, FlagSlot]] = [{} for _ in range(6)]
        share = 15000 // self.contexts
        self.by_count = [[share * (10 * i + 4) // (10 * i + 12)] * self.contexts for i in range(29)]
        self.by_activity, self.by_texture, self.by_guess = (
            [[0] * self.contexts for _ in range(sets)] for sets in (32, 1024, 512)
        )
        self.hit_by_activity, self.hit_by_texture = (
            [[first] * self.hits for _ in range(sets)] for sets, first in ((32, 19661), (1024, 0))
        )
        self.probabilities = [[[49152] * 512 for _ in range(2)] for _ in range(self.hits)]
        self.biases = [[Bias() for _ in range(768)] for _ in range(8 if is_max else 6)]
        shift = 4 if self.k > 16 else 0
        for table in self.biases:
            for rank in range(16 << shift):
                table[rank].values[rank >> shift] = 500
                table[256 + rank].values[rank & 15] = 1000
        self.mean_error, self.nibbles = [2000 << 14] * 2, 0  # mean errors of high and of low nibbles
        self.coarse = [[12452] * 6 for _ in range(32)]
        self.fine = [[0] * 6 for _ in range(2048)]
        self.latest = [dict[int, tuple[int, int]](), dict[int, tuple[int, int]]()]
        self.match = self.length = self.similarity = 0
        self.run = self.change = self.failed_until = self.spans = 0
        self.origin = 3 * self.line + 8
        self.ring = 1 if frames == 1 else max(2, min(frames, (1 << 24) // self.size - 1))
        self.plane = (self.ring + 1) * self.size  # any place behind what a match can see
        self.cells = [0] * ((self.ring + 3) * self.size + 64)
        self.number = self.base = self.back = self.back_twice = self.same_frames = self.moving = 0
        self.calm = self.last_change = self.changing = self.broken = self.answers = 0
        self.map: dict[tuple[int, int], int] = {}
        self.last_map: dict[tuple[int, int], int] = {}
        self.errors = [[[0] * 6 for _ in range(width + 2)] for _ in range(2)]  # errors of the row above and of this row
        self.priors: dict[tuple[int, int], list[list[int]]] = {}
        self.snapped: dict[Entry, int] = {}

    def decode(self) -> list[bytes]:
        """The indices of each frame."""
        frames: list[bytes] = []
        for i in range(self.frames):
            if i and self.frame_flag():
                frames.append(frames[-1])
                continue
            if i:
                self.begin_frame(i)
            frames.append(self.frame())
            if self.at - 4 > len(self.data):
                break
        self.end()
        return frames

    def frame(self) -> bytes:
        out = bytearray()
        cells, width = self.cells, self.width
        for y in range(self.rows):
            start = self.base + self.origin + y * self.line
            cells[start - 4 : start] = [cells[start - self.line]] * 4
            self.run = self.change = self.failed_until = self.changing = self.broken = 0
            self.last_change = -1
            if self.number and not 3 * self.line <= self.match < self.ring * self.size:
                self.match = self.length = 0
            x = 0
            while x < width:
                for symbol in self.pixels(start + x, x):
                    if self.number and symbol != cells[start + x + self.back]:
                        self.last_change, self.broken = x, 0
                    cells[start + x] = symbol
                    if y == 0 and self.number == 0:
                        for above in (start + x - self.line, start + x - 2 * self.line):
                            cells[above + 1 : above + 4] = [symbol] * 3
                    x += 1
            cells[start + width : start + width + 4] = [cells[start + width - 1]] * 4
            self.match += 16 if self.match else 0
            self.calm = self.calm + 1 if self.last_change < 0 else 0
            self.errors = [self.errors[1], [[0] * 6 for _ in range(width + 2)]]
            out += bytes(self.order[rank] for rank in cells[start : start + width])
            if self.at - 4 > len(self.data):
                break
        return bytes(out)

    # Section 5.2.9.

    def frame_flag(self) -> int:
        keys = [self.same_frames >> max(c - 2, 0) | 3 << 24 for c in range(6)]
        bit = self.flag(keys, self.coarse[19], self.fine[1280])
        self.same_frames = self.same_frames << 1 & 15 | bit
        return bit

    def begin_frame(self, frame: int) -> None:
        if self.number == 0:
            self.begin_second()
        before = self.base
        self.number += 1
        self.base = self.number % self.ring * self.size
        self.back = before - self.base
        self.back_twice = (self.number - 2) % self.ring * self.size - self.base if self.number > 1 else self.back
        if self.match:
            self.match += 3 * self.line
            if self.match >= self.ring * self.size:
                self.match -= self.ring * self.size
        self.margins()
        if 3 * self.size <= 1 << 24:
            self.motion()
        self.calm = 0

    def begin_second(self) -> None:
        """Adds what only later frames have."""
        self.contexts += 2
        share = 15000 // self.contexts
        for i, counted in enumerate(self.by_count):
            counted += [share * (10 * i + 4) // (10 * i + 12)] * 2
        for table in (self.by_activity, self.by_texture):
            for weights in table:
                weights += [0] * 2
        self.by_guess = [[0] * self.contexts for _ in range(512)]
        self.slots += [{}, {}]
        if self.hits == 1:
            for table, first in ((self.hit_by_activity, 19661), (self.hit_by_texture, 0)):
                for weights in table:
                    weights += [first] * 2
            self.probabilities += [[], []]
        self.probabilities[-2:] = [[[49152] * 512 for _ in range(2)] for _ in range(2)]

    def margins(self) -> None:
        p, n = self.cells, self.line
        here = self.base + 3 * n
        first = here + self.back
        last = first + (self.rows - 1) * n
        p[last + n : last + 2 * n] = p[last : last + n]
        for row in (first - n, first - 2 * n, here - n, here - 2 * n):
            p[row : row + n] = p[first : first + n]

    def motion(self) -> None:
        def flag(a: int, b: int) -> int:
            return self.flag([a | 4 << 24] * 4 + [b | 1 << 20 | 4 << 24] * 2, self.coarse[28], self.fine[1281])

        def component(kind: int, i: int) -> int:
            node = 1
            for _ in range(10):
                node = 2 * node + flag(kind << 16 | i << 10 | node, kind << 16 | node)
            return node - 1536

        moving_now = flag(self.moving, self.moving & 1)
        self.moving = (2 * self.moving + moving_now) & 15
        if not moving_now:
            return
        v = 1
        while v < 3 and not flag(1 << 16 | v, 1 << 16 | v):
            v += 1
        vectors = [(component(2, i), component(3, i)) for i in range(1, v + 1)]
        self.map = {}
        p, before = self.cells, self.base + self.back
        p[self.plane : self.plane + self.size] = p[before : before + self.size]
        for y in range(0, self.rows, 16):
            for x in range(0, self.width, 16):
                number = self.map[x, y] = self.block(x, y, v)
                if number:
                    self.move(x, y, *vectors[number - 1], before)
        self.last_map = self.map
        self.back = self.plane - self.base
        self.margins()

    def block(self, x: int, y: int, v: int) -> int:
        a, b, c, d = (
            self.map.get(place, 0) for place in ((x - 16, y), (x, y - 16), (x + 16, y - 16), (x - 16, y - 16))
        )
        own, e, s, w, n = (
            self.last_map.get(place, 0) for place in ((x, y), (x + 16, y), (x, y + 16), (x - 16, y), (x, y - 16))
        )
        i = 0
        while i < v:
            keys = [
                a | b << 2 | c << 4 | d << 6 | i << 8,
                own | e << 2 | s << 4 | i << 8,
                own | e << 2 | s << 4 | a << 6 | b << 8 | i << 10,
                a | b << 2 | own << 4 | i << 8,
                own | w << 2 | n << 4 | i << 8,
                own | i << 8,
            ]
            keys = [key | (c + 1) << 20 | 4 << 24 for c, key in enumerate(keys)]
            if self.flag(keys, self.coarse[29], self.fine[1312 + (a | b << 2 | own << 4)]):
                break
            i += 1
        return i

    def move(self, left: int, top: int, dx: int, dy: int, before: int) -> None:
        for y in range(top, min(top + 16, self.rows)):
            for x in range(left, min(left + 16, self.width)):
                if 0 <= x + dx < self.width and 0 <= y + dy < self.rows:
                    there = before + self.origin + (y + dy) * self.line + x + dx
                    self.cells[self.plane + self.origin + y * self.line + x] = self.cells[there]

    def reference(self, v: Neighbourhood, at: int) -> Reference:
        p, n = self.cells, self.line
        i = at + self.back
        moved = (v.w != p[i - 1]) | (v.n != p[i - n]) << 1 | (v.nw != p[i - n - 1]) << 2 | (v.ne != p[i - n + 1]) << 3
        return Reference(
            p=p[i], pe=p[i + 1], pw=p[i - 1], pn=p[i - n], ps=p[i + n], pnw=p[i - n - 1], pne=p[i - n + 1],
            pse=p[i + n + 1], psw=p[i + n - 1], pp=p[at + self.back_twice], moved=moved,
        )  # fmt: skip

    def since(self, x: int) -> int:
        return 15 if self.last_change < 0 else min(LEVEL[min(x - self.last_change, 4095)], 14)

    def skipped(self, v: Neighbourhood, ref: Reference, at: int, x: int) -> list[int]:
        """Decodes the flags of a skipped span; returns its ranks, none if there is no such span."""
        p, here, there = self.cells, at + self.back, at + self.back_twice
        span = min(self.width - x if self.changing >= self.width else self.changing - 1 - x, 4096)
        whole = x >= self.broken
        if not whole:
            span = min(span, self.broken - x >> 1)
        if span < 32:
            return []
        news = ref.p != ref.pp
        m = 1
        while m < span and (p[here + m] != p[there + m]) == news:
            m += 1
        span = m
        while span >= 32:
            ranks = p[here : here + span]
            size = LEVEL[min(span, 4095)]
            below = LEVEL[min(sum(p[here + self.line + i] != p[there + self.line + i] for i in range(span)), 4095)]
            calm, since = LEVEL[min(self.calm, 4095)], self.since(x)
            follow = 0
            if self.match:
                follow = 1 if p[self.match : self.match + span] == ranks else 2
            more = whole | follow << 1
            keys = [
                size | calm << 4 | (x == 0) << 8 | (x + span >= self.width) << 9 | more << 10,
                size | below << 4 | news << 8 | more << 9,
                ref.p | size << 8 | (len(set(ranks)) == 1) << 12 | (ref.p == v.w) << 13 | (ref.p == v.n) << 14
                | more << 15,
                self.answers | size << 4 | since << 8 | more << 12,
                since | size << 4 | news << 8 | calm << 9 | more << 13,
                x | news << 22 | (size > 6) << 23,
            ]  # fmt: skip
            bit = self.flag(
                [key | 1 << 24 for key in keys],
                self.coarse[20 + 2 * news + whole],
                self.fine[1280 + (size << 4 | since)],
            )
            self.answers = self.answers << 1 & 15 | bit
            if bit:
                self.run = 0
                while self.run < min(span - 1, 256) and ranks[-1 - self.run] == ranks[-2 - self.run]:
                    self.run += 1
                self.move_on(follow == 1, span)
                return ranks
            self.broken, whole = x + span, False
            span >>= 1
        return []

    def skip_flag(self, v: Neighbourhood, ref: Reference, x: int, flat: bool, length_class: int, matched: int) -> int:
        """Decodes whether the pixel is P."""
        p, pe, ps = ref.p, ref.pe, ref.ps
        agree = 0 if matched < 0 else (1 if matched == p else 2) + 3 * (self.similarity >> 1)
        inside = 9 if x >= self.broken else min(self.broken - x, 8)
        ahead = min(self.changing - x - 2, 8)
        same = sum((p == other) << bit for bit, other in enumerate((v.w, v.n, v.ne, pe, ps)))
        around = _combine(_pack(v.w, v.n, v.nw, v.ne), _pack(v.ww, v.nn, v.nee, v.nne))
        news, since, calm = p != ref.pp, self.since(x), LEVEL[min(self.calm, 4095)]
        keys = [
            same | inside << 5 | since << 9 | news << 13 | min(ahead, 3) << 14 | 2 << 24,
            _combine(_pack(p, v.w, v.n, v.ne), _pack(pe, ps, ref.pp, 0)),
            p | agree << 8 | news << 13 | 2 << 24,
            agree | length_class << 5 | flat << 8 | news << 9 | (inside < 9) << 10 | same << 11 | 2 << 24,
            since | inside << 4 | calm << 8 | flat << 12 | ahead << 13 | 2 << 24,
            _combine(around, _pack(p, pe, ps, ref.psw)),
        ]
        return self.flag(keys, self.coarse[24 + (news << 1 | (inside < 9))], self.fine[1536 + (same << 4 | inside)])

    # One pixel, or a span of them.

    def pixels(self, at: int, x: int) -> list[int]:
        """Decodes the pixel at this cell, in column x, or the span that begins with it; returns the ranks."""
        p, i, j = self.cells, at - self.line, at - 2 * self.line
        v = Neighbourhood(
            w=p[at - 1], n=p[i], nw=p[i - 1], ne=p[i + 1], ww=p[at - 2], nn=p[j], nww=p[i - 2], nee=p[i + 2],
            nnw=p[j - 1], nne=p[j + 1], www=p[at - 3], nwww=p[i - 3], neee=p[i + 3], nnee=p[j + 2],
        )  # fmt: skip
        flat = v.w == v.n == v.nw == v.ne
        equal = sum((a == b) << bit for bit, (a, b) in enumerate(
            ((v.ww, v.w), (v.nn, v.n), (v.nee, v.ne), (v.nne, v.ne), (v.nww, v.nw))))  # fmt: skip
        self.run = 0 if x == 0 or v.w != v.ww else self.run + 1
        second, second_similarity = self.find_matches(v, at, flat)
        matched = p[self.match] if self.match else -1
        length_class = sum(self.length >= least for least in (1, 4, 16, 32, 128))
        excluded = -1
        ref = self.reference(v, at) if self.number else None
        if ref and ref.moved == 0:
            if self.changing < x + 2:
                self.changing = x + 2
                while self.changing < self.width and (p[i - x + self.changing] == p[i - x + self.changing + self.back]):
                    self.changing += 1
            ranks = self.skipped(v, ref, at, x)
            if ranks:
                return ranks
            if self.skip_flag(v, ref, x, flat, length_class, matched):
                self.move_on(matched == ref.p, 1)
                return [ref.p]
            excluded = ref.p
        elif flat or (self.length >= (16 if ref else 36) and self.similarity >= 14):
            if self.change < x + 2:
                self.change = x + 2
                while self.change < self.width and p[i - x + self.change] == v.n:
                    self.change += 1
            if flat and x >= self.failed_until:
                span = self.width - x if self.change >= self.width else self.change - 1 - x
                if span >= 4 and self.span_flag(v, ref, at, x, equal, length_class, span):
                    return [v.w] * span
            candidate = v.w if flat else matched
            if self.pixel_flag(v, ref, x, flat, equal, length_class, matched, second, second_similarity):
                self.errors[1][x + 1] = [0] * 6
                self.move_on(matched == candidate, 1)
                return [candidate]
            excluded = candidate
        symbol = self.rank(v, ref, at, x, equal, length_class, matched, second, second_similarity, excluded)
        self.move_on(matched == symbol, 1)
        return [symbol]

    def move_on(self, right: bool, pixels: int) -> None:
        """Updates the match after pixels: `right` says whether it predicted all of them."""
        if right:
            self.match += pixels - 1
            self.length += pixels
        else:
            self.match = self.length = 0

    def find_matches(self, v: Neighbourhood, at: int, flat: bool) -> tuple[int, int]:
        """Sets the match; returns the rank of the second one and its similarity."""
        second, second_similarity = -1, 0
        if self.match:
            self.match += 1
            self.similarity = 16 if flat else self.similar(self.match, at)
            if self.similarity < 8:
                self.match = 0
        if not flat:
            around = _pack(v.nw, v.ne, v.nww, v.nee)
            h0 = _hash_key(_combine(_combine(_pack(v.w, v.ww, v.www, v.n), around), _pack(v.nn, v.nnw, v.nne, v.nnee)))
            h1 = _hash_key(_combine(_combine(_pack(v.w, v.ww, v.n, v.nn), around), v.nne))
            if not self.match:
                self.length = 0
                self.match = self.look_up(0, h0)
                if self.match:
                    self.similarity = self.similar(self.match, at)
                    if self.similarity < 8:
                        self.match = 0
            there = self.look_up(1, h1) if self.hits > 1 else 0
            if there:
                second_similarity = self.similar(there, at)
                if second_similarity >= 4:
                    second = self.cells[there]
                else:
                    second_similarity = 0
            for table, h in zip(self.latest, (h0, h1), strict=True):
                table[h & self.match_mask] = (h >> 27, at)
        if not self.match:
            self.length = self.similarity = 0
        return second, second_similarity

    def look_up(self, table: int, h: int) -> int:
        """The position in a table of matches; 0 if there is none, or if its check differs."""
        check, position = self.latest[table].get(h & self.match_mask, (0, 0))
        return position if check == h >> 27 else 0

    def similar(self, there: int, here: int) -> int:
        p, n, nn = self.cells, self.line, 2 * self.line
        steps = (*range(-4, 0), *range(-n - 3, -n + 5), *range(-nn - 1, -nn + 3))
        return sum(p[there + step] == p[here + step] for step in steps)

    def span_flag(
        self, v: Neighbourhood, ref: Reference | None, at: int, x: int, equal: int, length_class: int, span: int
    ) -> bool:
        """Decodes whether all pixels of a span equal W, and if so, updates the state for the span."""
        w = v.w
        follow = 0
        if self.match:
            first = min(span, at - self.match if self.match < at else span)
            follow = 1 if self.cells[self.match : self.match + first] == [w] * first else 2
        size = LEVEL[min(span, 4095)]
        two_above = at - 2 * self.line
        above = self.cells[two_above : two_above + span] == [w] * span
        more = (v.www == w) | (v.nwww == w) << 1 | (v.nnw == w) << 2
        run_level = 15 if self.run > 255 else LEVEL[self.run]
        around = _combine(_pack(w, v.n, v.nw, v.ne), _pack(v.ww, v.nn, v.nee, v.nne))
        keys = [
            equal | size << 6 | more << 10 | above << 13 | 1 << 20,
            around + size + 1 & M31,
            w | size << 8 | follow << 12 | above << 14 | 1 << 20,
            follow | length_class << 2 | size << 5 | above << 9 | 1 << 20,
            self.spans & 15 | size << 4 | above << 8 | 1 << 20,
            run_level | size << 4 | (x == 0) << 8 | (self.change >= self.width) << 9 | 1 << 20,
        ]
        if ref:
            there = at + self.back
            alike = self.cells[there : there + span] == self.cells[there - 1 : there - 1 + span]
            even = 1 + alike + 2 * (ref.p != ref.pw)
            keys[2:5] = [key | even << 21 for key in keys[2:5]]
        bit = self.flag(keys, self.coarse[16 + follow], self.fine[1024 + (size << 4 | self.spans & 3)])
        self.spans = self.spans << 1 & 15 | bit
        if not bit:
            self.failed_until = x + span
            return False
        self.run += span - 1
        for i in range(x, x + span):
            self.errors[1][i + 1] = [0] * 6
        self.move_on(follow == 1, span)
        return True

    def pixel_flag(
        self,
        v: Neighbourhood,
        ref: Reference | None,
        x: int,
        flat: bool,
        equal: int,
        length_class: int,
        matched: int,
        second: int,
        second_similarity: int,
    ) -> int:
        """Decodes whether the pixel equals the candidate."""
        candidate = v.w if flat else matched
        agree = 0 if matched < 0 else (1 if matched == candidate else 2) + 3 * (self.similarity >> 1)
        agree_second = 0 if second < 0 else (1 if second == candidate else 2) + 3 * (second_similarity >> 1)
        ahead = min(self.change - x - 2, 8)
        around = _combine(_pack(v.w, v.n, v.nw, v.ne), _pack(v.ww, v.nn, v.nee, v.nne))
        more = (v.www == v.w) | (v.nwww == v.w) << 1 | (v.nnw == v.w) << 2 | (v.nnee == v.w) << 3
        run_level = 15 if self.run > 255 else LEVEL[self.run]
        inside = x < self.failed_until
        keys = [
            equal | flat << 5 | ahead << 6 | more << 10 | inside << 14,
            around + flat & M31,
            candidate | equal << 8 | agree << 13 | flat << 20,
            agree | agree_second << 6 | length_class << 12 | flat << 16,
            run_level | ahead << 4 | flat << 8 | (candidate == 0) << 9 | length_class << 10 | inside << 14,
            _combine(around, _pack(v.nww, v.nnw, v.www, v.neee)) + flat & M31,
        ]
        if ref:
            edges = sum((ref.p == other) << bit for bit, other in enumerate((ref.pw, ref.pn, ref.pe, ref.ps))) | 16
            keys[2] |= edges << 21
            keys[4] |= edges << 21
            keys[5] = _combine(keys[5], _pack(ref.p, ref.pw, ref.pn, ref.pe))
        return self.flag(keys, self.coarse[flat << 3 | length_class], self.fine[agree << 5 | equal])

    def flag(self, keys: list[int], coarse: list[int], fine: list[int]) -> int:
        slots = []
        for c, key in enumerate(keys):
            h = _fold(key * 0x2F0B4C47 + c & M31)
            slots.append(self.flag_slots[c].setdefault((h ^ h >> 13) & self.flag_mask, FlagSlot()))
        stretch = [slot.logs[1] - slot.logs[0] for slot in slots]
        score = sum(_limit(coarse[c] + fine[c] >> 4, 8191) * stretch[c] >> 16 for c in range(6))
        no, yes = EXP[min(max(score, 0), 1023)], EXP[min(max(-score, 0), 1023)]
        unit = self.range // (no + yes)
        bit = int(self.code < unit * yes)
        if bit:
            self.narrow(0, unit * yes)
        else:
            self.narrow(unit * yes, unit * no)
        error = (bit << 14) - (yes << 14) // (no + yes)
        for c, slot in enumerate(slots):
            step = (error * stretch[c] >> 14) * 126 >> 10
            coarse[c] = _limit(coarse[c] + step, 1 << 20)
            fine[c] = _limit(fine[c] + step, 1 << 20)
            slot.logs[bit] = _after(slot.logs[bit], FLAG_RATE[slot.count])
            slot.logs[1 - bit] = max(slot.logs[1 - bit] - FLAG_DECAY[slot.count], -16384)
            slot.count = min(slot.count + 1, 98)
        return bit

    def rank(
        self,
        v: Neighbourhood,
        ref: Reference | None,
        at: int,
        x: int,
        equal: int,
        length_class: int,
        matched: int,
        second: int,
        second_similarity: int,
        excluded: int,
    ) -> int:
        """Decodes a rank nibble by nibble."""
        w, n, nw, ne = v.w, v.n, v.nw, v.ne
        texture = (w == n) | (nw == n) << 1 | (ne == n) << 2 | (nw == w) << 3 | equal << 4
        d = self.distance
        along = d[w][v.ww] + d[n][nw] + d[n][ne]
        across = d[w][nw] + d[n][v.nn] + d[ne][v.nne]
        activity = LEVEL[min(along + across, 4095)]
        guesses, doubt = self.predict(v, x, across - along)
        p0, p1, p3, p4, p5 = (self.snap((*guesses[i], 255)[:4]) for i in (0, 1, 3, 4, 5))
        if ref:
            changed = ref.moved.bit_count()
            doubt = min(2 * changed + (activity >> 1), 15) if changed < 3 else activity
            p5 = ref.p if changed < 3 else self.snap((*guesses[2], 255)[:4])
        similarity = self.similarity
        keys = [
            _pack(w, n, nw, ne),
            n | v.nn << 8,
            w | v.ww << 8,
            matched + 1 | second + 1 << 9 | similarity >> 2 << 18 | second_similarity >> 2 << 22,
            p1 | activity >> 1 << 8,
        ]
        if self.hits > 1:
            q = _combine(_pack(w, n, nw, ne), _pack(v.ww, v.nn, v.nne, v.nee))
            keys += [
                w | (self.run > 0) << 8,
                _combine(_combine(q, _pack(v.nwww, v.nww, v.nee, v.neee)), v.nnw | v.nnee << 8 | v.www << 16),
                n | ne << 8,
                w | ne << 8,
                x,
                p3 | p4 << 8,
                w | nw << 8 | n << 16,
                p0 | activity << 8,
            ]
        third = nw if nw not in (w, n) else ne if ne not in (w, n) else -1
        hits = [matched, second, w, n if n != w else -1, third][: self.hits]
        hit_contexts = [length_class << 4 | min(similarity, 15), second_similarity, texture, texture, texture]
        situation = trusted = 0
        if ref:
            keys[4] = ref.p | ref.moved << 8 | (ref.p == ref.pp) << 12
            if self.hits > 1:
                keys[10] = _combine(at - self.base, ref.p)
                wide = _combine(_pack(ref.p, ref.pe, ref.ps, ref.pse), _pack(ref.psw, ref.pw, ref.pnw, ref.pne))
                keys[12] = _combine(wide, _pack(w, n, ref.pp, ref.pn))
            keys += [
                _pack(ref.p, w, n, 0),
                _combine(_pack(ref.p, ref.pe, ref.ps, ref.pse), ref.pp),
            ]
            situation = ref.moved | (ref.p == ref.pp) << 4 | (ref.p == w) << 5 | (ref.p == n) << 6
            trusted = situation | (matched == ref.p) << 7
            kept = 3 if self.hits > 1 else 1
            hits = [*hits[:kept], ref.p, -1 if ref.pp == ref.p else ref.pp]
            hit_contexts = [*hit_contexts[:kept], situation, ref.moved]
        prior = self.prior(p5, doubt >> 1)
        shown = (w, n, ref.p if ref else p5, v.nee, ne, nw, *((v.nn, v.nne) if self.hits > 1 else ()))
        biases: tuple[int, ...] = shown
        high = 0
        if self.k > 16:
            left = [True] * -(-self.k // 16)
            if excluded >= 0 and self.k - (excluded & 240) == 1:
                left[excluded >> 4] = False
            high_hits = [hit >> 4 for hit in hits]
            sets = (activity, texture, trusted if ref else p5)
            high = self.nibble(keys, 0, prior[16], left, high_hits, hit_contexts, sets, biases)
            biases = tuple(256 + (rank if rank >> 4 == high else 256 + (rank & 240 | high)) for rank in shown)
        left = [high << 4 | s != excluded for s in range(min(self.k - 16 * high, 16))]
        low_hits = [hit & 15 if hit >= 0 and hit >> 4 == high else -1 for hit in hits]
        sets = (16 + activity, 512 + texture, 256 | (high << 4 | p5 >> 4 if self.k > 16 else p5))
        if ref:
            if self.k > 16:
                trusted = trusted & 191 | (ref.p >> 4 == high) << 6
            sets = (16 + activity, 512 + texture, 256 | trusted)
        symbol = high << 4 | self.nibble(keys, 1 + high, prior[high], left, low_hits, hit_contexts, sets, biases)
        truth = self.color[symbol]
        self.errors[1][x + 1] = [sum(abs(a - b) for a, b in zip(guess, truth, strict=False)) for guess in guesses]
        return symbol

    def predict(self, v: Neighbourhood, x: int, tilt: int) -> tuple[list[list[int]], int]:
        """Guesses 0 to 4 and their blend, and the doubt level of the blend."""
        above, above_east, west = self.errors[0][x + 1], self.errors[0][x + 2], self.errors[1][x]
        trust = []
        for m in range(5):
            e = (above[m] + above_east[m] + 3 * west[m]) >> 2
            trust.append(TRUST[e])
        share = (1 << 30) // sum(trust)
        trust = [t * share >> 14 for t in trust]
        edge = (abs(tilt) > 24) + (abs(tilt) > 96) + 2 * (abs(tilt) > 240)
        guesses: list[list[int]] = [[] for _ in range(6)]
        for c in range(self.channels):
            w, n, nw, ne, nn = (self.color[rank][c] for rank in (v.w, v.n, v.nw, v.ne, v.nn))
            g = (w + n >> 1) + (ne - nw >> 2)
            five = [
                _byte(g + (((w if tilt > 0 else n) - g) * edge >> 2)),
                3 * w + 3 * n + 2 * ne >> 3,
                max(min(w, n), min(max(w, n), w + n - nw)),
                _byte(w + (ne - nw >> 1)),
                _byte(n + (w - nw >> 1) + (n - nn >> 2)),
            ]
            total = sum(t * value for t, value in zip(trust, five, strict=True))
            for guess, value in zip(guesses, [*five, total + 32768 >> 16], strict=True):
                guess.append(value)
        return guesses, LEVEL[min(above[5] + above_east[5] + 2 * west[5], 4095)]

    def snap(self, guess: Entry) -> int:
        """The rank of the colour nearest to the middle of the cell that contains `guess`."""
        if self.channels == 3:
            middle = (*((value & 248) + 4 for value in guess[:3]), 255)
        else:
            middle = (*((value & 240) + 8 for value in guess[:3]), (guess[3] & 224) + 16)
        if middle not in self.snapped:
            far = [_far(color, middle) for color in self.color]
            self.snapped[middle] = far.index(min(far))
        return self.snapped[middle]

    def prior(self, rank: int, width: int) -> list[list[int]]:
        """The logarithms of the low nibbles for each high nibble, and in [16] those of the high nibbles."""
        if (rank, width) not in self.priors:
            spread, mass = 22 * 3**width, [0] * 256
            for i, color in enumerate(self.color):
                near = (spread << 12) // (spread + _far(color, self.color[rank]))
                mass[i] = (near * near >> 9) + 3
            groups = [mass[i : i + 16] for i in range(0, 256, 16)]
            groups.append([sum(group) for group in groups])
            tables = [[_fraction(part, sum(group)) for part in group] for group in groups]
            tables[16][0] = tables[16][0] or -1
            self.priors[rank, width] = tables
        return self.priors[rank, width]

    def slot(self, c: int, key: int, node: int, prior: list[int]) -> Slot:
        h = (_hash_key(key) + node * 0x1E35A7BD) * 0x2C1B3C6D & M31
        at, check = h >> 31 - self.slot_bits, h >> 20 - self.slot_bits & 0x7FF | 1
        pair = [self.slots[c].setdefault(i, Slot()) for i in (at, at ^ 1)]
        for slot in pair:
            if slot.check == check:
                return slot
        slot = pair[1] if pair[1].count < pair[0].count else pair[0]
        slot.check, slot.count, slot.logs = check, 0, prior.copy()
        return slot

    def nibble(
        self, keys: list[int], node: int, prior: list[int], left: list[bool], hits: list[int], hit_contexts: list[int],
        sets: tuple[int, int, int], bias_rows: tuple[int, ...],
    ) -> int:  # fmt: skip
        """Decodes a symbol s for which left[s] is true."""
        slots = [self.slot(c, key, node, prior) for c, key in enumerate(keys)]
        activity, texture, guess = sets
        shared = (self.by_activity[activity], self.by_texture[texture], self.by_guess[guess])
        biases = [table[row] for table, row in zip(self.biases, bias_rows, strict=True)]
        pairs = list(zip(biases[::2], biases[1::2], strict=True))
        scores = [sum(a.values[s] + b.values[s] >> 6 for a, b in pairs) for s in range(16)]
        for c, slot in enumerate(slots):
            four = (shared[0][c], shared[1][c], shared[2][c], self.by_count[slot.count][c])
            weight = _limit(sum(part >> 2 for part in four), 8191)
            scores = [score + (weight * log >> 16) for score, log in zip(scores, slot.logs, strict=True)]
        hit_shared = (self.hit_by_activity[activity], self.hit_by_texture[texture])
        inputs = []
        for i, s in enumerate(hits):
            if s >= 0:
                table = self.probabilities[i][node > 0]
                p = table[hit_contexts[i]] >> 4
                stretch = LOG[p] - LOG[4095 - p]
                scores[s] += _limit(hit_shared[0][i] + hit_shared[1][i] >> 4, 8191) * stretch >> 16
                inputs.append((i, s, table, stretch))
        best = max(score for score, here in zip(scores, left, strict=False) if here)
        frequency = [EXP[min(best - scores[s], 1023)] if here else 0 for s, here in enumerate(left)]
        total = sum(frequency)
        unit = self.range // total
        target = min(self.code // unit, total - 1)
        symbol = below = 0
        while below + frequency[symbol] <= target:
            below += frequency[symbol]
            symbol += 1
        self.narrow(unit * below, unit * frequency[symbol])

        inverse = min((1 << 30) // total, 32767)
        error = [-(f * inverse >> 16) for f in frequency] + [0] * (16 - len(left))
        error[symbol] += 16384
        low = int(node > 0)
        self.nibbles += 1
        pace = self.pace[0] + self.pace[1] // ((self.mean_error[low] >> 14) + 1024) + 6400 // ((self.nibbles >> 6) + 32)
        self.mean_error[low] += (error[symbol] << 4) - (self.mean_error[low] >> 10)
        for c, slot in enumerate(slots):
            step = (sum(e * log for e, log in zip(error, slot.logs, strict=True)) >> 14) * pace + 32768 >> 16
            by_count = self.by_count[slot.count]
            by_count[c] = _limit(by_count[c] + step, 24000)
            for weights, times in zip(shared, (1, 2, 1), strict=True):
                weights[c] = _limit(weights[c] + times * step, 24000)
            log = slot.logs[symbol]
            slot.logs = [max(other - DECAY[slot.count], -12288) for other in slot.logs]
            slot.logs[symbol] = min(log + RISE[slot.count][-log >> 6], 0)
            slot.count = min(slot.count + 1, 28)
        share = (64 if self.hits > 1 else 112) * ((self.nibbles >> 6) + 5) // ((self.nibbles >> 6) + 16)
        for bias in biases:
            rate = (pace * share >> 5) * BIAS_RATE[bias.count] >> 9
            bias.values = [_limit(v + (e * rate >> 16), 10000) for v, e in zip(bias.values, error, strict=True)]
            bias.count = min(bias.count + 1, 255)
        for i, s, table, stretch in inputs:
            step = (error[s] * stretch >> 14) * 400 >> 10
            for weights in hit_shared:
                weights[i] = _limit(weights[i] + step, 1 << 20)
            p = table[hit_contexts[i]]
            table[hit_contexts[i]] = p + (65535 - p >> 6) if s == symbol else p - (p >> 6)
        return symbol


def _fraction(part: int, whole: int) -> int:
    return max(_log(part) - _log(whole), -12288) if part else -12288


def _log(value: int) -> int:
    shift = max(0, value.bit_length() - 12)
    return LOG[value >> shift] + 1024 * shift


# Section 5.3: `fast`.

M32 = 0xFFFFFFFF
EDGES = (1, 3, 5, 7, 8, 12, 17, 23, 33, 46, 66, 93, 133, 188, 267)
FAST_TRUST = (20, 20, 40, 88, 56, 64, 96, 112, 88, 80, 104, 116, 96, 90, 108, 118, 108, 104, 112, 120, 120, 120, 122,
              126)  # fmt: skip
BITS = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7)
FIRST = (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 28, 36, 52, 84, 148)
BIN_WEIGHT = (4900, 3400, 2600, 2000, 3400, 2500, 1900, 1600, 2500, 1800, 1500, 1100, 1200, 900, 600, 300)


class Flag:
    """The context of a flag."""

    def __init__(self, p: int = 32768, i: int = 0) -> None:
        self.p, self.i = p, i


class Distribution:
    """Of sixteen symbols."""

    def __init__(self, ends: list[int]) -> None:
        self.ends, self.i = ends, 0


class ColorList:
    """The other colors as one color ranks them."""

    def __init__(self, x: int, colors: list[Entry]) -> None:
        def key(other: int) -> tuple[int, int]:
            r, g, b, a = (u - v for u, v in zip(colors[other], colors[x], strict=True))
            d = 3 * r * r + 4 * g * g + 2 * b * b + 4 * a * a + 8
            e = d.bit_length() - 4
            return e, d >> e

        self.order = sorted((i for i in range(len(colors)) if i != x), key=key)
        self.mean = self.used = 0

    def promote(self, p: int) -> int:
        keep = 2 if self.used < 32 else 4 if self.used < 256 else 6 if self.used < 1024 else 7
        q = p * keep >> 3
        r = (p + q + 1) >> 1
        a, b, c = self.order[p], self.order[q], self.order[r]
        self.order[p] = c
        self.order[r] = b
        self.order[q] = a
        return a


# Kinds of flags of later frames.
FRAME, MOTION, BLOCK, SAME, STEADY, LATER, LATER_SECOND, PLACED, BEFORE = range(9)


class FastTile(RangeDecoder):
    """One tile of section 5.3, of one frame or several."""

    def __init__(self, palette: list[Entry], width: int, rows: int, data: bytes, frames: int = 1) -> None:
        super().__init__(data)
        self.width, self.rows, self.frames = width, rows, frames
        self.colors = _premultiplied(palette)
        self.k = len(palette)
        self.lists: dict[int, ColorList] = {}
        self.slot_bits = [
            next((b for b in range(8, most) if 1 << b >= width * rows * frames), most)
            for most in ((18, 18) if frames == 1 else (19, 16, 18))
        ]
        self.slots: tuple[dict[int, tuple[int, int, int]], ...] = ({}, {}, {})  # check, color, confidence
        self.row = [Flag() for _ in range(8)]
        self.span = [Flag() for _ in range(9 * 256)]
        self.number_flags = [Flag() for _ in range(64)]
        self.slot = [[[[Flag(512 * p, 1) for _ in range(32)] for _ in range(4)] for p in FAST_TRUST] for _ in range(2)]
        self.west = [[Flag(10240, 1) for _ in range(64)] for _ in range(8)]
        self.second = [[[Flag() for _ in range(16)] for _ in range(3)] for _ in range(5)]
        self.near = [
            [[[Flag(p) for _ in range(2)] for _ in range(64)] for _ in range(4)] for p in (20000, 16000, 10000)
        ]
        self.bit = [[Flag() for _ in range(3)] for _ in range(16)]
        self.sizes = [Distribution([2048 * (j + 1) for j in range(15)] + [32767]) for _ in range(16)]
        weights = [w if first < self.k - 1 else 0 for w, first in zip(BIN_WEIGHT, FIRST, strict=True)]
        ends = [32000 * sum(weights[: j + 1]) // sum(weights) + j + 1 for j in range(15)] + [32767]
        self.ranks = [Distribution(ends.copy()) for _ in range(17)]
        self.spans = self.row_flags = 0
        self.cells: dict[tuple[int, int], int] = {}  # those that are not 0 or were decoded, by row and column
        # Later frames: pixels by row and column.
        self.later: dict[tuple[int, ...], Flag] = {}  # contexts by the number of their kind, and what they depend on
        self.last_flags: dict[int, int] = {}  # the last flags of some kinds
        self.reference: list[list[int]] = []  # 5.3.7
        self.older: list[list[int]] = []  # the frame before the frame before
        self.stirred = [0] * rows
        self.broken = self.turn = 0
        self.other_column: int | None = None

    def flag(self, context: Flag) -> int:
        rate = 131072 // (2 * context.i + 5)
        context.i = min(context.i + 1, 60)
        bound = (self.range >> 16) * context.p
        if self.code < bound:
            context.p += (65536 - context.p) * rate >> 16
            self.narrow(0, bound)
            return 1
        context.p -= context.p * rate >> 16
        self.narrow(bound, self.range - bound)
        return 0

    def raw(self, bits: int) -> int:
        unit = self.range >> bits
        value = min(self.code // unit, (1 << bits) - 1)
        self.narrow(unit * value, unit)
        return value

    def symbol(self, d: Distribution) -> int:
        unit = self.range >> 15
        target = min(self.code // unit, 32766)
        s = sum(end <= target for end in d.ends)
        below = unit * d.ends[s - 1] if s else 0
        end = self.range if s == 15 else unit * d.ends[s]
        rate = 65536 // (d.i + 12)
        d.i = min(d.i + 1, 250)
        for j in range(16):
            goal = 4 * (j + 1) if j < s else 32767 - 4 * (15 - j)
            d.ends[j] += (goal - d.ends[j]) * rate >> 16
        self.narrow(below, end - below)
        return s

    def cell(self, y: int, x: int) -> int:
        return self.cells.get((y, x), 0)

    def dist(self, a: int, b: int) -> int:
        total = sum(abs(u - v) for u, v in zip(self.colors[a], self.colors[b], strict=True))
        return min(255, total + 3 >> 2)

    def decode(self) -> bytes:
        """The indices of all frames, one after the other."""
        self.still_frame()
        pictures = [self.picture()]
        for _ in range(self.frames - 1):
            if not self.told(FRAME, history=3):
                self.later_frame(pictures)
            pictures.append(self.picture())
        self.end()
        return bytes(cell for picture in pictures for row in picture for cell in row)

    def picture(self) -> list[list[int]]:
        return [[self.cell(y, x) for x in range(self.width)] for y in range(self.rows)]

    def still_frame(self) -> None:
        for y in range(self.rows):
            for i in (1, 2, 3):
                self.cells[y, -i] = self.cell(y - 1, 0)
            self.row_or_copy(y)

    def row_or_copy(self, y: int) -> None:
        same = self.flag(self.row[self.row_flags])
        self.row_flags = (self.row_flags << 1 | same) & 7
        if same:
            for x in range(self.width):
                self.cells[y, x] = self.cell(y - 1, x)
        else:
            self.pixels(y)
        for i in (0, 1):
            self.cells[y, self.width + i] = self.cell(y, self.width - 1)

    def pixels(self, y: int) -> None:
        x = change = self.turn = self.broken = 0
        self.other_column = None
        while x < self.width:
            changed = False
            if self.reference and self.steady(y, x):
                span = self.steady_span(y, x)
                if span:
                    for _ in range(span):
                        self.cells[y, x] = self.before(y, x)
                        x += 1
                    continue
                changed = True
            w = self.cell(y, x - 1)
            flat = self.cell(y - 1, x - 1) == self.cell(y - 1, x) == self.cell(y - 1, x + 1) == w
            if flat and not (changed and self.before(y, x) == w):
                if change < x + 2:
                    change = x + 2
                    while change < self.width and self.cell(y - 1, change) == w:
                        change += 1
                span = min(self.width - x if change >= self.width else change - 1 - x, 8192)
                size = LEVEL[min(span, 4095)]
                context = size << 4 | (self.cell(y - 2, x) == w) << 3 | (self.cell(y, x - 2) == w) << 2 | self.spans
                if self.reference:
                    context += 256
                    for bit, i in ((10, -1), (9, 1), (8, 0)):
                        context += (self.before(y, x + i) == w) << bit
                whole = self.flag(self.span[context])
                self.spans = (self.spans << 1 | whole) & 3
                n = span if whole else 0 if span == 1 else min(self.number(size), span - 1)
                for _ in range(n):
                    self.cells[y, x] = w
                    x += 1
                changed = changed and n == 0
                if whole:
                    continue
            if self.reference:
                self.cells[y, x] = self.later_pixel(y, x, flat, changed)
                if self.cells[y, x] != self.before(y, x):
                    self.other_column = x
            else:
                self.cells[y, x] = self.pixel(y, x, flat)
            x += 1

    def number(self, size: int) -> int:
        c, v = self.symbol(self.sizes[size]), 1
        if c > 0:
            v = 2 * v + self.flag(self.number_flags[4 * c])
        if c > 1:
            v = 2 * v + self.flag(self.number_flags[4 * c + 1 + (v & 1)])
        if c > 2:
            v = v << (c - 2) | self.raw(c - 2)
        return v - 1

    def pixel(self, y: int, x: int, flat: bool) -> int:
        w, ww, www = (self.cell(y, x - i) for i in (1, 2, 3))
        nww, nw, n, ne, nee = (self.cell(y - 1, x + i) for i in (-2, -1, 0, 1, 2))
        nnw, nn, nne = (self.cell(y - 2, x + i) for i in (-1, 0, 1))
        h = _pack(nw, n, ne, nee) * 0x2F0B4C47 ^ _pack(nww, nnw, nn, nne) * 0x1E35A7BD
        h = h + _pack(w, ww, www if self.k > 16 else 0, 0) * 0x2C1B3C6D & M32
        h = (h ^ h >> 15) * 0x2F0B4C47 & M32
        h ^= h >> 13
        g = _pack(nw, n, 0 if self.k > 16 else ne, w) * 0x2F0B4C47 & M32
        g = (g ^ g >> 15) * 0x1E35A7BD & M32
        g ^= g >> 13
        hints = []  # color and confidence of the long and of the short candidate
        for table, bits, key in zip(self.slots, self.slot_bits, (h, g), strict=False):
            check, color, confidence = table.get(key & (1 << bits) - 1, (-1, 0, 0))
            hints.append((color, confidence) if check == key >> 24 and not (flat and color == w) else (-1, 0))
        equal = (ww == w) | (nn == n) << 1 | (w == n) << 2 | (nw == n) << 3 | (ne == n) << 4 | (nw == w) << 5
        gradient = self.dist(w, nw) + self.dist(n, nw) + self.dist(n, ne)
        activity = sum(edge <= gradient for edge in EDGES)
        pixel = self.coded(flat, w, n, nw, ne, hints, equal, activity)
        self.learn((h, g), pixel)
        return pixel

    def learn(self, keys: tuple[int, ...], pixel: int) -> None:
        for table, bits, key in zip(self.slots, self.slot_bits, keys, strict=False):
            at = key & (1 << bits) - 1
            check, color, confidence = table.get(at, (-1, 0, 0))
            if check != key >> 24 or (color != pixel and confidence < 3):
                table[at] = (key >> 24, pixel, 1)
            elif color == pixel:
                table[at] = (check, color, min(confidence + 1, 8))
            else:
                table[at] = (check, color, (1, 2, 2, 3, 3, 3)[confidence - 3])

    def coded(
        self, flat: bool, w: int, n: int, nw: int, ne: int, hints: list[tuple[int, int]], equal: int, activity: int
    ) -> int:
        def which(color: int) -> int:
            return (w, n, ne, color).index(color)

        (long, sure), (short, sure2) = hints
        second = short if sure and sure2 and short != long else -1
        first = long if sure else short if sure2 else -1 if flat else w
        if sure or sure2:
            m = 0 if not sure2 else 1 if second >= 0 else 2 if sure2 <= 2 else 3
            state = 4 * (0, 1, 2, 3, 4, 4, 4, 4, 5)[sure] + m
            if self.flag(self.slot[flat][state][which(first)][equal & 31]):
                return first
        elif first >= 0 and self.flag(self.west[activity >> 1][equal]):
            return first
        if second >= 0 and self.flag(self.second[min(sure2, 4)][min(which(second), 2)][equal & 15]):
            return second
        up = self.dist(w, nw) < self.dist(n, nw)
        x, y = (n, w) if up else (w, n)
        if x not in self.lists:
            self.lists[x] = ColorList(x, self.colors)
        ranking = self.lists[x]
        for i, color in enumerate((w, n, ne)):
            if flat or color in (w, n, ne)[:i] or color in (first, second):
                continue
            if self.flag(self.near[i][activity >> 2][equal][sure > 0]):
                if color != x:
                    ranking.promote(ranking.order.index(color))
                return color
        skip = {first, y} | ({ne} if ne not in (w, n) else set())
        return self.ranked(ranking, flat, activity, skip)

    def ranked(self, ranking: ColorList, flat: bool, activity: int, skip: set[int]) -> int:
        t = self.symbol(self.ranks[0 if flat else 1 + 4 * (activity >> 2) + (ranking.mean >> 6)])
        p, bits = FIRST[t], BITS[t]
        upper = 0
        if bits > 0:
            upper = self.flag(self.bit[t][0])
            p += upper << (bits - 1)
        if bits > 1:
            p += self.flag(self.bit[t][1 + upper]) << (bits - 2)
        if bits > 2:
            p += self.raw(bits - 2)
        for place in sorted(ranking.order.index(color) for color in skip if color in ranking.order):
            p += p >= place
        ranking.used += 1
        ranking.mean += (16 * t - ranking.mean) >> 3
        return ranking.promote(min(p, self.k - 2))

    # Section 5.3.6.

    def told(self, kind: int, *about: int, history: int = 0) -> int:
        """A flag of a kind, whose context depends on some numbers and, if asked for, on the last flags of the kind."""
        last = self.last_flags.get(kind, 0) & (1 << history) - 1
        value = self.flag(self.later.setdefault((kind, *about, last), Flag()))
        self.last_flags[kind] = self.last_flags.get(kind, 0) << 1 | value
        return value

    def later_frame(self, pictures: list[list[list[int]]]) -> None:
        last = self.picture()
        self.reference = last
        vectors: list[tuple[int, int]] = []
        if 3 * self.rows * self.width <= 1 << 24 and self.told(MOTION, history=1):
            vectors = [(self.raw(13) - 4096, self.raw(13) - 4096) for _ in range(1 + self.raw(2))]
            self.move(last, vectors)
        older, self.older = self.older or last, last
        self.last_flags[SAME] = 7
        self.cells = {(y, x): self.before(0, x) for y in (-1, -2) for x in range(-3, self.width + 2)}
        for y in range(self.rows):
            for i in (1, 2, 3):
                self.cells[y, -i] = self.cell(y - 1, 0)
            self.restless = [self.before(y, x) != older[y][x] for x in range(self.width)]
            stirred = self.stirred[y] or bool(vectors)
            same = self.told(SAME, stirred, history=3)
            self.stirred[y] = bool(vectors) or not same
            if same:
                for x in range(self.width + 2):
                    self.cells[y, x] = self.before(y, x)
            else:
                self.row_or_copy(y)

    def move(self, last: list[list[int]], vectors: list[tuple[int, int]]) -> None:
        across = -(-self.width // 16)
        numbers: list[int] = []
        for i in range(across * -(-self.rows // 16)):
            above = numbers[i - across] if i >= across else 0
            left = numbers[i - 1] if i % across else 0
            numbers.append(self.block(above, left, len(vectors)))
        self.reference = [row[:] for row in last]
        for y in range(self.rows):
            for x in range(self.width):
                number = numbers[y // 16 * across + x // 16]
                if number:
                    dx, dy = vectors[number - 1]
                    from_y, from_x = min(max(y + dy, 0), self.rows - 1), min(max(x + dx, 0), self.width - 1)
                    self.reference[y][x] = last[from_y][from_x]

    def block(self, above: int, left: int, vectors: int) -> int:
        if above == left:
            if self.told(BLOCK, left > 0):
                return left
        else:
            if self.told(BLOCK, 2):
                return above
            if self.told(BLOCK, 3):
                return left
        for i in range(vectors):
            if i not in (above, left) and self.told(BLOCK, 4 + i):
                return i
        return vectors

    def before(self, y: int, x: int) -> int:
        """A pixel of the reference, or of its margins."""
        if x < 0:
            y, x = y - 1, 0
        return self.reference[min(max(y, 0), self.rows - 1)][min(x, self.width - 1)]

    def steady(self, y: int, x: int) -> bool:
        return all(
            self.cell(y + i, x + j) == self.before(y + i, x + j) for i, j in ((-1, -1), (-1, 0), (-1, 1), (0, -1))
        )

    def steady_span(self, y: int, x: int) -> int:
        """How many pixels are as before; 0 if that at x is not."""
        if self.turn < x + 2:
            self.turn = x + 2
            while self.turn < self.width and self.cell(y - 1, self.turn) == self.before(y - 1, self.turn):
                self.turn += 1
        whole = x >= self.broken
        span = self.broken - x
        if whole:
            span = min(self.width - x if self.turn >= self.width else self.turn - 1 - x, 4096)
        last = 15 if self.other_column is None else min(LEVEL[min(x - self.other_column, 4095)], 14)
        p = self.before(y, x)
        about = self.last_flags[SAME] >> 1 & 1, p == self.before(y, x - 1), p == self.before(y, x + 1)
        while whole or span > 1:
            if not whole:
                span = span + 1 >> 1
            restless = any(self.restless[x : x + span])
            if self.told(STEADY, LEVEL[min(span, 4095)], whole, restless, *about, last, history=2):
                return span
            self.broken, whole = x + span, False
        self.broken = 0
        return 0

    def later_pixel(self, y: int, x: int, flat: bool, changed: bool) -> int:
        w, ww, www = (self.cell(y, x - i) for i in (1, 2, 3))
        nww, nw, n, ne, nee = (self.cell(y - 1, x + i) for i in (-2, -1, 0, 1, 2))
        nnw, nn, nne = (self.cell(y - 2, x + i) for i in (-1, 0, 1))
        p = self.before(y, x)
        h = _pack(nw, n, ne, nee) * 0x2F0B4C47 ^ _pack(nww, nnw, nn, nne) * 0x1E35A7BD
        h = h + _pack(w, ww, www if self.k > 16 else 0, 0) * 0x2C1B3C6D & M32
        f = (y * 0x2F0B4C47 ^ x * 0x1E35A7BD) + (p | w << 8) * 0x2C1B3C6D & M32
        h, f = ((v ^ v >> 15) * 0x2F0B4C47 & M32 for v in (h, f))
        h, f = h ^ h >> 13, f ^ f >> 13
        g = _pack(nw, n, p, w) * 0x2F0B4C47 & M32
        g = (g ^ g >> 15) * 0x1E35A7BD & M32
        g ^= g >> 13
        hints = []
        for table, bits, key in zip(self.slots, self.slot_bits, (h, g, f), strict=True):
            check, color, confidence = table.get(key & (1 << bits) - 1, (-1, 0, 0))
            hints.append((color, confidence) if check == key >> 24 else (-1, 0))
        equal = (ww == w) | (nn == n) << 1 | (w == n) << 2 | (nw == n) << 3 | (ne == n) << 4 | (nw == w) << 5
        corners = ((-1, -1), (-1, 0), (-1, 1), (0, -1))
        moved = sum((self.before(y + i, x + j) != self.cell(y + i, x + j)) << bit for bit, (i, j) in enumerate(corners))
        around = (w, n, ne, self.before(y, x + 1), self.before(y + 1, x))
        like = sum((p == color) << bit for bit, color in enumerate(around))
        wrong = ({w} if flat else set()) | ({p} if changed else set())
        pixel = self.later_color((w, n, nw, ne, p), hints, wrong, equal, moved, like, flat)
        self.learn((h, g, f), pixel)
        return pixel

    def later_color(
        self,
        near: tuple[int, int, int, int, int],
        hints: list[tuple[int, int]],
        wrong: set[int],
        equal: int,
        moved: int,
        like: int,
        flat: bool,
    ) -> int:
        def which(color: int) -> int:
            return (w, n, ne, color).index(color)

        w, n, nw, ne, p = near
        (long, sure), (short, sure2) = ((color, 0 if color in wrong else confidence) for color, confidence in hints[:2])
        third, sure3 = hints[2]
        second = short if sure and sure2 and short != long else -1
        first = long if sure else short if sure2 else -1
        if first >= 0:
            m = 0 if not sure2 else 1 if second >= 0 else 2 if sure2 <= 2 else 3
            state = 4 * (0, 1, 2, 3, 4, 4, 4, 4, 5)[sure] + m
            e = 2 if p in wrong else p == first
            agrees = 0 if not sure3 else 1 if third != first else 2 if sure3 <= 2 else 3
            about = (LATER, flat, e, state, which(first), equal >> 2 & 7, agrees, 0)
            self.later.setdefault(about, Flag(512 * FAST_TRUST[state], 1))
            if self.told(*about[:-1]):
                return first
        if second >= 0 and self.told(LATER_SECOND, min(sure2, 4), min(which(second), 2), second == p, moved):
            return second
        if sure3 and third not in wrong and third not in (first, second):
            if self.told(PLACED, sure3, which(third), min(sure, 3), min(sure2, 3), third == p):
                return third
        else:
            third = -1
        if p not in wrong and p not in (first, second, third) and self.told(BEFORE, moved, like, first >= 0):
            return p
        up = self.dist(w, nw) < self.dist(n, nw)
        gradient = self.dist(w, nw) + self.dist(n, nw) + self.dist(n, ne)
        activity = sum(edge <= gradient for edge in EDGES)
        x, y = (n, w) if up else (w, n)
        if x not in self.lists:
            self.lists[x] = ColorList(x, self.colors)
        ranking = self.lists[x]
        for i, color in enumerate((w, n, ne)):
            if flat or color in (w, n, ne)[:i] or color in (first, second, third, p):
                continue
            if self.flag(self.near[i][activity >> 2][equal][sure > 0]):
                if color != x:
                    ranking.promote(ranking.order.index(color))
                return color
        skip = {first, y} | ({ne} if ne not in (w, n) else set()) | ({p} if p not in (w, n, ne) else set())
        return self.ranked(ranking, flat, activity, skip)
