#!/usr/bin/env bash
# Builds the compiled loops with AddressSanitizer and UndefinedBehaviorSanitizer and runs the vectors, the tests of the
# coders, and damaged files through them: fuzz/sanitize.sh [EXECUTIONS]. It needs gcc.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
git -C "$source" ls-files -z | (cd "$source" && xargs -0 cp --parents -t "$work" 2>/dev/null)
# Python has C compiled with -fwrapv, under which a shift into the sign is defined.
CFLAGS="-fsanitize=address,undefined -fno-sanitize=shift-base -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g" \
    "$work/venv/bin/pip" install --quiet "$work[test]"
mv "$work/tests" "$work/fuzz" "$work/venv"  # away from the sources, so that what is installed is what runs
mkdir "$work/venv/formats"
mv "$work/formats/vectors" "$work/formats/KPAL.md" "$work/venv/formats"
cd "$work/venv"

export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libstdc++.so)"
export ASAN_OPTIONS=detect_leaks=0  # Python keeps what it allocates
export PYTHONMALLOC=malloc          # so that every buffer has borders
bin/kpal --version | grep compiled
bin/python -m pytest --quiet --import-mode=importlib tests/test_vectors.py tests/test_mix.py tests/test_fast.py -k "not (plain or reference)"
bin/python -m fuzz.damage "${1:-20000}"
