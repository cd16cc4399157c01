"""Other spellings of one architecture, built from its meaning alone."""

from collections.abc import Sequence
from itertools import count
from random import Random

from starc.genome import Genome, LivMeaning, published
from starc.genome.strategies import last_feature_strategy


def silently_changed(
    genome: Genome, livs: Sequence[LivMeaning], random: Random
) -> Genome:
    """A genome that differs from `genome` in genes that change nothing, and only there.

    Labels are given anew; a LIV that shares nothing gets a label that everybody may
    have, or is a group of one; owners get any strategy but 1.
    """
    weights = [liv.weights_from for liv in livs]
    features = [liv.features_from for liv in livs]
    first = _labels(weights, random)
    second = _labels(features, random)
    found = []
    for position, (genes, liv) in enumerate(zip(genome, livs, strict=True)):
        last = last_feature_strategy(published()[genes[0]].groups)
        label, weight_strategy = first[position]
        group, member = second[position]
        if liv.features_from >= 0:
            borrows = liv.borrows
        else:
            borrows = random.randint(2, last) if member == 2 else 1
        found.append((genes[0], label, weight_strategy, group, borrows))
    return tuple(found)


def _labels(owners: Sequence[int], random: Random) -> list[tuple[int, int]]:
    """(label, 1 or 2) of each LIV, given the owner of each follower (-1 elsewhere)."""
    fresh = iter(random.sample(range(1, 4 * len(owners) + 2), 2 * len(owners)))
    of_owner = {owner: next(fresh) for owner in owners if owner >= 0}
    found = []
    for position, owner in enumerate(owners):
        if owner >= 0:
            found.append((of_owner[owner], 2))
        elif position in of_owner:
            found.append((of_owner[position], 2))
        elif random.random() < 0.5:
            found.append((random.choice([*of_owner.values(), 1, 77]), 1))
        else:
            found.append((next(fresh), 2))
    return found


def brute_force(genome: Genome) -> list[tuple[int, int, int, int]]:
    """(class, owner of weights, owner of features, strategy), by searching."""

    def owner(position: int, gene: int) -> int:
        label, strategy = genome[position][gene - 1], genome[position][gene]
        for other in count():
            same = genome[other][gene - 1] == label and genome[other][gene] != 1
            if strategy == 1 or other == position:
                return -1
            if same:
                return other
        raise AssertionError

    found = []
    for position, genes in enumerate(genome):
        features = owner(position, 4)
        borrows = genes[4] if features >= 0 else 1
        found.append((genes[0], owner(position, 2), features, borrows))
    return found
