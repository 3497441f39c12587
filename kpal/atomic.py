"""Atomic writes: a file appears whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

# The errors of file systems that do not support syncing or permissions (CIFS, sshfs, vboxsf, DrvFs, FAT). A failing
# disk gives EIO or ENOSPC instead.
_UNSUPPORTED: Final = frozenset(
    (
        *(errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM),
        *(errno.EBADF, errno.EROFS, errno.EISDIR),
    )
)


@contextmanager
def replacing(target: Path, *, like: Path | None = None) -> Iterator[BinaryIO]:
    """Open a temporary file for writing that replaces `target` when the block ends and the data are on the disk.

    Until then, and after an exception, `target` is unchanged. If power or the process fails, `target` has either the
    old content or the new one; a file `.*.part` may be left beside it.

    like: a file whose permissions and time of modification the new file gets, instead of the permissions of `target`.

    File systems that cannot sync files or folders, or keep permissions, do without.
    """
    target = Path(os.path.realpath(target))  # replaces the file behind a symbolic link, not the link
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    process = os.getpid()
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            with _if_supported():
                os.fsync(file.fileno())
        if like is not None:
            with _if_supported():
                shutil.copystat(like, temporary)
        elif target.exists():
            with _if_supported():
                shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException as error:
        if os.getpid() == process:  # a process forked meanwhile does not own the file
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(target)  # the name that the user knows
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Syncs the new directory entry to the disk. Windows neither needs nor allows this."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder may be writable but not readable
        return
    try:
        with _if_supported():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _if_supported() -> Iterator[None]:
    """Ignores the errors of operations that the file system does not support."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
