"""argparse with one-line errors, suggestions for typos, and help wrapped to the width of the terminal."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, takewhile
from typing import Any, Final, NoReturn

from ..batch.messages import StandardError, printable, say

_NUMBER: Final = re.compile(r"-[0-9.]+")  # argparse treats negative numbers as values
# Replacements that put the messages of argparse into the style of the other messages.
_REWORDED: Final = (
    (re.compile(r"^argument "), ""),
    (re.compile(r"expected one argument"), "needs a value"),
    (re.compile(r"ignored explicit argument .*"), "takes no value"),
    (re.compile(r"invalid float value: (.*)"), r"\1 is not a number"),
    (re.compile(r"the following arguments are required: (.*)"), r"nothing is given for \1"),
)
_CHOICE: Final = re.compile(r"invalid choice: (.*) \(choose from (.*)\)")


class Formatter(argparse.HelpFormatter):
    """Wraps paragraphs, but keeps indented lines, which are examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            line
            for as_it_is, lines in groupby(text.splitlines(), lambda line: not line or line[0].isspace())
            for line in (lines if as_it_is else textwrap.wrap(" ".join(lines), width, break_on_hyphens=False))
        )


class Parser(argparse.ArgumentParser):
    """The parser of a command.

    notes: returns the end of the help, if it is slow to determine.
    siblings: the parsers of all commands by name, to suggest the command that has a misplaced option.
    """

    notes: Callable[[], str] | None = None
    siblings: Mapping[str, Parser] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=Formatter, **options)

    def format_help(self) -> str:
        if self.notes is None:
            return super().format_help()
        formatter = self._get_formatter()
        formatter.add_text(self.notes())
        return f"{super().format_help()}\n{formatter.format_help()}"

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Like argparse, but inputs may be mixed with options, and unknown options are reported first."""
        words = sys.argv[1:] if args is None else list(args)
        self._check_options(words)
        result, rest = super().parse_known_args(words, namespace)
        assert result is not None  # argparse makes a namespace if none is given
        for word in filter(_looks_like_an_option, takewhile(lambda word: word != "--", rest)):
            self._mistake(f"unrecognised option {word}")  # such as the x of -fx
        rest = [word for word in rest if word != "--"]
        if hasattr(result, "inputs"):
            result.inputs += rest
        elif rest:
            self._mistake(f"unexpected argument {rest[0]}")
        return result, []

    def _check_options(self, words: list[str]) -> None:
        """Exits with an error for an unknown option, before argparse reports arguments that are missing as a result."""
        for word in filter(_looks_like_an_option, takewhile(lambda word: word != "--", words)):
            option = word.partition("=")[0]
            if self._is_unknown(word, option):
                self._mistake(f"unrecognised option {option}{self._advice(word, option)}")

    def _is_unknown(self, word: str, option: str) -> bool:
        names = self._option_string_actions
        if any(name.startswith(option) for name in names):  # argparse accepts abbreviations
            return False
        if option.startswith("--") or os.path.lexists(word):
            return True
        return option[:2] not in names or f"-{option}" in names  # -quality is a typo of --quality, not -q uality

    def _advice(self, word: str, option: str) -> str:
        if os.path.lexists(word):
            return f"; the file of that name is ./{word}"
        having = [name for name, parser in self.siblings.items() if option in parser._option_string_actions]
        if having:
            return self._elsewhere(option, having)
        near = difflib.get_close_matches(option, self._option_string_actions, 1)
        return f"; did you mean {near[0]}?" if near else ""

    def _elsewhere(self, option: str, commands: list[str]) -> str:
        *first, last = (f"kpal {command}" for command in commands)
        return f"; {', '.join(first)} and {last} have it" if first else f"; {last} has it"

    def _mistake(self, message: str) -> NoReturn:
        """Exits with the usage and an error."""
        StandardError(sys.stderr).write(self.format_usage())
        self.error(message)

    def error(self, message: str) -> NoReturn:
        """Exits with a message of one line and status 2."""
        for pattern, words in _REWORDED:
            message = pattern.sub(words, message, count=1)
        message = _CHOICE.sub(lambda found: f"{found[1]} is not one of {found[2].replace(chr(39), '')}", message)
        say(f"{message} (see {self.prog} --help)", self.prog)
        sys.exit(2)


def _looks_like_an_option(word: str) -> bool:
    """Whether argparse treats the word as an option, known or not."""
    return word.startswith("-") and word != "-" and " " not in word and _NUMBER.fullmatch(word) is None


class Program(Parser):
    """The parser of the arguments before the command."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = sys.argv[1:] if args is None else list(args)
        before = list(takewhile(lambda word: word.startswith("-"), words))
        self._check_options(before)
        command = words[len(before)] if len(words) > len(before) else None
        if not words:
            StandardError(sys.stderr).write(self.format_help())
            sys.exit(2)
        if command is not None:
            self.check_command(command)
        return argparse.ArgumentParser.parse_known_args(self, words, namespace)

    def check_command(self, word: str) -> None:
        """Exits with an error unless there is a command of this name."""
        if word in self.siblings:
            return
        near = [*difflib.get_close_matches(word.lower(), self.siblings, 1), ""][0]
        if not near and os.path.lexists(word):
            near = f"kpal encode {printable(word)}"
        self._mistake(f"there is no command {printable(word)}{near and f'; did you mean {near}?'}")

    def _elsewhere(self, option: str, commands: list[str]) -> str:
        return f"; it goes after the command, as in kpal {commands[0]} {option}"
