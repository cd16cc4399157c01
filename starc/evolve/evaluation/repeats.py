"""`trainer = real(repeat = 8)`: one candidate in so many is trained twice.

The second training has another seed, of weights and windows. What it says stands beside
the first among the measures, and counts for nothing but the noise of the measure
(selection/noise.py). Who is repeated is told by the candidate's key, so that it depends
on nothing else, and the search's own choices do not depend on it.
"""

from starc.evolve.evaluation.rungs import is_last
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec

AGAIN = "_again"
"""At the end of the label of what a second training says."""


def repeated(candidate: Candidate, spec: Spec, rung: int) -> bool:
    """Whether the candidate is trained twice; only to the end, after the last rung."""
    every = spec.trainer.repeat
    if not every or not is_last(spec, rung):
        return False
    return int(candidate.key()[:16], 16) % every == 0


def labelled(measures: dict[str, float]) -> dict[str, float]:
    return {f"{name}{AGAIN}": value for name, value in measures.items()}
