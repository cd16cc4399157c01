"""show, diff and explain: what an architecture is, and what an error means."""

from textwrap import indent, wrap
from typing import TYPE_CHECKING, Annotated

from starc.choices import DTYPES
from starc.cli import complete
from starc.cli.failure import Failure
from starc.cli.options import (
    File,
    Json,
    argument,
    input_argument,
    number,
    one_of,
    option,
)
from starc.cli.streams import columns, read_source, say, say_json

if TYPE_CHECKING:
    from starc.catalogue import Explanation
    from starc.ir.nodes import Model


def show(
    file: File,
    context: Annotated[
        int | None,
        number("Tokens in the cache; by default the model's."),
    ] = None,
    dtype: Annotated[str, one_of(DTYPES, "--dtype", "Of the cache.")] = "bf16",
    tree: Annotated[
        bool, option("--tree", help="As it is written: repeats, parallels, LIVs.")
    ] = False,
    json: Json = False,
) -> None:
    """Print the LIVs of FILE with their sharing, parameters, cache and FLOPs."""
    from starc.ir.show import as_json, as_table

    if tree and json:
        raise Failure("--tree is for people: leave out --json")
    model = _model(file)
    tokens = context or model.context
    if json:
        say_json(as_json(model, tokens, dtype))
    elif tree:
        from starc.ir.cost import costs
        from starc.ir.tree import as_tree

        say(as_tree(model, costs(model, tokens, DTYPES[dtype])))
    else:
        say(as_table(model, tokens, dtype, columns()).rstrip("\n"))


def diff(
    a: Annotated[str, input_argument("A", "The older .star file; - is stdin.")],
    b: Annotated[str, input_argument("B", "The newer one.")],
) -> None:
    """Say in words what changed from A to B."""
    from starc.ir.compare import describe_changes, describe_costs

    before, after = _model(a), _model(b)
    changes = describe_changes(before, after)
    found = describe_costs(before, after)
    lines = [*changes, *([""] if found else []), *found]
    say("\n".join(lines) if changes else "the same architecture")


def _model(file: str) -> "Model":
    """The IR after all passes."""
    from starc import compiler, passes

    return passes.run(compiler.to_ir(read_source(file)))


def explain(
    code: Annotated[
        str | None,
        argument(
            metavar="[CODE]",
            help="As in error[CODE], or the name of a LIV.",
            complete=complete.explained,
        ),
    ] = None,
) -> None:
    """Explain an error code or a LIV; without one, list the codes."""
    from starc import catalogue
    from starc.alphabet import prelude

    if code is None:
        width = max(map(len, catalogue.codes()))
        for known in catalogue.codes():
            say(f"{known:{width}}  {_explanation(known).title}")
        return
    if code in prelude().livs:
        _explain_liv(code)
        return
    found = _explanation(code.removeprefix("error[").removesuffix("]"))
    say(f"{found.code}: {found.title}\n")
    for paragraph in found.text.split("\n"):
        say("\n".join(wrap(paragraph, 88, break_on_hyphens=False)))
    for title, example in (("Wrong", found.wrong), ("Right", found.right)):
        if example:
            say(f"\n{title}:\n\n{indent(example.rstrip(), '    ')}")


def _explain_liv(name: str) -> None:
    """What it is, and a paragraph for each parameter."""
    from starc.alphabet import prelude
    from starc.lsp import describe

    meaning = prelude().livs[name]
    assert meaning is not None, "the prelude has no mistake"
    room = columns()
    for paragraph in describe.meaning(name, meaning).split("\n\n"):
        say("\n".join(wrap(paragraph.replace("*", ""), room)) + "\n")
    for row in meaning.liv.template.options:
        about = f"{row.sentence} {describe.default(row)}".replace("`", "")
        lines = wrap(about, room, subsequent_indent="    ", break_on_hyphens=False)
        say("\n".join(lines))


def _explanation(code: str) -> "Explanation":
    from starc import catalogue
    from starc.diagnostics import did_you_mean

    found = catalogue.explain(code)
    if found is None:
        hint = did_you_mean(code, catalogue.codes()) or "`starc explain` lists them"
        raise Failure(f"no error has the code {code}: {hint}")
    return found
