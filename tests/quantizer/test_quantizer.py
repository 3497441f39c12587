"""Pixels to indexed images: exact where that is possible, the nearest colours where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import kpal
from kpal import IndexedImage, Metadata
from kpal.clustering.opacity import is_opaque
from kpal.color.spaces import STEPS, Geometry, cube_root, linear, mean_colors, to_points
from kpal.quantizer import make_blue_noise
from kpal.quantizer.dithering import blue_noise, ordered
from kpal.quantizer.histogram import Histogram
from kpal.quantizer.space_choice import geometry_of, simple_geometry, suited_geometry

from ..images import METADATA, gradient, pillow, random_indexed, soft_icon, squared_error


def composite_error(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean squared error of what is seen over black and over white."""
    error = 0.0
    for level in (0, 255):
        seen = [p[..., :3] * (p[..., 3:] / 255) + level * (1 - p[..., 3:] / 255) for p in (a, b)]
        error += float(np.square(seen[0] - seen[1]).sum(axis=-1).mean()) / 2
    return error


# --- exact


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (19, 23)])
@pytest.mark.parametrize("colors", [1, 2, 3, 16, 17, 256])
def test_images_of_few_colours_come_back_exactly(colors: int, shape: tuple[int, int], channels: int) -> None:
    pixels = random_indexed(*shape, colors, channels).pixels()
    decoded = kpal.decode(kpal.encode(pixels, colors=colors, exact=True))
    assert np.array_equal(decoded[..., :channels], pixels)


def test_colours_hidden_under_alpha_0_survive_when_asked_to() -> None:
    pixels = np.array([[[1, 2, 3, 0], [200, 100, 0, 0], [9, 9, 9, 255]]], np.uint8)
    assert np.array_equal(kpal.decode(kpal.encode(pixels, exact=True)), pixels)
    assert kpal.quantize(pixels).palette.tolist() == [[0, 0, 0, 0], [9, 9, 9, 255]]


def test_a_fully_transparent_image_of_many_hidden_colours_becomes_one_colour() -> None:
    pixels = np.dstack((gradient(), np.zeros((48, 64), np.uint8)))
    image = kpal.quantize(pixels)
    assert image.palette.tolist() == [[0, 0, 0, 0]]


def test_alpha_that_is_255_throughout_is_not_stored() -> None:
    pixels = random_indexed(5, 5, 9).pixels()
    opaque = np.dstack((pixels, np.full((5, 5), 255, np.uint8)))
    assert kpal.encode(opaque) == kpal.encode(pixels)


def test_the_palette_holds_each_colour_once_and_only_those_in_use() -> None:
    image = kpal.quantize(random_indexed(30, 30, 40).pixels())
    assert len(np.unique(image.palette, axis=0)) == len(image.palette) == 40
    for colors in (5, 33, 256):
        image = kpal.quantize(gradient(), colors)
        assert len(np.unique(image.palette, axis=0)) == len(image.palette) <= colors
        assert set(np.unique(image.indices)) == set(range(len(image.palette)))


# --- nearest


@pytest.mark.parametrize("pixels", [gradient(), soft_icon()], ids=["rgb", "rgba"])
def test_every_pixel_gets_the_nearest_colour_of_the_palette(pixels: NDArray[np.uint8]) -> None:
    image = kpal.quantize(pixels, 24)
    geometry: Geometry = "oklab" if pixels.shape[2] == 3 else "rgb"
    points = to_points(pixels.reshape(-1, pixels.shape[2]), geometry)
    distances = np.square(points[:, None] - to_points(image.palette, geometry)[None]).sum(axis=2)
    assert np.array_equal(image.indices.reshape(-1), distances.argmin(axis=1))


def test_more_colours_mean_less_error() -> None:
    errors = [squared_error(kpal.quantize(gradient(), colors).pixels(), gradient()) for colors in (2, 4, 16, 64, 256)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 50


def test_colours_are_better_than_those_of_pillow() -> None:
    image = Image.fromarray(gradient())
    for colors in (32, 64, 256):
        peer = np.asarray(
            image.quantize(colors, Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE).convert("RGB")
        )
        ours = kpal.quantize(image, colors, metric="rgb").pixels()
        assert squared_error(ours, gradient()) < squared_error(peer, gradient())


def test_a_small_patch_of_another_colour_does_not_vanish() -> None:
    y, x = np.mgrid[0:300, 0:400]
    noise = np.random.default_rng(0).normal(0, 8, (300, 400, 3))
    pixels = np.clip(np.stack((x / 2 + 20, y * 0.6 + 30, (x + y) / 4 + 40), axis=2) + noise, 0, 255).astype(np.uint8)
    red, green = (235, 10, 20), (20, 240, 30)
    pixels[100:108, 200:208], pixels[200:208, 50:58] = red, green
    shown = kpal.quantize(pixels, 32).pixels()
    for color, place in ((red, shown[104, 204]), (green, shown[204, 54])):
        assert np.abs(place - np.array(color)).max() <= 8


def test_soft_alpha_stays_soft() -> None:
    icon = soft_icon()
    image = kpal.quantize(icon, 64)
    assert composite_error(image.pixels(), icon) < 45
    assert {0, 255} <= set(image.palette[:, 3])
    assert not image.pixels()[icon[..., 3] == 0, 3].any()


def test_opaque_images_stay_opaque_in_the_geometry_of_alpha() -> None:
    pixels = np.dstack((gradient(), np.full((48, 64), 255, np.uint8)))
    pixels[:8, :8, 3] = 0
    image = kpal.quantize(pixels, 32)
    assert sorted(set(image.palette[:, 3])) == [0, 255]
    assert (image.pixels()[..., 3] == pixels[..., 3]).all()


# --- the lattice


def test_every_opaque_colour_and_every_alpha_comes_back_from_the_lattice() -> None:
    ramp = np.arange(256, dtype=np.uint8)
    gray = np.stack((ramp, ramp[::-1], np.roll(ramp, 77)), axis=1)
    opaque = np.column_stack((gray, np.full(256, 255, np.uint8)))
    black = np.column_stack((np.zeros((256, 3), np.uint8), ramp))
    for colors in (gray, opaque, black):
        assert np.array_equal(mean_colors(colors, np.ones(256, np.int64), np.arange(256), 256), colors)


@pytest.mark.parametrize("channels", [3, 4])
def test_means_of_colours_are_rounded_without_a_bias(channels: int) -> None:
    random = np.random.default_rng(channels)
    colors = random.integers(0, 256, (4000, channels), dtype=np.uint8)
    if channels == 4:
        colors[:, 3] |= 192  # colours that are hardly seen are hardly known
    labels, weights = np.repeat(np.arange(1000), 4), random.integers(1, 9, 4000)
    means = mean_colors(colors, weights, labels, 1001)
    assert not means[1000].any()
    shown = weights * (colors[:, 3] / 255 if channels == 4 else 1.0)
    sums = [np.bincount(labels, shown * colors[:, c]) / np.bincount(labels, shown) for c in range(3)]
    if channels == 4:
        sums.append(np.bincount(labels, weights * colors[:, 3]) / np.bincount(labels, weights))
    errors = means[:1000] - np.column_stack(sums)
    assert np.abs(errors).max() <= 0.5 + 0.25 * (channels == 4)
    assert np.abs(errors.mean(axis=0)).max() < 0.03


@pytest.mark.parametrize("level", [0, 255])
def test_means_of_faint_black_are_black_and_of_faint_white_white(level: int) -> None:
    for alphas, weights, alpha in (((1, 2), (2, 1), 1), ((2, 3), (3, 1), 2), ((3, 4), (6, 4), 3)):
        colors = np.array([[level] * 3 + [a] for a in alphas], np.uint8)
        mean = mean_colors(colors, np.array(weights), np.zeros(2, np.intp), 1)
        assert mean.tolist() == [[level] * 3 + [alpha]]


def test_the_cube_root_is_right_to_a_thousandth_of_a_step() -> None:
    values = np.concatenate(([0.0], np.geomspace(1e-5, 1, 5000)))
    assert np.abs(cube_root(values) - np.cbrt(values)).max() * 200 * 8 < 0.001


def test_light_is_that_of_srgb() -> None:
    v = np.arange(256) / 255
    assert linear() == pytest.approx(np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4), rel=1e-14)


def test_oklab_points_are_those_of_its_definition() -> None:
    colors = np.random.default_rng(5).integers(0, 256, (2000, 3), dtype=np.uint8)
    colors[:2] = [[0, 0, 0], [255, 255, 255]]
    v = colors / 255
    light = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    to_lms = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566]]
    to_lms.append([0.0883024619, 0.2817188376, 0.6299787005])
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099]]
    to_lab.append([0.0259040371, 0.7827717662, -0.8086757660])
    lab = np.cbrt(light @ np.transpose(to_lms)) @ np.transpose(to_lab)
    chromas: dict[Geometry, float] = {"oklab": 0.9, "lightness": 0.6, "chroma": 1.2}
    for geometry, chroma in chromas.items():
        points = to_points(colors, geometry)
        assert np.abs(points - (1600 * lab * [1, chroma, chroma] + [0, 960, 960])).max() <= 0.501


def test_alpha_is_measured_in_oklab_unless_many_edges_are_soft() -> None:
    colors = np.array([[0, 0, 0, 0], [90, 20, 30, 255], [90, 20, 30, 128]], np.uint8)
    assert simple_geometry(colors, np.array([900, 980, 20]), "perceptual") == "oklab"
    assert simple_geometry(colors, np.array([900, 979, 21]), "perceptual") == "rgb"
    assert simple_geometry(colors, np.array([900, 980, 20]), "rgb") == "rgb"
    assert simple_geometry(colors[:, :3], np.array([1, 1, 1]), "perceptual") == "oklab"
    for alpha, soft in ((0, False), (1, True), (254, True), (255, False)):
        colors[2, 3] = alpha
        assert simple_geometry(colors, np.array([0, 979, 21]), "perceptual") == ("rgb" if soft else "oklab")
        assert simple_geometry(colors, np.array([0, 980, 20]), "perceptual") == "oklab"


def test_soft_images_of_many_colours_are_measured_in_oklab_where_that_is_clearly_better() -> None:
    fade = np.full((5, 50, 4), [0, 0, 0, 128], np.uint8)
    fade[:, :, 3] = np.arange(1, 250, 5)
    dark = np.full((40, 50, 4), 255, np.uint8)
    dark[:, :, :3] = np.random.default_rng(1).integers(0, 48, (40, 50, 3))
    histogram = Histogram(np.vstack((dark, fade)))
    assert suited_geometry(histogram, 256, "perceptual") == "oklab"
    assert suited_geometry(histogram, 64, "perceptual") == "rgb"
    assert suited_geometry(histogram, 256, "rgb") == "rgb"
    assert suited_geometry(Histogram(soft_icon()), 256, "perceptual") == "rgb"


def test_large_soft_images_are_measured_in_oklab_where_that_keeps_clearly_more_structure() -> None:
    y, x = np.mgrid[0:256, 0:256]
    dark = np.full((256, 256, 4), 255, np.uint8)
    dark[:, :, :3] = np.stack((x // 4, y // 5, (x + y) // 13), axis=2)
    dark[:, :32, 3] = np.linspace(1, 250, 32)
    histogram = Histogram(dark)
    assert geometry_of(dark, histogram, 16, "perceptual") == "oklab"
    assert geometry_of(dark, histogram, 16, "rgb") == "rgb"
    assert suited_geometry(histogram, 16, "perceptual") == "rgb"
    assert geometry_of(dark[:255], Histogram(dark[:255]), 16, "perceptual") == "rgb"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metric": "rgb"},
        {"speed": "fast"},
        {"exact": True},
        {"dither": "floyd-steinberg", "dither_level": 1},
        {"dither": "ordered", "dither_level": 1},
        {"rate": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("colors", [2, 3, 24])
def test_what_is_opaque_or_clear_stays_so(colors: int, options: dict[str, Any]) -> None:
    pixels = soft_icon(48)
    pixels[:, :, :3] += np.random.default_rng(1).integers(0, 20, (48, 48, 3), np.uint8)
    image = kpal.quantize(pixels, colors, **options)
    alpha = image.pixels()[:, :, 3]
    for exact in (0, 255):
        assert (pixels[:, :, 3] == exact).any()
        assert (alpha[pixels[:, :, 3] == exact] == exact).all()
    assert colors < 24 or len(np.unique(alpha)) > 5


def test_a_single_colour_is_the_mean_of_what_is_seen() -> None:
    pixels = np.array([[[10, 20, 30, 0], [200, 100, 50, 255]]], np.uint8)
    assert kpal.quantize(pixels, 1).palette.shape == (1, 4)


def test_hidden_colours_are_one_point_of_oklab_and_opaque_ones_where_they_are_without_alpha() -> None:
    hidden = np.array([[0, 0, 0, 0], [255, 9, 200, 0]], np.uint8)
    assert np.array_equal(*to_points(hidden, "oklab"))
    opaque = np.array([[200, 100, 0, 255], [0, 100, 200, 255]], np.uint8)
    apart, plain = (np.diff(to_points(c, "oklab").astype(int), axis=0) for c in (opaque, opaque[:, :3]))
    assert np.array_equal(apart[:, :3], plain)


@pytest.mark.parametrize("geometry", ["oklab", "lightness", "chroma"])
def test_translucent_colours_of_oklab_are_as_far_from_gray_as_is_seen_of_them(geometry: Geometry) -> None:
    colors = np.random.default_rng(4).integers(0, 256, (3000, 4), dtype=np.uint8)
    points = to_points(colors, geometry)
    gray = np.array([800, 960, 960])
    seen = colors[:, 3:] / 255 * (to_points(colors[:, :3], geometry) - gray) + gray
    assert np.abs(points[:, :3] - seen).max() <= 0.5
    assert np.abs(points[:, 3] - colors[:, 3] / 255 * 800).max() <= 0.5
    assert points.min() >= 0
    assert points.max() <= STEPS


def test_composited_colours_are_where_the_formula_says() -> None:
    colors = np.random.default_rng(4).integers(0, 256, (3000, 4), dtype=np.uint8)
    premultiplied = colors[:, :3] * (colors[:, 3:] / 255)
    expected = np.column_stack((8 * (premultiplied - colors[:, 3:] / 2) + 1020, 4 * np.sqrt(3) * colors[:, 3]))
    assert np.abs(to_points(colors, "rgb") - expected).max() <= 0.5


def test_lattice_distances_are_errors_of_compositing_over_black_and_white() -> None:
    random = np.random.default_rng(3)
    a, b = random.integers(0, 256, (2, 500, 4), dtype=np.uint8)
    points_a, points_b = to_points(a, "rgb"), to_points(b, "rgb")
    assert min(points_a.min(), points_b.min()) >= 0
    assert max(points_a.max(), points_b.max()) <= STEPS
    distances = np.square((points_a - points_b) / 8).sum(axis=1)
    expected = [composite_error(x[None, None], y[None, None]) for x, y in zip(a, b, strict=True)]
    assert np.allclose(np.sqrt(distances), np.sqrt(expected), atol=0.25)


# --- dithering


def plain_floyd_steinberg(pixels: NDArray[np.uint8], palette: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    """Pixel by pixel, as the paper has it, in integers; `level` in parts of 256."""
    height, width, channels = pixels.shape
    wanted = to_points(pixels.reshape(-1, channels), "rgb").reshape(height, width, -1).astype(object)
    errors = np.zeros((height + 1, width + 2, wanted.shape[2]), object)
    centers = to_points(palette, "rgb").astype(object)
    indices = np.zeros((height, width), np.uint8)
    distances = np.square(wanted[:, :, None] - centers).sum(axis=3).astype(np.int64)
    least = distances.min(axis=2)

    def spared(y: int, x: int) -> bool:
        common = 50 * (pixels == pixels[y, x]).all(axis=2).sum() >= height * width
        return bool(least[y, x] == 0 or (common and 2 * least[y, x] <= least.mean()))

    for y in range(height):
        for x in range(width):
            plain = distances[y, x].argmin()
            if spared(y, x):
                indices[y, x] = plain
                continue
            value = [
                min(max(w + ((e + 8) >> 4), 0), STEPS) for w, e in zip(wanted[y, x], errors[y, x + 1], strict=True)
            ]
            errors_of = [sum((v - c) ** 2 for v, c in zip(value, center, strict=True)) for center in centers]
            indices[y, x] = errors_of.index(min(errors_of))
            error = np.array([((v - c) * level + 128) >> 8 for v, c in zip(value, centers[indices[y, x]], strict=True)])
            for dy, dx, share in ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1)):
                errors[y + dy, x + 1 + dx] += error * share
    return indices


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (12, 17)])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("level", [0.5, 1.0])
def test_error_diffusion_is_that_of_its_definition(shape: tuple[int, int], channels: int, level: float) -> None:
    random = np.random.default_rng(4)
    pixels = random.integers(0, 256, (*shape, channels), dtype=np.uint8)
    palette = random.integers(0, 256, (5, channels), dtype=np.uint8)
    palette[3] = pixels[0, 0]
    image = kpal.quantize(pixels, palette=palette, dither="floyd-steinberg", dither_level=level, exact=True)
    assert np.array_equal(image.indices, plain_floyd_steinberg(pixels, palette, round(256 * level)))


@pytest.mark.parametrize("dither", ["floyd-steinberg", "ordered", "blue-noise"])
def test_the_level_of_dithering_goes_from_nothing_to_all(dither: Any) -> None:
    plain = kpal.quantize(gradient(), 8)
    changed = [
        (kpal.quantize(gradient(), palette=plain.palette, metric="rgb", dither=dither, dither_level=level).indices
         != kpal.quantize(gradient(), palette=plain.palette, metric="rgb").indices).mean()
        for level in (0, 0.5, 1)
    ]  # fmt: skip
    assert changed[0] == 0 < changed[1] < changed[2]


@pytest.mark.parametrize("dither", ["floyd-steinberg", "ordered", "blue-noise"])
def test_dithering_spares_exact_colours_and_flat_areas_that_are_met_well(dither: Any) -> None:
    pixels = gradient(96, 128)
    pixels[:40] = (9, 99, 200)
    palette = [[8, 99, 199], *kpal.quantize(pixels, 12).palette.tolist()]
    image = kpal.quantize(pixels, palette=palette[:1] + palette[1:], dither=dither)
    assert len(np.unique(image.indices[:40])) == 1
    exact = kpal.quantize(pixels, palette=[[250, 20, 60], *palette], dither=dither)
    assert (exact.indices[(pixels == (250, 20, 60)).all(axis=2)] == 0).all()


def test_ordered_dithering_mixes_two_colours_in_a_pattern() -> None:
    flat = np.full((64, 64, 3), 100, np.uint8)
    image = kpal.quantize(flat, palette=[[0, 0, 0], [200, 200, 200]], dither="ordered", dither_level=1)
    assert image.indices.mean() == 0.5
    assert np.array_equal(image.indices[:8, :8], image.indices[8:16, 24:32])


def test_bayer_is_another_name_of_ordered() -> None:
    data = kpal.encode(gradient(), colors=8, dither="ordered", dither_level=0.5)
    assert kpal.encode(gradient(), colors=8, dither="bayer", dither_level=0.5) == data
    with pytest.raises(ValueError, match="rate and dither undo each other"):
        kpal.encode(gradient(), dither="bayer", rate=1)


@pytest.mark.parametrize("level", [50, 75, 99, 100])
def test_blue_noise_mixes_two_colours_exactly_and_without_low_frequencies(level: int) -> None:
    flat = np.full((128, 128, 3), level, np.uint8)
    image = kpal.quantize(flat, palette=[[0, 0, 0], [200, 200, 200]], dither="blue-noise", dither_level=1)
    assert image.indices.mean() == round(256 * level / 200) / 256
    assert np.array_equal(image.indices[:64, :64], image.indices[64:, 64:])
    power = np.abs(np.fft.fft2(image.indices[:64, :64])) ** 2
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    assert power[(frequency > 0) & (frequency < 0.1)].mean() < 0.15 * power[frequency > 0.25].mean()


def test_the_matrix_of_blue_noise_is_what_its_script_makes() -> None:
    assert np.array_equal(make_blue_noise.thresholds(), blue_noise())
    assert np.array_equal(np.sort(make_blue_noise.ranks(20).reshape(-1)), np.arange(400))


def test_dithering_keeps_the_mean_colour_where_rounding_does_not() -> None:
    flat = np.full((64, 64, 3), 100, np.uint8)
    palette = [[0, 0, 0], [255, 255, 255]]
    dithered = kpal.quantize(flat, palette=palette, dither="floyd-steinberg", dither_level=1).pixels()
    assert abs(float(dithered.mean()) - 100) < 2
    assert kpal.quantize(flat, palette=palette, metric="rgb").pixels().max() == 0


def test_dithering_leaves_exact_images_alone() -> None:
    image = random_indexed(9, 9, 20)
    assert kpal.encode(image.pixels(), dither="floyd-steinberg") == kpal.encode(image.pixels())


BAYER = [
    [0, 32, 8, 40, 2, 34, 10, 42],
    [48, 16, 56, 24, 50, 18, 58, 26],
    [12, 44, 4, 36, 14, 46, 6, 38],
    [60, 28, 52, 20, 62, 30, 54, 22],
    [3, 35, 11, 43, 1, 33, 9, 41],
    [51, 19, 59, 27, 49, 17, 57, 25],
    [15, 47, 7, 39, 13, 45, 5, 37],
    [63, 31, 55, 23, 61, 29, 53, 21],
]  # as printed in books


def plain_ordered(pixels: NDArray[np.uint8], palette: NDArray[np.uint8], level: float) -> NDArray[np.uint8]:
    """Pixel by pixel, with the mixture of two entries that is best, as a colour alone needs it."""
    height, width, channels = pixels.shape
    centers = to_points(palette, "rgb").astype(float)
    indices = np.zeros((height, width), np.uint8)
    for y, x in np.ndindex(height, width):
        color = to_points(pixels[y : y + 1, x], "rgb")[0].astype(float)
        errors = np.square(centers - color).sum(axis=1)
        first = int(errors.argmin())
        best, second, part = errors[first], first, 0.0
        nearest = np.argsort(np.square(centers - centers[first]).sum(axis=1), kind="stable")
        for other in [entry for entry in nearest if entry != first][:12]:
            step = centers[other] - centers[first]
            share = float(np.clip((color - centers[first]) @ step / (step @ step), 0, 0.5))
            rest = np.square(color - centers[first] - share * step).sum() + share * (1 - share) / 4 * (step @ step)
            if rest < best and (channels == 3 or pixels[y, x, 3] < 255 or palette[other, 3] == 255):
                best, second, part = rest, other, share
        takes_second = BAYER[y % 8][x % 8] < int(part * level * 64 + 0.5)
        indices[y, x] = second if takes_second else first
    return indices


@pytest.mark.parametrize("shape", [(1, 1), (3, 19), (13, 9)])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("level", "colors"), [(0.5, 5), (1.0, 20)])
def test_ordered_dithering_is_that_of_its_definition(
    shape: tuple[int, int], channels: int, level: float, colors: int
) -> None:
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (*shape, channels), dtype=np.uint8)
    palette = random.integers(0, 256, (colors, channels), dtype=np.uint8)
    if channels == 4:
        pixels[::2, :, 3] = palette[::2, 3] = 255
    histogram = Histogram(pixels)
    opaque = is_opaque(histogram.colors) if channels == 4 else np.ones(len(histogram.colors), np.bool_)
    found = ordered(histogram, palette, opaque, level)
    expected = plain_ordered(pixels, palette, level)
    solid = np.ones(shape, np.bool_) if channels == 3 else pixels[:, :, 3] < 255
    assert np.array_equal(found[solid], expected[solid])  # of others the nearest entry may be one that is not opaque
    assert channels == 3 or (palette[found[pixels[:, :, 3] == 255], 3] == 255).all()


# --- palettes that are given


def test_a_given_palette_is_used_as_it_is_in_its_order() -> None:
    palette = [[255, 0, 0], [0, 0, 255], [0, 255, 0], [1, 1, 1]]
    image = kpal.quantize(np.array([[[0, 200, 10], [250, 10, 10]]], np.uint8), palette=palette)
    assert image.palette.tolist() == palette
    assert image.indices.tolist() == [[2, 0]]


def test_a_colour_of_a_given_palette_keeps_its_entry_even_if_another_is_the_same_point_of_oklab() -> None:
    palette = np.array([(0, 200, 0), (1, 200, 0), (255, 255, 0), (255, 255, 1), (1, 200, 0)], np.uint8)
    image = kpal.quantize(palette[None, ::-1], palette=palette)
    assert image.indices.tolist() == [[1, 3, 2, 1, 0]]
    shared = kpal.shared_palette([palette[None]], 8)
    assert np.array_equal(kpal.decode(kpal.encode(palette[None], palette=shared)), palette[None])


def test_a_given_palette_may_have_alpha_where_the_image_has_none_and_the_other_way_round() -> None:
    rgba = [[255, 0, 0, 255], [0, 0, 0, 0]]
    assert kpal.quantize(np.array([[[240, 5, 5]]], np.uint8), palette=rgba).indices.tolist() == [[0]]
    soft = np.array([[[9, 9, 9, 200], [9, 9, 9, 255]]], np.uint8)
    image = kpal.quantize(soft, palette=[[0, 0, 0], [255, 255, 255]])
    assert image.palette.tolist() == [[0, 0, 0, 255], [255, 255, 255, 255]]


@pytest.mark.parametrize("metric", ["perceptual", "rgb"])
@pytest.mark.parametrize("colors", [3, 20, 256])
def test_fixed_colours_are_in_the_palette_and_the_rest_is_found(colors: int, metric: str) -> None:
    fixed = [[1, 2, 3], [255, 0, 255], [3, 2, 1]]
    image = kpal.quantize(gradient(), colors, fixed=fixed, metric=metric)  # type: ignore[arg-type]
    assert len(image.palette) == colors
    assert {tuple(color) for color in fixed} <= {tuple(color) for color in image.palette.tolist()}
    geometry: Geometry = "rgb" if metric == "rgb" else "oklab"
    points, centers = (to_points(x, geometry) for x in (gradient().reshape(-1, 3), image.palette))
    assert np.array_equal(
        image.indices.reshape(-1), np.square(points[:, None] - centers[None]).sum(axis=2).argmin(axis=1)
    )


def test_fixed_colours_join_the_palette_of_an_image_of_few_colours_or_take_its_place() -> None:
    pixels = random_indexed(9, 9, 20).pixels()
    fixed = [[0, 0, 0], [7, 8, 9], [0, 0, 0]]
    joined = kpal.quantize(pixels, 22, fixed=fixed)
    assert len(joined.palette) == 22
    assert np.array_equal(joined.pixels(), pixels)
    full = kpal.quantize(pixels, 20, fixed=fixed)
    assert len(full.palette) <= 20
    assert {(0, 0, 0), (7, 8, 9)} <= {tuple(color) for color in full.palette.tolist()}
    assert kpal.quantize(pixels, 2, fixed=fixed[:2]).palette.tolist() == [[0, 0, 0], [7, 8, 9]]
    assert kpal.quantize(pixels, 21, fixed=[[1, 1, 1, 0]]).palette.shape == (21, 4)
    for colors in (10, 21):
        assert kpal.quantize(pixels, colors, fixed=[[1, 1, 1, 255]]).palette.shape == (colors, 3)


def test_palette_images_keep_their_palette_when_asked_to() -> None:
    image = random_indexed(6, 7, 9, 4)
    palette = np.vstack((image.palette, [[1, 2, 3, 4], [1, 2, 3, 4]])).astype(np.uint8)
    kept = kpal.quantize(pillow(IndexedImage(image.indices, palette)), keep_palette=True)
    assert np.array_equal(kept.indices, image.indices)
    assert np.array_equal(kept.palette, palette)
    opaque = random_indexed(6, 7, 9)
    assert np.array_equal(kpal.quantize(pillow(opaque), keep_palette=True).palette, opaque.palette)


def test_the_transparent_index_of_a_gif_is_kept() -> None:
    image = pillow(random_indexed(6, 7, 9))
    image.info["transparency"] = 3
    kept = kpal.quantize(image, keep_palette=True)
    assert kept.palette[:, 3].tolist() == [255, 255, 255, 0, 255, 255, 255, 255, 255]
    assert np.array_equal(kept.pixels(), np.asarray(image.convert("RGBA")))


def test_indices_beyond_a_short_palette_are_black_as_pillow_shows_them() -> None:
    image = Image.fromarray(np.array([[0, 5]], np.uint8), "L")
    image.putpalette(bytes((10, 20, 30)))
    kept = kpal.quantize(image, keep_palette=True)
    assert np.array_equal(kept.pixels(), np.asarray(image.convert("RGB")))


def test_a_short_palette_with_alpha_leaves_the_rest_opaque() -> None:
    for palette in (bytes((1, 2, 3, 0)), bytes((1, 2, 3, 0, 9, 9, 9, 9))):
        image = Image.fromarray(np.array([[0, 5]], np.uint8), "L")
        image.putpalette(palette, "RGBA")
        assert np.array_equal(kpal.quantize(image, keep_palette=True).pixels(), np.asarray(image.convert("RGBA")))


# --- an indexed image goes through as it is


def test_an_indexed_image_is_encoded_as_it_is() -> None:
    image = IndexedImage(np.array([[1, 1]], np.uint8), np.array([[7, 7, 7], [7, 7, 7], [0, 0, 0]], np.uint8), METADATA)
    indices, palette, metadata = kpal.decode_indexed(kpal.encode(image))
    assert indices.tolist() == [[1, 1]]
    assert palette.tolist() == [[7, 7, 7], [7, 7, 7], [0, 0, 0]]
    assert metadata == METADATA
    assert kpal.decode_indexed(kpal.encode(image, metadata=Metadata())).metadata == Metadata()


def test_encoding_is_quantising_and_then_storing() -> None:
    assert kpal.encode(gradient(), colors=20) == kpal.encode(kpal.quantize(gradient(), 20))


# --- wrong arguments


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"colors": 0}, ValueError, "colors must be from 1 to 256, not 0"),
        ({"colors": 257}, ValueError, "colors must be from 1 to 256, not 257"),
        ({"colors": 2.0}, TypeError, "colors must be an int"),
        ({"colors": True}, TypeError, "colors must be an int"),
        ({"dither": "bayes"}, ValueError, "one of none, floyd-steinberg, ordered, bayer, blue-noise, not 'bayes'"),
        ({"dither": "ordered", "dither_level": 2}, ValueError, "dither_level must be from 0 to 1, not 2"),
        ({"dither_level": 0.5}, ValueError, "dither_level goes with a kind of dither"),
        ({"dither": "ordered", "rate": 1}, ValueError, "rate and dither undo each other"),
        ({"rate": -1}, ValueError, "rate must be from 0"),
        ({"rate": "much"}, TypeError, "rate must be a number"),
        ({"palette": []}, (TypeError, ValueError), "palette must"),
        ({"palette": np.zeros((257, 3), int)}, ValueError, "palette must have the shape"),
        ({"palette": np.zeros((2, 2), int)}, ValueError, "palette must have the shape"),
        ({"palette": [[1, 2, 3], [1, 2]]}, ValueError, "palette must have the shape"),
        ({"palette": [[0.5, 0, 0]]}, TypeError, "palette must hold whole numbers"),
        ({"palette": [[0, 0, 256]]}, ValueError, "palette must hold whole numbers"),
        ({"keep_palette": True}, ValueError, "keep_palette needs a Pillow image of mode P, not a ndarray"),
        ({"keep_palette": True, "dither": "floyd-steinberg"}, ValueError, "does not go with dither"),
        ({"palette": [[]]}, ValueError, "at least one colour"),
        ({"keep_palette": True, "palette": [[0, 0, 0]]}, ValueError, "does not go with palette"),
        ({"keep_palette": True, "quality": (0, 90)}, ValueError, "does not go with quality"),
        ({"quality": 80.0}, TypeError, "quality must be an int, the max, or two, \\(min, max\\), not 80.0"),
        ({"quality": True}, TypeError, "quality must be an int, the max, or two"),
        ({"quality": (1, 2, 3)}, TypeError, "quality must be an int, the max, or two"),
        ({"quality": "80"}, TypeError, "quality must be an int, the max, or two, \\(min, max\\), not '80'"),
        ({"quality": (0, True)}, TypeError, "the max of quality must be an int, not bool"),
        ({"quality": 101}, ValueError, "quality must be from 0 to 100, not 101"),
        ({"quality": -1}, ValueError, "quality must be from 0 to 100, not -1"),
        ({"quality": (0.5, 1)}, TypeError, "the min of quality must be an int, not float"),
        ({"quality": (0, 101)}, ValueError, "the max of quality must be from 0 to 100, not 101"),
        ({"quality": (90, 80)}, ValueError, "min not above max, not \\(90, 80\\)"),
        ({"max_bytes": 0}, ValueError, "max_bytes must be at least 1, not 0"),
        ({"max_bytes": 1e4}, TypeError, "max_bytes must be an int, not float"),
        ({"max_bytes": True}, TypeError, "max_bytes must be an int, not bool"),
        ({"progress": 5}, TypeError, "progress must be callable"),
        ({"report": []}, TypeError, "report must be callable"),
        ({"exact": 1}, TypeError, "exact must be True or False, not 1"),
        ({"palette": [[0, 0, 0], [1, 1, 1]], "colors": 1}, ValueError, "palette has 2 colours, more than colors=1"),
        ({"fixed": [[0, 0, 0], [1, 1, 1]], "colors": 1}, ValueError, "fixed has 2 colours, more than colors=1"),
        ({"fixed": [[0, 0]]}, ValueError, "fixed must have the shape"),
        ({"fixed": [[0, 0, 0]], "palette": [[0, 0, 0]]}, ValueError, "does not go with fixed"),
        ({"metric": "lab"}, ValueError, "metric must be one of perceptual, rgb, not 'lab'"),
        ({"speed": 3}, ValueError, "speed must be one of default, fast, not 3"),
        ({"coder": "lzw"}, ValueError, "unknown coder"),
        ({"coder": []}, ValueError, "unknown coder"),
        ({"metadata": {"icc": b""}}, TypeError, "metadata must be"),
    ],
)
def test_wrong_options_say_what_would_be_right(
    options: dict[str, object], error: type[Exception] | tuple[type[Exception], ...], message: str
) -> None:
    with pytest.raises(error, match=message):
        kpal.encode(gradient(), **options)  # type: ignore[arg-type]


def test_keeping_a_palette_larger_than_asked_for_is_a_contradiction() -> None:
    with pytest.raises(ValueError, match="the palette has 9 colours, more than colors=4"):
        kpal.encode(pillow(random_indexed(3, 3, 9)), keep_palette=True, colors=4)


def test_an_indexed_image_leaves_nothing_to_choose() -> None:
    with pytest.raises(ValueError, match="does not go with colors, dither"):
        kpal.encode(random_indexed(3, 3, 9), colors=4, dither="floyd-steinberg")
