"""The LIV classes that a genome can name: those of the alphabet that have a code."""

from collections.abc import Mapping
from functools import cache

from starc.alphabet import Alphabet, LivClass, prelude

Classes = Mapping[int, LivClass]
"""By gene 1."""


def coded(alphabet: Alphabet) -> Classes:
    """The classes of an alphabet that have a code, in the order of their codes."""
    found = {liv.code: liv for liv in alphabet.classes.values()}
    return {code: found[code] for code in sorted(c for c in found if c is not None)}


@cache
def published() -> Classes:
    """Those of the prelude: the 17 of the paper."""
    return coded(prelude())
