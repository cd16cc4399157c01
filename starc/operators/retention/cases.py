"""Cases of retention; its twin keeps the state, token by token."""

import cmath
import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.ir.rope import Rope
from starc.operators.retention.operator import Retention
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.mixing import split


def _small(**options: Any) -> Retention:
    numbers = {"heads": 3, "key_dim": 4, "head_dim": 6} | options
    return Retention(width=WIDTH, **numbers)


def twin(
    op: Retention, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    batch, length, _ = f["q"].shape
    state = torch.zeros(batch, op.heads, op.key_dim, op.head_dim).double()
    kept = [
        (
            (1 - 0.5 ** (5 + h)) ** op.decay_scale
            if op.decay == "halving"
            else math.exp(-op.decay_scale * 256 ** (-(h + 1) / op.heads))
        )
        for h in range(op.heads)
    ]
    decay = torch.tensor(kept, dtype=torch.float64)[:, None, None]
    rows, eps = [], op.norm_eps or eps
    width = (op.inner if op.norm == "full" else op.head_dim,)
    gate = F.silu if op.gate_activation == "silu" else torch.sigmoid
    for t in range(length):
        q, k, v = (split(f[g][:, t], op.heads) for g in "qkv")
        state = decay * state + k[..., None] * v[:, :, None]
        y = torch.einsum("bhk,bhkv->bhv", q, state)
        y = y * op.scale if op.scale else y / math.sqrt(op.key_dim)
        y = y.flatten(1) if op.norm == "full" else y
        y = F.rms_norm(y, width, p.get("norm_weight"), eps).reshape(batch, -1)
        rows.append(y * gate(f["gate"][:, t]))
    return torch.stack(rows, 1)


def feature_twin(
    op: Retention, group: str, y: Tensor, p: Mapping[str, Tensor], eps: float
) -> Tensor:
    """Each pair of channels as one complex number, turned by its position."""
    if group == "gate":
        return y
    y = F.silu(y) if op.activation == "silu" else y
    if group == "v" or op.rope is None:
        return y
    out, pairs = y.clone(), op.rope.dims // 2
    for t in range(y.shape[1]):
        for c in range(op.heads * pairs):
            h, i = divmod(c, pairs)
            at = h * op.key_dim + i
            turn = cmath.rect(1, t * op.rope.theta ** (-i / pairs))
            a, b = y[:, t, at], y[:, t, at + pairs]
            out[:, t, at] = a * turn.real - b * turn.imag
            out[:, t, at + pairs] = a * turn.imag + b * turn.real
    return out


def known() -> Known:
    """One head of ones: 1, 1 + a, 1 + a + a^2, ... with a = 31 / 32, twice as slow."""
    x, a = ones(1, 5, 1), (31 / 32) ** 0.5
    series = [(1 - a ** (t + 1)) / (1 - a) for t in range(5)]
    return Known(
        _small(heads=1, key_dim=1, head_dim=1, decay_scale=0.5),
        {g: x for g in ("q", "k", "v", "gate")},
        {"norm_weight": ones(1)},
        torch.tensor(series).double()[None, :, None],
        finished=False,
    )


def _heads(
    heads: int, key_dim: int, head_dim: int, **more: object
) -> dict[str, object]:
    return {"heads": heads, "key_dim": key_dim, "head_dim": head_dim, **more}


_ROPE = Rope(100.0, 4)

CASES = Cases(
    instances={
        "": _small(rope=_ROPE),
        "lightning": _small(
            **{"decay": "spread", "decay_scale": 0.7, "activation": "silu"},
            **{"scale": 1.0, "norm": "full", "gate_activation": "sigmoid"},
        ),
        "weightless": _small(weightless=True, norm_eps=0.1, bias=True, out_bias=True),
        "weightless_full": _small(weightless=True, norm="full", decay="spread"),
        "partial": _small(rope=Rope(100.0, 2), activation="silu"),
    },
    shared=("", "lightning"),
    twin=twin,
    known=known,
    feature_twin=feature_twin,
    # One wide head, for the reason that GLA gives.
    uses=(
        "Retention(heads = 1, expand = 2)",
        "Retention(heads = 1, decay = spread, activation = silu, norm = full, "
        "gate = sigmoid, scale = 1, rope = false)",
    ),
    resolved=(
        ("Retention", 1024, _heads(8, 128, 128, decay="halving", activation="none")),
        ("Retention(expand = 2, head_dim = 512)", 1024, _heads(4, 256, 512)),
        (
            "Retention(heads = 64, key_dim = 96, head_dim = 96)",
            6144,
            _heads(64, 96, 96),
        ),
        ("Retention(decay_scale = 1/2)", 64, _heads(1, 64, 64, decay_scale=0.5)),
        ("Retention(gate = sigmoid)", 96, {"gate_activation": "sigmoid"}),
    ),
    realises=(
        (
            "groups = [q, k, v, gate]; nonlinear = silu | "
            "token = semi_separable; channel = grouped(heads = 2)",
            {"heads": 2, "activation": "silu"},
        ),
    ),
)
