"""The commands as typer has them: it reads calls, prints help, and tells what is wrong
with a call."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

import starc
from starc.cli.commands import MODULES, command
from starc.cli.guard import guarded
from starc.cli.options import Declared
from starc.cli.streams import say

HELP = """From readable .star files to standalone PyTorch files.

A .star file lists the LIVs of a model. A LIV (linear input-varying operator) is one
layer, y = T(x) x, where the matrix T(x) is computed from the tokens x and says how much
each token takes from each token up to it."""

app = typer.Typer(
    name="starc",
    help=HELP,
    add_completion=False,
    rich_markup_mode=None,  # rich would be imported for --help alone
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        say(f"starc {starc.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def declared(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its parameters declared in typer's words instead of ours."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    found = signature(function)
    parameters = [_parameter(one) for one in found.parameters.values()]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__signature__ = found.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def _parameter(parameter: Parameter) -> Parameter:
    kind, (ours,) = parameter.annotation.__origin__, parameter.annotation.__metadata__
    if not isinstance(ours, Declared):
        return parameter
    make: Callable[..., Any] = typer.Option if ours.is_option else typer.Argument
    info = make(
        *ours.names,
        metavar=ours.metavar,
        help=ours.help,
        callback=ours.callback,
        min=ours.low,
        max=ours.high,
    )
    return parameter.replace(annotation=Annotated[kind, info])


for name in MODULES:
    app.command(name)(guarded(declared(command(name))))
