"""Cases of softmax attention; its twin is torch's own."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.ir.rope import Rope
from starc.operators.attention.operator import Attention
from starc.reference.cases import WIDTH, Cases, Known
from starc.reference.mixing import split


def _small(**options: Any) -> Attention:
    numbers = {"heads": 4, "kv_heads": 4, "head_dim": 4} | options
    return Attention(width=WIDTH, **numbers)


def twin(
    op: Attention, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    q = split(f["q"], op.heads).transpose(1, 2)
    k, v = (split(f[g], op.kv_heads).transpose(1, 2) for g in "kv")
    length = q.shape[2]
    i, j = torch.arange(length)[:, None], torch.arange(length)
    mask = (j <= i) & (j > i - (op.window or length))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    y = y.transpose(1, 2)
    if op.gated:
        y = y * f["gate"].sigmoid()[..., None]
    return y.flatten(2)


def feature_twin(
    op: Attention, group: str, y: Tensor, p: Mapping[str, Tensor], eps: float
) -> Tensor:
    if group not in ("q", "k"):
        return y
    y = split(y, op.heads if group == "q" else op.kv_heads)
    if op.qk_norm:
        y = F.rms_norm(y, (op.head_dim,), p[f"{group}_norm"], eps)
    if op.rope is not None:
        y = rotate_half(y, op.rope.theta, op.rope.dims)
    return y.flatten(2)


def rotate_half(heads: Tensor, theta: float, dims: int) -> Tensor:
    """With sines and cosines, pair by pair. (batch, length, heads, head_dim)."""
    turned = heads.clone()
    for position in range(heads.shape[1]):
        for i in range(dims // 2):
            angle = position * theta ** (-2 * i / dims)
            cos, sin = math.cos(angle), math.sin(angle)
            a, b = heads[:, position, :, i], heads[:, position, :, i + dims // 2]
            turned[:, position, :, i] = a * cos - b * sin
            turned[:, position, :, i + dims // 2] = b * cos + a * sin
    return turned


def _heads(heads: int, kv_heads: int, head_dim: int) -> dict[str, object]:
    rope = Rope(10_000.0, head_dim)
    found = {"heads": heads, "kv_heads": kv_heads, "head_dim": head_dim}
    return {**found, "rope": rope, "window": 0}


def known() -> Known:
    """Attention without a preference is the mean so far."""
    v = torch.arange(5.0).double()[None, :, None].expand(1, 5, 16)
    return Known(_small(), {"q": 0 * v, "k": 0 * v, "v": v}, {}, v / 2)


CASES = Cases(
    instances={
        "": _small(),
        "grouped": _small(kv_heads=2),
        "multi_query": _small(kv_heads=1, rope=Rope(1e4, 4)),
        "rope": _small(rope=Rope(1e4, 4)),
        "rope_partial": _small(rope=Rope(100.0, 2)),
        "window": _small(window=3),
        "qk_norm": _small(qk_norm=True, rope=Rope(1e4, 4)),
        "gated": _small(gated=True),
        "convolved": _small(kernel=3),
        # Without a rotation the bias of k adds the same to a whole row: no change.
        "biases": _small(bias=True, out_bias=True, rope=Rope(1e4, 4)),
        "everything": _small(
            kv_heads=2,
            kernel=3,
            rope=Rope(1e3, 2),
            window=4,
            qk_norm=True,
            gated=True,
            bias=True,
            out_bias=True,
        ),
    },
    shared=("everything", "biases"),
    twin=twin,
    known=known,
    feature_twin=feature_twin,
    uses=(
        "SA-3(heads = 4, kv_heads = 2, qk_norm = true)",
        "SA-1(heads = 2, window = 5)",
        "SA-2(heads = 2)",
    ),
    resolved=(
        ("SA-1", 768, _heads(12, 12, 64)),
        ("SA-1", 2048, _heads(32, 32, 64)),
        ("SA-1", 64, _heads(1, 1, 64)),
        ("SA-1", 128, _heads(2, 2, 64)),
        ("SA-2", 768, _heads(12, 12, 64) | {"kernel": 3}),
        ("SA-3", 768, _heads(12, 3, 64) | {"kernel": 0}),
        ("SA-3", 2048, _heads(32, 8, 64)),
        ("SA-3", 64, _heads(4, 1, 16)),
        ("SA-3", 128, _heads(4, 1, 32)),
        ("SA-4", 768, _heads(12, 6, 64)),
        ("SA-4", 64, _heads(2, 1, 32)),
        ("SA-3", 320, _heads(4, 1, 80)),
        ("SA-1", 1000, _heads(10, 10, 100)),
        ("SA-1(heads = 6)", 768, _heads(6, 6, 128)),
        ("SA-1(head_dim = 128)", 768, _heads(6, 6, 128)),
        ("SA-1(kv_heads = 1)", 768, _heads(12, 1, 64)),
        ("SA-1(heads = 3, head_dim = 10)", 768, _heads(3, 3, 10)),
        ("SA-3(heads = 16, kv_heads = 8, head_dim = 64)", 768, _heads(16, 8, 64)),
    ),
    realises=(
        (
            "groups = [q, k, v, gate] | "
            "token = low_rank; nonlinear = softmax; channel = grouped",
            {"gated": True},
        ),
    ),
)
