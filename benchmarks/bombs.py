"""Measures what decoding the worst files known to us costs: `python benchmarks/bombs.py`.

Each file is decoded in a process of its own, with the default pixel limit and 8 GiB of memory. Peak memory excludes
what `import kpal` takes. Time is processor time over all cores until the file is decoded or refused, which hardly
depends on the load of the machine.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from functools import partial

import msgpack
import numpy as np

import kpal
from kpal_format import MAGIC, MAX_PIXELS, KpalError, decode_indexed
from kpal_format.container import MAJOR, MINOR, framed, varint
from kpal_format.index import pack_index

_RLE = b"\2\0\x10"  # the header of a Zstandard block that repeats one byte 131072 times; bit 0 marks the last block
_SIDE = int(MAX_PIXELS**0.5)
_ROWS = -(-65536 // _SIDE)  # the minimum for tiles as wide as the image


def _file(
    width: int, height: int, stream: bytes = b"", *, coder: int = 0, colors: int = 2, flags: int = 0,
    tile: bytes = b"", metadata: bytes = b"", palette: bytes | None = None,
) -> bytes:  # fmt: skip
    body = MAGIC + bytes((MAJOR << 4 | MINOR, flags, coder, colors - 1)) + varint(width) + varint(height) + tile
    body += metadata + framed(bytes(colors * 3) if palette is None else palette) + stream
    return body + zlib.crc32(body).to_bytes(4, "little")


def _frame(size: int, blocks: int | None = None) -> bytes:
    """The shortest frame of `size` zeros: blocks that each repeat one byte, with a window of 8 MiB."""
    whole, rest = divmod(size - 1, 1 << 17)
    content = (_RLE + b"\0") * whole + ((rest + 1) << 3 | 3).to_bytes(3, "little") + b"\0"
    return b"\x80\x68" + size.to_bytes(4, "little") + content[: None if blocks is None else 4 * blocks]


def _metadata(header: object, parts: bytes = b"") -> bytes:
    packed = header if isinstance(header, bytes) else msgpack.packb(header)
    return _file(1, 1, colors=1, flags=2, metadata=framed(packed) + framed(parts))


def _many_keywords() -> bytes:
    return _metadata({"text": [[f"{i:x}", 0] for i in range(9000)]})


def _tiles(coder: int, content: bytes) -> bytes:
    count = -(-_SIDE // _ROWS)
    head = _file(_SIDE, _SIDE, coder=coder, colors=256, flags=4, tile=varint(_ROWS) + varint(_SIDE))[:-4]
    return head + pack_index([len(content)] * count, [zlib.crc32(content)] * count, head) + content * count


def _claimed(width: int, height: int, rows: int, columns: int) -> bytes:
    """A file without the index that its sizes claim."""
    return _file(width, height, flags=4, tile=varint(rows) + varint(columns))


def _mix(coder: int, width: int, height: int, content: bytes) -> bytes:
    ramp = np.repeat(np.arange(256), 3).astype(np.uint8).reshape(256, 3)
    palette = np.diff(ramp, axis=0, prepend=np.uint8(0)).T.tobytes()
    return _file(width, height, framed(content), coder=coder, colors=256, palette=palette)


BOMBS: dict[str, Callable[[], bytes]] = {
    "2^28 - 1 x 2^28 - 1 pixels": lambda: _file(2**28 - 1, 2**28 - 1, framed(b"\2\0")),
    "one colour, as many pixels as allowed": lambda: _file(_SIDE, _SIDE, colors=1),
    "zstd: one-block frame for as many pixels": lambda: _file(_SIDE, _SIDE, framed(b"\0" + _frame(_SIDE**2, 1))),
    "zstd: shortest frame of as many pixels": lambda: _file(_SIDE, _SIDE, framed(b"\0" + _frame(_SIDE**2))),
    "zstd: the same, packed": lambda: _file(_SIDE, _SIDE, framed(b"\1" + _frame(_SIDE * -(-_SIDE // 8)))),
    "zstd: frame that holds 1 GiB, for 100 pixels": lambda: _file(10, 10, framed(b"\0" + _frame(1 << 30))),
    "zstd: window of 2 GiB": lambda: _file(10, 10, framed(b"\0\x80\xa8" + (100).to_bytes(4, "little") + bytes(9))),
    "zstd: tiles without indices": lambda: _tiles(0, b"\2"),
    "index: 2^40 tiles that are not there": lambda: _claimed(2**28 - 1, 2**28 - 1, 256, 256),
    "index: 2^24 tiles that are not there": lambda: _claimed(2**28 - 1, 2**24, 1 << 12, 1 << 16),
    "palette: frame that holds 1 GiB": lambda: _file(
        1, 1, colors=256, palette=b"\0" + _frame(1 << 30)[:700], stream=framed(b"\2\0")
    ),
    "palette: set of 256 colours in one byte": lambda: _file(1, 1, framed(b"\2\0"), colors=256, palette=b"\1\0"),
    "metadata: frame that holds 16 MiB": lambda: _metadata({"icc": 1 << 24}, _frame(1 << 24)),
    "metadata: frame that holds 1 GiB": lambda: _metadata({"icc": 1 << 24}, _frame(1 << 30)),
    "metadata: nested arrays of 65535": lambda: _metadata(b"\x81\xa1a" + b"\xdd\0\0\xff\xff" * 13000),
    "metadata: 65000 empty maps": lambda: _metadata(b"\x81\xa1a\xdd\0\0\xfd\xe8" + b"\x80" * 65000),
    "metadata: 9000 keywords": _many_keywords,
}
for _name, _coder in (("mix", 1), ("max", 2)):
    for _byte in (b"\0", b"\xff"):
        BOMBS[f"{_name}: 8192 x 8192 pixels in one byte, {_byte[0]:02X}"] = partial(_mix, _coder, 8192, 8192, _byte)
        BOMBS[f"{_name}: a row of 2^24 pixels in one byte, {_byte[0]:02X}"] = partial(_mix, _coder, 1 << 24, 1, _byte)
    BOMBS[f"{_name}: {-(-_SIDE // _ROWS)} tiles of one byte"] = partial(_tiles, _coder, b"\0")


def main() -> None:
    """Prints the table; given a number, decodes the bomb of this number and prints its figures."""
    names = list(BOMBS)
    if len(sys.argv) > 1:
        data = BOMBS[names[int(sys.argv[1])]]()
        print(len(data), *_decoded(data), sep="|")
        return
    print("| file | bytes | peak memory, MB | processor seconds | outcome |\n|---|---:|---:|---:|---|")
    for number, name in enumerate(names):
        command = [sys.executable, __file__, str(number)]
        done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
        cells = done.stdout.strip().split("|") if done.returncode == 0 else ["", "", "", f"died: {done.stderr[-200:]}"]
        print("|", " | ".join((name, *cells)), "|", flush=True)


def _decoded(data: bytes) -> tuple[str, str, str]:
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    kpal.decode  # noqa: B018  # triggers lazy imports
    before, start = _peak(), time.process_time()
    try:
        decode_indexed(data)
        outcome = "decoded"
    except KpalError as error:
        outcome = f"refused: {str(error).split(' (at byte')[0][:70]}"
    seconds = time.process_time() - start
    return f"{_peak() - before:.0f}", f"{seconds:.3f}", outcome


def _peak() -> float:
    """The peak memory of this process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
