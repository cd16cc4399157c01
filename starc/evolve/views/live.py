"""What a person sees of a search: live on a terminal, a line a generation elsewhere."""

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.rows import Generation
from starc.evolve.views import units
from starc.evolve.views.watch import Watch
from starc.printable import lines, printable

COLUMNS = 80
"""Of what is said of a generation."""


class View(Watch):
    """On a console. A context: the live part is there within it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.spec = Spec()
        self.last: Generation | None = None
        self.before = self.done = 0
        self.number = self.rung = 0
        self.tasks: set[int] = set()
        self.seen: Counter[str] = Counter()
        self.best: dict[str, float] = {}
        self.began = time.monotonic()
        self.live: Live | None = None
        if self.console.is_terminal:
            self.live = Live(  # asks for its first picture at once
                console=self.console,
                get_renderable=self.render,
                refresh_per_second=4,
                transient=True,
            )

    def __enter__(self) -> "View":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def say(self, text: str) -> None:
        self.console.print(lines(text), markup=False, soft_wrap=True)

    # What happens -------------------------------------------------------------------

    def begins(self, spec: Spec, measured: int, last: Generation | None) -> None:
        self.spec, self.last = spec, last
        self.before = measured
        self.began = time.monotonic()
        if last is not None:
            self._take(last)

    def generation(self, number: int, tasks: Sequence[int], rung: int) -> None:
        self.number, self.rung, self.tasks = number, rung, set(tasks)

    def measured(self, candidate: int, rung: int, outcome: Outcome) -> None:
        self.tasks.discard(candidate)
        self.done += 1
        self.seen[outcome.status] += 1
        if outcome.status == "ok" and rung == len(self.spec.trainer.rungs) - 1:
            for goal in self.spec.objectives:
                if goal.label in outcome.measures:
                    new = outcome.measures[goal.label]
                    better = max if goal.direction == "max" else min
                    self.best[goal.label] = better(self.best.get(goal.label, new), new)

    def finished(self, generation: Generation) -> None:
        self._take(generation)
        self.say(self.line(generation))

    def _take(self, generation: Generation) -> None:
        self.last = generation
        for goal in self.spec.objectives:
            found = generation.statistics["objectives"].get(goal.label)
            if found is not None:
                better = max if goal.direction == "max" else min
                old = self.best.get(goal.label, found["best"])
                self.best[goal.label] = better(old, found["best"])

    # What is shown ------------------------------------------------------------------

    def line(self, generation: Generation) -> str:
        """`generation 3   front 9   hypervolume 0.969   bits_per_byte 1.08 ...`, on
        as many lines as 80 columns ask for."""
        parts = [
            f"generation {generation.number:>3}",
            f"front {len(generation.front):>3}",
        ]
        parts.append(f"hypervolume {generation.hypervolume:.4f}")
        parts += [f"{name} {text}" for name, text in self._best()]
        status = generation.statistics["status"]
        parts += [f"{n} {what}" for what, n in status.items() if what != "ok"]
        left = self.left()
        if left is not None:
            parts.append(f"{units.duration(left)} left")
        return _folded(parts)

    def _best(self) -> list[tuple[str, str]]:
        return [
            (goal.label, units.value(self.best[goal.label], units.unit(goal)))
            for goal in self.spec.objectives
            if goal.label in self.best
        ]

    def share(self) -> float | None:
        """How much of the budget is spent; None: it has no end that is known."""
        spec = self.spec
        shares = []
        if spec.generations:
            rungs = len(spec.trainer.rungs)
            within = (self.rung + 1 - len(self.tasks) / max(1, spec.population)) / rungs
            number = self.last.number + 1 if self.last else 0
            within = within if self.number == number and self.tasks else 0.0
            shares.append((number + max(0.0, within)) / spec.generations)
        if spec.evaluations:
            shares.append((self.before + self.done) / spec.evaluations)
        if spec.minutes:
            shares.append((time.monotonic() - self.began) / (60 * spec.minutes))
        return min(1.0, max(shares)) if shares else None

    def left(self) -> float | None:
        """Seconds, from the pace of this process."""
        share = self.share()
        if not share or not self.done:
            return None
        spec = self.spec
        if spec.generations:
            all_of_them = spec.generations * spec.population * len(spec.trainer.rungs)
            to_do = (1 - share) * all_of_them
        else:
            to_do = (1 - share) / share * self.done
        return to_do * (time.monotonic() - self.began) / self.done

    def render(self) -> Group:
        """The live part."""
        spec, elapsed = self.spec, time.monotonic() - self.began
        table = Table.grid(padding=(0, 2))

        def row(*cells: str) -> None:
            """Labels may come from a database: text that can be shown, no markup."""
            table.add_row(*(Text(printable(cell)) for cell in cells))

        number = f"{self.number + 1}"
        of = f" of {spec.generations}" if spec.generations else ""
        rungs = len(spec.trainer.rungs)
        rung = f", rung {self.rung + 1} of {rungs}" if rungs > 1 else ""
        row("generation", f"{number}{of}{rung}, {len(self.tasks)} to do")
        front = f"{len(self.last.front)} candidates" if self.last else "-"
        volume = f", hypervolume {self.last.hypervolume:.4f}" if self.last else ""
        row("front", front + volume)
        for name, text in self._best():
            row(f"best {name}", text)
        rate = f"{60 * self.done / elapsed:.1f} a minute" if elapsed > 1 else "-"
        others = [f"{n} {what}" for what, n in list(self.seen.items()) if what != "ok"]
        row("evaluations", ", ".join([f"{self.done} ({rate})", *others]))
        left = self.left()
        clock = f"{units.duration(elapsed)} so far"
        if left is not None:
            clock += f", about {units.duration(left)} left"
        row("time", clock)
        bar = ProgressBar(total=1.0, completed=self.share() or 0.0, width=60)
        return Group(Text(), table, bar)


def _folded(parts: list[str]) -> str:
    """Beside each other; where that is too long, on further lines, these indented."""
    found = [parts[0]]
    for part in parts[1:]:
        longer = f"{found[-1]}   {part}"
        if len(longer) <= COLUMNS:
            found[-1] = longer
        else:
            found.append(f"  {part}")
    return "\n".join(found)
