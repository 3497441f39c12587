"""The errors and warnings of the library; errors of `.kpal` files are defined in `kpal_format`."""

from __future__ import annotations


class UnreachableError(ValueError):
    """The requested quality or size is out of reach."""


class KpalWarning(UserWarning):
    """The result does not keep all of the input, or ignores an option.

    Precision, colours or metadata were changed or left out, or an option of another format has no effect.
    """
