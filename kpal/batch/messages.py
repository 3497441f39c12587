"""Messages on standard error: one line each, with names as the user gave them and the actual reason."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import struct
import sys
import warnings
import zlib
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any, Final

from PIL import Image, UnidentifiedImageError

from kpal_format import LimitError
from kpal_format.forks import Lock

from ..stores import Place, is_remote

_URL: Final = re.compile(r"file://|data:[a-z]+/", re.IGNORECASE)  # kpal takes other URLs as names
_OBJECT: Final = re.compile(r"\s*<[\w.]+ object at 0x[0-9a-fA-F]+>")
_MOST_PIXELS: Final = re.compile(r"\bmax_pixels=")
_DAMAGE: Final = (SyntaxError, EOFError, IndexError, KeyError, struct.error, zlib.error)  # from readers in Pillow


class BatchError(Exception):
    """A whole batch cannot be worked on."""


class StandardError(io.TextIOBase):
    """Standard error for messages: if it is closed or full, messages are lost but the work goes on."""

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # rich chooses the characters of its bar by encoding
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # a full disk, a broken pipe, or a stream that the caller closed
                abandon(self._stream)
        return len(text)

    def isatty(self) -> bool:
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("standard error is closed")
        return self._stream.fileno()


def abandon(stream: IO[str]) -> None:
    """Redirects a failed stream to the null device, because the interpreter would fail again flushing it at exit."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor is not flushed at exit
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say(message: str, program: str = "kpal") -> None:
    """Prints a message of one line to standard error."""
    StandardError(sys.stderr).write(printable(f"{program}: {' '.join(message.splitlines())}") + "\n")


def tell(name: str, warnings: Iterable[str], error: str | None) -> None:
    """Prints the warnings and the error of a file."""
    for warning in warnings:
        say(f"{name}: warning: {warning}")
    if error is not None:
        say(f"{name}: {error}")


def printable(name: str | Place) -> str:
    """A file name with control characters and undecodable bytes escaped."""
    text = str(name)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # Python represents undecodable bytes of names this way
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def is_foreign(name: str) -> bool:
    """Whether a name is a URL of a kind that stands neither for a file nor for an object in a store."""
    return _URL.match(name) is not None


def why_unreadable(name: str, error: OSError) -> str:
    """Why a file cannot be read; `name` is as the user gave it."""
    if is_remote(name):
        return error.strerror or str(error)
    if is_foreign(name) and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.ENAMETOOLONG):
        if name.lower().startswith("file:"):
            return "a URL; give the path of the file alone"
        return (
            "a URL; kpal reads files, objects in stores and standard input, so save the data it holds as a file first"
        )
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    path = Path(error.filename if isinstance(error.filename, str) else name)
    if error.errno == errno.ENOENT and path.is_symlink():
        return f"a link to {printable(path.readlink())}, which does not exist"
    return error.strerror or str(error)


class failures:  # noqa: N801  # reads as a statement: with failures("x.png") as failed
    """Turns an exception in the block into one line on standard error; the object is then true.

    Pillow raises nearly every kind of exception for damaged images (struct.error, zlib.error, SyntaxError ...), and one
    bad file must not stop a batch, so every exception counts as a failure of this file. Without an exception, the
    warnings raised in the block are printed, one a line.

    aloud: whether to print. `reason` and `warnings` tell the same.
    """

    def __init__(self, name: str, *, aloud: bool = True) -> None:
        self._name = name
        self._aloud = aloud
        self.reason: str | None = None
        self.warnings: list[str] = []
        self._caught: list[str] = []

    def __bool__(self) -> bool:
        return self.reason is not None

    def __enter__(self) -> failures:
        _recorder.enter(self._caught)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        _recorder.leave()
        if error is None:
            self.warnings = list(dict.fromkeys(self._caught))
        elif not isinstance(error, Exception) or isinstance(error, BrokenPipeError):
            return False
        else:
            self.reason = self.why(error)
        if self._aloud:
            tell(self._name, self.warnings, self.reason)
        return True

    def why(self, error: Exception) -> str:
        """The reason of a failure in one line."""
        return _OBJECT.sub("", self._reason(error))

    def _reason(self, error: Exception) -> str:
        if isinstance(error, UnidentifiedImageError):  # the message of Pillow names a buffer in memory
            missing = [warning for warning in dict.fromkeys(self._caught) if "not installed" in warning]
            if self._name.lower().endswith(".jxl") and "JXL" not in Image.OPEN:
                missing = ["JPEG XL needs the package pillow-jxl-plugin"]
            return "; ".join(("not an image that Pillow can read", *missing))
        if isinstance(error, LimitError):
            return _MOST_PIXELS.sub("--max-pixels ", str(error))
        if isinstance(error, OSError) and error.strerror:
            if not isinstance(error.filename, (str, bytes)):
                return error.strerror
            name = printable(os.fsdecode(error.filename))
            return error.strerror if name == self._name else f"{name}: {error.strerror}"
        if isinstance(error, (OSError, ValueError, Image.DecompressionBombError)) and str(error):
            return str(error)
        if isinstance(error, MemoryError):
            return "there is not enough memory"
        if isinstance(error, _DAMAGE):
            return f"damaged, or of a kind that Pillow cannot read ({type(error).__name__}: {error})"
        return f"{type(error).__name__}: {error}"


class _Recorder:
    """Collects the warnings of each context that asks for them: of a thread and of the helpers that it starts.

    `warnings.catch_warnings` is for one thread at a time: others would restore a state that was not theirs.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads = 0
        self._lists = ContextVar[tuple[list[str], ...]]("lists", default=())
        self._catcher: warnings.catch_warnings[None] | None = None

    def enter(self, caught: list[str]) -> None:
        """Begins to collect the warnings of this context in `caught`."""
        self._lists.set((*self._lists.get(), caught))
        with self._lock:
            self._threads += 1
            if self._threads > 1:
                return
            self._catcher = warnings.catch_warnings()
            self._catcher.__enter__()
            self._show = warnings.showwarning
            warnings.simplefilter("always")
            warnings.showwarning = self._record

    def leave(self) -> None:
        """Ends what the last `enter` of this context began."""
        self._lists.set(self._lists.get()[:-1])
        with self._lock:
            self._threads -= 1
            if self._threads == 0 and self._catcher is not None:
                self._catcher.__exit__(None, None, None)

    def _record(self, message: Warning | str, *about: Any, **more: Any) -> None:
        if isinstance(message, Image.DecompressionBombWarning):
            return  # --max-pixels is the only limit
        if lists := self._lists.get():
            lists[-1].append(str(message))
        else:  # from a context that nobody collects from
            self._show(message, *about, **more)


_recorder = _Recorder()
