"""Kills kpal at random moments and counts lost files; there must be none.

    python benchmarks/kills.py FOLDER [--kills 300]
    python benchmarks/kills.py FOLDER --resumed [--kills 100] [--options OPTIONS]

FOLDER has images, which are copied. Each round starts `kpal encode` or `kpal decode` on one file or on all, over the
results of an earlier run, and sends it SIGKILL: in half of the rounds at a random moment, in the others within
milliseconds after it starts to write. A file is lost if an input has changed, or if a result is missing or is neither
the old file nor a complete new one.

With `--resumed`, each round starts the same command, `kpal encode OPTIONS` on all images, and kills it at a random
moment; a run that ends is followed by one into an empty folder. Each result must be that of a run that is not killed,
and must be made once: after it appears, it is never written again, and the manifest has one outcome of it.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table

import kpal

IMAGES = (".png", ".webp", ".gif")


def main() -> int:
    """Returns the exit status: 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--resumed", action="store_true")
    parser.add_argument("--options", type=shlex.split, default=[], help="of `kpal encode`, as one word")
    options = parser.parse_args()
    if options.resumed:
        return _resumed(options.folder, options.kills, options.options)
    rows: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        inputs = _prepare(options.folder, Path(name))
        work = {
            "encode": ["encode", "-f", str(inputs[0]), "-o", f"{name}/kpal/{inputs[0].stem}.kpal"],
            "decode": ["decode", "-f", f"{name}/kpal/{inputs[0].stem}.kpal", "-o", f"{name}/png/{inputs[0].stem}.png"],
            "encode all": ["encode", "-f", f"{name}/in", "-o", f"{name}/kpal"],
            "decode all": ["decode", "-f", f"{name}/kpal", "-o", f"{name}/png"],
        }
        for arguments in work.values():
            _start(arguments).communicate()
        for number in itertools.count():
            if sum(counts["kills"] for counts in rows.values()) >= options.kills:
                break
            kind = list(work)[number % len(work)]
            rows.setdefault(kind, Counter()).update(_round(work[kind], Path(name), on_writing=number // len(work) % 2))
    table = Table("", "kills", "while writing", "unfinished files left", "losses")
    for kind, counts in rows.items():
        table.add_row(kind, *(str(counts[key]) for key in ("kills", "writing", "left", "losses")))
    Console().print(table)
    return 1 if any(counts["losses"] for counts in rows.values()) else 0


def _resumed(folder: Path, kills: int, options: list[str]) -> int:
    """Kills runs that go on with what earlier ones have left; returns the exit status."""
    killed = written = wrong = 0
    with tempfile.TemporaryDirectory() as name:
        inputs, whole = Path(name, "in"), Path(name, "whole")
        shutil.copytree(folder, inputs)
        _encoded(inputs, whole, options).communicate()
        expected = _results(whole)
        print(f"{len(expected):,} results", flush=True)
        for number in itertools.count():
            output = Path(name, str(number))
            seen: dict[Path, tuple[int, int]] = {}
            done = False
            while not done:
                process = _encoded(inputs, output, options)
                if killed < kills:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(random.uniform(0.2, 5))  # noqa: S311  # not a secret
                    killed += process.poll() is None
                    process.kill()
                process.communicate()
                done = process.returncode == 0
                now = _versions(output)
                written += len(now.keys() - seen.keys())
                wrong += sum(now.get(path) != version for path, version in seen.items())
                seen = now
            found = _results(output)
            wrong += sum(found.get(path) != data for path, data in expected.items())
            lines = map(json.loads, (output / ".kpal-manifest.jsonl").read_text().splitlines())
            outcomes = Counter(line["output"] for line in lines if "sha256" in line)
            wrong += sum(outcomes[path.as_posix()] != 1 for path in expected)
            print(f"{killed} kills, {written:,} results written, {wrong} lost, damaged or written again", flush=True)
            if killed >= kills:
                return 1 if wrong else 0
            shutil.rmtree(output)
    raise AssertionError


def _encoded(inputs: Path, output: Path, options: list[str]) -> subprocess.Popen[bytes]:
    return _start(["encode", "-q", *options, str(inputs), "-o", str(output)])


def _results(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.kpal")}


def _versions(folder: Path) -> dict[Path, tuple[int, int]]:
    """What changes when a file is written again."""
    found = ((path, path.stat()) for path in folder.rglob("*.kpal"))
    return {path: (status.st_ino, status.st_mtime_ns) for path, status in found}


def _prepare(folder: Path, target: Path) -> list[Path]:
    (target / "in").mkdir()
    found = sorted(path for path in folder.rglob("*") if path.suffix in IMAGES)
    if not found:
        sys.exit(f"{folder} has no images")
    return [Path(shutil.copy(path, target / "in" / path.name)) for path in found]


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "kpal", *arguments]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603  # no untrusted input


def _round(arguments: list[str], folder: Path, *, on_writing: int) -> dict[str, int]:
    """Starts and kills one process; returns its counts of `kills`, `writing`, `left` and `losses`."""
    before = _contents(folder)
    process = _start(arguments)
    end = time.monotonic() + (60 if on_writing else random.uniform(0.02, 2))  # noqa: S311  # not a secret
    while time.monotonic() < end and process.poll() is None and not (on_writing and _unfinished(folder)):
        time.sleep(0.0005)
    if on_writing:
        time.sleep(random.uniform(0, 0.003))  # noqa: S311
    killed = process.poll() is None
    process.kill()
    process.communicate()
    left = _unfinished(folder)
    for path in left:
        path.unlink()
    after = _contents(folder)
    losses = sum(path not in after or not (after[path] == old or _whole(path)) for path, old in before.items())
    return {"kills": killed, "writing": killed and bool(left), "left": len(left), "losses": losses}


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob(".*.part"))


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".part"}


def _whole(path: Path) -> bool:
    """Whether a changed file is a complete result; a changed input never is."""
    if path.parent.name == "in":
        return False
    try:
        if path.suffix == ".kpal":
            kpal.decode(path.read_bytes())
        else:
            with Image.open(path) as image:
                image.load()
    except (OSError, ValueError, SyntaxError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
