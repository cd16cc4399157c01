"""Times and memory: no exact numbers, but relations that hold on any machine."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from starc.evolve.evaluation import evaluate, timing
from starc.evolve.evaluation.memory import Peak
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.objectives import TIMED
from starc.evolve.problem.spec import Objective
from tests.evolve.evaluation import small

LONG = (("context", 512),)
SHORT = (("context", 64),)


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("timed")
    asked = [
        Objective(name, "min", at)
        for name in sorted(TIMED - {"train_rate"})
        for at in (SHORT, LONG)
    ]
    spec = replace(
        small.real(folder),
        objectives=(*asked, Objective("train_rate", "max")),
        model=(("width", "128"), ("vocab", "256"), ("context", "64")),
    )
    attention = Candidate((small.ATTENTION, small.MLP) * 3)
    return evaluate(attention, spec, folder / "1", 0)


def test_longer_prompts_take_longer(timed: Outcome) -> None:
    assert timed.status == "ok", timed.reason
    measures = timed.measures
    short, long = (measures[f"time_to_first_token(context = {n})"] for n in (64, 512))
    assert 0 < short < long < 100 * short
    for tokens, seconds in ((64, short), (512, long)):
        rate = measures[f"prefill_rate(context = {tokens})"]
        assert rate == pytest.approx(tokens / seconds)


def test_quantiles_are_in_order(timed: Outcome) -> None:
    for tokens in (64, 512):
        half = timed.measures[f"token_p50(context = {tokens})"]
        most = timed.measures[f"token_p95(context = {tokens})"]
        assert 0 < half <= most
    first = timed.measures["time_to_first_token(context = 512)"]
    assert timed.measures["token_p50(context = 512)"] < first


def test_training_is_slower_than_reading(timed: Outcome) -> None:
    rate = timed.measures["train_rate"]
    assert 0 < rate < timed.measures["prefill_rate(context = 512)"]


def test_memory_holds_at_least_the_weights_and_the_cache(timed: Outcome) -> None:
    measures = timed.measures
    weights = 4 * measures["params"]
    short = measures["peak_memory(context = 64)"]
    assert 0.9 * weights < short < weights + 200e6
    assert measures["peak_memory(context = 512)"] > 0.9 * weights


def test_nothing_is_trained_for_times(timed: Outcome) -> None:
    assert "loss" not in timed.measures and "timing" in timed.seconds


def test_later_rungs_keep_the_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objectives = (small.LOSS, Objective("token_p50", "min"))
    spec = replace(small.real(tmp_path, rungs=(0.5, 1.0)), objectives=objectives)
    first = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    monkeypatch.setattr(timing, "inference", None)
    last = evaluate(small.CANDIDATE, spec, tmp_path / "1", 1)
    assert last.status == "ok", last.reason
    assert last.measures["token_p50"] == first.measures["token_p50"]
    assert last.measures["loss"] != first.measures["loss"]


@pytest.mark.parametrize("sampled", [False, True])
def test_the_peak_is_seen(sampled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 MB stay, 100 MB come and go; also where the kernel keeps no peak."""
    from starc.evolve.evaluation import memory

    if sampled:
        monkeypatch.setattr(memory, "_CLEAR", Path("/nowhere/at/all"))
    with Peak(torch.device("cpu")) as peak:
        kept = torch.ones(12_500_000)
        peak.begin_use()
        for _ in range(3):
            torch.ones(25_000_000).sum()
        peak.end_use()
    assert kept.sum() > 0
    # Not what the process had before, which is far more; but an allocator may keep a
    # block that was freed.
    assert 145e6 < peak.nbytes < 400e6


def test_quantiles() -> None:
    values = [float(n) for n in range(1, 101)]
    assert timing._quantile(values, 0.5) == 50
    assert timing._quantile(values, 0.95) == 95
    assert timing._quantile([3.0], 0.95) == 3
