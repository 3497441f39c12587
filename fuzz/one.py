"""Fuzzes one target: `python -m fuzz.one TARGET [LIBFUZZER OPTION...] [CORPUS FOLDER... | INPUT FILE]`."""

from __future__ import annotations

import random
import sys

import atheris

with atheris.instrument_imports(include=["kpal_format", "kpal_plugins"]):
    from . import targets


def main(name: str, *options: str) -> None:
    """Runs libFuzzer, which ends the process."""
    seeds = list(targets.seeds(name))

    def mended(data: bytes, size: int, seed: int) -> bytes:
        return targets.mutate(data, size, seed, atheris.Mutate)[:size]

    def from_seed(_: bytes, size: int, seed: int) -> bytes:
        """Mutates a seed: all inputs of a compiled loop have the same coverage, so the corpus would never grow."""
        changed: bytes = atheris.Mutate(random.Random(seed).choice(seeds), size)
        return changed

    mutator = mended if name == "mended" else from_seed if name in targets.COMPILED else None
    atheris.Setup(
        [name, *options], lambda data: targets.run(name, data), **({"custom_mutator": mutator} if mutator else {})
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
