"""A search as it goes on, for TensorBoard or MLflow: `starc evolve --log`.

Both are below the run's folder: `log/tensorboard`, and `log/mlflow.db`. A generation
has its number as the step, a measure that of its candidate, so a run that was resumed
goes on in the same curves.
"""

import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from time import monotonic, time
from typing import Any

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.rows import Generation
from starc.evolve.views.watch import Watch
from starc.folders import refuse_odd

FOLDER = "log"
"""Of a run's folder."""

BETWEEN_WRITES = 1.0
"""Seconds. A database takes many numbers at once as fast as one."""


class Log(Watch):
    """One of LOGS. What is told goes to `tell`.

    A search is worth more than its curves: where these cannot be written any more, that
    is told once and the search goes on.
    """

    def __init__(self, kind: str, run: Path, tell: Callable[[str], None]) -> None:
        self.kind, self.run, self.tell = kind, run, tell
        self.sink: _Sink | None = None
        self.spec = Spec()

    def begins(self, spec: Spec, measured: int, last: Generation | None) -> None:
        """Raises RunError where nothing can be written."""
        self.spec = spec
        folder = self.run.resolve() / FOLDER
        try:
            refuse_odd(folder)
            folder.mkdir(exist_ok=True)
            self.sink = _SINKS[self.kind](folder, spec)
        except Exception as error:  # any, of a library that is not ours
            raise RunError(f"--log {self.kind}: {_first_line(error)}") from error

    def measured(self, candidate: int, rung: int, outcome: Outcome) -> None:
        """What was measured to the end."""
        if outcome.status == "ok" and rung == len(self.spec.trainer.rungs) - 1:
            found = {f"measures/{name}": n for name, n in outcome.measures.items()}
            self._do(lambda sink: sink.add(found, candidate))

    def finished(self, generation: Generation) -> None:
        statistics = generation.statistics
        found: dict[str, float] = {
            "front/hypervolume": generation.hypervolume,
            "front/candidates": len(generation.front),
        }
        for name, one in statistics["objectives"].items():
            found[f"best/{name}"] = one["best"]
        for status, count in statistics["status"].items():
            found[f"evaluations/{status}"] = count
        self._do(lambda sink: sink.add(found, generation.number))
        self._do(lambda sink: sink.write())

    def ends(self, state: str) -> None:
        self._do(lambda sink: sink.write())
        self._do(lambda sink: sink.end(state))

    def _do(self, work: "Callable[[_Sink], None]") -> None:
        if self.sink is not None:
            try:
                work(self.sink)
            except Exception as error:  # a full disk, a file that was deleted, ...
                self.sink = None
                said = _first_line(error)
                self.tell(f"--log {self.kind}: nothing is written any more: {said}")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class _Sink(ABC):
    """Where numbers go. Made before a search; whatever it raises is told by Log."""

    @abstractmethod
    def add(self, values: Mapping[str, float], step: int) -> None:
        """Numbers under the names of their curves."""

    @abstractmethod
    def write(self) -> None:
        """All that was added can be seen."""

    @abstractmethod
    def end(self, state: str) -> None:
        """Nothing comes any more in this session."""


class _TensorBoard(_Sink):
    def __init__(self, folder: Path, spec: Spec) -> None:
        from torch.utils.tensorboard import SummaryWriter

        place = str(folder / "tensorboard")
        self.writer: Any = SummaryWriter(place, flush_secs=5)
        self.writer.add_text("search", f"    {spec.to_json()}")

    def add(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def write(self) -> None:
        self.writer.flush()

    def end(self, state: str) -> None:
        self.writer.close()


class _MLflow(_Sink):
    """An experiment and a run of the search's name; what is resumed is the same run."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it asks a network
        from mlflow.tracking import MlflowClient

        for library in ("mlflow", "alembic"):  # they tell of their own tables
            logging.getLogger(library).setLevel(logging.WARNING)

        self.client: Any = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        known = self.client.get_experiment_by_name(spec.name)
        if known is None:
            place = (folder / "mlflow").as_uri()
            experiment = self.client.create_experiment(spec.name, place)
        else:
            experiment = known.experiment_id
        runs = self.client.search_runs([experiment], max_results=1)
        if runs:
            self.id = runs[0].info.run_id
            self.client.update_run(self.id, status="RUNNING")
        else:
            made = self.client.create_run(experiment, run_name=spec.name)
            self.id = made.info.run_id
            self.client.log_text(self.id, spec.to_json(), "search.json")
            for name in ("algorithm", "seed", "population"):
                self.client.log_param(self.id, name, getattr(spec, name))
        self.waiting: list[Any] = []
        self.written = monotonic()

    def add(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time())
        self.waiting += [
            Metric(re.sub(r"[^\w./ -]", "_", name), value, now, step)
            for name, value in values.items()
            if isfinite(value)
        ]
        if monotonic() - self.written > BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        for start in range(0, len(self.waiting), 1000):  # as many as it takes at once
            part = self.waiting[start : start + 1000]
            self.client.log_batch(self.id, metrics=part)
        self.waiting, self.written = [], monotonic()

    def end(self, state: str) -> None:
        status = "FINISHED" if state == "finished" else "KILLED"
        self.client.set_terminated(self.id, status)


_SINKS: dict[str, Callable[[Path, Spec], _Sink]] = {
    "tensorboard": _TensorBoard,
    "mlflow": _MLflow,
}
