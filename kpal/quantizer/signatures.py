"""Decorators that turn the fields of an options class into keyword arguments, so that each option is defined once.

`encode(pixels, colors=64)` calls the decorated function with `pixels` and `EncodeOptions(colors=64)`. The signature and
the docstring of `encode` list every field, for `help` and `inspect`. Type checkers also see every field, because a
`ParamSpec` stands for the constructor of the class.
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from ..frame_source import FramesLike
    from ..pixels import Pixels
    from .tally import Tally

_P = ParamSpec("_P")
_Kind = TypeVar("_Kind")
_Out = TypeVar("_Out")
_Out_co = TypeVar("_Out_co", covariant=True)

_WIDTH: Final = 116  # of lines in docstrings


def option(default: Any, doc: str, *, help: str | None = None, **on_the_command_line: Any) -> Any:
    """A field of an options class.

    doc: the description for docstrings.
    help: a short description for the command line, or None if the command line lacks the option.
    on_the_command_line: further settings, which `kpal.command_line.arguments.add_options` reads.
    """
    return field(default=default, metadata={"doc": doc, "help": help, **on_the_command_line})


class OfPixels(Protocol[_P, _Out_co]):
    """A function of one image and of options."""

    def __call__(self, pixels: Pixels, *args: _P.args, **kwargs: _P.kwargs) -> _Out_co: ...


class OfImages(Protocol[_P, _Out_co]):
    """A function of several images, or of tallies of them, and of options."""

    def __call__(self, images: Iterable[Pixels | Tally] | Tally, *args: _P.args, **kwargs: _P.kwargs) -> _Out_co: ...


class OfFrames(Protocol[_P, _Out_co]):
    """A function of the frames of an animation and of options."""

    def __call__(self, frames: FramesLike, *args: _P.args, **kwargs: _P.kwargs) -> _Out_co: ...


def of_pixels(kind: Callable[_P, _Kind]) -> Callable[[Callable[[Pixels, _Kind], _Out]], OfPixels[_P, _Out]]:
    """Decorate a function of one image and an instance of the options class `kind`."""
    return functools.partial(_spread, kind=kind)


def of_images(kind: Callable[_P, _Kind]) -> Callable[[Callable[[Any, _Kind], _Out]], OfImages[_P, _Out]]:
    """Decorate a function of several images and an instance of the options class `kind`."""
    return functools.partial(_spread, kind=kind)


def of_frames(kind: Callable[_P, _Kind]) -> Callable[[Callable[[FramesLike, _Kind], _Out]], OfFrames[_P, _Out]]:
    """Decorate a function of the frames of an animation and an instance of the options class `kind`."""
    return functools.partial(_spread, kind=kind)


def _spread(work: Callable[[Any, Any], _Out], *, kind: Any) -> Any:
    own = inspect.signature(work)
    first = next(iter(own.parameters))
    signature = own.replace(parameters=[own.parameters[first], *inspect.signature(kind).parameters.values()])

    @functools.wraps(work)
    def call(*args: Any, **kwargs: Any) -> _Out:
        given = signature.bind(*args, **kwargs).arguments
        return work(given.pop(first), kind(**given))

    call.__signature__ = signature  # type: ignore[attr-defined]
    if work.__doc__ is not None:  # python -OO strips docstrings
        call.__doc__ = work.__doc__.replace("    OPTIONS\n", _explained(kind))
    return call


def _explained(kind: Any) -> str:
    """The descriptions of all fields, formatted for a docstring."""
    lines = (f"{each.name}: {each.metadata['doc']}" for each in fields(kind))
    wrapped = (
        textwrap.fill(line, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8, break_on_hyphens=False)
        for line in lines
    )
    return "\n".join(wrapped) + "\n"
