"""The errors and warnings of the library; those of `.kpal` files are defined in `kpal_format`."""

from __future__ import annotations

from kpal_format import KpalWarning

__all__ = ["KpalWarning", "UnreachableError"]


class UnreachableError(ValueError):
    """The requested quality or size is out of reach."""
