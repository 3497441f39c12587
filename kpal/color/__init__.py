"""Colours: the spaces in which distances are measured, compositing, palettes and palette files."""
