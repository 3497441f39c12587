"""numcodecs stores arrays of labels with the codec "kpal"."""

from __future__ import annotations

import pickle
import struct
import zlib
from typing import Any

import numcodecs
import numpy as np
import pytest
from numpy.typing import NDArray

import kpal
from kpal_plugins.numcodecs import Kpal

from .test_label_chunks import DTYPES, labels

FAST = Kpal("zstd")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (50,), (9, 7), (2, 9, 7), (2, 2, 9, 7)])
def test_arrays_come_back_with_their_dtype_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    values = labels(shape, dtype)
    data = FAST.encode(values)
    found = FAST.decode(data)
    assert found.dtype == values.dtype
    assert np.array_equal(found, values)
    assert np.frombuffer(found, values.dtype).tolist() == values.reshape(-1).tolist()
    out = np.empty_like(values)
    assert FAST.decode(memoryview(data), out=out) is out
    assert np.array_equal(out, values)


@pytest.mark.parametrize("values", [labels((9, 7), "<i4") > 0, np.arange(600, dtype=">u8").reshape(30, 20) << 30])
def test_booleans_and_arrays_of_many_values_come_back(values: NDArray[Any]) -> None:
    found = FAST.decode(FAST.encode(values))
    assert found.dtype == values.dtype
    assert np.array_equal(found, values)


def test_the_order_in_memory_comes_back_as_of_other_codecs() -> None:
    values = np.asfortranarray(labels((9, 7), "<i4"))
    found = FAST.decode(FAST.encode(values))
    assert found.flags.f_contiguous
    assert found.tobytes("A") == numcodecs.Zlib().decode(numcodecs.Zlib().encode(values))
    assert np.array_equal(FAST.decode(FAST.encode(values[::2, ::-1])), values[::2, ::-1])


def test_bytes_are_labels() -> None:
    assert bytes(FAST.decode(FAST.encode(b"some bytes"))) == b"some bytes"


@pytest.mark.parametrize("coder", kpal.CODERS)
def test_the_configuration_names_the_coder(coder: str) -> None:
    codec = Kpal(coder=coder)
    assert codec.get_config() == {"id": "kpal", "coder": coder}
    assert numcodecs.get_codec(codec.get_config()) == codec
    assert numcodecs.get_codec({"id": "kpal"}) == Kpal()
    assert pickle.loads(pickle.dumps(codec)) == codec
    with pytest.raises(ValueError, match="unknown coder"):
        Kpal("lzw")


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.zeros(3, "M8[s]"), np.array(["a"], object)])
def test_what_is_no_label_is_refused(values: NDArray[Any]) -> None:
    with pytest.raises(TypeError, match="integers or booleans"):
        FAST.encode(values)


def test_more_elements_than_can_be_read_are_refused_when_written() -> None:
    with pytest.raises(ValueError, match="a chunk has at most"):
        FAST.encode(np.broadcast_to(np.uint8(0), (20_000, 20_000)))


def test_no_damaged_chunk_comes_back_as_another_array() -> None:
    data = FAST.encode(labels((9, 7), "<i4"))
    for size in range(len(data)):
        with pytest.raises(kpal.KpalError):
            FAST.decode(data[:size])
    for position in range(len(data)):
        with pytest.raises(kpal.KpalError):
            FAST.decode(data[:position] + bytes((data[position] ^ 4,)) + data[position + 1 :])


@pytest.mark.parametrize(
    ("head", "error", "message"),
    [
        (b"<f4C\x02" + struct.pack("<2I", 9, 7), kpal.DamagedError, "does not begin with the dtype"),
        (b"01iC\x02" + struct.pack("<2I", 9, 7), kpal.DamagedError, "does not begin with the dtype"),
        (b"<i4C\x04" + struct.pack("<4I", 0, *[2**32 - 1] * 3), kpal.LimitError, "the limit is"),
        (b"xyzC\x02" + struct.pack("<2I", 9, 7), kpal.DamagedError, "does not begin with the dtype"),
        (b"\xff\xff\xffC\x02" + struct.pack("<2I", 9, 7), kpal.DamagedError, "does not begin with the dtype"),
        (b"<i4A\x02" + struct.pack("<2I", 9, 7), kpal.DamagedError, "does not begin with the dtype"),
        (b"<i4C\x21" + struct.pack("<33I", *[1] * 33), kpal.DamagedError, "does not begin with the dtype"),
        (b"<i4C\x02" + struct.pack("<2I", 9, 8), kpal.DamagedError, "holds 9 x 7 values instead of 9 x 8"),
        (b"<i4C\x02" + struct.pack("<2I", 2**31, 2**31), kpal.LimitError, "the limit is"),
        (b"<i4C\xff", kpal.TruncatedError, "ends in its head"),
    ],
)
def test_a_damaged_head_is_an_error(head: bytes, error: type[Exception], message: str) -> None:
    chunk = FAST.encode(labels((9, 7), "<i4"))[17:]
    assert chunk.startswith(b"\x8bKPAL")
    with pytest.raises(error, match=message):
        FAST.decode(head + (b"" if error is kpal.TruncatedError else zlib.crc32(head).to_bytes(4, "little") + chunk))
