"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

# The errors of file systems that cannot sync or keep permissions at all (CIFS, sshfs, vboxsf, DrvFs, FAT); a disk
# that fails gives EIO or ENOSPC.
_IMPOSSIBLE: Final = frozenset(
    (
        *(errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM),
        *(errno.EBADF, errno.EROFS, errno.EISDIR),
    )
)


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name `target` when the block ends and the disk has it all.

    Where a file system cannot sync files or folders, or keep permissions, the result does without.

    Until then, and after an exception, `target` is what it was. Where power or the process is lost, the name has the
    old content or the new one; a file `.*.part` beside it may be left over.
    """
    target = Path(os.path.realpath(target))  # through a symbolic link, not in place of it
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    process = os.getpid()
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            with _where_possible():
                os.fsync(file.fileno())
        if target.exists():
            with _where_possible():
                shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException as error:
        if os.getpid() == process:  # and not one that was forked meanwhile
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(target)  # which is what the user asked for
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Brings the new name to the disk, which it has in memory already. Windows needs no such thing."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # to write into a folder, one need not be allowed to read it
        return
    try:
        with _where_possible():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _where_possible() -> Iterator[None]:
    """Does without what the file system has not got."""
    try:
        yield
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
