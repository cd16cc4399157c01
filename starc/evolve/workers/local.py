"""Evaluations in other processes of this machine, which may do whatever they do.

A process that crashes, hangs or eats the memory gives an Outcome with the reason, and
the next evaluation gets a new process. Outcomes do not depend on how many there are.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.pipeline import LOG, digest, evaluate
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.workers.messages import Data, Parents, Question
from starc.evolve.workers.process import Process, machine_memory
from starc.folders import Folder

WATCH = 0.1
"""Seconds between looks at the memory of the processes."""

STARTS = 3
"""Processes in a row that do not come up, after which none will."""

SHARE = 0.8
"""Of the machine's memory, for all processes together where no limit is given."""


class Workers(Protocol):
    """submit as many as wanted, then take what `completed` gives until it ends.

    `completed` ends when nothing that was submitted is left; it may be entered again.
    """

    def submit(
        self, task: int, candidate: Candidate, rung: int, parents: Parents = ()
    ) -> None:
        """parents: those whose tensors it is to inherit."""

    def completed(self) -> Iterator[tuple[int, Outcome]]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Task:
    """`number` is also the name of the candidate's folder."""

    number: int
    candidate: Candidate
    rung: int
    parents: Parents = ()


class Inline:
    """No other process: for simulated trainers, where nothing can go wrong."""

    def __init__(self, spec: Spec, folder: Folder | Path) -> None:
        self.spec, self.folder = spec, Folder.of(folder)
        self._waiting: deque[Task] = deque()

    def submit(
        self, task: int, candidate: Candidate, rung: int, parents: Parents = ()
    ) -> None:
        self._waiting.append(Task(task, candidate, rung, parents))

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        while self._waiting:
            task = self._waiting.popleft()
            folder = self.folder / str(task.number)
            given = task.candidate, self.spec, folder, task.rung, task.parents
            yield task.number, evaluate(*given)

    def close(self) -> None:
        self._waiting.clear()


class WorkersError(Exception):
    """No evaluation is possible here, whatever the candidate; says why."""


@dataclass
class _Busy:
    """began: when the process took the task; None while it starts."""

    task: Task
    process: Process
    began: float | None = None
    peak: int = 0


class Local:
    """`count` processes, each with `threads` of torch; folders are folder/NUMBER.

    data: for processes that cannot read them themselves.
    neighbours: processes of others that the machine's memory is for as well.
    here: the current folder of the processes, by default this one's.

    An evaluation whose process the system kills, as it does when memory runs out for
    reasons that may lie elsewhere, is tried once more. Raises WorkersError where no
    process comes up.
    """

    def __init__(
        self,
        spec: Spec,
        folder: Folder | Path,
        count: int = 1,
        threads: int = 1,
        data: Data | None = None,
        neighbours: int = 0,
        here: str | None = None,
    ) -> None:
        self.spec, self.folder = spec, Folder.of(folder)
        self.count, self.threads = max(1, count), threads
        self.data, self.here = data, here
        limit = spec.trainer.memory_limit
        sharers = self.count + neighbours
        self.memory_limit = limit or int(SHARE * machine_memory() / sharers)
        self._waiting: deque[Task] = deque()
        self._idle: list[Process] = []
        self._busy: dict[Any, _Busy] = {}
        self._slots = list(range(self.count))
        self._retried: set[Task] = set()
        self._stillborn = 0

    def submit(
        self, task: int, candidate: Candidate, rung: int, parents: Parents = ()
    ) -> None:
        self._waiting.append(Task(task, candidate, rung, parents))
        self._fill()

    def completed(self) -> Iterator[tuple[int, Outcome]]:
        while self._busy or self._waiting:
            self._fill()
            for ready in wait(list(self._busy), timeout=WATCH):
                done = self._heard(ready)
                if done is not None:
                    yield done
            for connection, busy in list(self._busy.items()):
                reason = self._overdue(busy) if connection in self._busy else ""
                if reason and not connection.poll():
                    yield self._killed(connection, reason)

    def close(self) -> None:
        """Ends all processes, whatever they do."""
        for process in [*self._idle, *(busy.process for busy in self._busy.values())]:
            process.kill()
        self._idle, self._busy = [], {}
        self._slots = list(range(self.count))
        self._waiting.clear()

    def _fill(self) -> None:
        while self._waiting and len(self._busy) < self.count:
            process = self._idle.pop() if self._idle else self._new()
            task = self._waiting.popleft()
            place = self._folder(task)
            question = Question(task.candidate, task.rung, place, task.parents)
            if not process.ask(question):
                self._waiting.appendleft(task)
                self._ended_idle(process)
                continue
            began = time.monotonic() if process.ready else None
            self._busy[process.connection] = _Busy(task, process, began)

    def _new(self) -> Process:
        slot = self._slots.pop(0)
        limits = self.threads, self.memory_limit
        return Process(self.spec, slot, *limits, self.data, self.here)

    def _drop(self, process: Process) -> None:
        process.kill()
        self._slots.append(process.slot)

    def _heard(self, connection: Any) -> tuple[int, Outcome] | None:
        """What came of a task, if that is what its process says."""
        busy = self._busy.get(connection)
        if busy is None:  # closed meanwhile
            return None
        found = busy.process.receive()
        if isinstance(found, Outcome):
            del self._busy[connection]
            if found.reason.startswith("out of memory"):
                self._drop(busy.process)  # what is left in it may be too little
            else:
                self._idle.append(busy.process)
            return busy.task.number, found
        if busy.process.ready and busy.began is None:
            busy.began = time.monotonic()
            self._stillborn = 0
            return None
        if not busy.process.ready:
            del self._busy[connection]
            self._waiting.appendleft(busy.task)
            self._ended_idle(busy.process)
            return None
        how = busy.process.how_it_ended()
        if busy.process.was_killed() and busy.task not in self._retried:
            self._retried.add(busy.task)
            del self._busy[connection]
            self._drop(busy.process)
            self._waiting.appendleft(busy.task)
            return None
        return self._killed(connection, how)

    def _ended_idle(self, process: Process) -> None:
        """It had no task yet, so none is lost; another takes its place.

        Raises WorkersError where it is one of several that did not even come up.
        """
        self._stillborn += not process.ready
        if process.ready or self._stillborn < STARTS:
            self._drop(process)
            return
        how = process.how_it_ended()
        if said := process.last_words():
            how += f": {said}"
        self.close()
        raise WorkersError(f"no worker can be started: {how}")

    def _overdue(self, busy: _Busy) -> str:
        """Why an evaluation must end now; "" where it need not."""
        limit = self.spec.trainer.time_limit
        if busy.began is None:
            return ""
        if limit and time.monotonic() - busy.began > limit:
            return f"out of time: more than {limit:g} s"
        busy.peak = max(busy.peak, busy.process.resident())
        if busy.peak > self.memory_limit:
            return f"out of memory: more than {self.memory_limit / 1e6:,.0f} MB"
        return ""

    def _killed(self, connection: Any, reason: str) -> tuple[int, Outcome]:
        busy = self._busy.pop(connection)
        self._drop(busy.process)
        task = busy.task
        seconds = {"killed": time.monotonic() - (busy.began or time.monotonic())}
        outcome = Outcome("failed", reason, {}, seconds)
        return task.number, recorded(outcome, task, self.spec, self._folder(task))

    def _folder(self, task: Task) -> Folder:
        return self.folder / str(task.number)


def recorded(outcome: Outcome, task: Task, spec: Spec, folder: Folder) -> Outcome:
    """Writes what the process itself could not: log and metrics.json."""
    folder.make()
    handle = folder.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with os.fdopen(handle, "a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {outcome.reason}\n")
    outcome.write(folder, task.rung, digest(task.candidate, spec, task.parents))
    return outcome
