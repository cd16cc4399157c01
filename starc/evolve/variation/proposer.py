"""A new generation: first members or children, none of which was seen before."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

from starc import passes
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.architecture import function, source, to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import Ranked, tournament
from starc.evolve.storage.rows import Row
from starc.evolve.surrogate.surrogate import Seen, Surrogate
from starc.evolve.variation.inheriting import Inheriting
from starc.evolve.variation.operators import Proposal, Variation
from starc.evolve.variation.random_streams import stream
from starc.ir.nodes import Written

ATTEMPTS = 20
"""Draws for one place in a generation before it stays empty: all were known."""


OFFERED = 8
"""Children that a surrogate looks at in each round, for each that is measured."""

ROUNDS = 4
"""Rounds: from the second on, the most promising of all before are changed once more.
Of 8 in 4 rounds the model sees 32 children for each that is measured; 10 rounds found
no more."""


class _Child(NamedTuple):
    """A new one. written: of a legal one, before any pass."""

    proposal: Proposal
    key: str
    written: Written | None
    function: str = ""


def variation_of(spec: Spec) -> Variation:
    """The operators that the search asks for."""
    return Inheriting(spec) if spec.variation == "inherit" else Variation(spec)


class Proposer:
    """Knows every candidate so far by its key, and by the function it computes."""

    def __init__(self, spec: Spec, keys: set[str], functions: set[str]) -> None:
        self.spec = spec
        self.variation = variation_of(spec)
        self.keys, self.functions = keys, functions

    def propose(
        self,
        generation: int,
        first_id: int,
        count: int,
        ranked: Sequence[Ranked],
        candidates: dict[int, Candidate],
        surrogate: Surrogate | None = None,
    ) -> tuple[list[Row], dict[str, Any]]:
        """At most `count` new candidates, and what was counted on the way.

        `ranked`: the population that they come from, with its `candidates`; empty:
        they are first members. `surrogate`: one that has learned chooses them among
        many more.
        """
        counted = _Counted()
        said: dict[str, Any] = {}
        self.variation.learn([candidates[one.id] for one in ranked])
        if surrogate is None:
            tries = (
                self._tries(generation, place, ATTEMPTS, ranked, candidates)
                for place in range(count)
            )
            found = (self._first_new(place, counted) for place in tries)
            children = [child for child in found if child is not None]
        else:
            children, said = self._chosen(
                generation, first_id, count, ranked, candidates, surrogate, counted
            )
        rows = [
            self._row(child, generation, id)
            for id, child in enumerate(children, first_id)
        ]
        return rows, counted.statistics() | said

    def _tries(
        self,
        generation: int,
        place: int,
        attempts: int,
        ranked: Sequence[Ranked],
        candidates: dict[int, Candidate],
    ) -> Iterator[Proposal]:
        named = self.spec.seeds
        if generation == 0 and place < len(named):
            yield self.variation.seed(*named[place])
        for attempt in range(attempts):
            random = stream(self.spec.seed, "propose", generation, place, attempt)
            if not ranked or self.spec.algorithm == "random":
                yield self.variation.sample(random)
                continue
            size = 1 if self.spec.algorithm == "map_elites" else self.spec.tournament
            one, two = (tournament(ranked, size, random).id for _ in range(2))
            yield self.variation.child(
                (one, candidates[one]), (two, candidates[two]), random
            )

    # New ones -------------------------------------------------------------------------

    def _first_new(
        self, proposals: Iterable[Proposal], counted: "_Counted"
    ) -> _Child | None:
        """The first that was never seen, and is known from now on."""
        for proposal in proposals:
            child = self._unlike(proposal, self.keys, counted)
            if child is not None and (child := self._taken(child, counted)):
                return child
        counted.what["places left empty"] += 1
        return None

    def _unlike(
        self, proposal: Proposal, known: set[str], counted: "_Counted"
    ) -> _Child | None:
        """What tells it from others; None where its genome is one of the known."""
        counted.tried(proposal)
        candidate = proposal.candidate
        if proposal.illegal:
            # An illegal genome may have the key of a legal one: what it says is silent.
            text = candidate.to_json()
            key = f"illegal:{sha256(text.encode()).hexdigest()}"
        else:
            key = candidate.key()
        if key in known:
            counted.what["seen as genome"] += 1
            return None
        written = None if proposal.illegal else to_ir(candidate, self.spec)
        return _Child(proposal, key, written)

    def _taken(self, child: _Child, counted: "_Counted") -> _Child | None:
        """It is known from now on; None where what it computes was known before."""
        computes = "" if child.written is None else function(child.written)
        if computes in self.functions:
            counted.what["seen as function"] += 1
            return None
        self.keys.add(child.key)
        self.functions |= {computes} - {""}
        return child._replace(function=computes)

    # Chosen ones ----------------------------------------------------------------------

    def _chosen(
        self,
        generation: int,
        first_id: int,
        count: int,
        ranked: Sequence[Ranked],
        candidates: dict[int, Candidate],
        surrogate: Surrogate,
        counted: "_Counted",
    ) -> tuple[list[_Child], dict[str, Any]]:
        """Those that the surrogate chooses, and what it says of them, by the ids to be.

        From the second round on, those that it would choose by now are changed once
        more: what is good about several changes shows when each alone is good.
        """
        known, children, seen = {*self.keys}, list[_Child](), list[Seen]()
        for turn in range(ROUNDS):
            best = islice(surrogate.choose(seen), count if turn else 0)
            promising = [children[choice.at] for choice in best]
            for place in range(count * OFFERED):
                if promising:
                    words = "again", generation, turn, place
                    random = stream(self.spec.seed, *words)
                    chosen = random.choice(promising).proposal
                    proposal = self.variation.again(chosen, random)
                else:
                    tries = self._tries(generation, place, 1, ranked, candidates)
                    proposal = next(tries)
                child = self._unlike(proposal, known, counted)
                if child is not None and child.written is not None:
                    known.add(child.key)
                    children.append(child)
                    seen.append(surrogate.look(passes.run(child.written)))
        taken, predicted = list[_Child](), {}
        for choice in surrogate.choose(seen):
            if len(taken) == count:
                break
            if child := self._taken(children[choice.at], counted):
                predicted[str(first_id + len(taken))] = {
                    label: [choice.means[label], choice.deviations[label]]
                    for label in choice.means
                }
                taken.append(child)
        counted.what["places left empty"] += count - len(taken)
        return taken, {"surrogate": {"offered": len(children), "predicted": predicted}}

    def _row(self, child: _Child, generation: int, id: int) -> Row:
        proposal, outcome = child.proposal, None
        if proposal.illegal:
            outcome = Outcome("invalid", f"is no legal genome: {proposal.illegal}")
        return Row(
            id,
            child.key,
            proposal.candidate,
            "" if outcome else source(proposal.candidate, self.spec),
            generation,
            proposal.origin,
            proposal.parents,
            proposal.changes,
            proposal.valid_before_repair,
            child.function,
            None if outcome is None else 0,
            outcome,
        )


class _Counted:
    """What was drawn for a generation, and what became of it."""

    def __init__(self) -> None:
        self.what: Counter[str] = Counter()
        self.repaired: Counter[str] = Counter()

    def tried(self, proposal: Proposal) -> None:
        self.what["tried"] += 1
        self.what["invalid"] += not proposal.valid_before_repair
        for change in proposal.changes:
            if change["by"] == "repair":
                kind = next(k for k in ("gene", "parameter", "model") if k in change)
                which = change[kind]
                self.repaired[f"gene {which}" if kind == "gene" else which] += 1

    def statistics(self) -> dict[str, Any]:
        return {**self.what, "repaired": dict(sorted(self.repaired.items()))}
