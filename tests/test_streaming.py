"""Tiles, regions and rows: images of which only parts are wanted, or fit into memory."""

from __future__ import annotations

import array
import codecs
import gzip
import io
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal_format import DamagedError, LimitError, TruncatedError, container, encode_indexed

from . import reference_decoder
from .files import use_small_tiles
from .images import METADATA, gradient, random_indexed, soft_icon

IMAGE = random_indexed(100, 130, 19)
REGIONS = [(0, 0, 130, 100), (0, 0, 1, 1), (129, 99, 130, 100), (31, 30, 34, 70), (40, 0, 90, 100), (0, 64, 130, 65)]


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 33 columns and 25 to 31 rows."""
    use_small_tiles(monkeypatch)


@pytest.fixture(params=["zstd", "fast", "mix"])
def tiled(request: pytest.FixtureRequest, small_tiles: None) -> bytes:
    return encode_indexed(IMAGE, coder=request.param)


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
    monkeypatch.setattr(container, "tile_shape", lambda *_: (400, 170))
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


class Pipe:
    """An object with `write` and nothing else."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += bytes(data)


class Raw(io.RawIOBase):
    """An unbuffered file that takes at most 100 bytes at a time."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: Any) -> int:
        self.data += bytes(data[:100])
        return min(len(data), 100)


def appended_by_descriptor(path: Path) -> IO[bytes]:
    """A file that appends without its mode saying so, like standard output after `>>`."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "wb")


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[IO[bytes]]:
    """The temporary files that will have been opened."""
    opened: list[IO[bytes]] = []
    temporary = tempfile.TemporaryFile

    def told() -> IO[bytes]:
        opened.append(temporary())
        return opened[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", told)
    return opened


PALETTE = np.array([[0, 0, 0], [99, 50, 200], [255, 255, 255]], np.uint8)


def written_between(target: Any, before: bytes = b"", coder: str = "zstd") -> bytes:
    """Writes an image after some bytes and before others; returns what the file should hold then."""
    pixels = gradient(100, 130)
    target.write(before)
    with kpal.open_writer(target, 130, 100, palette=PALETTE, coder=coder) as writer:
        for rows in strips(pixels, 10, 60):
            writer.write(rows)
    target.write(b"after")
    return before + kpal.encode(pixels, palette=PALETTE, coder=coder) + b"after"


@pytest.mark.parametrize("coder", ["zstd", "mix"])
@pytest.mark.parametrize("kind", [Pipe, Raw])
def test_a_target_that_cannot_seek_gets_the_same_file(
    small_tiles: None, spools: list[IO[bytes]], kind: Any, coder: str
) -> None:
    target = kind()
    assert written_between(target, b"before", coder) == target.data
    assert [spool.closed for spool in spools] == [True]


def test_a_compressing_file_gets_the_same_file(small_tiles: None, spools: list[IO[bytes]]) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        expected = written_between(file, b"before")
    assert gzip.decompress(packed.getvalue()) == expected
    assert [spool.closed for spool in spools] == [True]


@pytest.mark.parametrize(
    "opener",
    [
        lambda path: path.open("wb"),
        lambda path: path.open("wb", buffering=0),
        lambda path: path.open("w+b"),
        lambda path: tempfile.NamedTemporaryFile(dir=path.parent),  # noqa: SIM115
    ],
)
def test_the_index_is_filled_in_where_the_target_can_seek(
    small_tiles: None, tmp_path: Path, spools: list[IO[bytes]], opener: Callable[[Path], IO[bytes]]
) -> None:
    memory = io.BytesIO()
    expected = written_between(memory, b"before")
    assert memory.getvalue() == expected
    with opener(tmp_path / "x") as file:
        written_between(file, b"before")
        file.flush()
        assert Path(file.name).read_bytes() == expected
    assert not spools


@pytest.mark.parametrize("opener", [lambda path: path.open("ab"), appended_by_descriptor])
def test_a_target_that_appends_gets_the_file_at_its_end(
    small_tiles: None, tmp_path: Path, opener: Callable[[Path], IO[bytes]]
) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with opener(tmp_path / "x") as file:
        expected = written_between(file, b"before")
    assert (tmp_path / "x").read_bytes() == b"old" + expected


@pytest.mark.skipif(not hasattr(os, "pipe"), reason="there are no pipes")
def test_a_real_pipe_gets_the_file(small_tiles: None) -> None:
    pixels, palette = gradient(100, 130), [(0, 0, 0), (255, 255, 255)]
    here, there = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(here, "rb") as source:
        received = pool.submit(source.read)
        target = os.fdopen(there, "wb", buffering=0)
        with target, kpal.open_writer(target, 130, 100, palette=palette) as writer:
            writer.write(pixels)
        assert received.result() == kpal.encode(pixels, palette=palette)


def test_a_temporary_file_goes_with_a_writer_that_fails(
    small_tiles: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pixels, pipe = gradient(100, 130), Pipe()
    for rows in (pixels[:60], pixels[:, :5]):
        with (
            pytest.raises(ValueError, match="missing"),
            kpal.open_writer(pipe, 130, 100, palette=[(0, 0, 0), (9, 9, 9)]) as writer,
        ):
            writer.write(rows)
    writer = kpal.open_writer(pipe, 130, 100, palette=[(0, 0, 0), (9, 9, 9)])
    writer.write(pixels[:60])
    with pytest.warns(ResourceWarning, match="was not closed"):
        del writer
    assert not list(tmp_path.iterdir())
    assert pipe.data == b""


def test_a_raw_file_that_is_not_ready_is_an_error() -> None:
    class Busy(io.RawIOBase):
        def write(self, data: object) -> None:
            """Takes nothing, as a pipe that is full and does not block."""

    writer = kpal.open_writer(Busy(), 2, 2, palette=[(0, 0, 0)])
    writer.write(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(BlockingIOError, match="not ready"):
        writer.close()


class Minimal:
    """A file with `read` and `seek` and nothing else, each read of which gets at most some bytes."""

    def __init__(self, data: Any, most: int = 1 << 30) -> None:
        self._data, self._most, self._at = data, most, 0

    def seek(self, at: int) -> None:
        self._at = at

    def read(self, size: int) -> Any:
        part = self._data[self._at : self._at + min(size, self._most)]
        self._at += len(part)
        return part


@pytest.mark.parametrize(
    "kind",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: np.frombuffer(data, np.uint8),
        lambda data: array.array("B", data),
        Minimal,
        lambda data: Minimal(data, 1),
        lambda data: Minimal(data, 1000),
        lambda data: Minimal(bytearray(data)),
        lambda data: Minimal(memoryview(data)),
    ],
)
def test_bytes_and_all_objects_with_read_and_seek_can_be_read(tiled: bytes, kind: Any) -> None:
    with kpal.open_reader(kind(tiled)) as reader:
        assert np.array_equal(reader.read((40, 30, 50, 70)), IMAGE.pixels()[30:70, 40:50])
        assert np.array_equal(np.vstack(list(reader.rows())), IMAGE.pixels())


class Greedy(Minimal):
    def read(self, size: int) -> Any:
        return self._data


@pytest.mark.parametrize(
    ("file", "error", "message"),
    [
        (Minimal("text" * 50), TypeError, r"open for binary reading; read\(\) returns str"),
        (io.StringIO("text"), TypeError, "not as text"),
        (codecs.getreader("latin-1")(io.BytesIO(b"text" * 50)), TypeError, r"read\(\) returns str"),
        (Minimal([None] * 50), TypeError, r"read\(\) returns list"),
        (Greedy(bytes(5000)), ValueError, r"Greedy.read\(4096\) returns 5000 bytes"),
        (np.zeros((4, 4), np.uint8)[:, ::2], TypeError, "ndarray has no read"),
        (b"", TruncatedError, "magic number"),
        (b"x.kpal", DamagedError, "not a .kpal file"),
    ],
)
def test_what_is_no_binary_file_is_an_error_that_says_so(file: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        kpal.open_reader(file)


def test_a_reader_of_bytes_can_be_pickled(tiled: bytes) -> None:
    for data in (tiled, bytearray(tiled), memoryview(tiled)):
        reader = pickle.loads(pickle.dumps(kpal.open_reader(data, max_pixels=130 * 31, on_error="skip")))
        assert np.array_equal(reader.read((0, 0, 130, 25)), IMAGE.pixels()[:25])
        with pytest.raises(LimitError):
            reader.read()


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


def test_a_reader_has_larger_images_than_its_limit(tiled: bytes) -> None:
    with kpal.open_reader(io.BytesIO(tiled), max_pixels=130 * 31) as reader:
        assert sum(map(len, reader.rows())) == 100
        with pytest.raises(LimitError):
            reader.read()


def test_a_reader_refuses_what_the_decoder_refuses(tiled: bytes) -> None:
    for data in (b"", tiled[:30], tiled[:-1], tiled + b"!", tiled[:60] + b"\xff" + tiled[61:]):
        with pytest.raises(DamagedError) as expected:
            kpal.decode(data)
        with pytest.raises(DamagedError) as caught, kpal.open_reader(io.BytesIO(data)) as reader:
            reader.read()
        assert (type(caught.value), str(caught.value)) == (type(expected.value), str(expected.value))


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tiled: bytes) -> None:
    file = io.BytesIO(tiled)
    with kpal.open_reader(file) as reader:
        file.truncate(200)
        with pytest.raises(TruncatedError, match="the file ends here"):
            reader.read()
