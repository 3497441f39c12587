"""The best image that fits into a number of bytes.

At the same size, more colours with a rate usually look better than fewer colours without. So if the coder can use
rates, the image gets the lowest rate that fits. If the highest useful rate is not enough, it gets as many colours as
fit with that rate, or without a rate if that makes the file smaller, as for very few colours of flat pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from ..errors import UnreachableError
from ..progress import Watch
from .search import Search

if TYPE_CHECKING:
    from kpal_format import U8

_RATE: Final = 1.5  # the highest useful rate: measured, higher ones are hardly better than fewer colours
_RATES: Final = 16  # steps between no rate and _RATE
_HALVING: Final = 3  # every third step of a search halves the range, because interpolation alone may crawl
_CLOSE: Final = 64  # a search ends if less than one in this many of the allowed bytes is left over


class _OfPalette(Protocol):
    @property
    def palette(self) -> U8: ...


_Result = TypeVar("_Result", bound=_OfPalette)  # of a search
_Coded = tuple[_Result, bytes]  # the result and its file


def fitted(
    source: Search[Any, _Result],
    full: _Coded[_Result],
    code: Callable[[_Result], bytes],
    max_bytes: int,
    watch: Watch,
    *,
    rated: bool,
) -> _Coded[_Result]:
    """About the best result that fits into `max_bytes`.

    full: the result without a limit, which does not fit.
    code: makes the file of a result.
    watch: hears of each attempt.
    rated: whether to choose rates, which the options leave open.

    Raises UnreachableError if nothing fits.
    """

    def tried(colors: int, rate: float) -> _Coded[_Result] | None:
        result = source.reduced(colors, rate)
        return None if result is None else (result, code(result))

    def fewer(colors: int) -> _Coded[_Result] | None:
        results = [tried(colors, rate) for rate in ((0.0, _RATE) if rated else (source.options.rate or 0.0,))]
        return min(filter(None, results), key=lambda result: len(result[1]), default=None)

    colors, size = len(full[0].palette), len(full[1])
    found: _Coded[_Result] | None = None
    watch.attempt(_RATES.bit_length())
    if rated and (most := tried(colors, _RATE)) is not None:
        if len(most[1]) <= max_bytes:
            steps = (0, len(most[1])), (_RATES, size)
            found, _ = _largest(*steps, max_bytes, watch, lambda step: tried(colors, _RATE * (1 - step / _RATES)))
            return found or most
        size = len(most[1])
    if source.reducible:
        steps = (max(1, source.least_colors - 1), 0), (colors, size)  # a single colour shows nothing: two are the least
        found, size = _largest(*steps, max_bytes, watch, fewer)
    if found is None:
        raise out_of_reach(size, max_bytes)
    return found


def out_of_reach(size: int, max_bytes: int) -> UnreachableError:
    """The error of a file of at least `size` bytes."""
    return UnreachableError(f"max_bytes: the least that is possible is {size:,} bytes, not {max_bytes:,}")


def _largest(
    low: tuple[int, int],
    high: tuple[int, int],
    max_bytes: int,
    watch: Watch,
    tried: Callable[[int], _Coded[_Result] | None],
) -> tuple[_Coded[_Result] | None, int]:
    """The result of the largest number that fits, and the bytes of the smallest that does not.

    low, high: numbers and their bytes, one that fits or is out of the question and one that does not; both were tried.
    tried: the result for a number; None is out of the question.
    """
    (few, few_bytes), (many, many_bytes) = low, high
    found: _Coded[_Result] | None = None
    steps = 0
    while many - few > 1:
        steps += 1
        middle = (few + many) // 2
        if steps % _HALVING:
            share = (max_bytes - few_bytes) / max(many_bytes - few_bytes, 1)
            root = _fourth_root(few) + (_fourth_root(many) - _fourth_root(few)) * share
            middle = min(max(int(root * root * root * root), few + 1), many - 1)
        watch.attempt((many - few).bit_length())
        result = tried(middle)
        if result is None:
            few = middle
        elif len(result[1]) > max_bytes:
            many, many_bytes = middle, len(result[1])
        else:
            found = result
            few, few_bytes = middle, len(result[1])
            if few_bytes >= max_bytes - max_bytes // _CLOSE:
                break
    return found, many_bytes


def _fourth_root(number: int) -> float:
    """What bytes go with, about: measured on colours of photos and screenshots. Exactly rounded, unlike a logarithm."""
    return math.sqrt(math.sqrt(number))
