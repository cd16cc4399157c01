"""roll: find turns that differ in their labels only, and make them a loop again."""

from typing import NamedTuple

from starc.ir.nodes import Layer, Model, Repeat, Step
from starc.passes.alike import Alike
from starc.passes.rebuild import changed

LONGEST = 64  # layers of a turn
FAR = 2048  # layers: a repeat this long is taken without looking for a better start


class Candidate(NamedTuple):
    start: int
    period: int
    layers: int  # covered: period times the number of turns


def roll(model: Model) -> Model:
    """Replaces tandem repeats by Repeat, from the left, whoever wrote them out.

    Of the repeats that start at a layer the one that covers most layers is taken, the
    shortest turn first. It gives way to a longer one that starts inside it, and to one
    of equal length whose turns come from one place of the text. Repeats do not nest.
    """
    layers = tuple(model.layers())
    body = _Roller(layers, Alike(model, layers)).body()
    return model if len(body) == len(layers) else changed(model, body=tuple(body))


class _Roller:
    def __init__(self, layers: tuple[Layer, ...], alike: Alike) -> None:
        self.layers = layers
        self.alike = alike
        self.found: dict[int, Candidate | None] = {}

    def body(self) -> list[Step]:
        body: list[Step] = []
        here = 0
        while here < len(self.layers):
            best = self.at(here)
            later = self.better(best) if best else None
            if later:
                self.tile(body, here, later.start)
                here = later.start
            else:
                here = self.take(body, here, best)
        return body

    def tile(self, body: list[Step], start: int, stop: int) -> None:
        """What is left before a repeat; it may have small repeats of its own."""
        while start < stop:
            start = self.take(body, start, self.best(start, stop))

    def take(self, body: list[Step], start: int, best: Candidate | None) -> int:
        if best is None:
            body.append(self.layers[start])
            return start + 1
        stop, period = start + best.layers, best.period
        turns = range(start, stop, period)
        body.append(Repeat(tuple(self.layers[i : i + period] for i in turns)))
        return stop

    def at(self, start: int) -> Candidate | None:
        if start not in self.found:
            self.found[start] = self.best(start, len(self.layers))
        return self.found[start]

    def best(self, start: int, stop: int) -> Candidate | None:
        """The repeat within [start, stop) that covers most layers."""
        best: Candidate | None = None
        found: list[tuple[int, int]] = []  # periods, and how far they hold
        for period in range(1, min(LONGEST, (stop - start) // 2) + 1):
            # Several turns as one end where the single turns do: a longer body only.
            if any(period % p == 0 and period <= end for p, end in found):
                continue
            run = self.alike.run(start, period, stop)
            if run < period:
                continue
            found.append((period, run + period))
            covered = (run // period + 1) * period
            if best is None or covered > best.layers:
                best = Candidate(start, period, covered)
                if covered == stop - start:
                    break
        return best

    def better(self, best: Candidate) -> Candidate | None:
        """A repeat that starts within `best` and is to be preferred to it."""
        from_one_place = self.from_one_place(best)
        reach = best.layers - 1
        if best.layers > FAR:
            reach = 0 if from_one_place else best.period
        found: tuple[tuple[int, bool], Candidate] | None = None
        for start in range(best.start + 1, best.start + 1 + min(reach, LONGEST)):
            other = self.at(start)
            if other is None or other.layers < best.layers:
                continue
            value = (other.layers, self.from_one_place(other))
            if value > (found[0] if found else (best.layers, from_one_place)):
                found = (value, other)
        return found[1] if found else None

    def from_one_place(self, candidate: Candidate) -> bool:
        """Whether two turns are one loop of the text: then its start is a good one."""
        first = range(candidate.start, candidate.start + candidate.period)
        layers, period = self.layers, candidate.period
        return all(layers[i].span is layers[i + period].span for i in first)
