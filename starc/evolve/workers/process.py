"""One process for evaluations, as its owner sees it."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import starc
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec

HOME = Path(starc.__file__).parents[1]
"""The folder that starc is imported from."""

START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from starc.evolve.workers.worker import main; main(int(sys.argv[2]))"
)
"""Not `-m`, and with -P: a random.py in the current folder must not be run. What a user
measures by himself is still found there, after everything else."""

LARGEST_ANSWER = 1 << 24
"""Bytes of what a worker may say at once."""

PATIENCE = 10
"""Seconds in which the rest of an answer has to come."""

GPUS = "CUDA_VISIBLE_DEVICES"


def send(connection: Connection[Any, Any], message: object) -> None:
    """Plainly pickled: torch would rather send handles of shared memory."""
    connection.send_bytes(pickle.dumps(message))


def answer(connection: Connection[Any, Any], outcome: Outcome | None) -> None:
    """What a worker says: that it is ready, or what came of a candidate. JSON, so that
    whatever else writes to its socket is refused and never run."""
    found = None if outcome is None else outcome.to_json()
    connection.send_bytes(json.dumps(found).encode())


def heard(connection: Connection[Any, Any]) -> Outcome | None:
    """What `answer` sent. OSError, EOFError, ValueError: it was something else."""
    text = connection.recv_bytes(LARGEST_ANSWER).decode()
    found = json.loads(text)
    return None if found is None else Outcome.of(found)


def receive(connection: Connection[Any, Any]) -> Any:
    """What `send` sent. Raises EOFError when the other side is gone."""
    return pickle.loads(connection.recv_bytes())


class Process:
    """A new interpreter, not a fork, that runs starc/evolve/workers/worker.py.

    slot: which of the owner's processes it is; its GPU is chosen by it. It shares
    nothing with the owner but a socket, and ends when the owner does.
    """

    def __init__(
        self, spec: Spec, slot: int, threads: int, memory: int, text: Any = None
    ) -> None:
        mine, its = socket.socketpair()
        patience = struct.pack("ll", PATIENCE, 0)  # an answer that stays half is none
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self.slot = slot
        self.ready = False
        environment = {**os.environ, **_gpu(slot)}
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(threads)
        self._errors = tempfile.TemporaryFile()  # until it has a candidate's log
        with its:
            self._child = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-c", START),
                    *(str(HOME), str(its.fileno())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(its.fileno(),),
                env=environment,
                start_new_session=True,  # Ctrl-C is the owner's matter
            )
        self.connection: Connection[Any, Any] = Connection(mine.detach())
        self.send((spec.to_json(), threads, memory, os.getpid(), text))

    def send(self, message: object) -> bool:
        """Whether it was there to take the message."""
        try:
            send(self.connection, message)
        except OSError:
            return False
        return True

    def receive(self) -> Outcome | None:
        """Its answer; None where it says that it is ready, or gave none that is one."""
        try:
            found = heard(self.connection)
        except (OSError, EOFError, ValueError, RecursionError):
            return None
        self.ready = True  # the first thing that it says
        return found

    def was_killed(self) -> bool:
        """Not by its owner: by the system, or a person."""
        return self._child.poll() == -signal.SIGKILL

    def last_words(self) -> str:
        """The end of what it wrote to stderr before it had its first candidate."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        return lines[-1] if lines else ""

    def how_it_ended(self) -> str:
        try:
            code = self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "crashed: the process closed its connection"
        if code >= 0:
            return f"crashed: the process ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"crashed: the process was ended by {name}"

    def resident(self) -> int:
        """Bytes of memory that it holds now; 0 where the system does not say."""
        try:
            pages = Path(f"/proc/{self._child.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        """Ends it and all that it started."""
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait()
        self._errors.close()
        self.connection.close()


def machine_memory() -> int:
    """Bytes that this machine has, or that its control group lets us have."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        return min(found, int(limit))
    except (OSError, ValueError):
        return found


def _gpu(slot: int) -> dict[str, str]:
    """One GPU a process, in turn, of those that may be used."""
    if os.environ.get(GPUS):
        all_of_them = os.environ[GPUS].split(",")
    else:
        devices = sorted(Path("/dev").glob("nvidia[0-9]*"))
        all_of_them = [str(number) for number in range(len(devices))]
    if not all_of_them:
        return {}
    return {GPUS: all_of_them[slot % len(all_of_them)]}
