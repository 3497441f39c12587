"""How much a pixel counts: by the definition, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kpal.quantizer.masking import activity, flatness

U8 = NDArray[np.uint8]


def luma(pixel: list[int]) -> int:
    red, green, blue, *alpha = pixel
    opaque = (54 * red + 183 * green + 19 * blue) // 256
    return int((opaque * alpha[0] + 128 * (255 - alpha[0])) // 255 if alpha else opaque)


def activity_by_definition(pixels: U8) -> list[list[int]]:
    """For each pixel the differences of luma to its four neighbours; of these the sums over 3 x 3 pixels.

    Beyond an edge lies the pixel at the edge once more.
    """
    height, width = len(pixels), int(pixels.shape[1])
    grays: list[list[int]] = [[luma(pixel) for pixel in row] for row in pixels.tolist()]

    def at(values: list[list[int]], y: int, x: int) -> int:
        return values[min(max(y, 0), height - 1)][min(max(x, 0), width - 1)]

    def busy(y: int, x: int) -> int:
        return sum(abs(grays[y][x] - at(grays, y + dy, x + dx)) for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)))

    own = [[busy(y, x) for x in range(width)] for y in range(height)]
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return [[sum(at(own, y + dy, x + dx) for dy, dx in around) for x in range(width)] for y in range(height)]


def noise(height: int, width: int, channels: int) -> U8:
    return np.random.default_rng(1).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("shape", [(9, 13), (1, 7), (7, 1), (2, 2), (1, 1)])
def test_activity_is_the_sum_of_differences_to_neighbours_over_3_by_3_pixels(
    shape: tuple[int, int], channels: int
) -> None:
    pixels = noise(*shape, channels)
    assert activity(pixels).tolist() == activity_by_definition(pixels)


@pytest.mark.parametrize(("channels", "half_at"), [(3, 8), (4, 48)])
def test_the_weight_falls_by_half_at_a_certain_mean_difference(channels: int, half_at: int) -> None:
    pixels = noise(30, 40, channels)
    pixels[:, :20, :3] //= 8
    mean_difference = activity(pixels) / 36
    assert np.array_equal(flatness(pixels), np.floor(255 / (1 + mean_difference / half_at) + 0.5))


def test_a_pixel_of_a_flat_area_has_the_full_weight_and_one_of_the_busiest_still_counts() -> None:
    assert (flatness(np.full((5, 5, 3), 90, np.uint8)) == 255).all()
    checkers = np.where(np.indices((6, 6)).sum(axis=0)[:, :, None] % 2, np.uint8(255), np.zeros(3, np.uint8))
    assert activity(checkers)[2:-2, 2:-2].tolist() == [[36 * 255] * 2] * 2
    assert flatness(checkers).min() == round(255 / (1 + 255 / 8))
    assert flatness(checkers).min() > 0
