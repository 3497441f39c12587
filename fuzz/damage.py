"""Runs the targets on randomly damaged vectors, reproducibly: `python -m fuzz.damage [EXECUTIONS]`.

It needs no fuzzer, so it can run under the sanitizers (sanitize.sh), where the fuzzer cannot.
"""

from __future__ import annotations

import random
import sys

from .targets import TARGETS, mutate, run, seeds

chance = random.Random(1)


def main(executions: int = 10_000) -> None:
    """Runs `executions` inputs, distributed over all targets; any exception is a finding."""
    inputs = {name: list(seeds(name)) for name in TARGETS}
    for number in range(executions):
        name = chance.choice(list(TARGETS))
        data = chance.choice(inputs[name])
        data = mutate(data, 1 << 12, number, damaged) if name == "mended" else damaged(data, 1 << 12)
        try:
            run(name, data)
        except BaseException:
            print(f"target {name}, input {data.hex()}", file=sys.stderr)
            raise
    print(f"{executions} executions")


def damaged(data: bytes, max_size: int) -> bytes:
    """A copy of `data` with one or more small changes."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                del changed[at:]
            case 2:
                changed[at:at] = chance.randbytes(chance.choice((1, 4, 50)))
            case 3:
                changed[at:] = chance.choice((b"\0", b"\xff")) * (len(changed) - at)
            case _:
                del changed[at : at + chance.choice((1, 2, 9))]
    return bytes(changed[:max_size])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
