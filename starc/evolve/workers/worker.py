"""A process that evaluates until nobody asks any more; process.py starts it."""

import os
import resource
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from starc.evolve.evaluation.failure import in_words
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.pipeline import LOG, evaluate
from starc.evolve.problem.spec import Spec
from starc.evolve.workers.process import answer, receive

GRACE = 60
"""Seconds after its time limit at which a process ends without being told to."""


def main(handle: int) -> None:
    """First message: spec, threads, memory, owner, text; then what to evaluate."""
    asked: Connection[Any, Any] = Connection(handle)
    found, threads, memory, owner, text = receive(asked)
    spec = Spec.from_json(found)
    threading.Thread(target=_end_with, args=(owner,), daemon=True).start()
    if spec.trainer.kind != "simulated":
        import torch

        from starc.evolve.evaluation import real  # noqa: F401  # before any clock runs

        torch.set_num_threads(threads)
        if not torch.cuda.is_available():  # CUDA reserves far more than it uses
            _limit(memory)
        if text is not None:
            from starc.evolve.evaluation import data

            data.install(spec, text)
    answer(asked, None)
    while True:
        try:
            candidate, rung, folder = receive(asked)
        except (EOFError, OSError):
            return
        if spec.trainer.time_limit:  # ends it even if no Python runs any more
            signal.alarm(int(spec.trainer.time_limit) + GRACE)
        answer(asked, _outcome(spec, candidate, rung, folder))
        signal.alarm(0)


def _outcome(spec: Spec, candidate: Any, rung: int, folder: Path) -> Outcome:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_to(folder / LOG)
        return evaluate(candidate, spec, folder, rung)
    except Exception as error:  # a full disk, a folder that cannot be written
        return Outcome("failed", in_words(error))


def _write_to(log: Path) -> None:
    """What is printed, by whatever code, goes to the candidate's log."""
    sys.stdout.flush()
    sys.stderr.flush()
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _limit(memory: int) -> None:
    """What is allocated beyond it raises MemoryError, or torch's RuntimeError.

    Data, not addresses: libraries map far more than they touch. The owner watches the
    resident memory besides.
    """
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most != resource.RLIM_INFINITY:
        memory = min(memory, most)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, most))


def _end_with(owner: int) -> None:
    """Ends this process when its owner is gone: nobody waits for the outcome."""
    while os.getppid() == owner:
        time.sleep(0.5)
    os._exit(1)
