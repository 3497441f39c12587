"""Metadata as bytes (KPAL.md, section 3): a msgpack header with the names and lengths of the parts, then the parts.

Only the short header is msgpack, because a megabyte of nested empty maps would become 73 megabytes of objects. The
msgpack library writes the header but does not read it: it allocates half a megabyte for an array header that claims
65535 elements before it has seen any of them, once for each of a thousand nested headers, and it accepts timestamps
although they are an extension type. The reader here checks every type. Unknown keys are ignored, so that later versions
can add keys.
"""

from __future__ import annotations

import itertools
import struct
from typing import Any, Final

import msgpack

from . import zstd_frame
from .errors import DamagedError
from .indexed import Metadata

MAX_HEADER: Final = 1 << 16  # bytes; a hundred text entries take about 3 KB
MAX_DEPTH: Final = 16  # levels of nesting, including the values in the innermost map or array
MAX_PARTS: Final = 1 << 24  # bytes; the largest ICC profiles in use are about 4 MB
_BLOBS: Final = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp"}  # key in the file -> field, in file order


def encode_metadata(metadata: Metadata) -> tuple[bytes, bytes]:
    """The header and the stored parts; both are empty if there is no metadata.

    Raises ValueError for more metadata than a file can hold.
    """
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    for key, name in _BLOBS.items():
        if blob := getattr(metadata, name):
            header[key] = len(blob)
            parts.append(blob)
    if metadata.text:
        values = [value.encode() for value in metadata.text.values()]
        header["text"] = [[key, len(value)] for key, value in zip(metadata.text, values, strict=True)]
        parts += values
    if metadata.density:
        header["density"] = list(metadata.density)
    if not header:
        return b"", b""
    packed: bytes = msgpack.packb(header)
    plain = b"".join(parts)
    if len(packed) > MAX_HEADER:
        raise ValueError(f"metadata: the keywords of text take {len(packed)} bytes, at most {MAX_HEADER} are allowed")
    if len(plain) > MAX_PARTS:
        raise ValueError(f"metadata: {len(plain)} bytes, at most {MAX_PARTS} are allowed")
    framed = zstd_frame.compress(plain)
    return packed, framed if len(framed) < len(plain) else plain


def decode_metadata(header: bytes | memoryview, stored: bytes | memoryview) -> Metadata:
    """The inverse of `encode_metadata`; raises DamagedError."""
    if not header:
        return Metadata()
    fields = _unpack_header(header)
    lengths = [_length(fields, key) for key in _BLOBS]
    text = _text_lengths(fields.get("text", []))
    size = sum(lengths) + sum(length for _, length in text)
    if size > MAX_PARTS:
        raise DamagedError(f"metadata: {size} bytes, at most {MAX_PARTS} are allowed")
    plain = memoryview(stored if len(stored) == size else zstd_frame.decompress(stored, size, "metadata"))
    ends = itertools.accumulate((*lengths, *(length for _, length in text)), initial=0)
    parts = [bytes(plain[start:end]) for start, end in itertools.pairwise(ends)]
    try:
        return Metadata(
            *parts[: len(_BLOBS)],  # type: ignore[arg-type, misc]  # mypy does not know the number of parts
            text={key: part.decode() for (key, _), part in zip(text, parts[len(_BLOBS) :], strict=True)},
            density=_density(fields["density"]) if "density" in fields else None,
        )
    except UnicodeDecodeError as error:
        raise DamagedError(f"metadata: text that is not UTF-8: {error}") from error


def _unpack_header(header: bytes | memoryview) -> dict[str, Any]:
    reader = _Reader(bytes(header))
    try:
        fields = reader.value(depth=1)
    except ValueError as error:
        raise DamagedError(f"metadata: the header is not msgpack of the required form: {error}") from error
    if type(fields) is not dict:
        raise DamagedError("metadata: the header is not a map")
    if reader.at < len(header):
        raise DamagedError(f"metadata: {len(header) - reader.at} bytes follow the map of the header")
    return fields


class _Reader:
    """Reads msgpack values of the types that a header may have; raises ValueError."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(f"it nests deeper than {MAX_DEPTH}")
        kind = self.number(1)
        match kind:
            case _ if kind < 0x80:
                return kind
            case _ if kind < 0x90:
                return self.map(kind & 15, depth)
            case _ if kind < 0xA0:
                return self.array(kind & 15, depth)
            case _ if kind < 0xC0:
                return self.string(kind & 31)
            case 0xC0:
                return None
            case 0xC2 | 0xC3:
                return kind == 0xC3
            case 0xC4 | 0xC5 | 0xC6:
                return self.take(self.number(1 << kind - 0xC4))
            case 0xCA:
                return struct.unpack(">f", self.take(4))[0]
            case 0xCB:
                return struct.unpack(">d", self.take(8))[0]
            case 0xCC | 0xCD | 0xCE | 0xCF:
                return self.number(1 << kind - 0xCC)
            case 0xD0 | 0xD1 | 0xD2 | 0xD3:
                return int.from_bytes(self.take(1 << kind - 0xD0), "big", signed=True)
            case 0xD9 | 0xDA | 0xDB:
                return self.string(self.number(1 << kind - 0xD9))
            case 0xDC | 0xDD:
                return self.array(self.number(2 << kind - 0xDC), depth)
            case 0xDE | 0xDF:
                return self.map(self.number(2 << kind - 0xDE), depth)
            case _ if kind >= 0xE0:
                return kind - 256
        raise ValueError(f"it has a value of type {kind:#x}: an extension, or not a msgpack type")

    def array(self, count: int, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(count)]

    def map(self, count: int, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for _ in range(count):
            key = self.value(depth + 1)
            if type(key) is not str:
                raise ValueError("a key is not a string")
            if key in fields:
                raise ValueError(f"the key {key!r} occurs twice")
            fields[key] = self.value(depth + 1)
        return fields

    def string(self, size: int) -> str:
        return self.take(size).decode()

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise ValueError("it ends too early")
        self.at += size
        return self.data[self.at - size : self.at]


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_PARTS  # isinstance() would accept a bool


def _length(fields: dict[str, Any], key: str) -> int:
    value = fields.get(key, 0)
    if not _is_count(value):
        raise DamagedError(f"metadata: {key!r} must be a length in bytes")
    return int(value)


def _text_lengths(entries: object) -> list[tuple[str, int]]:
    if type(entries) is not list:
        raise DamagedError("metadata: 'text' must be an array")
    pairs = []
    for entry in entries:
        if type(entry) is not list or len(entry) != 2 or type(entry[0]) is not str or not _is_count(entry[1]):
            raise DamagedError("metadata: 'text' must hold pairs of a keyword and a length in bytes")
        pairs.append((entry[0], entry[1]))
    if len(dict(pairs)) != len(pairs):
        raise DamagedError("metadata: a keyword of 'text' occurs twice")
    return pairs


def _density(value: object) -> tuple[int, int]:
    if type(value) is not list or len(value) != 2 or not all(type(v) is int and 0 < v < 2**31 for v in value):
        raise DamagedError("metadata: 'density' must be two positive numbers of pixels per metre")
    return value[0], value[1]
