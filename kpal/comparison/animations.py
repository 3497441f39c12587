"""kpal beside its peers on an animation: the same frames in every format that holds them, one at a time in memory."""

from __future__ import annotations

import io
import shutil
import subprocess
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from kpal_format import CODERS, U8, Animation, IndexedImage, Progress, Reader, Writer, compiled, look_up, staged

from ..animation import encode_frames
from ..color.compositing import same
from ..color.palettes import with_channels
from ..image_files.frames import Frames
from ..image_files.moving import animated
from ..image_files.orientation import turned
from ..metrics.scores import decibels, mean_squared_error, ssimulacra2
from ..pixels import to_array
from ..progress import in_whole
from .formats import INDEXED_PNG, Comparison, Row, Sides, timed

_SCORED: Final = 8  # frames, spread over the animation, whose scores are averaged, as each takes a while
_PATIENCE: Final = 600  # seconds for gifsicle
_APNG: Final = INDEXED_PNG.replace("PNG", "APNG")
_WEBP: Final = {"lossless": True, "quality": 75, "method": 6}
_WEBP_EFFORT: Final = {**_WEBP, "quality": 100}  # saves hardly a byte more, and takes 15 s for each million of pixels
_LONG: Final = 1 << 19  # pixels of all frames, above which this is too long

_Frames = Callable[[], Iterator[U8]]


def compare_frames(
    name: str,
    data: bytes,
    opened: Frames,
    orientation: int,
    progress: Progress | None,
    sides: Callable[[Sides], None] | None,
    options: Mapping[str, Any],
) -> Comparison:
    """`formats.compare` for an animation that is opened from `data`.

    orientation: how a viewer would turn the frames, which are turned for all formats.
    """
    channels = 3

    def originals() -> Iterator[U8]:
        for image in opened.shown():
            pixels = to_array(turned(image, orientation))
            yield with_channels(pixels, max(channels, pixels.shape[2]))

    others = peers()
    coders = [coder for coder in CODERS if compiled() or coder not in ("mix", "max")]
    stages = ("quantising", "errors", "PNG", *others, *(f"kpal {coder}" for coder in coders))
    progress = in_whole(progress, dict.fromkeys(stages, 1.0))
    quantize_ms, encoded = timed(
        lambda: staged(
            progress,
            "quantising",
            lambda: encode_frames(originals, durations=opened.durations, loop=opened.loop, coder="fast", **options),
        )
    )
    film = _Film(encoded)
    errors = staged(progress, "errors", lambda: _Errors(originals, film))
    channels = errors.channels
    model = Image.new("RGBA" if channels == 4 else "RGB", (1, 1))
    png, original_png = staged(
        progress, "PNG", lambda: _coded("png", "PNG", lambda: _apng(model, originals, film), originals)
    )
    rows = [Row("original", "original file", len(data), None, _decode_ms(data)), png]
    for peer, encode in others.items():
        try:
            row, _ = staged(progress, peer, partial(_coded, "peer", peer, partial(encode, film), film.pixels))
        # GIF has no soft alpha, for example, and of a large WebP, Pillow raises a RuntimeError.
        except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
            warnings.warn(f"{peer} is left out: {error}", stacklevel=2)
        else:
            rows.append(row)
    ours = [staged(progress, f"kpal {coder}", partial(_kpal, coder, film)) for coder in coders]
    rows += [row for row, _ in ours]
    if sides is not None:
        first = film.reader.read()
        smallest = min((file for _, file in ours), key=len)
        sides(Sides(next(originals()), first, original_png, smallest, 1, film.animation.frames, errors.counts))
    return Comparison(
        name,
        film.reader.width,
        film.reader.height,
        len(film.palette),
        quantize_ms,
        decibels(errors.squared),
        errors.score,
        rows,
        film.animation.frames,
        sum(film.animation.durations),
    )


class _Film:
    """The quantised frames, which all formats get."""

    def __init__(self, encoded: bytes) -> None:
        self.reader = Reader(encoded, max_pixels=None)
        self.palette = self.reader.palette
        assert self.reader.animation is not None  # `encode_frames` makes no still images
        self.animation: Animation = self.reader.animation
        self.model = IndexedImage(np.zeros((1, 1), np.uint8), self.palette).to_pillow()

    def indices(self) -> Iterator[U8]:
        return self.reader.iterate()

    def pixels(self) -> Iterator[U8]:
        return (look_up(self.palette, indices) for indices in self.reader.iterate())


class _Errors:
    """What quantising has changed.

    squared: the mean squared error over all frames; score: the mean score of some; None without scores.
    channels: 4 if any original frame has alpha; counts: the pixels of each palette entry.
    """

    def __init__(self, originals: _Frames, film: _Film) -> None:
        count = film.animation.frames
        scored = {number * count // _SCORED for number in range(_SCORED)}
        squared, scores = 0.0, []
        self.channels = 3
        self.counts: NDArray[np.intp] = np.zeros(len(film.palette), np.intp)
        for number, (original, indices) in enumerate(zip(originals(), film.indices(), strict=True)):
            shown = look_up(film.palette, indices)
            squared += mean_squared_error(original, shown)
            self.channels = max(self.channels, original.shape[2])
            self.counts += np.bincount(indices.reshape(-1), minlength=len(film.palette))
            if number in scored and (score := ssimulacra2(original, shown)) is not None:
                scores.append(score)
        self.squared = squared / count
        self.score = sum(scores) / len(scores) if scores else None


def peers() -> dict[str, Callable[[_Film], bytes]]:
    """The installed encoders of other formats that hold indexed frames losslessly, at their strongest settings."""
    found: dict[str, Callable[[_Film], bytes]] = {}
    gifsicle = shutil.which("gifsicle")
    if gifsicle is None:
        found["GIF"] = _gif
    else:
        found["GIF, gifsicle"] = lambda film: _by_gifsicle(gifsicle, _gif(film))
    found[_APNG] = lambda film: _apng(film.model, film.indices, film)
    try:
        import oxipng
    except ImportError:
        pass
    else:
        found[f"{_APNG}, oxipng"] = lambda film: bytes(
            oxipng.optimize_from_memory(_apng(film.model, film.indices, film), level=6)
        )
    found["WebP lossless"] = _webp
    return found


def _gif(film: _Film) -> bytes:
    if film.palette.shape[1] == 4 and not set(film.palette[:, 3].tolist()) <= {0, 255}:
        raise ValueError("it cannot hold soft alpha")
    # Only the size counts, so that any duration will do.
    animation = Animation((100,) * film.animation.frames)
    return animated("GIF", film.palette, film.model, {}, film.indices, animation)


def _by_gifsicle(program: str, gif: bytes) -> bytes:
    return subprocess.run(  # noqa: S603  # found on the path, and it reads its input only
        [program, "-O3", "--no-warnings"], input=gif, capture_output=True, check=True, timeout=_PATIENCE
    ).stdout


def _apng(model: Image.Image, frames: _Frames, film: _Film) -> bytes:
    return animated("PNG", film.palette, model, {}, frames, film.animation)


def _webp(film: _Film) -> bytes:
    model = film.model.convert("RGBA" if film.palette.shape[1] == 4 else "RGB")
    pixels = film.reader.width * film.reader.height * film.animation.frames
    options = _WEBP if pixels > _LONG else _WEBP_EFFORT
    return animated("WEBP", film.palette, model, options, film.indices, film.animation)


def _coded(
    kind: Literal["png", "peer"], name: str, encode: Callable[[], bytes], expected: _Frames
) -> tuple[Row, bytes]:
    encode_ms, data = timed(encode)
    with Image.open(io.BytesIO(data)) as decoded:
        written = (to_array(image) for image in ImageSequence.Iterator(decoded))
        for a, b in zip_longest(_changing(written), _changing(expected())):
            if a is None or b is None or not same(a, b):
                raise AssertionError(f"{name} did not keep the frames")
    return Row(kind, name, len(data), encode_ms, _decode_ms(data)), data


def _changing(frames: Iterator[U8]) -> Iterator[U8]:
    """The frames, without those that look like the one before, which some formats join with it."""
    before: U8 | None = None
    for frame in frames:
        if before is None or not same(before, frame):
            yield frame
        before = frame


def _kpal(coder: str, film: _Film) -> tuple[Row, bytes]:
    encode_ms, data = timed(lambda: _encoded(coder, film))
    reader = Reader(data, max_pixels=None)
    decode_ms, _ = timed(lambda: deque(reader.iterate(), maxlen=0))
    if not all(np.array_equal(a, b) for a, b in zip(reader.iterate(), film.indices(), strict=True)):
        raise AssertionError(f"kpal's coder {coder} did not keep the frames")
    return Row("kpal", f"kpal {coder}", len(data), encode_ms, decode_ms), data


def _encoded(coder: str, film: _Film) -> bytes:
    file = io.BytesIO()
    reader = film.reader
    with Writer(file, reader.width, reader.height, film.palette, coder=coder, animation=film.animation) as writer:
        for indices in film.indices():
            writer.write(indices)
    return file.getvalue()


def _decode_ms(data: bytes) -> float:
    """The milliseconds that Pillow takes to decode all frames."""

    def decode() -> None:
        with Image.open(io.BytesIO(data)) as image:
            for frame in ImageSequence.Iterator(image):
                frame.load()

    return timed(decode)[0]
