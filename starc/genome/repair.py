"""Invalid genes are re-sampled, as STAR does after crossover and mutation [M]."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from starc.genome.classes import Classes, published
from starc.genome.legality import out_of_range
from starc.genome.strategies import NONE, WEIGHT_STRATEGIES, last_feature_strategy
from starc.genome.text import Genes, Genome
from starc.values import dataclass

if TYPE_CHECKING:
    from random import Random  # not at run time: it takes 5 ms of every compilation


@dataclass(frozen=True)
class Change:
    """What repair did to one gene. `position` in depth from 0, `gene` 1 to 5."""

    position: int
    gene: int
    old: int
    new: int
    why: str


@dataclass(frozen=True)
class Repair:
    """A legal genome, and what was changed to get there: nothing if it was legal."""

    genome: Genome
    changes: tuple[Change, ...]


def repair(
    genome: Genome,
    random: "Random",
    classes: Classes | None = None,
    pool: Sequence[int] = (),
) -> Repair:
    """The nearest thing that is legal.

    A gene out of its range is drawn again from its range (a class from `pool`, by
    default all of `classes`). Then, in order of depth, a LIV that joined a group of
    another class draws a label again: of a group of its own class, or a fresh one. It
    keeps its strategy, so what it would have shared stays what it shares.
    """
    classes = classes or published()
    livs = [list(genes) for genes in genome]
    changes: list[Change] = []

    def change(position: int, gene: int, new: int, why: str) -> None:
        changes.append(Change(position, gene, livs[position][gene - 1], new, why))
        livs[position][gene - 1] = new

    for position, genes in enumerate(genome):
        for gene, why in out_of_range(genes, classes):
            code = livs[position][0]  # drawn again already where it had no meaning
            choices = _range(gene, code, genome, classes, pool)
            change(position, gene, random.choice(choices), why)
        last = _last_strategy(livs[position][0], classes)
        if livs[position][4] > last:  # only where the class itself was drawn again
            why = f"strategy {livs[position][4]} is none of the new class"
            change(position, 5, random.randint(NONE, last), why)

    for gene in (2, 4):
        fresh = _unused(livs, gene)
        of_class: dict[int, list[int]] = {}
        class_of: dict[int, int] = {}
        for position, liv in enumerate(livs):
            label, code = liv[gene - 1], liv[0]
            if liv[gene] == NONE or class_of.get(label, code) == code:
                if liv[gene] != NONE and label not in class_of:
                    class_of[label] = code
                    of_class.setdefault(code, []).append(label)
                continue
            choices = [*of_class.get(code, ()), 0]
            new = random.choice(choices) or next(fresh)
            if new not in class_of:
                class_of[new] = code
                of_class.setdefault(code, []).append(new)
            mine, theirs = classes[code].name, classes[class_of[label]].name
            why = f"{mine} cannot join group {label} of {theirs}"
            change(position, gene, new, why)
    return Repair(tuple(_genes(liv) for liv in livs), tuple(changes))


def random_genome(
    random: "Random",
    length: int,
    pool: Sequence[int] = (),
    labels: int = 4,
    classes: Classes | None = None,
) -> Genome:
    """A legal genome: every gene uniform in its range, then repaired.

    `pool`: the codes to draw classes from (default: all). `labels`: labels are drawn
    from 1 to this, so fewer mean more sharing.
    """
    classes = classes or published()
    codes = list(pool or classes)
    drawn = []
    for _ in range(length):
        code = random.choice(codes)
        last = _last_strategy(code, classes)
        drawn.append(
            (
                code,
                random.randint(1, labels),
                random.choice((NONE, 2)),
                random.randint(1, labels),
                random.randint(NONE, last),
            )
        )
    return repair(tuple(drawn), random, classes).genome


def _last_strategy(code: int, classes: Classes) -> int:
    return last_feature_strategy(classes[code].groups)


def _range(
    gene: int, code: int, genome: Genome, classes: Classes, pool: Sequence[int]
) -> Sequence[int]:
    """What a gene may be, whatever the other LIVs are."""
    if gene == 1:
        return list(pool or classes)
    if gene == 3:
        return list(WEIGHT_STRATEGIES)
    if gene == 5:
        return range(NONE, _last_strategy(code, classes) + 1)
    legal = {genes[gene - 1] for genes in genome if genes[gene - 1] >= 1}
    return sorted(legal | {1})


def _unused(livs: Sequence[Sequence[int]], gene: int) -> Iterator[int]:
    """Labels that no LIV has, smallest first."""
    used = {liv[gene - 1] for liv in livs}
    return (label for label in count(1) if label not in used)


def _genes(liv: Sequence[int]) -> Genes:
    code, label, strategy, group, borrows = liv
    return code, label, strategy, group, borrows
