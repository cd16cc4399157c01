"""Calls that are plain to read: `starc compile a.star -o a.py`, and nothing odd.

Typer reads everything, but with pydantic below it that takes longer than a compilation.
What is in doubt here is left to typer: help, mistakes, numbers, `--`, `--name=value`,
an option twice. tests/cli/test_plain.py holds this to what typer gives the commands.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from starc.cli.commands import MODULES, command
from starc.cli.options import Declared

TEXTS = (str, str | None)
LISTS = (list[str], list[str] | None)
PATHS = (Path, Path | None)
FLAGS = (bool, bool | None)


class _InDoubt(Exception):
    """Typer has to say what this means."""


def plain(arguments: Sequence[str]) -> Callable[[], None] | None:
    """The call that these arguments make, or None where that is typer's to say.

    Calling it checks the values, each by the callback of its option. Raises Failure.
    """
    if not arguments or arguments[0] not in MODULES or _completes():
        return None
    function = command(arguments[0])
    try:
        values = _Reading(function).values(arguments[1:])
    except _InDoubt:
        return None
    return lambda: function(**{name: check(value) for name, value, check in values})


def _completes() -> bool:
    """Whether a shell asks what could come next."""
    return any(name.endswith("_COMPLETE") for name in os.environ)


class _Reading:
    """What a function takes, and what it is given."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.parameters = signature(function).parameters
        self.declared = {n: _declared(p) for n, p in self.parameters.items()}
        self.names = {
            flag: name
            for name, declared in self.declared.items()
            if declared.is_option
            for flag in declared.names or (f"--{name.replace('_', '-')}",)
        }
        self.options: dict[str, Any] = {}
        self.arguments: dict[str, Any] = {}

    def values(
        self, words: Sequence[str]
    ) -> list[tuple[str, Any, Callable[[Any], Any]]]:
        """Name, value and callback of all, as typer calls these: options as they were
        given, arguments, and what was not given."""
        rest = iter(words)
        for word in rest:
            if word.startswith("-") and word != "-":
                self.option(self.names.get(word, ""), rest)
            else:
                self.argument(word)
        found = {**self.options, **self.arguments}
        for name, parameter in self.parameters.items():
            found.setdefault(name, parameter.default)
        if Parameter.empty in found.values():
            raise _InDoubt
        return [(n, value, self.declared[n].callback) for n, value in found.items()]

    def option(self, name: str, rest: Iterator[str]) -> None:
        kind = self.kind(name)
        value: Any = True if kind in FLAGS else _word(next(rest, ""))
        if kind in LISTS:
            self.options.setdefault(name, []).append(value)
        elif kind in (*TEXTS, *PATHS, *FLAGS) and name not in self.options:
            self.options[name] = Path(value) if kind in PATHS else value
        else:
            raise _InDoubt

    def argument(self, value: str) -> None:
        for name, declared in self.declared.items():
            if declared.is_option:
                continue
            if self.kind(name) in LISTS:
                self.arguments.setdefault(name, []).append(_word(value))
                return
            if name not in self.arguments and self.kind(name) in TEXTS:
                self.arguments[name] = _word(value)
                return
        raise _InDoubt

    def kind(self, name: str) -> Any:
        if name not in self.parameters:
            raise _InDoubt
        return self.parameters[name].annotation.__origin__


def _word(value: str) -> str:
    if not value or (value.startswith("-") and value != "-"):
        raise _InDoubt
    return value


def _declared(parameter: Parameter) -> Declared:
    (found,) = parameter.annotation.__metadata__
    if not isinstance(found, Declared):
        raise _InDoubt
    return found
