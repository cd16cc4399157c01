"""A process that evaluates until nobody asks any more; process.py starts it."""

import os
import resource
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from starc.evolve.evaluation.failure import in_words
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.pipeline import LOG, evaluate
from starc.evolve.problem.spec import Spec
from starc.evolve.workers import messages
from starc.evolve.workers.messages import Question
from starc.folders import Folder

GRACE = 60
"""Seconds after its time limit at which a process ends without being told to."""


def main(handle: int) -> None:
    asked: Connection[Any, Any] = Connection(handle)
    setting = messages.received(asked)
    spec = setting.spec
    threading.Thread(target=_end_with, args=(setting.owner,), daemon=True).start()
    if spec.trainer.kind != "simulated":
        import torch

        from starc.evolve.evaluation import real  # noqa: F401  # before any clock runs

        torch.set_num_threads(setting.threads)
        if not torch.cuda.is_available():  # CUDA reserves far more than it uses
            _limit(setting.memory)
        if setting.text is not None:
            from starc.evolve.evaluation import data

            data.install(spec, setting.text)
    messages.answer(asked, None)
    while True:
        try:
            question = messages.asked(asked)
        except (EOFError, OSError):
            return
        if spec.trainer.time_limit:  # ends it even if no Python runs any more
            signal.alarm(int(spec.trainer.time_limit) + GRACE)
        messages.answer(asked, _outcome(spec, question))
        signal.alarm(0)


def _outcome(spec: Spec, question: Question) -> Outcome:
    folder = question.folder
    try:
        folder.make()
        _write_to(folder)
        asked = question.candidate, spec, folder, question.rung, question.parents
        return evaluate(*asked)
    except Exception as error:  # a full disk, a folder that cannot be written
        return Outcome("failed", in_words(error))


def _write_to(folder: Folder) -> None:
    """What is printed, by whatever code, goes to the candidate's log."""
    sys.stdout.flush()
    sys.stderr.flush()
    handle = folder.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
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
