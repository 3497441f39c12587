"""The conformance vectors: what must be read is, what must be rejected is, and damage never goes unseen."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kpal_format import KpalError, Reader, TruncatedError, decode_indexed, encode_indexed, inspect

from .. import reference_decoder
from ..files import SPECIFICATION, VECTORS, Parts
from ..kernels import plain, plain_fast
from ..reference_decoder import Decoded

VALID = sorted((VECTORS / "valid").glob("*.kpal"))
INVALID = sorted((VECTORS / "invalid").glob("*.kpal"))
MANIFEST: dict[str, dict[str, Any]] = json.loads((VECTORS / "valid.json").read_text())
BLOBS = {"icc": "icc_profile", "exif": "exif", "xmp": "xmp"}


def decode(data: bytes) -> Decoded:
    """With the codec, in the terms of the reference decoder."""
    reader = Reader(data)
    palette, metadata, animation = reader.palette, reader.metadata, reader.animation
    indices = b"".join(frame.tobytes() for frame in reader.iterate())
    found = {key: blob for key, name in BLOBS.items() if (blob := getattr(metadata, name)) is not None}
    found |= {"text": dict(metadata.text)} if metadata.text else {}
    found |= {"density": list(metadata.density)} if metadata.density else {}
    timing = (list(animation.durations), animation.loop) if animation else (None, 0)
    return Decoded(reader.width, reader.height, palette.shape[1], palette.tobytes(), indices, found, *timing)


@pytest.fixture(params=["installed", "plain Python", "reference"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Decoded]:
    if request.param == "reference":
        return reference_decoder.decode
    if request.param == "plain Python":
        monkeypatch.setitem(sys.modules, "kpal_format.kernel", plain)
        monkeypatch.setitem(sys.modules, "kpal_format.ranking.kernel", plain_fast)
    return decode


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.filterwarnings("ignore:kpal was installed without a C compiler")
@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_every_decoder_reads_a_valid_vector_as_the_manifest_says(
    path: Path, decoder: Callable[[bytes], Decoded]
) -> None:
    said = MANIFEST[path.stem]
    image = decoder(path.read_bytes())
    assert (image.width, image.height, image.channels) == (said["width"], said["height"], said["channels"])
    assert len(image.palette) == said["colors"] * said["channels"]
    assert digest(image.palette) == said["palette"]
    entries = [image.palette[at : at + image.channels] for at in range(0, len(image.palette), image.channels)]
    assert digest(b"".join(entries[index] for index in image.indices)) == said["pixels"]
    assert (image.durations, image.loop) == (said.get("durations"), said.get("loop", 0))
    assert {k: digest(v) if k in BLOBS else v for k, v in image.metadata.items()} == said["metadata"]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_the_header_of_a_valid_vector_says_what_the_manifest_does(path: Path) -> None:
    said, info = MANIFEST[path.stem], inspect(path.read_bytes())
    for key in ("width", "height", "colors", "coder", "tiles"):
        assert getattr(info, key) == said[key]
    assert (info.frames, info.loop) == (said.get("frames", 1), said.get("loop", 0))
    assert info.has_alpha == (said["channels"] == 4)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_every_decoder_refuses_an_invalid_vector(path: Path, decoder: Callable[[bytes], Decoded]) -> None:
    with pytest.raises(KpalError if decoder is decode else ValueError, match=r"."):
        decoder(path.read_bytes())


def test_every_rule_of_the_specification_has_invalid_vectors() -> None:
    rules = SPECIFICATION.read_text().split("\n## 6.")[1].split("\n## ")[0]
    numbers = re.findall(r"^(\d+)\. ", rules, re.MULTILINE)
    assert len(numbers) == 18
    assert {int(number) for number in numbers} == {int(path.name[:2]) for path in INVALID}


def test_no_invalid_vector_has_a_wrong_checksum_unless_that_or_its_end_is_what_it_is_about() -> None:
    for path in INVALID:
        data = path.read_bytes()
        if path.name[:2] not in ("06", "07", "08"):
            sums = (zlib.crc32(data[:at]).to_bytes(4, "little") == data[at : at + 4] for at in range(16, len(data) - 3))
            assert any(sums), path.name


def test_the_vectors_are_those_of_the_manifest_and_few_bytes() -> None:
    assert {path.stem for path in VALID} == set(MANIFEST)
    assert sum(path.stat().st_size for path in (*VALID, *INVALID)) < 100_000


def test_the_vectors_are_frozen() -> None:
    """Vectors may be added, with a new digest here; once the format is 1.0, none that is there may ever change."""
    whole = hashlib.sha256()
    for path in sorted((*VALID, *INVALID)):
        whole.update(f"{path.parent.name}/{path.name} {digest(path.read_bytes())}\n".encode())
    whole.update((VECTORS / "valid.json").read_bytes())
    assert whole.hexdigest() == "21ee16c1d558414fa57beda71a846b4c36464c37a30a139694331afbeaee4416"


def test_the_specification_s_example_is_a_file_that_says_what_it_says() -> None:
    example = SPECIFICATION.read_text().split("## 7. Example")[1].split("```")[1]
    hexadecimal = "".join(re.match(r"(?:[0-9A-F]{2} {1,2})+", line)[0] for line in example.strip().splitlines())  # type: ignore[index]
    data = bytes.fromhex(hexadecimal)
    assert data == Parts().bytes() == (VECTORS / "valid" / "example.kpal").read_bytes()
    assert decode_indexed(data).pixels().tolist() == [[[255, 0, 0], [0, 0, 255]]]
    assert encode_indexed(decode_indexed(data), coder="zstd") == data


# --- damage is seen


def one_bit_flipped(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        for bit in range(8):
            yield data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]


def one_byte_deleted(data: bytes) -> Iterator[bytes]:
    return (data[:at] + data[at + 1 :] for at in range(len(data)))


def one_byte_doubled(data: bytes) -> Iterator[bytes]:
    return (data[: at + 1] + data[at:] for at in range(len(data)))


@pytest.mark.parametrize("damaged", [one_bit_flipped, one_byte_deleted, one_byte_doubled])
def test_every_small_damage_to_every_vector_is_detected(damaged: Callable[[bytes], Iterator[bytes]]) -> None:
    for path in VALID:
        for data in damaged(path.read_bytes()):
            with pytest.raises(KpalError):
                decode(data)


def test_every_truncation_of_every_vector_is_detected_as_such() -> None:
    for path in VALID:
        data = path.read_bytes()
        for size in range(len(data)):
            with pytest.raises(TruncatedError):
                decode(data[:size])
