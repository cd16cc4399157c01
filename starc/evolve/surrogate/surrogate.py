"""Which of many children are measured: those that promise most hypervolume.

What it says follows from what the database holds, so that a run that is resumed asks
for the same children. It sees features of the IR and the measures of candidates that
were measured; what the text alone says of a child (parameters, cache) is computed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from starc.evolve.evaluation import static
from starc.evolve.problem.objectives import find
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import (
    OUTSIDE,
    objectives,
    placed,
    toward_less,
    violation,
)
from starc.evolve.storage.rows import Row
from starc.evolve.surrogate.features import Features, features
from starc.evolve.surrogate.improvement import Point, View, batch
from starc.evolve.surrogate.regression import FEWEST, Columns, Regression
from starc.ir.nodes import Model

if TYPE_CHECKING:
    from numpy import ndarray

NEWEST = 400
"""Measured candidates that a run learns from, the last: time grows with the cube."""


@dataclass(frozen=True)
class Scales:
    """Of the objectives: so that ideal and nadir of the first generation are 0 and 1.

    place: from values of the objectives, all to be minimized, to their scales.
    """

    place: Callable[[Sequence[float]], Point]
    ideal: Point
    spans: Point

    @classmethod
    def of(
        cls,
        place: Callable[[Sequence[float]], Point],
        ideal: Sequence[float],
        nadir: Sequence[float],
    ) -> "Scales":
        low, high = place(ideal), place(nadir)
        spans = (b - a if b > a else 1.0 for a, b in zip(low, high, strict=True))
        return cls(place, low, tuple(spans))

    def __call__(self, values: Sequence[float]) -> Point:
        ends = zip(self.place(values), self.ideal, self.spans, strict=True)
        return tuple((value - low) / span for value, low, span in ends)


class Seen(NamedTuple):
    """Of a child: its features, and what its text alone tells of it, by label."""

    features: Features
    told: dict[str, float]


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
        self._scales: tuple[Scales, ...] = ()
        self._front: list[Sequence[float]] = []

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
        ends = reference["ideal"], reference["nadir"]
        places = partial(placed, spec=self.spec), self._plain
        self._scales = tuple(Scales.of(place, *ends) for place in places)
        self._front = list(front)
        self._features = {row.id: self._of_row(row) for row in rows}
        listed = list(self._features.values())
        self._columns = Columns.of(listed)
        table = self._columns.table(listed)
        measured = [self._measured(row) for row in rows]
        differs = False
        for column in self._predicted:
            found = self._regressions[column] = Regression()
            differs |= found.learn(
                self._columns, table, [values[column] for values in measured]
            )
        return differs

    def _of_row(self, row: Row) -> Features:
        known = self._features.get(row.id)
        return known or self.look(static.lowered(row.candidate, self.spec)).features

    def _measured(self, row: Row) -> Point:
        values = objectives(row.outcome.measures if row.outcome else {}, self.spec)
        assert values is not None, "it was measured to the end"
        return self._scales[0](values)

    def _plain(self, values: Sequence[float]) -> Point:
        """What the text tells as it is, the rest on the scale of its measure."""
        there = zip(values, placed(values, self.spec), strict=True)
        return tuple(
            on_scale if column in self._predicted else value
            for column, (value, on_scale) in enumerate(there)
        )

    # Choosing -------------------------------------------------------------------------

    def look(self, model: Model) -> Seen:
        """At a child, as it is after all passes."""
        told = static.measures(model, self.spec)
        return Seen(features(model, told), told)

    def choose(self, children: Sequence[Seen]) -> Iterator[Choice]:
        """The children, the best first; those that break what is required of their
        text come last.

        They are chosen on the scales of the measures and, in turn, on a linear one of
        what the text tells: on the first a cache of some bytes counts as much as bits
        do, on the second it is no better than one of some kilobytes.
        """
        over = [violation(child.told, self.spec.requirements) for child in children]
        fine = [at for at, amount in enumerate(over) if not amount]
        broken = sorted({*range(len(over))} - {*fine}, key=lambda at: (over[at], at))
        assert self._columns is not None, "learn comes first"
        table = self._columns.table([child.features for child in children])
        predicted = {
            column: self._regressions[column].predict(table)
            for column in self._predicted
        }
        views = [self._view(children, fine, predicted, one) for one in self._scales]
        first = (fine[at] for at in batch(views)) if fine else ()
        for at in chain(first, broken):
            found = Choice(at, {}, {})
            for column, (means, deviations) in predicted.items():
                label = self.spec.objectives[column].label
                low, span = self._scales[0].ideal[column], self._scales[0].spans[column]
                found.means[label] = low + span * float(means[at])
                found.deviations[label] = span * float(deviations[at])
            yield found

    def _view(
        self,
        children: Sequence[Seen],
        some: Sequence[int],
        predicted: Mapping[int, "tuple[ndarray, ndarray]"],
        scales: Scales,
    ) -> View:
        """What the text tells of some of the children, and what is predicted."""
        import numpy as np

        exact = []
        for at in some:
            told = [children[at].told.get(o.label, 0.0) for o in self.spec.objectives]
            exact.append(scales(toward_less(told, self.spec)))
        means = np.array(exact).reshape(len(some), len(self.spec.objectives))
        deviations = np.zeros(means.shape)
        for column, (of_all, spread) in predicted.items():
            means[:, column] = of_all[some]
            deviations[:, column] = spread[some]
        reference = (OUTSIDE,) * len(self.spec.objectives)
        return View(means, deviations, [*map(scales, self._front)], reference)
