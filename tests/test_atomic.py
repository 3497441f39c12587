"""Files that are there whole or not at all, on file systems of every kind."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from PIL import Image

import kpal
from kpal import cli
from kpal.files import replacing

from .images import gradient


def fail(monkeypatch: pytest.MonkeyPatch, number: int, *, folders: bool) -> None:
    """Syncing folders, or files, fails from now on with that errno."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == folders:
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("folders", [True, False])
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS, errno.ENOSYS, errno.EACCES])
def test_what_a_file_system_cannot_sync_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, folders: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(monkeypatch, number, folders=folders)
    Image.fromarray(gradient()).save(tmp_path / "x.png")
    assert cli.main(["encode", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.kpal").read_bytes() == kpal.encode(gradient())
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_is_a_failure_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(monkeypatch, number, folders=False)
    Image.fromarray(gradient()).save(tmp_path / "x.png")
    (tmp_path / "x.kpal").write_bytes(b"precious")
    assert cli.main(["encode", "--force", str(tmp_path / "x.png")]) == 1
    assert f"x.png: {os.strerror(number)}" in capsys.readouterr().err
    assert (tmp_path / "x.kpal").read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.kpal", "x.png"]


def test_a_folder_whose_sync_fails_for_the_disk_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, errno.EIO, folders=True)
    with pytest.raises(OSError, match="Input/output error"), replacing(tmp_path / "x") as file:
        file.write(b"new")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE])
def test_a_folder_that_may_be_written_to_and_not_read_takes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    opened = os.open

    def refuse(path: str, flags: int, *rest: int, **options: int) -> int:
        if os.path.isdir(path):  # noqa: PTH112
            raise OSError(number, os.strerror(number), path)
        return opened(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", refuse)
    with replacing(tmp_path / "x") as file:
        file.write(b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


def test_a_file_system_without_permissions_takes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int, **options: bool) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", path)

    (tmp_path / "x").write_bytes(b"old")
    monkeypatch.setattr(os, "chmod", refuse)
    with replacing(tmp_path / "x") as file:
        file.write(b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
