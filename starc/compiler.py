"""The pipeline, one screen: text in, text out, no files."""

from starc.alphabet import extend, prelude
from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.ir.nodes import Model
from starc.lower import lower
from starc.source import Source


def check(text: str, name: str = "<string>") -> tuple[Diagnostic, ...]:
    """Every mistake in the text of a .star file, in its order; none: it compiles."""
    problems = Problems()
    build(parse(Source(name, text), problems), problems)
    return tuple(problems)


def to_ir(text: str, name: str = "<string>") -> Model:
    """The model as written, before any pass. Raises StarError with every mistake."""
    problems = Problems()
    model = build(parse(Source(name, text), problems), problems)
    problems.check()
    assert model is not None  # else something had been told
    return model


def build(program: ast.Program, problems: Problems) -> Model | None:
    """Syntax tree -> IR; None where there is anything in `problems`."""
    model = lower(program, extend(prelude(), program, problems), problems)
    problems.found.sort(key=lambda found: found.span.start)
    return None if problems else model
