"""report and motifs: the account of a search, and what architectures have in common."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from starc.choices import MOTIF_FORMS
from starc.cli import complete
from starc.cli.failure import WRONG_INPUT, Failure, needs
from starc.cli.options import (
    Json,
    Output,
    input_argument,
    input_option,
    number,
    one_of,
    output_option,
)
from starc.cli.streams import STANDARD, write

if TYPE_CHECKING:
    from starc.evolve.report.table import Motifs


def report(
    runs: Annotated[
        list[Path],
        input_argument("RUN...", "The folders of searches.", complete.runs),
    ],
    output: Annotated[str, output_option("OUT", "- is stdout.")] = "report.html",
) -> None:
    """Write one page about a search, at any moment; RUN is only read.

    Of several runs with the same objectives: what each had found after as many
    evaluations, in bands over random seeds. The page opens without a network: charts,
    pictures and data are inside.
    """
    _needs_evolve()
    from starc.evolve.report import comparison_page, page
    from starc.evolve.report.read import ReportError

    try:
        if len(runs) == 1:
            text = page.report(runs[0])
        else:
            text = comparison_page.report(runs)
    except ReportError as error:
        raise Failure(str(error), WRONG_INPUT) from None
    write(output, text)


def motifs(
    paths: Annotated[
        list[Path],
        input_argument(
            "PATHS...", "Runs, .star files, folders of these.", complete.runs
        ),
    ],
    baseline: Annotated[
        list[Path] | None,
        input_option("PATH", "What a set of .star files is compared with."),
    ] = None,
    fewest: Annotated[int, number("Designs with a motif; 0: a tenth of them.", 0)] = 0,
    top: Annotated[int, number("Rows; 0: all.", 0)] = 30,
    json: Json = False,
    form: Annotated[
        str, one_of(MOTIF_FORMS, "--as", "A table, or blocks of a .star file to paste.")
    ] = "text",
    output: Output = STANDARD,
) -> None:
    """List recurring subsequences and sharing patterns of architectures.

    Of a run: enrichment of the last population and front over the first generation. Of
    .star files: over --baseline, or over the same LIVs in random order.
    """
    _needs_evolve()
    from starc.evolve.report import table
    from starc.evolve.report.read import ReportError

    try:
        found = table.collect(paths, baseline or [], fewest)
    except ReportError as error:
        raise Failure(str(error), WRONG_INPUT) from None
    write(output, _written(found, top, json, form))


def _written(found: "Motifs", top: int, json: bool, form: str) -> str:
    from starc.evolve.report import motif_text, table

    if form == "liv":
        return motif_text.as_star(found, top)
    if json or form == "json":
        return table.as_json(found, top)
    return table.as_text(found, top)


def _needs_evolve() -> None:
    for name in ("plotly", "pymoo"):
        needs(name, "evolve")
