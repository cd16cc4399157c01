"""Definitions of featurizers and LIVs."""

from starc.catalogue import Explanation

EXPLANATIONS: tuple[Explanation, ...] = ()
