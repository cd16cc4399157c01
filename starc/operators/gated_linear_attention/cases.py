"""Cases of gated linear attention; its twin keeps the state, token by token."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.gated_linear_attention.operator import GatedLinearAttention
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.kernel_cases import KernelCases, Tiles
from starc.reference.mixing import split


def _small(**options: Any) -> GatedLinearAttention:
    numbers = {"heads": 3, "key_dim": 4, "head_dim": 6, "decay_rank": 5} | options
    return GatedLinearAttention(width=WIDTH, **numbers)


def twin(
    op: GatedLinearAttention,
    f: Mapping[str, Tensor],
    p: Mapping[str, Tensor],
    eps: float,
) -> Tensor:
    batch, length, _ = f["q"].shape
    state = torch.zeros(batch, op.heads, op.key_dim, op.head_dim).double()
    rows = []
    for t in range(length):
        logits = F.linear(f["decay"][:, t], p["decay_weight"], p["decay_bias"])
        a = torch.exp(F.logsigmoid(logits) / 16)
        a, q, k, v = (
            split(z, op.heads) for z in (a, f["q"][:, t], f["k"][:, t], f["v"][:, t])
        )
        state = a[..., None] * state + k[..., None] * v[:, :, None]
        y = torch.einsum("bhk,bhkv->bhv", q * op.key_dim**-0.5, state)
        y = F.rms_norm(y, (op.head_dim,), p["norm_weight"], eps)
        rows.append(y.flatten(1) * F.silu(f["gate"][:, t]))
    return torch.stack(rows, 1)


def _heads(heads: int, key_dim: int, head_dim: int) -> dict[str, object]:
    return {"heads": heads, "key_dim": key_dim, "head_dim": head_dim}


def known() -> Known:
    """sigmoid(log 2) = 2 / 3 = a^16; the scale of q is 1 / 2 for 4 key channels."""
    x = ones(1, 5, 1)
    tensors = {"decay_weight": 0 * ones(4, 1), "decay_bias": math.log(2) * ones(4)}
    a = (2 / 3) ** (1 / 16)
    series = [2 * (1 - a ** (t + 1)) / (1 - a) for t in range(5)]
    return Known(
        _small(heads=1, head_dim=1, decay_rank=1),
        {g: x.expand(1, 5, 4) for g in "qk"} | {"v": x, "gate": x, "decay": x},
        {**tensors, "norm_weight": ones(1)},
        torch.tensor(series).double()[None, :, None],
        finished=False,
    )


CASES = Cases(
    instances={
        "": _small(),
        "convolved": _small(kernel=3, bias=True, out_bias=True),
    },
    shared=("convolved",),
    twin=twin,
    known=known,
    # One wide head: its norm enlarges what rounding leaves of a sum that nearly
    # cancels, and models of several are compared in bfloat16 too.
    uses=(
        "GLA(heads = 1, key_expand = 1)",
        "GLA(heads = 1, key_expand = 1, kernel = 4)",
    ),
    resolved=(
        ("GLA", 1024, _heads(4, 128, 256)),
        ("GLA", 2048, _heads(8, 128, 256)),
        ("GLA", 18, _heads(3, 3, 6)),
        ("GLA(heads = 8)", 1024, _heads(8, 64, 128)),
        ("GLA(key_expand = 1, expand = 2)", 64, _heads(4, 16, 32)),
        ("GLA(key_dim = 5)", 7, _heads(1, 5, 7)),
        ("GLA(heads = 3, key_dim = 5, head_dim = 6)", 64, _heads(3, 5, 6)),
    ),
    realises=(
        (
            "groups = [q, k, v, gate, decay] | "
            "token = semi_separable; channel = grouped(heads = 2)",
            {"heads": 2},
        ),
    ),
    kernel=KernelCases(
        name="gated_linear_attention",
        shapes=lambda b, t, c, n: [
            *((b, t, 4, n), (b, t, 4, n), (b, t, 4, c), (b, t, 4, n)),
            (b, 4, n, c),
        ],
        timed=(0, 1, 2, 3),
        state=4,
        wide=(3,),
        lowest=(3, -1.0),
        graph=4,
        tiles=Tiles(
            sizes=((16, 16), (32, 32), (64, 64), (128, 128)), packed=(128, 128)
        ),
    ),
)
