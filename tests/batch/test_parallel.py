"""Several files at a time: the same results, messages and order as one after the other."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import Image

import kpal
from kpal.batch.conversion import Converted
from kpal.batch.jobs import Selection, plan
from kpal.batch.progress import Display
from kpal.batch.runner import Batch, Way
from kpal.batch.transcode import Encoding

from ..images import gradient

KPAL = [sys.executable, "-m", "kpal"]


@pytest.fixture(autouse=True)
def _in_a_folder_with_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for number in range(8):
        Image.fromarray(gradient()[: 20 + number]).save(f"in/{number}.png")


def selected() -> Selection:
    return plan(["in"], "out", frozenset((".png",)), ".kpal")


def results() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path("out").glob("*.kpal"))}


def test_processes_say_and_write_the_same_in_the_same_order() -> None:
    Path("in/3.png").write_bytes(b"no picture")
    Path("in/5.png").write_bytes(b"")
    told = {}
    for workers in ("1", "3"):
        done = subprocess.run(
            [*KPAL, "encode", "--json", "--progress", "none", "-j", workers, "in", "-o", "out", "--force"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        told[workers] = ([{**line, "ms": None} for line in lines], done.stderr.splitlines()[:2], results())
    assert told["1"] == told["3"]
    lines, errors, files = told["1"]
    assert [line["input"] for line in lines] == [f"in/{number}.png" for number in range(8)]
    assert [line["width"] for line in lines if "width" in line] == [gradient().shape[1]] * 6
    assert [error.split(": ")[1] for error in errors] == ["in/3.png", "in/5.png"]
    assert files["0.kpal"] == kpal.encode(gradient()[:20])


def test_processes_import_nothing_from_the_current_folder() -> None:
    for name in ("kpal", "numpy", "PIL"):
        Path(name).mkdir()
        Path(name, "__init__.py").write_text("raise SystemExit('imported from the current folder')")
    kpal_command = Path(sys.executable).with_name("kpal")
    command = [str(kpal_command)] if kpal_command.exists() else [sys.executable, "-P", "-m", "kpal"]
    done = subprocess.run([*command, "encode", "-q", "-j", "2", "in", "-o", "out"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(results()) == 8


@dataclass
class Careful(Executor):
    """Runs tasks in threads, and knows how many it has at a time."""

    most: int = 0
    waiting: set[Future[Any]] = field(default_factory=set)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.waiting = {future for future in self.waiting if not future.done()}
        future = self.pool.submit(fn, *args, **kwargs)
        self.waiting.add(future)
        self.most = max(self.most, len(self.waiting))
        return future


def test_any_executor_can_do_the_work_and_gets_few_tasks_at_a_time() -> None:
    executor = Careful()
    endings = list(Batch(selected(), Encoding({"colors": 5}), Way(executor=executor, workers=3)).endings())
    executor.pool.shutdown()
    assert [ending.input for ending in endings] == [f"in/{number}.png" for number in range(8)]
    assert results()["7.kpal"] == kpal.encode(gradient()[:27], colors=5)
    assert 1 <= executor.most <= 3


class Twice(Executor):
    """Loses each result, and does the work again, as clusters do."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        fn(*args, **kwargs)
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_work_that_is_done_twice_is_no_failure() -> None:
    endings = list(Batch(selected(), Encoding(), Way(executor=Twice())).endings())
    assert not any(ending.error for ending in endings)
    assert results()["7.kpal"] == kpal.encode(gradient()[:27])


class Lossy(Executor):
    """Loses each second task."""

    count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        future: Future[Any] = Future()
        if self.count % 2:
            future.set_result(fn(*args, **kwargs))
        else:
            future.set_exception(ConnectionError("the machine is gone"))
        return future


def test_a_task_that_an_executor_loses_is_a_failure_of_its_file() -> None:
    endings = list(Batch(selected(), Encoding(), Way(executor=Lossy())).endings())
    assert [ending.error for ending in endings] == [None, "ConnectionError: the machine is gone"] * 4
    again = list(Batch(selected(), Encoding(), Way()).endings())
    assert [ending.current for ending in again] == [True, False] * 4
    assert not any(ending.error for ending in again)


DEADLY = """
import os, signal
from kpal.batch.transcode import Encoding

class Deadly(Encoding):
    def __call__(self, job, *args, **more):
        if job.name == "in/4.png":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(job, *args, **more)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_a_file_that_kills_its_process_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)  # where workers look, too
    deadly = importlib.import_module("deadly").Deadly()
    endings = list(Batch(selected(), deadly, Way(workers=2)).endings())
    failed = [ending for ending in endings if ending.error]
    assert [(ending.input, ending.error) for ending in failed] == [
        ("in/4.png", "the process that worked on it was killed; perhaps the image needs more memory than there is")
    ]
    assert len(results()) == 7


def test_large_images_are_worked_on_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpal.batch.transcode._LARGE", 23 * gradient().shape[1])
    calls: list[bool] = []
    original = Encoding.__call__

    def counted(self: Encoding, job: Any, data: BinaryIO, *, alone: bool, progress: Any = None) -> Converted:
        calls.append(alone)
        return original(self, job, data, alone=alone, progress=progress)

    monkeypatch.setattr(Encoding, "__call__", counted)
    done: list[int] = []
    display = Display(8, lambda *told: done.append(told[1]))
    with ThreadPoolExecutor(4) as executor:
        endings = list(Batch(selected(), Encoding(), Way(executor=executor), display).endings())
    assert [ending.input for ending in endings] == [f"in/{number}.png" for number in range(8)]
    assert not any(ending.error for ending in endings)
    assert max(done) == 8  # each file counts once, although large ones are started twice
    assert calls.count(True) == 4
    assert calls.count(False) == 8


def test_a_target_with_two_names_is_the_result_of_one_input() -> None:
    Path("out").mkdir()
    Path("out/0.kpal").symlink_to("1.kpal")
    done = list(Batch(selected(), Encoding(), Way(workers=2, force=True)).endings())
    assert [ending.error for ending in done if ending.error] == ["out/1.kpal is already the result of another input"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_batch_leaves_whole_files_and_no_processes(number: int) -> None:
    for index in range(60):
        Image.fromarray(gradient()).resize((100 + index, 100)).save(f"in/{index:02}.png")
    command = [*KPAL, "encode", "in", "-o", "out", "-j", "2", "--progress", "none"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        while len(results()) < 3:
            time.sleep(0.01)
            assert process.poll() is None
        os.kill(process.pid, number)
        process.wait(10)
        assert process.stderr is not None
        said = process.stderr.read().decode()  # ends when no process has it open
    if number != signal.SIGKILL:  # of which Python tells that semaphores have leaked
        assert said == ("kpal: interrupted\n" if number == signal.SIGINT else "")
    found = results()
    assert all(kpal.decode(data).shape for data in found.values())
    if number != signal.SIGKILL:
        assert not list(Path("out").glob("*.part"))
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert len(results()) == 60 + 8
    assert {name: results()[name] for name in found} == found
