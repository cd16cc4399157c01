"""A new generation: first members or children, none of which was seen before."""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from starc import passes
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.architecture import function, source, to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import Ranked, tournament
from starc.evolve.storage.rows import Row
from starc.evolve.surrogate.surrogate import Surrogate
from starc.evolve.variation.inheriting import Inheriting
from starc.evolve.variation.operators import Proposal, Variation
from starc.evolve.variation.random_streams import stream
from starc.ir.nodes import Written

ATTEMPTS = 20
"""Draws for one place in a generation before it stays empty: all were known."""

OFFERED = 8
"""Children that a surrogate looks at for each that is measured."""


class _Child(NamedTuple):
    """function, written: of a legal one that is new."""

    proposal: Proposal
    key: str
    function: str = ""
    written: Written | None = None


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
        OFFERED times as many.
        """
        counted: Counter[str] = Counter()
        repaired: Counter[str] = Counter()
        places = range(count if surrogate is None else count * OFFERED)
        attempts = ATTEMPTS if surrogate is None else 1
        children: list[_Child] = []
        keys, functions = set(self.keys), set(self.functions)
        for place in places:
            for proposal in self._tries(
                generation, place, attempts, ranked, candidates
            ):
                counted["tried"] += 1
                counted["invalid"] += not proposal.valid_before_repair
                for change in proposal.changes:
                    if change["by"] == "repair":
                        what = change.get("gene") or change["parameter"]
                        repaired[f"gene {what}" if "gene" in change else what] += 1
                child = self._child(proposal, keys)
                if child.key in keys:
                    counted["seen as genome"] += 1
                elif child.function in functions:
                    counted["seen as function"] += 1
                else:
                    keys.add(child.key)
                    functions |= {child.function} - {""}
                    children.append(child)
                    break
            else:
                counted["places left empty"] += 1
        statistics = {**counted, "repaired": dict(sorted(repaired.items()))}
        if surrogate is not None:
            children, statistics["surrogate"] = _chosen(
                children, surrogate, first_id, count
            )
        for child in children:
            self.keys.add(child.key)
            self.functions |= {child.function} - {""}
        rows = [
            self._row(child, generation, id)
            for id, child in enumerate(children, first_id)
        ]
        return rows, statistics

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

    def _child(self, proposal: Proposal, known: set[str]) -> _Child:
        """What tells it from others; of one whose key is known no more than that."""
        candidate = proposal.candidate
        if proposal.illegal:
            # An illegal genome may have the key of a legal one: what it says is silent.
            text = candidate.to_json()
            return _Child(proposal, f"illegal:{sha256(text.encode()).hexdigest()}")
        key = candidate.key()
        if key in known:
            return _Child(proposal, key)
        written = to_ir(candidate, self.spec)
        return _Child(proposal, key, function(written), written)

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


def _chosen(
    children: Sequence[_Child], surrogate: Surrogate, first_id: int, count: int
) -> tuple[list[_Child], dict[str, Any]]:
    """Those that the surrogate chooses, and what it says of them, by the ids to be."""
    legal = [child for child in children if child.written is not None]
    models = [passes.run(child.written) for child in legal if child.written]
    choices = surrogate.choose(models, count)
    said = {
        str(id): {
            label: [choice.means[label], choice.deviations[label]]
            for label in choice.means
        }
        for id, choice in enumerate(choices, first_id)
    }
    return [legal[choice.at] for choice in choices], {
        "offered": len(legal),
        "predicted": said,
    }
