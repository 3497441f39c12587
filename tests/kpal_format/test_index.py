"""The index of files of several tiles: what is read is verified, damage is named, and nothing else is read."""

from __future__ import annotations

import io
import random
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

import kpal
from kpal_format import (
    DamagedError,
    IndexedImage,
    KpalError,
    KpalWarning,
    Reader,
    TruncatedError,
    container,
    decode_indexed,
    encode_indexed,
    verify,
)

from ..files import Parts, frame, index_of, section, use_small_tiles, varint
from ..images import METADATA, random_indexed
from ..kernels import with_compiler

WIDTH, HEIGHT = 130, 100
Region = tuple[int, int, int, int]


class Counted:
    """A file with `read` and `seek` and nothing else, which counts its reads and their bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self.reads = self.bytes = 0

    def seek(self, at: int) -> None:
        self._at = at

    def read(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        self._at += len(part)
        self.reads += 1
        self.bytes += len(part)
        return part


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> IndexedImage:
    """An image of 4 x 4 tiles, none of whose pixels has index 0."""
    use_small_tiles(monkeypatch)
    noise = random_indexed(HEIGHT, WIDTH, 19)
    return IndexedImage(np.maximum(noise.indices, 1), noise.palette, METADATA)


@pytest.fixture(params=["zstd", pytest.param("mix", marks=with_compiler)])
def data(request: pytest.FixtureRequest, image: IndexedImage) -> bytes:
    return encode_indexed(image, coder=request.param)


def tiles_of(data: bytes) -> list[tuple[Region, range]]:
    """The region of each tile, and its bytes in the file, found without the codec's own index."""
    head = container.read_head(data)
    at = head.size + 8 * head.tiles + 4
    found: list[tuple[Region, range]] = []
    for number in range(head.tiles):
        entry = head.size + 8 * number
        length = int.from_bytes(data[entry : entry + 4], "little")
        assert zlib.crc32(data[at : at + length]) == int.from_bytes(data[entry + 4 : entry + 8], "little")
        found.append((head.tile(number), range(at, at + length)))
        at += length
    assert at == len(data)
    return found


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    return data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :]


def with_index(data: bytes, change: Callable[[np.ndarray], object]) -> bytes:
    """The file with a changed index, whose checksum is right."""
    head = container.read_head(data)
    end = head.size + 8 * head.tiles
    entries = np.frombuffer(data[head.size : end], "<u4").reshape(-1, 2).copy()
    change(entries)
    start = data[: head.size] + entries.tobytes()
    return start + zlib.crc32(start).to_bytes(4, "little") + data[end + 4 :]


def inside(indices: np.ndarray, region: Region) -> np.ndarray:
    x0, y0, x1, y1 = region
    return indices[y0:y1, x0:x1]


# --- layout


def test_the_index_has_length_and_crc_of_each_tile_and_the_head_a_checksum(data: bytes) -> None:
    assert len(tiles_of(data)) == 16
    head = container.read_head(data)
    end = head.size + 8 * 16
    assert int.from_bytes(data[end : end + 4], "little") == zlib.crc32(data[:end])
    assert data[9] & 4


def test_one_tile_takes_four_bytes_of_checksum_and_no_index() -> None:
    assert encode_indexed(decode_indexed(Parts().bytes()), coder="zstd") == Parts().bytes()
    assert len(Parts().bytes()) == 8 + 4 + 2 + 7 + 3 + 4


def test_more_tiles_than_an_index_may_have_are_an_error_of_the_writer() -> None:
    palette = random_indexed(1, 2, 2).palette
    with pytest.raises(ValueError, match=r"268435455 x 268435455 pixels take .* tiles; a file holds at most 16777216"):
        kpal.open_writer(io.BytesIO(), 2**28 - 1, 2**28 - 1, palette=palette)


# --- damage


def test_every_flipped_byte_of_a_tile_is_named_by_that_tile(image: IndexedImage) -> None:
    data = encode_indexed(image, coder="zstd")
    tiles = tiles_of(data)
    for number, (region, places) in enumerate(tiles):
        row, column = divmod(number, 4)
        for at in places:
            with pytest.raises(DamagedError) as caught:
                decode_indexed(flipped(data, at, 1 << at % 8))
            assert caught.value.region == region
            assert str(caught.value).startswith(f"tile in row {row}, column {column}, region {tuple(region)}: ")


def test_every_flipped_bit_before_the_tiles_is_an_error_whatever_is_read(data: bytes) -> None:
    for at in range(tiles_of(data)[0][1].start):
        for bit in range(8):
            damaged = flipped(data, at, 1 << bit)
            with pytest.raises(KpalError):
                decode_indexed(damaged, on_error="skip")
            with pytest.raises(KpalError):
                Reader(Counted(damaged)).read((0, 0, 1, 1))


def test_the_rest_of_a_damaged_file_comes_with_a_warning_that_names_what_is_missing(
    image: IndexedImage, data: bytes
) -> None:
    tiles = tiles_of(data)
    damaged = flipped(flipped(data, tiles[9][1][3]), tiles[2][1][-1])
    with pytest.warns(KpalWarning) as caught:
        shown = decode_indexed(damaged, on_error="skip")
    (message,) = (str(warning.message) for warning in caught)
    assert message.startswith("2 of 16 tiles are damaged, and their pixels have index 0: ")
    assert f"tile in row 0, column 2, region {tuple(tiles[2][0])}: its checksum does not match" in message
    assert f"tile in row 2, column 1, region {tuple(tiles[9][0])}: its checksum does not match" in message
    expected = image.indices.copy()
    for number in (2, 9):
        inside(expected, tiles[number][0])[:] = 0
    assert np.array_equal(shown.indices, expected)
    assert shown.metadata == METADATA


def test_a_warning_of_many_tiles_names_some_and_counts_all(data: bytes) -> None:
    damaged = bytearray(data)
    for _, places in tiles_of(data):
        damaged[places[0]] ^= 255
    with pytest.warns(KpalWarning, match=r"16 of 16 tiles are damaged.*; and 8 more$"):
        shown = decode_indexed(damaged, on_error="skip")
    assert not shown.indices.any()


def test_a_region_is_read_whatever_happened_to_other_tiles(image: IndexedImage, data: bytes) -> None:
    tiles = tiles_of(data)
    damaged = flipped(data, tiles[5][1][0])
    for number, (region, _) in enumerate(tiles):
        for read in (lambda r: decode_indexed(damaged, region=r), Reader(Counted(damaged)).read):
            if number == 5:
                with pytest.raises(DamagedError, match="tile in row 1, column 1"):
                    read(region)
            else:
                assert np.array_equal(read(region).indices, inside(image.indices, region))


def test_a_region_of_a_damaged_file_comes_too(image: IndexedImage, data: bytes) -> None:
    tiles = tiles_of(data)
    damaged = flipped(data, tiles[5][1][0])
    expected = image.indices.copy()
    inside(expected, tiles[5][0])[:] = 0
    region = (20, 20, 70, 90)
    for reader in (Reader(damaged, on_error="skip"), kpal.open_reader(damaged, on_error="skip")._reader):
        with pytest.warns(KpalWarning, match="1 of 12 tiles are damaged"):
            assert np.array_equal(reader.read(region).indices, inside(expected, region))
        with pytest.raises(DamagedError):
            reader.read(region, on_error="raise")
    with kpal.open_reader(damaged) as opened, pytest.warns(KpalWarning, match="1 of 4 tiles are damaged"):
        rows = np.vstack(list(opened.rows(on_error="skip")))
    assert np.array_equal(rows, image.palette[expected])
    with pytest.warns(KpalWarning, match="1 of 16 tiles are damaged"):
        assert np.array_equal(kpal.decode(damaged, on_error="skip"), rows)


@pytest.mark.parametrize("value", ["ignore", "", True])
def test_other_ways_to_treat_errors_are_an_error(value: Any) -> None:
    data = Parts().bytes()
    for use in (
        lambda: kpal.decode(data, on_error=value),
        lambda: kpal.open_reader(data, on_error=value),
        lambda: Reader(data).read(on_error=value),
    ):
        with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip'"):
            use()


def test_a_file_that_was_cut_off_has_the_tiles_before_the_cut(image: IndexedImage, data: bytes) -> None:
    tiles = tiles_of(data)
    for cut in (tiles[0][1].start, tiles[3][1].start, tiles[3][1].start + 1, tiles[8][1].stop - 1, len(data) - 1):
        damaged = data[:cut]
        with pytest.raises(TruncatedError, match="the file ends here"):
            decode_indexed(damaged)
        with pytest.warns(KpalWarning, match="the file ends here"):
            shown = decode_indexed(damaged, on_error="skip").indices
        for region, places in tiles:
            right = inside(image.indices, region) if places.stop <= cut else 0
            assert (inside(shown, region) == right).all()
    with pytest.raises(TruncatedError):
        decode_indexed(data[: tiles[0][1].start - 1], on_error="skip")


def test_bytes_behind_the_last_tile_are_found_by_whoever_reads_to_the_end(image: IndexedImage, data: bytes) -> None:
    longer = data + b"!"
    for read in (lambda r: decode_indexed(longer, region=r), Reader(Counted(longer)).read):
        for region in (None, (0, 0, 130, 100), (0, 99, 130, 100)):
            with pytest.raises(DamagedError, match="bytes follow the end"):
                read(region)
        assert np.array_equal(read((1, 0, 130, 100)).indices, image.indices[:, 1:])
    with kpal.open_reader(longer) as reader, pytest.raises(DamagedError, match="bytes follow the end"):
        list(reader.rows())
    with pytest.raises(DamagedError, match="bytes follow the end"):
        verify(longer)
    assert np.array_equal(decode_indexed(longer, on_error="skip").indices, image.indices)


def test_verifying_finds_every_flipped_byte(data: bytes) -> None:
    verify(data)
    for at in range(0, len(data), 7):
        with pytest.raises(KpalError):
            verify(flipped(data, at))


def test_a_tile_whose_checksum_is_right_and_whose_bytes_are_wrong_is_named_and_skipped_too() -> None:
    palette = section(bytes(6))
    row, wrong = b"\1" + frame(b"\xff" * 8192), b"\3" + frame(bytes(8192))
    file = Parts(
        flags=4,
        width=varint(65536),
        height=varint(2),
        tile=varint(1) + varint(65536),
        palette=palette,
        stream=index_of((row, wrong)),
        after=row + wrong,
    ).bytes()
    with pytest.raises(DamagedError, match=r"tile in row 1, column 0, region \(0, 1, 65536, 2\): .*unknown form 3"):
        decode_indexed(file)
    with pytest.warns(KpalWarning, match="1 of 2 tiles are damaged.*unknown form 3"):
        assert decode_indexed(file, on_error="skip").indices.sum(axis=1).tolist() == [65536, 0]


# --- indices that lie


@pytest.mark.parametrize("value", [1, 2**31, 2**32 - 1])
def test_a_length_that_lies_gives_no_wrong_pixel(image: IndexedImage, data: bytes, value: int) -> None:
    for number in (0, 7, 15):

        def change(entries: np.ndarray, number: int = number) -> None:
            entries[number, 0] = value

        lying = with_index(data, change)
        with pytest.raises(DamagedError):
            decode_indexed(lying)
        with pytest.warns(KpalWarning):
            shown = decode_indexed(lying, on_error="skip").indices
        assert ((shown == image.indices) | (shown == 0)).all()
        for at, (region, _) in enumerate(tiles_of(data)):
            assert bool(inside(shown, region).any()) == (at < number)


def test_a_length_of_nothing_is_refused_by_name(data: bytes) -> None:
    lying = with_index(data, lambda entries: entries.__setitem__((6, 0), 0))
    with pytest.raises(DamagedError, match=r"tile in row 1, column 2, .*its length is 0"):
        Reader(lying)


def test_random_indices_give_no_wrong_pixel_and_no_other_error(image: IndexedImage, data: bytes) -> None:
    chance = random.Random(5)  # noqa: S311

    def change(entries: np.ndarray) -> None:
        for _ in range(chance.choice((1, 1, 2, 9))):
            a, b, column = chance.randrange(16), chance.randrange(16), chance.randrange(2)
            match chance.randrange(4):
                case 0:
                    entries[a, column] = chance.choice((0, 1, 2**32 - 1, chance.randrange(2**32), entries[b, column]))
                case 1:
                    entries[[a, b]] = entries[[b, a]]
                case 2:
                    step = chance.randrange(1, 50)
                    entries[a, 0] += np.uint32(step)
                    entries[b, 0] -= np.uint32(min(step, entries[b, 0]))
                case _:
                    entries[a, column] ^= np.uint32(1 << chance.randrange(32))

    right = wrong = 0
    for _ in range(150):
        lying = with_index(data, change)
        with warnings.catch_warnings(action="ignore", category=KpalWarning):
            try:
                shown = decode_indexed(lying, on_error="skip").indices
            except DamagedError:
                wrong += 1
                continue
        assert ((shown == image.indices) | (shown == 0)).all()
        right += 1
    assert min(right, wrong) > 5


@pytest.mark.parametrize(
    ("width", "height", "rows", "columns"),
    [(2**28 - 1, 2**28 - 1, 2**12, 2**12), (2**28 - 1, 2**24, 1 << 12, 1 << 16), (65536, 2**24, 1, 65536)],
    ids=["2^32 tiles", "2^24 tiles", "2^24 rows"],
)
def test_a_small_file_that_claims_a_large_index_is_refused_at_once(
    width: int, height: int, rows: int, columns: int
) -> None:
    tile = varint(rows) + varint(columns)
    claims = Parts(flags=4, width=varint(width), height=varint(height), tile=tile, stream=bytes(60)).bytes()
    tracemalloc.start()
    start = time.process_time()
    try:
        for read in (kpal.decode, kpal.open_reader, lambda data: kpal.open_reader(Counted(data))):
            with pytest.raises(DamagedError):
                read(claims)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 0.5


# --- what is read


@pytest.fixture
def of_81_tiles(monkeypatch: pytest.MonkeyPatch) -> bytes:
    for name, value in (("_TILE", 3500), ("_HUGE_TILE", 3500), ("_HUGE", 0), ("_HUGE_TILE_SIDE", 60)):
        monkeypatch.setattr(container, name, value)
    monkeypatch.setattr(container, "_LEAST_TILE", 1)
    data = encode_indexed(random_indexed(520, 535, 256), coder="zstd")
    assert kpal.inspect(data).tiles == 81
    return data


def test_opening_and_one_region_read_a_small_part_of_the_file(of_81_tiles: bytes) -> None:
    file = Counted(of_81_tiles)
    with kpal.open_reader(file) as reader:
        assert (file.reads, file.bytes) == (1, 4096)
        assert np.array_equal(reader.read((100, 100, 200, 150)), kpal.decode(of_81_tiles)[100:150, 100:200])
    assert file.bytes < len(of_81_tiles) / 5


def test_a_region_takes_one_read_for_each_run_of_tiles(of_81_tiles: bytes) -> None:
    file = Counted(of_81_tiles)
    with kpal.open_reader(file) as reader:
        for region, reads in (
            ((240, 300, 241, 301), 1),  # one tile
            ((130, 300, 500, 301), 1),  # seven neighbours
            ((0, 200, 535, 400), 1),  # whole rows of tiles
            ((100, 200, 250, 400), 4),  # parts of four rows of tiles
            ((465, 480, 535, 520), 1),  # the last ones
            (None, 2),  # and a look behind the end
        ):
            before = file.reads
            reader.read(region)
            assert file.reads - before == reads


@pytest.mark.parametrize("size", [5000, 3_000_000])
def test_large_metadata_take_a_second_read_with_the_index(image: IndexedImage, size: int) -> None:
    noise = np.random.default_rng(1).bytes(size)
    data = encode_indexed(IndexedImage(image.indices, image.palette, kpal.Metadata(xmp=noise)), coder="zstd")
    file = Counted(data)
    reader = Reader(file)
    assert reader.metadata.xmp == noise
    assert file.reads == (2 if size < 2**20 else 4)
    assert file.bytes <= tiles_of(data)[0][1].start + 2048


def test_a_small_file_is_read_once(image: IndexedImage) -> None:
    data = encode_indexed(IndexedImage(image.indices[:20, :20], image.palette), coder="zstd")
    file = Counted(data)
    assert np.array_equal(Reader(file).read().indices, image.indices[:20, :20])
    assert file.bytes == len(data)
    with pytest.raises(DamagedError, match="checksum"):
        Reader(flipped(data, 20))


def test_a_file_of_one_tile_is_verified_with_its_pixels() -> None:
    data = encode_indexed(random_indexed(100, 100, 256), coder="zstd")
    file = Counted(data)
    reader = Reader(file)
    assert file.bytes == 4096
    assert np.array_equal(reader.read((5, 5, 9, 9)).indices, random_indexed(100, 100, 256).indices[5:9, 5:9])
    for at in (13, 300, 5000, len(data) - 1):
        with pytest.raises(KpalError):
            Reader(flipped(data, at)).read((5, 5, 9, 9))


# --- Pillow


@pytest.fixture
def _truncated_images_load() -> Iterator[None]:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    yield
    ImageFile.LOAD_TRUNCATED_IMAGES = False


def test_pillow_crops_what_is_not_damaged(image: IndexedImage, data: bytes) -> None:
    damaged = flipped(data, tiles_of(data)[5][1][0])
    with Image.open(io.BytesIO(damaged)) as opened:
        assert np.array_equal(np.asarray(opened.crop((0, 0, 130, 20))), image.indices[:20])
        with pytest.raises(DamagedError, match="tile in row 1, column 1"):
            opened.crop((0, 0, 130, 60))
        with pytest.raises(DamagedError, match="tile in row 1, column 1"):
            opened.load()
    with Image.open(io.BytesIO(damaged)) as opened, pytest.raises(DamagedError, match="tile in row 1, column 1"):
        opened.verify()


@pytest.mark.usefixtures("_truncated_images_load")
def test_pillow_shows_the_rest_of_a_damaged_file_if_told_to(image: IndexedImage, data: bytes) -> None:
    tiles = tiles_of(data)
    expected = image.indices.copy()
    inside(expected, tiles[5][0])[:] = inside(expected, tiles[15][0])[:] = 0
    damaged = flipped(data, tiles[5][1][0])[:-1]
    with Image.open(io.BytesIO(damaged)) as opened:
        with pytest.warns(KpalWarning, match="1 of 8 tiles are damaged"):
            assert np.array_equal(np.asarray(opened.crop((0, 0, 130, 40))), expected[:40])
        assert opened.tile
        with pytest.warns(KpalWarning, match="2 of 16 tiles are damaged"):
            assert np.array_equal(np.asarray(opened), expected)
