"""How many LIVs a backbone has, without writing them out."""

from starc.diagnostics import Problems
from starc.frontend import ast
from starc.source import Span

MOST_LIVS = 1_000_000


def count_livs(backbone: ast.Backbone, problems: Problems) -> int:
    """The number of LIVs, repeats multiplied; the counts are checked on the way."""
    total = _count(backbone.body, problems)
    if total > MOST_LIVS:
        span = backbone.span
        _too_many(total, span.source.span(span.start, span.start + 8), problems)
    return total


def _count(body: tuple[ast.Step, ...], problems: Problems) -> int:
    total = 0
    for step in body:
        if isinstance(step, ast.Use):
            total += 1
        elif isinstance(step, ast.Parallel):
            total += _count(step.body, problems)
        elif isinstance(step, ast.Repeat):
            here = _times(step.count, problems) * _count(step.body, problems)
            if here > MOST_LIVS:
                _too_many(here, step.count.span, problems)
                here = 0
            total += here
    return total


def turns(count: ast.Number) -> int:
    """The turns of a repeat, 1 where the number is no count (told by count_livs)."""
    value = count.value
    return value if isinstance(value, int) and value >= 1 else 1


def _times(count: ast.Number, problems: Problems) -> int:
    value = count.value
    if not isinstance(value, int) or value < 1:
        problems.add(
            "bad-count",
            "A repeat needs a whole number of turns",
            count.span,
            "not a whole number from 1 up",
            "`12 x { ... }` is what stands between the braces twelve times.",
        )
    elif value > MOST_LIVS:
        _too_many(value, count.span, problems)
        return 1
    return turns(count)


def _too_many(number: int, span: Span, problems: Problems) -> None:
    shown = f"{number:_}" if number < 10**15 else "far too many"
    problems.add(
        "too-many-livs",
        "Too many LIVs",
        span,
        f"{shown} of them" if number < 10**15 else shown,
        f"A model has at most {MOST_LIVS:_} LIVs.",
    )
