"""Compares sizes and times of kpal with its peers over a folder of animations.

    python benchmarks/animations.py FOLDER [-c N] [--json FILE]

The kind of an animation is the part of its name before "__", or else its folder. The peers are those of `kpal compare`,
on exactly the same frames: GIF (by gifsicle -O3, if it is installed), APNG and lossless WebP. Ratios are bytes relative
to the smallest peer; those of a kind are geometric means, so that all animations have equal weight.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.progress import track

from kpal.batch.jobs import picture_endings
from kpal.batch.messages import failures
from kpal.comparison.formats import Comparison, Row, compare
from kpal_format import CODERS


def main() -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="Compares sizes and times of kpal with its peers on animations.")
    parser.add_argument("folder", type=Path, help="a folder of animations")
    parser.add_argument("-c", "--colors", type=int, default=256, help="maximum colours (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    files = [path for path in sorted(options.folder.rglob("*")) if path.suffix.lower() in picture_endings()]
    results: list[tuple[str, Comparison]] = []
    for file in track(files, "measuring", disable=not sys.stderr.isatty()):
        with failures(str(file)):
            comparison = compare(file.name, file.read_bytes(), colors=options.colors)
            if comparison.frames > 1:
                results.append((kind_of(file), comparison))
    if not results:
        parser.error(f"no animations below {options.folder}")
    print("\n".join(table(results)))
    if options.json:
        figures = [{"kind": kind, **comparison.as_dict()} for kind, comparison in results]
        options.json.write_text(json.dumps(figures, indent=2))
    return 0 if len(results) == len(files) else 1


def kind_of(file: Path) -> str:
    """The kind of an animation, by its name."""
    kind, mark, _ = file.name.partition("__")
    return kind if mark else file.parent.name


def table(results: list[tuple[str, Comparison]]) -> Iterator[str]:
    """The lines of a table in Markdown: one for each animation, each kind, and all."""
    names = [f"kpal {coder}" for coder in CODERS]
    ours = [name for name in names if any(row.format == name for row in results[0][1].rows)]
    yield f"| animation | frames | smallest peer | bytes | {' | '.join(ours)} | encode fps | decode fps |"
    yield f"|---|---:|---|---:|{'---:|' * (len(ours) + 2)}"
    for _, c in results:
        peer = smallest_peer(c)
        figures = " | ".join(f"{bytes_of(c, name) / peer.bytes:.3f}" for name in ours)
        yield f"| {c.name} | {c.frames} | {peer.format} | {peer.bytes:,} | {figures} | {speeds([c], ours)} |"
    kinds = dict.fromkeys(kind for kind, _ in results)
    groups = {kind: [c for its, c in results if its == kind] for kind in kinds} | {"all": [c for _, c in results]}
    for kind, group in groups.items():
        ratios = (mean(bytes_of(c, name) / smallest_peer(c).bytes for c in group) for name in ours)
        figures = " | ".join(f"**{ratio:.3f}**" for ratio in ratios)
        yield f"| **{kind}** | {sum(c.frames for c in group)} | | | {figures} | {speeds(group, ours)} |"


def smallest_peer(comparison: Comparison) -> Row:
    """The smallest of the other formats."""
    return min((row for row in comparison.rows if row.kind == "peer"), key=lambda row: row.bytes)


def bytes_of(comparison: Comparison, name: str) -> int:
    """The bytes of a format."""
    return next(row.bytes for row in comparison.rows if row.format == name)


def speeds(group: list[Comparison], ours: list[str]) -> str:
    """Frames a second of the default coder, encoded and decoded: geometric means."""
    name = "kpal mix" if "kpal mix" in ours else ours[-1]
    rows = [(c.frames, next(row for row in c.rows if row.format == name)) for c in group]
    encoded = mean(1000 * frames / (row.encode_ms or 1.0) for frames, row in rows)
    decoded = mean(1000 * frames / row.decode_ms for frames, row in rows)
    return f"{encoded:.0f} | {decoded:.0f}"


def mean(values: Iterable[float]) -> float:
    """The geometric mean."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))


if __name__ == "__main__":
    sys.exit(main())
