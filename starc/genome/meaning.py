"""What a genome means once its labels are followed: who shares what with whom."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starc.genome.strategies import ALL_WEIGHTS, NONE
from starc.genome.text import Genes, Genome


class LivMeaning(NamedTuple):
    """One LIV. Owners are positions in depth from 0; -1: it has what is its own.

    The first member of a group owns. `borrows` is gene 5 where features are borrowed,
    else 1; an owner's own strategy says only that it is a member.
    """

    code: int
    weights_from: int = -1
    features_from: int = -1
    borrows: int = NONE


def meaning(genome: Genome) -> tuple[LivMeaning, ...]:
    """Two legal genomes are one architecture exactly if their meanings are equal."""
    weight_owners: dict[int, int] = {}
    feature_owners: dict[int, int] = {}
    found = []
    for position, (code, label, strategy, group, borrows) in enumerate(genome):
        weights = features = -1
        if strategy != NONE:
            owner = weight_owners.setdefault(label, position)
            weights = owner if owner != position else -1
        if borrows != NONE:
            owner = feature_owners.setdefault(group, position)
            features = owner if owner != position else -1
        kept = borrows if features >= 0 else NONE
        found.append(LivMeaning(code, weights, features, kept))
    return tuple(found)


def spell(
    livs: Sequence[LivMeaning], given: Mapping[int, Genes] | None = None
) -> Genome:
    """A genome of this meaning: groups are numbered by first use, silent genes are 1.

    Owners have strategy 2. `given`: LIVs whose genes are kept as they are; their labels
    are then also those of the LIVs they share with, and no other group takes them.
    """
    given = given or {}
    weights = _labels([liv.weights_from for liv in livs], given, 1)
    features = _labels([liv.features_from for liv in livs], given, 3)
    found: list[Genes] = []
    for position, liv in enumerate(livs):
        if position in given:
            found.append(given[position])
            continue
        label, group = weights.get(position, 0), features.get(position, 0)
        borrows = liv.borrows if liv.features_from >= 0 else 2
        found.append(
            (
                liv.code,
                label or 1,
                ALL_WEIGHTS if label else NONE,
                group or 1,
                borrows if group else NONE,
            )
        )
    return tuple(found)


def _labels(
    owners: Sequence[int], given: Mapping[int, Genes], gene: int
) -> dict[int, int]:
    """The label of each LIV that shares; group k is k if nothing else is said."""
    groups: dict[int, list[int]] = {}
    for position, owner in enumerate(owners):
        if owner >= 0:
            groups.setdefault(owner, [owner]).append(position)
    taken = {genes[gene] for genes in given.values() if genes[gene + 1] != NONE}
    labels: dict[int, int] = {}
    for number, owner in enumerate(sorted(groups), start=1):
        members = groups[owner]
        label = next((given[m][gene] for m in members if m in given), 0)
        if not label:
            label = number
            while label in taken:
                label += 1
            taken.add(label)
        for member in members:
            labels[member] = label
    return labels


def canonical(genome: Genome) -> Genome:
    """The one spelling of the architecture that this legal genome describes."""
    return spell(meaning(genome))
