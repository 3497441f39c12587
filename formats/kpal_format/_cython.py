"""A stand-in for the `cython` module, so that the compiled sources also run as plain Python.

Types are ignored, except that `declare` creates the small local arrays of a function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

compiled: Final = False


class _Type:
    """A placeholder for a C type; `T[n]`, an array type, is just its length n."""

    def __getitem__(self, size: Any) -> Any:
        return size


int = uint = uchar = short = ushort = longlong = ulonglong = double = Py_ssize_t = void = bint = const = _Type()
p_int = p_uint = p_uchar = p_short = p_ushort = _Type()


def declare(kind: Any, value: Any = None) -> Any:
    """The value of a C variable; without a value, a zeroed C array whose length is `kind`."""
    return [0] * kind if value is None else value


def cast(kind: Any, value: Any) -> Any:
    """The value unchanged; it must fit into the type."""
    return value


def _decorator(thing: Any) -> Any:
    return thing


cclass = final = cfunc = inline = _decorator


def _configured(*_: Any, **__: Any) -> Callable[[Any], Any]:
    return _decorator


exceptval = _configured


class _Gil:
    """A decorator and a context manager, as in Cython."""

    def __call__(self, thing: Any) -> Any:
        return thing

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


nogil = gil = _Gil()
