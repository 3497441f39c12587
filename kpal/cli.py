"""`main` runs the command line in this process, for programs that call it with arguments of their own."""

from .command_line.main import main

__all__ = ["main"]
