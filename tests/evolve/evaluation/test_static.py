"""Static measures against the emitted model, and the simulated trainer."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from starc import compiler
from starc.evolve.evaluation import evaluate, outcome, static
from starc.evolve.problem.architecture import source
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.objectives import MAD_TASKS, MEASURES, TIMED, find
from starc.evolve.problem.spec import Objective, Spec, Trainer
from starc.folders import Folder
from starc.training import emitted
from tests.evolve.evaluation import small

WIDE = replace(
    small.SIMULATED, model=(("width", "64"), ("vocab", "256"), ("context", "128"))
)


def model_of(candidate: Candidate, spec: Spec, folder: Path) -> torch.nn.Module:
    path = folder / "model.py"
    path.write_text(compiler.compile(source(candidate, spec)))
    model: torch.nn.Module = emitted.load(path).Model()
    return model


def test_params_and_cache_are_those_of_the_model(tmp_path: Path) -> None:
    context = (("context", 100),)
    spec = replace(WIDE, objectives=(Objective("cache", "min", context),))
    found = static.of(small.CANDIDATE, spec)
    model = model_of(small.CANDIDATE, spec, tmp_path)
    assert found["params"] == sum(p.numel() for p in model.parameters())
    embedding = 256 * 64
    assert found["params_without_embeddings"] == found["params"] - embedding
    cache = model.new_cache(1, 100, dtype=torch.bfloat16)  # type: ignore[operator]
    assert found["cache(context = 100)"] == cache.nbytes
    assert found["cache"] > found["cache(context = 100)"], "at 128"


@pytest.mark.parametrize(
    "genome",
    [
        (small.CONV, small.MLP) * 3,
        (small.ATTENTION, small.MLP) * 3,
        ((1, 1, 1, 1, 1), (10, 1, 1, 1, 1)),
        ((5, 1, 1, 1, 1), (13, 1, 1, 1, 1), small.MLP),
        ((3, 1, 1, 1, 1), (3, 1, 1, 1, 2), small.MLP, (8, 1, 1, 1, 1)),
    ],
)
def test_activation_memory_is_about_what_autograd_keeps(
    tmp_path: Path, genome: tuple[tuple[int, int, int, int, int], ...]
) -> None:
    """In float32 that is twice the estimate, which counts bfloat16, logits apart."""
    candidate = Candidate(genome)
    model = model_of(candidate, WIDE, tmp_path)
    kept: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in weights:
            kept[place] = tensor.untyped_storage().nbytes()
        return tensor

    tokens = torch.randint(256, (1, 129))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = model(tokens[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), tokens[0, 1:]).backward()
    estimate = static.of(candidate, WIDE)["activation_memory"]
    logit_bytes = 2 * 4 * 256 * 128
    ratio = sum(kept.values()) / (2 * (estimate - logit_bytes) + logit_bytes)
    assert 0.5 < ratio < 2.5, ratio


def test_every_measure_says_what_it_is() -> None:
    for name, measure in MEASURES.items():
        assert measure.name == name and measure.meaning
        assert measure.direction in ("min", "max")
        assert measure.unit or name == "perplexity", "a pure number"
    assert {f"mad_{task}" for task in MAD_TASKS} < MEASURES.keys()
    assert TIMED < MEASURES.keys()
    own = find("my.module:f")
    assert own is not None and not own.static
    assert find("my.module") is None and find("1:2") is None


def test_a_simulated_outcome_is_a_function_of_the_candidate(tmp_path: Path) -> None:
    asked = tuple(
        Objective(name, measure.direction) for name, measure in MEASURES.items()
    )
    spec = replace(small.SIMULATED, objectives=asked)
    first = evaluate(small.CANDIDATE, spec, tmp_path / "1", 1)
    again = evaluate(small.CANDIDATE, spec, tmp_path / "2", 1)
    assert first.status == "ok" and MEASURES.keys() <= first.measures.keys()
    assert first.measures == again.measures
    silent = Candidate(((7, 3, 1, 1, 1), *small.CANDIDATE.genome[1:]))
    assert evaluate(silent, spec, tmp_path / "3", 1).measures == first.measures
    other = evaluate(small.OTHER, spec, tmp_path / "4", 1)
    assert other.measures["loss"] != first.measures["loss"]
    early = evaluate(small.CANDIDATE, spec, tmp_path / "5", 0)
    assert early.measures["loss"] == first.measures["loss_at_25"]
    names = {path.name for path in (tmp_path / "1").iterdir()}
    assert names == {"candidate.star", "log.txt", "metrics.json"}


def test_simulated_halving_ranks_nearly_right(tmp_path: Path) -> None:
    """And some candidates fail."""
    drawn = random.Random(0)
    early, late, failed = [], [], 0
    for number in range(150):
        livs = [drawn.choice((small.CONV, small.ATTENTION, small.MLP)) for _ in "12345"]
        candidate = Candidate(tuple(livs))
        outcome = evaluate(candidate, small.SIMULATED, tmp_path / str(number), 1)
        if outcome.status == "failed":
            failed += 1
            continue
        early.append(outcome.measures["loss_at_25"])
        late.append(outcome.measures["loss_at_100"])
    assert 0 < failed < 15
    ranks = [torch.tensor(x).argsort().argsort().float() for x in (early, late)]
    assert 0.3 < torch.corrcoef(torch.stack(ranks))[0, 1] < 1.0


def test_outcomes_are_read_as_written(tmp_path: Path) -> None:
    written = outcome.Outcome("ok", "é", {"loss": 1 / 3}, {"train": 1e-9})
    folder = Folder(tmp_path)
    written.write(folder, 1, "digest")
    assert outcome.read(folder, 1, "digest") == written
    assert outcome.last(folder, "digest") == written
    assert outcome.read(folder, 0, "digest") is None
    assert outcome.read(folder, 1, "other") is None
    (tmp_path / "metrics.json").write_text('{"rung": 1')
    assert outcome.read(folder, 1, "digest") is None


def test_nothing_is_built_for_static_objectives(tmp_path: Path) -> None:
    spec = replace(
        small.SIMULATED, trainer=Trainer(), objectives=(Objective("params", "min"),)
    )
    found = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    assert found.status == "ok" and "gates" not in found.seconds
