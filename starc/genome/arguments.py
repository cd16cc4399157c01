"""Whether the parameters of a LIV say anything: no gene does, so they must not."""

from collections.abc import Iterator

from starc.alphabet import LivClass, Stream, build_operator
from starc.alphabet.option import Given, Givens
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.lower.model import read_model
from starc.source import NOWHERE


def stream_of(program: ast.Program) -> Stream | None:
    """What the model block says of width, context and positions; None: no width."""
    blocks = (item for item in program.items if isinstance(item, ast.Model))
    settings = read_model(next(blocks, None), frozenset(), Problems())
    return None if settings is None else settings.stream


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
