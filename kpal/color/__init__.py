"""Colour itself: spaces in which distances are measured, how alpha is composited, palettes and the files that hold them."""
