"""Cases of the experts; its twin takes a token at a time."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.reference.cases import WIDTH, Cases
from tests.operators.experts.operator import Experts


def twin(
    op: Experts, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    rows = []
    for route, up in zip(f["route"].flatten(0, 1), f["up"].flatten(0, 1), strict=True):
        row = torch.zeros(op.experts, op.hidden).double()
        best = int(route.argmax())
        row[best] = route.softmax(0)[best] * F.silu(up)
        rows.append(row.flatten())
    y: Tensor = torch.stack(rows).unflatten(0, f["up"].shape[:2])
    return y


CASES = Cases(
    instances={
        "": Experts(width=WIDTH, hidden=12, experts=3),
        "biases": Experts(width=WIDTH, hidden=5, experts=2, bias=True),
    },
    shared=("",),
    twin=twin,
    uses=("Experts", "Experts(experts = 5)"),
    realises=(
        (
            "groups = [route, up] | "
            "token = diagonal; nonlinear = silu; channel = dense",
            {"experts": 3},
        ),
    ),
)
