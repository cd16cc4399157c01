"""What the numbers of a LIV make: its operator, and the residual around it."""

from functools import lru_cache
from typing import NamedTuple

from starc.alphabet import Meaning, build_operator, read_arguments
from starc.alphabet.around import AROUND, said_of_residual
from starc.alphabet.settings import collect, read_all
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.ir.residual import Residual
from starc.lower.model import ModelSettings


@lru_cache(maxsize=4096)
def _first_equal(operator: Operator) -> Operator:
    """The first operator that is equal to it: what one has found out of itself, such as
    its groups, holds for all. A search compiles many models of few operators."""
    return operator


class Built(NamedTuple):
    operator: Operator
    residual: Residual


class Builder:
    """Builds what is written alike once. No width in `settings`: nothing is built."""

    def __init__(self, settings: ModelSettings | None, problems: Problems) -> None:
        self.settings = settings
        self.stream = None if settings is None else settings.stream
        self.problems = problems
        self.built: dict[object, Built | None] = {}

    def build(self, use: ast.Use, meaning: Meaning | None) -> Built | None:
        """Of a use, or None where it is wrong; a mistake is told once."""
        if meaning is None:
            return None
        key = (use.liv.text, use.arguments)
        if key in self.built:
            return self.built[key]
        problems, before = self.problems, len(self.problems.found)
        given = read_arguments(use.arguments, meaning.liv, meaning.stated, problems)
        if self.settings is None or self.stream is None or len(problems.found) > before:
            return None
        operator = build_operator(
            meaning.liv, given, use.liv.span, self.stream, problems
        )
        built = None
        if operator is not None:
            said = said_of_residual(meaning.liv, given)
            built = Built(_first_equal(operator), self.settings.residual(said))
        if built is not None or not use.arguments:
            self.built[key] = built
        return built

    def residual(self, arguments: tuple[ast.Setting, ...]) -> Residual:
        """Of a parallel: the model's, but for what is said here."""
        of, code = "A parallel", "unknown-parameter"
        settings = collect(arguments, AROUND, of, self.problems, code)
        given = read_all(settings, AROUND, self.problems)
        if self.settings is None:
            return Residual()
        return self.settings.residual({name: one.value for name, one in given.items()})
