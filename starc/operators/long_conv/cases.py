"""Cases of the gated long convolution; its twin takes a token and a lag at a time."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.long_conv.operator import LongConv
from starc.reference.cases import WIDTH, Cases


def twin(
    op: LongConv, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    u = f["b"] * f["x"]
    rows = []
    for i in range(u.shape[1]):
        row = p["skip"] * u[:, i]
        for lag in range(i + 1):
            row = row + _filter_at(op, p, lag) * u[:, i - lag]
        rows.append(f["c"][:, i] * row)
    return torch.stack(rows, 1)


def _filter_at(op: LongConv, p: Mapping[str, Tensor], lag: int) -> Tensor:
    t = lag / op.context
    angle = 2 * torch.pi * t * torch.arange(op.frequencies, dtype=torch.float64)
    position = torch.cat(
        [torch.tensor([t], dtype=torch.float64), angle.cos(), angle.sin()]
    )
    hidden = F.linear(position, p["filter_in.weight"], p["filter_in.bias"]).sin()
    hidden = F.linear(hidden, p["filter_mid.weight"], p["filter_mid.bias"]).sin()
    share = torch.arange(op.inner).double() / (op.inner - 1)
    rate = 4.6 + (4.6 / 0.3 - 4.6) * share
    return F.linear(hidden, p["filter_out.weight"]) * torch.exp(-rate * t)


CASES = Cases(
    instances={
        "": LongConv(width=WIDTH, inner=12, context=32, order=8, frequencies=4),
    },
    shared=("",),
    twin=twin,
    uses=("GConv-2",),
    resolved=(("GConv-2", 64, {"inner": 64, "context": 4096, "order": 64}),),
    realises=(
        (
            "groups = [b, c, x]; filter = implicit | "
            "token = toeplitz; channel = diagonal",
            {"order": 64},
        ),
    ),
)
