"""Whether the parameters of a LIV say anything: no gene does, so they must not."""

from collections.abc import Iterator

from starc.alphabet import LivClass, Stream, build_operator
from starc.alphabet.option import Given, Givens
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.source import NOWHERE


def stream_of(program: ast.Program) -> Stream | None:
    """Width and context of the model block; None where it states no width.

    Positions are left at their default, so a rotation that a LIV states counts as
    different from its class whatever the model says.
    """
    found = {"context": 4096}
    for item in program.items:
        if isinstance(item, ast.Model):
            for setting in item.settings:
                value = setting.value
                if isinstance(value, ast.Number) and isinstance(value.value, int):
                    found[setting.name.text] = value.value
    width = found.get("width", 0)
    return Stream(width, found["context"]) if width > 0 else None


def that_differ(
    liv: LivClass, given: Givens, stream: Stream | None
) -> Iterator[tuple[str, Given]]:
    """The parameters that make another operator than the class has by default.

    `heads = 12` is the default of an SA-1 at width 768, and so says nothing there.
    """
    plain = _operator(liv, {}, stream)
    if plain is not None and plain == _operator(liv, given, stream):
        return
    alone = {
        name: value
        for name, value in given.items()
        if plain is None or plain != _operator(liv, {name: value}, stream)
    }
    yield from (alone or given).items()  # none alone: only together do they differ


def _operator(liv: LivClass, given: Givens, stream: Stream | None) -> Operator | None:
    if stream is None:
        return None
    return build_operator(liv, given, NOWHERE, stream, Problems())
