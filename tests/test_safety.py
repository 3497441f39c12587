"""Nothing is lost: not when the process dies, nor when the disk is full, nor when the encoder is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal import cli, codec
from kpal.atomic import replacing
from kpal.batch.logs import NAME as MANIFEST
from kpal_format import IndexedImage, encode_indexed

from .images import gradient, random_indexed

resource = pytest.importorskip("resource")  # which Windows has not

ARGUMENTS = ("encode", "--force", "--coder", "zstd", "one.png", "two.png", "-o", "out")


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, bytes]:
    """Two images in the current folder, with a result of one of them from before: what must never be lost."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    Image.fromarray(gradient()).save("one.png")
    Image.fromarray(random_indexed(100, 200, 256).pixels()).save("two.png")
    (tmp_path / "out/one.kpal").write_bytes(kpal.encode(gradient(), colors=2))
    return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def kpal_process(*arguments: str, preparation: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "kpal", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=preparation)


def unfinished(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process still runs after that time, or as soon as it has begun to write."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None and not list(Path("out").glob(".*.part")):
        time.sleep(0.001)
    return process.poll() is None


def outputs_are_whole() -> None:
    for path in Path("out").glob("*.kpal"):
        kpal.decode(path.read_bytes())


@pytest.mark.parametrize("seconds", [0.05, 0.3, 9.0])
def test_a_killed_process_leaves_every_input_and_whole_outputs(inputs: dict[Path, bytes], seconds: float) -> None:
    process = kpal_process(*ARGUMENTS)
    if unfinished(process, seconds):
        process.kill()
    process.communicate()
    outputs_are_whole()
    for path, content in inputs.items():
        assert path.suffix == ".kpal" or path.read_bytes() == content


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_process_that_is_asked_to_end_tidies_up(inputs: dict[Path, bytes], number: signal.Signals) -> None:
    process = kpal_process(*ARGUMENTS)
    if unfinished(process, 9):
        process.send_signal(number)
    process.communicate()
    outputs_are_whole()
    assert [path.name for path in Path("out").glob(".*")] in ([], [MANIFEST])
    assert process.returncode in (0, 130, 128 + number)


def test_a_full_disk_costs_nothing_and_the_rest_of_the_batch_is_done(inputs: dict[Path, bytes]) -> None:
    process = kpal_process(*ARGUMENTS, preparation=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)))
    said = process.communicate()[1].decode()
    assert process.returncode == 1
    assert "two.png: File too large" in said
    assert sorted(path.name for path in Path("out").iterdir()) == [MANIFEST, "one.kpal"]
    assert kpal.decode(Path("out/one.kpal").read_bytes()).shape == gradient().shape
    assert len(Path("out/one.kpal").read_bytes()) > len(inputs[Path.cwd() / "out/one.kpal"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_must_not_be_written_to_is_named(
    inputs: dict[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out").chmod(0o500)
    assert cli.main(list(ARGUMENTS)) == 1
    assert capsys.readouterr().err.count("Permission denied") == 2
    assert all(path.read_bytes() == content for path, content in inputs.items())


def test_a_wrong_file_is_not_written(
    inputs: dict[Path, bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(image: IndexedImage, *, coder: str) -> bytes:
        return encode_indexed(IndexedImage(image.indices ^ np.uint8(1), image.palette), coder=coder)

    monkeypatch.setattr(codec, "encode_indexed", wrong)
    assert cli.main(list(ARGUMENTS)) == 1
    assert capsys.readouterr().err.count("does not decode to what was encoded") == 2
    assert Path("out/one.kpal").read_bytes() == inputs[Path.cwd() / "out/one.kpal"]
    assert cli.main([*ARGUMENTS, "--no-verify"]) == 0


def test_a_caller_may_have_each_file_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    stages: list[str] = []
    data = kpal.encode(gradient(), verify=True, progress=lambda stage, _: stages.append(stage))
    assert "verifying" in stages
    monkeypatch.setattr(codec, "encode_indexed", lambda *_, **__: data)
    with pytest.raises(RuntimeError, match="please report"):
        kpal.encode(gradient()[::-1], verify=True)


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "missing/x.kpal"):
        pass
    assert caught.value.filename == str(tmp_path / "missing/x.kpal")
