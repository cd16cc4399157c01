"""Sharing that cannot be."""

from starc.catalogue import Explanation

EXPLANATIONS: tuple[Explanation, ...] = ()
