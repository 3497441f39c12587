"""What reads through Pillow reads the format once kpal is imported, with no further work."""

from __future__ import annotations

from pathlib import Path

import imageio.v3
import matplotlib.pyplot
import numpy as np
import pytest
import skimage.io

import kpal

from ..images import gradient, random_indexed

OPAQUE = random_indexed(13, 17, 40)
TRANSLUCENT = random_indexed(13, 17, 40, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "image.kpal"
    path.write_bytes(kpal.encode(OPAQUE))
    return path


def test_imageio_reads_and_writes(path: Path) -> None:
    assert np.array_equal(imageio.v3.imread(path), OPAQUE.pixels())
    imageio.v3.imwrite(path, gradient(), colors=20)
    assert path.read_bytes() == kpal.encode(gradient(), colors=20)


def test_imageio_reads_alpha(path: Path) -> None:
    path.write_bytes(kpal.encode(TRANSLUCENT))
    assert np.array_equal(imageio.v3.imread(path, mode="RGBA"), TRANSLUCENT.pixels())


def test_scikit_image_reads_and_writes(path: Path) -> None:
    assert np.array_equal(skimage.io.imread(path), OPAQUE.pixels())
    skimage.io.imsave(path, OPAQUE.pixels(), check_contrast=False)
    assert np.array_equal(kpal.decode(path.read_bytes()), OPAQUE.pixels())


def test_matplotlib_reads(path: Path) -> None:
    path.write_bytes(kpal.encode(TRANSLUCENT))
    assert np.array_equal(matplotlib.pyplot.imread(path), TRANSLUCENT.pixels())
