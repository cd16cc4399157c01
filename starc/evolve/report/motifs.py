"""Recurring subsequences and sharing patterns of a set of architectures.

A motif is either some LIVs in a row, with the sharing among them (1 to 3: the first
lends its weights or features to the third), or one LIV that takes something from
another one any number of LIVs before it.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from starc.draw.picture import Arc
from starc.evolve.report.designs import Design

SHORTEST, LONGEST = 2, 4
"""LIVs in a row."""

Internal = tuple[tuple[int, int, str], ...]  # from, to (both from 0), what is taken


@dataclass(frozen=True)
class Motif:
    """`names`: of LIVs in a row with the sharing `inside`; or, where `taken` is given,
    of the two ends of an arc. `distance`: LIVs from one end to the other, 0: any.
    """

    names: tuple[str, ...]
    inside: Internal = ()
    taken: str = ""
    distance: int = 0

    def __str__(self) -> str:
        if self.taken:
            text = f"{self.names[0]} lends {self.taken} to {self.names[1]}"
            return f"{text}, {self.distance} on" if self.distance else text
        text = " · ".join(self.names)
        for source, target, taken in self.inside:
            text += f", {source + 1} lends {taken} to {target + 1}"
        return text

    @property
    def kind(self) -> str:
        if self.taken:
            return "sharing"
        return "sequence with sharing" if self.inside else "sequence"


@dataclass(frozen=True)
class Found:
    """How often a motif occurs, and in which designs how often."""

    motif: Motif
    occurrences: int
    members: tuple[Hashable, ...]


def occurring(design: Design) -> Counter[Motif]:
    """All motifs of one architecture, with the number of places."""
    return Counter([*_sequences(design), *_arcs(design)])


def _sequences(design: Design) -> Iterator[Motif]:
    names = design.names
    by_target: dict[int, list[Arc]] = {}
    for arc in design.arcs:
        by_target.setdefault(arc.target, []).append(arc)
    for start in range(len(names)):
        for length in range(SHORTEST, LONGEST + 1):
            if start + length > len(names):
                break
            row = names[start : start + length]
            yield Motif(row)
            inside = tuple(
                sorted(
                    (arc.source - start, arc.target - start, arc.taken)
                    for target in range(start, start + length)
                    for arc in by_target.get(target, ())
                    if start <= arc.source < start + length
                )
            )
            if inside:
                yield Motif(row, inside)


def _arcs(design: Design) -> Iterator[Motif]:
    for arc in design.arcs:
        ends = design.names[arc.source], design.names[arc.target]
        yield Motif(ends, taken=arc.taken)
        yield Motif(ends, taken=arc.taken, distance=arc.target - arc.source)


def motifs(designs: Mapping[Hashable, Design], fewest: int = 0) -> list[Found]:
    """Those in at least `fewest` designs (0: a tenth of them, at least two).

    A motif is left out where a longer one of its kind stands in the same designs just
    as often: then it never comes alone. Most designs first, then longest.
    """
    fewest = fewest or max(min(2, len(designs)), len(designs) // 10)
    count: Counter[Motif] = Counter()
    members: dict[Motif, list[Hashable]] = {}
    for id, design in designs.items():
        for motif, times in occurring(design).items():
            count[motif] += times
            members.setdefault(motif, []).append(id)
    kept = {
        motif: ids
        for motif, ids in members.items()
        if len(ids) >= fewest and count[motif] > 1
    }
    covered = {
        shorter
        for motif, ids in kept.items()
        for shorter in _within(motif)
        if shorter in kept
        and count[shorter] == count[motif]
        and len(kept[shorter]) == len(ids)
    }
    found = [
        Found(motif, count[motif], tuple(ids))
        for motif, ids in kept.items()
        if motif not in covered
    ]
    return sorted(
        found,
        key=lambda f: (
            -len(f.members),
            -f.occurrences,
            -len(f.motif.names),
            str(f.motif),
        ),
    )


def _within(motif: Motif) -> Iterator[Motif]:
    """What is certainly there wherever `motif` is."""
    if motif.taken:
        if motif.distance:
            yield Motif(motif.names, taken=motif.taken)
        return
    if motif.inside:
        yield Motif(motif.names)
    if len(motif.names) > SHORTEST:
        last = len(motif.names) - 1
        early = tuple(arc for arc in motif.inside if last not in arc[:2])
        late = tuple((a - 1, b - 1, t) for a, b, t in motif.inside if 0 not in (a, b))
        yield Motif(motif.names[:-1], early)
        yield Motif(motif.names[1:], late)


def having(designs: Mapping[Hashable, Design], motif: Motif) -> set[Hashable]:
    """The designs in which it occurs at all."""
    return {id for id, design in designs.items() if motif in occurring(design)}
