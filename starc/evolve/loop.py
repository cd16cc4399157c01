"""The loop: propose, measure, select; every step is in the database before the next.

All that is decided follows from the spec and from what the database holds. So a run
that was killed goes on as if it had not been, and neither the number of workers nor the
order in which they finish makes a difference.
"""

import os
import time
from collections.abc import Iterable, Sequence

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.pipeline import DISK
from starc.evolve.problem import sound
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.halving import promoted
from starc.evolve.selection.noise import Noise, noise
from starc.evolve.selection.ranking import Scored, front, score
from starc.evolve.selection.statistics import hypervolume_of, statistics_of
from starc.evolve.selection.survival import parents, survivors
from starc.evolve.stop import Stop, Stopped
from starc.evolve.storage.database import CANDIDATES, Database
from starc.evolve.storage.errors import RunError, sqlite_errors
from starc.evolve.storage.rows import Generation, Row
from starc.evolve.surrogate.surrogate import NEWEST, Surrogate
from starc.evolve.variation.proposer import Proposer
from starc.evolve.views.watch import Watch
from starc.evolve.workers.local import Workers

MOST_EMPTY = 3
"""Generations in a row without anything new: the search has seen all it can reach."""


def over(database: Database, spec: Spec, number: int, count: int) -> bool:
    """Whether there is to be no generation of this number, after `count` evaluations.

    All of it is in the database: a run that ended stays so, however it is resumed.
    """
    if database.proposal(number) is not None:
        return False  # it is under way
    if number - 1 - database.last_birth() >= MOST_EMPTY:
        return True
    if spec.generations and number >= spec.generations:
        return True
    if spec.evaluations and count >= spec.evaluations:
        return True
    return not (spec.generations or spec.evaluations or spec.minutes)


class Search:
    """One run, from wherever its database stands. Its coordinator has the lock."""

    def __init__(
        self,
        database: Database,
        workers: Workers,
        stop: Stop,
        watch: Watch,
    ) -> None:
        self.database, self.workers = database, workers
        self.stop, self.watch = stop, watch
        self.spec: Spec = database.spec()
        self.rows: dict[int, Row] = {}  # of population, front and this generation
        self.scored: dict[int, Scored] = {}
        self.last = database.last_generation()
        self.proposer = Proposer(self.spec, *database.seen())
        self.surrogate: Surrogate | None = None
        if self.spec.foresees:
            self.surrogate = Surrogate(self.spec)
        self.count = database.evaluations()
        self._waited = 0.0
        self._began = self._clocked = time.monotonic()
        self._load([*self._population, *(self.last.front if self.last else ())])
        self._check(self.rows.values())

    def run(self) -> str:
        """Goes on to the end: "finished", "interrupted" or "out of time"."""
        self.watch.begins(self.spec, self.count, self.last)
        state = "finished"
        try:
            while not self._over(self._number):
                self.stop.check()
                rows = self._proposed(self._number)
                self._measure(self._number, rows)
                self._finish(self._number)
        except Stopped as stopped:
            state = stopped.why
        finally:
            self._clock()
        self.watch.ends(state)
        return state

    @property
    def _number(self) -> int:
        """Of the generation that is not finished yet."""
        return self.last.number + 1 if self.last else 0

    @property
    def _population(self) -> tuple[int, ...]:
        return self.last.population if self.last else ()

    def _over(self, number: int) -> bool:
        return over(self.database, self.spec, number, self.count)

    # Proposing ----------------------------------------------------------------------

    def _proposed(self, number: int) -> list[Row]:
        known = self.database.proposal(number) is not None
        if not known:
            want = self.spec.population
            if self.spec.evaluations:
                want = min(want, self.spec.evaluations - self.count)
            population = [self.scored[id] for id in self._population]
            ranked = parents(self.spec, population, self._noise())
            rows, statistics = self.proposer.propose(
                number,
                self.database.count() + 1,
                want,
                ranked,
                self._candidates(),
                self._learned(),
            )
            self.database.propose(number, rows, statistics)
            self.count += sum(row.outcome is None for row in rows)
        rows = self.database.candidates("WHERE c.generation = ?", number)
        if known:
            self._check(rows)
        self._load([], rows)
        return rows

    def _learned(self) -> Surrogate | None:
        """The surrogate, as it knows it by now; None where that says nothing."""
        if self.surrogate is None or self.last is None:
            return None
        front = [self.scored[id].values for id in self.last.front]
        reference = self.last.statistics["reference"]
        learned = self.surrogate.learn(self._measured(), front, reference)
        return self.surrogate if learned else None

    def _measured(self) -> list[Row]:
        """The newest that were measured to the end."""
        return self.database.measured(len(self.spec.trainer.rungs) - 1, NEWEST)

    def _noise(self) -> Noise:
        """Of the objectives, as far as it is known by now."""
        return noise(self._measured(), self.spec) if self.spec.trainer.repeat else ()

    def _candidates(self) -> dict[int, Candidate]:
        return {id: row.candidate for id, row in self.rows.items()}

    # Measuring ----------------------------------------------------------------------

    def _measure(self, number: int, rows: Sequence[Row]) -> None:
        """All rungs of one generation; what is in the database is not done again."""
        alive = [row for row in rows if row.legal]
        last = len(self.spec.trainer.rungs) - 1
        for rung in range(last + 1):
            done = self.database.rung(rung, number)
            todo = [row for row in alive if row.id not in done]
            if todo:
                self.watch.generation(number, [row.id for row in todo], rung)
                done |= self._outcomes(todo, rung)
            if rung < last:
                earlier: dict[int, Outcome] = {}
                if self.spec.trainer.rivals == "all":
                    earlier = self.database.rung(rung, number, before=True)
                going, stopped = promoted(alive, done, rung, self.spec, earlier)
                if stopped:
                    self.database.stop(stopped)
                alive = [row for row in alive if row.id in going]

    def _outcomes(self, todo: Sequence[Row], rung: int) -> dict[int, Outcome]:
        for row in todo:
            parents = row.parents if self.spec.trainer.inherit else ()
            self.workers.submit(row.id, row.candidate, rung, parents)
        found: dict[int, Outcome] = {}
        completed = self.workers.completed()
        while len(found) < len(todo):
            began = time.monotonic()
            with self.stop.waiting():
                id, outcome = next(completed)
            self._waited += time.monotonic() - began
            if outcome.status == "stopped":
                raise Stopped("interrupted")
            for reason in map(os.strerror, DISK):
                if outcome.status == "failed" and reason in outcome.reason:
                    where = self.database.path.parent / CANDIDATES / str(id)
                    named = str(where.resolve()) in outcome.reason  # file and all
                    said = outcome.reason if named else f"{where}: {outcome.reason}"
                    raise RunError(f"{said}; --resume goes on where it stopped")
            self.database.record(id, rung, outcome)
            found[id] = outcome
            self.watch.measured(id, rung, outcome)
            self.stop.check()
        return found

    # Selecting ----------------------------------------------------------------------

    def _finish(self, number: int) -> None:
        children = self.database.candidates("WHERE c.generation = ?", number)
        self._load([], children)
        before = [self.scored[id] for id in self._population]
        born = [self.scored[row.id] for row in children]
        ties = self._noise()
        ranked = survivors(self.spec, before, born, self._candidates(), ties)
        old_front = [self.scored[id] for id in (self.last.front if self.last else ())]
        best = front([*old_front, *born])
        statistics = statistics_of(
            self.spec,
            self.last,
            self.database.proposal(number) or {},
            children,
            born,
            [self.scored[one.id] for one in ranked],
            ties,
        )
        generation = Generation(
            number,
            tuple(one.id for one in ranked),
            tuple(one.id for one in best),
            hypervolume_of(self.spec, best, statistics),
            statistics,
        )
        self.database.finish(generation)
        self.last = generation
        if self._over(number + 1):
            self.database.set_meta(state="finished")
        self._forget()
        self._clock()
        self.watch.finished(generation)

    def _load(self, ids: Sequence[int], rows: Sequence[Row] = ()) -> None:
        for row in [*rows, *self.database.with_ids(set(ids) - self.rows.keys())]:
            self.rows[row.id] = row
            outcome = row.outcome or Outcome("failed", "not measured")
            self.scored[row.id] = score(row.id, row.rung or 0, outcome, self.spec)

    def _check(self, rows: Iterable[Row]) -> None:
        """RunError unless the loop can go on from what the database holds."""
        with sqlite_errors(self.database.path):
            for name, candidate in self.spec.seeds:
                sound.check_candidate(candidate, self.spec, f"seed {name!r}", True)
            for row in rows:
                at = f"candidate {row.id}"
                sound.check_candidate(row.candidate, self.spec, at, row.legal)
            if self.last is not None:
                sound.check_statistics(self.last.statistics, self.spec)

    def _forget(self) -> None:
        """Keeps what the next generation can need, however long the run is."""
        assert self.last is not None
        kept = {*self.last.population, *self.last.front}
        self.rows = {id: row for id, row in self.rows.items() if id in kept}
        self.scored = {id: one for id, one in self.scored.items() if id in kept}

    def _clock(self) -> None:
        """Elapsed time counts against the minutes; the engine's own is reported."""
        now = time.monotonic()
        elapsed = now - self._clocked
        self.database.clocked("elapsed", elapsed)
        self.database.clocked("engine", max(0.0, elapsed - self._waited))
        self._clocked, self._waited = now, 0.0
