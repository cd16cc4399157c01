"""Variation that keeps what it inherits: on LIVs and who shares, not on labels.

The published operators work on digits. Most of those that say who shares are silent, so
crossover brings labels that mean something else beside the other parent's, and repair
draws again what it finds. Here a candidate is a list of LIVs and of groups that share;
every child is made of those, so that its genome is legal without repair.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from starc.alphabet.around import AROUND
from starc.evolve.problem.candidate import Candidate, Parameters
from starc.genome import LivMeaning, meaning
from starc.genome.meaning import spell
from starc.genome.strategies import NONE

Kind = Literal["weights", "features"]
KINDS: tuple[Kind, Kind] = ("weights", "features")
BORROWS = 2
"""The strategy of a LIV that owns, should it become a follower: all that can be."""


@dataclass(frozen=True)
class Part:
    """A LIV of a candidate. weights, features: its groups, any label; None: alone.

    borrows: what it takes over of its feature group, unless it is the group's first.
    """

    code: int
    parameters: Parameters = ()
    weights: object = None
    features: object = None
    borrows: int = NONE

    def group(self, kind: Kind) -> object:
        return self.weights if kind == "weights" else self.features

    def joined(self, kind: Kind, group: object, borrows: int = BORROWS) -> "Part":
        """In this group, or with None in none."""
        if kind == "weights":
            return replace(self, weights=group)
        return replace(self, features=group, borrows=NONE if group is None else borrows)


def parts_of(candidate: Candidate, parent: object = 0) -> list[Part]:
    """What a legal candidate is made of. `parent` tells its groups from another's."""
    found = meaning(candidate.genome)
    owners = {
        kind: {getattr(liv, f"{kind}_from") for liv in found} - {-1} for kind in KINDS
    }
    parts = []
    for position, liv in enumerate(found):
        part = Part(liv.code, candidate.of_liv(position))
        for kind in KINDS:
            owner = getattr(liv, f"{kind}_from")
            if owner < 0 and position in owners[kind]:
                part = part.joined(kind, (parent, kind, position))
            elif owner >= 0:
                part = part.joined(kind, (parent, kind, owner), liv.borrows)
        parts.append(part)
    return parts


def whole(parts: Sequence[Part], model: Parameters) -> Candidate:
    """The candidate of these parts, whose members of a group are of one class.

    Who shares has the parameters of the first it shares with, those apart that stand
    around a LIV.
    """
    first: dict[object, int] = {}
    livs, given = [], []
    for position, part in enumerate(parts):
        owners = {}
        for kind in KINDS:
            group = part.group(kind)
            owner = position if group is None else first.setdefault(group, position)
            owners[kind] = owner if owner != position else -1
        borrows = part.borrows if owners["features"] >= 0 else NONE
        livs.append(
            LivMeaning(part.code, owners["weights"], owners["features"], borrows)
        )
    roots = components(parts)
    for part, root in zip(parts, roots, strict=True):
        own = tuple(pair for pair in part.parameters if pair[0] in AROUND)
        owned = tuple(p for p in parts[root].parameters if p[0] not in AROUND)
        given.append(tuple(sorted((*owned, *own))))
    return Candidate(spell(livs), tuple(given) if any(given) else (), model)


def components(parts: Sequence[Part]) -> list[int]:
    """For each LIV the first of all that it shares with, directly or by others."""
    root = list(range(len(parts)))

    def find(position: int) -> int:
        while root[position] != position:
            position = root[position]
        return position

    for kind in KINDS:
        first: dict[object, int] = {}
        for position, part in enumerate(parts):
            group = part.group(kind)
            if group is not None:
                owner = find(first.setdefault(group, position))
                here = find(position)
                root[max(owner, here)] = min(owner, here)
    return [find(position) for position in range(len(parts))]


# Crossover ----------------------------------------------------------------------------

LONGEST = 4
"""LIVs of a motif; the shortest has two."""


def motifs(candidates: Sequence[Candidate]) -> dict[Candidate, int]:
    """Runs of LIVs that several candidates have, with what is shared within them, and
    in how many."""
    found: Counter[Candidate] = Counter()
    for candidate in candidates:
        parts = parts_of(candidate)
        found.update(
            {
                whole(parts[at : at + length], ())
                for length in range(2, LONGEST + 1)
                for at in range(len(parts) - length + 1)
            }
        )
    several = {motif: count for motif, count in found.items() if count > 1}
    return dict(sorted(several.items(), key=lambda one: one[0].to_json()))


def inserted(
    parts: Sequence[Part], motif: Candidate, random: Random
) -> tuple[list[Part], int]:
    """The motif in the place of as many LIVs, and where; shared with none outside."""
    block = parts_of(motif, object())
    at = random.randint(0, len(parts) - len(block))
    return [*parts[:at], *block, *parts[at + len(block) :]], at


def exchanged(
    a: Sequence[Part], b: Sequence[Part], cuts: int, random: Random
) -> tuple[list[Part], list[int]]:
    """A child of both, and which of its LIVs came from the second.

    The parents are cut at `cuts` places, where lengths differ at the same share of
    each, and taken in turn. A group comes whole or not at all: as most of it would, in
    random order; what an earlier one has decided stays, and of a group that loses
    members there the others go on sharing.
    """
    short = min(len(a), len(b))
    places = {*random.sample(range(1, short), min(cuts, short - 1))}
    second, here = [], random.random() < 0.5
    for block in range(short):
        here ^= block in places
        second.append(here)
    ends = [[at * len(one) // short for at in range(short + 1)] for one in (a, b)]
    groups: dict[object, list[int]] = {}
    for which, one in enumerate((a, b)):
        of_block = [
            block
            for block in range(short)
            for _ in range(ends[which][block], ends[which][block + 1])
        ]
        for block, part in zip(of_block, one, strict=True):
            for kind in KINDS:
                if (group := part.group(kind)) is not None:
                    groups.setdefault(group, []).append(block)
    order, decided = list(groups.values()), set[int]()
    random.shuffle(order)
    for blocks in order:
        most = sum(second[block] for block in blocks) * 2 > len(blocks)
        for block in set(blocks) - decided:
            second[block] = most
        decided |= set(blocks)
    child: list[Part] = []
    came: list[bool] = []
    for block, from_second in enumerate(second):
        one, at = (b, ends[1]) if from_second else (a, ends[0])
        taken = one[at[block] : at[block + 1]]
        came += [from_second] * len(taken)
        child += taken
    return child, [position for position, it in enumerate(came) if it]
