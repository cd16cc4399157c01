"""What a search tells whoever looks on."""

from collections.abc import Sequence

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.rows import Generation


class Watch:
    """Told of every step; this one looks away. Nothing here may raise."""

    def begins(self, spec: Spec, measured: int, last: Generation | None) -> None:
        """The run begins, or goes on after `measured` evaluations."""

    def generation(self, number: int, tasks: Sequence[int], rung: int) -> None:
        """These candidates are to be measured now."""

    def measured(self, candidate: int, rung: int, outcome: Outcome) -> None:
        """One evaluation is done."""

    def finished(self, generation: Generation) -> None:
        """A generation is finished."""
