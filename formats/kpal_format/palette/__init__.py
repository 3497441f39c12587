"""Palettes as bytes (KPAL.md, section 4)."""

from .section import decode_palette, encode_palette, morton_keys

__all__ = ["decode_palette", "encode_palette", "morton_keys"]
