"""Arguments and options that several commands have."""

from collections.abc import Collection
from typing import Annotated

import typer

from starc.cli.guard import Failure

File = Annotated[str, typer.Argument(metavar="FILE", help="A .star file; - is stdin.")]
Files = Annotated[
    list[str], typer.Argument(metavar="FILES...", help=".star files; - is stdin.")
]
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="OUT", help="Where to write; - is stdout."),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def one_of(value: str, choices: Collection[str], option: str) -> None:
    """Raises Failure if an option has a value that it cannot have."""
    if value not in choices:
        from starc.diagnostics import did_you_mean

        hint = did_you_mean(value, choices) or f"one of {', '.join(choices)}"
        raise Failure(f"{option} {value}: {hint}")
