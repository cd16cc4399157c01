"""benchmarks/gpu.py without a GPU: its timer runs a call once and says 2 ms."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import starc
from benchmarks import gpu, gpu_cases, gpu_model

MACHINE = gpu.Machine("Some GPU", 1e12, 1e14, 1e12)


class TwoMilliseconds:
    def milliseconds(self, call: Callable[[], object]) -> float:
        call()
        return 2.0


@pytest.mark.parametrize("case", gpu_cases.CASES, ids=lambda case: case.name)
def test_every_case_runs(case: gpu_cases.Case) -> None:
    torch.manual_seed(0)
    shape = (1, 64, 64)
    rows = gpu.measure(case, MACHINE, TwoMilliseconds(), shape, shape, "cpu")
    assert [row["pass"] for row in rows] == ["forward", "backward"]
    for row in rows:
        assert row["error"] < 2e-2
        assert row["ratio"] == 2.0 / row["floor_ms"]
        assert row["reached"] == (row["ratio"] <= row["asked"])
        for peer in row["peers"].values():
            assert "missing" in peer or peer["speedup"] == 1.0
    assert case.name in gpu.table(rows)
    json.dumps(rows)


def test_floor_is_that_of_the_slowest_unit() -> None:
    assert MACHINE.floor(2e9, 1e11, 1e9) == 2.0
    assert MACHINE.floor(2e9, 3e11, 1e9) == 3.0
    assert MACHINE.floor(2e9, 3e11, 4e9) == 4.0


def test_floors_are_those_of_the_issue() -> None:
    """At 4.3 TB/s, in microseconds: the facts' table."""
    h200 = gpu.Machine("H200", 4.3e12, 790e12, 4.18e12)
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


def test_without_a_gpu(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "no GPU" in said


def test_failures_cost_one_row() -> None:
    def broken() -> list[gpu.Row]:
        raise RuntimeError("out of memory")

    later = time.monotonic() + 60
    (row,) = gpu.attempt("a kernel", broken, later)
    assert "out of memory" in row["failed"] and "out of memory" in gpu.table([row])
    (row,) = gpu.attempt("a kernel", broken, 0.0)
    assert "no time" in row["failed"]


def test_names_of_results() -> None:
    assert gpu.result_path("NVIDIA H200").name == "nvidia_h200.json"


def test_folder_without_wheels(tmp_path: Path) -> None:
    assert "no wheels" in gpu.install(tmp_path)


def test_models_are_the_same_size() -> None:
    """The emitted LFM2-350M and transformers' have as many parameters."""
    pytest.importorskip("transformers")
    ours, theirs = gpu_model.emitted("meta"), gpu_model.of_transformers("meta")
    assert sum(p.numel() for p in set(ours.parameters())) == sum(
        p.numel() for p in set(theirs.parameters())
    )


def test_the_model_is_the_one_that_the_compiler_emits() -> None:
    path = gpu_model.ROOT / "examples" / "lfm2_350m.star"
    assert gpu_model.source() == starc.compile(path.read_text(), path.name)
