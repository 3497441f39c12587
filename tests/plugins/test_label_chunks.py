"""Chunks of labels come back exactly, whatever their dtype and shape, and damaged ones are errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kpal
from kpal_format import IndexedImage, encode_indexed
from kpal_plugins import label_chunks
from kpal_plugins.label_chunks import decode, encode, planes_of

MAGIC = b"\x8bKPAL"
ZSTD = b"\x28\xb5\x2f\xfd"
DTYPES = [f"{order}{kind}{size}" for kind in "ui" for size in (1, 2, 4, 8) for order in "<>"]


def labels(shape: tuple[int, ...], dtype: str, *, values: int = 20, seed: int = 0) -> NDArray[Any]:
    """Labels spread over all of the dtype that fits into 32 bits."""
    info = np.iinfo(dtype[1] + str(min(int(dtype[2]), 4)))
    random = np.random.default_rng(seed)
    drawn = random.integers(info.min, info.max, values - 2, endpoint=True, dtype=np.int64)
    distinct = np.unique([info.min, info.max, *drawn])
    return random.choice(distinct, shape).astype(dtype)


def returned(values: NDArray[Any], magic: bytes, coder: str = "zstd") -> bytes:
    """The bytes of a chunk that begin with a magic number and decode to the same values."""
    data = encode(values, coder=coder)
    assert data.startswith(magic)
    back = decode(data, values.shape, values.dtype)
    assert back.dtype == values.dtype
    assert np.array_equal(back, values)
    return data


@pytest.mark.parametrize("dtype", DTYPES)
def test_labels_of_every_integer_dtype_are_kept(dtype: str) -> None:
    returned(labels((30, 20), dtype), MAGIC)


@pytest.mark.parametrize("shape", [(), (1,), (50,), (1, 1), (9, 7), (2, 9, 7), (2, 3, 9, 7), (2, 1, 3, 2, 2)])
def test_arrays_of_any_number_of_dimensions_are_stacked_images(shape: tuple[int, ...]) -> None:
    for coder in ("zstd", "mix"):  # frames of so few elements would take long
        info = kpal.inspect(returned(labels(shape, "<i4"), MAGIC, coder))
        planes, height, width = planes_of(shape)
        assert (info.frames, info.height, info.width) == (1, planes * height, width)
        assert info.width == (shape or (1,))[-1]


@pytest.mark.parametrize("coder", kpal.CODERS)
@pytest.mark.parametrize("shape", [(6, 30, 20), (2, 3, 30, 20)])
def test_planes_are_frames_for_coders_that_predict_frames(shape: tuple[int, ...], coder: str) -> None:
    info = kpal.inspect(returned(labels(shape, "<i4"), MAGIC, coder))
    if coder in ("mix", "max"):
        assert (info.frames, info.height, info.width) == (6, 30, 20)
    else:
        assert (info.frames, info.height, info.width) == (1, 180, 20)


def test_few_planes_are_decoded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_chunks, "_GROUP", 1 << 16)
    values = labels((5, 256, 128), "<i4")
    info = kpal.inspect(returned(values, MAGIC, "mix"))
    assert (info.frames, info.tiles) == (5, 3)


def test_booleans_are_kept() -> None:
    returned(labels((30, 20), "<u1") > 100, MAGIC)
    returned(np.ones((5, 5), np.bool_), MAGIC)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (2, 0, 3)])
def test_an_array_without_elements_takes_no_bytes(shape: tuple[int, ...]) -> None:
    assert returned(np.empty(shape, np.int32), b"") == b""
    with pytest.raises(kpal.KpalError):
        decode(b"", (1,), np.dtype(np.int32))


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda a: a[::-1, ::2], lambda a: np.broadcast_to(a[:1], a.shape)]
)
def test_the_layout_in_memory_does_not_matter(layout: Any) -> None:
    values = layout(labels((30, 20), "<i2"))
    assert returned(values, MAGIC) == encode(values.copy("C"), coder="zstd")


@pytest.mark.parametrize("coder", kpal.CODERS)
def test_every_coder_writes_chunks(coder: str) -> None:
    assert kpal.inspect(returned(labels((9, 7), "<u2"), MAGIC, coder)).coder == coder


@pytest.mark.parametrize("far", [1, 1000])
def test_256_values_are_a_kpal_file_and_one_more_is_a_zstandard_frame(far: int) -> None:
    values = (np.arange(512, dtype=np.int32) % 256 - 128).reshape(16, 32) * far
    returned(values, MAGIC)
    values[0, 0] = 128 * far
    returned(values, ZSTD)


@pytest.mark.parametrize(
    ("dtype", "value", "magic"),
    [
        ("u8", 2**32 - 1, MAGIC),
        ("u8", 2**32, ZSTD),
        ("u8", 2**64 - 1, ZSTD),
        ("i8", 2**31 - 1, MAGIC),
        ("i8", 2**31, ZSTD),
        ("i8", -(2**31), MAGIC),
        ("i8", -(2**31) - 1, ZSTD),
        ("i8", -(2**63), ZSTD),
    ],
)
def test_values_beyond_32_bits_are_a_zstandard_frame(dtype: str, value: int, magic: bytes) -> None:
    values = np.zeros((5, 5), dtype)
    values[2, 3] = value
    returned(values, magic)
    returned(np.full((5, 5), value, dtype), magic)


def test_the_bytes_of_a_palette_entry_are_the_value() -> None:
    values = np.array([[-2, 0x01020304, 5]], np.int64)
    palette = kpal.decode_indexed(encode(values, coder="zstd")).palette
    assert {tuple(entry) for entry in palette.tolist()} == {(254, 255, 255, 255), (4, 3, 2, 1), (5, 0, 0, 0)}


def test_a_long_row_is_one_image() -> None:
    returned(np.repeat(np.arange(200, dtype=np.uint8), 5000), MAGIC)


def test_a_region_is_decoded_alone() -> None:
    values = labels((40, 30), "<i4")
    data = encode(values, coder="zstd")
    part = decode(data, values.shape, values.dtype, (5, 10, 25, 20))
    assert np.array_equal(part[10:20, 5:25], values[10:20, 5:25])


@pytest.mark.parametrize("coder", ["zstd", "mix"])
@pytest.mark.parametrize("rows", [(0, 20), (25, 30), (20, 40), (15, 50), (99, 100), (0, 100)])
def test_a_region_of_planes_is_decoded_alone(rows: tuple[int, int], coder: str) -> None:
    values = labels((5, 20, 30), "<i4")
    data = encode(values, coder=coder)
    y0, y1 = rows
    part = decode(data, values.shape, values.dtype, (5, y0, 25, y1)).reshape(100, 30)
    assert np.array_equal(part[y0:y1, 5:25], values.reshape(100, 30)[y0:y1, 5:25])


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, "S3", "U3", "M8[s]", object, [("a", "i4")]])
def test_what_is_no_label_is_refused(dtype: Any) -> None:
    with pytest.raises(TypeError, match="integers or booleans"):
        encode(np.zeros((2, 2), dtype), coder="zstd")
    with pytest.raises(TypeError, match="integers or booleans"):
        decode(b"", (2, 2), np.dtype(dtype))


# --- damaged chunks


@pytest.mark.parametrize(
    ("values", "coder"),
    [
        (labels((9, 7), "<i4"), "zstd"),
        (np.arange(600, dtype="<i4").reshape(30, 20), "zstd"),
        (np.repeat(labels((3, 4, 4), "<i4", values=4), 16, axis=2).repeat(4, axis=1), "mix"),
    ],
    ids=["image", "Zstandard", "planes"],
)
def test_no_prefix_and_no_changed_chunk_decodes_to_other_values(values: NDArray[Any], coder: str) -> None:
    data = encode(values, coder=coder)
    for size in range(len(data)):
        with pytest.raises(kpal.KpalError):
            decode(data[:size], values.shape, values.dtype)
    with pytest.raises(kpal.KpalError):
        decode(data + b"\0", values.shape, values.dtype)
    for position in range(len(data)):
        with pytest.raises(kpal.KpalError):
            decode(data[:position] + bytes((data[position] ^ 4,)) + data[position + 1 :], values.shape, values.dtype)


@pytest.mark.parametrize("shape", [(), (9,), (7, 9), (63,), (9, 8), (2, 9, 7), (10**6, 10**6)])
def test_a_chunk_of_another_shape_is_refused_before_it_is_decoded(shape: tuple[int, ...]) -> None:
    values = np.arange(63, dtype=np.int64).reshape(9, 7)
    with pytest.raises(kpal.DamagedError, match="holds 9 x 7 values instead of"):
        decode(encode(values, coder="zstd"), shape, values.dtype)


@pytest.mark.parametrize("shape", [(), (9,), (9, 8), (2, 9, 7), (10**6, 10**6)])
def test_a_frame_of_another_size_is_refused_before_it_is_decompressed(shape: tuple[int, ...]) -> None:
    values = np.arange(63, dtype=np.int64).reshape(9, 7) << 40
    with pytest.raises(kpal.DamagedError, match=r"not a Zstandard frame of|cannot hold a chunk of 8000000000000 bytes"):
        decode(encode(values, coder="zstd"), shape, values.dtype)


@pytest.mark.parametrize(
    ("palette", "dtype", "message"),
    [
        ([[255, 0, 0, 0], [0, 1, 0, 0]], np.uint8, "the value 256, which uint8 cannot"),
        ([[2, 0, 0, 0], [1, 0, 0, 0]], np.bool_, "the value 2, which bool cannot"),
        ([[255, 255, 255, 127], [127, 255, 255, 255]], np.int8, "the value 2147483647, which int8 cannot"),
        ([[1, 2, 3], [4, 5, 6]], np.uint8, "the chunk is a picture"),
    ],
)
def test_values_that_the_dtype_cannot_hold_are_damage(palette: Any, dtype: Any, message: str) -> None:
    image = IndexedImage(np.array([[0, 1]], np.uint8), np.array(palette, np.uint8))
    with pytest.raises(kpal.DamagedError, match=message):
        decode(encode_indexed(image), (1, 2), np.dtype(dtype))


def test_a_chunk_of_another_kind_is_refused() -> None:
    with pytest.raises(kpal.DamagedError, match=r"neither a \.kpal file nor a Zstandard frame"):
        decode(b"\x89PNG\r\n\x1a\n", (2, 2), np.dtype(np.uint8))
