"""How many LIVs a backbone has, without writing them out."""

from typing import assert_never

from starc.diagnostics import Problems
from starc.frontend import ast
from starc.source import Span

MOST_LIVS = 4_096
"""More than the deepest transformer that was published has, 2,500 (arXiv 2203.00555).
A compilation takes time in proportion: of so many about 2 s."""

MOST_BRANCHES = 100
"""Of a parallel: each is named where all are, the square of their number."""


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
        match step:
            case ast.Use():
                total += 1
            case ast.Parallel():
                branches = _count(step.body, problems)
                if branches > MOST_BRANCHES:
                    span = step.span.source.span(step.span.start, step.span.start + 8)
                    _too_many(
                        branches,
                        span,
                        problems,
                        "A parallel",
                        MOST_BRANCHES,
                        "branches",
                    )
                    branches = 0
                total += branches
            case ast.Section():
                total += _count(step.body, problems)
            case ast.Repeat():
                here = _times(step.count, problems) * _count(step.body, problems)
                if here > MOST_LIVS:
                    _too_many(here, step.count.span, problems)
                    here = 0
                total += here
            case _:
                assert_never(step)
    return total


def iterations(count: ast.Number) -> int:
    """Those of a repeat, 1 where the number is no count (reported by count_livs)."""
    value = count.value
    return value if isinstance(value, int) and value >= 1 else 1


def _times(count: ast.Number, problems: Problems) -> int:
    value = count.value
    if not isinstance(value, int) or value < 1:
        problems.add(
            "bad-count",
            "A repeat needs a whole number of iterations",
            count.span,
            "not a whole number from 1 up",
            "`12 x { ... }` is what stands between the braces twelve times.",
        )
    elif value > MOST_LIVS:
        _too_many(value, count.span, problems)
        return 1
    return iterations(count)


def _too_many(
    number: int,
    span: Span,
    problems: Problems,
    what: str = "A model",
    most: int = MOST_LIVS,
    parts: str = "LIVs",
) -> None:
    shown = f"{number:_}" if number < 10**15 else "far too many"
    problems.add(
        "too-many-livs",
        f"Too many {parts}",
        span,
        f"{shown} of them" if number < 10**15 else shown,
        f"{what} has at most {most:_} {parts}.",
    )
