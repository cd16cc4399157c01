"""What the numbers of a LIV make: its operator, and the residual around it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from starc.alphabet import LivClass, Meaning, build_operator, read_arguments
from starc.alphabet.around import LORA, LORA_DOWN, OF_ALL, said_of_residual
from starc.alphabet.option import Givens, Quantity
from starc.alphabet.settings import collect, read_all
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.ir.residual import Residual
from starc.lower.model import ModelSettings
from starc.source import Span


@lru_cache(maxsize=4096)
def _first_equal(operator: Operator) -> Operator:
    """The first operator that is equal to it: what one has found out of itself, such as
    its groups, holds for all. A search compiles many models of few operators."""
    return operator


class Built(NamedTuple):
    """inside: what stands around the LIV as a branch of a parallel."""

    operator: Operator
    residual: Residual
    inside: Residual


def built_of(
    liv: LivClass,
    given: Givens,
    span: Span,
    settings: ModelSettings,
    problems: Problems,
    entered: bool = False,
) -> Built | None:
    """What a class and a use's numbers make; None where they do not fit.

    entered: it is a branch of a parallel that reads what entered the stream too.
    """
    assert settings.stream is not None
    operator = build_operator(liv, given, span, settings.stream, problems)
    if operator is None:
        return None
    said = said_of_residual(liv, given)
    around = settings.residual(said)
    if entered or around.entered:
        operator = replace(operator, reads=2 * operator.width)
    operator = _with_lora(operator, said, span, problems)
    return Built(_first_equal(operator), around, settings.inside(said))


def _with_lora(
    operator: Operator, said: Mapping[str, Quantity], span: Span, problems: Problems
) -> Operator:
    """The operator with what is said of each use's own matrices."""
    rank, down = said.get(LORA.name, 0), said.get(LORA_DOWN.name)
    assert isinstance(rank, int)
    if not rank and not down:
        return operator
    plain = all(not (group.stack or group.source) for group in operator.groups)
    if not (rank and plain):
        label = "its projections are not all of the input"
        problems.add(
            "conflicting-settings",
            "`lora` does not fit" if rank else "`lora_down` says nothing here",
            span,
            label if rank else "there is no lora",
            "`lora = 8` puts a product of two matrices beside each projection of the "
            "input.",
            "leave it out" if rank else "say lora = 8 too, or leave out lora_down",
        )
        return operator
    return replace(operator, lora=rank, lora_one=down == "one")


class Builder:
    """Builds what is written alike once. No width in `settings`: nothing is built."""

    def __init__(self, settings: ModelSettings | None, problems: Problems) -> None:
        self.settings = settings
        self.stream = None if settings is None else settings.stream
        self.problems = problems
        self.built: dict[object, Built | None] = {}

    def build(
        self, use: ast.Use, meaning: Meaning | None, entered: bool = False
    ) -> Built | None:
        """Of a use, or None where it is wrong; a mistake is told once.

        entered: it is a branch of a parallel that reads what entered the stream too.
        """
        if meaning is None:
            return None
        key = use.said, entered
        if key in self.built:
            return self.built[key]
        problems, before = self.problems, len(self.problems.found)
        given = read_arguments(use.arguments, meaning.liv, meaning.stated, problems)
        if self.settings is None or self.stream is None or len(problems.found) > before:
            return None
        place = use.liv.span
        built = built_of(meaning.liv, given, place, self.settings, problems, entered)
        if built is not None or not use.arguments:
            self.built[key] = built
        return built

    def residual(self, arguments: tuple[ast.Setting, ...]) -> Residual:
        """Of a parallel: the model's, but for what is said here."""
        of, code = "A parallel", "unknown-parameter"
        settings = collect(arguments, OF_ALL, of, self.problems, code)
        given = read_all(settings, OF_ALL, self.problems)
        if self.settings is None:
            return Residual()
        return self.settings.residual({name: one.value for name, one in given.items()})
