"""The explanation of every code: `starc explain CODE`."""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Explanation:
    """`wrong` and `right` are complete small .star files; `wrong` yields `code` first.

    `wrong` is empty where no small text can show it (a file too large).
    """

    code: str
    title: str
    text: str
    wrong: str
    right: str


def explain(code: str) -> Explanation | None:
    """The explanation of a code, None where there is no such code."""
    return _by_code().get(code)


def codes() -> tuple[str, ...]:
    """All codes, sorted."""
    return tuple(sorted(_by_code()))


@cache
def _by_code() -> dict[str, Explanation]:
    # imported late: these import Explanation, and only `explain` needs them
    from starc.catalogue import (
        alphabet,
        genomes,
        limits,
        names,
        search,
        sharing,
        syntax,
        values,
    )

    stages = (syntax, names, values, sharing, alphabet, genomes, search, limits)
    return {e.code: e for stage in stages for e in stage.EXPLANATIONS}
