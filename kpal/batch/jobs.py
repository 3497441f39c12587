"""Jobs: the files that the inputs of a command select, and the names of the results."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from PIL import Image

from kpal_format import EXTENSION, MAGIC, Info, inspect

from ..atomic import replacing
from ..stores import Kind, Place, Ranges, Remote, is_same, kind_of, place, why_not_writable
from .messages import BatchError, abandon, is_foreign, printable, why_unreadable

MANIFEST: Final = ".kpal-manifest"  # the beginning of the names of manifests; manifest.py
STREAM: Final = "-"  # standard input or output, on the command line

# The formats that count as pictures in a folder, which may hold many other files that Pillow would open.
_FORMATS: Final = frozenset(
    (
        *("PNG", "GIF", "WEBP", "JXL", "AVIF", "JPEG", "MPO", "JPEG2000", "BMP", "DIB", "TIFF"),
        *("TGA", "PCX", "ICO", "CUR", "ICNS", "PPM", "QOI", "PSD", "XPM", "XBM"),
    )
)
# Formats that Pillow may lack: their files still count as pictures, so that they fail by name.
_OPTIONAL: Final = frozenset((".webp", ".jxl", ".avif", ".jp2", ".jpx", ".j2k"))
_MANY: Final = 4  # inputs of one folder in a store
_DIGITS: Final = re.compile("([0-9]+)")
_SPOOLED: Final = 1 << 26  # bytes of a result for standard output or a store that are kept in memory
_CASE_COUNTS: Final = sys.platform not in ("win32", "darwin")
_KINDS: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UsageError(ValueError):
    """Wrong usage: the command ends before it does anything."""


@dataclass(frozen=True)
class Job:
    """One input and the target of its result; None stands for standard input or output.

    name: the input as the user named it, for messages.
    below: the path of a file relative to the folder that was given; the file name for other inputs.
    problem: why an input found in a folder cannot be read.
    in_place: whether the result may replace the input, if the input is a `.kpal` file.
    note: why the target does not have its usual name.
    home: the folder whose manifest records the job; None for a job that is not of a batch.
    frames: the files of all frames of an animation, of which `source` is the first; empty for an input of one file.
    """

    source: Place | None
    target: Place | None = None
    name: str = "standard input"
    below: Path = Path("stdin")
    problem: OSError | None = None
    in_place: bool = False
    note: str = ""
    home: Place | None = None
    frames: tuple[Place, ...] = ()

    def absolute(self) -> Job:
        """The same job for a process that may have another current folder."""
        return replace(
            self,
            source=self.source and self.source.absolute(),
            target=self.target and self.target.absolute(),
            home=self.home and self.home.absolute(),
            frames=tuple(place.absolute() for place in self.frames),
        )

    def read(self) -> bytes:
        """The bytes of the input; OSError if it cannot be read, or is empty."""
        if self.problem is not None:
            raise self.problem
        if self.source is None:
            if sys.stdin is None:
                raise OSError("it is closed")
            data = sys.stdin.buffer.read()
        else:
            try:
                data = self.source.read_bytes()
            except OSError as error:
                raise OSError(why_unreadable(self.name, error)) from error
        if not data:
            raise OSError("the file is empty" if self.source else "it is empty")
        return data

    def opened(self, *, parts: bool = False) -> BinaryIO:
        """The input as a file that can be read in any order; errors as for `read`.

        parts: whether only parts of it are needed, which are fetched then from a store, each when it is read.

        Also OSError if the result would replace an input that is not a `.kpal` file.
        """
        if parts and isinstance(self.source, Remote) and self.problem is None:
            file = cast("BinaryIO", Ranges(self.source))
        else:
            file = self._opened()
        head = file.read(len(MAGIC))
        file.seek(0)
        if self.in_place and head != MAGIC and self.replaces_input():
            file.close()
            raise FileExistsError(
                f"the result would take the place of the input, which is not a {EXTENSION} file; name another with -o"
            )
        return file

    def _opened(self) -> BinaryIO:
        if self.problem is not None or not isinstance(self.source, Path) or not self.source.is_file():
            return io.BytesIO(self.read())
        try:
            file = self.source.open("rb")
        except OSError as error:
            raise OSError(why_unreadable(self.name, error)) from error
        if not os.fstat(file.fileno()).st_size:
            file.close()
            raise OSError("the file is empty")
        return file

    def check(self, *, force: bool) -> None:
        """Raises OSError if the result must not be written."""
        if self.target is None:
            if sys.stdout is None:
                raise OSError("standard output is closed")
            if sys.stdout.isatty():
                raise OSError("refusing to write an image to the terminal; name a file")
        else:
            self._check_target(self.target, force=force)

    def _check_target(self, target: Place, *, force: bool) -> None:
        if self.replaces_input() and not self.in_place:
            raise FileExistsError("the result would take the place of the input; name another file with -o")
        if self.replaces_input() and not force:
            raise FileExistsError("the result would take its place; --force allows that, or name another file with -o")
        if force and isinstance(target, Remote):
            return  # in a store, a folder is not in the way
        kind = kind_of(target)
        if kind == "folder":
            raise IsADirectoryError(f"{printable(target)} is a folder")
        if kind == "file" and not force:
            raise FileExistsError(f"{printable(target)} exists; --force overwrites it")

    def replaces_input(self) -> bool:
        """Whether the target and the input are the same file, even under different names."""
        target, sources = self.target, self.frames or (self.source,)
        return target is not None and any(source is not None and is_same(target, source) for source in sources)

    def write(self, data: bytes | Iterable[bytes], *, preserve: bool = False) -> None:
        """Writes the result; OSError if it cannot be written.

        data: the bytes, at once or in parts.
        preserve: whether the result gets the permissions and the time of the input, if both are files of this machine.
        """
        parts = (data,) if isinstance(data, bytes) else data
        if self.target is None:
            self._write_to_stream(parts)
            return
        try:
            if isinstance(self.target, Remote):
                _send(self.target, iter(parts))
                return
            if self.target.exists() and not self.target.is_file():
                with self.target.open("wb") as stream:
                    stream.writelines(parts)  # a device or pipe has no content to lose, and must not be replaced
                return
            _make_folder(self.target.parent)
            like = self.source if preserve and isinstance(self.source, Path) else None
            with replacing(self.target, like=like) as file:
                file.writelines(parts)
        except BrokenPipeError as error:  # the target is a named pipe; `main` handles standard output
            raise OSError(f"{printable(self.target)}: its reader has closed it") from error

    def _write_to_stream(self, parts: Iterable[bytes]) -> None:
        with tempfile.SpooledTemporaryFile(_SPOOLED) as file:  # nothing comes out if a part cannot be made
            file.writelines(parts)
            file.seek(0)
            try:
                shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                abandon(sys.stdout)
                error.filename = "standard output"
                raise


@dataclass
class Selection:
    """The jobs that the inputs of a command select, and the numbers of items left out.

    inputs: as the user named them.
    several: whether they may be more than one file: several names, or a folder.
    jobs: in the order of the inputs; the files of a folder are sorted by path.
    others: files in folders, left out because of their endings.
    results: `.kpal` files, left out as results of pictures beside them.
    links: links to folders, which are not followed.
    repeated: inputs that had been named before.
    """

    inputs: list[str]
    several: bool = False
    jobs: list[Job] = field(default_factory=list)
    others: int = 0
    results: int = 0
    links: int = 0
    repeated: int = 0

    @property
    def in_stores(self) -> bool:
        """Whether any input or result is in a store."""
        return any(isinstance(at, Remote) for job in self.jobs for at in (job.source, job.target))

    def nothing(self) -> str:
        """The message for a selection without jobs."""
        return f"no images found in {', '.join(map(printable, self.inputs))}{self.left_out()}"

    def left_out(self) -> str:
        """The items left out, as the end of a sentence; empty if there are none."""
        parts = (
            (self.others, "file of another kind left out", "files of other kinds left out"),
            (
                self.results,
                f"{EXTENSION} file left out as the result of a picture beside it",
                f"{EXTENSION} files left out as results of pictures beside them",
            ),
            (self.links, "link to a folder not followed", "links to folders not followed"),
            (self.repeated, "input named twice and taken once", "inputs named twice and taken once"),
        )
        return "".join(f"; {many:,} {one if many == 1 else several}" for many, one, several in parts if many)


def picture_endings() -> frozenset[str]:
    """The endings, in lower case, of files that count as pictures in a folder."""
    known = Image.registered_extensions()
    return _OPTIONAL | {ending for ending, format in known.items() if format in _FORMATS}


class _Pictures:
    """A container of `.kpal` and the endings of pictures, which looks for common ones before it loads all of Pillow."""

    def __contains__(self, ending: object) -> bool:
        Image.preinit()
        format = Image.EXTENSION.get(str(ending))
        return ending == EXTENSION or (format in _FORMATS if format else ending in picture_endings())


PICTURES: Final = _Pictures()


def find(inputs: list[str], endings: Container[str], output: str | None = None) -> Selection:
    """The files that `inputs` select, as jobs without targets.

    A folder selects all files below it with one of `endings`, except `output` and `.kpal` files that are results of
    pictures beside them; "-" selects standard input. Inputs named twice are taken once. Raises UsageError for an empty
    name, which would mean the current folder.
    """
    found = Selection(inputs, several=len(inputs) > 1)
    entry, seen = _Entries(), set[str | None]()
    for given in inputs:
        if not given:
            raise UsageError("the name of an input is empty")
        for job in _jobs_of(given, endings, output, found):
            key = entry(job.source) if job.source else None
            if key in seen:
                found.repeated += 1
            else:
                seen.add(key)
                found.jobs.append(job)
    found.jobs = _informed(found.jobs)
    return found


def _informed(jobs: list[Job]) -> list[Job]:
    """The jobs with the statuses of inputs in stores, where many have one folder, whose listing is one request."""
    asked = [job.source for job in jobs if isinstance(job.source, Remote) and job.source.status is None]
    known: dict[str, Remote] = {}
    for folder, many in Counter(source.parent for source in asked if source.lists).items():
        if many >= _MANY:
            with contextlib.suppress(OSError):  # each input is asked for then
                known |= {at.url: at for at in folder.walk(deep=False).values()}
    return [replace(job, source=known.get(str(job.source), job.source)) for job in jobs] if known else jobs


def _jobs_of(given: str, endings: Container[str], output: str | None, found: Selection) -> list[Job]:
    if given == STREAM:
        return [Job(None)]
    top = place(given)
    job = Job(top, None, printable(given), Path(top.name))
    if isinstance(top, Remote) and _ending(given) in endings:
        return [job]  # without asking the store
    try:
        if kind_of(top) != "folder":
            return [job]
        found.several = True
        walk = (
            _walk_store(top, endings, output, found)
            if isinstance(top, Remote)
            else _walk(given, endings, output, found)
        )
        return [replace(job, home=top) for job in sorted(walk, key=lambda job: job.below)]
    except OSError as error:  # of a store
        return [replace(job, problem=error)]


def _walk(top: str, endings: Container[str], output: str | None, found: Selection) -> Iterator[Job]:
    """The jobs of a folder; counts in `found` what is left out."""
    unreadable: list[OSError] = []
    own = os.path.realpath(output) if output else ""

    def is_output(name: str) -> bool:
        return name == os.path.basename(own) and os.path.realpath(paths[name]) == own  # noqa: PTH119

    for folder, folders, files in os.walk(top, onerror=unreadable.append):
        paths = {name: os.path.join(folder, name) for name in (*folders, *files)}  # noqa: PTH118  # keeps ./
        found.links += sum(os.path.islink(paths[name]) for name in folders)  # noqa: PTH114
        folders[:] = [name for name in folders if not is_output(name)]
        for name in _pictures([name for name in files if not is_output(name)], endings, found):
            path = Path(paths[name])
            yield Job(path, None, printable(paths[name]), path.relative_to(top), _obstacle(path))
    for error in unreadable:
        path = Path(error.filename)
        yield Job(path, None, printable(error.filename), path.relative_to(top), error)


def _walk_store(top: Remote, endings: Container[str], output: str | None, found: Selection) -> Iterator[Job]:
    """Like `_walk`, for a folder in a store."""
    own = str(place(output)).rstrip("/") if output else None
    folders: dict[PurePosixPath, dict[str, Remote]] = {}
    for path, at in top.walk().items():
        if own is None or not f"{at}/".startswith(f"{own}/"):
            folders.setdefault(path.parent, {})[path.name] = at
    for parent, files in folders.items():
        for name in _pictures(files, endings, found):
            at, below = files[name], Path(parent, name)
            leaves = ".." in below.parts or below.is_absolute() or bool(below.drive)
            problem = OSError("its name would lead out of the folder of results") if leaves else None
            yield Job(at, None, printable(at), below, problem)


def _pictures(names: Collection[str], endings: Container[str], found: Selection) -> set[str]:
    """The files of one folder that are inputs; counts in `found` what is left out."""
    pictures = {name for name in names if _ending(name) in endings}
    results = {result for name in pictures if _ending(name) != EXTENSION for result in _results_of(name)}
    found.others += sum(name not in pictures and not name.startswith(MANIFEST) for name in names)
    found.results += len(results & pictures)
    return pictures - results


def _results_of(name: str) -> set[str]:
    return {result_name(name, EXTENSION), name + EXTENSION}


def _obstacle(path: Path) -> OSError | None:
    """Why a file in a folder cannot be read, found without opening the file, because a pipe would block for ever."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return OSError(why_unreadable(str(path), error))
    kind = _KINDS.get(stat.S_IFMT(mode))
    return OSError(f"{kind}, and not a file") if kind else None


def plan(
    inputs: list[str], output: str | None, endings: Container[str], new_ending: str, *, in_place: bool = False
) -> Selection:
    """Like `find`, with targets.

    Without `output`, results are written beside their inputs; an output folder mirrors the input folders. If two
    results would have the same name, or a result would replace another input, the later result keeps the whole name of
    its input.

    in_place: whether a `.kpal` file may be replaced by its own result.

    Raises UsageError if `output` cannot hold the results.
    """
    if output == "":
        raise UsageError("the name of the output is empty")
    if output and is_foreign(output):
        raise UsageError(f"{printable(output)} is a URL; kpal writes to files, to stores and to standard output")
    found = find(inputs, endings, output)
    kind = None if output in (None, STREAM) else _kind_of_output(str(output))
    if found.several and (output == STREAM or kind == "file"):
        raise UsageError(f"several inputs need a folder for output, not '{printable(str(output))}'")
    if found.several and output and kind is None and (_ending(output) in endings or _ending(output) == new_ending):
        raise UsageError(f"several inputs need a folder for output; '{printable(output)}' looks like a file")
    if output is not None and not (found.several or kind == "folder" or output.endswith(("/", os.sep))):
        target = None if output == STREAM else place(output)
        found.jobs = [replace(job, target=target, in_place=in_place) for job in found.jobs]
        return _writable(found)
    names = _Names(found, new_ending)
    found.jobs = [names.given(replace(job, in_place=in_place), output) for job in found.jobs]
    if found.several:
        found.jobs = [_at_home(job, output) for job in found.jobs]
    return _writable(found)


def _kind_of_output(output: str) -> Kind | None:
    try:
        return kind_of(place(output))
    except OSError as error:
        raise BatchError(f"{printable(output)}: {error.strerror or error}") from error


def _writable(found: Selection) -> Selection:
    """Raises UsageError if no result can be written to the place of a target."""
    for job in found.jobs:
        if job.target is not None and (reason := why_not_writable(job.target)):
            raise UsageError(reason)
    return found


def sequence(inputs: list[str], output: str | None, endings: Container[str], new_ending: str) -> Selection:
    """One job, whose frames are the pictures of all inputs in their order; those of a folder by the numbers in names.

    Without `output`, the result of one folder is written beside it. Raises UsageError without a name for the result.
    """
    if STREAM in inputs:
        raise UsageError("an animation of several files cannot have a frame from standard input")
    found = Selection(inputs)
    for given in inputs:
        part = find([given], endings, output)
        found.jobs += sorted(part.jobs, key=lambda job: _natural(str(job.below)))
        found.others, found.results = found.others + part.others, found.results + part.results
        found.links += part.links
    if not found.jobs:
        return found
    target = _target_of_sequence(inputs, output, new_ending)
    problem = next((job.problem for job in found.jobs if job.problem), None)
    frames = tuple(job.source for job in found.jobs if job.source is not None)
    names = printable(inputs[0]) if len(inputs) == 1 else f"{printable(inputs[0])} and {len(inputs) - 1} more"
    found.jobs = [Job(frames[0], target, names, Path(inputs[0]), problem, frames=frames)]
    return _writable(found)


def _target_of_sequence(inputs: list[str], output: str | None, new_ending: str) -> Place | None:
    """The file of an animation; None for standard output."""
    if output == STREAM:
        return None
    if output is not None and _kind_of_output(output) != "folder" and not output.endswith(("/", os.sep)):
        return place(output)
    if len(inputs) > 1:
        raise UsageError(f"the animation of several inputs needs a name: add -o NAME{new_ending}")
    top = place(inputs[0])
    if isinstance(top, Path) and top.name in ("", ".."):  # the current folder, or one above it
        top = top.resolve()
    return (place(output) if output is not None else top.parent) / f"{top.name}{new_ending}"


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts by the numbers in names: frame2 before frame10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(name)]


def listed(lines: Iterable[str]) -> Selection:
    """The jobs of a list: lines of JSON, objects with `input` and `output`. Raises UsageError for any other line."""
    found = Selection(["the list of jobs"], several=True)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            names = [entry[key] for key in ("input", "output")]
            if len(entry) != len(names) or not all(isinstance(name, str) and name for name in names):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f'line {number} of the list of jobs is not of the form {{"input": "a.png", "output": "a.kpal"}}'
            ) from error
        source, target = map(place, names)
        found.jobs.append(
            Job(source, target, printable(names[0]), Path(source.name), in_place=True, home=target.parent)
        )
    found.jobs = _informed(found.jobs)
    return _writable(found)


def _at_home(job: Job, output: str | None) -> Job:
    """The job of a batch, with the folder of its manifest: that of the output, or else the one that was given."""
    if output is not None:
        return replace(job, home=place(output))
    return job if job.home or not job.target else replace(job, home=job.target.parent)


class _Names:
    """Gives each job a unique target."""

    def __init__(self, found: Selection, ending: str) -> None:
        self._ending = ending
        self._entry = _Entries()
        self._inputs = {self._entry(job.source): job.name for job in found.jobs if job.source and not job.problem}
        self._taken: dict[str, str] = {}
        self._numbers: dict[Place, int] = {}

    def given(self, job: Job, output: str | None) -> Job:
        if job.problem is not None or (output is None and job.source is None):
            return job
        folder = place(output) / job.below.parent if output is not None else (job.source or job.below).parent
        expected = folder / result_name(job.below.name, self._ending)
        target = next(at for at in self._candidates(folder, job.below.name) if self._owner(at, job) is None)
        owner = self._owner(expected, job) if target != expected else None
        self._taken[self._entry(target)] = f"the result of {job.name}"
        note = f"written as {printable(target)}, because {printable(expected)} is {owner}" if owner else ""
        return replace(job, target=target, note=note)

    def _candidates(self, folder: Place, name: str) -> Iterator[Place]:
        yield folder / result_name(name, self._ending)
        yield folder / f"{name}{self._ending}"
        for number in count(self._numbers.get(folder / name, 2)):
            self._numbers[folder / name] = number
            yield folder / f"{name}.{number}{self._ending}"

    def _owner(self, at: Place, job: Job) -> str | None:
        """The owner of the name, if it is not the job itself."""
        key = self._entry(at)
        if job.in_place and job.source and key == self._entry(job.source):
            return self._taken.get(key)
        return self._taken.get(key) or (f"the input {self._inputs[key]}" if key in self._inputs else None)


def result_name(name: str, ending: str) -> str:
    """`name` with `ending` in place of the ending of a picture, or else appended."""
    known = _ending(name)
    return (name[: -len(known)] if known and _is_known(known) else name) + ending


def _is_known(ending: str) -> bool:
    """Whether the ending belongs to any image format that Pillow knows."""
    Image.preinit()  # loads only the common formats, which is faster
    return ending in Image.EXTENSION or ending in _OPTIONAL or ending in Image.registered_extensions()


def _ending(name: str) -> str:
    """The ending in lower case, with its dot; empty for names such as `chart` and `.hidden`."""
    stem, dot, ending = os.path.basename(name).rpartition(".")  # noqa: PTH119
    return f"{dot}{ending}".lower() if stem.strip(".") else ""


class _Entries:
    """Keys that are equal for two names of one directory entry, assuming the usual file systems of this platform."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}  # with symbolic links followed, which is slow

    def __call__(self, at: Place) -> str:
        if isinstance(at, Remote):
            return at.url
        folder, name = os.path.split(at)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        entry = os.path.join(self._folders[folder], name)  # noqa: PTH118
        return entry if _CASE_COUNTS else entry.casefold()


def header_of(data: bytes) -> Info:
    """Like `inspect`, but for another format, raise a ValueError that names the format."""
    if MAGIC.startswith(data[: len(MAGIC)]):
        return inspect(data)
    other = None
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data)) as image:  # Pillow raises nearly every kind
        other = image.format
    if other is None:
        raise ValueError(f"not a {EXTENSION} file: it does not begin with the magic number")
    raise ValueError(f"not a {EXTENSION} file but an image of the format {other}, which kpal encode takes")


def _send(target: Remote, parts: Iterator[bytes]) -> None:
    """Writes a file in a store: from memory or, if it is large, from a temporary file."""
    held, size = [], 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > _SPOOLED:
            with target.replacing() as file:
                file.writelines(held)
                held.clear()
                file.writelines(parts)
            return
    target.write_bytes(b"".join(held))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(f"cannot make the folder {printable(folder)}: a file is in the way") from error
