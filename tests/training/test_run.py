"""Whole runs on a stand-in model: learning, resuming, signals, damage."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from starc import compiler
from starc.training import checkpoint, emitted
from starc.training.progress import Display
from starc.training.run import Run, prepare
from starc.training.settings import Settings, TrainingError
from starc.training.stop import Stop
from tests.work import PATIENCE, until

STUB = Path(__file__).parent / "stub_model.py"
SETTINGS = Settings(steps=12, batch=4, context=16, learning_rate=1e-2, save=5)


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "data.txt"
    path.write_bytes(b"the quick brown fox jumps over the lazy dog\n" * 100)
    return str(path)


def train(run: Run, folder: Path) -> list[float]:
    """The loss of every step."""
    losses: list[float] = []
    display = Display(Console(stderr=True), 1, run.progress)
    display.add = lambda step, loss, progress: losses.append(loss.item())  # type: ignore
    run.train(folder, display, Stop())
    return losses


def test_it_learns(tmp_path: Path, data: str) -> None:
    run = prepare(STUB, replace(SETTINGS, data=data, steps=150))
    before = run.validation_loss()
    train(run, tmp_path / "run")
    assert before > 5.0
    assert run.validation_loss() < 2.5


def test_the_busiest_expert_is_told(tmp_path: Path, data: str) -> None:
    """How much more than an equal share it had in the steps since it was last asked."""
    path = tmp_path / "model.py"
    path.write_text(
        compiler.compile("""
model m { width = 32; vocab = 256; context = 64 }
backbone { MoE(hidden = 8, experts = 4, top = 2); MoE(hidden = 8, balance = none) }
""")
    )
    run = prepare(path, replace(SETTINGS, data=data, steps=3))
    assert run.busiest() == ""
    for _ in range(3):
        run.take_step()
    loads = run.loads
    assert [load.sum() for load in loads] == [3 * 4 * 16 * 2] * 2
    most = max(float(4 * loads[0].max()), float(8 * loads[1].max())) / (3 * 4 * 16 * 2)
    assert run.busiest() == f"   busiest expert {most:.1f} x"
    assert run.busiest() == ""


def test_the_same_seed_gives_the_same_run(tmp_path: Path, data: str) -> None:
    settings = replace(SETTINGS, data=data)
    first = train(prepare(STUB, settings), tmp_path / "a")
    assert first == train(prepare(STUB, settings), tmp_path / "b")
    other = prepare(STUB, replace(settings, seed=1))
    assert first != train(other, tmp_path / "c")


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path, data: str) -> None:
    settings = replace(SETTINGS, data=data)
    whole = prepare(STUB, settings)
    losses = train(whole, tmp_path / "whole")
    halved = prepare(STUB, settings)
    halved.save = lambda folder: _stop_after(halved, folder, 5)  # type: ignore
    with pytest.raises(KeyboardInterrupt):
        train(halved, tmp_path / "halved")
    stored = checkpoint.load(tmp_path / "halved")
    assert stored.step == 5
    torch.manual_seed(99)  # whatever another process would have
    resumed = prepare(STUB, stored.settings, stored)
    assert train(resumed, tmp_path / "halved") == losses[5:]
    for file in ("model.safetensors", "optimizer.safetensors"):
        mine = load_file(tmp_path / "halved" / "checkpoint" / file)
        theirs = load_file(tmp_path / "whole" / "checkpoint" / file)
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def _stop_after(run: Run, folder: Path, step: int) -> None:
    Run.save(run, folder)
    if run.step == step:
        raise KeyboardInterrupt


def test_other_text_or_another_model_is_refused(tmp_path: Path, data: str) -> None:
    run = prepare(STUB, replace(SETTINGS, data=data, steps=1))
    train(run, tmp_path / "run")
    stored = checkpoint.load(tmp_path / "run")
    other = tmp_path / "other.txt"
    other.write_bytes(b"something else " * 100)
    with pytest.raises(TrainingError, match="not the one that the run began with"):
        prepare(STUB, replace(stored.settings, data=str(other)), stored)
    wider = tmp_path / "wider.py"
    wider.write_text(STUB.read_text().replace("32)", "64)").replace("(32,", "(64,"))
    with pytest.raises(TrainingError, match="another model"):
        prepare(wider, stored.settings, stored)


def test_there_is_a_whole_checkpoint_at_any_moment(tmp_path: Path, data: str) -> None:
    run = prepare(STUB, replace(SETTINGS, data=data, steps=1))
    train(run, tmp_path)
    (tmp_path / "checkpoint").rename(tmp_path / ".checkpoint.old")  # between renames
    (tmp_path / ".checkpoint.new").mkdir()
    assert checkpoint.load(tmp_path).step == 1
    run.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir() if "check" in p.name) == [
        "checkpoint"
    ]


def test_a_damaged_checkpoint_is_said(tmp_path: Path, data: str) -> None:
    with pytest.raises(TrainingError, match="no checkpoint"):
        checkpoint.load(tmp_path)
    train(prepare(STUB, replace(SETTINGS, data=data, steps=1)), tmp_path)
    weights = tmp_path / "checkpoint" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(TrainingError, match="damaged"):
        checkpoint.load(tmp_path)


def test_a_checkpoint_holds_no_pickle(tmp_path: Path, data: str) -> None:
    train(prepare(STUB, replace(SETTINGS, data=data, steps=1)), tmp_path)
    files = sorted(p.name for p in (tmp_path / "checkpoint").iterdir())
    assert files == ["model.safetensors", "optimizer.safetensors", "training.json"]
    state = json.loads((tmp_path / "checkpoint" / "training.json").read_text())
    assert state["step"] == 1 and state["settings"]["batch"] == 4


def test_a_broken_model_does_not_replace_a_good_one(tmp_path: Path, data: str) -> None:
    run = prepare(STUB, replace(SETTINGS, data=data, steps=1))
    train(run, tmp_path)
    run.model.head.weight.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no longer finite"):
        run.save(tmp_path)
    assert checkpoint.load(tmp_path).model["head.weight"].isfinite().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", "cannot be imported: SyntaxError"),
        ("raise RuntimeError('no')", "cannot be imported: RuntimeError: no"),
        ("class Config: pass", "no class Model"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.py"
    path.write_text(text)
    with pytest.raises(TrainingError, match=message):
        emitted.load(path)


def test_a_vocabulary_that_cannot_hold_bytes(tmp_path: Path, data: str) -> None:
    path = tmp_path / "m.py"
    path.write_text(STUB.read_text().replace("vocab: int = 256", "vocab: int = 16"))
    with pytest.raises(TrainingError, match="vocab = 256 or more"):
        prepare(path, replace(SETTINGS, data=data))


def test_an_unknown_device(data: str) -> None:
    with pytest.raises(TrainingError, match="device warp cannot be used"):
        prepare(STUB, replace(SETTINGS, data=data, device="warp"))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "starc", "train", str(STUB), *arguments]


def test_ctrl_c_saves_and_resume_ends_the_run(tmp_path: Path, data: str) -> None:
    out = str(tmp_path / "run")
    options = ["--data", data, "--steps", "100000", "--save", "20", "-o", out]
    saved = tmp_path / "run" / "checkpoint" / "training.json"
    process = subprocess.Popen(
        command(*options), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    until(saved.exists, "checkpoint")
    process.send_signal(signal.SIGINT)
    out_text, err_text = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err_text
    assert "--resume goes on" in err_text and "Traceback" not in err_text
    step = json.loads(saved.read_text())["step"]
    resumed = subprocess.run(
        command("-o", out, "--resume", "--steps", str(step + 3), "--sample", "20"),
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(saved.read_text())["step"] == step + 3
    again = subprocess.run(command("-o", out), capture_output=True, text=True)
    assert again.returncode == 2
    assert "holds a run" in again.stderr


STAR = """
model small { width = 32; vocab = 256; context = 32 }
backbone {
  GConv-1
  SA-1(heads = 2)
  GMemless
}
"""


def test_a_star_file_is_compiled_trained_and_sampled(tmp_path: Path, data: str) -> None:
    (tmp_path / "small.star").write_text(STAR)
    done = subprocess.run(
        [sys.executable, "-m", "starc", "train", "small.star", "--data", data]
        + ["--steps", "30", "--lr", "1e-2", "--batch", "8", "--sample", "30"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(STUB.parent.parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    losses = [float(x) for x in re.findall(r"loss (\d+\.\d+)", done.stderr)]
    assert losses[-1] < 4.0, "5.5 before the first step"
    assert len(done.stdout) > 64
    folder = tmp_path / "runs" / "small"
    model = emitted.load(folder / "model.py").Model()
    model.load_state_dict(load_file(folder / "checkpoint" / "model.safetensors"))
