"""Processes that crash, hang and eat memory, and others that must not notice."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Objective, Spec
from starc.evolve.workers.local import Inline, Local, Workers, WorkersError
from tests.evolve.evaluation import small
from tests.work import until

HOSTILE = """
import ctypes, os, signal, sys

def exits(subject): os._exit(7)
def leaves(subject): sys.exit(3)
def loops(subject):
    while True: pass
def hangs(subject): ctypes.PyDLL(None).sleep(600)  # and holds the interpreter's lock
def crashes(subject): ctypes.string_at(0)
def is_killed(subject): os.kill(os.getpid(), signal.SIGKILL)
def eats(subject):
    eaten = []
    while True: eaten.append(bytearray(64 << 20))
def eats_tensors(subject):
    import torch
    return sum(torch.ones(1 << 28) for _ in range(100))[0]
def raises(subject): raise RuntimeError("no, thank you")
def prints(subject): print("out", flush=True); os.write(2, b"err"); return 1.0
def gives_nan(subject): return float("nan")
def gives_text(subject): return "much"
def is_fine(subject): return sum(p.numel() for p in subject.model.parameters())

ALL = (exits, leaves, loops, hangs, crashes, is_killed, eats, eats_tensors, raises,
       prints, gives_nan, gives_text, is_fine)

def acts(subject):
    return ALL[int(subject.folder.name)](subject)
"""

ENDS = {
    "exits": "crashed: the process ended with exit code 7",
    "leaves": "crashed: the process ended with exit code 3",
    "loops": "out of time: more than 8 s",
    "hangs": "out of time: more than 8 s",
    "crashes": "crashed: the process was ended by SIGSEGV",
    "is_killed": "crashed: the process was ended by SIGKILL",
    "eats": "out of memory",
    "eats_tensors": "out of memory",
    "raises": "RuntimeError: no, thank you (in hostile:acts)",
    "prints": "",
    "gives_nan": "hostile:acts is nan",
    "gives_text": "hostile:acts gave str, not a number",
    "is_fine": "",
}
"""In the order of ALL: what each gives as the reason."""


def asking(spec: Spec, function: str) -> Spec:
    return replace(spec, objectives=(Objective(function, "min"),))


def outcomes(workers: Workers, tasks: dict[int, Candidate]) -> dict[int, Outcome]:
    try:
        for number, candidate in tasks.items():
            workers.submit(number, candidate, 0)
        return dict(workers.completed())
    finally:
        workers.close()


QUICK = ("hangs", "raises", "prints", "is_fine")
"""The others in `make test-slow`: each costs a new process."""

Done = dict[str, tuple[Outcome, Path]]


def all_of(names: Sequence[str], folder: Path) -> Done:
    """All in one search of two workers: those that are fine must be so."""
    (folder / "hostile.py").write_text(HOSTILE)
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[3])])
    spec = small.real(folder, steps=1, time_limit=8.0, memory_limit=1 << 30)
    numbers = {name: list(ENDS).index(name) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        workers = Local(asking(spec, "hostile:acts"), folder / "run", 2)
        done = outcomes(workers, dict.fromkeys(numbers.values(), small.CANDIDATE))
    return {
        name: (done[number], folder / "run" / str(number))
        for name, number in numbers.items()
    }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return all_of(QUICK, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def more_hostile(tmp_path_factory: pytest.TempPathFactory) -> Done:
    names = [name for name in ENDS if name not in QUICK]
    return all_of(names, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("name", QUICK)
def test_whatever_a_candidate_does_is_an_outcome(hostile: Done, name: str) -> None:
    ends_well(*hostile[name], ENDS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENDS if name not in QUICK])
def test_whatever_else_it_does_is_an_outcome(more_hostile: Done, name: str) -> None:
    ends_well(*more_hostile[name], ENDS[name])


def ends_well(outcome: Outcome, folder: Path, reason: str) -> None:
    assert outcome.reason.startswith(reason)
    assert outcome.status == ("failed" if reason else "ok")
    names = {path.name for path in folder.iterdir()}
    assert {"candidate.star", "model.py", "log.txt", "metrics.json"} <= names
    assert not [name for name in names if name.startswith(".")]
    assert reason in (folder / "log.txt").read_text()
    known = json.loads((folder / "metrics.json").read_text())
    assert known["reason"] == outcome.reason


def test_what_is_printed_is_in_the_log(hostile: Done) -> None:
    log = (hostile["prints"][1] / "log.txt").read_text()
    assert "out\n" in log and "err" in log
    assert "Traceback" in (hostile["raises"][1] / "log.txt").read_text()


def test_a_users_own_measure(hostile: Done) -> None:
    measures = hostile["is_fine"][0].measures
    assert measures["hostile:acts"] == measures["params"]


def test_outcomes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    spec = small.real(tmp_path)
    tasks = {1: small.CANDIDATE, 2: small.OTHER, 3: Candidate((small.CONV,))}
    two = outcomes(Local(spec, tmp_path / "two", 2), tasks)
    inline = outcomes(Inline(spec, tmp_path / "inline"), tasks)
    for number in tasks:
        assert two[number].status == "ok"
        assert two[number].measures == inline[number].measures


def test_simulated_workers_do_not_load_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from evolve.evaluation import small\n"
        "from starc.evolve.workers.local import Inline\n"
        "workers = Inline(small.SIMULATED, Path(sys.argv[1]))\n"
        "workers.submit(1, small.CANDIDATE, 0)\n"
        "assert dict(workers.completed())[1].status == 'ok'\n"
        "assert 'torch' not in sys.modules\n"
    )
    tests = Path(__file__).parents[2]
    path = os.pathsep.join([str(tests), str(tests.parent)])
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_workers_end_with_their_owner(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nfrom pathlib import Path\n"
        "from evolve.evaluation import small\n"
        "from starc.evolve.workers.local import Local\n"
        "workers = Local(small.SIMULATED, Path(sys.argv[1]), 2)\n"
        "workers.submit(1, small.CANDIDATE, 0)\n"
        "workers.submit(2, small.OTHER, 0)\n"
        "list(workers.completed())\n"
        "print(*[p._child.pid for p in workers._idle], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    tests = Path(__file__).parents[2]
    path = os.pathsep.join([str(tests), str(tests.parent)])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 2
    until(lambda: not any(_runs(pid) for pid in pids), "end of orphaned workers")


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except OSError:
        return False


def test_workers_that_cannot_start_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    workers = Local(small.SIMULATED, tmp_path)
    with pytest.raises(WorkersError, match="no worker can be started: .* exit code 1"):
        outcomes(workers, {1: small.CANDIDATE})
