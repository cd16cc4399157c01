"""What a worker may say: that it is ready, and outcomes; all else ends it."""

import json
import os
import random
import socket
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.workers import process as processes
from starc.evolve.workers.local import Local, WorkersError
from starc.evolve.workers.messages import (
    Data,
    Question,
    Setting,
    answer,
    ask,
    asked,
    heard,
    received,
    tell,
)
from starc.evolve.workers.process import START, Process
from starc.folders import Folder
from starc.training.text import Text
from tests.evolve.evaluation import small
from tests.evolve.workers.test_workers import asking, outcomes

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


MUTTERS = """
import os, struct, sys
if not os.path.exists({marker!r}):
    open({marker!r}, "w").close()
    os.write(int(sys.argv[2]), struct.pack("!i", 4) + b"cos\\n")
    import time; time.sleep(600)
"""


def test_garbage_before_a_worker_is_ready_ends_that_worker_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "muttered"
    start = MUTTERS.format(marker=str(marker)) + START
    monkeypatch.setattr(processes, "START", start)
    workers = Local(small.SIMULATED, tmp_path / "run", 1)
    found = outcomes(workers, {1: small.CANDIDATE, 2: small.OTHER})
    assert marker.exists() and {found[1].status, found[2].status} == {"ok"}


def test_workers_that_all_say_garbage_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        processes, "START", "import os, sys; os.write(int(sys.argv[2]), b'no' * 9)"
    )
    with pytest.raises(WorkersError, match="no worker can be started"):
        outcomes(Local(small.SIMULATED, tmp_path / "run", 1), {1: small.CANDIDATE})


def test_data_travel_as_bytes(ends: Any) -> None:
    """For workers on machines that do not have them; in a thread, as they are long."""
    drawn = torch.arange(300_000) % 50_000
    for dtype in (torch.uint8, torch.uint16, torch.int64):
        text = Text(drawn.to(dtype), drawn[:7].to(dtype), "d", 50_000, None, 5)
        setting = Setting(small.SIMULATED, 2, 1 << 30, 7)
        sender = Thread(target=tell, args=(ends[0], setting, Data.of(text)))
        sender.start()
        found = received(ends[1])
        sender.join()
        assert found.text is not None and found.spec == small.SIMULATED
        for name in ("training", "validation"):
            there, here = getattr(found.text, name), getattr(text, name)
            assert there.dtype == here.dtype
            assert there.long().equal(here.long())
        assert found.text.end == 5
        assert found.text.vocab == 50_000 and found.text.bytes_a_token is None


@pytest.mark.parametrize("root", ["/a b", "/\udcff\udc80", "/\n字"])
def test_a_question_is_what_was_asked(ends: Any, root: str) -> None:
    question = Question(small.CANDIDATE, 1, Folder(Path(root)) / "candidates" / "7")
    ask(ends[0], question)
    assert asked(ends[1]) == question
