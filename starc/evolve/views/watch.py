"""What a search tells whoever looks on."""

from collections.abc import Sequence

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.rows import Generation


class Watch:
    """Told of every step; this one looks away. Nothing here may raise, but RunError
    where a search cannot begin so."""

    def begins(self, spec: Spec, measured: int, last: Generation | None) -> None:
        """The run begins, or goes on after `measured` evaluations."""

    def generation(self, number: int, tasks: Sequence[int], rung: int) -> None:
        """These candidates are to be measured now."""

    def measured(self, candidate: int, rung: int, outcome: Outcome) -> None:
        """One evaluation is done."""

    def finished(self, generation: Generation) -> None:
        """A generation is finished."""

    def ends(self, state: str) -> None:
        """Nothing comes any more: finished, interrupted or out of time."""


class All(Watch):
    """Tells each of several."""

    def __init__(self, *watches: Watch) -> None:
        self.watches = watches

    def begins(self, spec: Spec, measured: int, last: Generation | None) -> None:
        for one in self.watches:
            one.begins(spec, measured, last)

    def generation(self, number: int, tasks: Sequence[int], rung: int) -> None:
        for one in self.watches:
            one.generation(number, tasks, rung)

    def measured(self, candidate: int, rung: int, outcome: Outcome) -> None:
        for one in self.watches:
            one.measured(candidate, rung, outcome)

    def finished(self, generation: Generation) -> None:
        for one in self.watches:
            one.finished(generation)

    def ends(self, state: str) -> None:
        for one in self.watches:
            one.ends(state)
