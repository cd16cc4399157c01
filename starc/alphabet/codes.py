"""Codes: how a genome calls a class, one code a class."""

from starc.alphabet.alphabet import Alphabet
from starc.alphabet.featurizers import FeaturizerGenome
from starc.alphabet.liv_class import LivClass
from starc.diagnostics import Note, Problems

Coded = LivClass | FeaturizerGenome


def check_codes(alphabet: Alphabet, problems: Problems) -> None:
    """Tells of each LIV or featurizer that has the code of an earlier one."""
    livs: dict[int, Coded] = {}
    for liv in alphabet.classes.values():
        _check(liv, "LIV", livs, problems)
    featurizers: dict[int, Coded] = {}
    for featurizer in alphabet.featurizers.values():
        if featurizer is not None:
            _check(featurizer, "featurizer", featurizers, problems)


def _check(new: Coded, what: str, taken: dict[int, Coded], problems: Problems) -> None:
    if new.code is None:
        return
    old = taken.setdefault(new.code, new)
    if old is not new:
        problems.add(
            "code-taken",
            f"Two {what}s with the code {new.code}",
            new.span,
            f"{old.name} has this code",
            "In a genome the code alone says which class is meant.",
            f"write code = {max(taken) + 1}, or leave it out",
            (Note(old.span, "the first one"),),
        )
