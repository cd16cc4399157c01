"""Search files for tests, and ways to run them."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from starc.diagnostics import Problems
from starc.evolve import coordinator
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.pipeline import evaluate
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.database import COMPARED, Database
from starc.evolve.workers.local import Inline, Workers
from starc.evolve.workers.messages import Parents
from starc.folders import Folder

MODEL = "model tiny { width = 128; vocab = 256; context = 256 }\n"

SMALL = """
  pool = [SA-1, SA-3, Rec-1, Rec-1-Diff, GConv-1, GConv-1-Diff, GMemless]
  depth = 6
  seeds = [transformer_pp, lfm2, striped_hybrid]
  open = [GConv-1(kernel = [2, 3, 4]), GMemless(expand = [2, 8/3, 4])]
  placement = [pre, sandwich]
  population = 8
  generations = 4
  minimize bits_per_byte, cache
"""


def spec_of(settings: str, trainer: str = "simulated", model: str = MODEL) -> Spec:
    problems = Problems()
    found = read(f"{model}search {{{settings}\n  trainer = {trainer}\n}}", problems)
    problems.check()
    assert found is not None
    return found


class Shuffled:
    """Workers that finish in an order of their own."""

    def __init__(self, spec: Spec, folder: Folder, seed: int) -> None:
        self.spec, self.folder = spec, folder
        self.random = Random(seed)
        self.tasks: list[tuple[int, Candidate, int, Parents]] = []

    def submit(
        self, task: int, candidate: Candidate, rung: int, parents: Parents = ()
    ) -> None:
        self.tasks.append((task, candidate, rung, parents))

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        while self.tasks:
            at = self.random.randrange(len(self.tasks))
            task, candidate, rung, parents = self.tasks.pop(at)
            folder = self.folder / str(task)
            yield task, evaluate(candidate, self.spec, folder, rung, parents)

    def close(self) -> None:
        self.tasks.clear()


def inline(spec: Spec, folder: Folder) -> Workers:
    return Inline(spec, folder)


def run(spec: Spec, folder: Path) -> Database:
    """A whole run, and its database to read."""
    assert coordinator.begin(spec, folder, inline).state == "finished"
    return Database.open(folder)


def tables(folder: Path) -> str:
    """All that two runs of one search must share."""
    return Database.open(folder).dump(COMPARED)
