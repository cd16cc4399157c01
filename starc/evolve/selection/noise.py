"""How far two trainings of one candidate differ that have another seed each."""

from collections.abc import Iterable
from math import fsum, sqrt

from starc.evolve.evaluation.repeats import AGAIN
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.rows import Row

FEWEST = 3
"""Repeated trainings before their noise says anything."""

Noise = tuple[float, ...]
"""Of each objective, in its unit; () and 0 where none is known."""


def noise(rows: Iterable[Row], spec: Spec) -> Noise:
    """The standard deviation of the difference between two trainings of a candidate,
    of each objective: the root of the mean squared difference of those that were
    trained twice. 0 of fewer than FEWEST, and of what needs no training."""
    measures = [row.outcome.measures for row in rows if row.outcome is not None]
    found = []
    for objective in spec.objectives:
        label = objective.label
        apart = [
            one[label] - one[label + AGAIN] for one in measures if label + AGAIN in one
        ]
        enough = len(apart) >= FEWEST
        mean = fsum(d * d for d in apart) / len(apart) if enough else 0.0
        found.append(sqrt(mean))
    return tuple(found)
