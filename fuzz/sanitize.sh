#!/usr/bin/env bash
# Builds the compiled loops with AddressSanitizer and UndefinedBehaviorSanitizer, then runs the tests of the vectors and
# coders, and fuzz.damage: fuzz/sanitize.sh [EXECUTIONS]. Requires gcc.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
git -C "$source" ls-files -z | (cd "$source" && xargs -0 cp --parents -t "$work" 2>/dev/null)
# Python compiles C with -fwrapv, which defines shifts into the sign bit.
CFLAGS="-fsanitize=address,undefined -fno-sanitize=shift-base -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g" \
    "$work/venv/bin/pip" install --quiet "$work[test]"
mv "$work/tests" "$work/fuzz" "$work/venv"  # away from the sources, so that the installed package is tested
mkdir "$work/venv/formats"
mv "$work/formats/vectors" "$work/formats/KPAL.md" "$work/venv/formats"
cd "$work/venv"

export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)"
export ASAN_OPTIONS=detect_leaks=0  # Python does not free everything at exit
export PYTHONMALLOC=malloc          # surround every buffer with red zones
bin/kpal --version | grep compiled
bin/python -m pytest --quiet --import-mode=importlib tests/kpal_format/test_vectors.py tests/kpal_format/test_mix.py tests/kpal_format/test_mix_frames.py tests/kpal_format/test_fast.py -k "not (plain or reference)"
bin/python -m fuzz.damage "${1:-20000}"
