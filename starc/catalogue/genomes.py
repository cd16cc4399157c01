"""Genomes as integers."""

from starc.catalogue import Explanation

EXPLANATIONS: tuple[Explanation, ...] = ()
