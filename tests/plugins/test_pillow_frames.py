"""Animations in the Pillow plugin: they behave like those in GIF, APNG and WebP files."""

from __future__ import annotations

import copy
import io
import pickle
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageSequence

import kpal
from kpal_format import U8, Animation, Writer, container
from kpal_format.coders import zstd

from ..images import METADATA, moving, random_indexed

DURATIONS = (50, 100, 200, 120, 80)
FORMATS = ("GIF", "PNG", "WEBP", "KPAL")
FRAMES = [frame for number, frame in enumerate(moving(6, 40, 60, 30)) if number != 3]  # no two alike


def animation(
    frames: list[kpal.IndexedImage] = FRAMES,
    *,
    loop: int = 3,
    restart: int | None = None,
    coder: str = "zstd",
    **more: Any,
) -> bytes:
    file, (height, width) = io.BytesIO(), frames[0].indices.shape
    timing = Animation((DURATIONS * len(frames))[: len(frames)], loop, restart)
    with Writer(file, width, height, frames[0].palette, coder=coder, animation=timing, **more) as writer:
        for frame in frames:
            writer.write(frame.indices)
    return file.getvalue()


def opened(data: bytes) -> Any:
    return Image.open(io.BytesIO(data))


def saved(image: Image.Image, format: str = "KPAL", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **({"lossless": True, **options} if format == "WEBP" else options))
    return file.getvalue()


def pictures(frames: list[kpal.IndexedImage] = FRAMES) -> list[Image.Image]:
    return [Image.fromarray(frame.pixels()) for frame in frames]


def shown(image: Image.Image) -> U8:
    return np.asarray(image.convert("RGB"))


def durations(image: Any) -> list[int]:
    found = []
    for frame in ImageSequence.Iterator(image):
        frame.load()  # only this sets it in WebP
        found.append(round(frame.info.get("duration", 0)))
    return found


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The rows and columns of each frame of a tile that the coder zstd decodes."""
    decoded: list[tuple[int, int]] = []
    decoder = zstd.decoder

    def counting(data: bytes, shape: tuple[int, int, int], *rest: Any, **options: Any) -> Any:
        made: Any = decoder(data, shape, *rest, **options)
        read = made.read

        def counted(*args: Any) -> Any:
            decoded.append(shape[1:])
            return read(*args)

        made.read = counted
        return made

    monkeypatch.setattr(zstd, "decoder", counting)
    return decoded


# --- opening


def test_an_animation_opens_at_its_first_frame() -> None:
    image = opened(animation())
    assert (image.n_frames, image.is_animated, image.tell(), image.mode) == (5, True, 0, "P")
    assert (image.info["loop"], image.info["duration"]) == (3, 50)
    assert np.array_equal(np.asarray(image), FRAMES[0].indices)


def test_a_still_image_has_one_frame() -> None:
    image = opened(kpal.encode(FRAMES[0]))
    assert (image.n_frames, image.is_animated, image.tell()) == (1, False, 0)
    image.seek(0)
    with pytest.raises(EOFError):
        image.seek(1)
    assert not {"duration", "loop"} & set(image.info)


def test_an_animation_of_one_frame_has_its_duration() -> None:
    image = opened(animation(FRAMES[:1], loop=2))
    assert (image.n_frames, image.is_animated, image.info["duration"], image.info["loop"]) == (1, False, 50, 2)
    assert np.array_equal(np.asarray(image), FRAMES[0].indices)


@pytest.mark.parametrize("coder", kpal.CODERS)
@pytest.mark.parametrize("channels", [3, 4])
def test_every_frame_is_shown_in_any_order(coder: str, channels: int) -> None:
    frames = list(moving(5, 40, 60, 30, channels))
    image = opened(animation(frames, coder=coder))
    mode = "RGBA" if channels == 4 else "RGB"
    for number in (4, 0, 3, 3, 1, 2, 0, 4):
        image.seek(number)
        assert (image.tell(), image.info["duration"]) == (number, DURATIONS[number])
        assert np.array_equal(np.asarray(image.convert(mode)), frames[number].pixels())


def count_by_hand(image: Any) -> int:
    try:
        while True:
            image.seek(image.tell() + 1)
    except EOFError:
        return int(image.tell()) + 1


def thumbnails(image: Any) -> list[tuple[int, int]]:
    sizes = []
    for frame in ImageSequence.Iterator(image):
        small = frame.copy()
        small.thumbnail((20, 20))
        sizes.append(small.size)
    return sizes


def beyond(frame: int) -> Callable[[Any], Any]:
    def seek(image: Any) -> Any:
        image.seek(2)
        with pytest.raises(EOFError):
            image.seek(frame)
        return image.tell(), shown(image).tolist()

    return seek


def from_the_end(image: Any) -> Any:
    frames = ImageSequence.Iterator(image)
    with pytest.raises(IndexError):
        frames[5]
    return shown(frames[4]).tolist(), shown(frames[1]).tolist()


def all_frames(image: Any) -> Any:
    image.seek(3)
    copies = ImageSequence.all_frames(image, lambda frame: frame.convert("RGB"))
    return image.tell(), [(type(frame), np.asarray(frame).tolist()) for frame in copies]


def of_a_copy(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def copied(image: Any) -> Any:
        image.seek(2)
        image.load()
        same = change(image)
        return round(same.info["duration"]), shown(same).tolist()

    return copied


def after_closing(image: Any) -> Any:
    image.load()
    image.close()
    with pytest.raises(ValueError, match="losed"):
        image.seek(2), image.load()


@pytest.mark.parametrize(
    "call",
    [
        lambda image: (image.n_frames, image.is_animated, image.size, image.tell(), image.info["loop"]),
        durations,
        count_by_hand,
        thumbnails,
        beyond(5),
        beyond(-1),
        from_the_end,
        all_frames,
        of_a_copy(lambda image: image.copy()),
        of_a_copy(copy.copy),
        of_a_copy(copy.deepcopy),
        of_a_copy(lambda image: pickle.loads(pickle.dumps(image))),
        after_closing,
        lambda image: [shown(frame).tolist() for frame in ImageSequence.Iterator(image)],
        lambda image: [shown(frame.crop((5, 5, 20, 20))).tolist() for frame in ImageSequence.Iterator(image)],
        lambda image: [frame is image for frame in ImageSequence.Iterator(image)],
        lambda image: [Image.open(io.BytesIO(saved(frame, "PNG"))).size for frame in ImageSequence.Iterator(image)],
    ],
)
def test_calls_have_the_results_that_they_have_in_other_formats(call: Callable[[Any], Any]) -> None:
    first, *others = pictures()
    options: Any = {"save_all": True, "append_images": others, "duration": DURATIONS, "loop": 3}
    results = [call(opened(saved(first, format, **options))) for format in FORMATS]
    assert all(result == results[0] for result in results)


def test_a_copy_is_a_still_image() -> None:
    image = opened(animation())
    image.seek(2)
    assert not hasattr(image.copy(), "n_frames")
    same = pickle.loads(pickle.dumps(image))
    assert (same.n_frames, same.is_animated, same.tell()) == (1, False, 0)
    with pytest.raises(EOFError):
        same.seek(1)


def test_frames_that_were_changed_in_place_do_not_change_others() -> None:
    image = opened(animation())
    image.thumbnail((20, 20))
    image.seek(1)
    assert (image.size, np.asarray(image).tolist()) == ((60, 40), FRAMES[1].indices.tolist())
    image.putpixel((0, 0), 0)
    image.putalpha(100)
    image.seek(2)
    image.seek(1)
    assert (image.mode, np.asarray(image).tolist()) == ("P", FRAMES[1].indices.tolist())


def test_an_image_may_be_used_after_its_with_block_only_if_pillow_did_not_open_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(animation())
    with Image.open(path) as image:
        image.load()
        image.seek(1)
    with pytest.raises(ValueError, match="closed image"):
        image.seek(2)
    with opened(animation()) as image:
        image.load()
    image.seek(2)
    assert np.array_equal(np.asarray(image), FRAMES[2].indices)


def test_closing_a_still_image_that_is_loaded_leaves_the_file_of_the_caller_open() -> None:
    file = io.BytesIO(kpal.encode(FRAMES[0]))
    image = Image.open(file)
    image.load()
    image.close()
    assert not file.closed


def test_verify_checks_all_groups_and_must_be_first() -> None:
    big = list(moving(4, 256, 256, 30))
    data = animation(big, restart=1)
    opened(data).verify()
    with pytest.raises(kpal.DamagedError, match="frames 3 to 3"):
        opened(data[:-1] + b"!").verify()
    image = opened(data)
    image.load()
    with pytest.raises(RuntimeError, match="directly after open"):
        image.verify()


def test_a_parser_collects_an_animation() -> None:
    parser = ImageFile.Parser()
    parser.feed(animation())
    image = parser.close()
    assert np.array_equal(np.asarray(image), FRAMES[0].indices)


# --- what is decoded


def test_only_the_frames_on_the_way_are_decoded(reads: list[tuple[int, int]]) -> None:
    image = opened(animation())
    for number in (0, 3, 4):
        image.seek(number)
    assert not reads
    image.seek(2)
    image.load()
    assert len(reads) == 3
    image.load()
    image.seek(4)
    image.load()
    assert len(reads) == 5
    image.seek(3)
    image.load()
    assert len(reads) == 5 + 4


def test_all_frames_one_after_the_other_are_decoded_once(reads: list[tuple[int, int]]) -> None:
    image = opened(animation())
    for number, frame in enumerate(ImageSequence.Iterator(image)):
        assert np.array_equal(np.asarray(frame.crop((3, 2, 9, 8))), FRAMES[number].indices[2:8, 3:9])
        assert np.array_equal(np.asarray(frame), FRAMES[number].indices)
    assert len(reads) == 5


def test_decoding_begins_at_the_group_of_a_frame(reads: list[tuple[int, int]]) -> None:
    frames = list(moving(7, 256, 256, 30))
    image = opened(animation(frames, restart=2))
    for number, count in ((5, 2), (6, 1), (4, 1), (5, 1), (3, 2), (4, 1)):
        reads.clear()
        image.seek(number)
        assert np.array_equal(np.asarray(image), frames[number].indices)
        assert len(reads) == count


def test_a_crop_decodes_only_the_tiles_that_it_needs(
    reads: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_TILE", 1 << 16)
    frames = list(moving(4, 512, 512, 30))
    image = opened(animation(frames))
    for number, count in ((1, 2), (2, 1), (3, 1), (0, 1)):
        reads.clear()
        image.seek(number)
        assert np.array_equal(np.asarray(image.crop((5, 200, 50, 210))), frames[number].indices[200:210, 5:50])
        assert len(reads) == count
        assert sum(rows * columns for rows, columns in reads) <= count << 16
    assert np.array_equal(np.asarray(image), frames[0].indices)


def test_threads_share_one_image() -> None:
    image = opened(animation())
    image.seek(3)
    found: list[bool] = []

    def work() -> None:
        found.append(np.array_equal(shown(image), FRAMES[3].pixels()))
        found.append(np.array_equal(shown(image.crop((3, 2, 9, 8))), FRAMES[3].pixels()[2:8, 3:9]))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 16


def test_one_frame_at_a_time_is_in_memory() -> None:
    frame = kpal.IndexedImage(np.zeros((200, 300), np.uint8), np.array([[1, 2, 3]], np.uint8))
    image = opened(animation([frame] * 100))
    tracemalloc.start()
    for current in ImageSequence.Iterator(image):
        current.load()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * frame.indices.size


# --- damaged files


def test_a_damaged_group_leaves_the_frames_of_others() -> None:
    frames = list(moving(4, 256, 256, 30))
    data = bytearray(animation(frames, restart=2))
    data[-1] ^= 1
    image = opened(bytes(data))
    image.seek(3)
    with pytest.raises(kpal.DamagedError, match="frames 2 to 3"):
        image.load()
    image.seek(1)
    assert np.array_equal(np.asarray(image), frames[1].indices)


def test_a_truncated_animation_shows_what_there_is_when_pillow_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 200, (5, 64, 64), np.uint8)
    frames = [kpal.IndexedImage(indices, random_indexed(1, 1, 200).palette) for indices in noise]
    data = animation(frames, coder="mix")[:-1000]
    with pytest.raises(kpal.TruncatedError):
        opened(data).load()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    image = opened(data)
    with pytest.warns(kpal.KpalWarning, match="the file ends in its index stream"):
        image.load()
    for number in range(4):
        image.seek(number)
        assert np.array_equal(np.asarray(image)[:32], frames[number].indices[:32])
    image.seek(4)
    assert not np.asarray(image)[-1].any()


def test_a_file_that_changes_between_open_and_load_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.kpal"
    path.write_bytes(animation())
    with Image.open(path) as image:
        image.seek(4)
        for other in (animation(FRAMES[:2]), kpal.encode(random_indexed(9, 9, 9))):
            with path.open("r+b") as file:
                file.write(other)
                file.truncate()
            with pytest.raises(kpal.DamagedError, match="was changed after it was opened"):
                image.load()


# --- saving


def test_frames_durations_and_loop_are_saved() -> None:
    first, *others = pictures()
    data = saved(first, save_all=True, append_images=others, duration=DURATIONS, loop=2)
    info = kpal.inspect(data)
    assert (info.frames, info.durations, info.loop) == (5, DURATIONS, 2)
    assert all(np.array_equal(kpal.decode(data, frame=n), frame.pixels()) for n, frame in enumerate(FRAMES))


def test_options_of_encode_frames_can_be_given() -> None:
    first, *others = pictures(list(moving(4, 256, 256, 40)))
    data = saved(first, save_all=True, append_images=others, colors=16, coder="zstd", restart=2, duration=10)
    info = kpal.inspect(data)
    assert (info.colors, info.coder, info.tiles, info.durations) == (16, "zstd", 2, (10,) * 4)


@pytest.mark.parametrize("duration", [70, 70.2, [70] * 5, (70,) * 5, np.full(5, 70)], ids=str)
def test_durations_are_a_number_or_one_for_each_frame(duration: Any) -> None:
    first, *others = pictures()
    data = saved(first, save_all=True, append_images=others, duration=duration)
    assert kpal.inspect(data).durations == (70,) * 5


def test_fps_stands_for_durations() -> None:
    first, *others = pictures()
    options: Any = {"save_all": True, "append_images": others}
    assert kpal.inspect(saved(first, fps=25, **options)).durations == (40,) * 5
    assert kpal.inspect(saved(first, fps=25, duration=50, **options)).durations == (50,) * 5


def test_what_nobody_says_is_as_in_a_browser() -> None:
    first, *others = pictures()
    info = kpal.inspect(saved(first, save_all=True, append_images=others))
    assert (info.durations, info.loop) == ((100,) * 5, 0)


@pytest.mark.parametrize("format", FORMATS)
def test_an_animation_of_any_format_keeps_its_frames_and_durations(format: str) -> None:
    first, *others = pictures()
    source = saved(first, format, save_all=True, append_images=others, duration=DURATIONS, loop=2)
    image = opened(source)
    image.seek(2)
    found = opened(saved(image, save_all=True))
    assert image.tell() == 2
    assert durations(found) == durations(opened(source))
    frames = zip(ImageSequence.Iterator(found), ImageSequence.Iterator(opened(source)), strict=True)
    assert all(np.array_equal(shown(ours), shown(theirs)) for ours, theirs in frames)
    assert found.info["loop"] == (3 if format == "GIF" else 2)  # a GIF counts repetitions


@pytest.mark.parametrize(("loop", "times"), [({}, 1), ({"loop": 0}, 0), ({"loop": 1}, 2), ({"loop": 4}, 5)])
def test_a_gif_is_shown_as_often_as_before(loop: dict[str, int], times: int) -> None:
    first, *others = pictures()
    source = saved(first, "GIF", save_all=True, append_images=others, duration=50, **loop)
    assert kpal.inspect(saved(opened(source), save_all=True)).loop == times
    copies = ImageSequence.all_frames(opened(source))
    copied = kpal.inspect(saved(copies[0], save_all=True, append_images=copies[1:]))
    assert copied.loop == (times if loop else 0)  # nothing in a copy tells that it was shown once
    assert kpal.inspect(saved(opened(source), save_all=True, loop=7)).loop == 7


def test_copies_of_frames_keep_their_durations_and_loop() -> None:
    frames = ImageSequence.all_frames(opened(animation()))
    info = kpal.inspect(saved(frames[0], save_all=True, append_images=frames[1:]))
    assert (info.durations, info.loop) == (DURATIONS, 3)


def test_a_palette_and_its_order_survive_opening_and_saving() -> None:
    image = opened(animation())
    data = saved(image, save_all=True, keep_palette=True, coder="zstd")
    assert data == animation()


def test_the_default_image_of_an_apng_is_no_frame() -> None:
    first, *others = pictures()
    for count, expected in ((3, [50, 100, 200]), (1, [])):
        options = {"append_images": others[:count], "duration": DURATIONS[:count], "default_image": True}
        source = saved(first, "PNG", save_all=True, **options)
        data = saved(opened(source), save_all=True)
        assert list(kpal.inspect(data).durations) == expected
        assert np.array_equal(kpal.decode(data), FRAMES[1].pixels())


def test_pages_of_a_tiff_file_become_frames() -> None:
    first, *others = pictures()
    source = saved(first, "TIFF", save_all=True, append_images=others)
    data = saved(opened(source), save_all=True, duration=50)
    assert [pixels.tolist() for pixels, _ in kpal.decode_frames(data)] == [frame.pixels().tolist() for frame in FRAMES]


def generator(images: list[Image.Image]) -> Iterator[Image.Image]:
    yield from images


@pytest.mark.parametrize("kind", [list, tuple, generator, iter])
def test_images_to_append_may_come_in_any_form(kind: Callable[[list[Image.Image]], Any]) -> None:
    first, *others = pictures()
    expected = saved(first, save_all=True, append_images=others, duration=40)
    assert saved(first, save_all=True, append_images=kind(others), duration=40) == expected
    assert saved(first, save_all=True, append_images=kind([])) == saved(first)


@pytest.mark.parametrize("kind", [list, generator])
def test_images_to_append_may_have_several_frames(kind: Callable[[list[Image.Image]], Any]) -> None:
    image = opened(animation())
    image.seek(1)
    data = saved(pictures()[4], save_all=True, append_images=kind([image, pictures()[0], image]))
    assert kpal.inspect(data).durations == (100, *DURATIONS, 100, *DURATIONS)
    numbers = [4, *range(5), 0, *range(5)]
    frames = [pixels.tolist() for pixels, _ in kpal.decode_frames(data)]
    assert frames == [FRAMES[number].pixels().tolist() for number in numbers]
    assert image.tell() == 1


def test_an_image_may_be_appended_to_itself() -> None:
    image = opened(animation())
    assert kpal.inspect(saved(image, save_all=True, append_images=[image])).durations == DURATIONS * 2


def test_frames_of_different_modes_are_shown_as_they_are() -> None:
    picture = pictures()[0]
    modes = ["RGB", "L", "P", "1", "LA", "RGBA", "CMYK"]
    frames = [picture.convert(mode) for mode in modes]
    clear = picture.convert("RGBA")
    clear.putalpha(0)
    data = saved(frames[0], save_all=True, append_images=[*frames[1:], clear], colors=256)
    found = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(opened(data))]
    for frame, pixels in zip(frames, found, strict=False):
        assert np.array_equal(pixels, np.asarray(frame.convert("RGB").convert("RGBA")))
    assert not found[-1][..., 3].any()


def test_one_frame_is_a_still_image() -> None:
    (first, *_) = pictures()
    assert saved(first, save_all=True, duration=50, loop=2, fps=5, restart=1) == saved(first)
    assert saved(opened(animation(FRAMES[:1])), save_all=True) == saved(opened(animation(FRAMES[:1])))


def test_a_plain_save_keeps_the_frame_that_is_shown() -> None:
    image = opened(animation())
    image.seek(2)
    data = saved(image)
    assert kpal.inspect(data).frames == 1
    assert np.array_equal(kpal.decode(data), FRAMES[2].pixels())


def test_a_still_image_does_not_heed_what_is_for_animations() -> None:
    first, *others = pictures()
    with pytest.warns(kpal.KpalWarning, match="which KPAL ignores: append_images, duration, loop$") as found:
        data = saved(first, append_images=others, duration=50, loop=3, save_all=False)
    assert found[0].filename == __file__
    assert data == saved(first)


def test_options_of_other_animated_formats_are_ignored_with_a_warning() -> None:
    first, *others = pictures()
    with pytest.warns(kpal.KpalWarning, match="which KPAL ignores: disposal, minimize_size, optimize$") as found:
        data = saved(first, save_all=True, append_images=others, disposal=2, optimize=True, minimize_size=True)
    assert found[0].filename.endswith(Path(__file__).name)
    assert data == saved(first, save_all=True, append_images=others)


def test_metadata_are_those_of_the_first_image_or_given() -> None:
    image = opened(animation(metadata=METADATA))
    assert image.info["xmp"] == METADATA.xmp
    assert kpal.inspect(saved(image, save_all=True)).metadata == METADATA
    given = kpal.inspect(saved(image, save_all=True, text={"Title": "x"}, xmp=None, dpi=(72, 72))).metadata
    assert (given.text, given.xmp, given.density) == ({"Title": "x"}, None, (2835, 2835))
    assert given.exif == METADATA.exif


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"duration": [10, 20]}, ValueError, "durations are 2"),
        ({"duration": [10] * 6}, ValueError, "durations"),
        ({"duration": -5}, ValueError, "duration must be"),
        ({"duration": float("nan")}, ValueError, "duration must be"),
        ({"duration": "5"}, TypeError, "durations must be numbers"),
        ({"loop": -1}, ValueError, "loop must be from 0"),
        ({"loop": 1.5}, TypeError, "loop must be a whole number"),
        ({"restart": 0}, ValueError, "restart must be from 1"),
        ({"fps": 0}, ValueError, "fps must be a positive number"),
        ({"fps": "5"}, ValueError, "fps must be a positive number"),
        ({"durations": 5}, TypeError, r"durations \(did you mean duration\?\)"),
        ({"colours": 5}, TypeError, r"colours \(did you mean colors\?\)"),
        ({"append": True}, ValueError, "cannot append to a file"),
        ({"append_images": [FRAMES[1].pixels()]}, TypeError, "append_images must be Pillow images, not an array"),
        ({"append_images": [Image.new("RGB", (60, 41))]}, ValueError, "frame 1 has 60 x 41 pixels"),
    ],
)
def test_wrong_options_are_found_before_the_first_byte_is_written(
    options: dict[str, object], error: type[Exception], message: str
) -> None:
    first, *others = pictures()
    file = io.BytesIO()
    with pytest.raises(error, match=message):
        first.save(file, "KPAL", save_all=True, **{"append_images": others, **options})
    assert not file.getvalue()


@pytest.mark.parametrize("at", [0, 3])
def test_an_animation_may_replace_its_own_file(at: int, tmp_path: Path) -> None:
    frames = list(moving(5, 140, 160, 200))
    path = tmp_path / "x.kpal"
    path.write_bytes(animation(frames))
    with Image.open(path) as image:
        image.seek(at)
        image.save(path, save_all=True)
        image.seek(1)
        assert np.array_equal(np.asarray(image), frames[1].indices)
    found = [pixels.tolist() for pixels, _ in kpal.decode_frames(path.read_bytes())]
    assert found == [frame.pixels().tolist() for frame in frames]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "KPAL"])
@pytest.mark.parametrize("channels", [3, 4])
def test_animations_go_on_to_other_formats(format: str, channels: int) -> None:
    palette = random_indexed(1, 1, 30, 3).palette
    if channels == 4:
        palette = np.column_stack((palette, np.where(np.arange(30) == 7, 0, 255).astype(np.uint8)))
    frames = [kpal.IndexedImage(frame.indices, palette) for frame in FRAMES]
    image = opened(animation(frames))
    options: dict[str, Any] = {"disposal": 2} if format == "GIF" else {"exact": True} if format == "WEBP" else {}
    found = opened(saved(image, format, save_all=True, **options))
    for frame, expected in zip(ImageSequence.Iterator(found), frames, strict=True):
        pixels = np.asarray(frame.convert("RGBA"))
        seen = expected.indices != 7 if channels == 4 else np.ones(expected.indices.shape, np.bool_)
        assert np.array_equal(pixels[seen][:, :3], expected.pixels()[seen][:, :3])
        assert format == "TIFF" or np.array_equal(pixels[..., 3] > 0, seen)
