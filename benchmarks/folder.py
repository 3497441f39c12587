"""The processor time for a folder of small images: `kpal encode` beside libimagequant and oxipng -o2 in one process.

    python benchmarks/folder.py FOLDER [-Q MIN-MAX] [--runs N]

Each runs in a process of its own, in turn, with start-up, reading and writing. User and system time of all threads
count; kpal works in one process, as the time of its workers would not be counted. Rely on the ratio: other work on the
machine affects the times.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PEER: Final = """
import io, sys
from pathlib import Path
import imagequant, oxipng
from PIL import Image
folder, output, least, most = sys.argv[1:]
for number, path in enumerate(sorted(Path(folder).rglob("*.png"))):
    rgba = Image.open(path).convert("RGBA")
    limits = {"min_quality": int(least), "max_quality": int(most)}
    try:
        indices, flat = imagequant.quantize_raw_rgba_bytes(rgba.tobytes(), *rgba.size, dithering_level=1.0, **limits)
    except RuntimeError:  # the quality is out of reach
        continue
    image, colors = Image.frombytes("P", rgba.size, indices), bytes(flat)
    image.putpalette(colors, "RGBA")
    file = io.BytesIO()
    image.save(file, "PNG")
    Path(output, f"{number}.png").write_bytes(oxipng.optimize_from_memory(file.getvalue(), level=2))
"""


def main() -> int:
    """Runs the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of PNG files")
    parser.add_argument("-Q", "--quality", help="MIN-MAX, as for `kpal encode`")
    parser.add_argument("--runs", type=int, default=3, help="(default: %(default)s)")
    options = parser.parse_args()
    quality = ["-Q", options.quality] if options.quality else []
    limits = (options.quality or "0-100").split("-")
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as output:
            ours = seconds(
                "-m", "kpal", "encode", "--quiet", "-j1", *quality, str(options.folder), "-o", f"{output}/kpal"
            )
            theirs = seconds("-c", PEER, str(options.folder), output, *limits)
        print(f"kpal {ours:.2f} s, libimagequant and oxipng {theirs:.2f} s: {ours / theirs:.2f}")
    return 0


def seconds(*words: str) -> float:
    """The processor time of Python with these arguments."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], stderr=subprocess.DEVNULL, check=False)  # noqa: S603  # our own programs
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
