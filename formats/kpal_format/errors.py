"""The one family of errors that reading a file may raise.

    KpalError                 every problem of a file, and nothing else
    ├── DamagedError          the bytes break a rule of the format
    │   └── TruncatedError    ... by ending too early; the beginning may be usable
    ├── UnsupportedError      a version, coder or feature that this kpal does not know
    └── LimitError            well-formed, but larger than the caller allows

A wrong *argument* is the caller's fault, not the file's: those are `ValueError` and `TypeError`.
"""

from __future__ import annotations


class KpalError(OSError, ValueError):
    """A `.kpal` file that cannot be read.

    It is a `ValueError` because the data are wrong, and an `OSError` because that is what Pillow and its users
    expect of a file that does not open (`io.UnsupportedOperation` in the standard library is both, too).

    offset: where in the file, in bytes from its start; None where no single place is to blame.
    """

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message if offset is None else f"{message} (at byte {offset})")
        self.offset = offset

    def __reduce__(self) -> tuple[object, ...]:
        # The message already tells the offset: rebuild from it as it stands, then restore the attribute.
        return type(self), (str(self),), self.__dict__


class DamagedError(KpalError):
    """The bytes break a rule of the format: not a `.kpal` file, or no longer one."""


class TruncatedError(DamagedError):
    """The file ends before its content does."""


class UnsupportedError(KpalError):
    """The file asks for a version, coder or feature that this kpal does not know."""


class LimitError(KpalError):
    """The file is well-formed but larger than the caller's limit."""
