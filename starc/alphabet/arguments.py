"""What stands between the parentheses of a LIV, and the operator that follows."""

from collections.abc import Sequence

from starc.alphabet.around import AROUND
from starc.alphabet.liv_class import LivClass
from starc.alphabet.option import Givens
from starc.alphabet.resolved_options import ResolvedOptions, Stream, Unfit
from starc.alphabet.settings import check_conflicts, collect, read_all
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.operator import Operator
from starc.numerals import counted
from starc.source import Span

MOST_CHANNELS = 2**22


def read_arguments(
    settings: Sequence[ast.Setting], liv: LivClass, below: Givens, problems: Problems
) -> Givens:
    """The arguments laid over those of the alias `below`; mistakes are told."""
    if not settings:
        return below
    template = liv.template
    options = template.by_name | AROUND
    known = collect(settings, options, liv.written, problems, "unknown-parameter")
    given = read_all(known, options, problems)
    check_conflicts(given, template.conflicts, problems)
    kept = dict(below)
    for first, value, second in template.conflicts:
        # A later word takes the place of the earlier one that it contradicts.
        if second in given and first in kept:
            if value is None or kept[first].value == value:
                del kept[first]
        if first in given and (value is None or given[first].value == value):
            kept.pop(second, None)
    return kept | given


def build_operator(
    liv: LivClass, given: Givens, span: Span, stream: Stream, problems: Problems
) -> Operator | None:
    """The operator with all its numbers, or None with the problem added."""
    defaults = {name: o.default for name, o in liv.template.by_name.items()}
    options = ResolvedOptions(
        liv.written,
        liv.repeat,
        liv.words,
        {**defaults, **liv.defaults},
        stream,
        span,
        given,
    )
    try:
        operator = liv.template.build(options)
    except Unfit as unfit:
        problems.found.append(unfit.diagnostic)
        return None
    if operator.inner > MOST_CHANNELS:
        problems.add(
            "out-of-range",
            "More channels than any machine holds",
            span,
            counted(operator.inner, "channel"),
            f"An operator has at most {MOST_CHANNELS:_} channels.",
        )
        return None
    return operator
