"""What is trained after the searches: finalists, baselines, and a sample of designs.

Each stage is told as far as the results so far allow, so that a later run goes on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from benchmarks.study.searches import Member, Search
from benchmarks.study.sizes import (
    BASELINES,
    CACHE,
    HYBRID,
    QUALITY,
    SIZE,
    Size,
    baseline,
    counted,
)
from benchmarks.study.trainings import Known, Result, Task
from starc.resize.scale import scale
from starc.source import Source

KINDS = ("quality", "size", "cache")
"""Of finalists: the claims that they are for."""

LESS_SIZE = {"transformer_pp": 0.87, HYBRID: 0.92}
LESS_CACHE = {"transformer_pp": 0.10, HYBRID: 0.63}
"""What the claims ask for: at most these shares of a baseline's."""

CHOOSING = 100
"""Seed of the trainings that choose a learning rate: none of the confirmation's."""

WAYS = ("stack", "interleave")

AGAIN, THIN, HALF = "another seed", "half the width", "half the depth"
STACKED = "half the depth, stacked"
"""Trainings of a sample of designs, beside that of the search and longer ones."""


def whole(steps: int) -> str:
    """The name of a longer training of a design as it is."""
    return f"{steps} steps"


@dataclass(frozen=True)
class Plan:
    """searches: those that are finished. known: all results so far."""

    size: Size
    searches: Sequence[Search]
    known: Known

    @property
    def whole(self) -> bool:
        return len(self.searches) == self.size.searches

    def tasks(self) -> Iterator[Task]:
        """In the order in which they are worth most; of later stages as far as the
        results of earlier ones are known."""
        yield from self.at_search_steps()
        if not self.whole:
            return
        yield from self.choosing()
        yield from self.ranks(AGAIN, THIN, HALF, *self.budgets)
        if len(self.rates) < len(self.contestants):
            return
        yield from self.confirmation()
        yield from self.ranks(whole(self.size.long))
        yield from self.doubling()
        yield from self.ranks(STACKED)

    # Baselines at the steps of the search --------------------------------------------

    @cached_property
    def baselines(self) -> dict[str, str]:
        return {name: baseline(name, self.size) for name in BASELINES}

    def at_search_steps(self) -> Iterator[Task]:
        for name, text in self.baselines.items():
            steps = self.size.steps
            yield from self._rates("baselines, as short", name, text, steps, 0)

    def short_bits(self, name: str) -> float | None:
        """Of a baseline, trained as short as the search trains: the best rate's."""
        text, of = self.baselines[name], (self.size.steps, 0)
        found = self._best(self._rates("", name, text, *of))
        return None if found is None else found.bits

    # Finalists -----------------------------------------------------------------------

    def eligible(self, kind: str, one: Member) -> bool:
        bounds = {"size": (SIZE, LESS_SIZE), "cache": (CACHE, LESS_CACHE)}
        if kind not in bounds:
            return True
        measure, shares = bounds[kind]
        return all(
            one[measure] <= share * costs_of(self.baselines[name])[measure]
            for name, share in shares.items()
        )

    @cached_property
    def finalists(self) -> dict[str, str]:
        """Of each search the best of each kind by its bits: name -> text."""
        found = {}
        for search in self.searches:
            for kind in KINDS:
                able = [one for one in search.trained if self.eligible(kind, one)]
                if able:
                    best = min(able, key=lambda one: (one[QUALITY], one.id))
                    found[f"{kind} {search.seed}"] = best.text(self.size)
        return found

    @property
    def contestants(self) -> dict[str, str]:
        return self.baselines | self.finalists

    def choosing(self) -> Iterator[Task]:
        for name, text in self.contestants.items():
            steps = self.size.choosing
            yield from self._rates("learning rates", name, text, steps, CHOOSING)

    @cached_property
    def chosen(self) -> dict[str, Result]:
        """Of contestants whose learning rate is known: the training that told it."""
        found = {}
        for name, text in self.contestants.items():
            tasks = [*self._rates("", name, text, self.size.choosing, CHOOSING)]
            best = self._best(tasks)
            if best is not None and all(task.key in self.known for task in tasks):
                found[name] = best
        return found

    @property
    def rates(self) -> dict[str, float]:
        return {name: one.rate for name, one in self.chosen.items()}

    @cached_property
    def best(self) -> dict[str, str]:
        """kind -> the best of the finalists of the searches, by that training."""
        found = {}
        for kind in KINDS:
            names = [name for name in self.finalists if name.startswith(f"{kind} ")]
            told = [(self.chosen[n].bits, n) for n in names if n in self.chosen]
            if told:
                found[kind] = min((bits or 0.0, name) for bits, name in told)[1]
        return found

    def _rates(
        self, stage: str, name: str, text: str, steps: int, seed: int
    ) -> Iterator[Task]:
        """The grid, and beyond it while its best is at an end."""
        grid = sorted(self.size.rates)
        while True:
            tasks = [Task(stage, name, text, steps, rate, seed) for rate in grid]
            best = self._best(tasks)
            if best is None or any(task.key not in self.known for task in tasks):
                break
            if best.rate == grid[0]:
                grid.insert(0, grid[0] / 2)
            elif best.rate == grid[-1]:
                grid.append(grid[-1] * 2)
            else:
                break
        yield from tasks

    def _best(self, tasks: Iterator[Task] | Sequence[Task]) -> Result | None:
        found = [self.known[task.key] for task in tasks if task.key in self.known]
        able = [one for one in found if one.bits is not None]
        return min(able, key=lambda one: (one.bits, one.rate), default=None)

    # Confirmation --------------------------------------------------------------------

    @property
    def confirmed(self) -> dict[str, str]:
        """Who is trained for long: baselines, and the best finalist of each kind."""
        names = [*BASELINES, *self.best.values()]
        return {name: self.contestants[name] for name in names}

    def confirmation(self) -> Iterator[Task]:
        """Seed by seed: an early end leaves all with as many."""
        for seed in range(self.size.seeds):
            for name, text in self.confirmed.items():
                rate, long = self.rates[name], self.size.long
                yield Task("confirmation", name, text, long, rate, seed)

    # Ranks ---------------------------------------------------------------------------

    @cached_property
    def sampled(self) -> list[tuple[str, Member]]:
        """Designs of all searches, evenly from the best to the worst, named."""
        every = [
            (one[QUALITY], s.seed, one) for s in self.searches for one in s.trained
        ]
        every.sort(key=lambda of: (of[0], of[1], of[2].id))
        count = min(self.size.sampled, len(every))
        places = [at * (len(every) - 1) // max(1, count - 1) for at in range(count)]
        chosen = (every[place] for place in places)
        return [(f"{one.id} of search {seed}", one) for _, seed, one in chosen]

    @property
    def budgets(self) -> list[str]:
        return [whole(steps) for steps in self.size.budgets]

    def variant(self, what: str, name: str, one: Member) -> Task:
        """A training of a design that is not the search's own."""
        size, text = self.size, one.text(self.size)
        steps, seed = size.steps, 0
        if what == AGAIN:
            seed = 1
        elif what == THIN:
            text = resized(text, width=size.width // 2)
        elif what in (HALF, STACKED):
            text = resized(text, depth=size.depth // 2)
            if what == STACKED:
                text = resized(text, depth=size.depth)
                steps = size.long
        else:
            steps = {whole(n): n for n in (*size.budgets, size.long)}[what]
        return Task(what, name, text, steps, size.rate, seed)

    def ranks(self, *variants: str) -> Iterator[Task]:
        for what in variants:
            for name, one in self.sampled:
                yield self.variant(what, name, one)

    # Twice the size ------------------------------------------------------------------

    def doubled(self) -> dict[str, str]:
        found = {}
        for name in ("transformer_pp", *self.best.values()):
            for way in WAYS if name != "transformer_pp" else WAYS[:1]:
                text = self.contestants[name]
                depth = 2 * self.size.depth
                found[f"{name}, {way}"] = resized(text, depth=depth, by=way)
        return found

    def doubling(self) -> Iterator[Task]:
        for seed in range(self.size.doubled_seeds):
            for name, text in self.doubled().items():
                rate = self.rates[name.partition(",")[0]]
                yield Task("twice the depth", name, text, self.size.doubled, rate, seed)


@cache
def resized(text: str, width: int = 0, depth: int = 0, by: str = "stack") -> str:
    return scale(Source("design.star", text), width, depth, by)


def costs_of(text: str) -> dict[str, float]:
    costs = counted(text)
    return {SIZE: costs.params_without_embeddings, CACHE: costs.total.cache_bytes}
