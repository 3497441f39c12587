"""`main` runs the command line within the calling process."""

from .command_line.main import main

__all__ = ["main"]
