"""Cases of latent attention; its twin makes no key and no value."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.ir.rope import Rope, Scaling
from starc.operators.latent_attention.operator import LatentAttention
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.mixing import split


def _small(**options: Any) -> LatentAttention:
    numbers = {"heads": 2, "head_dim": 6, "value_dim": 3, "rope_dims": 2, "rank": 5}
    return LatentAttention(width=WIDTH, **(numbers | options))


def twin(
    op: LatentAttention, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    """A token and a head at a time: queries go to the latents."""
    kv, rows = split(p["kv_weight"].T, op.heads), []
    for t in range(f["q"].shape[1]):
        q = f["q"][:, t]
        q = split(F.linear(q, p["q_weight"]) if op.q_rank else q, op.heads)
        k, v = f["k"][:, : t + 1], f["v"][:, : t + 1]
        heads = []
        for h in range(op.heads):
            to_keys, to_values = kv[:, h].split([op.own_dims, op.value_dim], dim=1)
            asked = q[:, h, : op.own_dims] @ to_keys.T
            s = torch.einsum("br,bjr->bj", asked, v)
            turned = _turned(op, q[:, h, op.own_dims :], t)
            s = s + torch.einsum("bp,bjp->bj", turned, k)
            weights = (s * (op.scale or op.head_dim**-0.5)).softmax(-1)
            heads.append(torch.einsum("bj,bjr->br", weights, v) @ to_values)
        rows.append(torch.cat(heads, -1))
    return torch.stack(rows, 1)


def feature_twin(
    op: LatentAttention, group: str, y: Tensor, p: Mapping[str, Tensor], eps: float
) -> Tensor:
    if group == "k":
        return torch.stack([_turned(op, y[:, t], t) for t in range(y.shape[1])], 1)
    if group == "q" and not op.q_rank:
        return y
    weight = p[f"{group}_norm"]
    return F.rms_norm(y, y.shape[-1:], weight, op.norm_eps or eps)


def _turned(op: LatentAttention, x: Tensor, position: int) -> Tensor:
    """x (batch, rope_dims) at a position, pair by pair."""
    if op.rope is None:
        return x
    turned, half = x.clone(), op.rope.dims // 2
    for i in range(half):
        one, other = (2 * i, 2 * i + 1) if op.rope.adjacent else (i, i + half)
        slower = op.rope.scaling.factor if op.rope.scaling else 1.0
        angle = position * op.rope.theta ** (-i / half) / slower
        cos, sin = math.cos(angle), math.sin(angle)
        a, b = x[:, one], x[:, other]
        turned[:, one] = a * cos - b * sin
        turned[:, other] = b * cos + a * sin
    return turned * op.rope.amplitude


def known() -> Known:
    """Attention without a preference is the mean so far."""
    v = torch.arange(5.0).double()[None, :, None]
    op = _small(heads=1, head_dim=3, value_dim=1, rank=1)
    features = {"q": 0 * v.expand(1, 5, 3), "k": 0 * v.expand(1, 5, 2), "v": v}
    return Known(op, features, {"kv_weight": ones(2, 1), "v_norm": ones(1)}, v / 2)


def _numbers(heads: int, *rest: int) -> dict[str, object]:
    names = "head_dim", "value_dim", "rope_dims", "rank"
    return {"heads": heads, **dict(zip(names, rest, strict=True))}


_LONGER = Rope(20.0, 4, amplitude=1.2, scaling=Scaling("linear", 4.0))

CASES = Cases(
    instances={
        "": _small(rope=Rope(100.0, 2)),
        "nope": _small(scale=0.9),
        "low_queries": _small(q_rank=4, rope=Rope(100.0, 2), norm_eps=0.1),
        "adjacent": _small(
            head_dim=7, rope_dims=4, rope=Rope(50.0, 4, adjacent=True), scale=0.3
        ),
        "scaled": _small(head_dim=7, rope_dims=4, rope=_LONGER),
        # Without a rotation the bias of k adds the same to a whole row: no change.
        "biases": _small(q_rank=4, bias=True, out_bias=True, rope=Rope(100.0, 2)),
    },
    shared=("biases", "nope"),
    twin=twin,
    known=known,
    feature_twin=feature_twin,
    uses=(
        "MLA(heads = 2, head_dim = 16, value_dim = 8, rope_dims = 4, rank = 12)",
        "MLA(heads = 2, rank = 16, q_rank = 12, rope = false, scale = 1/4)",
        "MLA(heads = 2, rank = 16, rope_pairs = adjacent, rope_scaling = linear, "
        "rope_factor = 2)",
    ),
    resolved=(
        ("MLA", 2048, _numbers(16, 192, 128, 64, 512)),
        ("MLA(heads = 128, q_rank = 1536)", 7168, {"value_dim": 56, "q_rank": 1536}),
        ("MLA(head_dim = 96, value_dim = 64)", 768, _numbers(12, 96, 64, 32, 256)),
        ("MLA(rope = false)", 64, {"heads": 1, "rank": 64, "rope": None}),
    ),
    realises=(
        (
            "groups = [q, k, v]; channel = [latent(rank = 24), latent, latent(rank = "
            "16)] | token = low_rank; nonlinear = softmax; channel = grouped(heads = "
            "2)",
            {"heads": 2, "rank": 16, "q_rank": 24},
        ),
    ),
)
