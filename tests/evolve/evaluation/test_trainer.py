"""Training for comparison: it learns, repeats itself to the bit, and goes on."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import load_file

from starc.evolve.evaluation import data, evaluate, mad, rungs
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Objective, Spec
from starc.training.run import Run
from tests.evolve.evaluation import small


def test_it_learns(tmp_path: Path) -> None:
    spec = small.real(tmp_path, steps=60)
    outcome = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    assert outcome.status == "ok" and outcome.reason == ""
    measures = outcome.measures
    assert measures["loss"] < 2.0, "5.5 before the first step"
    assert measures["perplexity"] == math.exp(measures["loss"])
    assert measures["bits_per_byte"] == measures["loss"] / math.log(2)
    assert measures["learning_rate"] == 1e-2
    weights = load_file(tmp_path / "1" / "weights.safetensors")
    assert all(w.isfinite().all() for w in weights.values())
    assert {path.name for path in (tmp_path / "1").iterdir()} == {
        "candidate.star",
        "model.py",
        "log.txt",
        "metrics.json",
        "training.json",
        "weights.safetensors",
        "optimizer.safetensors",
        "run.json",
    }


def both(spec: Spec, folder: Path) -> Outcome:
    """The last rung, after all earlier ones."""
    for rung in range(len(spec.trainer.rungs)):
        outcome = evaluate(small.CANDIDATE, spec, folder, rung)
    return outcome


def weights(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def test_rungs_are_one_training(tmp_path: Path) -> None:
    """Three rungs, one of them from nothing, and all at once: the same bits."""
    spec = small.real(tmp_path, rungs=(0.25, 0.5, 1.0))
    torch.manual_seed(1)
    steps = both(spec, tmp_path / "steps")
    torch.manual_seed(2)
    alone = evaluate(small.CANDIDATE, spec, tmp_path / "alone", 2)
    assert steps.measures == alone.measures
    assert {"loss_at_3", "loss_at_6", "loss_at_12"} <= steps.measures.keys()
    assert steps.measures["loss"] == steps.measures["loss_at_12"]
    assert weights(tmp_path / "steps") == weights(tmp_path / "alone")
    log = (tmp_path / "steps" / "log.txt").read_text()
    assert "goes on after step 3" in log and "goes on after step 6" in log
    assert not (tmp_path / "steps" / "checkpoint").exists()


def test_trained_again_is_trained_with_the_next_seed(tmp_path: Path) -> None:
    spec = small.real(tmp_path, repeat=1, rungs=(0.5, 1.0))
    twice = both(spec, tmp_path / "twice").measures
    for name, seed in ("loss", 0), ("loss_again", 1):
        alone = small.real(tmp_path, rungs=(0.5, 1.0), seed=seed)
        found = evaluate(small.CANDIDATE, alone, tmp_path / str(seed), 1).measures
        assert twice[name] == found["loss"] and "loss_again" not in found
    assert twice["bits_per_byte_again"] == twice["loss_again"] / math.log(2)
    assert twice["loss"] != twice["loss_again"]


def test_a_damaged_checkpoint_costs_time_only(tmp_path: Path) -> None:
    spec = small.real(tmp_path, rungs=(0.5, 1.0))
    whole = both(spec, tmp_path / "whole")
    evaluate(small.CANDIDATE, spec, tmp_path / "damaged", 0)
    (tmp_path / "damaged" / "checkpoint" / "model.safetensors").write_bytes(b"no")
    damaged = evaluate(small.CANDIDATE, spec, tmp_path / "damaged", 1)
    assert damaged.measures == whole.measures
    assert "starts over" in (tmp_path / "damaged" / "log.txt").read_text()


def test_what_is_known_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small.real(tmp_path)
    first = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    monkeypatch.setattr(Run, "take_step", None)  # a step would raise
    assert evaluate(small.CANDIDATE, spec, tmp_path / "1", 0) == first
    other = replace(spec, seed=1)
    assert evaluate(small.CANDIDATE, other, tmp_path / "1", 0).status == "failed"


def test_all_candidates_see_the_same_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    loss_of = Run._loss

    def noted(run: Run, window: torch.Tensor) -> torch.Tensor:
        seen.append(window.flatten().tolist())
        return loss_of(run, window)

    monkeypatch.setattr(Run, "_loss", noted)
    spec = small.real(tmp_path)
    evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    half = len(seen)
    evaluate(small.OTHER, spec, tmp_path / "2", 0)
    assert seen[:half] == seen[half:]


def test_the_best_learning_rate_of_the_grid_counts(tmp_path: Path) -> None:
    alone = {}
    for rate in (1e-6, 1e-2, 1e3):
        spec = small.real(tmp_path, learning_rates=(rate,))
        alone[rate] = evaluate(small.CANDIDATE, spec, tmp_path / f"{rate}", 0)
    assert alone[1e3].status == "failed"
    assert alone[1e3].reason.startswith("diverged: step")
    assert "diverged" in (tmp_path / "1000.0" / "log.txt").read_text()
    spec = small.real(tmp_path, learning_rates=(1e3, 1e-6, 1e-2))
    best = evaluate(small.CANDIDATE, spec, tmp_path / "all", 0)
    assert best.measures == alone[1e-2].measures


def test_learning_rates_go_down_with_the_width(tmp_path: Path) -> None:
    spec = small.real(tmp_path, base_width=64)
    outcome = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    assert outcome.measures["learning_rate"] == pytest.approx(2e-2), "at 32, not 64"


def test_tokens_and_their_bytes(tmp_path: Path) -> None:
    """Bits per byte need to know how long the text was."""
    path = tmp_path / "tokens.npy"
    numpy.save(path, numpy.arange(4000, dtype=numpy.uint16) % 200)
    spec = replace(
        small.real(tmp_path),
        data=str(path),
        objectives=(Objective("bits_per_byte", "min"),),
    )
    outcome = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    assert outcome.status == "failed" and "does not say" in outcome.reason
    path.with_name("tokens.npy.json").write_text(json.dumps({"bytes": 16_000}))
    data._read.clear()
    shutil.rmtree(tmp_path / "1")
    measures = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0).measures
    assert measures["bits_per_byte"] == measures["loss"] / math.log(2) / 4
    numpy.save(path, numpy.arange(4000, dtype=numpy.uint16) % 300)
    data._read.clear()
    outcome = evaluate(small.OTHER, spec, tmp_path / "2", 0)
    assert "a vocabulary of 256 cannot hold tokens up to 299" in outcome.reason


def test_steps_of_rungs() -> None:
    assert [rungs.steps(small.SIMULATED, r) for r in (0, 1, 2)] == [25, 100, 100]
    assert [rungs.is_last(small.SIMULATED, r) for r in (0, 1)] == [False, True]


def test_mad_is_learned_where_it_is_easy(tmp_path: Path) -> None:
    """Two tasks that even a tiny model learns some of in a moment, better than luck."""
    spec = replace(
        small.real(tmp_path, mad_steps=60, batch=16),
        objectives=(
            Objective("mad_compression", "max"),
            Objective("mad_memorisation", "max"),
        ),
    )
    outcome = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    assert outcome.status == "ok", outcome.reason
    assert "loss" not in outcome.measures, "nobody asked"
    assert outcome.measures["mad_compression"] > 1.5 / 16
    assert outcome.measures["mad_memorisation"] > 1.5 / 128


def test_mad_is_the_mean_of_six(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = iter((0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    monkeypatch.setattr(mad, "share_right", lambda subject, task: next(shares))
    spec = replace(small.real(tmp_path), objectives=(Objective("mad", "max"),))
    measures = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0).measures
    assert measures["mad"] == pytest.approx(0.35)
    assert measures["mad_memorisation"] == 0.6


def test_mad_takes_the_best_rate_of_the_grid(tmp_path: Path) -> None:
    goal = (Objective("mad_memorisation", "max"),)
    found: dict[tuple[float, ...], Any] = {}
    for rates in ((1e-7,), (1e-2,), (1e-7, 1e-2, math.inf)):
        spec = small.real(tmp_path, mad_steps=40, batch=16, learning_rates=rates)
        spec = replace(spec, objectives=goal)
        outcome = evaluate(small.CANDIDATE, spec, tmp_path / str(len(found)), 0)
        assert outcome.status == "ok", outcome.reason
        found[rates] = outcome.measures["mad_memorisation"]
    nothing, learned, best = found.values()
    assert nothing < learned == best
    spec = replace(small.real(tmp_path, learning_rates=(math.inf,)), objectives=goal)
    outcome = evaluate(small.CANDIDATE, spec, tmp_path / "inf", 0)
    assert outcome.status == "failed" and "MAD task memorisation" in outcome.reason
