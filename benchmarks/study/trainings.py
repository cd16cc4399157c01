"""Trainings outside of the searches, one line of JSON each in a file that grows."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.study.sizes import Size, counted, warmup
from starc.source import Source
from starc.training import compare, text
from starc.training.settings import Settings


@dataclass(frozen=True)
class Task:
    """One training. stage: what it is for. name: of the model, its text is `text`."""

    stage: str
    name: str
    text: str
    steps: int
    rate: float
    seed: int

    @property
    def key(self) -> str:
        """Of all that decides the result."""
        of = self.text, str(self.steps), repr(self.rate), str(self.seed)
        return sha256("\n".join(of).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Result:
    """bits: held out, a byte; None where the training diverged. of: digest of the text
    that it learned from."""

    key: str
    stage: str
    name: str
    steps: int
    rate: float
    seed: int
    bits: float | None
    params: int
    cache: int
    seconds: float
    of: str


Known = dict[str, Result]
"""By key: a training that two stages ask for is done once."""


def load(file: Path) -> Known:
    lines = file.read_text().splitlines() if file.exists() else []
    found = [Result(**json.loads(line)) for line in lines]
    return {one.key: one for one in found}


def text_of(size: Size, results: Iterable[str]) -> str:
    """The digest of the text here. Raises SystemExit where `results` are of another:
    Python's library differs between its versions."""
    here = text.read("", size.window).digest[:16]
    if others := {*results} - {here}:
        raise SystemExit(
            f"results are of the text {', '.join(sorted(others))}, and the library of "
            f"this Python is {here}: take the Python that they were made with, or move "
            "them away to begin anew"
        )
    return here


def missing(tasks: Iterable[Task], known: Known) -> list[Task]:
    return list({one.key: one for one in tasks if one.key not in known}.values())


def do(
    tasks: Iterable[Task],
    size: Size,
    file: Path,
    work: Path,
    deadline: float,
    of: str,
) -> bool:
    """Trains in this order until `deadline` (of time.monotonic); writes each result at
    once. Whether all were done. Raises SystemExit after a signal."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        if time.monotonic() >= deadline:
            return False
        entry = compare.entry(task.name, Source(f"{task.name}.star", task.text), work)
        found = compare.compare(
            [entry], settings(size, task), [task.seed], work, _quiet
        )
        result = next(found, None)
        if result is None:
            raise SystemExit(130)
        line = _result(task, result, of)
        with file.open("a") as lines:
            lines.write(json.dumps(asdict(line)) + "\n")
        bits = "diverged" if line.bits is None else f"{line.bits:.4f} bits"
        print(f"{task.stage}: {task.name}, seed {task.seed}: {bits}", flush=True)
    return True


def _quiet(name: str, seed: int, steps: int) -> None:
    """Nobody looks at single steps."""


def _result(task: Task, found: compare.Result, of: str) -> Result:
    costs = counted(task.text)
    return Result(
        task.key,
        task.stage,
        task.name,
        task.steps,
        task.rate,
        task.seed,
        None if found.status != "ok" else round(found.bits_per_byte or 0.0, 5),
        costs.params_without_embeddings,
        costs.total.cache_bytes,
        round(found.seconds, 1),
        of,
    )


def settings(size: Size, task: Task) -> Settings:
    return Settings(
        steps=task.steps,
        batch=size.batch,
        context=size.window,
        learning_rate=task.rate,
        warmup=warmup(task.steps),
        seed=task.seed,
        device=size.device,
    )
