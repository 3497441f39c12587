"""Pixels to an indexed image: histogram, clustering, palette, remapping."""
