"""A budget of bytes, spread over all files of a batch for the least sum of their errors.

Each image is encoded with several numbers of colours and several rates. The results on the lower convex hull of bytes
and error are steps from its smallest file to its best one, each with a slope: the error that a byte saves. The budget
goes to the steepest steps of all images. In the end, another byte would help every image about equally.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar, Final

from kpal_format import Progress

from ..animation import FrameOptions, Trial, frames_encoder
from ..codec import EncodeOptions, encoder
from ..errors import UnreachableError
from ..quantizer.quality import weighted_error
from .conversion import Conversion, Converted, Ending, Input, Reads
from .frame_files import FrameFiles
from .jobs import Job, Selection, UsageError
from .manifest import Manifest
from .opened import Opened, OpenedFrames
from .progress import Display
from .runner import Batch, Way
from .transcode import Encoding

# The numbers of colours are halved from the most to the least, and each is tried with these rates. Measured, more rates
# hardly improve the hull.
_RATES: Final = (0.0, 1.5)
_LEAST_COLORS: Final = 2


@dataclass(frozen=True)
class Point:
    """An image encoded in one way: the size of the file, its error, and the options."""

    bytes: int
    error: int
    colors: int
    rate: float | None


def spread(images: Sequence[Sequence[Point]], total: int) -> list[Point]:
    """One point of each image: the least sum of errors for at most `total` bytes, up to one step of the hulls.

    images: the points of each image, at least one.

    Raises UnreachableError if the smallest points do not fit.
    """
    hulls = [_hull(points) for points in images]
    left = total - sum(hull[0].bytes for hull in hulls)
    if left < 0:
        raise UnreachableError(f"total_max_bytes: the least that is possible is {total - left:,} bytes, not {total:,}")
    chosen = [0] * len(hulls)
    steps = [(number, step) for number, hull in enumerate(hulls) for step in range(1, len(hull))]
    for number, step in sorted(steps, key=lambda at: -_slope(*hulls[at[0]][at[1] - 1 : at[1] + 1])):
        cost = hulls[number][step].bytes - hulls[number][step - 1].bytes
        if chosen[number] == step - 1 and cost <= left:
            chosen[number] = step
            left -= cost
    return [hull[step] for hull, step in zip(hulls, chosen, strict=True)]


def _hull(points: Sequence[Point]) -> list[Point]:
    """The lower convex hull, by bytes: each point has less error than the one before, for a lower slope."""
    hull: list[Point] = []
    for point in sorted(points, key=lambda point: (point.bytes, point.error, point.colors, point.rate or 0.0)):
        if hull and point.error >= hull[-1].error:
            continue
        while len(hull) > 1 and _slope(*hull[-2:]) <= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _slope(small: Point, large: Point) -> Fraction:
    """The error that a byte saves."""
    return Fraction(small.error - large.error, large.bytes - small.bytes)


@dataclass(frozen=True)
class Measuring:
    """A conversion without result, whose facts are the points of the image."""

    encoding: Encoding
    reads: ClassVar[Reads] = "all"

    @property
    def key(self) -> dict[str, Any]:
        return self.encoding.key

    def check(self, data: Input) -> None:
        self.encoding.check(data)

    def __call__(self, job: Job, data: Input, *, alone: bool, progress: Progress | None = None) -> Converted:
        self.encoding.by_strips(data, alone=alone)  # raises an error
        told = None if progress is None else partial(_tell_measuring, progress)
        content = data if isinstance(data, FrameFiles) else data.read()
        with self.encoding.opened(content, alone=alone) as opened, _trials(opened, self.encoding, told) as trial:
            return Converted(None, {"points": _points(trial, EncodeOptions(**self.encoding.options))})


@contextmanager
def _trials(
    opened: Opened, encoding: Encoding, progress: Progress | None
) -> Iterator[Callable[[int, float | None], Trial]]:
    """Yields a function that encodes an image or an animation with a number of colours and a rate."""
    about: dict[str, Any] = {**encoding.options, "metadata": opened.metadata, "progress": progress}
    if isinstance(opened, OpenedFrames):
        options = FrameOptions(**about, **opened.times)
        with frames_encoder(opened.frames, options, partial(weighted_error, metric=options.metric)) as trial:
            yield trial
        return
    encoded = encoder(opened.image, still := EncodeOptions(**about))

    def tried(colors: int, rate: float | None) -> Trial:
        data, report = encoded(colors, rate)
        return Trial(data, report.colors, weighted_error(report.original, report.image, still.metric))

    yield tried


def _points(trial: Callable[[int, float | None], Trial], options: EncodeOptions) -> list[Point]:
    rates = _RATES if options.coder != "zstd" and options.rateable else (options.rate,)
    reducible = options.palette is None and not options.keep_palette
    points: list[Point] = []
    colors = options.colors
    try:
        while not points or (reducible and colors >= _LEAST_COLORS):
            for rate in rates:
                if rate and points and not points[-1].error:
                    continue  # without an error, the rate makes no difference
                tried = trial(colors, rate)
                points.append(Point(len(tried.data), tried.judged, colors, rate))
            colors = tried.colors // 2
    except ValueError:  # the least quality, fixed colours or a clear one need more colours
        if not points:
            raise
    return points


def _tell_measuring(progress: Progress, stage: str, fraction: float) -> None:
    progress("measuring", fraction)


@dataclass(frozen=True)
class WithBudget(Encoding):
    """The encoding of a batch with a budget.

    total: the maximum number of bytes of all results together.
    inputs: a digest of the names of all inputs, because all of them decide on each result.
    """

    total: int = 0
    inputs: str = ""

    @property
    def key(self) -> dict[str, Any]:
        return {**super().key, "total_max_bytes": self.total, "inputs": self.inputs}

    @property
    def _need_whole(self) -> tuple[str, ...]:
        return ("total_max_bytes",)


class Budgeted(Batch):
    """Encodes the inputs of a selection into a budget of bytes.

    If a manifest shows all results to be up to date, nothing is done. If one is not, all are chosen and made anew, as
    the bytes that it takes are missing or left for the others. Inputs that failed before and fail again take none.

    `endings` raises UnreachableError, before anything is written, if the smallest results do not fit. Raises UsageError
    for standard input, which cannot be read twice, and for a limit of each file.
    """

    passes = 2

    def __init__(self, selection: Selection, conversion: WithBudget, way: Way, display: Display | None = None) -> None:
        super().__init__(selection, replace(conversion, inputs=_digest(selection)), way, display)
        encoding = self._encoding = conversion
        if any(job.source is None for job in selection.jobs):
            raise UsageError(encoding.wording("total_max_bytes: inputs are read twice, and standard input cannot be"))
        if encoding.options.get("max_bytes") is not None:
            raise UsageError(encoding.wording("total_max_bytes does not go with max_bytes"))
        self._allotted: dict[Job, Point] = {}

    def endings(self) -> Generator[Ending, None, None]:
        try:
            if not self._way.dry:
                self._allot()
        except BaseException:
            self.close()
            raise
        yield from super().endings()

    def _allot(self) -> None:
        """Chooses how to encode each input, unless all results are up to date."""
        jobs = self._selection.jobs
        stale = [job for job in jobs if not self._is_current(job)]
        points = self._points(stale)
        if not points:
            return
        points |= self._points([job for job in jobs if job not in set(stale)])
        good = [job for job in jobs if job in points]  # in the order of the inputs, which decides between equal slopes
        try:
            chosen = spread([points[job] for job in good], self._encoding.total)
        except UnreachableError as error:
            raise UnreachableError(self._encoding.wording(str(error))) from error
        self._allotted = dict(zip(good, chosen, strict=True))
        self._again = True

    def _is_current(self, job: Job) -> bool:
        manifest = self._manifest(job)
        return manifest is not None and not self._way.force and manifest.state(job).current is not None

    def _points(self, jobs: list[Job]) -> dict[Job, Sequence[Point]]:
        """The points of the inputs that can be encoded."""
        way = replace(self._way, force=True, preserve=False)
        batch = _Unrecorded(replace(self._selection, jobs=jobs), Measuring(self._encoding), way, self._display)
        found = zip(jobs, batch.endings(), strict=True)
        return {job: ending.facts["points"] for job, ending in found if "points" in ending.facts}

    def _conversion_of(self, job: Job) -> Conversion:
        point = self._allotted.get(job)
        # If an input has changed since it was measured, its result may take no more bytes; or none if it failed.
        chosen = {"max_bytes": 1} if point is None else _options_of(point)
        return replace(self._encoding, options={**self._encoding.options, **chosen})


def _digest(selection: Selection) -> str:
    names = "\0".join(sorted(str(job.below) for job in selection.jobs))
    return hashlib.sha256(os.fsencode(names)).hexdigest()


def _options_of(point: Point) -> dict[str, Any]:
    return {"colors": point.colors, "rate": point.rate, "max_bytes": point.bytes}


class _Unrecorded(Batch):
    """A batch that writes nothing, and so has no manifest."""

    def _manifest(self, job: Job) -> Manifest | None:
        return None
