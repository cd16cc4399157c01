"""Did-you-mean that stays quick in a file with thousands of names and of mistakes."""

from collections.abc import Iterable
from itertools import islice

from starc.diagnostics import Problems, did_you_mean

_MOST_MISTAKES = 100
_MOST_NAMES = 500


def near(word: str, known: Iterable[str], problems: Problems) -> str:
    """`did you mean ShortConv?`, or "" where nothing is near.

    Comparing is slow: after a hundred mistakes nothing is suggested any more, and only
    so many names are looked at.
    """
    if len(problems.found) > _MOST_MISTAKES or len(word) > 100:
        return ""
    return did_you_mean(word, islice(known, _MOST_NAMES))
