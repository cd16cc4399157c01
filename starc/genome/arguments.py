"""Whether the parameters of a LIV say anything: no gene does, so they must not."""

from collections.abc import Iterator

from starc.alphabet import LivClass
from starc.alphabet.option import Given, Givens
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.ir.residual import Residual
from starc.lower.built import built_of
from starc.lower.model import ModelSettings, read_model
from starc.source import NOWHERE


def settings_of(program: ast.Program) -> ModelSettings | None:
    """The model block; None: there is none."""
    blocks = (item for item in program.items if isinstance(item, ast.Model))
    return read_model(next(blocks, None), frozenset(), Problems())


def that_differ(
    liv: LivClass, given: Givens, model: ModelSettings | None
) -> Iterator[tuple[str, Given]]:
    """The parameters that make another LIV than the class is by default.

    `heads = 12` is the default of an SA-1 at width 768, and so says nothing there, as
    `placement = pre` says nothing in a model whose placement that is.
    """
    plain = _built(liv, {}, model)
    if plain is not None and plain == _built(liv, given, model):
        return
    alone = {
        name: value
        for name, value in given.items()
        if plain is None or plain != _built(liv, {name: value}, model)
    }
    yield from (alone or given).items()  # none alone: only together do they differ


def _built(
    liv: LivClass, given: Givens, model: ModelSettings | None
) -> tuple[Operator, Residual] | None:
    """The operator and what stands around it; None where the width is not known."""
    if model is None or model.stream is None:
        return None
    found = built_of(liv, given, NOWHERE, model, Problems())
    return None if found is None else (found.operator, found.residual)
