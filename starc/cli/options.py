"""Arguments and options that several commands have, and the kinds that they are of.

An argument that names a file is an input or an output; see starc/files.py.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from starc import files
from starc.cli.failure import Failure

MOST = 2**31 - 1
"""Of whatever is counted: tokens, channels, steps."""

SEEDS = 2**63 - 1


def is_read(value: Any) -> Any:
    """The callback of every argument whose files are read: they are protected."""
    for name in value if isinstance(value, list | tuple) else [value]:
        if isinstance(name, str | Path):
            files.protect(name)
    return value


def is_written(value: Any) -> Any:
    """The callback of every option that says where to write: a Path is a folder.

    Raises Failure.
    """
    if isinstance(value, str) and not value:
        raise Failure("-o needs the name of a file")
    if isinstance(value, Path) and value.exists() and not value.is_dir():
        raise Failure(f"{value}: This is a file, and a folder is needed here")
    return value


def one_of(values: Collection[str], flag: str, help: str) -> Any:
    """An option with these values, in its help and in the error of any other."""

    def check(value: Any) -> Any:
        for given in value if isinstance(value, list | tuple) else [value]:
            if given is not None and given not in values:
                raise Failure(f"{flag} {given}: {_hint(given, values)}")
        return value

    return typer.Option(flag, metavar="|".join(values), help=help, callback=check)


def _hint(given: str, values: Collection[str]) -> str:
    from starc.diagnostics import did_you_mean

    near = did_you_mean(given, values)
    return f"not one of {', '.join(values)}" + (f"; {near}" if near else "")


def number(help: str, low: float = 1, high: float = MOST) -> Any:
    """An option that is a number, whole or not: never one that no tensor can have."""
    return typer.Option(min=low, max=high, help=help)


def input_argument(metavar: str, help: str) -> Any:
    """A file or a folder that is read."""
    return typer.Argument(metavar=metavar, help=help, callback=is_read)


def input_option(metavar: str, help: str) -> Any:
    """The same where it may be left out."""
    return typer.Option(metavar=metavar, help=help, callback=is_read)


def output_option(metavar: str, help: str) -> Any:
    """Where to write."""
    return typer.Option(
        "--output", "-o", metavar=metavar, help=help, callback=is_written
    )


File = Annotated[str, input_argument("FILE", "A .star file; - is stdin.")]
Files = Annotated[list[str], input_argument("FILES...", ".star files; - is stdin.")]
Run = Annotated[Path, input_argument("RUN", "The folder of a search.")]
Data = Annotated[
    str | None,
    input_option(
        "PATH",
        "Text or token files; by default the source of Python's own library.",
    ),
]
Output = Annotated[str, output_option("OUT", "Where to write; - is stdout.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
