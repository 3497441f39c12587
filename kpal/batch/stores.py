"""Files in object stores and other remote places, by their URLs, through fsspec."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from .jobs import UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Stores whose objects appear whole or not at all. Elsewhere a file is written under another name and then moved.
_WHOLE: Final = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"))
_EXTRAS: Final = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


@dataclass(frozen=True)
class Remote:
    """A file or folder in a store, with as much of the interface of `Path` as batches use.

    stamp: what the store tells of the version of the file, such as its ETag or time of modification, if it is known.
    size: its size in bytes, if it is known.

    Errors of the store are OSErrors that name its reason. Raises UsageError if the package for the store is missing.
    """

    url: str
    stamp: str | None = field(default=None, compare=False)
    size: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.url

    def __fspath__(self) -> str:
        return self.url

    @cached_property
    def _pure(self) -> PurePosixPath:
        return PurePosixPath(self.url.partition("::")[0].partition("://")[2])

    @property
    def name(self) -> str:
        return self._pure.name

    @property
    def suffix(self) -> str:
        return self._pure.suffix

    @property
    def parent(self) -> Remote:
        scheme, _, rest = self.url.partition("://")
        path, chain, outer = rest.partition("::")
        return Remote(f"{scheme}://{path.rstrip('/').rpartition('/')[0]}{chain}{outer}")

    def __truediv__(self, name: str | PurePosixPath) -> Remote:
        scheme, _, rest = self.url.partition("://")
        path, chain, outer = rest.partition("::")
        return Remote(f"{scheme}://{path.rstrip('/')}/{PurePosixPath(name).as_posix()}{chain}{outer}")

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        files, path = self._opened()
        return bool(_told(files.isdir, path))

    def exists(self) -> bool:
        """Whether it is a file."""
        files, path = self._opened()
        return bool(_told(files.isfile, path))

    def read_bytes(self) -> bytes:
        """The content."""
        files, path = self._opened()
        data: bytes = _told(files.cat_file, path)
        return data

    def write_bytes(self, data: bytes) -> None:
        """Write the file: whole, or not at all."""
        files, path = self._opened()
        if self.url.partition("://")[0] in _WHOLE:
            _told(files.pipe_file, path, data)
            return
        temporary = f"{path.rpartition('/')[0]}/.{secrets.token_hex(8)}.part"
        _told(files.makedirs, path.rpartition("/")[0], exist_ok=True)
        try:
            _told(files.pipe_file, temporary, data)
            _told(files.mv, temporary, path)
        except BaseException:
            if files.exists(temporary):
                files.rm_file(temporary)
            raise

    def remove(self) -> None:
        """Remove the file."""
        files, path = self._opened()
        _told(files.rm_file, path)

    def now(self) -> Remote:
        """The same file with its stamp and size; FileNotFoundError if there is none."""
        files, path = self._opened()
        return _with_facts(self.url, _told(files.info, path))

    def walk(self) -> Iterator[Remote]:
        """All files below this folder, with stamps and sizes, in the order of their names."""
        files, path = self._opened()
        found: dict[str, dict[str, Any]] = _told(files.find, path, detail=True)
        top = path.rstrip("/")
        for name, facts in sorted(found.items()):
            below = self / name[len(top) :].lstrip("/")
            yield _with_facts(below.url, facts)

    def _opened(self) -> tuple[AbstractFileSystem, str]:
        """The store, and the path of the file in it."""
        try:
            import fsspec
        except ImportError as error:
            raise UsageError("URLs need the package fsspec: pip install 'kpal-codec[stores]'") from error
        scheme = self.url.partition("://")[0]
        try:
            files, path = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            package = _EXTRAS.get(scheme)
            raise UsageError(
                f"{scheme}:// needs another package: {f'pip install {package}' if package else error}"
            ) from error
        except ValueError as error:
            raise UsageError(f"no store is known for {scheme}://") from error
        files.invalidate_cache()  # others may write to the store meanwhile
        return files, path


def _with_facts(url: str, facts: dict[str, Any]) -> Remote:
    stamp = next(
        (facts[key] for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "created") if facts.get(key)), None
    )
    return Remote(url, None if stamp is None else str(stamp), facts.get("size"))


def _told(call: Any, *args: Any, **kwargs: Any) -> Any:
    """The result of a call of fsspec, whose stores raise errors of many kinds, as an OSError if it fails."""
    try:
        return call(*args, **kwargs)
    except (OSError, UsageError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
