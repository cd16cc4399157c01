"""A new generation: first members or children, none of which was seen before."""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.architecture import function, source, to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import Ranked, tournament
from starc.evolve.storage.rows import Row
from starc.evolve.variation.inheriting import Inheriting
from starc.evolve.variation.operators import Proposal, Variation
from starc.evolve.variation.random_streams import stream

ATTEMPTS = 20
"""Draws for one place in a generation before it stays empty: all were known."""


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
    ) -> tuple[list[Row], dict[str, Any]]:
        """At most `count` new candidates, and what was counted on the way.

        `ranked`: the population that they come from, with its `candidates`; empty:
        they are first members.
        """
        counted: Counter[str] = Counter()
        repaired: Counter[str] = Counter()
        rows: list[Row] = []
        for place in range(count):
            for proposal in self._tries(generation, place, ranked, candidates):
                counted["tried"] += 1
                counted["invalid"] += not proposal.valid_before_repair
                for change in proposal.changes:
                    if change["by"] == "repair":
                        what = change.get("gene") or change["parameter"]
                        repaired[f"gene {what}" if "gene" in change else what] += 1
                row = self._row(proposal, generation, first_id + len(rows))
                if row.key in self.keys:
                    counted["seen as genome"] += 1
                elif row.function in self.functions:
                    counted["seen as function"] += 1
                else:
                    self._know(row)
                    rows.append(row)
                    break
            else:
                counted["places left empty"] += 1
        statistics = {**counted, "repaired": dict(sorted(repaired.items()))}
        return rows, statistics

    def _tries(
        self,
        generation: int,
        place: int,
        ranked: Sequence[Ranked],
        candidates: dict[int, Candidate],
    ) -> Iterator[Proposal]:
        named = self.spec.seeds
        if generation == 0 and place < len(named):
            yield self.variation.seed(*named[place])
        for attempt in range(ATTEMPTS):
            random = stream(self.spec.seed, "propose", generation, place, attempt)
            if not ranked or self.spec.algorithm == "random":
                yield self.variation.sample(random)
                continue
            size = 1 if self.spec.algorithm == "map_elites" else self.spec.tournament
            one, two = (tournament(ranked, size, random).id for _ in range(2))
            yield self.variation.child(
                (one, candidates[one]), (two, candidates[two]), random
            )

    def _row(self, proposal: Proposal, generation: int, id: int) -> Row:
        candidate = proposal.candidate
        outcome: Outcome | None = None
        if proposal.illegal:
            # An illegal genome may have the key of a legal one: what it says is silent.
            text = candidate.to_json()
            key = f"illegal:{sha256(text.encode()).hexdigest()}"
            written = computed = ""
            outcome = Outcome("invalid", f"is no legal genome: {proposal.illegal}")
        else:
            key = candidate.key()
            known = key in self.keys
            written = "" if known else source(candidate, self.spec)
            computed = "" if known else function(to_ir(candidate, self.spec))
        return Row(
            id,
            key,
            candidate,
            written,
            generation,
            proposal.origin,
            proposal.parents,
            proposal.changes,
            proposal.valid_before_repair,
            computed,
            None if outcome is None else 0,
            outcome,
        )

    def _know(self, row: Row) -> None:
        self.keys.add(row.key)
        if row.function:
            self.functions.add(row.function)
