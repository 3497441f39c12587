"""Arrays of other libraries are pixels wherever numpy's are."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kpal
from kpal_format import U8

from .images import gradient, soft_icon


class Wrapper:
    """An object that has one of the protocols of arrays, and nothing else of an array."""

    def __init__(self, pixels: U8, *names: str) -> None:
        self._pixels = pixels
        for name in names:
            setattr(self, name, getattr(pixels, name))


class OwnArray:
    def __init__(self, pixels: Any) -> None:
        self._pixels = pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._pixels


class OnlyDLPack:
    def __init__(self, pixels: U8) -> None:
        self._pixels = pixels

    def __dlpack__(self, **options: Any) -> Any:
        return self._pixels.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._pixels.__dlpack_device__()


def of(module: str, make: Callable[[Any, U8], Any]) -> Callable[[U8], Any]:
    """Makes the array of a library, or skips the test without the library."""
    return lambda pixels: make(pytest.importorskip(module, reason=f"{module} is not installed"), pixels)


LIKES = pytest.mark.parametrize(
    "like",
    [
        pytest.param(OwnArray, id="__array__"),
        pytest.param(lambda pixels: Wrapper(pixels, "__array_interface__"), id="__array_interface__"),
        pytest.param(OnlyDLPack, id="__dlpack__"),
        pytest.param(memoryview, id="memoryview"),
        pytest.param(of("torch", lambda torch, pixels: torch.from_numpy(pixels)), id="PyTorch"),
        pytest.param(of("xarray", lambda xarray, pixels: xarray.DataArray(pixels)), id="xarray"),
        pytest.param(of("dask.array", lambda dask, pixels: dask.from_array(pixels, chunks=20)), id="Dask"),
        pytest.param(of("zarr", lambda zarr, pixels: zarr.array(pixels)), id="Zarr"),
    ],
)


@LIKES
@pytest.mark.parametrize("pixels", [gradient(), soft_icon(), gradient()[:, :, 0].copy()], ids=["rgb", "rgba", "gray"])
def test_array_likes_are_encoded_as_their_values_are(like: Callable[[U8], Any], pixels: U8) -> None:
    assert kpal.encode(like(pixels), colors=9, speed="fast") == kpal.encode(pixels, colors=9, speed="fast")


@LIKES
def test_array_likes_are_pixels_everywhere(like: Callable[[U8], Any]) -> None:
    pixels = gradient()
    image = kpal.quantize(pixels, 9, speed="fast")
    assert np.array_equal(kpal.quantize(like(pixels), 9, speed="fast").indices, image.indices)
    shared = kpal.shared_palette([pixels, soft_icon()], 9, speed="fast")
    assert np.array_equal(kpal.shared_palette([like(pixels), soft_icon()], 9, speed="fast"), shared)
    file = io.BytesIO()
    with kpal.open_writer(file, 64, 48, palette=image.palette) as writer:
        writer.write(like(pixels))
    assert file.getvalue() == kpal.encode(pixels, palette=image.palette)


@LIKES
def test_one_array_like_is_not_several_images(like: Callable[[U8], Any]) -> None:
    with pytest.raises(TypeError, match="images must be several"):
        kpal.shared_palette(like(gradient()))


@LIKES
def test_a_dtype_without_a_range_is_refused_as_of_numpy(like: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="must be uint8, uint16 or bool, not float32"):
        kpal.encode(like(np.zeros((4, 4, 3), np.float32)))


def test_a_masked_array_behind_an_array_like_is_refused() -> None:
    with pytest.raises(TypeError, match="masked"):
        kpal.encode(OwnArray(np.ma.zeros((4, 4), np.uint8)))


class OnAGpu:
    def __array__(self) -> Any:
        raise RuntimeError("copy it to the CPU first")


def test_the_reason_why_a_library_does_not_hand_out_its_values_is_told() -> None:
    with pytest.raises(TypeError, match="numpy cannot convert this OnAGpu: copy it to the CPU first"):
        kpal.encode(OnAGpu())


def test_tensors_that_require_gradients_are_refused_with_advice() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(TypeError, match="detach"):
        kpal.encode(torch.zeros(4, 4, requires_grad=True))
