"""The file format: every image comes back, and every damaged file is refused with an error of the one family."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import re
import tracemalloc

import msgpack
import numpy as np
import pytest
import zstandard

import kpal
from kpal_format import (
    CODERS,
    DEFAULT_CODER,
    MAX_PIXELS,
    DamagedError,
    IndexedImage,
    KpalError,
    KpalWarning,
    LimitError,
    Reader,
    TruncatedError,
    UnsupportedError,
    decode_indexed,
    encode_indexed,
    inspect,
    metadata,
    verify,
    zstd_frame,
)
from kpal_format.coders import BY_NAME, decode_tile, encode_tile, zstd
from kpal_format.indexed import check_size

from .. import reference_decoder
from ..files import MAGIC, Parts, frame, section, varint, with_checksum, with_metadata
from ..images import METADATA, random_indexed

SAMPLES = {
    "one colour": random_indexed(3, 5, 1),
    "two colours, one pixel": random_indexed(1, 1, 2),
    "sixteen colours with alpha": random_indexed(7, 9, 16, 4),
    "256 colours": random_indexed(20, 20, 256),
    "metadata": dataclasses.replace(random_indexed(4, 4, 5), metadata=METADATA),
}


def same(a: IndexedImage, b: IndexedImage) -> bool:
    return np.array_equal(a.indices, b.indices) and np.array_equal(a.palette, b.palette) and a.metadata == b.metadata


@pytest.fixture(params=list(SAMPLES.values()), ids=list(SAMPLES))
def data(request: pytest.FixtureRequest) -> bytes:
    image: IndexedImage = request.param
    return encode_indexed(image)


# --- images come back


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (16, 16), (33, 21)])
def test_every_number_of_colours_comes_back_exactly(shape: tuple[int, int], channels: int) -> None:
    for colors in (1, 2, 3, 4, 5, 15, 16, 17, 255, 256):
        image = random_indexed(*shape, colors, channels)
        assert same(decode_indexed(encode_indexed(image)), image)


def test_palettes_keep_their_order_and_their_unused_and_equal_entries() -> None:
    palette = np.array([[9, 9, 9], [0, 0, 0], [9, 9, 9], [255, 1, 2]], np.uint8)
    image = IndexedImage(np.array([[2, 1]], np.uint8), palette)
    assert same(decode_indexed(encode_indexed(image)), image)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("channels", [3, 4])
def test_a_sorted_palette_may_have_the_same_colour_twice(channels: int, coder: str) -> None:
    ascending = np.repeat(np.arange(40, 70, dtype=np.uint8), channels).reshape(-1, channels)
    for twice in (0, 13, 29):
        palette = np.insert(ascending, twice, ascending[twice], axis=0)
        image = IndexedImage(random_indexed(9, 9, len(palette)).indices, palette)
        assert same(decode_indexed(encode_indexed(image, coder=coder)), image)
    distinct = IndexedImage(random_indexed(9, 9, 30).indices, ascending)
    assert same(decode_indexed(encode_indexed(distinct, coder=coder)), distinct)


def test_metadata_comes_back() -> None:
    assert decode_indexed(encode_indexed(SAMPLES["metadata"])).metadata == METADATA


def test_long_metadata_is_compressed() -> None:
    image = dataclasses.replace(SAMPLES["one colour"], metadata=kpal.Metadata(icc_profile=b"long " * 10_000))
    encoded = encode_indexed(image)
    assert len(encoded) < 200
    assert same(decode_indexed(encoded), image)


def test_rows_and_columns_may_have_any_stride() -> None:
    image = random_indexed(12, 10, 7)
    turned = IndexedImage(image.indices.T[::-1], image.palette[::-1])
    assert same(decode_indexed(encode_indexed(turned)), turned)


def test_large_images_are_divided_into_tiles_and_come_back() -> None:
    indices = np.zeros((2100, 2001), np.uint8)
    indices[::3, ::7] = 1
    image = IndexedImage(indices, random_indexed(1, 2, 2).palette)
    encoded = encode_indexed(image)
    assert inspect(encoded).tiles == 2
    assert same(decode_indexed(encoded), image)


def test_overhead_of_a_sprite_is_at_most_40_bytes() -> None:
    image = random_indexed(16, 16, 256)
    assert len(encode_indexed(image)) - image.palette.nbytes - image.indices.nbytes <= 40


def test_packed_indices_are_used_where_they_are_smaller() -> None:
    noise = random_indexed(64, 64, 16)
    assert len(encode_indexed(noise, coder="zstd")) < noise.indices.nbytes / 2 + 100
    stripes = IndexedImage(np.tile(np.arange(15, dtype=np.uint8), (64, 64)), noise.palette)
    assert len(encode_indexed(stripes, coder="zstd")) < 200


# --- what the header says


def test_inspect_reads_the_header_from_the_beginning_of_a_file() -> None:
    encoded = encode_indexed(SAMPLES["metadata"])
    info = inspect(encoded[:-10])
    assert (info.width, info.height, info.colors, info.has_alpha, info.coder) == (4, 4, 5, False, DEFAULT_CODER)
    assert info.metadata == METADATA
    with pytest.raises(TruncatedError):
        inspect(encoded[:20])


def test_verify_checks_the_whole_file_and_returns_nothing(data: bytes) -> None:
    verify(data)
    with pytest.raises(DamagedError):
        verify(data[:-1] + b"!")


# --- damaged files


def test_a_changed_byte_with_the_checksum_mended_is_another_image_or_an_error(data: bytes) -> None:
    random = np.random.default_rng(1)
    positions = range(8, len(data) - 4)
    for position in positions if len(positions) < 100 else random.choice(positions, 100, replace=False).tolist():
        for value in {0, 127, 128, 255, int(random.integers(0, 256))}:
            body = bytearray(data[:-4])
            body[position] = value
            try:
                image = decode_indexed(with_checksum(bytes(body)), max_pixels=1 << 12)
            except KpalError:
                continue
            assert image.indices.max() < len(image.palette)


def test_random_bytes_are_refused() -> None:
    random = np.random.default_rng(2)
    for size in range(200):
        noise = random.bytes(size)
        for candidate in (
            noise,
            MAGIC + noise,
            MAGIC + b"\x02\0\0\1" + noise,
            with_checksum(MAGIC + b"\x02\0\0\1" + noise),
        ):
            with pytest.raises(KpalError):
                decode_indexed(candidate)


@pytest.mark.parametrize(
    ("spoilt", "error", "message"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, DamagedError, "not a .kpal file"),
        (Parts(version=0x10).bytes(), UnsupportedError, "made by a newer kpal: format version 1.0"),
        (Parts(version=0x01).bytes(), UnsupportedError, "made by an older kpal, while the format was a draft: format"),
        (Parts(flags=0b110000).bytes(), UnsupportedError, "made by a newer kpal: unknown feature flags, bit 4, 5"),
        (Parts(coder=99).bytes(), UnsupportedError, "made by a newer kpal: unknown index coder 99"),
        (Parts(width=varint(0)).bytes(), DamagedError, "width is 0"),
        (Parts(height=varint(2**28)).bytes(), DamagedError, "height is 268435456"),
        (Parts(width=b"\x82\0").bytes(), DamagedError, "shortest form"),
        (Parts(width=b"\x82\x80\x80\x80\x80\x01").bytes(), DamagedError, "shortest form"),
        (Parts(width=varint(2**28 - 1), height=varint(2**28 - 1)).bytes(), LimitError, "more than the limit"),
        (Parts(palette=section(b"")).bytes(), DamagedError, "length of the palette is 0"),
        (Parts(palette=section(b"1234567")).bytes(), DamagedError, "length of the palette is 7"),
        (Parts(palette=section(b"12345")).bytes(), DamagedError, "palette"),
        (Parts(last=9, palette=section(b"\0" + frame(b"12345"))).bytes(), DamagedError, "palette: does not declare"),
        (Parts(flags=0b100, last=0, palette=section(b"123"), tile=b"\1\1").bytes(), DamagedError, "can be only one"),
        (Parts(flags=0b100, tile=b"\1\2").bytes(), DamagedError, "can be only one"),
        (Parts(flags=0b100, tile=b"\2\2").bytes(), DamagedError, "rows of a tile is 2, but must be from 1 to 1"),
        (Parts(flags=0b100, tile=b"\1\1").bytes(), DamagedError, "tiles of 1 x 1 pixels are too small"),
        (Parts(stream=section(b"")).bytes(), DamagedError, "length of the index stream is 0"),
        (Parts(stream=section(b"\x03\x40")).bytes(), DamagedError, "unknown form 3"),
        (
            Parts(last=255, palette=section(bytes(768)), stream=section(b"\x01" + frame(b"ab"))).bytes(),
            DamagedError,
            "unknown form 1",
        ),
        (Parts(stream=section(b"\x02\x40\0")).bytes(), DamagedError, "2 bytes where 1"),
        (Parts(stream=section(b"\x02\x60")).bytes(), DamagedError, "fill up a row"),
        (Parts(stream=section(b"\0" + frame(b"\0\2"))).bytes(), DamagedError, "index 2 is outside"),
        (Parts(stream=section(b"\0" + frame(b"\0\1\0"))).bytes(), DamagedError, "does not declare the 2 bytes"),
        (
            Parts(stream=section(b"\0" + frame(b"\0\1", write_content_size=False))).bytes(),
            DamagedError,
            "does not declare",
        ),
        (Parts(stream=section(b"\0" + frame(b"\0\1") + b"!")).bytes(), DamagedError, "index stream"),
        (Parts(stream=section(b"\0" + frame(b"\0\1")[:-1])).bytes(), DamagedError, "index stream"),
        (Parts(after=b"!").bytes(), DamagedError, "bytes follow the end"),
        (Parts().bytes() * 2, DamagedError, "follow the end"),
        (with_metadata(b"\xc1"), DamagedError, "not msgpack"),
        (with_metadata(b"\x91" * 2000), DamagedError, "not msgpack"),
        (with_metadata([1]), DamagedError, "not a map"),
        (with_metadata({b"icc": 0}), DamagedError, "a key is not a string"),
        (with_metadata({"later": {b"x": 1}}), DamagedError, "a key is not a string"),
        (with_metadata(b"\x81\xa1a\xc7\x00\x05"), DamagedError, "an extension"),
        (with_metadata({"later": json.loads("[" * 16 + "]" * 16)}), DamagedError, "nests deeper than 16"),
        (with_metadata(b"\x82\xa1a\x01\xa1a\x02"), DamagedError, "the key 'a' occurs twice"),
        (with_metadata({"icc": True}), DamagedError, "'icc' must be a length"),
        (with_metadata({"exif": -1}), DamagedError, "'exif' must be a length"),
        (with_metadata({"icc": 1 << 24, "xmp": 1}), DamagedError, "at most"),
        (with_metadata({"icc": 9}, b"short"), DamagedError, "metadata"),
        (with_metadata({"text": {"a": 1}}), DamagedError, "'text' must be an array"),
        (with_metadata({"text": [["a"]]}), DamagedError, "pairs"),
        (with_metadata({"text": [["a", 0], ["a", 0]]}), DamagedError, "occurs twice"),
        (with_metadata({"text": [["a", 1]]}, b"\xff"), DamagedError, "not UTF-8"),
        (with_metadata({"density": None}), DamagedError, "'density'"),
        (with_metadata({}, b"junk"), DamagedError, "metadata"),
        (with_metadata({}, frame(b"")), DamagedError, "metadata"),
        (with_metadata({"later": {1: 2}}), DamagedError, "a key is not a string"),
        (with_metadata({"density": [1]}), DamagedError, "'density'"),
        (with_metadata({"density": [0, 1]}), DamagedError, "'density'"),
    ],
)
def test_what_the_specification_forbids_is_refused_with_a_reason(
    spoilt: bytes, error: type[KpalError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        decode_indexed(spoilt)


@pytest.mark.parametrize(
    ("file", "offset"),
    [
        (Parts(palette=section(b"12345")).bytes(), 15),
        (Parts(stream=section(b"\x03\x40")).bytes(), 22),
        (with_metadata(b"\xc1"), 15),
    ],
)
def test_errors_of_a_section_say_where_it_begins(file: bytes, offset: int) -> None:
    with pytest.raises(DamagedError, match=rf"\(at byte {offset}\)") as caught:
        decode_indexed(file)
    assert caught.value.offset == offset


def test_frames_with_a_checksum_or_a_large_window_are_refused() -> None:
    checked = zstandard.ZstdCompressor(write_checksum=True).compress(b"\0\1")[4:]
    # RFC 8878, 3.1.1.1: a frame of two bytes that is not single-segment, its window 2**(10 + 14) bytes; one raw block.
    large = bytes((0b10_0_0_0_0_00, 14 << 3)) + (2).to_bytes(4, "little") + b"\x11\0\0\0\1"
    for content in (checked, large):
        with pytest.raises(DamagedError, match="a frame with"):
            decode_indexed(Parts(stream=section(b"\0" + content)).bytes())


def test_unknown_metadata_is_ignored() -> None:
    assert decode_indexed(with_metadata({"later": [1, {"x": 2}], "icc": 3}, b"abc")).metadata.icc_profile == b"abc"


def test_a_small_file_cannot_ask_for_much_memory() -> None:
    bombs = [
        Parts(width=varint(13_000), height=varint(13_000), stream=section(b"\0" + frame(b"\0"))).bytes(),
        Parts(width=varint(9_000), height=varint(9_000), stream=section(b"\0" + frame(bytes(10**7)))).bytes(),
        Parts(last=255, palette=section(b"\0" + frame(bytes(10**7)))).bytes(),
        with_metadata({"icc": 1 << 24}, frame(bytes(1 << 26))),
        with_metadata(b"\x81\xa1a" + b"\xdd\0\0\xff\xff" * 13_000),
    ]
    tracemalloc.start()
    try:
        for bomb in bombs:
            with pytest.raises(KpalError):
                decode_indexed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_narrow_image_takes_no_more_memory_than_a_wide_one() -> None:
    indices = np.zeros((1_000_000, 1), np.uint8)
    indices[::2] = 1
    encoded = encode_indexed(IndexedImage(indices, random_indexed(1, 2, 2).palette), coder="zstd")
    tracemalloc.start()
    try:
        image = decode_indexed(encoded)
        assert tracemalloc.get_traced_memory()[1] < 4 * indices.size
        image.pixels()
        assert tracemalloc.get_traced_memory()[1] < 10 * indices.size
    finally:
        tracemalloc.stop()
    assert np.array_equal(image.indices, indices)


def test_the_limit_of_pixels_is_the_caller_s_to_choose() -> None:
    encoded = encode_indexed(random_indexed(10, 10, 4))
    assert decode_indexed(encoded, max_pixels=100).indices.shape == (10, 10)
    assert decode_indexed(encoded, max_pixels=None).indices.shape == (10, 10)
    with pytest.raises(LimitError, match="10 x 10 pixels are more than the limit, max_pixels=99"):
        decode_indexed(encoded, max_pixels=99)
    with pytest.raises(TypeError, match="max_pixels must be an int or None"):
        decode_indexed(encoded, max_pixels="99")  # type: ignore[arg-type]
    assert MAX_PIXELS == 178_956_970


# --- files that were cut off


def test_what_is_left_of_a_truncated_file_is_shown_with_a_warning_if_wished() -> None:
    image = random_indexed(64, 64, 200)
    encoded = encode_indexed(image)
    previous = 0
    for size in range(len(encoded) - 64 * 60, len(encoded), 500):
        with pytest.raises(TruncatedError):
            decode_indexed(encoded[:size])
        with pytest.warns(KpalWarning, match=r"the file ends in its .*not verified, and the others have index 0"):
            shown = decode_indexed(encoded[:size], on_error="skip")
        assert shown.indices.shape == image.indices.shape
        right = int((shown.indices == image.indices).sum())
        assert right >= previous
        previous = right
    assert same(decode_indexed(encoded, on_error="skip"), image)


def test_a_truncated_file_without_its_head_and_a_damaged_one_are_still_refused() -> None:
    encoded = encode_indexed(random_indexed(8, 8, 3))
    with pytest.raises(TruncatedError):
        decode_indexed(encoded[:15], on_error="skip")
    with pytest.raises(DamagedError):
        decode_indexed(encoded[:-1] + b"!", on_error="skip")


# --- errors and arguments


def test_errors_are_one_family_that_pillow_s_users_catch_too() -> None:
    for error in (DamagedError, TruncatedError, UnsupportedError, LimitError):
        assert issubclass(error, KpalError)
    assert issubclass(KpalError, OSError)
    assert issubclass(KpalError, ValueError)


def test_errors_say_where_and_survive_pickling() -> None:
    with pytest.raises(TruncatedError) as caught:
        decode_indexed(Parts().bytes()[:10])
    error = pickle.loads(pickle.dumps(caught.value))
    assert type(error) is TruncatedError
    assert (str(error), error.offset) == ("the file ends in its prefix: 4 bytes needed, 2 left (at byte 8)", 8)


@pytest.mark.parametrize("wrong", ["text", 5, None, [1, 2], np.zeros((2, 2), np.float32)[:, ::2]])
def test_only_bytes_are_decoded(wrong: object) -> None:
    with pytest.raises(TypeError, match="data must be"):
        decode_indexed(wrong)  # type: ignore[arg-type]


def test_bytes_of_any_kind_are_decoded() -> None:
    encoded = Parts().bytes()
    for kind in (bytes, bytearray, memoryview):
        assert decode_indexed(kind(encoded)).indices.tolist() == [[0, 1]]


def test_an_unknown_coder_is_a_wrong_argument() -> None:
    with pytest.raises(ValueError, match="unknown coder 'lzw': one of zstd, fast, mix, max"):
        encode_indexed(SAMPLES["one colour"], coder="lzw")


@pytest.mark.parametrize(
    ("indices", "palette", "error"),
    [
        ([[0]], np.zeros((1, 3), np.uint8), TypeError),
        (np.zeros((1, 1), np.int64), np.zeros((1, 3), np.uint8), TypeError),
        (np.zeros(1, np.uint8), np.zeros((1, 3), np.uint8), ValueError),
        (np.zeros((0, 1), np.uint8), np.zeros((1, 3), np.uint8), ValueError),
        (np.zeros((1, 1), np.uint8), np.zeros((0, 3), np.uint8), ValueError),
        (np.zeros((1, 1), np.uint8), np.zeros((257, 3), np.uint8), ValueError),
        (np.zeros((1, 1), np.uint8), np.zeros((1, 2), np.uint8), ValueError),
        (np.ones((1, 1), np.uint8), np.zeros((1, 3), np.uint8), ValueError),
    ],
)
def test_an_indexed_image_is_valid_from_birth(indices: object, palette: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        IndexedImage(indices, palette)  # type: ignore[arg-type]


def test_an_indexed_image_does_not_change_with_the_arrays_that_it_was_made_of() -> None:
    indices, palette = np.zeros((4, 4), np.uint8), np.zeros((2, 3), np.uint8)
    hidden = indices.view()
    hidden.flags.writeable = False
    for given in (indices, hidden, indices[::2]):
        image = IndexedImage(given, palette)
        indices[:] = 1
        palette[:] = 9
        assert not image.indices.any()
        assert not image.palette.any()
        indices[:] = 0
        palette[:] = 0


def test_the_arrays_of_an_indexed_image_are_read_only() -> None:
    image = random_indexed(4, 4, 20)
    for array in (image.indices, image.palette):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_metadata_is_valid_from_birth_immutable_and_picklable() -> None:
    for wrong in (
        {"icc_profile": "text"},
        {"text": {"a": 1}},
        {"text": None},
        {"density": 5},
        {"density": (1.5, 2)},
        {"density": (1, 2, 3)},
    ):
        with pytest.raises(TypeError):
            kpal.Metadata(**wrong)
    assert kpal.Metadata(density=(np.int64(3), True)).density == (3, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="density"):
        kpal.Metadata(density=(0, 1))
    with pytest.raises(TypeError):
        METADATA.text["new"] = "x"  # type: ignore[index]
    assert pickle.loads(pickle.dumps(METADATA)) == METADATA


def test_metadata_that_no_file_can_hold_is_refused() -> None:
    for large in (kpal.Metadata(xmp=bytes((1 << 24) + 1)), kpal.Metadata(text={"k" * 70_000: ""})):
        with pytest.raises(ValueError, match=r"metadata: .* at most"):
            encode_indexed(dataclasses.replace(SAMPLES["one colour"], metadata=large))


# --- where errors are


@pytest.mark.parametrize(
    ("file", "offset"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), 0),
        (Parts(version=0x10).bytes(), 8),
        (Parts(flags=0b10000).bytes(), 9),
        (Parts(flags=0b100, tile=b"\1\2").bytes(), 9),
        (Parts(coder=99).bytes(), 10),
        (Parts(width=varint(0)).bytes(), 12),
        (Parts(width=b"\x82\0").bytes(), 12),
        (Parts(height=varint(2**28)).bytes(), 13),
        (Parts(palette=section(b"")).bytes(), 14),
        (with_metadata(b""), 14),
        (Parts(stream=section(b"")).bytes(), 21),
        (Parts(flags=0b100, tile=b"\2\2").bytes(), 14),
        (Parts(flags=0b100, tile=b"\1\1").bytes(), 14),
        (Parts().bytes()[:-1] + b"!", 24),
        (Parts(after=b"!").bytes(), 28),
        *((Parts().bytes()[:size], at) for size, at in ((9, 8), (12, 12), (13, 13), (14, 14), (15, 15), (20, 15))),
        *((Parts().bytes()[:size], at) for size, at in ((21, 21), (22, 22), (23, 22), (24, 24), (27, 24))),
    ],
)
def test_errors_say_at_which_byte_they_are(file: bytes, offset: int) -> None:
    with pytest.raises(KpalError, match=rf"\(at byte {offset}\)") as caught:
        decode_indexed(file)
    assert caught.value.offset == offset
    with pytest.raises(KpalError) as of_reader:
        Reader(io.BytesIO(file))
    assert (str(of_reader.value), of_reader.value.offset) == (str(caught.value), offset)


def test_what_is_missing_at_the_end_is_counted() -> None:
    for size, message in ((20, "palette: 6 bytes needed, 5 left"), (23, "index stream: 2 bytes needed, 1 left")):
        with pytest.raises(TruncatedError, match=message):
            decode_indexed(Parts().bytes()[:size])


# --- what metadata may be made of


@pytest.mark.parametrize(
    "value",
    [
        *(0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1),
        *(-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**63)),
        *(None, True, False, 0.5, -1e300),
        *("", "ä", "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 65536),
        *(b"", b"x" * 255, b"x" * 256, b"x" * 65536),
        *([], [1] * 15, [1] * 16, [None] * 65536, [[[]], "a", 7]),
        *({}, {"a": {"b": []}}, {str(n): n for n in range(15)}, {str(n): n for n in range(16)}),
        {str(n): n for n in range(65536)},
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:12]}",
)
def test_values_are_read_as_msgpack_reads_them(value: object) -> None:
    packed: bytes = msgpack.packb(value)
    reader = metadata._Reader(packed + b"\x07")
    found = reader.value(1)
    assert (found, type(found)) == (value, type(value))
    assert reader.value(1) == 7
    for size in range(min(len(packed), 9)):
        with pytest.raises(ValueError, match="ends too early"):
            metadata._Reader(packed[:size]).value(1)


@pytest.mark.parametrize(
    ("packed", "value"),
    [
        (b"\xcc\x05", 5),
        (b"\xcd\0\x05", 5),
        (b"\xce\0\0\0\x05", 5),
        (b"\xcf" + bytes(7) + b"\x05", 5),
        (b"\xd0\xff", -1),
        (b"\xd1\xff\xff", -1),
        (b"\xd2\xff\xff\xff\xff", -1),
        (b"\xd3" + b"\xff" * 8, -1),
        (b"\xca\x3f\0\0\0", 0.5),
        (b"\xd9\x01a", "a"),
        (b"\xda\0\x01a", "a"),
        (b"\xdb\0\0\0\x01a", "a"),
        (b"\xc5\0\x01a", b"a"),
        (b"\xc6\0\0\0\x01a", b"a"),
        (b"\xdc\0\x01\x07", [7]),
        (b"\xdd\0\0\0\x01\x07", [7]),
        (b"\xde\0\x01\xa1a\x07", {"a": 7}),
        (b"\xdf\0\0\0\x01\xa1a\x07", {"a": 7}),
    ],
)
def test_values_in_a_longer_form_than_they_need_are_read(packed: bytes, value: object) -> None:
    assert msgpack.unpackb(packed) == value
    assert metadata._Reader(packed).value(1) == value


@pytest.mark.parametrize("kind", [0xC1, 0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8])
def test_extensions_and_what_is_no_type_are_refused(kind: int) -> None:
    with pytest.raises(ValueError, match=f"a value of type {kind:#x}"):
        metadata._Reader(bytes((kind,)) + bytes(40)).value(1)


def test_a_density_has_31_bits() -> None:
    for density in ((1, 2**31 - 1), (2**31 - 1, 1)):
        assert decode_indexed(with_metadata({"density": list(density)})).metadata.density == density
        assert kpal.Metadata(density=density).density == density
    for wrong in ((1, 2**31), (2**31, 1), (0, 1), (1, 0), (1, -1)):
        with pytest.raises(DamagedError, match="'density'"):
            decode_indexed(with_metadata({"density": list(wrong)}))
        with pytest.raises(ValueError, match="density"):
            kpal.Metadata(density=wrong)


# --- what a file says of itself


def test_info_has_the_sizes_of_the_parts_and_goes_into_json() -> None:
    file = with_metadata({"icc": 3, "text": [["a", 2]], "density": [5, 6]}, b"abcde")
    info = inspect(file)
    header = msgpack.packb({"icc": 3, "text": [["a", 2]], "density": [5, 6]})
    assert (info.palette_bytes, info.metadata_bytes) == (6, len(header) + 5)
    assert info.as_dict() == {
        "version": "0.9",
        "width": 2,
        "height": 1,
        "colors": 2,
        "has_alpha": False,
        "coder": "zstd",
        "tiles": 1,
        "frames": 1,
        "durations": (),
        "loop": 0,
        "palette_bytes": 6,
        "metadata_bytes": len(header) + 5,
        "metadata": {"icc_profile": 3, "density": (5, 6), "text": {"a": "de"}},
    }
    assert inspect(Parts().bytes()).as_dict()["metadata"] == {}


def test_an_image_has_up_to_28_bits_of_rows_and_columns() -> None:
    for width, height in ((1, 2**28 - 1), (2**28 - 1, 1)):
        check_size(width, height)
        assert inspect(Parts(width=varint(width), height=varint(height)).bytes()).width == width
    for width, height in ((1, 2**28), (2**28, 1), (0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"not {height} x {width}"):
            check_size(width, height)


# --- frames


def test_a_frame_that_was_cut_off_yields_its_beginning() -> None:
    content = np.random.default_rng(1).bytes(300_000)
    packed = zstd_frame.compress(content)
    yields = [len(zstd_frame.decompress_some(packed[:size], len(content))) for size in range(0, len(packed), 9973)]
    assert yields == sorted(yields)
    assert yields[0] == 0 < yields[-1] < len(content)
    for size in (0, 1, 131_072, 131_073, 299_999, 300_000, 400_000):
        assert zstd_frame.decompress_some(packed, size) == content[:size]
        assert zstd_frame.decompress_some(packed[:-1000], size) == content[: min(size, yields[-1])]
    assert zstd_frame.decompress_some(b"garbage", 100) == b""


def test_a_frame_cannot_stand_for_more_than_its_blocks_can() -> None:
    for length, size in ((3, 1 << 17), (4, 1 << 18), (7, 1 << 18), (8, 3 << 17)):
        with pytest.raises(DamagedError, match=r"what: (?!.*cannot hold)"):
            zstd_frame.decompress(bytes(length), size, "what")
        for wrong in (0, -1, size + 1):
            with pytest.raises(DamagedError, match=f"what: {length} bytes cannot hold {wrong} bytes of content"):
                zstd_frame.decompress(bytes(length), wrong, "what")


# --- limits


@pytest.mark.parametrize("kind", ["arrays", "maps"])
def test_values_nest_16_deep_and_no_deeper(kind: str) -> None:
    for depth in (15, 16):
        value: object = 7
        for _ in range(depth):
            value = [value] if kind == "arrays" else {"a": value}
        packed: bytes = msgpack.packb(value)
        if depth == 15:
            assert metadata._Reader(packed).value(1) == value
        else:
            with pytest.raises(ValueError, match="nests deeper than 16"):
                metadata._Reader(packed).value(1)


def test_tiles_have_65536_pixels_at_least() -> None:
    for rows, columns, enough in ((256, 256, True), (255, 256, False), (256, 255, False), (1, 65536, True)):
        file = Parts(flags=0b100, width=varint(70_000), height=varint(600), tile=varint(rows) + varint(columns)).bytes()
        if enough:
            assert inspect(file).tiles == -(-600 // rows) * -(-70_000 // columns)
        else:
            with pytest.raises(DamagedError, match=f"tiles of {columns} x {rows} pixels are too small"):
                inspect(file)


# --- bits


@pytest.mark.parametrize("colors", [1, 2, 3, 4, 5, 15, 16, 17, 255, 256])
def test_zstd_packs_indices_into_as_few_bits_as_their_number_needs(colors: int) -> None:
    bits = 1 if colors < 3 else 2 if colors < 5 else 4 if colors < 17 else 8
    for shape in ((40, 40), (7, 33), (3, 1)):
        image = random_indexed(*shape, colors)
        data = encode_indexed(image, coder="zstd")
        assert same(decode_indexed(data), image)
        assert reference_decoder.decode(data)[4] == image.indices.tobytes()
        tile = encode_tile(BY_NAME["zstd"], image.indices, image.palette)
        if colors in (2, 4, 16) and shape == (40, 40):  # noise, of which Zstandard makes nothing smaller
            assert tile[0] != 0
            assert len(tile) <= 1 + 40 * 40 * bits // 8
        stored = bytes((2,)) + zstd._pack(image.indices, bits)
        assert len(stored) == 1 + shape[0] * -(-shape[1] * bits // 8)
        assert np.array_equal(decode_tile(BY_NAME["zstd"], stored, shape, image.palette), image.indices)


def test_dots_per_inch_are_those_of_the_density() -> None:
    assert kpal.Metadata(density=(10_000, 20_000)).dpi == (254, 508)
    assert kpal.Metadata().dpi is None
