"""Which of many children are measured: those that promise most hypervolume.

What it says follows from what the database holds, so that a run that is resumed asks
for the same children. It sees features of the IR and the measures of candidates that
were measured; what the text alone says of a child (parameters, cache) is computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starc.evolve.evaluation import static
from starc.evolve.problem.objectives import find
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import OUTSIDE, objectives, placed, violation
from starc.evolve.storage.rows import Row
from starc.evolve.surrogate.features import Features, features
from starc.evolve.surrogate.improvement import Point, batch
from starc.evolve.surrogate.regression import FEWEST, Columns, Regression
from starc.ir.nodes import Model

if TYPE_CHECKING:
    from numpy import ndarray

NEWEST = 400
"""Measured candidates that a run learns from, the last: time grows with the cube."""


@dataclass(frozen=True)
class Choice:
    """A child that is to be measured: its place among those offered.

    means, deviations: of each objective that is predicted, by label, on the scale of
    its measure, the less the better.
    """

    at: int
    means: dict[str, float]
    deviations: dict[str, float]


class Surrogate:
    """Of one search: `learn` before each generation, then `choose`."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._predicted = [
            column
            for column, goal in enumerate(spec.objectives)
            if (measure := find(goal.name)) is None or not measure.static
        ]
        self._features: dict[int, Features] = {}
        self._columns: Columns | None = None
        self._regressions: dict[int, Regression] = {}
        self._front: list[Point] = []
        self._ideal: Point = ()
        self._spans: Point = ()

    # Learning -------------------------------------------------------------------------

    def learn(
        self,
        rows: Sequence[Row],
        front: Sequence[Sequence[float]],
        reference: dict[str, list[float]] | None,
    ) -> bool:
        """From candidates that were measured to the end; False where they say nothing:
        too few, or no objective that has to be predicted differs between them.

        front: values of the objectives. reference: ideal and nadir of the first
        generation.
        """
        if reference is None or len(rows) < FEWEST:
            return False
        self._ideal = placed(reference["ideal"], self.spec)
        ends = zip(self._ideal, placed(reference["nadir"], self.spec), strict=True)
        self._spans = tuple(high - low if high > low else 1.0 for low, high in ends)
        self._front = [self._scaled(values) for values in front]
        self._features = {row.id: self._of_row(row) for row in rows}
        listed = list(self._features.values())
        self._columns = Columns.of(listed)
        table = self._columns.table(listed)
        measured = [self._measured(row) for row in rows]
        differs = False
        for column in self._predicted:
            found = self._regressions[column] = Regression()
            differs |= found.learn(table, [values[column] for values in measured])
        return differs

    def _of_row(self, row: Row) -> Features:
        known = self._features.get(row.id)
        return known or features(static.lowered(row.candidate, self.spec))

    def _measured(self, row: Row) -> Point:
        values = objectives(row.outcome.measures if row.outcome else {}, self.spec)
        assert values is not None, "it was measured to the end"
        return self._scaled(values)

    def _scaled(self, values: Sequence[float]) -> Point:
        """Values of the objectives, on their scales; ideal is 0, nadir 1."""
        ends = zip(placed(values, self.spec), self._ideal, self._spans, strict=True)
        return tuple((value - low) / span for value, low, span in ends)

    # Choosing -------------------------------------------------------------------------

    def choose(self, models: Sequence[Model], count: int) -> list[Choice]:
        """At most `count` of the children, the best first.

        Those that break what is required of their text come last.
        """
        costs = [static.measures(model, self.spec) for model in models]
        over = [violation(of_child, self.spec.requirements) for of_child in costs]
        means, deviations = self._predict(models, costs)
        fine = [at for at, amount in enumerate(over) if not amount]
        reference = (OUTSIDE,) * len(self.spec.objectives)
        first = batch(means[fine], deviations[fine], self._front, reference, count)
        broken = sorted(
            set(range(len(models))) - {*fine}, key=lambda at: (over[at], at)
        )
        places = [fine[at] for at in first] + broken[: count - len(first)]
        found = [Choice(at, {}, {}) for at in places]
        for column in self._predicted:
            label = self.spec.objectives[column].label
            low, span = self._ideal[column], self._spans[column]
            for one in found:
                one.means[label] = low + span * float(means[one.at, column])
                one.deviations[label] = span * float(deviations[one.at, column])
        return found

    def _predict(
        self, models: Sequence[Model], costs: Sequence[dict[str, float]]
    ) -> "tuple[ndarray, ndarray]":
        """Means and deviations of the objectives, (children, objectives) each."""
        import numpy as np

        assert self._columns is not None, "learn comes first"
        exact = [
            [
                of_child.get(goal.label, 0.0) * (-1 if goal.direction == "max" else 1)
                for goal in self.spec.objectives
            ]
            for of_child in costs
        ]
        shape = len(models), len(self.spec.objectives)
        means = np.array([self._scaled(values) for values in exact]).reshape(shape)
        deviations = np.zeros(shape)
        table = self._columns.table([features(model) for model in models])
        for column in self._predicted:
            found = self._regressions[column].predict(table)
            means[:, column], deviations[:, column] = found
        return means, deviations
