"""What the compiled loops use of the `cython` module, for machines that run it as plain Python.

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


int = uint = uchar = short = ushort = longlong = ulonglong = Py_ssize_t = p_uchar = _Type()


def struct(**fields: Any) -> type:
    """A C struct of these fields."""
    return type("struct", (), {"__slots__": tuple(fields)})


def declare(kind: Any, value: Any = None) -> Any:
    """A C variable of that value; without one, a struct, or a C array of zeros whose size is its kind."""
    if value is not None:
        return value
    return kind() if isinstance(kind, type) else [0] * kind


def address(thing: Any) -> Any:
    """A pointer to a struct, which plain Python does without."""
    return thing


def cast(kind: Any, value: Any) -> Any:
    """The value, which must fit."""
    return value


def _decorator(thing: Any) -> Any:
    return thing


cclass = final = cfunc = inline = _decorator


def _configured(*_: Any, **__: Any) -> Callable[[Any], Any]:
    return _decorator


exceptval = _configured


class _NoGil:
    """Both a decorator and a context manager, as in Cython."""

    def __call__(self, thing: Any) -> Any:
        return thing

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


nogil = _NoGil()
