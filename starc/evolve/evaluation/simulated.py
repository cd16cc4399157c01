"""Outcomes without training: a function of the key and the static costs alone.

For tests of the search and for what its engine costs. The landscape is made up, but
not arbitrary: more parameters and more cache help with diminishing returns, classes
differ, alternation helps, and a part that only the key decides cannot be foreseen.
"""

import math
import random
from hashlib import sha256

from starc.evolve.evaluation import repeats
from starc.evolve.evaluation.failure import failed
from starc.evolve.evaluation.rungs import loss_label
from starc.evolve.evaluation.static import asked
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.objectives import MEASURES
from starc.evolve.problem.spec import Spec

FAILING = 32
"""One candidate in so many diverges, so that searches meet one."""

LUCK = 0.02
"""Of a training, in nats: what another seed would change."""


def measures(
    candidate: Candidate, spec: Spec, static: dict[str, float], rung: int
) -> dict[str, float]:
    """Every dynamic measure that `spec` asks for, and loss. Raises Ended."""
    key = candidate.key()
    if _stream(key, "fate").randrange(FAILING) == 0:
        raise failed("diverged: step 1: loss is nan (simulated)")
    loss = _loss(candidate, key, static)
    shares = spec.trainer.rungs
    found = {}
    for earlier in range(min(rung, len(shares) - 1) + 1):
        unfinished = 1 - shares[earlier]
        blur = 0.05 * unfinished * _stream(key, f"rung {earlier}").gauss(0, 1)
        at = loss + 0.6 * unfinished + blur
        found[loss_label(spec, earlier)] = at
    found |= _units(at)
    if repeats.repeated(candidate, spec, rung):
        other = LUCK * _stream(key, "luck again").gauss(0, 1)
        found |= repeats.labelled(_units(at - _luck(key) + other))
    for one in asked(spec):
        if one.label not in found and one.label not in static:
            found[one.label] = _other(one.name, key, static, at)
    return found


def _units(loss: float) -> dict[str, float]:
    bits = loss / math.log(2)
    return {"loss": loss, "perplexity": math.exp(loss), "bits_per_byte": bits}


def _luck(key: str) -> float:
    """What a training with another seed would not have."""
    return LUCK * _stream(key, "luck").gauss(0, 1)


def _loss(candidate: Candidate, key: str, static: dict[str, float]) -> float:
    classes = [liv[0] for liv in candidate.genome]
    turns = sum(a != b for a, b in zip(classes, classes[1:], strict=False))
    variety = len(set(classes)) / 17
    size = float(static["params_without_embeddings"] + 1.0)
    taste = sum(_stream("class", str(c)).uniform(-0.1, 0.1) for c in classes)
    return (
        1.0
        + 8 / math.pow(size, 0.2)
        - 0.02 * math.log1p(static["cache"])
        - 0.3 * turns / len(classes)
        - 0.1 * variety
        + taste / len(classes)
        + _luck(key)
    )


def _other(name: str, key: str, static: dict[str, float], loss: float) -> float:
    """Shares of right answers fall with the loss, times and memory with the costs."""
    noise = 1 + 0.05 * _stream(key, name).uniform(-1, 1)
    seconds = (static["flops"] / 1e10 + 1e-5) * noise
    if name.startswith("mad"):
        return min(1.0, noise * math.exp(-loss / 4))
    if name == "peak_memory":
        return noise * (4 * static["params"] + static["cache"])
    if name in MEASURES and MEASURES[name].direction == "max":
        return 1 / seconds
    return seconds


def _stream(*words: str) -> random.Random:
    return random.Random(int(sha256("/".join(words).encode()).hexdigest()[:16], 16))
