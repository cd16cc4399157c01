"""Evaluations on a Ray cluster: `--ray`, or `--ray ADDRESS`. Needs `starc[ray]`.

A Ray task runs its evaluation in a process of its own, as local.py beside this does
here, so that time, memory and crashes end alike. Nodes share no disk with the
coordinator: the data go out once, a candidate's folder comes back with its outcome and
goes out again for its next rung.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from starc.evolve.evaluation.failure import in_words
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.workers.local import Local, Task, WorkersError, recorded
from starc.evolve.workers.messages import Data, Parents
from starc.folders import Folder

RETRIES = 5
"""Of a task whose node is lost."""

LARGEST = 512 * 2**20
"""Bytes of a file that travels; without its checkpoint a rung trains from the start."""

MOMENT = 0.25
"""Seconds of waiting after which a signal is heard."""

Files = dict[str, bytes]


class RayWorkers:
    """As many evaluations at once as the cluster has CPUs, or GPUs if it has any.

    address: of a cluster, "auto", or "" for one that starts here. gpus: of an
    evaluation, a part of one, or a whole number; None: one, where there are any. Raises
    WorkersError where there is no cluster, or no node with the GPUs asked for.

    Ray is started in an empty folder: it puts the one that it is started in first on
    the path of its processes, where a random.py would be taken for Python's own.
    """

    def __init__(
        self,
        spec: Spec,
        folder: Folder | Path,
        address: str = "",
        threads: int = 1,
        gpus: float | None = None,
    ) -> None:
        self.spec, self.folder = spec, Folder.of(folder)
        self._tasks: dict[Any, Task] = {}
        self._empty = tempfile.TemporaryDirectory(prefix="starc-")
        self._mine = not ray.is_initialized()
        if self._mine:
            try:
                with chdir(self._empty.name):
                    ray.init(
                        address=address or None,
                        log_to_driver=False,
                        logging_level=logging.ERROR,
                    )
            except (RayError, ConnectionError, ValueError, RuntimeError) as error:
                why = in_words(error)
                if "InvalidAuthToken" in str(error.__cause__):  # Ray says so to nobody
                    why += "; it asks for a token: RAY_AUTH_MODE=token, and its file"
                raise WorkersError(f"no Ray cluster: {why}") from error
        most = max(node["Resources"].get("GPU", 0) for node in ray.nodes())
        if not most and spec.trainer.device.startswith("cuda"):
            self.close()
            raise WorkersError(
                f"device = {spec.trainer.device}, and no node of the Ray cluster has a "
                "GPU: add one, or leave the device out"
            )
        if gpus and most < gpus:
            self.close()
            has = f"one has {most:g}" if most else "there are none"
            raise WorkersError(f"no node of the Ray cluster has {gpus:g} GPUs: {has}")
        self._run = ray.remote(_evaluated).options(
            num_cpus=threads,
            num_gpus=(gpus or 1) if most else 0,
            max_retries=RETRIES,
            retry_exceptions=[WorkersError],
            scheduling_strategy="SPREAD",
        )
        here = os.getcwd()
        self._common = ray.put((spec.to_json(), _data(spec), threads, here))

    def submit(
        self, task: int, candidate: Candidate, rung: int, parents: Parents = ()
    ) -> None:
        assert not parents, "preflight: nodes have no tensors of others"
        files = _files(self.folder / str(task)) if rung else {}
        reference = self._run.remote(self._common, candidate, rung, files)
        self._tasks[reference] = Task(task, candidate, rung)

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        while self._tasks:
            ready = _ready(list(self._tasks))
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
        self._empty.cleanup()


_local: dict[str, Local] = {}
"""In a process of Ray: the workers of the search it last worked for."""


def _evaluated(
    common: tuple[str, Data | None, int, str],
    candidate: Candidate,
    rung: int,
    files: Files,
) -> tuple[Outcome, Files]:
    """The task on a node: the outcome, and the candidate's folder."""
    text, data, threads, here = common
    spec = Spec.from_json(text)
    if spec.digest() not in _local:
        for other in _local.values():
            other.close()
        _local.clear()
        folder = Path(tempfile.mkdtemp(prefix="starc-"))
        others = (os.cpu_count() or 1) // threads - 1
        at = here if os.path.isdir(here) else None  # for measures of one's own
        _local[spec.digest()] = Local(spec, folder, 1, threads, data, others, at)
    local = _local[spec.digest()]
    local.folder.remove("0")
    _write(local.folder / "0", files)
    local.submit(0, candidate, rung)
    ((_, outcome),) = local.completed()
    return outcome, _files(local.folder / "0")


def _ready(references: list[Any]) -> list[Any]:
    """Those that are done, one at least.

    Ray waits outside Python, where no signal is heard; so it waits a moment at a time.
    What a signal's handler raises within it, as Ctrl-C's does, it wraps in an error of
    its own.
    """
    while True:
        try:
            ready, _ = ray.wait(references, num_returns=1, timeout=MOMENT)
        except SystemError as error:
            raise error.__cause__ or error from None
        if ready:
            return list(ready)


def _data(spec: Spec) -> Data | None:
    """For nodes that do not have them; None where nothing is trained."""
    if spec.trainer.kind == "simulated":
        return None
    from starc.evolve.evaluation import data

    return Data.of(data.load(spec))


def _files(folder: Folder) -> Files:
    """All files below that may travel, by relative path."""
    sizes = folder.sizes()
    return {n: folder.read(n, LARGEST) for n, size in sizes.items() if size <= LARGEST}


def _write(folder: Folder, files: Files) -> None:
    """Makes the folder hold these files, each written whole; metrics.json last."""
    folder.make()
    for name, size in folder.sizes().items():
        if size <= LARGEST and name not in files:
            folder.remove(name.partition("/")[0])
    for name in sorted(files, key=lambda name: name == "metrics.json"):
        *between, last = name.split("/")
        inside = folder
        for part in between:
            inside /= part
        inside.make()
        inside.write(last, files[name])
