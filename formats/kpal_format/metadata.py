"""Metadata as bytes (KPAL.md, section 3): a msgpack header with the names and lengths of the parts, then the parts.

msgpack sees only the short header: a megabyte of nested empty maps would become 73 megabytes of objects. Whatever
it returns is checked type by type, and what it does not know it leaves alone, so that later versions may add
keys.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import msgpack

from . import frame
from .errors import DamagedError
from .indexed import Metadata

MAX_HEADER: Final = 1 << 16  # keys and lengths only; a hundred text entries take about 3 KB
MAX_DEPTH: Final = 16  # maps and arrays within each other, the values in the innermost counted, too
MAX_PARTS: Final = 1 << 24  # the largest ICC profiles in use are about 4 MB
_BLOBS: Final = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp"}  # key in the file -> field, in the file's order


def encode_metadata(metadata: Metadata) -> tuple[bytes, bytes]:
    """The header, and the parts as they are stored; both empty where there is nothing to say.

    Raises ValueError where it is more than a file may hold.
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
        raise ValueError(f"metadata: the keywords of text take {len(packed)} bytes, at most {MAX_HEADER} are possible")
    if len(plain) > MAX_PARTS:
        raise ValueError(f"metadata: {len(plain)} bytes, at most {MAX_PARTS} are possible")
    framed = frame.compress(plain)
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
    plain = memoryview(stored if len(stored) == size else frame.decompress(stored, size, "metadata"))
    ends = itertools.accumulate((*lengths, *(length for _, length in text)), initial=0)
    parts = [bytes(plain[start:end]) for start, end in itertools.pairwise(ends)]
    try:
        return Metadata(
            *parts[: len(_BLOBS)],  # type: ignore[arg-type, misc]  # as many as there are of them in _BLOBS
            text={key: part.decode() for (key, _), part in zip(text, parts[len(_BLOBS) :], strict=True)},
            density=_density(fields["density"]) if "density" in fields else None,
        )
    except UnicodeDecodeError as error:
        raise DamagedError(f"metadata: text that is not UTF-8: {error}") from error


def _unpack_header(header: bytes | memoryview) -> dict[str, Any]:
    n = len(header)  # nothing in it can be longer
    limits = {"max_str_len": n, "max_bin_len": n, "max_array_len": n, "max_map_len": n, "max_ext_len": n}
    try:
        fields = msgpack.unpackb(
            header, raw=False, strict_map_key=False, object_pairs_hook=_map, ext_hook=_extension, **limits
        )
    except (ValueError, TypeError) as error:  # its own errors are all of these kinds
        raise DamagedError(f"metadata: the header is not msgpack as it should be: {error}") from error
    if type(fields) is not dict:
        raise DamagedError("metadata: the header is not a map")
    if _depth(fields) > MAX_DEPTH:
        raise DamagedError(f"metadata: the header nests deeper than {MAX_DEPTH}")
    return fields


def _map(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    if not all(type(key) is str for key, _ in pairs):
        raise ValueError("a key is not a string")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key occurs twice")
    return fields


def _extension(code: int, data: bytes) -> None:
    raise ValueError(f"it has an extension type, {code}")


def _depth(value: object) -> int:
    inner = value.values() if type(value) is dict else value if type(value) is list else ()
    return 1 + max(map(_depth, inner)) if inner else 1


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_PARTS  # type(), as a bool is an int


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
