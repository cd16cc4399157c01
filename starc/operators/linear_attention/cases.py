"""Cases of linear attention; its twin keeps the state, token by token."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.linear_attention.operator import LinearAttention
from starc.reference.cases import WIDTH, Cases
from starc.reference.kernel_cases import KernelCases, Tiles
from starc.reference.mixing import split


def _small(**options: Any) -> LinearAttention:
    numbers = {"heads": 4, "kv_heads": 4, "head_dim": 4} | options
    return LinearAttention(width=WIDTH, **numbers)


def twin(
    op: LinearAttention, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    maps: dict[str, Callable[[Tensor], Tensor]] = {
        "elu": lambda x: F.elu(x) + 1,
        "relu": F.relu,
        "silu": F.silu,
        "none": lambda x: x,
    }
    phi, each = maps[op.feature_map], op.heads // op.kv_heads
    batch, length, _ = f["q"].shape
    state = torch.zeros(batch, op.heads, op.head_dim, op.head_dim).double()
    total = torch.zeros(batch, op.heads, op.head_dim).double()
    rows = []
    for t in range(length):
        q = phi(split(f["q"][:, t], op.heads))
        k, v = (split(f[g][:, t], op.kv_heads) for g in "kv")
        k = phi(k)
        k, v = k.repeat_interleave(each, 1), v.repeat_interleave(each, 1)
        state = state + k[..., None] * v[:, :, None]
        total = total + k
        y = torch.einsum("bhk,bhkv->bhv", q, state)
        if op.normalize:
            y = y / ((q * total).sum(-1, keepdim=True) + 1e-6)
        else:
            y = y * op.head_dim**-0.5
        rows.append(y.flatten(1))
    return torch.stack(rows, 1)


CASES = Cases(
    instances={
        "": _small(),
        "grouped": _small(kv_heads=2, feature_map="relu"),
        "scaled": _small(feature_map="none", normalize=False),
        "silu": _small(feature_map="silu", normalize=False, kernel=3, bias=True),
    },
    shared=("silu", "grouped"),
    twin=twin,
    uses=(
        "LinearAttention(heads = 2)",
        "LinearAttention(heads = 4, feature_map = silu, normalize = false, kernel = 3)",
    ),
    resolved=(
        ("LinearAttention", 768, {"heads": 12, "kv_heads": 12, "head_dim": 64}),
        ("LinearAttention(feature_map = silu)", 64, {"normalize": False}),
    ),
    realises=(
        (
            "groups = [q, k, v] | token = low_rank; channel = grouped",
            {"feature_map": "elu", "normalize": True},
        ),
        (
            "groups = [q, k, v]; nonlinear = relu | "
            "token = low_rank; channel = grouped",
            {"feature_map": "relu"},
        ),
    ),
    kernel=KernelCases(
        name="linear_attention",
        shapes=lambda b, t, c, n: [
            *((b, t, 4, n), (b, t, 2, n), (b, t, 2, c), (b, 2, n, c + 1))
        ],
        timed=(0, 1, 2),
        state=3,
        lowest=(2, -0.5),
        graph=4,
        tiles=Tiles(
            sizes=((16, 16), (32, 32), (64, 64), (128, 128)),
            packed=(128, 128),
            unserved=(((128, 128), "float32"),),
            options=({"normalize": True}, {"normalize": False}),
        ),
    ),
)
