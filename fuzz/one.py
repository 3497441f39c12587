"""Fuzzes one target: `python -m fuzz.one TARGET [options of libFuzzer] [folders of inputs, or one input to run]`."""

from __future__ import annotations

import random
import sys

import atheris

with atheris.instrument_imports(include=["kpal_format", "kpal_plugins"]):
    from . import targets


def main(name: str, *options: str) -> None:
    """Never returns: libFuzzer ends the process."""
    seeds = list(targets.seeds(name))

    def mended(data: bytes, size: int, seed: int) -> bytes:
        return targets.mutate(data, size, seed, atheris.Mutate)[:size]

    def anew(_: bytes, size: int, seed: int) -> bytes:
        """Where all inputs look alike, none but the first would be kept."""
        changed: bytes = atheris.Mutate(random.Random(seed).choice(seeds), size)
        return changed

    mutator = mended if name == "mended" else anew if name in targets.COMPILED else None
    atheris.Setup(
        [name, *options], lambda data: targets.run(name, data), **({"custom_mutator": mutator} if mutator else {})
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
