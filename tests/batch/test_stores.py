"""Inputs, outputs and manifests in stores: the same results, few requests, whole objects or none, and clear errors."""

from __future__ import annotations

import io
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kpal
from kpal import batch, cli
from kpal.batch.logs import NAME

from ..images import gradient

fsspec = pytest.importorskip("fsspec", reason="needs the extra `stores`")
MemoryFileSystem = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem


def png(size: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(gradient()[:size]).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    for number in range(12):
        files.pipe_file(f"/in/{'deep/' * (number % 2)}{number}.png", png(20 + number))
    files.pipe_file("/in/notes.txt", b"no picture")
    yield files
    files.store.clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what is asked of the store."""
    counts: Counter[str] = Counter()
    for name in ("find", "info", "cat_file", "pipe_file"):
        original = getattr(MemoryFileSystem, name)

        def counted(self: Any, *args: Any, _name: str = name, _original: Any = original, **kwargs: Any) -> Any:
            counts[_name] += 1
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(MemoryFileSystem, name, counted)
    return counts


def run(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    capsys.readouterr()
    assert cli.main(["encode", *words]) == status
    return capsys.readouterr().err


def results(files: Any, folder: str = "/out") -> dict[str, bytes]:
    return {name: files.cat_file(name) for name in files.find(folder) if name.endswith(".kpal")}


def logs(files: Any) -> list[str]:
    return [name for name in files.find("/out") if "/.kpal-manifest-" in name]


def test_a_folder_of_a_store_is_mirrored_in_another(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "memory://in", "-o", "memory://out")
    assert "12 of 12 files" in said
    assert "1 file of another kind left out" in said
    found = results(store)
    assert found["/out/deep/1.kpal"] == kpal.encode(gradient()[:21])
    assert found["/out/0.kpal"] == kpal.encode(gradient()[:20])
    assert len(found) == 12
    assert len(logs(store)) == 1


def test_a_second_run_does_nothing_in_a_handful_of_requests(
    store: Any, calls: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "memory://in", "-o", "memory://out")
    before = results(store)
    calls.clear()
    assert "0 of 12 files, 12 up to date" in run(capsys, "memory://in", "-o", "memory://out")
    assert calls["pipe_file"] == 0
    assert sum(calls.values()) <= 8
    assert results(store) == before


def test_only_what_is_stale_is_made_anew(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "memory://in", "-o", "memory://out")
    store.pipe_file("/in/2.png", png(50))
    store.rm_file("/out/4.kpal")
    store.pipe_file("/out/6.kpal", b"mine")
    said = run(capsys, "memory://in", "-o", "memory://out", status=1)
    assert "memory://out/6.kpal exists; --force overwrites it" in said
    assert "2 of 12 files, 9 up to date" in said
    assert results(store)["/out/2.kpal"] == kpal.encode(gradient()[:50])
    assert results(store)["/out/6.kpal"] == b"mine"


@pytest.mark.parametrize("directions", [("memory://in", "here"), ("here", "memory://out")])
def test_one_side_may_be_on_this_machine(
    directions: tuple[str, str], store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("here").mkdir()
    source, target = directions
    if source == "here":
        store.get("/in/", "here/", recursive=True)
    for said in ("12 of 12 files", "0 of 12 files, 12 up to date"):
        assert said in run(capsys, source, "-o", target)
    assert len(results(store) if target != "here" else list(Path("here").rglob("*.kpal"))) == 12
    assert (Path("here") / NAME).exists() == (target == "here")


def test_a_run_that_ended_before_its_outcomes_were_kept_can_be_repeated(
    store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "memory://in", "-o", "memory://out")
    (log,) = logs(store)
    lines = store.cat_file(log).splitlines(keepends=True)
    store.pipe_file(log, b"".join(line for line in lines if b'"sha256"' not in line))
    before = results(store)
    assert "12 of 12 files" in run(capsys, "memory://in", "-o", "memory://out")
    assert results(store) == before


def test_many_manifests_are_joined(
    store: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kpal.batch.logs._MOST_OBJECTS", 3)
    for colors in ("2", "3", "4"):
        run(capsys, "memory://in", "-o", "memory://out", "-c", colors)
        time.sleep(1.1)  # manifests are in the order of their seconds
    assert len(logs(store)) == 3
    assert "12 up to date" in run(capsys, "memory://in", "-o", "memory://out", "-c", "4")
    assert len(logs(store)) == 1
    assert "12 up to date" in run(capsys, "memory://in", "-o", "memory://out", "-c", "4")


def test_a_damaged_manifest_is_told_and_counts_as_none(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "memory://in", "-o", "memory://out")
    (log,) = logs(store)
    store.pipe_file(log, b'{"kpal":"9","manifest":9,"options":{}}\n')
    said = run(capsys, "memory://in", "-o", "memory://out", status=1)
    assert f"memory:/{log}: ignored: a manifest of version 9" in said
    assert said.count("exists; --force") == 12


def test_objects_that_cannot_be_read_are_named_and_the_rest_is_done(
    store: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = MemoryFileSystem.cat_file

    def refusing(self: Any, path: str, **kwargs: Any) -> bytes:
        if path.endswith("/3.png"):
            raise PermissionError("Access Denied")
        if path.endswith("/5.png"):
            raise RuntimeError("the store is gone")
        data: bytes = read(self, path, **kwargs)
        return data

    monkeypatch.setattr(MemoryFileSystem, "cat_file", refusing)
    said = run(capsys, "memory://in", "memory://in/none.png", "-o", "memory://out", status=1)
    assert "kpal: memory://in/deep/3.png: Access Denied\n" in said
    assert "kpal: memory://in/deep/5.png: RuntimeError: the store is gone\n" in said
    assert "kpal: memory://in/none.png: there is no such file\n" in said
    monkeypatch.undo()
    assert len(results(store)) == 10


def test_the_manifest_of_a_store_that_fails_for_a_while_is_written_later(
    store: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = MemoryFileSystem.pipe_file
    tries = iter(range(100))

    def failing(self: Any, path: str, value: bytes, **kwargs: Any) -> None:
        if next(tries) < 4:
            raise OSError("Slow Down")
        write(self, path, value, **kwargs)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", failing)
    said = run(capsys, "memory://in", "-o", "memory://out", status=1)
    assert 1 <= said.count("Slow Down") <= 4
    assert "up to date" in run(capsys, "memory://in", "-o", "memory://out")
    assert len(results(store)) == 12


def test_members_of_an_archive_are_inputs_and_no_name_leads_out_of_the_folder(
    store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("x/1.png", png(20))
        archive.writestr("../2.png", png(21))
    said = run(capsys, "zip://::a.zip", "-o", "out", status=1)
    assert "zip://../2.png::a.zip: its name would lead out of the folder of results" in said
    assert Path("out/x/1.kpal").read_bytes() == kpal.encode(gradient()[:20])
    assert not Path("2.kpal").exists()
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("x/1.png", png(30))
    run(capsys, "zip://::a.zip", "-o", "out")
    assert Path("out/x/1.kpal").read_bytes() == kpal.encode(gradient()[:30])  # not what the archive had before


@pytest.mark.parametrize("output", ["zip://x::a.zip", "https://a.invalid/x/"])
def test_what_can_only_be_read_is_no_output(output: str, store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["encode", "memory://in", "-o", output])
    assert stopped.value.code == 2
    assert "kpal can only read from" in capsys.readouterr().err


def test_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(gradient()).save(tmp_path / "x.png")
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    words = [str(tmp_path / "x.png"), "gs://bucket/a.png", "nonsense://a/b.png", "-o", str(tmp_path / "out")]
    said = run(capsys, *words, status=1)
    assert "kpal: gs://bucket/a.png: gs:// needs another package: pip install gcsfs\n" in said
    assert "kpal: nonsense://a/b.png: no store is known for nonsense://\n" in said
    assert "1 of 3 files" in said
    monkeypatch.setitem(sys.modules, "fsspec", None)
    said = run(capsys, str(tmp_path / "x.png"), "-o", "memory://out", status=1)
    assert "pip install 'kpal-codec[stores]'" in said


def test_lists_of_jobs_name_objects(store: Any, calls: Counter[str], capsys: pytest.CaptureFixture[str]) -> None:
    lines = (f'{{"input": "memory://in/{n}.png", "output": "memory://out/{n}.kpal"}}\n' for n in range(0, 12, 2))
    Path("jobs").write_text("".join(lines))
    assert "6 of 6" in run(capsys, "--jobs-from", "jobs")
    calls.clear()
    assert "6 up to date" in run(capsys, "--jobs-from", "jobs")
    assert sum(calls.values()) <= 5


def test_palettes_and_information_come_from_and_go_to_stores(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["palette", "memory://in", "-o", "memory://out/p.gpl", "-c", "8"]) == 0
    assert run(capsys, "memory://in/0.png", "-o", "memory://out/0.kpal", "--palette", "memory://out/p.gpl")
    assert cli.main(["info", "memory://out/0.kpal"]) == 0
    assert kpal.inspect(store.cat_file("/out/0.kpal")).colors == 8


def test_the_library_takes_urls(store: Any) -> None:
    endings = list(batch.encode(["memory://in/deep"], "memory://out"))
    assert [ending.error for ending in endings] == [None] * 6
    assert all(ending.current for ending in batch.encode(["memory://in/deep"], "memory://out"))


def test_a_reader_fetches_the_head_and_then_only_what_a_region_needs(store: Any, calls: Counter[str]) -> None:
    pixels = np.random.default_rng(1).integers(0, 4, (3000, 3000), np.uint8)
    palette = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
    data = kpal.encode(kpal.IndexedImage(pixels, palette), coder="zstd")
    store.pipe_file("/big.kpal", data)
    calls.clear()
    with kpal.open_reader("memory://big.kpal") as reader:
        assert sum(calls.values()) <= 2
        assert np.array_equal(reader.read((0, 0, 100, 50)), palette[pixels[:50, :100]])
        assert sum(calls.values()) <= 3
        assert np.array_equal(reader.read(), palette[pixels])
    store.pipe_file("/big.kpal", data[:5000])
    with pytest.raises(kpal.KpalError), kpal.open_reader("memory://big.kpal") as reader:
        reader.read()
    with pytest.raises(FileNotFoundError):
        kpal.open_reader("memory://gone.kpal")


@pytest.mark.parametrize("target", ["part.png", "out/"])
def test_a_region_of_an_object_is_decoded_from_its_head_and_the_tiles_it_needs(
    target: str, store: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(1).integers(0, 200, (3000, 3000), np.uint8)
    palette = np.arange(600, dtype=np.uint8).reshape(200, 3)
    store.pipe_file("/maps/big.kpal", kpal.encode(kpal.IndexedImage(pixels, palette), coder="zstd"))
    read = MemoryFileSystem.cat_file
    sizes: list[int] = []

    def measured(self: Any, path: str, **kwargs: Any) -> bytes:
        data: bytes = read(self, path, **kwargs)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(MemoryFileSystem, "cat_file", measured)
    source = "memory://maps/big.kpal" if target == "part.png" else "memory://maps"
    assert cli.main(["decode", source, "-o", target, "--region", "0,0,100,50"]) == 0
    assert len(sizes) == 2
    assert sum(sizes) < 3_100_000  # the head, and one tile of three
    with Image.open("part.png" if target == "part.png" else "out/big.png") as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), palette[pixels[:50, :100]])
    sizes.clear()
    assert cli.main(["decode", source, "-o", target, "--region", "0,0,100,50"]) == (target == "part.png")
    assert sum(sizes) <= 4096  # it exists, or is up to date
    assert cli.main(["decode", "memory://maps/gone.kpal", "-o", "x.png", "--region", "0,0,1,1"]) == 1
    assert "memory://maps/gone.kpal: there is no such file" in capsys.readouterr().err


def test_a_writer_sends_an_object_whole_or_not_at_all(store: Any) -> None:
    pixels = gradient()
    palette = kpal.shared_palette([pixels], 16)
    height, width = pixels.shape[:2]
    with kpal.open_writer("memory://new/x.kpal", width, height, palette=palette) as writer:
        writer.write(pixels)
        assert not store.exists("/new/x.kpal")
    assert store.cat_file("/new/x.kpal") == kpal.encode(pixels, palette=palette)
    with (
        pytest.raises(ValueError, match="rows are missing"),
        kpal.open_writer("memory://new/y.kpal", width, height, palette=palette),
    ):
        pass
    assert not store.exists("/new/y.kpal")
    with pytest.raises(OSError, match="kpal can only read from https://"):
        kpal.open_writer("https://example.org/y.kpal", width, height, palette=palette)


def test_images_beyond_memory_come_from_and_go_to_stores(
    store: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kpal.batch.jobs._SPOOLED", 10)
    store.pipe_file("/in/big.png", png(40))
    run(capsys, "memory://in/big.png", "-o", "memory://out/big.kpal", "--strips-from", "100")
    assert store.cat_file("/out/big.kpal") == kpal.encode(gradient()[:40])


def test_a_warning_says_that_stores_preserve_nothing(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store.get("/in/", "here/", recursive=True)
    said = run(capsys, "here", "-o", "memory://out", "--preserve")
    assert said.count("warning: --preserve: stores tell and keep neither permissions nor times") == 1
    assert "warning" not in run(capsys, "here", "-o", "there", "--preserve")
    with pytest.warns(kpal.KpalWarning, match="stores tell and keep neither"):
        list(batch.encode(["memory://in"], "there", preserve=True, force=True))
