"""What a worker may say: that it is ready, and outcomes; all else ends it."""

import json
import os
import random
import socket
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from evolve.evaluation import small
from evolve.workers.test_workers import asking, outcomes

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.workers.local import Local
from starc.evolve.workers.process import Process, answer, heard

GARBAGE = (
    b"",
    b"\x80\x04.",  # a pickle
    b"cos\nsystem\n(S'true'\ntR.",
    b"[" * 100_000,
    b"[]",
    b"{}",
    b'{"status": "great"}',
    b'{"status": "ok", "reason": 1, "measures": {}, "seconds": {}}',
    b'{"status": "ok", "reason": "", "measures": {"a": "b"}, "seconds": {}}',
)


@pytest.fixture
def ends() -> Any:
    one, other = socket.socketpair()
    return Connection(one.detach()), Connection(other.detach())


def test_what_is_said_is_heard(ends: Any) -> None:
    outcome = Outcome("ok", "why", {"loss": float("inf")}, {"train": 1.5})
    for said in (None, outcome):
        answer(ends[0], said)
        assert heard(ends[1]) == said


@pytest.mark.parametrize("said", GARBAGE)
def test_garbage_is_no_answer(ends: Any, said: bytes) -> None:
    ends[0].send_bytes(said)
    process = Process.__new__(Process)
    process.connection, process.ready = ends[1], False
    assert process.receive() is None and not process.ready


def test_random_answers(ends: Any) -> None:
    sound = json.dumps(Outcome("ok", "", {"a": 1.0}).to_json()).encode()
    for seed in range(2_000):
        drawn = random.Random(seed)
        said = bytearray(sound)
        for _ in range(drawn.randint(1, 3)):
            said[drawn.randrange(len(said))] = drawn.randrange(256)
        ends[0].send_bytes(bytes(said))
        process = Process.__new__(Process)
        process.connection, process.ready = ends[1], False
        found = process.receive()
        assert found is None or isinstance(found, Outcome), seed


TALKS = """
import os, socket, stat, struct

def talks(subject):
    if subject.folder.name == "0":
        for fd in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.write(fd, struct.pack("!i", 4) + b"cos\\n")
            except OSError:
                pass
    return 1.0
"""


def test_garbage_ends_that_worker_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talker.py").write_text(TALKS)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])
    monkeypatch.setenv("PYTHONPATH", path)
    spec = asking(small.real(tmp_path, steps=1), "talker:talks")
    workers = Local(spec, tmp_path / "run", 1)
    found = outcomes(workers, {0: small.CANDIDATE, 1: small.CANDIDATE})
    assert found[0].status == "failed" and found[0].reason.startswith("crashed")
    assert found[1].status == "ok"
