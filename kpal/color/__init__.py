"""Colours: the spaces in which distances are measured, compositing, palettes and the files that hold them."""
