"""Tiles side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")

Count = Callable[[int], object]  # is told how many pixels were done since the last call; it may raise to end the work


def in_parallel(work: Callable[[_In], _Out], items: Sequence[_In]) -> list[_Out]:
    """The results of `work` in the order of `items`; threads help where there are several of both."""
    threads = min(len(items), os.cpu_count() or 1)
    if threads < 2:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # most images have one tile

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
