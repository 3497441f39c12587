"""Fuzzes all targets, or the named ones, one after the other, and prints a summary of each."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from .targets import TARGETS, seeds

HERE = Path(__file__).parent
LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-max_len=4096", "-len_control=0")  # seconds, MiB, bytes per input


def main() -> int:
    """Returns the exit status: 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"one of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="time limit per target (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=-1, help="limit on executions per target (default: none)")
    parser.add_argument("--corpus", type=Path, help="folder to keep the corpus in, with one folder per target")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(TARGETS):
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")

    findings = HERE / "findings"
    findings.mkdir(exist_ok=True)
    found = 0
    print(f"{'target':<10} {'executions':>10} {'seconds':>8} {'per second':>10} {'findings':>8}")
    for name in arguments.targets or TARGETS:
        before = set(findings.iterdir())
        command = [sys.executable, "-m", "fuzz.one", name, *LIMITS, f"-artifact_prefix={findings}/{name}-"]
        command += [f"-max_total_time={arguments.seconds}", f"-runs={arguments.runs}", "-print_final_stats=1"]
        with tempfile.TemporaryDirectory() as temporary:
            folder = (arguments.corpus or Path(temporary)).resolve() / name
            folder.mkdir(parents=True, exist_ok=True)
            for number, seed in enumerate(seeds(name)):
                (folder / f"seed-{number}").write_bytes(seed)
            command.append(str(folder))
            done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, errors="replace")
        new = set(findings.iterdir()) - before
        runs = int(_last(r"number_of_executed_units: *(\d+)", done.stderr))
        seconds = int(_last(r"Done \d+ runs in (\d+) second", done.stderr))
        print(f"{name:<10} {runs:>10} {seconds:>8} {runs / max(seconds, 1):>10.0f} {len(new):>8}", flush=True)
        if new or done.returncode:
            found += 1
            print(done.stderr[-4000:], *map(str, sorted(new)), sep="\n", file=sys.stderr)
    return int(found > 0)


def _last(pattern: str, text: str) -> str:
    matches: list[str] = re.findall(pattern, text)
    return matches[-1] if matches else "0"


if __name__ == "__main__":
    sys.exit(main())
