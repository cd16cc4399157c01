"""starc: from a STAR genome to a standalone PyTorch model, and back.

Text in, text out: nothing here reads a file, and nothing imports torch. Mistakes in the
input raise StarError, whose `diagnostics` say where, why and what to do.
"""

import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    if sys.orig_argv[-len(sys.argv)].removeprefix("-m") == "starc":
        # `python -m starc` has the current folder first: a random.py there would be run
        del sys.path[0]

from collections.abc import Iterable, Sequence
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


def compile(
    source: str,
    name: str = "<string>",
    without: Iterable[str] = (),
    kernels: str = "all",
) -> str:
    """The model that a `.star` text describes, as one standalone PyTorch file.

    `name` is what the file says it was made from; `without` names optional passes to
    leave out; `kernels="none"` leaves out the Triton code, for plain PyTorch alone.
    Raises StarError; ValueError if `without` names no optional pass, or `kernels` is
    another word.
    """
    from starc import compiler

    return compiler.compile(source, name, frozenset(without), kernels)


def check(source: str, name: str = "<string>") -> tuple[Diagnostic, ...]:
    """Every mistake in a `.star` text, in its order; empty if there is none."""
    from starc import compiler

    return tuple(compiler.check(source, name))


def parse(source: str, name: str = "<string>") -> "Program":
    """The syntax tree of a `.star` text, nothing resolved. Raises StarError."""
    from starc.diagnostics import Problems
    from starc.frontend.parse import parse
    from starc.source import Source

    problems = Problems()
    program = parse(Source(name, source), problems)
    problems.check()
    return program


def encode(source: str, name: str = "<string>") -> list[list[int]]:
    """The backbone genome of a `.star` text, five integers a LIV.

    It is canonical, except where `genes(...)` in the text keeps silent genes. Raises
    StarError, with every place, where the text says what integers cannot.
    """
    from starc import genome as genomes

    return [list(liv) for liv in genomes.encode(parse(source, name))]


def decode(genome: Genome, exact: bool = False) -> str:
    """Readable source for a backbone genome. Raises StarError if it is not legal.

    `exact` keeps silent genes in the text, so that `encode` gives back the very same.
    """
    from starc import genome as genomes
    from starc.frontend.unparse import unparse

    return unparse(genomes.decode(_read(genome), exact=exact))


def canonical(genome: Genome) -> list[list[int]]:
    """The one spelling of all genomes that describe the same architecture."""
    from starc import genome as genomes

    legal = _read(genome)
    genomes.require_legal(legal)
    return [list(liv) for liv in genomes.canonical(legal)]


def _read(genome: Genome) -> "tuple[tuple[int, int, int, int, int], ...]":
    from starc.genome import from_lists, read

    return read(genome) if isinstance(genome, str) else from_lists(genome)
