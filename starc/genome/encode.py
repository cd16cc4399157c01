"""syntax tree -> integers."""

from starc.alphabet import Alphabet, extend, prelude
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.genome.entries import entries_of
from starc.genome.exact import with_genes
from starc.genome.meaning import canonical
from starc.genome.text import Genome


def encode(
    program: ast.Program, exact: bool = True, alphabet: Alphabet | None = None
) -> Genome:
    """The genome of the backbone: canonical, except where `genes(...)` says otherwise.

    Not `exact`: canonical throughout. The model block is no part of it. `alphabet`: of
    the program, if it is known already. Raises StarError with every place that says
    what integers cannot, and every `genes` that contradicts the sharing in words.
    """
    problems = Problems()
    if alphabet is None:
        alphabet = extend(prelude(), program, problems)
        problems.check()
    entries = entries_of(program, alphabet, problems)
    problems.found.sort(key=lambda found: found.span.start)  # aliases stand above
    problems.check()
    genome = with_genes(entries, problems)
    problems.check()
    return genome if exact else canonical(genome)
