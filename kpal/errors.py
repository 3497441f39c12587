"""What the library raises and warns of beside the errors of files, which are `kpal_format`'s."""

from __future__ import annotations


class UnreachableError(ValueError):
    """The image cannot be had in the quality or in the bytes that were asked for."""


class KpalWarning(UserWarning):
    """Something of the input is not in the result as it was: its precision, its colours, what belongs to it."""
