"""What reads through Pillow reads the format once kpal is imported, with no further work."""

from __future__ import annotations

import io
import mimetypes
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import imageio.v2
import imageio.v3
import matplotlib.pyplot
import numpy as np
import pytest
import skimage.io

import kpal

from ..images import gradient, random_indexed

OPAQUE = random_indexed(13, 17, 40)
TRANSLUCENT = random_indexed(13, 17, 40, 4)


def one_clear_entry() -> kpal.IndexedImage:
    """An image all of whose colours are opaque, but one, which is clear."""
    alpha = np.full(40, 255, np.uint8)
    alpha[7] = 0
    return kpal.IndexedImage(OPAQUE.indices, np.column_stack((OPAQUE.palette, alpha)))


IMAGES = pytest.mark.parametrize(
    "image", [OPAQUE, TRANSLUCENT, one_clear_entry()], ids=["opaque", "translucent", "one clear entry"]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "image.kpal"


@IMAGES
@pytest.mark.parametrize("read", [imageio.v2.imread, imageio.v3.imread, skimage.io.imread])
def test_images_are_read_with_their_alpha(image: kpal.IndexedImage, read: object, path: Path) -> None:
    path.write_bytes(kpal.encode(image))
    assert np.array_equal(read(path), image.pixels())  # type: ignore[operator]


@IMAGES
def test_imageio_describes_what_it_reads(image: kpal.IndexedImage, path: Path) -> None:
    path.write_bytes(kpal.encode(image, metadata=kpal.Metadata(density=(3780, 3780))))
    assert imageio.v3.improps(path).shape == image.pixels().shape
    assert imageio.v3.immeta(path)["dpi"] == pytest.approx((96, 96), rel=1e-3)
    assert np.array_equal(imageio.v3.imread(path, mode="P"), image.indices)


def test_imageio_writes_by_name_and_by_extension(path: Path) -> None:
    imageio.v3.imwrite(path, gradient(), colors=20)
    expected = kpal.encode(gradient(), colors=20)
    assert path.read_bytes() == expected
    assert imageio.v3.imwrite("<bytes>", gradient(), extension=".kpal", colors=20) == expected
    file = io.BytesIO()
    imageio.v3.imwrite(file, gradient(), extension=".kpal", colors=20)
    assert file.getvalue() == expected
    imageio.v2.imwrite(path, TRANSLUCENT.pixels())
    assert np.array_equal(kpal.decode(path.read_bytes()), TRANSLUCENT.pixels())


def test_several_frames_are_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="one picture"):
        imageio.v3.imwrite(path, np.stack([gradient()] * 2))


def test_scikit_image_writes(path: Path) -> None:
    skimage.io.imsave(path, OPAQUE.pixels(), check_contrast=False)
    assert np.array_equal(kpal.decode(path.read_bytes()), OPAQUE.pixels())


def test_matplotlib_reads(path: Path) -> None:
    path.write_bytes(kpal.encode(TRANSLUCENT))
    assert np.array_equal(matplotlib.pyplot.imread(path), TRANSLUCENT.pixels())


def test_mimetypes_knows_the_format_in_both_directions() -> None:
    assert mimetypes.guess_type("a/b.kpal") == ("image/x-kpal", None)
    assert mimetypes.guess_extension("image/x-kpal") == ".kpal"


def test_worker_processes_that_start_afresh_read_the_format_with_one_initializer(path: Path) -> None:
    path.write_bytes(kpal.encode(TRANSLUCENT))
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=start, initializer=kpal.register) as pool:
        assert np.array_equal(pool.submit(imageio.v3.imread, path).result(), TRANSLUCENT.pixels())
