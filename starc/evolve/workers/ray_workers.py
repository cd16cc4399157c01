"""Evaluations on a Ray cluster: `--ray`, or `--ray ADDRESS`. Needs `starc[ray]`.

A Ray task runs its evaluation in a process of its own, as local.py beside this does
here, so that time, memory and crashes end alike. Nodes share no disk with the
coordinator: the data go out once, a candidate's folder comes back with its outcome and
goes out again for its next rung.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from starc.evolve.evaluation.failure import in_words
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.workers.local import Local, Task, WorkersError, recorded
from starc.files import replaced

RETRIES = 5
"""Of a task whose node is lost."""

LARGEST = 512 * 2**20
"""Bytes of a file that travels; without its checkpoint a rung trains from the start."""

Files = dict[str, bytes]


class RayWorkers:
    """As many evaluations at once as the cluster has CPUs, or GPUs if it has any.

    address: of a cluster, "auto", or "" for one that starts here. Raises WorkersError
    where there is none.
    """

    def __init__(
        self, spec: Spec, folder: Path, address: str = "", threads: int = 1
    ) -> None:
        self.spec, self.folder = spec, folder
        self._tasks: dict[Any, Task] = {}
        self._mine = not ray.is_initialized()
        if self._mine:
            try:
                ray.init(
                    address=address or None,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (RayError, ConnectionError, ValueError, RuntimeError) as error:
                raise WorkersError(f"no Ray cluster: {in_words(error)}") from error
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpu = 1 if resources.get("GPU") else 0
        self._run = ray.remote(_evaluated).options(
            num_cpus=threads,
            num_gpus=gpu,
            max_retries=RETRIES,
            retry_exceptions=[WorkersError],
            scheduling_strategy="SPREAD",
        )
        self._common = ray.put((spec.to_json(), _text(spec), threads))

    def submit(self, task: int, candidate: Candidate, rung: int) -> None:
        files = _files(self.folder / str(task)) if rung else {}
        reference = self._run.remote(self._common, candidate, rung, files)
        self._tasks[reference] = Task(task, candidate, rung)

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        while self._tasks:
            ready, _ = ray.wait(list(self._tasks), num_returns=1)
            for reference in ready:
                task = self._tasks.pop(reference)
                folder = self.folder / str(task.number)
                try:
                    outcome, files = ray.get(reference)
                    _write(folder, files)
                except WorkersError as error:  # on every node that tried
                    raise WorkersError(str(error).splitlines()[-1]) from None
                except RayError as error:  # lost again and again
                    lost = Outcome("failed", f"lost: {in_words(error)}")
                    outcome = recorded(lost, task, self.spec, folder)
                yield task.number, outcome

    def close(self) -> None:
        """Ends what runs for this search; a cluster of others stays up."""
        for reference in self._tasks:
            ray.cancel(reference, force=True)
        self._tasks = {}
        if self._mine:
            ray.shutdown()


_local: dict[str, Local] = {}
"""In a process of Ray: the workers of the search it last worked for."""


def _evaluated(
    common: tuple[str, Any, int], candidate: Candidate, rung: int, files: Files
) -> tuple[Outcome, Files]:
    """The task on a node: the outcome, and the candidate's folder."""
    text, tokens, threads = common
    spec = Spec.from_json(text)
    if spec.digest() not in _local:
        for other in _local.values():
            other.close()
        _local.clear()
        folder = Path(tempfile.mkdtemp(prefix="starc-"))
        others = (os.cpu_count() or 1) // threads - 1
        _local[spec.digest()] = Local(spec, folder, 1, threads, tokens, others)
    local = _local[spec.digest()]
    folder = local.folder / "0"
    shutil.rmtree(folder, ignore_errors=True)
    _write(folder, files)
    local.submit(0, candidate, rung)
    ((_, outcome),) = local.completed()
    return outcome, _files(folder)


def _text(spec: Spec) -> Any:
    """The data, for nodes that do not have them; None where nothing is trained."""
    if spec.trainer.kind == "simulated":
        return None
    from starc.evolve.evaluation import data

    return data.load(spec)


def _files(folder: Path) -> Files:
    """All files below that may travel, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in _paths(folder)
    }


def _paths(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in found if path.stat().st_size <= LARGEST]


def _write(folder: Path, files: Files) -> None:
    """Makes the folder hold these files, each written whole; metrics.json last."""
    for path in _paths(folder):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    for name in sorted(files, key=lambda name: name == "metrics.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path, durable=False) as temporary:
            temporary.write_bytes(files[name])
