"""The errors that reading a file may raise.

    KpalError                 the base class: any problem with a file
    ├── DamagedError          the bytes violate the format
    │   └── TruncatedError    the file ends too early; its beginning may be usable
    ├── UnsupportedError      a version, coder or feature unknown to this version of kpal
    └── LimitError            well-formed, but larger than the caller allows

Invalid arguments are the caller's fault, not the file's, and raise `ValueError` or `TypeError`.
"""

from __future__ import annotations


class KpalError(OSError, ValueError):
    """A `.kpal` file that cannot be read.

    It is a `ValueError` because the data are invalid, and an `OSError` because Pillow and its users expect one from a
    file that cannot be opened. `io.UnsupportedOperation` in the standard library has the same two bases.

    offset: the position of the problem in bytes from the start of the file; None if there is no single position.
    """

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"{message} (at byte {offset})")
        self.offset = offset

    def __reduce__(self) -> tuple[object, ...]:
        # The message already contains the offset: pass it unchanged, then restore the attribute.
        return type(self), (str(self),), self.__dict__


class DamagedError(KpalError):
    """The bytes violate the format: the file is damaged, or is not a `.kpal` file.

    region: the pixels (x0, y0, x1, y1) of the damaged tile; None if the damage is not in one of several tiles.
    """

    region: tuple[int, ...] | None = None


class TruncatedError(DamagedError):
    """The file ends too early.

    needed: how many bytes of a file to read to get further, if only its beginning was read; None if unknown.
    """

    def __init__(self, message: str, offset: int | None = None, *, needed: int | None = None) -> None:
        super().__init__(message, offset)
        self.needed = needed


class UnsupportedError(KpalError):
    """The file was made by another version of kpal; `offset` is the first byte that this one does not understand."""


class LimitError(KpalError):
    """The file is well-formed but larger than the caller's limit."""


def beyond_limit(width: int, height: int, limit: int, *, frames: int = 1) -> LimitError:
    """The error of an image, or of so many frames, that has more pixels than `max_pixels` allows."""
    of_frames = f"{frames} frames of " if frames > 1 else ""
    return LimitError(f"{of_frames}{width} x {height} pixels are more than the limit, max_pixels={limit}")


class KpalWarning(UserWarning):
    """The result does not keep all of the input, or ignores an option.

    Precision, colours, metadata or damaged pixels were changed or left out; or an option of another format has no
    effect.
    """
