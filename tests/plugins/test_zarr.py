"""Zarr stores arrays of labels with the codec "kpal.labels", in format 3, and with "kpal" in format 2."""

from __future__ import annotations

import asyncio
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, TransposeCodec
from zarr.registry import get_codec_class

import kpal
from kpal_format import container
from kpal_format.coders import zstd
from kpal_plugins import label_chunks
from kpal_plugins.numcodecs import Kpal
from kpal_plugins.zarr import KpalCodec

from .test_label_chunks import DTYPES, labels

Store = dict[str, Any]  # which Zarr takes for a store in memory

FAST = KpalCodec(coder="zstd")
SHAPES = [((), ()), ((50,), (16,)), ((30, 40), (16, 16)), ((3, 30, 20), (2, 16, 16)), ((2, 2, 9, 9), (1, 2, 9, 4))]


def stored(values: NDArray[Any], chunks: tuple[int, ...] | None = None, **options: Any) -> Store:
    """A store that holds the values, by default in one chunk."""
    options = {"serializer": FAST, "compressors": None, **options}
    store: Store = {}
    array = zarr.create_array(store, shape=values.shape, dtype=values.dtype, chunks=chunks or values.shape, **options)
    array[...] = values
    return store


def opened(store: Store) -> Any:
    return zarr.open_array(store, mode="r")


def test_there_is_one_codec_of_each_kind_and_it_needs_no_arguments() -> None:
    for group, name, codec in (("zarr.codecs", "kpal.labels", KpalCodec), ("numcodecs.codecs", "kpal", Kpal)):
        (found,) = (entry for entry in entry_points(group=group) if "kpal" in entry.value)
        assert found.name == name
        assert found.load() is codec
        codec()
    assert get_codec_class("kpal.labels") is KpalCodec


@pytest.mark.parametrize("coder", kpal.CODERS)
def test_the_configuration_names_the_coder(coder: str) -> None:
    codec = KpalCodec(coder=coder)
    assert codec.to_dict() == {"name": "kpal.labels", "configuration": {"coder": coder}}
    assert KpalCodec.from_dict(codec.to_dict()) == codec
    assert KpalCodec.from_dict({"name": "kpal.labels"}) == KpalCodec()
    store = stored(labels((9, 7), "<i4"), serializer=codec)
    assert opened(store).metadata.codecs == (codec,)
    assert kpal.inspect(store["c/0/0"].to_bytes()).coder == coder


@pytest.mark.parametrize("configuration", [{"coder": "lzw"}, {"coder": 5}, {"level": 5}])
def test_a_wrong_configuration_is_refused(configuration: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"unknown coder|unexpected keyword"):
        KpalCodec.from_dict({"name": "kpal.labels", "configuration": configuration})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "chunks"), SHAPES)
def test_arrays_of_every_dtype_and_shape_come_back(dtype: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    values = labels(shape, dtype)
    found = opened(stored(values, chunks))[...]
    assert np.array_equal(found, values)
    assert found.dtype.newbyteorder("=") == values.dtype.newbyteorder("=")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_format_2_come_back(dtype: str, order: str) -> None:
    for shape, chunks in SHAPES:
        values = labels(shape, dtype)
        options = {"serializer": "auto", "compressors": Kpal("zstd"), "zarr_format": 2, "order": order}
        array = opened(stored(values, chunks, **options))
        assert np.array_equal(array[...], values)
        assert array.metadata.compressor == Kpal("zstd")


def test_booleans_come_back() -> None:
    values = labels((30, 40), "<u1") > 100
    assert np.array_equal(opened(stored(values, (16, 16)))[...], values)


def test_chunks_that_were_never_written_have_the_fill_value() -> None:
    store: Store = {}
    array = zarr.create_array(store, shape=(8, 8), chunks=(4, 4), dtype="i2", serializer=FAST, fill_value=-7)
    array[:3, :3] = 5
    assert opened(store)[:, :].tolist() == [[5] * 3 + [-7] * 5] * 3 + [[-7] * 8] * 5


def test_chunks_within_shards_come_back_and_can_be_changed() -> None:
    values = labels((64, 64), "<i4")
    store = stored(values, (16, 16), shards=(32, 32), serializer={"name": "kpal.labels"})
    array = zarr.open_array(store, mode="r+")
    array[3:20, 5:40] = values[3:20, 5:40] = 7
    assert np.array_equal(opened(store)[...], values)


def test_other_codecs_may_come_before_and_after() -> None:
    values = labels((20, 30), "<i4")
    filters = [TransposeCodec(order=(1, 0))]
    store = stored(values, (16, 16), filters=filters, compressors=[Crc32cCodec()])
    assert np.array_equal(opened(store)[3:9, 5], values[3:9, 5])


SELECTIONS: list[Any] = [
    (slice(3, 7), slice(None)),
    (5, 6),
    (slice(None, None, 7), slice(2, 30, 5)),
    (slice(4, 4), slice(None)),
    (-1, slice(-3, None)),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
@pytest.mark.parametrize("stack", [(), (3,), (2, 3)])
def test_parts_of_chunks_come_back(selection: Any, stack: tuple[int, ...]) -> None:
    values = labels((*stack, 30, 40), "<i4")
    array = opened(stored(values, (*stack, 25, 25)))
    for leading in (0, slice(1, 3), slice(None)):
        index = (*(leading for _ in stack), *selection)
        assert np.array_equal(array[index], values[index])


def test_lists_masks_and_coordinates_select_parts_of_chunks() -> None:
    values = labels((30, 40), "<i4")
    array = opened(stored(values, (25, 25)))
    rows, columns = [1, 5, 28], [39, 2, 3]
    assert np.array_equal(array.vindex[rows, columns], values[rows, columns])
    assert np.array_equal(array.oindex[rows, [2, 3]], values[np.ix_(rows, [2, 3])])
    assert np.array_equal(array.vindex[values > 0], values[values > 0])
    assert np.array_equal(array.oindex[np.array([], int), :], values[[], :])


def test_only_the_tiles_that_hold_the_part_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_TILE", 1 << 16)
    values = labels((2, 512, 512), "<i4", values=9)
    store = stored(values)
    decoded: list[tuple[int, int]] = []
    decoder = zstd.decoder

    def counting(data: bytes, shape: tuple[int, int, int], *rest: Any, **options: Any) -> Any:
        decoded.append(shape[1:])
        return decoder(data, shape, *rest, **options)

    monkeypatch.setattr(zstd, "decoder", counting)
    assert np.array_equal(opened(store)[1, 200:210, 100:103], values[1, 200:210, 100:103])
    assert sum(rows * columns for rows, columns in decoded) <= 1 << 16


def test_coding_does_not_block_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loops = []

    def noting(work: Any) -> Any:
        def noted(*args: Any, **kwargs: Any) -> Any:
            loops.append(asyncio._get_running_loop())
            return work(*args, **kwargs)

        return noted

    for name in ("encode", "decode"):
        monkeypatch.setattr(label_chunks, name, noting(getattr(label_chunks, name)))
    assert opened(stored(labels((9, 7), "<i4")))[...].shape == (9, 7)
    assert loops == [None, None]


def test_arrays_of_anything_but_labels_are_refused_when_they_are_created() -> None:
    for dtype in ("f4", "c8", "M8[s]"):
        with pytest.raises(TypeError, match="integers or booleans"):
            zarr.create_array({}, shape=(4,), dtype=dtype, serializer=KpalCodec())


def test_a_damaged_chunk_is_an_error() -> None:
    store = stored(labels((9, 7), "<i4"))
    data = store["c/0/0"].to_bytes()
    for wrong in (
        data[:-1],
        data[:20] + b"?" + data[21:],
        b"",
        b"\x28\xb5\x2f\xfd",
        kpal.encode(np.zeros((9, 7), "u1")),
    ):
        store["c/0/0"] = zarr.core.buffer.cpu.Buffer.from_bytes(wrong)
        with pytest.raises(kpal.KpalError):
            opened(store)[...]
        with pytest.raises(kpal.KpalError):
            opened(store)[2, 3]


def test_dask_and_xarray_read_and_write_the_arrays() -> None:
    dask = pytest.importorskip("dask.array", reason="Dask is not installed")
    values = labels((30, 40), "<i4")
    assert np.array_equal(dask.from_zarr(opened(stored(values, (16, 16)))).compute(), values)
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    store: Store = {}
    encoding = {"labels": {"serializer": FAST, "compressors": None, "chunks": (16, 16)}}
    xarray.Dataset({"labels": (("y", "x"), values)}).to_zarr(store, encoding=encoding, consolidated=False)
    assert zarr.open_array(store, path="labels").metadata.codecs == (FAST,)  # type: ignore[union-attr]
    found = xarray.open_zarr(store, consolidated=False)["labels"]
    assert np.array_equal(found.values, values)
