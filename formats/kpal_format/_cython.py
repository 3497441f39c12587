"""What the compiled sources use of the `cython` module, for machines that run them as plain Python.

Types are ignored there; `declare` makes the small arrays that are local to a function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

compiled: Final = False


class _Type:
    """A C type, which plain Python does not have; `T[n]` is an array of n."""

    def __getitem__(self, size: Any) -> Any:
        return size


int = uint = uchar = short = ushort = longlong = ulonglong = Py_ssize_t = void = bint = const = _Type()
p_int = p_uint = p_uchar = p_short = p_ushort = _Type()


def declare(kind: Any, value: Any = None) -> Any:
    """A C variable of that value; without one, a C array of zeros, whose size is its kind."""
    return [0] * kind if value is None else value


def cast(kind: Any, value: Any) -> Any:
    """The value, which must fit."""
    return value


def _decorator(thing: Any) -> Any:
    return thing


cclass = final = cfunc = inline = _decorator


def _configured(*_: Any, **__: Any) -> Callable[[Any], Any]:
    return _decorator


exceptval = _configured


class _Gil:
    """Both a decorator and a context manager, as in Cython."""

    def __call__(self, thing: Any) -> Any:
        return thing

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


nogil = gil = _Gil()
