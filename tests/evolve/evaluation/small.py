"""Candidates and searches that are evaluated in a moment."""

from dataclasses import replace
from pathlib import Path

from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Objective, Spec, Trainer

CONV = (7, 1, 1, 1, 1)
ATTENTION = (3, 1, 1, 1, 1)
MLP = (9, 1, 1, 1, 1)

CANDIDATE = Candidate((CONV, MLP, ATTENTION, MLP))
OTHER = Candidate((CONV, MLP, CONV, MLP))

LOSS = Objective("loss", "min")
CACHE = Objective("cache", "min")

SIMULATED = Spec(
    model=(("width", "32"), ("vocab", "256"), ("context", "64")),
    pool=("GConv-1", "SA-3", "GMemless"),
    objectives=(LOSS, CACHE),
    trainer=Trainer(kind="simulated", steps=100, rungs=(0.25, 1.0)),
)

TRAINER = Trainer(
    steps=12,
    batch=4,
    context=32,
    learning_rates=(1e-2,),
    warmup=2,
    dtype="float32",
    device="cpu",
)


def real(folder: Path, **changes: object) -> Spec:
    """A search on a short text that lies in `folder`; `changes` to its trainer."""
    text = folder / "text.txt"
    if not text.exists():
        text.write_bytes(b"the quick brown fox jumps over the lazy dog\n" * 200)
    trainer = replace(TRAINER, **changes)  # type: ignore[arg-type]
    return replace(SIMULATED, trainer=trainer, data=str(text))
