"""The commands, registered. Each imports what it needs when it runs, not before."""

from typing import Annotated

import typer

import starc
from starc.cli import (
    compare,
    draw,
    evolve,
    genomes,
    inspect,
    report,
    sources,
    training,
    vendoring,
)
from starc.cli.guard import guarded
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


for command in (
    sources.compile,
    sources.check,
    sources.fmt,
    inspect.show,
    inspect.diff,
    genomes.decode,
    genomes.encode,
    genomes.genes,
    inspect.explain,
    training.train,
    evolve.evolve,
    evolve.front,
    evolve.pick,
    compare.scale,
    compare.compare,
    draw.draw,
    report.report,
    report.motifs,
    vendoring.vendor,
    vendoring.verify,
    vendoring.upgrade,
    vendoring.recover,
):
    app.command(command.__name__)(guarded(command))
