"""`variation = inherit`: on LIVs and on who shares, not on digits."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from starc.alphabet.around import AROUND
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.variation import changes
from starc.evolve.variation.operators import Proposal, Variation
from starc.evolve.variation.parts import (
    BORROWS,
    KINDS,
    Kind,
    Part,
    components,
    exchanged,
    inserted,
    motifs,
    parts_of,
    whole,
)
from starc.genome.strategies import NONE

UNIFORM = 0.5
"""Share of first members of which every LIV is drawn from all classes alike."""

SHARING, MOST_SHARING = 0.25, 0.5
"""Share of first members in which LIVs share, and up to which share of them."""

REGROUPING = 0.1
"""Changes of who shares, for each change of a class."""


BLOCKS = 0.5
"""Share of children that take a motif, where there are any."""


class Inheriting(Variation):
    """Legal by construction: repair has only parameters left that do not fit."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.motifs: dict[Candidate, int] = {}

    def learn(self, population: Sequence[Candidate]) -> None:
        self.motifs = motifs(population) if self.spec.blocks else {}

    # Sampling -------------------------------------------------------------------------

    def sample(self, random: Random) -> Proposal:
        """Half of them with every class as likely as the next; the rest spread.

        Those of the first half have nearly the same costs: of 24 LIVs of the paper's
        classes 11 or so keep all tokens, and hardly any has fewer than 5. Those of the
        second draw the shares of the token mixers first, so that some have none of one.
        Each has its own share of LIVs that share, many of them none.
        """
        low, high = self.spec.depth
        sharing = {kind: self._share(random) for kind in KINDS}
        parts: list[Part] = []
        codes = self._codes(random, random.randint(low, high))
        for position, code in enumerate(codes):
            parts.append(Part(code, self._parameters(code, random)))
            for kind in KINDS:
                if random.random() < sharing[kind]:
                    self._join(parts, position, kind, random)
        model = tuple((name, random.choice(words)) for name, words in self.spec.genes)
        return self._finished(whole(parts, model), "sample", (), (), random, True)

    def _codes(self, random: Random, count: int) -> list[int]:
        pool, classes = self.around.pool, self.around.classes
        if random.random() < UNIFORM:
            return random.choices(pool, k=count)
        by_token: dict[str, list[int]] = {}
        for code in pool:
            by_token.setdefault(classes[code].template.token, []).append(code)
        shares = [random.expovariate(1) for _ in by_token]  # uniform on the simplex
        drawn = random.choices(list(by_token.values()), shares, k=count)
        return [random.choice(codes) for codes in drawn]

    def _share(self, random: Random) -> float:
        return random.random() * MOST_SHARING if random.random() < SHARING else 0.0

    def _join(
        self, parts: list[Part], position: int, kind: Kind, random: Random
    ) -> int | None:
        """Shares with a LIV of its class: which, or None where there is none.

        At most `labels` groups of one kind.
        """
        part = parts[position]
        last = self._last_strategy(part.code)
        if kind == "features" and last == NONE:
            return None
        groups = {one.group(kind) for one in parts} - {None}
        others = [
            at
            for at, one in enumerate(parts)
            if at != position
            and one.code == part.code
            and (one.group(kind) is not None or len(groups) < self.spec.labels)
        ]
        if not others:
            return None
        at = random.choice(others)
        group = parts[at].group(kind)
        if group is None:
            group = object()
            parts[at] = parts[at].joined(kind, group)
        borrows = random.randint(BORROWS, last) if kind == "features" else BORROWS
        parts[position] = part.joined(kind, group, borrows)
        return at

    # Children -------------------------------------------------------------------------

    def child(
        self,
        first: tuple[int, Candidate],
        second: tuple[int, Candidate],
        random: Random,
    ) -> Proposal:
        """An exchange of LIVs between two parents, or a motif in one, then mutation."""
        (one, a), (other, b) = first, second
        parts, done = parts_of(a, one), list[changes.Change]()
        parents: tuple[int, ...] = (one,)
        model = dict(a.model)
        if motif := self._motif(len(parts), random):
            parts, at = inserted(parts, motif, random)
            done.append(changes.block(at, len(motif.genome), self.motifs[motif]))
        elif self.spec.crossover and one != other:
            mixed, came = exchanged(
                parts, parts_of(b, other), self.spec.crossover, random
            )
            low, high = self.spec.depth
            if 0 < len(came) < len(mixed) and low <= len(mixed) <= high:
                parts, parents = mixed, (one, other)
                done.append(changes.exchanged(came))
                model = self._model_of(a, b, random)
        self._mutate_parts(parts, done, random)
        self._mutate_model(model, done, random)
        origin = "crossover" if len(parents) > 1 else "mutation"
        candidate = whole(parts, self._kept(model))
        return self._finished(candidate, origin, parents, tuple(done), random)

    def _motif(self, longest: int, random: Random) -> Candidate | None:
        """One that fits, the more likely the more candidates have it."""
        fitting = [one for one in self.motifs if len(one.genome) <= longest]
        if not fitting or random.random() >= BLOCKS:
            return None
        (found,) = random.choices(fitting, [self.motifs[one] for one in fitting])
        return found

    def again(self, child: Proposal, random: Random) -> Proposal:
        candidate, done = child.candidate, list(child.changes)
        parts, model = parts_of(candidate), dict(candidate.model)
        self._mutate_parts(parts, done, random)
        self._mutate_model(model, done, random)
        return self._after(child, whole(parts, self._kept(model)), done, random)

    def _mutate_parts(
        self, parts: list[Part], done: list[changes.Change], random: Random
    ) -> None:
        """In place. What shares changes its class together, and parameters too."""
        rate = self.spec.mutation
        roots = components(parts)
        for root in sorted(set(roots)):
            members = [at for at, its in enumerate(roots) if its == root]
            if random.random() < rate:
                self._mutate_class(parts, members, done, random)
            else:
                self._mutate_parameters(parts, members, done, random)
        for position in range(len(parts)):
            for kind in KINDS:
                if random.random() < rate * REGROUPING:
                    self._mutate_sharing(parts, position, kind, done, random)
        self._mutate_parts_depth(parts, done, random)

    def _mutate_class(
        self,
        parts: list[Part],
        members: list[int],
        done: list[changes.Change],
        random: Random,
    ) -> None:
        old = parts[members[0]].code
        others = [code for code in self.around.pool if code != old]
        if not others:
            return
        new = random.choice(others)
        last, given = self._last_strategy(new), self._parameters(new, random)
        for at in members:
            part = Part(new, given, parts[at].weights)
            if parts[at].features is not None and last > NONE:
                borrows = min(parts[at].borrows, last)
                part = part.joined("features", parts[at].features, borrows)
            parts[at] = part
            done.append(changes.gene("mutation", at, 1, old, new, self.around.classes))

    def _mutate_parameters(
        self,
        parts: list[Part],
        members: list[int],
        done: list[changes.Change],
        random: Random,
    ) -> None:
        opened = self.opened.get(parts[members[0]].code, {})
        for name, values in sorted(opened.items()):
            if random.random() >= self.spec.mutation:
                continue
            old = dict(parts[members[0]].parameters).get(name)
            others = [value for value in values if value != old]
            if not others:
                continue
            new = random.choice(others)
            for at in [random.choice(members)] if name in AROUND else members:
                given = dict(parts[at].parameters) | {name: new}
                parts[at] = replace(parts[at], parameters=tuple(sorted(given.items())))
                done.append(changes.parameter("mutation", at, name, old, new))

    def _mutate_sharing(
        self,
        parts: list[Part],
        position: int,
        kind: Kind,
        done: list[changes.Change],
        random: Random,
    ) -> None:
        """Who shares does so no more, who does not joins another of its class."""
        if parts[position].group(kind) is not None:
            parts[position] = parts[position].joined(kind, None)
            done.append(changes.sharing(position, kind, None))
            return
        other = self._join(parts, position, kind, random)
        if other is not None:
            done.append(changes.sharing(position, kind, other))

    def _mutate_parts_depth(
        self, parts: list[Part], done: list[changes.Change], random: Random
    ) -> None:
        low, high = self.spec.depth
        if low == high or random.random() >= self.spec.mutation:
            return
        if len(parts) < high and (len(parts) == low or random.random() < 0.5):
            at = random.randint(0, len(parts))
            code = random.choice(self.around.pool)
            parts.insert(at, Part(code, self._parameters(code, random)))
            done.append(changes.inserted(at, self.around.classes[code].name))
        elif len(parts) > low:
            at = random.randrange(len(parts))
            name = self.around.classes[parts.pop(at).code].name
            done.append(changes.deleted(at, name))
