"""What reads through Pillow reads the format once kpal is imported, with no further work."""

from __future__ import annotations

import io
import mimetypes
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import imageio.v2
import imageio.v3
import matplotlib.pyplot
import numpy as np
import pytest
import skimage.io

import kpal

from ..images import gradient, moving, random_indexed

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


def stack(channels: int = 3) -> np.ndarray:
    """The frames of an animation, of which some pixels are translucent but none are clear."""
    frames = list(moving(5, 40, 60, 30, channels))
    return np.stack([frame.pixels() | np.array([0, 0, 0, 1][:channels], np.uint8) for frame in frames])


@pytest.mark.parametrize("channels", [3, 4])
def test_imageio_reads_frames(channels: int, path: Path) -> None:
    frames = stack(channels)
    path.write_bytes(kpal.encode_frames(frames, durations=[50, 100, 200, 120, 80], loop=3))
    assert np.array_equal(imageio.v3.imread(path), frames[0])
    assert np.array_equal(skimage.io.imread(path), frames[0])
    assert np.array_equal(imageio.v3.imread(path, index=3), frames[3])
    assert np.array_equal(imageio.v3.imread(path, index=...), frames)  # type: ignore[arg-type]
    assert np.array_equal(list(imageio.v3.imiter(path)), frames)
    assert np.array_equal(imageio.v2.mimread(path), frames)
    reader: Any
    with imageio.v2.get_reader(path) as reader:
        assert len(reader) == 5
        assert np.array_equal(reader.get_data(4), frames[4])
        assert np.array_equal(list(reader), frames)
    with pytest.raises(EOFError):
        imageio.v3.imread(path, index=5)


def test_imageio_describes_frames(path: Path) -> None:
    path.write_bytes(kpal.encode_frames(stack(), durations=[50, 100, 200, 120, 80], loop=3))
    every = imageio.v3.improps(path, index=...)  # type: ignore[arg-type]
    assert (every.shape, every.n_images, every.is_batch) == ((5, 40, 60, 3), 5, True)
    assert imageio.v3.improps(path, index=2).shape == (40, 60, 3)
    assert [imageio.v3.immeta(path, index=index)["duration"] for index in range(5)] == [50, 100, 200, 120, 80]
    assert imageio.v3.immeta(path)["loop"] == 3


def written_frame_by_frame(path: Path, frames: np.ndarray) -> None:
    writer: Any
    with imageio.v2.get_writer(path, duration=40, loop=2) as writer:
        for frame in frames:
            writer.append_data(frame)


@pytest.mark.parametrize(
    "write",
    [
        lambda path, frames: imageio.v3.imwrite(path, frames, duration=40, loop=2),
        lambda path, frames: imageio.v3.imwrite(path, list(frames), duration=[40] * 5, loop=2),
        lambda path, frames: imageio.v2.mimwrite(path, list(frames), duration=40, loop=2),
        lambda path, frames: path.write_bytes(
            imageio.v3.imwrite("<bytes>", frames, extension=".kpal", duration=40, loop=2)
        ),
        written_frame_by_frame,
    ],
    ids=["v3, array", "v3, list", "v2", "bytes", "one by one"],
)
@pytest.mark.parametrize("channels", [3, 4])
def test_imageio_writes_frames(write: Callable[[Path, np.ndarray], object], channels: int, path: Path) -> None:
    frames = stack(channels)
    write(path, frames)
    assert path.read_bytes() == kpal.encode_frames(frames, durations=40, loop=2)


@pytest.mark.filterwarnings("ignore:The keyword `fps`:DeprecationWarning")
def test_imageio_s_old_frames_per_second_are_heeded(path: Path) -> None:
    imageio.v2.mimwrite(path, list(stack()), fps=20)
    assert kpal.inspect(path.read_bytes()).durations == (50,) * 5


def test_one_frame_that_imageio_writes_is_a_still_image(path: Path) -> None:
    imageio.v3.imwrite(path, stack()[:1])
    assert path.read_bytes() == kpal.encode(stack()[0])


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
