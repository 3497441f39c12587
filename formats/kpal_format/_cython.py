"""A stand-in for the `cython` module, so that the compiled sources also run as plain Python.

Types are ignored, except that `declare` creates structs and the small local arrays of a function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

compiled: Final = False


class _Type:
    """A placeholder for a C type; `T[n]`, an array type, is just its length n."""

    def __getitem__(self, size: Any) -> Any:
        return size


int = uint = uchar = short = ushort = longlong = ulonglong = float = double = Py_ssize_t = void = bint = const = _Type()
p_int = p_uint = p_uchar = p_short = p_ushort = _Type()


def struct(**fields: Any) -> type:
    """A C struct with these fields."""
    return type("struct", (), {"__slots__": tuple(fields)})


def declare(kind: Any, value: Any = None) -> Any:
    """The value of a C variable; without a value, a struct, or a zeroed C array whose length is `kind`."""
    if value is not None:
        return value
    return kind() if isinstance(kind, type) else [0] * kind


def pointer(kind: Any) -> Any:
    """The type of pointers to a struct."""
    return kind


def address(value: Any) -> Any:
    """A pointer to a struct, which is the struct itself."""
    return value


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
