"""Emitted files that are wrong on purpose, and whether anybody notices."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from starc import compiler
from starc.evolve.evaluation import gates, real
from starc.evolve.evaluation.pipeline import evaluate
from starc.evolve.problem.architecture import source
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Requirement
from tests.evolve.evaluation import small

Change = Callable[[str], str]


def evaluated(monkeypatch: pytest.MonkeyPatch, folder: Path, change: Change) -> str:
    """Status and reason of the small candidate, its emitted text changed."""
    emit = compiler.compile

    def changed(text: str, name: str = "") -> str:
        emitted = emit(text, name)
        wrong = change(emitted)
        assert wrong != emitted, "there is something to change"
        return wrong

    monkeypatch.setattr(compiler, "compile", changed)
    outcome = evaluate(small.CANDIDATE, small.real(folder), folder / "1", 0)
    assert "train" not in outcome.seconds, "nothing is trained"
    return f"{outcome.status}: {outcome.reason}"


def at_end_of_hidden(line: str) -> Change:
    """`line` before the final norm; x is (B, T, D)."""
    return lambda text: re.sub(
        r"\n( +)(return self\.norm\(x\))", rf"\n\1{line}\n\1\2", text
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            at_end_of_hidden("x = x + 1e-6 * x.mean(1, keepdim=True)"),
            "invalid: leaks the future",
        ),
        (
            at_end_of_hidden("x = x + 1e-6 * x.roll(-1, 1)"),
            "invalid: leaks the future",
        ),
        (
            lambda text: text.replace("is_causal=True", "is_causal=False"),
            "invalid: leaks the future",
        ),
        (
            at_end_of_hidden("x = x + float('nan')"),
            "invalid: forward: the logits are not finite",
        ),
        (
            at_end_of_hidden("x = x + 0 * (x - x.detach()).abs().sqrt()"),
            "invalid: backward: the gradient of",
        ),
        (
            lambda text: text.replace(
                "buffer[..., state.length : end, :] = new", "pass"
            ),
            "invalid: decoding with the cache is another model",
        ),
        (
            lambda text: text.replace(
                "state.length, state.packed = length, packed", "state.packed = packed"
            ),
            "invalid: decoding with the cache is another model",
        ),
        (
            lambda text: text.replace("y, state.conv = gated", "y, _ = gated"),
            "invalid: decoding with the cache is another model",
        ),
        (
            at_end_of_hidden("x = x[:, :-1]"),
            "invalid: forward: logits of shape",
        ),
        (
            at_end_of_hidden("raise RuntimeError('no')"),
            "failed: RuntimeError: no",
        ),
        (lambda text: text + "\n1 / 0\n", "failed: .*ZeroDivisionError"),
        (lambda text: text + "\ndel Model\n", "failed: .*no class Model"),
    ],
    ids=[
        *("mean", "next", "attention", "nan", "gradient", "kv", "length", "state"),
        *("shape", "raise", "import", "class"),
    ],
)
def test_a_wrong_model_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Change, reason: str
) -> None:
    assert re.match(reason, evaluated(monkeypatch, tmp_path, change))


@pytest.mark.parametrize("code", range(1, 18))
def test_every_class_passes(tmp_path: Path, code: int) -> None:
    """Alone, with its featurizer shared and with its features shared."""
    liv = (code, 1, 2, 1, 1)
    genome = ((code, 1, 1, 1, 1), liv, small.MLP, liv)
    spec = replace(small.real(tmp_path), model=(("width", "32"), ("vocab", "20")))
    candidate = Candidate(genome)
    log = logging.getLogger("test")
    text = source(candidate, spec)
    gates.check(real.prepare(candidate, spec, tmp_path, text, {}, log))


def test_an_illegal_genome_is_invalid(tmp_path: Path) -> None:
    outcome = evaluate(
        Candidate(((99, 1, 1, 1, 1),)), small.real(tmp_path), tmp_path / "1", 0
    )
    assert outcome.status == "invalid" and outcome.reason.startswith("is no legal")


def test_a_static_requirement_saves_the_training(tmp_path: Path) -> None:
    spec = replace(
        small.real(tmp_path), requirements=(Requirement("params", "<=", 1000),)
    )
    outcome = evaluate(small.CANDIDATE, spec, tmp_path / "1", 0)
    assert outcome.status == "invalid"
    assert outcome.reason.startswith("breaks a requirement: params <= 1_000, it has ")
    assert "gates" not in outcome.seconds
