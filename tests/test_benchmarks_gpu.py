"""benchmarks/gpu.py without a GPU: its timer runs a call once and says 2 ms."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import starc
from benchmarks import (
    gpu,
    gpu_cases,
    gpu_measure,
    gpu_model,
    gpu_report,
    gpu_steps,
    gpu_tests,
)
from benchmarks.gpu_steps import Step
from benchmarks.gpu_timing import Machine, within
from tests import peers_of_benchmarks

MACHINE = Machine("Some GPU", 1e12, 1e14, 1e12)
SHAPE = (1, 64, 64)
SIZES = gpu_model.Sizes(64, 32, 64, 2, 1, 16)
DECODE = gpu_model.Decode(sizes=SIZES, device="cpu", more=4, theirs_more=4)
TRAINING = gpu_model.Training(
    sizes=SIZES, device="cpu", batch=2, length=16, compile=lambda model: model
)
each = pytest.mark.parametrize("case", gpu_cases.CASES, ids=lambda case: case.name)


class TwoMilliseconds:
    def milliseconds(self, call: Callable[[], object]) -> float:
        call()
        return 2.0


def measured(case: gpu_cases.Case) -> list[gpu_measure.Row]:
    torch.manual_seed(0)
    timer = TwoMilliseconds()
    return gpu_measure.measure(case, MACHINE, timer, SHAPE, SHAPE, "cpu")


@each
def test_every_case_runs(case: gpu_cases.Case) -> None:
    rows = measured(case)
    assert [row["pass"] for row in rows] == ["forward", "backward"]
    for row in rows:
        assert row["error"] < 2e-2
        assert row["ratio"] == 2.0 / row["floor_ms"]
        assert row["reached"] == (row["ratio"] <= row["asked"])


@each
def test_every_peer_is_called_as_it_is_declared(
    case: gpu_cases.Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stand-ins have the peers' signatures and layouts; outputs are equal."""
    for name, module in peers_of_benchmarks.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(torch, "compile", lambda call, fullgraph: call)
    rows, timer = measured(case), TwoMilliseconds()
    assert case.peers
    for peer in case.peers:
        gpu_measure.measure_peer(case, peer, rows, timer, SHAPE, "cpu")
        for row, asked in zip(rows, peer.asked, strict=True):
            found = row["peers"][peer.name]
            assert (found["speedup"], found["asked"]) == (1.0, asked)
            assert found["difference"] < 1e-2 if peer.same else True, found


def test_floor_is_that_of_the_slowest_unit() -> None:
    assert MACHINE.floor(2e9, 1e11, 1e9) == 2.0
    assert MACHINE.floor(2e9, 3e11, 1e9) == 3.0
    assert MACHINE.floor(2e9, 3e11, 4e9) == 4.0


def test_floors_are_those_of_the_issue() -> None:
    """At 4.3 TB/s, in microseconds: the facts' table."""
    h200 = Machine("H200", 4.3e12, 790e12, 4.18e12)
    size = 8 * 4096 * 2048
    want = {
        "gated conv K=3": (125, 218),
        "conv + SiLU K=4": (62, 94),
        "RG-LRU, gates fused": (125, 250),
        "SwiGLU": (94, 156),
        "selective scan N=16": (257, 257),
        "SSD H32 P64 N128": (67, 130),
    }
    for case in gpu_cases.CASES:
        for n, microseconds in enumerate(want.get(case.name, ())):
            work = (2 * case.moves[n], case.flops[n], case.exponentials)
            floor = h200.floor(*(size * part for part in work))
            assert abs(1e3 * floor - microseconds) < 2, case.name


def test_table() -> None:
    """Each column, what a peer needs and where it is missing, what went wrong."""
    forward = gpu_measure.row("conv", "forward", 0.15, 0.125, 1.15, error=4e-3)
    gpu_measure.add_peer(forward, "theirs", 0.3, 1.8, difference=1e-3)
    gpu_measure.add_peer(forward, "wrong", 0.3, None, difference=float("nan"))
    forward["peers"]["absent"] = {"missing": "ModuleNotFoundError"}
    model = gpu_measure.row("model", "training", 200.0, 100.0, None, peak_bytes=3e10)
    gpu_measure.add_peer(model, "compiled", 260.0, 1.2, peak_bytes=4e10)
    failed = {"kernel": "scan", "failed": "OutOfMemoryError()"}
    said = gpu_report.table([forward, model, failed]).splitlines()
    assert [" ".join(line.split()) for line in said] == [
        "kernel pass ms floor ratio asked error against",
        "conv forward 0.150 0.125 1.20 1.15 4.0e-03 theirs 2.00x (asked 1.8); wrong "
        "2.00x, ANOTHER OUTPUT, nan from ours; absent: not here",
        "model training 200.000 100.000 2.00 - - peak 30.0 GB; compiled 1.30x "
        "(asked 1.2), peak 40.0 GB",
        "scan OutOfMemoryError()",
    ]
    assert not forward["reached"] and model["reached"]


def test_each_step_costs_itself_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors, a step that does not end, a kernel after which nothing works."""

    def ours(name: str, ms: float = 1.0) -> Step:
        return Step(name, lambda _: [gpu_measure.row(name, "forward", ms, 1.0, 1.5)])

    def broken(rows: list[gpu_measure.Row]) -> list[gpu_measure.Row]:
        raise RuntimeError("out of memory")

    def endless(rows: list[gpu_measure.Row]) -> list[gpu_measure.Row]:
        while True:
            time.sleep(0.01)

    def slower(rows: list[gpu_measure.Row]) -> list[gpu_measure.Row]:
        gpu_measure.add_peer(rows[0], "slower", 3.0, 2)
        return []

    monkeypatch.setattr(gpu_steps, "SECONDS", 0.2)
    sound = iter([True, True, False, True, True, True])
    monkeypatch.setattr(gpu_steps, "usable", lambda: next(sound))
    path, report = tmp_path / "gpu.json", gpu.new_report("Some GPU", "none")
    todo = [
        *(ours("a"), Step("b", broken), Step("c", endless)),
        *(Step("a", endless, "hung"), Step("a", slower, "slower")),
        Step("b", slower, "slower"),
    ]

    def write() -> None:
        gpu_report.write(path, report)

    assert not gpu_steps.run_all(todo, report, 60, write)
    report = json.loads(path.read_text())  # as the process that goes on
    assert [row["kernel"] for row in report["rows"]] == ["a", "b", "c"]
    assert gpu_steps.run_all(todo, report, 60, write)
    a, b, c = json.loads(path.read_text())["rows"]
    assert a["peers"]["slower"] == {"ms": 3.0, "speedup": 3.0, "asked": 2}
    assert "TimeoutError" in a["peers"]["hung"]["missing"]
    assert "out of memory" in b["failed"] and "TimeoutError" in c["failed"]
    late = gpu.new_report("Some GPU", "none")
    sound = iter([True] * 6)
    gpu_steps.run_all(todo, late, -1, lambda: None)
    assert all("no time" in row["failed"] for row in late["rows"])


def test_time_limits_nest() -> None:
    with within(0.3):
        with pytest.raises(TimeoutError, match="0 s"), within(0.05):
            time.sleep(5)
        with within(5):
            pass
        with pytest.raises(TimeoutError):
            time.sleep(5)
    time.sleep(0.4)  # no alarm is left


def test_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the command line to the file and the table, on a CPU, sizes apart."""
    timer = TwoMilliseconds()
    passed = {"ran": True, "passed": True, "tail": "300 passed in 99.0s"}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(gpu, "CudaTimer", lambda: timer)
    monkeypatch.setattr(Machine, "measure", lambda timer: MACHINE)
    monkeypatch.setattr(gpu, "tests_and_warming", lambda seconds: dict(passed))
    monkeypatch.setattr(gpu_steps, "usable", lambda: True)
    monkeypatch.setattr(gpu_cases, "CASES", gpu_cases.CASES[:1])
    monkeypatch.setattr(gpu_cases, "FULL", SHAPE)
    monkeypatch.setattr(gpu_cases, "SMALL", SHAPE)
    monkeypatch.setattr(gpu_model, "TASKS", (DECODE, TRAINING))
    steps = gpu_steps.steps(MACHINE, timer, "cpu")
    monkeypatch.setattr(gpu_steps, "steps", lambda machine, timer: steps)
    arguments = ["--results", str(tmp_path)]
    assert gpu.main(arguments) == 0
    said = capsys.readouterr().out
    report = json.loads((tmp_path / "nvidia_h200.json").read_text())
    assert report["machine"] == vars(MACHINE) and report["tests"] == passed
    assert list(report["seconds"]) == [step.name for step in steps]
    names = [row["kernel"] for row in report["rows"]]
    assert names == ["gated conv K=3"] * 2 + [DECODE.name, TRAINING.name]
    assert not [row for row in report["rows"] if "failed" in row]
    for row in report["rows"]:
        for peer, found in row["peers"].items():
            assert "speedup" in found, (row["kernel"], peer, found)
            assert f"{peer} {found['speedup']:.2f}x" in said
    assert report["rows"][2]["graph_gives_plain_tokens"]
    assert "300 passed" in said and "a copy moves 1000 GB/s" in said
    passed["passed"] = False
    assert gpu.main(arguments) == 1
    assert gpu.main([*arguments, "--warm", "ours"]) == 0
    assert gpu.main([*arguments, "--warm", "theirs"]) == 0


def test_warming_reaches_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = []

    def step(kernel: str, peer: str = "") -> Step:
        def call(rows: list[gpu_measure.Row]) -> list[gpu_measure.Row]:
            if peer:
                gpu_measure.add_peer(rows[1], peer, 1.0, None)
            reached.append((kernel, peer))
            raise RuntimeError

        return Step(kernel, call, peer)

    todo = [step("a"), step("b"), step("a", "x"), step("b", "y")]
    gpu_steps.warm(todo, "ours")
    assert reached == [("a", ""), ("b", "")]
    reached.clear()
    gpu_steps.warm(todo, "theirs")
    assert reached == [("a", "x"), ("b", "y")]


def test_run_of_the_tests(tmp_path: Path) -> None:
    """What pytest said is read; a run that does not end is ended, and so is what it
    started; what it had said is kept."""
    log = tmp_path / "logs" / "tests.log"
    said = (
        "FAILED tests/triton/test_x.py::test_y[3] - AssertionError\n"
        "ERROR tests/triton/test_z.py - ImportError\n"
        "= 1 failed, 370 passed, 12 skipped, 1 error in 99.99s (0:01:39) ="
    )
    words = [sys.executable, "-c", f"print({said!r}); raise SystemExit(1)"]
    found = gpu_tests.run(5, tmp_path, log, words)
    assert found["counts"] == {"failed": 1, "passed": 370, "skipped": 12, "error": 1}
    assert found["failed"] == ["tests/triton/test_x.py::test_y[3]"] + [
        "tests/triton/test_z.py"
    ]
    assert found["ran"] and not found["passed"] and log.read_text().strip() == said
    beside = tmp_path / "beside"
    child = (
        f"import time, pathlib; time.sleep(2); pathlib.Path({str(beside)!r}).touch()"
    )
    lines = (
        "[gw0] [ 1%] PASSED tests/triton/test_x.py::test_a\n"
        "[gw1] [ 2%] FAILED tests/triton/test_x.py::test_b\n"
        "[gw0] [ 2%] PASSED tests/triton/test_x.py::test_c"
    )
    words[2] = (
        f"import subprocess, sys, time; print({lines!r}, flush=True); "
        f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    found = gpu_tests.run(-29, tmp_path, log, words)
    assert found["ended"] == "here, out of time" and "test_c" in found["tail"]
    assert found["counts"] == {"passed": 2, "failed": 1} and not found["passed"]
    assert found["failed"] == ["tests/triton/test_x.py::test_b"]
    time.sleep(2)
    assert not beside.exists()


def test_without_a_gpu(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "no GPU" in said


def test_folder_without_wheels(tmp_path: Path) -> None:
    assert "no wheels" in gpu.install(tmp_path)


def test_models_are_the_same() -> None:
    """The emitted LFM2-350M and transformers': as many parameters; small, equal."""
    pytest.importorskip("transformers")
    ours, theirs = gpu_model.emitted("meta"), gpu_model.of_transformers("meta")
    assert sum(p.numel() for p in set(ours.parameters())) == sum(
        p.numel() for p in set(theirs.parameters())
    )
    torch.manual_seed(0)
    ours = gpu_model.emitted("cpu", SIZES).float().eval()
    torch.manual_seed(0)
    theirs = gpu_model.of_transformers("cpu", SIZES).float().eval()
    tokens = DECODE.prompt()
    with torch.no_grad():
        want = theirs(tokens).logits
        assert gpu_measure.relative(ours(tokens), want) < 1e-5


def test_the_model_is_the_one_that_the_compiler_emits() -> None:
    path = gpu_model.ROOT / "examples" / "lfm2_350m.star"
    assert gpu_model.source() == starc.compile(path.read_text(), path.name)
