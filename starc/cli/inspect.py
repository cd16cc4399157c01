"""show, diff and explain: what an architecture is, and what an error means."""

from json import dumps
from textwrap import indent, wrap
from typing import TYPE_CHECKING, Annotated

import typer

from starc.cli.guard import Failure
from starc.cli.options import File, Json, one_of
from starc.cli.streams import read_source

if TYPE_CHECKING:
    from starc.catalogue import Explanation
    from starc.ir.nodes import Model


def show(
    file: File,
    context: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens in the cache; by default the model's."),
    ] = None,
    dtype: Annotated[
        str, typer.Option(metavar="DTYPE", help="Of the cache: bf16, fp16 or fp32.")
    ] = "bf16",
    json: Json = False,
) -> None:
    """Print the LIVs of FILE with their sharing, parameters, cache and FLOPs."""
    from starc.ir.show import DTYPES, as_json, as_table

    one_of(dtype, DTYPES, "--dtype")
    model = _model(file)
    tokens = context or model.context
    if json:
        print(dumps(as_json(model, tokens, dtype), indent=2))
    else:
        print(as_table(model, tokens, dtype).rstrip("\n"))


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="The older .star file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The newer one.")],
) -> None:
    """Say in words what changed from A to B."""
    from starc.ir.compare import describe_changes

    changes = describe_changes(_model(a), _model(b))
    print("\n".join(changes) if changes else "the same architecture")


def _model(file: str) -> "Model":
    """The IR after all passes."""
    from starc import compiler, passes

    return passes.run(compiler.to_ir(read_source(file)))


def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="As in error[CODE].")
    ] = None,
) -> None:
    """Explain an error code; without one, list them."""
    from starc import catalogue

    if code is None:
        width = max(map(len, catalogue.codes()))
        for known in catalogue.codes():
            print(f"{known:{width}}  {_explanation(known).title}")
        return
    found = _explanation(code.removeprefix("error[").removesuffix("]"))
    print(f"{found.code}: {found.title}\n")
    for paragraph in found.text.split("\n"):
        print("\n".join(wrap(paragraph, 88, break_on_hyphens=False)))
    for title, example in (("Wrong", found.wrong), ("Right", found.right)):
        if example:
            print(f"\n{title}:\n\n{indent(example.rstrip(), '    ')}")


def _explanation(code: str) -> "Explanation":
    from starc import catalogue
    from starc.diagnostics import did_you_mean

    found = catalogue.explain(code)
    if found is None:
        hint = did_you_mean(code, catalogue.codes()) or "`starc explain` lists them"
        raise Failure(f"no error has the code {code}: {hint}")
    return found
