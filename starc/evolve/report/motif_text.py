"""Found motifs as blocks of a .star file, which can be pasted and compile."""

from collections.abc import Iterator

from starc import compiler
from starc.alphabet import prelude
from starc.diagnostics import StarError
from starc.evolve.report.enrichment import Row
from starc.evolve.report.motifs import Motif
from starc.evolve.report.table import Motifs
from starc.numerals import counted
from starc.printable import printable
from starc.source import Source

SIDE_BY_SIDE = " | "
"""Between the names of LIVs that stand in a parallel."""


def as_star(found: Motifs, top: int = 0) -> str:
    """A backbone for each of the first motifs, with what was found as comments, and
    before them the LIVs and featurizers of their own that the architectures define.

    Each is compiled before it is written. What the language has no clause for, as
    weights of single groups, and what needs parameters that its classes do not have by
    default, is counted in a comment at the end.
    """
    rows = found.rows[:top] if top else found.rows
    written, missing, own = list[str](), 0, False
    for row in rows:
        block = block_of(row.found.motif)
        if block is None or not _compiles(block, found):
            missing += 1
            continue
        own |= not set(_names(row.found.motif)) <= prelude().livs.keys()
        written.append(f"{_comments(row, found)}{block}")
    parts = [found.definitions] if own and found.definitions else []
    parts += written
    if missing:
        parts.append(f"# left out: {counted(missing, 'motif')} without a text\n")
    return "\n".join(parts)


def block_of(motif: Motif) -> str | None:
    """`backbone { ... }`; None where the language has no words for the sharing."""
    inside = motif.inside or (((0, 1, motif.taken),) if motif.taken else ())
    lenders = {source for source, _, _ in inside}
    lines = []
    for place, name in enumerate(motif.names):
        clauses = []
        for source, target, taken in inside:
            if target == place:
                if taken.startswith("weights of"):
                    return None
                word = "same as" if taken == "all" else f"{taken} from"
                clauses.append(f"{word} l{source + 1}")
        label = f"l{place + 1}: " if place in lenders else ""
        branches = name.strip("()").split(SIDE_BY_SIDE)
        written = name
        if len(branches) > 1:
            if clauses:  # of which branch, the motif does not say
                return None
            written = f"parallel {{ {'; '.join(branches)} }}"
        lines.append(f"  {label}{written}{'   ' * bool(clauses)}{', '.join(clauses)}")
    return "\n".join(["backbone {", *lines, "}"]) + "\n"


def _comments(row: Row, found: Motifs) -> str:
    lines = [f"# {printable(str(row.found.motif))}"]
    text = f"in {len(row.found.members)} of {counted(found.designs, 'design')}"
    if found.initial:
        text += f", {row.selected} of {found.selected} at the end"
        text += f", {row.initial} of {found.initial} at the beginning"
    lines.append(f"# {text}")
    return "\n".join(lines) + "\n"


def _compiles(block: str, found: Motifs) -> bool:
    model = f"model motif {{\n{found.model}}}\n"
    text = "\n".join(filter(None, (model, found.definitions, block)))
    try:
        compiler.to_ir(Source("<motif>", text))
    except StarError:
        return False
    return True


def _names(motif: Motif) -> Iterator[str]:
    for name in motif.names:
        yield from name.strip("()").split(SIDE_BY_SIDE)
