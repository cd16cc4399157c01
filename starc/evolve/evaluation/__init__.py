"""From a candidate to its measures: static costs, gates, training, timing.

`evaluate` is the whole; it never raises. Only what needs torch imports it.
"""

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.pipeline import evaluate

__all__ = ["Outcome", "evaluate"]
