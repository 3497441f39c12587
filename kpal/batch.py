"""Many files in, many files out: which are meant, what the results are called, and that they get there whole."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import UnidentifiedImageError

from .files import replacing

if TYPE_CHECKING:
    from rich.console import Console

STREAM: Final = "-"  # standard input or output, on the command line


class UsageError(ValueError):
    """What was asked for cannot be meant: the command ends before anything is done."""


@dataclass(frozen=True)
class Job:
    """One input and where its result goes; None stands for the standard streams."""

    source: Path | None
    target: Path | None

    @property
    def name(self) -> str:
        return "standard input" if self.source is None else printable(self.source)

    def read(self) -> bytes:
        if self.source is not None:
            return self.source.read_bytes()
        if sys.stdin is None:
            raise OSError("it is closed")
        return sys.stdin.buffer.read()

    def check(self, *, force: bool) -> None:
        """Raises OSError where the result must not be written."""
        if self.target is None:
            if sys.stdout is None:
                raise OSError("standard output is closed")
            if sys.stdout.isatty():
                raise OSError("refusing to write an image to the terminal; name a file with -o")
        elif self.target.is_dir():
            raise IsADirectoryError(f"{printable(self.target)} is a folder")
        elif self.target.is_file():
            if self.source is not None and self.source.exists() and self.target.samefile(self.source):
                raise FileExistsError("the result would take the place of the input; name another file with -o")
            if not force:
                raise FileExistsError(f"{printable(self.target)} exists; --force overwrites it")

    def write(self, data: bytes) -> None:
        if self.target is None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif self.target.exists() and not self.target.is_file():
            self.target.write_bytes(data)  # a device or a pipe: there is nothing to lose, and it must not be replaced
        else:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.target) as file:
                file.write(data)


def sources(inputs: Iterable[str], suffixes: frozenset[str]) -> list[tuple[Path | None, Path]]:
    """The files that `inputs` name, each with its path below the input that it came from.

    A folder stands for all files below it with one of `suffixes`, in the order of their names; "-" for standard
    input. Raises UsageError for an empty name, which would be the current folder.
    """
    found: list[tuple[Path | None, Path]] = []
    for name in inputs:
        path = Path(name)
        if not name:
            raise UsageError("the name of an input is empty")
        if name == STREAM:
            found.append((None, Path("stdin")))
        elif os.path.isdir(path):  # noqa: PTH112  # unlike Path.is_dir, false for names that no file can have
            below = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
            found += [(file, file.relative_to(path)) for file in below]
        else:
            found.append((path, Path(path.name)))
    return found


def plan(inputs: list[str], output: str | None, suffixes: frozenset[str], new_suffix: str) -> list[Job]:
    """A job for each input.

    Without `output`, results stand beside their inputs; a folder for output mirrors the folders put in.

    Raises UsageError where `output` cannot hold what the inputs give.
    """
    found = sources(inputs, suffixes)
    if output is None:
        return [Job(source, source and source.with_suffix(new_suffix)) for source, _ in found]
    if not output:
        raise UsageError("the name of the output is empty")
    several = len(inputs) > 1 or any(os.path.isdir(name) for name in inputs)  # noqa: PTH112  # as above
    is_folder = os.path.isdir(output)  # noqa: PTH112
    if several and (output == STREAM or os.path.isfile(output)):  # noqa: PTH113
        raise UsageError(f"several inputs need a folder for output, not {output!r}")
    if several and not is_folder and Path(output).suffix.lower() in suffixes | {new_suffix}:
        raise UsageError(f"several inputs need a folder for output; {output!r} looks like a file")
    if several or is_folder or output.endswith(("/", os.sep)):
        return [Job(source, Path(output, below.with_suffix(new_suffix))) for source, below in found]
    return [Job(source, None if output == STREAM else Path(output)) for source, _ in found]


class Skipped(Exception):  # noqa: N818  # it is not an error
    """Raised by the work on a file of which, for the reason given, nothing is to be written."""


@dataclass(frozen=True)
class Ending:
    """What became of a job, for programs: the sizes of input and result, or why there is no result."""

    input: str
    output: str | None = None
    input_bytes: int | None = None
    bytes: int | None = None
    skipped: str | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


def run(
    jobs: list[Job],
    work: Callable[[Job, bytes], bytes],
    *,
    force: bool,
    quiet: bool,
    tell: Callable[[Ending], None] = lambda _: None,
) -> int:
    """Do `work` on the bytes of each input and write what it returns; the exit status.

    A job that fails is named on standard error, and the others go on; so is one for which `work` raises Skipped,
    which is no failure. `tell` hears how each job ended.
    """
    start = time.perf_counter()
    endings = []
    taken: set[Path] = set()
    for job in progress(jobs, quiet=quiet):
        with failures(job.name) as failed:
            ending = _done(job, work, taken, force=force)
        if failed:
            ending = Ending(job.name, error=failed.reason)
        elif ending.skipped and not quiet:
            say(f"{job.name}: skipped: {ending.skipped}")
        endings.append(ending)
        tell(ending)
    if not jobs:
        say("no images found")
    elif not quiet:
        _summarise(jobs, endings, time.perf_counter() - start)
    return 0 if jobs and not any(ending.error for ending in endings) else 1


def _done(job: Job, work: Callable[[Job, bytes], bytes], taken: set[Path], *, force: bool) -> Ending:
    if job.target is not None and job.target.resolve() in taken:
        raise FileExistsError(f"{printable(job.target)} is already the result of another input")
    job.check(force=force)
    data = job.read()
    try:
        result = work(job, data)
    except Skipped as reason:
        return Ending(job.name, input_bytes=len(data), skipped=str(reason))
    job.write(result)
    if job.target is not None:
        taken.add(job.target.resolve())
    return Ending(job.name, printable(job.target) if job.target else None, len(data), len(result))


def _summarise(jobs: list[Job], endings: list[Ending], seconds: float) -> None:
    done = [ending for ending in endings if ending.bytes is not None]
    skipped = sum(ending.skipped is not None for ending in endings)
    if len(jobs) == 1:
        where = f" → {done[0].output}" if done and done[0].output else ""
        what = f"{jobs[0].name}{where}"
    else:
        what = f"{len(done)} of {len(jobs)} files{f', {skipped} skipped' * (skipped > 0)}"
    if done:
        before, after = (sum(getattr(ending, name) for ending in done) for name in ("input_bytes", "bytes"))
        say(f"{what}: {before:,} → {after:,} bytes ({saving(before, after)}) in {seconds:.1f} s")
    elif skipped and len(jobs) > 1:
        say(what)


class failures:  # noqa: N801  # reads as a statement: with failures("x.png") as failed
    """Turns an exception in the block into one line on standard error, after which the block's value is true.

    Pillow raises nearly every kind of exception for damaged images (struct.error, zlib.error, SyntaxError ...), and
    one bad file must not stop a batch, so all of them count as this file's failure. Without an exception, warnings
    become lines.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.reason: str | None = None
        self._catcher = warnings.catch_warnings(record=True)

    def __bool__(self) -> bool:
        return self.reason is not None

    def __enter__(self) -> failures:
        caught = self._catcher.__enter__()
        assert caught is not None  # as it was told to record
        self._caught = caught
        warnings.simplefilter("always")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        self._catcher.__exit__(None, None, None)
        if error is None:
            for message in dict.fromkeys(str(warning.message) for warning in self._caught):
                say(f"{self._name}: warning: {message}")
        if not isinstance(error, Exception) or isinstance(error, BrokenPipeError):
            return False
        self.reason = self._reason(error)
        say(f"{self._name}: {self.reason}")
        return True

    def _reason(self, error: Exception) -> str:
        if isinstance(error, UnidentifiedImageError):
            return "not an image that Pillow can read"  # its own message names a buffer in memory
        if isinstance(error, OSError) and error.strerror:
            name = (
                printable(Path(os.fsdecode(error.filename))) if isinstance(error.filename, (str, bytes)) else self._name
            )
            return error.strerror if name == self._name else f"{error.strerror}: {name}"
        return (
            str(error)
            if isinstance(error, (OSError, ValueError)) and str(error)
            else f"{type(error).__name__}: {error}"
        )


def progress(jobs: list[Job], *, quiet: bool, console: Console | None = None) -> Iterator[Job]:
    """The jobs, with a progress bar where standard error is a terminal.

    console: what the caller prints to meanwhile, if that is on the same terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield from jobs
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=console or Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(jobs))
        for job in jobs:
            bar.update(task, description=job.name[-40:].replace("[", r"\["))
            yield job
            bar.advance(task)


def saving(before: int, after: int) -> str:
    """The change in size, for people."""
    change = 100 * (after / before - 1) if before else 0.0
    return f"{abs(change):.1f} % {'smaller' if change <= 0 else 'larger'}"


def say(message: str) -> None:
    """One line to the person at the terminal."""
    print(f"kpal: {' '.join(message.splitlines())}", file=sys.stderr)


def printable(path: Path) -> str:
    """The path with what would break a line, or is not even text, escaped: file systems allow nearly anything."""
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
