"""Batches on a real Dask cluster."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import kpal
from kpal import batch, cli

from ..images import gradient

distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def _in_a_folder_with_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for number in range(30):
        Image.fromarray(gradient()).resize((60 + number, 60)).save(f"in/{number:02}.png")
    Path("in/07.png").write_bytes(b"no picture")


def is_right() -> bool:
    """Whether the results in `out` are those that this process makes."""
    assert sum(ending.error is None for ending in batch.encode(["in"], "here", workers=1)) == 29
    names = [path.name for path in Path("here").glob("*.kpal")]
    return all(Path("out", name).read_bytes() == Path("here", name).read_bytes() for name in names)


def test_a_cluster_does_what_this_machine_does(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    address = client.scheduler.address
    assert cli.main(["encode", "in", "-o", "out", "--dask", address]) == 1
    said = capsys.readouterr().err
    assert "kpal: in/07.png: not an image that Pillow can read\n" in said
    assert "29 of 30 files" in said
    assert is_right()
    assert cli.main(["encode", "in", "-o", "out", "--dask", address]) == 1
    assert "0 of 30 files, 29 up to date" in capsys.readouterr().err
    for words in ([], ["--dask", address]):
        assert cli.main(["palette", "in", "-c", "9", "-f", "-o", f"{len(words)}.hex", *words]) == 1
    assert Path("0.hex").read_bytes() == Path("2.hex").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_a_worker_that_is_killed_in_the_middle_costs_nothing(client: Any) -> None:
    victim = next(iter(client.run(os.getpid).values()))
    killed = threading.Event()

    def kill() -> None:
        while len(list(Path("out").glob("*.kpal"))) < 3:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    endings = list(batch.encode(["in"], "out", executor=client.get_executor(pure=False), workers=4))
    assert killed.is_set()
    assert [ending.input for ending in endings if ending.error] == ["in/07.png"]
    assert kpal.decode(Path("out/29.kpal").read_bytes()).shape == (60, 89, 3)
    assert is_right()


def test_a_scheduler_that_does_not_answer_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kpal.batch.cluster._PATIENCE", 0.2)
    assert cli.main(["encode", "in", "--dask", "tcp://127.0.0.1:9"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kpal: the Dask scheduler at tcp://127.0.0.1:9 does not answer")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(["encode", "in", "--dask", "local"]) == 1
    assert "pip install 'kpal-codec[dask]'" in capsys.readouterr().err
