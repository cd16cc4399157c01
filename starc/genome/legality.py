"""Which genomes describe an architecture, and why others do not."""

from collections.abc import Iterator

from starc.diagnostics import Note, Problems
from starc.genome.classes import Classes, published
from starc.genome.strategies import (
    NONE,
    WEIGHT_STRATEGIES,
    borrowed_groups,
    last_feature_strategy,
)
from starc.genome.text import GENE_NAMES, Genes, Genome, liv_spans
from starc.values import dataclass


@dataclass(frozen=True)
class Illegality:
    """One gene that cannot stand. `position` of the LIV in depth from 0, `gene` 1 to 5.

    `owner`: position of the first LIV of the group that this one does not fit, or -1.
    """

    position: int
    gene: int
    why: str
    owner: int = -1


def legality(genome: Genome, classes: Classes | None = None) -> list[Illegality]:
    """Every gene that is out of its range or joins a group of another class."""
    classes = classes or published()
    found: list[Illegality] = []
    weight_owners: dict[int, int] = {}
    feature_owners: dict[int, int] = {}
    for position, genes in enumerate(genome):
        bad = out_of_range(genes, classes)
        found.extend(Illegality(position, gene, why) for gene, why in bad)
        if bad:
            continue
        for gene, owners in ((2, weight_owners), (4, feature_owners)):
            if genes[gene] == NONE:
                continue
            owner = owners.setdefault(genes[gene - 1], position)
            if genome[owner][0] != genes[0]:
                why = (
                    f"{classes[genes[0]].name} cannot join {GENE_NAMES[gene - 1]} "
                    f"{genes[gene - 1]}, whose first LIV (at {owner}) is "
                    f"{classes[genome[owner][0]].name}"
                )
                found.append(Illegality(position, gene, why, owner))
    return found


def out_of_range(genes: Genes, classes: Classes) -> tuple[tuple[int, str], ...]:
    """The genes of one LIV that are wrong whatever the others are: (gene, why)."""
    code, label, strategy, group, borrows = genes
    liv = classes.get(code)
    if (
        liv is not None
        and label >= 1
        and group >= 1
        and strategy in WEIGHT_STRATEGIES
        and 1 <= borrows <= last_feature_strategy(liv.groups)
    ):
        return ()
    return tuple(_reasons(genes, classes))


def _reasons(genes: Genes, classes: Classes) -> Iterator[tuple[int, str]]:
    code, label, strategy, group, borrows = genes
    liv = classes.get(code)
    if liv is None:
        known = f"{min(classes)} to {max(classes)}"
        yield 1, f"no LIV class has the code {code}; they are {known}"
    if label < 1:
        yield 2, f"a label is 1 or more, not {label}"
    if strategy not in WEIGHT_STRATEGIES:
        yield 3, f"strategy {strategy} is neither 1 (none) nor 2 (all weights)"
    if group < 1:
        yield 4, f"a label is 1 or more, not {group}"
    if liv is None:
        if borrows < 1:
            yield 5, f"a strategy is 1 or more, not {borrows}"
        return
    last = last_feature_strategy(liv.groups)
    if not 1 <= borrows <= last:
        choices = ["1 (none)"] + [
            f"{n} ({' and '.join(borrowed_groups(liv.groups, n))})"
            for n in range(2, last + 1)
        ]
        yield 5, f"strategy {borrows} of {liv.name} is none of {', '.join(choices)}"


def require_legal(genome: Genome, classes: Classes | None = None) -> None:
    """Raises StarError with a diagnostic for each illegality, shown in the text."""
    found = legality(genome, classes)
    if not found:
        return
    spans, problems = liv_spans(genome), Problems()
    for illegality in found:
        notes: tuple[Note, ...] = ()
        if illegality.owner >= 0:
            notes = (Note(spans[illegality.owner], "the first LIV of the group"),)
        problems.add(
            "illegal-genome",
            "Illegal genome",
            spans[illegality.position],
            f"gene {illegality.gene}: {illegality.why}",
            "Every gene has a range, and only LIVs of one class share.",
            "`starc genes` lists every gene and value",
            notes,
        )
    problems.check()
