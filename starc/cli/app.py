"""The commands as typer has them: it reads calls, prints help, and tells what is wrong
with a call."""

import os
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import starc
from starc.cli.commands import GROUPS, MODULES, command
from starc.cli.examples import EXAMPLES
from starc.cli.guard import guarded
from starc.cli.options import Declared
from starc.cli.streams import say

HELP = """From readable .star files to standalone PyTorch files.

A .star file lists the LIVs of a model. A LIV (linear input-varying operator) is one
layer, y = T(x) x, where the matrix T(x) is computed from the tokens x and says how much
each token takes from each token up to it."""


class Grouped(TyperGroup):
    """Its help has a section for each group of commands."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        widest = max(map(len, MODULES))
        for title, names in GROUPS.items():
            found = {name: self.get_command(ctx, name) for name in names}
            room = formatter.width - widest - 6
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (f"{name:{widest}}", one.get_short_help_str(room))
                        for name, one in found.items()
                        if one is not None
                    ]
                )


app = typer.Typer(
    name="starc",
    cls=Grouped,
    help=HELP,
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
        autocompletion=_completing(ours.complete),
    )
    return parameter.replace(annotation=Annotated[kind, info])


def _completing(
    complete: Callable[[Any, str], Iterable[str]] | None,
) -> Callable[..., list[str]] | None:
    if complete is None:
        return None

    def ask(ctx: typer.Context, incomplete: str) -> list[str]:
        return [*complete(_given(ctx), incomplete)]

    return ask


def _given(ctx: typer.Context) -> dict[str, Any]:
    """The arguments of a call that is being written.

    An option at its end that lacks its value keeps the parser from seeing any, so the
    words of the line are taken in order, as the shell gave them to typer.
    """
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    words = [word for word in line.split()[2:] if not word.startswith("-")]
    names = [p.name for p in ctx.command.params if p.param_type_name == "argument"]
    said = {name: word for name, word in zip(names, words, strict=False) if name}
    return said | {name: value for name, value in ctx.params.items() if value}


def _epilog(name: str) -> str:
    """The examples, each on a line of its own."""
    return "\n".join(["\b", "Examples:", *(f"  {call}" for call in EXAMPLES[name])])


for name in MODULES:
    app.command(name, epilog=_epilog(name))(guarded(declared(command(name))))
