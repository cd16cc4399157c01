"""How far each rung of successive halving trains."""

from starc.evolve.problem.spec import Spec


def steps(spec: Spec, rung: int) -> int:
    """Training steps that are done at the end of a rung, of all that there are."""
    shares = spec.trainer.rungs
    share = shares[min(rung, len(shares) - 1)]
    return max(1, round(spec.trainer.steps * share))


def is_last(spec: Spec, rung: int) -> bool:
    return rung >= len(spec.trainer.rungs) - 1


def loss_label(spec: Spec, rung: int) -> str:
    """Of the loss at the end of a rung, kept for the later ones: `loss_at_50`."""
    return f"loss_at_{steps(spec, rung)}"
