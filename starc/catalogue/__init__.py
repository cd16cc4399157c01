"""The explanation of every code: `starc explain CODE`."""

from functools import cache

from starc.catalogue.explanation import Explanation

__all__ = ["Explanation", "codes", "explain"]


def explain(code: str) -> Explanation | None:
    """The explanation of a code, None where there is no such code."""
    return _by_code().get(code)


def codes() -> tuple[str, ...]:
    """All codes, sorted."""
    return tuple(sorted(_by_code()))


@cache
def _by_code() -> dict[str, Explanation]:
    # imported late: only `explain` needs them
    from starc.catalogue import (
        alphabet,
        genomes,
        limits,
        names,
        search_mistakes,
        sharing,
        syntax,
        values,
    )

    stages = (
        syntax,
        names,
        values,
        sharing,
        alphabet,
        genomes,
        search_mistakes,
        limits,
    )
    return {e.code: e for stage in stages for e in stage.EXPLANATIONS}
