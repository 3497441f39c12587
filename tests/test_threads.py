"""One reader, one Pillow image, one module, for any number of threads and forked processes, in every state of these."""

from __future__ import annotations

import gc
import gzip
import io
import mmap
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import tempfile
import textwrap
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal.quantizer.cached import cached_property
from kpal_format import Lock, encode_indexed, positioned, tiles

from .files import use_small_tiles
from .images import gradient, random_indexed

IMAGE = random_indexed(120, 170, 200)
PIXELS = IMAGE.pixels()
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
# Python 3.12 and later warn of every fork in a process with threads, which is what these tests are about.
may_fork = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A file of 30 tiles."""
    use_small_tiles(monkeypatch)
    return encode_indexed(IMAGE, coder="zstd")


def regions(count: int) -> list[tuple[int, int, int, int]]:
    """Regions of a few tiles."""
    numbers = random.Random(1)  # noqa: S311
    corners = [(numbers.randrange(130), numbers.randrange(80)) for _ in range(count)]
    return [(x, y, x + numbers.randrange(1, 40), y + numbers.randrange(1, 40)) for x, y in corners]


def wrong(read: Callable[[tuple[int, int, int, int]], np.ndarray], count: int = 200) -> int:
    """How many of so many regions are not read as they are."""
    return sum(not np.array_equal(read(box), PIXELS[box[1] : box[3], box[0] : box[2]]) for box in regions(count))


def in_threads(work: Callable[[], int], threads: int = 8) -> int:
    """The sum of what so many threads give at the same time."""
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return sum(future.result() for future in [pool.submit(work) for _ in range(threads)])
    finally:
        sys.setswitchinterval(switch)


def in_forks(work: Callable[[], int], children: int = 4) -> list[int]:
    """The exit codes of so many forked processes at the same time: 0 where `work` gives 0, 99 where one hangs."""
    processes = [multiprocessing.get_context("fork").Process(target=lambda: os._exit(work())) for _ in range(children)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        if process.is_alive():
            process.kill()
            process.join()
    return [99 if process.exitcode == -9 else process.exitcode or 0 for process in processes]


class Backwards(io.RawIOBase):
    """A file whose content is not that of its descriptor, a few bytes at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def read(self, size: int = -1) -> bytes:
        return bytes(255 - byte for byte in self._file.read(min(size, 70)))

    def seek(self, at: int, whence: int = 0) -> int:
        return self._file.seek(at, whence)

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


def _temporary(data: bytes) -> IO[bytes]:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115
    file.write(data)  # and not flushed
    return file


def _gzipped(data: bytes, folder: Path) -> IO[bytes]:
    with gzip.open(folder / "x.gz", "wb") as file:
        file.write(data)
    return gzip.open(folder / "x.gz")  # type: ignore[return-value]


def _zipped(data: bytes, folder: Path) -> IO[bytes]:
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("x.kpal", data)
    return zipfile.ZipFile(folder / "x.zip").open("x.kpal")


def _written(data: bytes, path: Path) -> Path:
    path.write_bytes(data)
    return path


def _mapped(data: bytes, folder: Path) -> Any:
    with _written(data, folder / "m").open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class Subclass(io.BytesIO):
    """What may read otherwise than its base does."""


PLAIN: dict[str, Callable[[bytes, Path], Any]] = {
    "path": lambda data, folder: _written(data, folder / "x.kpal"),
    "file": lambda data, folder: _written(data, folder / "x.kpal").open("rb"),
    "unbuffered": lambda data, folder: _written(data, folder / "x.kpal").open("rb", buffering=0),
    "updated": lambda data, folder: _written(data, folder / "x.kpal").open("r+b"),
    "temporary": lambda data, _: _temporary(data),
    "bytes": lambda data, _: io.BytesIO(data),
    "subclass": lambda data, _: Subclass(data),
    "map": _mapped,
}
GUARDED: dict[str, Callable[[bytes, Path], Any]] = {
    "gzip": _gzipped,
    "backwards": lambda data, folder: Backwards(_written(bytes(255 - byte for byte in data), folder / "x")),
}


@pytest.fixture
def opened(request: pytest.FixtureRequest, data: bytes, tmp_path: Path) -> Iterator[Any]:
    file = request.param(data, tmp_path)
    yield file
    if not isinstance(file, Path):
        file.close()


def every(*tables: dict[str, Callable[[bytes, Path], Any]]) -> pytest.MarkDecorator:
    joined = {name: make for table in tables for name, make in table.items()}
    return pytest.mark.parametrize("opened", joined.values(), ids=joined.keys(), indirect=True)


# --- readers


@every(PLAIN, GUARDED, {"zip": _zipped})
def test_one_reader_serves_many_threads(opened: Any) -> None:
    with kpal.open_reader(opened) as reader:
        assert in_threads(lambda: wrong(reader.read)) == 0


@forks
@may_fork
@every(PLAIN)
def test_one_reader_serves_forked_processes_and_their_parent(opened: Any) -> None:
    with kpal.open_reader(opened) as reader:
        assert in_forks(lambda: min(wrong(reader.read), 98)) == [0] * 4
        assert in_forks(lambda: min(in_threads(lambda: wrong(reader.read, 50), 3), 98), 2) == [0] * 2
        assert wrong(reader.read) == 0


@forks
@may_fork
@every(GUARDED)
def test_a_file_whose_place_forked_processes_share_is_an_error_there_and_right_here(opened: Any) -> None:
    def refused() -> int:
        try:
            reader.read((160, 110, 170, 120))
        except ValueError as error:
            return 0 if "forked" in str(error) else 1
        return 2

    with kpal.open_reader(opened) as reader:
        assert in_forks(refused) == [0] * 4
        assert wrong(reader.read) == 0


def test_several_readers_of_one_file_object_do_not_disturb_each_other_nor_its_place(data: bytes) -> None:
    file = Subclass(data)
    with ThreadPoolExecutor(4) as pool:

        def read(_: int) -> int:
            with kpal.open_reader(file) as reader:
                return wrong(reader.read, 20)

        assert sum(pool.map(read, range(40))) == 0
    plain = io.BytesIO(data)
    plain.seek(17)
    with kpal.open_reader(plain) as reader:
        reader.read()
    assert plain.tell() == 17


@pytest.mark.parametrize("change", ["other bytes", "shorter"])
def test_a_file_that_is_changed_behind_a_reader_is_an_error(data: bytes, tmp_path: Path, change: str) -> None:
    path = _written(data, tmp_path / "x.kpal")
    with kpal.open_reader(path) as reader:
        with path.open("r+b") as file:
            if change == "shorter":
                file.truncate(len(data) // 2)
            else:
                file.seek(-20, 2)
                file.write(b"!")
        with pytest.raises(kpal.DamagedError, match=r"tile in row .*(checksum|the file ends here)"):
            reader.read()


@pytest.mark.skipif(not hasattr(os, "pread"), reason="there is no pread")
@pytest.mark.parametrize("most", [1, 7, 100])
def test_a_system_that_reads_less_than_asked_for_is_asked_again(
    most: int, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, size, at: pread(descriptor, min(size, most), at))
    with _written(data, tmp_path / "x").open("rb") as file:
        read_at = positioned.reader_of(file)
        for at, size in (
            (0, 5),
            (3, 2 * most),
            (9, 6),
            (len(data) - 5, 5),
            (len(data) - 5, 50),
            (len(data), 3),
            (4, 0),
        ):
            assert read_at(at, size) == data[at : at + size]


@pytest.mark.parametrize("most", [1, 7, 100])
def test_a_file_object_that_reads_less_than_asked_for_is_asked_again(most: int, data: bytes) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, most))

    read_at = positioned.reader_of(Slow(data))
    for at, size in ((0, 5), (3, 2 * most), (len(data) - 5, 50), (len(data), 3), (4, 0)):
        assert read_at(at, size) == data[at : at + size]


def test_a_reader_of_a_path_goes_to_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _written(encode_indexed(IMAGE), Path("x.kpal"))
    with kpal.open_reader("x.kpal", max_pixels=10**6) as reader:
        pickled = pickle.dumps(reader)
    code = "import sys, pickle; r = pickle.loads(sys.stdin.buffer.read()); sys.stdout.buffer.write(r.read().tobytes())"
    done = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True, check=True, cwd="/")
    assert done.stdout == PIXELS.tobytes()


def test_a_reader_of_a_file_object_says_why_it_does_not(data: bytes) -> None:
    with kpal.open_reader(io.BytesIO(data)) as reader, pytest.raises(TypeError, match="by its path"):
        pickle.dumps(reader)


# --- opening and closing


def test_a_reader_works_without_with_and_says_when_it_is_closed(data: bytes, tmp_path: Path) -> None:
    reader = kpal.open_reader(_written(data, tmp_path / "x.kpal"))
    rows = reader.rows()
    next(rows)
    assert wrong(reader.read, 5) == 0
    assert not reader.closed
    reader.close()
    reader.close()
    assert reader.closed
    assert (reader.width, reader.height) == (170, 120)
    for use in (reader.read, lambda: next(rows), lambda: next(reader.rows()), reader.__enter__):
        with pytest.raises(ValueError, match="the reader is closed"):
            use()
    (tmp_path / "x.kpal").unlink()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors cannot be counted")
def test_no_descriptor_is_left_open(data: bytes, tmp_path: Path) -> None:
    path, damaged = _written(data, tmp_path / "x.kpal"), _written(data[:50], tmp_path / "y.kpal")
    before = len(list(Path("/proc/self/fd").iterdir()))
    reader = kpal.open_reader(path)
    reader.read()
    reader.close()
    with pytest.raises(kpal.DamagedError) as caught:
        kpal.open_reader(damaged).read()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert caught.value.offset is not None


def test_a_file_that_was_given_stays_open_and_closing_it_is_named(data: bytes, tmp_path: Path) -> None:
    with _written(data, tmp_path / "x.kpal").open("rb") as file:
        with kpal.open_reader(file):
            pass
        assert file.read(8) == data[:8]
        reader = kpal.open_reader(file)
    with pytest.raises(ValueError, match="closed file"):
        reader.read()


@pytest.mark.parametrize(
    ("file", "error"),
    [(["x.kpal"], TypeError), (5, TypeError), (io.StringIO("x"), TypeError), (None, TypeError)],
)
def test_what_cannot_be_read_or_written_is_named(file: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="file"):
        kpal.open_reader(file)
    with pytest.raises(error, match="file"):
        kpal.open_writer(file, 2, 2, palette=[(0, 0, 0)])


def writer(target: Any) -> Any:
    return kpal.open_writer(target, 170, 120, palette=IMAGE.palette, coder="zstd")


def test_a_writer_works_without_with_and_says_when_it_is_closed(data: bytes, tmp_path: Path) -> None:
    target = tmp_path / "x.kpal"
    opened = writer(target)
    opened.write(PIXELS[:50])
    assert not target.exists()
    opened.write(PIXELS[50:])
    opened.close()
    opened.close()
    assert np.array_equal(kpal.decode(target.read_bytes()), PIXELS)
    for use in (lambda: opened.write(PIXELS[:1]), opened.__enter__):
        with pytest.raises(ValueError, match="the writer is closed"):
            use()


def test_closing_a_writer_too_early_discards_the_file(tmp_path: Path) -> None:
    opened = writer(tmp_path / "x.kpal")
    opened.write(PIXELS[:50])
    with pytest.raises(ValueError, match="70 of 120 rows are missing"):
        opened.close()
    assert opened.closed
    assert not list(tmp_path.iterdir())


def test_a_writer_that_is_lost_leaves_nothing_and_warns(tmp_path: Path) -> None:
    target = _written(b"precious", tmp_path / "x.kpal")
    opened = writer(target)
    opened.write(PIXELS[:50])
    with pytest.warns(ResourceWarning, match=r"x\.kpal was not closed"):
        del opened  # which nothing else refers to
    assert [path.name for path in tmp_path.iterdir()] == ["x.kpal"]
    assert target.read_bytes() == b"precious"


def test_a_writer_that_is_open_when_the_interpreter_ends_leaves_nothing(tmp_path: Path) -> None:
    code = "import kpal, numpy as np; w = kpal.open_writer('x.kpal', 5, 5, palette=[(0, 0, 0)])"
    done = subprocess.run([sys.executable, "-W", "default", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert "ResourceWarning" in done.stderr
    assert not list(tmp_path.iterdir())


class Full(io.BytesIO):
    """A disk with little room."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 2000:
            raise OSError("no space left")
        return super().write(data)


@pytest.mark.usefixtures("data")
def test_after_tiles_that_could_not_be_written_nothing_pretends_to_be_an_image() -> None:
    opened = writer(Full())
    opened.write(PIXELS)
    with pytest.raises(OSError, match="no space left"):
        opened.close()
    with pytest.raises(ValueError, match="the writer is closed"):
        opened.write(PIXELS[:1])


def test_after_rows_that_could_not_be_coded_nothing_pretends_to_be_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    opened = writer(io.BytesIO())
    monkeypatch.setattr(tiles.Encoding, "write", fail)
    with pytest.raises(MemoryError):
        opened.write(PIXELS)
    with pytest.raises(ValueError, match="no image"):
        opened.write(PIXELS[:1])
    with pytest.raises(ValueError, match="no image"):
        opened.close()


def test_wrong_rows_may_be_followed_by_right_ones() -> None:
    file = io.BytesIO()
    with writer(file) as opened:
        for rows in (PIXELS[:, :7], np.vstack((PIXELS, PIXELS))):
            with pytest.raises(ValueError, match="rows of 170 pixels"):
                opened.write(rows)
        opened.write(PIXELS)
    assert np.array_equal(kpal.decode(file.getvalue()), PIXELS)


@forks
@may_fork
def test_a_forked_process_neither_writes_nor_discards_its_parent_s_file(tmp_path: Path) -> None:
    target = tmp_path / "x.kpal"
    opened = writer(target)
    opened.write(PIXELS[:50])

    def use() -> int:
        nonlocal opened
        with pytest.raises(ValueError, match="forked"):
            opened.write(PIXELS[50:])
        with pytest.raises(ValueError, match="forked"):
            opened.close()
        del opened
        gc.collect()
        return 0

    assert in_forks(use, 2) == [0, 0]
    opened.write(PIXELS[50:])
    opened.close()
    assert np.array_equal(kpal.decode(target.read_bytes()), PIXELS)


# --- Pillow images


def crops(image: Image.Image) -> int:
    return wrong(lambda box: np.asarray(image.crop(box).convert("RGB")), 40)


def conversions(image: Image.Image) -> int:
    return sum(not np.array_equal(np.asarray(image.convert("RGB")), PIXELS) for _ in range(5))


@every(PLAIN, {"gzip": _gzipped})
@pytest.mark.parametrize("load", [False, True], ids=["crops alone", "crops and conversions"])
def test_one_pillow_image_serves_many_threads(opened: Any, load: bool) -> None:
    for _ in range(3 if load else 1):  # the first to convert closes the file
        with Image.open(opened) as image:
            uses = [crops, conversions] * 4 if load else [crops] * 8
            with ThreadPoolExecutor(8) as pool:
                assert sum(pool.map(lambda use: use(image), uses)) == 0
        if load and not isinstance(opened, Path):
            break


def test_alpha_stays_right_while_threads_crop_and_load() -> None:
    pixels = np.dstack((gradient(64, 64), np.arange(64, dtype=np.uint8)[None].repeat(64, 0) * 4))
    data = kpal.encode(pixels, colors=200)
    expected = kpal.decode(data)
    for _ in range(10):
        with Image.open(io.BytesIO(data)) as image, ThreadPoolExecutor(6) as pool:
            results = pool.map(
                lambda n: np.asarray((image if n % 2 else image.crop((0, 0, 64, 64))).convert("RGBA")), range(12)
            )
            assert all(np.array_equal(result, expected) for result in results)


@forks
@may_fork
@every(PLAIN)
def test_a_pillow_image_opened_before_a_fork_is_right_after_it(opened: Any) -> None:
    with Image.open(opened) as image:
        assert in_forks(lambda: min(crops(image) + conversions(image), 98)) == [0] * 4
        assert crops(image) + conversions(image) == 0


@forks
@may_fork
def test_a_child_forked_while_a_thread_loads_the_image_loads_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    loading, done = threading.Event(), threading.Event()
    with Image.open(io.BytesIO(encode_indexed(IMAGE, coder="zstd"))) as image:
        original = type(image).load_prepare

        def slow(self: Any) -> None:
            if threading.current_thread() is other:
                loading.set()
                done.wait(20)
            original(self)

        monkeypatch.setattr(type(image), "load_prepare", slow)
        other = threading.Thread(target=image.load)
        other.start()
        loading.wait(20)
        codes = in_forks(lambda: min(conversions(image), 98), 2)
        done.set()
        other.join()
        assert codes == [0, 0]
        assert conversions(image) == 0


def test_a_pillow_image_is_pickled_and_used_again(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        again = pickle.loads(pickle.dumps(image))
    assert crops(again) + conversions(again) == 0


# --- encoding beside other threads and forks


def test_an_encode_waits_for_no_other() -> None:
    def nested(stage: str, fraction: float) -> None:
        if stage not in stages:
            stages.add(stage)
            assert pool.submit(kpal.encode, gradient(), colors=20, dither="ordered").result(timeout=20) == expected

    stages: set[str] = set()
    expected = kpal.encode(gradient(), colors=20, dither="ordered")
    with ThreadPoolExecutor(1) as pool:
        kpal.encode(gradient(), colors=30, verify=True, progress=nested)
    assert stages == {"histogram", "clustering", "remapping", "coding", "verifying"}


@forks
@may_fork
@pytest.mark.parametrize("stage", ["histogram", "clustering", "remapping", "coding", "verifying"])
def test_a_child_forked_while_another_thread_encodes_does_not_hang(stage: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def pause(name: str, fraction: float) -> None:
        if name == stage and not begun.is_set():
            begun.set()
            go_on.wait(20)

    options: dict[str, Any] = {"colors": 20, "verify": True}
    expected = kpal.encode(gradient(), **options)
    other = threading.Thread(target=kpal.encode, args=(gradient(),), kwargs={**options, "progress": pause})
    other.start()
    begun.wait(20)
    codes = in_forks(lambda: kpal.encode(gradient(), **options) != expected, 2)
    go_on.set()
    other.join()
    assert codes == [0, 0]


@forks
@may_fork
def test_a_child_forked_by_the_callback_goes_on_by_itself() -> None:
    def fork(stage: str, fraction: float) -> None:
        if stage == "coding" and not children:
            children.append(os.fork())

    children: list[int] = []
    expected = kpal.encode(gradient(), colors=20)
    data = kpal.encode(gradient(), colors=20, progress=fork)
    if children == [0]:
        os._exit(data != expected)
    assert data == expected
    assert os.waitpid(children[0], 0)[1] == 0


@forks
def test_a_child_forked_while_a_module_is_loaded_waits_for_no_dead_thread() -> None:
    run_in_python(
        """
        import os, sys, threading, time, kpal
        from pathlib import Path

        class Slow:  # what finds modules: makes the import of kpal.codec take long
            def find_spec(self, name, path=None, target=None):
                if name == "kpal.clustering.lattice" and threading.current_thread() is not threading.main_thread():
                    loading.set()
                    time.sleep(0.5)

        loading = threading.Event()
        sys.meta_path.insert(0, Slow())
        other = threading.Thread(target=lambda: kpal.encode)
        other.start()
        loading.wait()
        child = os.fork()
        if child == 0:
            import signal
            signal.alarm(20)
            kpal.encode
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        other.join()
        """
    )


@forks
@may_fork
def test_a_lock_is_free_in_a_forked_process() -> None:
    lock, held, done = Lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait(20)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(20)

    def take() -> int:
        with lock, lock:
            return 0

    codes = in_forks(take, 1)
    done.set()
    other.join()
    assert codes == [0]


def test_a_cached_property_is_worked_out_once_and_without_a_lock() -> None:
    class Thing:
        count = 0

        @cached_property
        def value(self) -> int:
            """A value."""
            self.count += 1
            if self.other is not None:
                with ThreadPoolExecutor(1) as pool:
                    return pool.submit(lambda: self.other.value).result(timeout=10) + 1  # type: ignore[union-attr]
            return 1

        def __init__(self, other: Thing | None = None) -> None:
            self.other = other

    thing = Thing(Thing())
    assert (thing.value, thing.value, thing.count) == (2, 2, 1)
    assert Thing.value.__doc__ == "A value."


# --- states of the interpreter


TILES = """
import atexit, io, sys, threading, numpy as np, kpal
from kpal_format import container
container._TILE = 1 << 12; container._LEAST_TILE = 1
a = (np.add.outer(np.arange(150), np.arange(200)) // 3 % 200).astype(np.uint8)
a = np.dstack([a, 255 - a, a // 2])
def code():
    told = []
    for coder in kpal.CODERS:
        data = kpal.encode(a, colors=40, coder=coder, verify=True, progress=lambda s, f: told.append(s))
        assert kpal.inspect(data).tiles > 2
        assert data == kpal.encode(a, colors=40, coder=coder)
        assert kpal.decode(data, progress=lambda s, f: told.append(s)).shape == a.shape
    assert {"histogram", "clustering", "remapping", "coding", "verifying", "decoding"} == set(told), set(told)
    print("coded", flush=True)
"""


def run_in_python(code: str) -> str:
    """The standard output of a program that ends well and says nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "when",
    [
        "code()",
        "atexit.register(code)",
        "t = threading.Thread(target=lambda: (threading.main_thread().join(), code())); t.start()",
        "code(); t = threading.Thread(target=lambda: (threading.main_thread().join(), code())); t.start()",
        "import concurrent.futures.thread; atexit.register(code)",
    ],
)
def test_coding_works_in_every_state_of_the_interpreter(when: str) -> None:
    assert "coded" in run_in_python(TILES + when)


def test_coding_works_where_no_thread_can_be_started() -> None:
    no_threads = """
def fail(*_, **__): raise RuntimeError("can't start new thread")
threading.Thread.start = fail
code()
calls = []
def cancel(stage, fraction):
    calls.append(stage)
    if stage == "coding": raise KeyError(stage)
try: kpal.encode(a, colors=40, progress=cancel)
except KeyError: print("ended")
"""
    assert run_in_python(TILES + no_threads).split() == ["coded", "ended"]


def test_coding_works_where_the_system_allows_no_more_threads() -> None:
    pytest.importorskip("resource")
    limit = """
import os, resource
code()  # loads all modules
if os.geteuid() == 0:
    os.setuid(65534)  # as limits of processes do not hold for root
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
try:
    threading.Thread(target=print).start()
    print("not limited")
except RuntimeError:
    code()
"""
    words = run_in_python(TILES + limit).split()
    if "not" in words:
        pytest.skip("the limit does not hold here")
    assert words == ["coded", "coded"]
