"""Cases of Skeleton; its twin takes a token at a time."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.skeleton.operator import Skeleton
from starc.reference.cases import WIDTH, Cases, Known, ones


def twin(
    op: Skeleton, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    rows = []
    for t in range(f["x"].shape[1]):
        rows.append(p["scale"] * f["gate"][:, t].sigmoid() * f["x"][:, t])
    return torch.stack(rows, 1)


def known() -> Known:
    """A gate half open lets half of it through."""
    return Known(
        Skeleton(width=2, inner=2),
        {"gate": 0 * ones(1, 3, 2), "x": ones(1, 3, 2)},
        {"scale": 3 * ones(2)},
        1.5 * ones(1, 3, 2),
    )


CASES = Cases(
    instances={
        "": Skeleton(width=WIDTH, inner=WIDTH),
        "biases": Skeleton(width=WIDTH, inner=12, bias=True, out_bias=True),
    },
    shared=("biases",),
    twin=twin,
    known=known,
    uses=("Skeleton", "Skeleton(expand = 2)"),
    resolved=(("Skeleton(expand = 2)", 64, {"inner": 128}),),
    realises=(
        (
            "groups = [gate, x] | "
            "token = diagonal; nonlinear = sigmoid; channel = diagonal",
            {"bias": False},
        ),
    ),
)
