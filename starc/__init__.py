"""starc: from a STAR genome to a standalone PyTorch model, and back.

Text in, text out: nothing here reads a file, and nothing imports torch. Mistakes in the
input raise StarError, whose `diagnostics` say where, why and what to do.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starc.diagnostics import Diagnostic, StarError

if TYPE_CHECKING:
    from starc.frontend.ast import Program

__version__ = "0.1.0"

__all__ = [
    "Diagnostic",
    "StarError",
    "__version__",
    "canonical",
    "check",
    "compile",
    "decode",
    "encode",
    "parse",
]

Genome = str | Sequence[Sequence[int]]
"""`21211-31112`, `10.1.2.1.1-2.1.1.1.1`, JSON, or lists of five integers."""


def compile(source: str, name: str = "<string>", without: Sequence[str] = ()) -> str:
    """The model that a `.star` text describes, as one standalone PyTorch file.

    `name` is what the file says it was made from; `without` names optional passes to
    leave out. Raises StarError; ValueError if `without` names no optional pass.
    """
    from starc import compiler

    return compiler.compile(source, name, without=tuple(without))


def check(source: str, name: str = "<string>") -> tuple[Diagnostic, ...]:
    """Every mistake in a `.star` text, in order; empty if there is none."""
    from starc import compiler

    return tuple(compiler.check(source, name))


def parse(source: str, name: str = "<string>") -> "Program":
    """The syntax tree of a `.star` text, nothing resolved. Raises StarError."""
    from starc.diagnostics import Problems
    from starc.frontend import parse
    from starc.source import Source

    problems = Problems()
    program = parse(Source(name, source), problems)
    problems.check()
    return program


def encode(source: str, exact: bool = False) -> list[list[int]]:
    """The backbone genome of a `.star` text, five integers a LIV.

    `exact` keeps silent genes as the text states them; otherwise the genome is
    canonical. Raises StarError, with the place, where integers cannot say it.
    """
    from starc import genome

    return [list(liv) for liv in genome.encode(source, exact=exact)]


def decode(genome: Genome, exact: bool = False) -> str:
    """Readable source for a backbone genome. Raises StarError.

    `exact` keeps silent genes, so that `encode(..., exact=True)` gives the very same.
    """
    from starc import genome as genomes

    return genomes.decode(_genome(genome), exact=exact)


def canonical(genome: Genome) -> list[list[int]]:
    """The one genome that stands for all that spell the same architecture."""
    from starc import genome as genomes

    return [list(liv) for liv in genomes.canonical(_genome(genome))]
