"""Files in object stores and other remote places: what fsspec reads and writes, by URL."""

from __future__ import annotations

import datetime
import errno
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL: Final = re.compile(r"((?:[a-z][a-z0-9+.-]+::)*[a-z][a-z0-9+.-]+)://", re.IGNORECASE)  # not C://, a drive
_WEB: Final = frozenset(("http", "https"))
_ARCHIVES: Final = frozenset(("zip", "tar", "libarchive"))
_READ_ONLY: Final = _WEB | _ARCHIVES | {"github", "gist", "git", "reference"}
# Stores where an object appears whole or not at all. Elsewhere, a file is written under another name and then moved.
_WHOLE: Final = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"))
# What tells one version of a file from another, best first, under the names of several stores.
_STAMPS: Final = (
    *("ETag", "etag", "CRC", "md5Hash", "generation", "mtime", "LastModified", "last_modified", "Last-Modified"),
    *("updated", "modified", "modify", "created"),
)

_LEAST_KEPT: Final = 1 << 12  # bytes from the start of a file, which one request fetches
_MOST_KEPT: Final = 1 << 20

Kind = Literal["file", "folder"]


class StoreError(OSError):
    """A store cannot be used at all: a package is missing, or no store is known for the URL."""


@dataclass(frozen=True)
class Status:
    """What tells whether a file has changed.

    size: in bytes, if it is known.
    stamp: the time of modification in nanoseconds, or what a store tells of the version, such as an ETag.
    """

    size: int | None
    stamp: int | str | None


@dataclass(frozen=True)
class Remote:
    """A file or folder named by a URL, with as much of the interface of `Path` as batches use.

    status: from the listing of a folder, if the file was found in one.

    All errors are OSErrors that say what the store says: FileNotFoundError, StoreError and others.
    """

    url: str
    status: Status | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.url

    @property
    def scheme(self) -> str:
        """The first scheme of the URL, in lower case: `zip` for zip://a.png::s3://b/c.zip."""
        found = _URL.match(self.url)
        assert found is not None
        return found[1].lower()

    @property
    def lists(self) -> bool:
        """Whether the store tells what a folder has."""
        return self.scheme not in _WEB

    @property
    def name(self) -> str:
        path = self._parts[1]
        return PurePosixPath(re.sub(r"[?#].*", "", path) if self.scheme in _WEB else path).name

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Remote:
        return self._at(self._parts[1].rstrip("/").rpartition("/")[0])

    def __truediv__(self, name: str | PurePath) -> Remote:
        below = PurePath(name).as_posix()
        return self if below == "." else self._at(f"{self._parts[1].rstrip('/')}/{below}".lstrip("/"))

    def absolute(self) -> Remote:
        return self

    def kind(self) -> Kind | None:
        """What there is; None for nothing. On the web, an address that ends with a slash is a folder."""
        if self.scheme in _WEB:
            return "folder" if self.url.endswith("/") else "file"
        try:
            return "folder" if self._told()["type"] == "directory" else "file"
        except FileNotFoundError:
            return None

    def current(self) -> Status | None:
        """The status that the file has now; None if there is no file."""
        try:
            return _status(self._told())
        except FileNotFoundError:
            return None

    def walk(self, *, deep: bool = True) -> dict[PurePosixPath, Remote]:
        """All files below this folder with their statuses, by their paths below it, from few requests.

        deep: whether to look into folders below it.
        """
        with _store(self) as (files, path):
            found: dict[str, dict[str, Any]] = files.find(path, None if deep else 1, detail=True)
        top = path.rstrip("/")
        below = {PurePosixPath(name[len(top) :].lstrip("/")): facts for name, facts in found.items() if name[-1] != "/"}
        return {path: replace(self / path, status=_status(facts)) for path, facts in below.items()}

    def read_bytes(self) -> bytes:
        with _store(self) as (files, path):
            data: bytes = files.cat_file(path)
            return data

    def write_bytes(self, data: bytes) -> None:
        """Write the file: it appears whole or not at all."""
        self._put(lambda files, path: files.pipe_file(path, data))

    @contextmanager
    def replacing(self) -> Iterator[BinaryIO]:
        """Open a temporary file of this machine for writing, which is sent when the block ends, if without exception.

        The file in the store appears whole or not at all, and need not fit into memory.
        """
        if reason := why_not_writable(self):
            raise OSError(reason)
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, "whole")
            with local.open("xb") as file:
                yield file
            self._put(lambda files, path: files.put_file(str(local), path))

    def _put(self, put: Callable[[AbstractFileSystem, str], object]) -> None:
        with _store(self) as (files, path):
            if self.scheme.rpartition("::")[2] in _WHOLE:
                put(files, path)
                return
            folder = path.rpartition("/")[0]
            temporary = f"{folder}/.{secrets.token_hex(8)}.part"
            files.makedirs(folder, exist_ok=True)
            try:
                put(files, temporary)
                files.mv(temporary, path)
            except BaseException:
                if files.exists(temporary):
                    files.rm_file(temporary)
                raise

    def unlink(self) -> None:
        with _store(self) as (files, path):
            files.rm_file(path)

    @property
    def _parts(self) -> tuple[str, str, str]:
        """What the URL has before the path, the path, and the rest of a chain: zip://, a.png, ::s3://b/c.zip."""
        start, _, rest = self.url.partition("://")
        path, chain, outer = rest.partition("::")
        return f"{start.lower()}://", path, chain + outer

    def _at(self, path: str) -> Remote:
        start, _, chain = self._parts
        return Remote(start + path + chain)

    def _told(self) -> dict[str, Any]:
        with _store(self) as (files, path):
            facts: dict[str, Any] = files.info(path)
            return facts


Place = Path | Remote


def is_remote(name: str) -> bool:
    """Whether a name is a URL of a store, and not that of a file of this machine."""
    found = _URL.match(name)
    return found is not None and found[1].lower() != "file"


def place(name: str) -> Place:
    """The file or folder of a name that is a path or a URL."""
    return Remote(name) if is_remote(name) else Path(name)


def kind_of(at: Place) -> Kind | None:
    """Whether there is a file or a folder; None for nothing and for anything else, such as a device."""
    if isinstance(at, Remote):
        return at.kind()
    if os.path.isdir(at):  # noqa: PTH112  # unlike Path.is_dir, false for names that no file can have
        return "folder"
    return "file" if os.path.isfile(at) else None  # noqa: PTH113


def status_of(at: Place) -> Status | None:
    """The status of a file, as a listing told it or else as it is now; None if there is no file."""
    if isinstance(at, Remote):
        return at.status or at.current()
    try:
        found = os.stat(at)  # noqa: PTH116  # much faster for thousands of files
    except (OSError, ValueError):
        return None
    return Status(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def is_same(a: Place, b: Place) -> bool:
    """Whether both are the same existing file, even under different names."""
    if isinstance(a, Remote) or isinstance(b, Remote):
        return a == b
    return kind_of(a) == "file" and b.exists() and a.samefile(b)


def why_not_writable(at: Place) -> str | None:
    """Why no file can be written there, whatever its name."""
    if isinstance(at, Remote) and at.scheme in _READ_ONLY:
        return f"kpal can only read from {at.scheme}://; name another place with -o"
    return None


class Ranges:
    """A file in a store that is read by ranges: a read is one request at most, and opening takes none.

    What is read from the start on is kept, up to a limit, because the head of a file is read more than once.
    """

    def __init__(self, at: Remote) -> None:
        self._remote = at
        self._at = 0
        self._end: int | None = None  # the size of the file, once it is known
        self._start = b""  # of the file, as far as it is kept; all of it from a server that knows no ranges

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + (0, self._at, self._size() if whence == os.SEEK_END else 0)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        end = self._size() if size < 0 else self._at + size
        if self._end is not None:
            end = min(end, self._end)
        data = self._range(self._at, end) if self._at < end else b""
        self._at += len(data)
        return data

    def close(self) -> None:
        """Nothing is open between two reads."""

    def __enter__(self) -> Ranges:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _size(self) -> int:
        if self._end is None:
            status = status_of(self._remote)
            if status is None:
                raise FileNotFoundError(errno.ENOENT, "there is no such file")
            if status.size is None:
                self._start = self._remote.read_bytes()
            self._end = len(self._start) if status.size is None else status.size
        return self._end

    def _range(self, start: int, end: int) -> bytes:
        kept = len(self._start)
        if start <= kept < end <= _MOST_KEPT and kept != self._end:
            more = self._requested(kept, max(end, _LEAST_KEPT))
            if len(self._start) == kept:  # else the server has sent the whole file
                self._start += more
        if end <= len(self._start) or len(self._start) == self._end:
            return self._start[start:end]
        return self._requested(start, end)

    def _requested(self, start: int, end: int) -> bytes:
        """What the store has of a range, less behind the end of the file."""
        try:
            with _store(self._remote) as (files, path):
                data: bytes = files.cat_file(path, start=start, end=end)
        except OSError:
            now = self._remote.current() if start else None
            if now is None or now.size is None or start < now.size:
                raise
            data = b""  # a range behind the end of the file is an error of many servers
        if len(data) > end - start:
            self._start, self._end = data, len(data)
            return data[start:end]
        if len(data) < end - start:
            self._end = start + len(data)
        return data


@contextmanager
def _store(at: Remote) -> Iterator[tuple[AbstractFileSystem, str]]:
    """The store of a file, and its path there. Errors in the block become OSErrors that say what the store says."""
    try:
        import fsspec
    except ImportError as error:
        raise StoreError("a URL; kpal reads and writes URLs with fsspec: pip install 'kpal-codec[stores]'") from error
    try:
        yield _opened(at, fsspec)
    except (StoreError, NotImplementedError):
        raise
    except Exception as error:  # stores raise errors of many kinds
        raise _told_by(error) from error


def _opened(at: Remote, fsspec: Any) -> tuple[AbstractFileSystem, str]:
    try:
        before, path, chain = at._parts
        if at.scheme in _ARCHIVES and chain:
            outer = chain.removeprefix("::")
            return _archive(before + chain, status_of(Remote(outer) if _URL.match(outer) else Path(outer))), path
        files, path = fsspec.core.url_to_fs(at.url)
    except ImportError as error:
        raise StoreError(f"{at.scheme}:// needs another package: {_package(at.scheme) or error}") from error
    except ValueError as error:
        raise StoreError(f"no store is known for {at.scheme}://") from error
    files.invalidate_cache()  # others may write to the store meanwhile
    return files, path


@lru_cache(maxsize=4)
def _archive(url: str, version: Status | None) -> AbstractFileSystem:
    """An archive of many files, of which each would be looked up anew."""
    import fsspec

    return fsspec.core.url_to_fs(url)[0]


def _package(scheme: str) -> str | None:
    """How to install the package that a store needs, if it is one that fsspec does not bring."""
    from fsspec.registry import known_implementations

    package = known_implementations.get(scheme.partition("::")[0], {}).get("class", "fsspec").partition(".")[0]
    return None if package == "fsspec" else f"pip install {package}"


def _told_by(error: Exception) -> OSError:
    """An OSError with the reason that a store gives."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, reason if " " in reason else "there is no such file")
    if (status := getattr(error, "status", None)) is not None:  # of HTTP
        reason = f"{status} {getattr(error, 'message', '')}".rstrip()
    if isinstance(error, OSError) and reason:
        return type(error)(reason) if type(error) is PermissionError else OSError(reason)
    return OSError(f"{type(error).__name__}: {reason}" if reason else type(error).__name__)


def _status(facts: dict[str, Any]) -> Status | None:
    if facts["type"] == "directory":
        return None
    stamp = next((facts[key] for key in _STAMPS if facts.get(key) is not None), None)
    if isinstance(stamp, datetime.datetime):
        stamp = stamp.timestamp()
    return Status(facts.get("size"), None if stamp is None else str(stamp))
