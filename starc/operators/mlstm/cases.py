"""Cases of mLSTM; its twin is the paper's recurrence, with a running maximum."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.mlstm.operator import MLSTM
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.mixing import split


def _small(**options: Any) -> MLSTM:
    numbers = {"heads": 3, "key_dim": 4, "head_dim": 6} | options
    return MLSTM(width=WIDTH, **numbers)


def twin(
    op: MLSTM, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    batch, length, _ = f["q"].shape
    c = torch.zeros(batch, op.heads, op.head_dim, op.key_dim).double()
    n, rows = torch.zeros(batch, op.heads, op.key_dim).double(), []
    most = torch.full((batch, op.heads), -torch.inf).double()
    for t in range(length):
        q, k, v = (split(f[g][:, t], op.heads) for g in "qkv")
        write, keep = (
            op.softcap * torch.tanh((f[g][:, t] + p[f"{g}_bias"]) / op.softcap)
            for g in "if"
        )
        before, most = (
            most + F.logsigmoid(keep),
            torch.maximum(most + F.logsigmoid(keep), write),
        )
        old, new = (before - most).exp()[..., None], (write - most).exp()[..., None]
        c = old[..., None] * c + new[..., None] * v[..., None] * k[:, :, None]
        n = old * n + new * k
        q = q / math.sqrt(op.key_dim)
        below = (n * q).sum(-1).abs().maximum((-most).exp())
        y = torch.einsum("bhvk,bhk->bhv", c, q) / below[..., None]
        y = F.layer_norm(y, y.shape[-1:], eps=op.norm_eps or eps).flatten(1)
        rows.append(y * p["norm_weight"] * torch.sigmoid(f["gate"][:, t]))
    return torch.stack(rows, 1)


def known() -> Known:
    """All ones, gates shut halfway: C and n are the same, and y is 1 once |n q| > 1.

    With e^i = 1 / 2 and f = 1 / 2: n = 1/2, 3/4, 7/8, ..., which stays below 1.
    """
    x = ones(1, 5, 1)
    op = _small(heads=1, key_dim=1, head_dim=1)
    write = math.atanh(-math.log(2) / op.softcap) * op.softcap
    return Known(
        op,
        {g: x for g in ("q", "k", "v", "gate")} | {g: 0 * x for g in ("i", "f")},
        {
            "i_bias": torch.tensor([write]).double(),
            "f_bias": torch.zeros(1).double(),
            "norm_weight": ones(1),
        },
        torch.tensor([1 - 0.5 ** (t + 1) for t in range(5)]).double()[None, :, None],
        finished=False,
    )


def _heads(
    heads: int, key_dim: int, head_dim: int, **more: object
) -> dict[str, object]:
    return {"heads": heads, "key_dim": key_dim, "head_dim": head_dim, **more}


CASES = Cases(
    instances={
        "": _small(),
        "bounded": _small(softcap=2.0, norm_eps=0.1),
        "biases": _small(heads=2, key_dim=6, head_dim=4, bias=True, out_bias=True),
    },
    shared=("", "bounded"),
    twin=twin,
    known=known,
    # One wide head, for the reason that GLA gives.
    uses=("mLSTM(heads = 1, expand = 2)", "mLSTM(heads = 1, softcap = 4)"),
    resolved=(
        ("mLSTM", 1024, _heads(8, 64, 128, softcap=15.0)),
        ("mLSTM(heads = 8)", 4096, _heads(8, 256, 512)),
        ("mLSTM(heads = 4, key_dim = 24, head_dim = 40)", 64, _heads(4, 24, 40)),
        ("mLSTM(softcap = 5/2)", 128, {"softcap": 2.5}),
    ),
    realises=(
        (
            "groups = [q, k, v, gate, i, f] | "
            "token = semi_separable; channel = grouped(heads = 2)",
            {"heads": 2},
        ),
    ),
)
