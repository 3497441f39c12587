"""Tiles, regions and rows: images of which only parts are wanted, or fit into memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal_format import DamagedError, LimitError, TruncatedError, container, decode_truncated, encode_indexed, streams

from . import reference_decoder
from .files import Parts, section
from .images import METADATA, gradient, random_indexed, soft_icon

IMAGE = random_indexed(100, 130, 19)
REGIONS = [(0, 0, 130, 100), (0, 0, 1, 1), (129, 99, 130, 100), (31, 30, 34, 70), (40, 0, 90, 100), (0, 64, 130, 65)]


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 33 columns and 25 to 31 rows, where there should be one of millions of pixels."""
    for name in ("_TILE", "_HUGE_TILE"):
        monkeypatch.setattr(container, name, 1 << 10)
    monkeypatch.setattr(container, "_HUGE", 1 << 11)
    monkeypatch.setattr(container, "_HUGE_TILE_SIDE", 33)
    monkeypatch.setattr(container, "_LEAST_TILE", 1)


@pytest.fixture(params=["zstd", "fast", "mix"])
def tiled(request: pytest.FixtureRequest, small_tiles: None) -> bytes:
    return encode_indexed(IMAGE, coder=request.param)


class Counting(io.BytesIO):
    """Knows how much was read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def decoded_tiles(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that will hold the size of each tile that is decoded."""
    sizes: list[int] = []
    tile = container.Head.tile

    def told(head: container.Head, number: int) -> container.Box:
        rows, columns = tile(head, number).shape
        sizes.append(rows * columns)
        return tile(head, number)

    monkeypatch.setattr(container.Head, "tile", told)
    return sizes


# --- tiles


def test_tiles_suit_the_image() -> None:
    assert container.tile_shape(2000, 2000) == (2000, 2000)
    assert container.tile_shape(2000, 4000) == (2000, 2000)
    assert container.tile_shape(10_000, 10_000) == (1000, 1000)
    assert container.tile_shape(1, 2**28 - 1) == (1048576, 1)
    assert container.tile_shape(2**28 - 1, 1) == (1, 1048576)
    assert container.tile_shape(2**26, 1) == (1, 2**22)


@pytest.mark.parametrize("width", [1, 3, 1000, 2**20, 2**28 - 1])
@pytest.mark.parametrize("height", [1, 2, 999, 2**24, 2**28 - 1])
def test_tiles_of_all_shapes_are_such_as_the_format_and_every_coder_allow(width: int, height: int) -> None:
    rows, columns = container.tile_shape(width, height)
    assert 1 <= rows <= height
    assert 1 <= columns <= width
    assert columns <= 1 << 22
    assert (rows + 3) * (columns + 16) <= 1 << 27
    assert rows * columns >= min(width * height, container._LEAST_TILE)
    assert rows * columns <= container._TILE


def test_both_decoders_put_tiles_together(tiled: bytes) -> None:
    assert kpal.inspect(tiled).tiles == 16
    indices, palette, _ = kpal.decode_indexed(tiled)
    assert np.array_equal(indices, IMAGE.indices)
    assert np.array_equal(palette, IMAGE.palette)


def test_the_reference_decoder_puts_tiles_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "tile_shape", lambda *_: (400, 170))
    image = random_indexed(700, 300, 5)
    data = encode_indexed(image, coder="zstd")
    assert kpal.inspect(data).tiles == 4
    assert reference_decoder.decode(data)[4] == image.indices.tobytes()


# --- regions


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_the_part_of_the_whole(tiled: bytes, region: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = region
    assert np.array_equal(kpal.decode_indexed(tiled, region=region).indices, IMAGE.indices[y0:y1, x0:x1])
    assert np.array_equal(kpal.decode(tiled, region=region), kpal.decode(tiled)[y0:y1, x0:x1])


def test_a_region_decodes_no_tiles_but_its_own(tiled: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = decoded_tiles(monkeypatch)
    kpal.decode(tiled, region=(40, 30, 50, 40))
    assert sum(sizes) <= 2 * 33 * 31


@pytest.mark.parametrize(
    "region", [(0, 0, 131, 1), (0, 0, 1, 101), (-1, 0, 1, 1), (5, 0, 5, 1), (7, 7, 6, 8), (0, 100, 1, 100)]
)
def test_a_region_outside_of_the_image_is_an_error_that_names_it(region: tuple[int, int, int, int]) -> None:
    data = encode_indexed(IMAGE)
    with pytest.raises(ValueError, match="region") as caught:
        kpal.decode(data, region=region)
    assert not isinstance(caught.value, kpal.KpalError)


@pytest.mark.parametrize("region", [(0, 0, 1), "0011", 5, (0, 0, 1.5, 2)])
def test_a_region_that_is_none_is_an_error(region: object) -> None:
    with pytest.raises(TypeError, match="region must be four whole numbers"):
        kpal.decode(encode_indexed(IMAGE), region=region)  # type: ignore[arg-type]


def test_a_region_is_limited_by_what_it_takes_to_decode_it(tiled: bytes) -> None:
    assert kpal.decode(tiled, region=(0, 0, 2, 2), max_pixels=33 * 31).shape == (2, 2, 3)
    with pytest.raises(LimitError):
        kpal.decode(tiled, region=(32, 0, 34, 2), max_pixels=33 * 31)


def test_damage_elsewhere_is_found_though_only_a_region_is_asked_for(tiled: bytes) -> None:
    damaged = bytearray(tiled)
    damaged[-20] ^= 1
    with pytest.raises(DamagedError, match="checksum"):
        kpal.decode(damaged, region=(0, 0, 2, 2))


def test_pillow_crops_a_file_without_decoding_all_of_it(tiled: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with Image.open(io.BytesIO(tiled)) as whole:
        whole.load()
        expected = whole.crop((40, 30, 50, 40))
    sizes = decoded_tiles(monkeypatch)
    with Image.open(io.BytesIO(tiled)) as opened:
        part = opened.crop((40, 30, 50, 40))
        assert sum(sizes) <= 2 * 33 * 31
        assert part.mode == "P"
        assert part.convert("RGB").tobytes() == expected.convert("RGB").tobytes()
        assert opened.convert("RGB").tobytes() == kpal.decode(tiled).tobytes()


@pytest.mark.parametrize("box", [None, (-5, -5, 10, 10), (0, 0, 200, 50), (3, 3, 3, 3)])
def test_pillow_crops_as_ever_beyond_the_edges(box: tuple[int, int, int, int] | None) -> None:
    data = kpal.encode(soft_icon(), colors=30)
    with Image.open(io.BytesIO(data)) as opened, Image.open(io.BytesIO(data)) as loaded:
        loaded.load()
        cropped, expected = opened.crop(box), loaded.crop(box)
        assert cropped.size == expected.size
        assert cropped.convert("RGBA").tobytes() == expected.convert("RGBA").tobytes()


def test_a_crop_keeps_transparency() -> None:
    with Image.open(io.BytesIO(kpal.encode(soft_icon(), colors=30))) as opened:
        part = opened.crop((1, 2, 20, 30)).convert("RGBA")
        assert part.tobytes() == opened.convert("RGBA").crop((1, 2, 20, 30)).tobytes()


# --- readers and writers


def strips(pixels: np.ndarray, *heights: int) -> Iterator[np.ndarray]:
    y = 0
    for height in heights:
        yield pixels[y : y + height]
        y += height
    yield pixels[y:]


@pytest.mark.parametrize("heights", [(), (1,) * 99, (26, 26), (10, 60), (99,)])
@pytest.mark.parametrize("coder", ["zstd", "fast", "mix"])
def test_rows_make_the_file_that_the_whole_image_makes(
    small_tiles: None, tmp_path: Path, heights: tuple[int, ...], coder: str
) -> None:
    pixels = gradient(100, 130)
    palette = kpal.shared_palette(strips(pixels, 50), 12)
    with kpal.open_writer(tmp_path / "x.kpal", 130, 100, palette=palette, coder=coder, metadata=METADATA) as writer:
        for rows in strips(pixels, *heights):
            writer.write(rows)
    expected = kpal.encode(pixels, palette=palette, coder=coder, metadata=METADATA)
    assert (tmp_path / "x.kpal").read_bytes() == expected


def test_the_array_that_held_rows_may_be_filled_again(small_tiles: None) -> None:
    pixels, file = gradient(100, 130), io.BytesIO()
    rows = np.empty((10, 130, 3), np.uint8)
    with kpal.open_writer(file, 130, 100, palette=[(0, 0, 0), (255, 255, 255)]) as writer:
        for y in range(0, 100, 10):
            rows[:] = pixels[y : y + 10]
            writer.write(rows)
    assert file.getvalue() == kpal.encode(pixels, palette=[(0, 0, 0), (255, 255, 255)])


def test_one_colour_and_alpha_go_through_rows_too() -> None:
    half_soft = np.vstack((soft_icon(), np.dstack((gradient(300, 48), np.full((300, 48), 255, np.uint8)))))
    for pixels in (np.full((9, 5, 3), 7, np.uint8), soft_icon(), half_soft):
        palette, file = kpal.quantize(pixels, 9).palette, io.BytesIO()
        with kpal.open_writer(file, pixels.shape[1], len(pixels), palette=palette) as writer:
            for rows in strips(pixels, 4, 3):
                writer.write(rows)
        assert file.getvalue() == kpal.encode(pixels, palette=palette)


def test_a_writer_that_is_not_finished_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "x.kpal"
    target.write_bytes(b"precious")
    pixels = gradient(10, 20)
    for rows, message in ((pixels[:5], "5 of 10 rows are missing"), (np.vstack((pixels, pixels)), "10 rows of 20")):
        with pytest.raises(ValueError, match=message), kpal.open_writer(target, 20, 10, palette=[(0, 0, 0)]) as writer:
            writer.write(rows)
        assert target.read_bytes() == b"precious"
        assert [path.name for path in tmp_path.iterdir()] == ["x.kpal"]


@pytest.mark.parametrize(
    ("arguments", "rows", "error", "message"),
    [
        ({"palette": np.zeros((0, 3), np.uint8)}, None, ValueError, "palette"),
        ({"width": 0}, None, ValueError, "rows and columns"),
        ({"height": 2**28}, None, ValueError, "rows and columns"),
        ({"coder": "lzw"}, None, ValueError, "lzw"),
        ({}, np.zeros((1, 5, 3), np.uint8), ValueError, "10 rows of 20 pixels are missing, not 1 of 5"),
        ({}, np.zeros((1, 20, 4), np.uint8), ValueError, "alpha"),
        ({}, np.zeros((1, 20, 3), np.float32), TypeError, "uint8"),
        ({}, random_indexed(1, 20, 2), TypeError, "rows must be colours"),
    ],
)
def test_wrong_arguments_of_a_writer_are_named(
    arguments: dict[str, object], rows: np.ndarray | None, error: type[Exception], message: str
) -> None:
    settings: dict[str, object] = {"width": 20, "height": 10, "palette": [(0, 0, 0), (9, 9, 9)], **arguments}
    with pytest.raises(error, match=message), kpal.open_writer(io.BytesIO(), **settings) as writer:  # type: ignore[arg-type]
        writer.write(rows)  # type: ignore[arg-type]


def test_a_reader_gives_rows_and_regions(tiled: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.kpal").write_bytes(tiled)
    with kpal.open_reader(tmp_path / "x.kpal") as reader:
        parts = list(reader.rows())
        assert max(map(len, parts)) <= 31
        assert np.array_equal(np.vstack(parts), IMAGE.pixels())
        assert np.array_equal(reader.read((5, 6, 77, 88)), IMAGE.pixels()[6:88, 5:77])
        assert np.array_equal(reader.read(), IMAGE.pixels())
        assert (reader.width, reader.height) == (130, 100)


def test_a_reader_of_one_colour_gives_rows() -> None:
    pixels = np.full((9, 5, 3), 7, np.uint8)
    with kpal.open_reader(io.BytesIO(kpal.encode(pixels))) as reader:
        assert np.array_equal(np.vstack(list(reader.rows())), pixels)


def test_a_reader_reads_the_file_once_and_then_what_it_needs(tiled: bytes) -> None:
    file = Counting(tiled)
    with kpal.open_reader(file) as reader:
        once = file.count
        assert once < 2 * len(tiled) + 4096
        reader.read((0, 0, 5, 5))
        assert file.count - once < len(tiled) / 8


def test_a_reader_has_larger_images_than_its_limit(tiled: bytes) -> None:
    with kpal.open_reader(io.BytesIO(tiled), max_pixels=130 * 31) as reader:
        assert sum(map(len, reader.rows())) == 100
        with pytest.raises(LimitError):
            reader.read()


def test_a_reader_refuses_what_the_decoder_refuses(tiled: bytes) -> None:
    for data in (b"", tiled[:30], tiled[:-1], tiled + b"!", tiled[:60] + b"\xff" + tiled[61:]):
        with pytest.raises(DamagedError) as expected:
            kpal.decode(data)
        with pytest.raises(DamagedError) as caught, kpal.open_reader(io.BytesIO(data)):
            pass
        assert type(caught.value) is type(expected.value)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tiled: bytes) -> None:
    file = io.BytesIO(tiled)
    with kpal.open_reader(file) as reader:
        file.truncate(200)
        with pytest.raises(TruncatedError, match="shorter while it was read"):
            reader.read()


# --- files that were cut off


def test_a_file_cut_off_anywhere_shows_the_tiles_before_that(tiled: bytes) -> None:
    head = container.read_head(tiled)
    ends = [section.offset + len(section.data) for section in container.read_tiles(tiled, head)]
    for size in (head.size, head.size + 1, ends[0], ends[3] + 1, ends[7] + 40, len(tiled) - 1):
        shown = decode_truncated(tiled[:size]).indices
        for number, end in enumerate(ends):
            x0, y0, x1, y1 = head.tile(number)
            if end <= size:
                assert np.array_equal(shown[y0:y1, x0:x1], IMAGE.indices[y0:y1, x0:x1])
            elif number and ends[number - 1] > size:
                assert not shown[y0:y1, x0:x1].any()


def test_an_index_beyond_the_palette_in_a_file_cut_off_becomes_the_first() -> None:
    palette = section(np.arange(51, dtype=np.uint8).tobytes())
    wrong = Parts(last=16, palette=palette, stream=section(b"\2\xff\1")).bytes()[:-4]
    assert decode_truncated(wrong).indices.tolist() == [[0, 1]]
