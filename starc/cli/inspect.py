"""show, diff and explain: what an architecture is, and what an error means."""

from typing import Annotated

import typer

from starc.cli.guard import Failure
from starc.cli.options import File, Json, one_of
from starc.cli.streams import read_source

DTYPES = ("bf16", "fp16", "fp32")


def show(
    file: File,
    context: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens in the cache; by default the model's."),
    ] = None,
    dtype: Annotated[
        str, typer.Option(metavar="DTYPE", help=f"Of the cache: {', '.join(DTYPES)}.")
    ] = "bf16",
    json: Json = False,
) -> None:
    """Print the LIVs of FILE with their sharing, parameters, cache and FLOPs."""


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="The older .star file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The newer one.")],
) -> None:
    """Say in words what changed from A to B."""


def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="As in error[CODE].")
    ] = None,
) -> None:
    """Explain an error code; without one, list them."""
