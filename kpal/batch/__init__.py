"""Batches of files: selecting inputs, naming results, converting each file, and reporting the outcome.

from kpal import batch
for ending in batch.encode(["photos"], "packed", colors=64):
print(ending.input, ending.output, ending.error)
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from os import fspath
from typing import TYPE_CHECKING, Any, Literal

from kpal_format import MAX_PIXELS, KpalWarning

from .messages import BatchError

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from os import PathLike

    from .conversion import Ending

__all__ = ["BatchError", "encode"]

Part = Literal["icc_profile", "exif", "xmp", "text", "density"]


def encode(
    inputs: Sequence[str | PathLike[str]],
    output: str | PathLike[str] | None = None,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    preserve: bool = False,
    strip: Sequence[Part] = (),
    depth: Literal[8] | None = None,
    max_pixels: int | None = MAX_PIXELS,
    strips_from: int | None = MAX_PIXELS,
    total_max_bytes: int | None = None,
    skip_if_larger: bool = False,
    skip_if_worse: bool = False,
    pages: bool = False,
    frame: int | None = None,
    loop: int | None = None,
    restart: int | None = None,
    **options: Any,
) -> Iterator[Ending]:
    """Encode files as `kpal encode` does, and yield the outcome of each, in their order.

    inputs: names of files, and of folders of pictures.
    output: a folder for the results, or a file for a single one; by default, results are written beside their inputs.
    executor: what does the work: any `concurrent.futures.Executor` whose workers see the same files, such as a process
        pool or `dask.distributed.Client().get_executor()`. By default, processes of this machine.
    workers: the number of these processes, by default that of the cores; with `executor`, the number of tasks that are
        handed to it at a time, by default 64.
    force: do all again, and overwrite existing files. By default, a result that is newer than its input and was made
        with the same options is left as it is, and a file that kpal has not made is an error.
    dry_run: write nothing; `planned` of each outcome tells why there is something to do.
    preserve: give each result the permissions and the time of its input; a KpalWarning says that stores keep neither.
    strip: metadata to leave out.
    depth: 8 rounds images of more than 8 bits a channel even if colours merge.
    max_pixels: the maximum number of pixels of an image, or of all frames of an animation, above which it fails; None
        for no limit.
    strips_from: the number of pixels above which a still PNG, TIFF or raw PPM file is encoded by strips, in bounded
        memory; None for no image. The palette is then that of `shared_palette`, and options that need all pixels at a
        time are errors.
    total_max_bytes: the maximum size of all results together. The bytes go where they save the most error, which takes
        some 10 times as long. If the smallest results do not fit, UnreachableError (a ValueError) names their size,
        and nothing is written. If an input is new, changed or gone, all are made again.
    skip_if_larger: write no result that is not smaller than its input.
    skip_if_worse: write no result that cannot reach the quality or the size.
    pages: take the pages of TIFF files for the frames of animations.
    frame: encode only this frame of each input, as a still image; negative from the end.
    loop, restart: of animations, as in `kpal.encode_frames`.
    options: the options of `kpal.encode`, but for `metadata`, `progress` and `report`.

    An outcome has `error` where a file failed; the others go on. Raises ValueError or TypeError for wrong arguments
    before any file is read, and `kpal.batch.BatchError` if another
    process works on the output folder.
    """
    from kpal_format import EXTENSION

    from ..codec import EncodeOptions
    from ..quantizer.options import whole_number
    from .budget import Budgeted, WithBudget
    from .frame_files import Motion
    from .jobs import picture_endings, plan
    from .runner import NOT_PRESERVED, Batch, Way
    from .transcode import Encoding

    if wrong := {"metadata", "progress", "report"} & options.keys():
        raise TypeError(f"a batch has no {', '.join(sorted(wrong))}")
    EncodeOptions(**options)
    names = [fspath(name) for name in inputs]
    selection = plan(names, None if output is None else fspath(output), picture_endings(), EXTENSION, in_place=True)
    if total_max_bytes is not None:
        whole_number("total_max_bytes", total_max_bytes, 1)
    if strips_from is not None:
        whole_number("strips_from", strips_from, 0)
    parts = (options, tuple(strip), depth, skip_if_larger, skip_if_worse)
    if preserve and selection.in_stores:
        warnings.warn(f"preserve: {NOT_PRESERVED}", KpalWarning, stacklevel=2)
    motion = Motion(pages, frame, loop=loop, restart=restart)
    limits: dict[str, Any] = {"max_pixels": max_pixels, "strips_from": strips_from, "motion": motion}
    way = Way(force=force, dry=dry_run, preserve=preserve, workers=workers, executor=executor)
    if total_max_bytes is None:
        return Batch(selection, Encoding(*parts, **limits), way).endings()
    return Budgeted(selection, WithBudget(*parts, **limits, total=total_max_bytes), way).endings()
