"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name `target` when the block ends and the disk has it all.

    Until then, and after an exception, `target` is what it was. Where power or the process is lost, the name has the
    old content or the new one; a file `.*.part` beside it may be left over.
    """
    target = target.resolve()  # through a symbolic link, not in place of it
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    process = os.getpid()
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
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
    """Brings the new name to the disk. Windows does not open folders, and needs no such thing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
