"""One process for evaluations, as its owner sees it."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import starc
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.workers import messages
from starc.evolve.workers.messages import Data, Question, Setting

HOME = Path(starc.__file__)

START = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("starc", sys.argv[1])
sys.modules["starc"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["starc"])
from starc.evolve.workers.worker import main
main(int(sys.argv[2]))
"""
"""The owner's own starc, whichever other may be installed. Not `-m`, and with -P: a
random.py in the current folder must not be run."""

PATIENCE = 10
"""Seconds in which the rest of an answer has to come."""

GPUS = "CUDA_VISIBLE_DEVICES"


class Process:
    """A new interpreter, not a fork, that runs starc/evolve/workers/worker.py.

    slot: which of the owner's processes it is; its GPU is chosen by it. here: its
    current folder, by default the owner's. It shares nothing with the owner but a
    socket, and ends when the owner does.
    """

    def __init__(
        self,
        spec: Spec,
        slot: int,
        threads: int,
        memory: int,
        data: Data | None = None,
        here: str | None = None,
    ) -> None:
        mine, its = socket.socketpair()
        patience = struct.pack("ll", PATIENCE, 0)  # an answer that stays half is none
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self.slot = slot
        self.ready = self.garbled = False
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
                cwd=here,
                start_new_session=True,  # Ctrl-C is the owner's matter
            )
        self.connection: Connection[Any, Any] = Connection(mine.detach())
        with suppress(OSError):  # it has ended: `ask` will tell
            first = Setting(spec, threads, memory, os.getpid())
            messages.tell(self.connection, first, data)

    def ask(self, question: Question) -> bool:
        """Whether it was there to take the question."""
        try:
            messages.ask(self.connection, question)
        except OSError:
            return False
        return True

    def receive(self) -> Outcome | None:
        """Its answer; None where it says that it is ready, or gave none that is one."""
        try:
            found = messages.heard(self.connection)
        except ValueError:
            self.garbled = True
            return None
        except (OSError, EOFError):
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
        if self.garbled:
            return "crashed: the process wrote what is no answer to its owner"
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
