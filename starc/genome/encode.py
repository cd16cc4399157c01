"""syntax tree -> integers."""

from starc.diagnostics import Problems
from starc.frontend import ast
from starc.genome.classes import CLASSES, Classes
from starc.genome.exact import with_genes
from starc.genome.meaning import canonical
from starc.genome.text import Genome
from starc.genome.words import listen


def encode(
    program: ast.Program, exact: bool = True, classes: Classes = CLASSES
) -> Genome:
    """The genome of the backbone: canonical, except where `genes(...)` says otherwise.

    Not `exact`: canonical throughout. The model block is no part of it. Raises
    StarError with every place that says what integers cannot, and every `genes` that
    contradicts the sharing in words.
    """
    problems = Problems()
    written = listen(program, problems, classes)
    problems.check()
    genome = with_genes(written, problems)
    problems.check()
    return genome if exact else canonical(genome)
