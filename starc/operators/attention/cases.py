"""Cases of softmax attention; its twin is torch's own."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.ir.rope import Rope, Scaling
from starc.operators.attention.operator import Attention
from starc.reference.cases import WIDTH, Cases, Known
from starc.reference.mixing import split


def _small(**options: Any) -> Attention:
    numbers = {"heads": 4, "kv_heads": 4, "head_dim": 4} | options
    return Attention(width=WIDTH, **numbers)


SCALINGS = (
    Scaling("linear", 4.0),
    Scaling("llama3", 8.0, context=40, slow=1.0, fast=4.0),
    Scaling("yarn", 8.0, context=30, slow=1.0, fast=3.0),
    Scaling("yarn", 4.0, context=60, slow=0.4, fast=4.0, whole=True),
)


def _longer(scaling: Scaling) -> dict[str, Any]:
    rope = Rope(20.0, 8, amplitude=1.2, scaling=scaling)
    return {"head_dim": 8, "kv_heads": 2, "rope": rope}


def twin(
    op: Attention, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    q = split(f["q"], op.heads).transpose(1, 2)
    keys, values = f["kv"].chunk(2, -1) if op.one_kv else (f["k"], f["v"])
    k, v = (split(x, op.kv_heads).transpose(1, 2) for x in (keys, values))
    if op.differential:
        return difference(op, q, k, v, p, eps)
    if op.softcap or op.sinks or op.alibi:
        y = token_by_token(op, q, k, v, p)
    else:
        length = q.shape[2]
        i, j = torch.arange(length)[:, None], torch.arange(length)
        mask = (j <= i) & (j > i - (op.window or length))
        options: dict[str, Any] = {"enable_gqa": True, "scale": op.scale or None}
        y = F.scaled_dot_product_attention(q, k, v, mask, **options)
    y = y.transpose(1, 2)
    gate = (F.softplus if op.softplus else torch.sigmoid)(f.get("gate", y))
    if op.gate == "head":
        y = y * gate[..., None]
    return y.flatten(2) * gate if op.gate == "channel" else y.flatten(2)


def difference(
    op: Attention, q: Tensor, k: Tensor, v: Tensor, p: Mapping[str, Tensor], eps: float
) -> Tensor:
    """Two attentions with half of the heads each, on values of twice the width."""
    values = torch.cat(v.chunk(2, dim=1), dim=-1)
    one, other = (
        F.scaled_dot_product_attention(a, b, values, is_causal=True, enable_gqa=True)
        for a, b in zip(q.chunk(2, dim=1), k.chunk(2, dim=1), strict=True)
    )
    strength = p["lambda_q1"].dot(p["lambda_k1"]).exp() + op.differential
    strength = strength - p["lambda_q2"].dot(p["lambda_k2"]).exp()
    y = F.rms_norm(one - strength * other, (2 * op.head_dim,), eps=eps)
    return y.transpose(1, 2).flatten(2) * (1 - op.differential)


def token_by_token(
    op: Attention, q: Tensor, k: Tensor, v: Tensor, p: Mapping[str, Tensor]
) -> Tensor:
    """A token and a head at a time; a sink is what the weights lack to 1."""
    rows = []
    for t in range(q.shape[2]):
        first = max(0, t + 1 - op.window) if op.window else 0
        heads = []
        for h in range(op.heads):
            at = h // (op.heads // op.kv_heads)
            keys, values = k[:, at, first : t + 1], v[:, at, first : t + 1]
            s = (keys @ q[:, h, t, :, None])[..., 0] * (op.scale or op.head_dim**-0.5)
            if op.softcap:
                s = op.softcap * (s / op.softcap).tanh()
            if op.alibi:
                s = s - slope(h, op.heads) * torch.arange(t - first, -1, -1)
            y = (s.softmax(-1)[:, None] @ values)[:, 0]
            if op.sinks:
                y = y * (s.logsumexp(-1) - p["sinks"][h]).sigmoid()[:, None]
            heads.append(y)
        rows.append(torch.stack(heads, 1))
    return torch.stack(rows, 2)


def slope(head: int, heads: int) -> float:
    """As BLOOM has it: those of the next smaller power of two, then every second one
    of the next larger."""
    known = 1 << (heads.bit_length() - 1)
    if head < known:
        return math.exp2(-8 * (head + 1) / known)
    return math.exp2(-4 * (2 * (head - known) + 1) / known)


def feature_twin(
    op: Attention, group: str, y: Tensor, p: Mapping[str, Tensor], eps: float
) -> Tensor:
    if group == "kv":
        parts = (feature_twin(op, name, y, p, eps) for name in "kv")
        return torch.cat((*parts,), dim=-1)
    if group == "v" and op.v_norm:
        return F.rms_norm(split(y, op.kv_heads), (op.values,), eps=eps).flatten(2)
    if group not in ("q", "k"):
        return y
    weight, heads = p.get(f"{group}_norm"), op.heads if group == "q" else op.kv_heads
    if op.qk_norm == "full":
        y = F.rms_norm(y, y.shape[-1:], weight, eps)
    y = split(y, heads)
    if op.rope is not None and op.rotate_first:
        y = rotate_pairs(y, op.rope)
    if op.qk_norm == "head":
        own = weight if op.own_weights and weight is not None else 1
        shared = None if op.own_weights else weight
        y = F.rms_norm(y, (op.head_dim,), shared, eps) * own
    if op.qk_norm == "layer":
        y = (y - y.mean(-1, keepdim=True)) / (
            y.var(-1, keepdim=True, correction=0) + eps
        ).sqrt()
        y = y * p.get(f"{group}_norm", 1) + p.get(f"{group}_norm_bias", 0)
    if op.qk_norm == "l2":
        y = y / (y.norm(dim=-1, keepdim=True) ** 2 + eps) ** 0.5
    if op.rope is not None and not op.rotate_first:
        y = rotate_pairs(y, op.rope)
    return y.flatten(2)


def rotate_pairs(heads: Tensor, rope: Rope) -> Tensor:
    """With sines and cosines, pair by pair. (batch, length, heads, head_dim)."""
    turned = heads.clone()
    spread = rope.spread or rope.dims
    for position in range(heads.shape[1]):
        for i in range(rope.dims // 2):
            one, other = i, i + spread // 2
            if rope.adjacent:
                one, other = 2 * i, 2 * i + 1
            angle = position * frequency(rope, i, rope.theta ** (-2 * i / spread))
            cos, sin = math.cos(angle), math.sin(angle)
            a, b = heads[:, position, :, one], heads[:, position, :, other]
            turned[:, position, :, one] = a * cos - b * sin
            turned[:, position, :, other] = b * cos + a * sin
    return turned * rope.amplitude


def frequency(rope: Rope, pair: int, f: float) -> float:
    """Of a pair that turned by f radians a token: between f and f / factor."""
    s = rope.scaling
    if s is None or s.kind == "linear":
        return f / (s.factor if s else 1)
    turns = s.context * f / (2 * math.pi)
    share = (turns - s.slow) / (s.fast - s.slow)
    if s.kind == "yarn":
        each = rope.dims / 2 / math.log(rope.theta)
        first, last = (
            each * math.log(s.context / 2 / math.pi / n) for n in (s.fast, s.slow)
        )
        if s.whole:
            first, last = math.floor(first), math.ceil(last)
        first, last = max(first, 0), min(last, rope.dims - 1)
        share = (last - pair) / (last - first)
    share = min(max(share, 0.0), 1.0)
    return f * share + f / s.factor * (1 - share)


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
        "lfm3": _small(head_dim=8, rope=Rope(100.0, 4, spread=8)),
        "adjacent": _small(head_dim=6, rope=Rope(100.0, 4, adjacent=True)),
        "adjacent_spread": _small(rope=Rope(100.0, 2, spread=4, adjacent=True)),
        **{f"rope_{s.kind}{s.context}": _small(**_longer(s)) for s in SCALINGS},
        "window": _small(window=3),
        "shift": _small(kv_heads=2, shift=True, window=5, rope=Rope(1e4, 4)),
        "qk_norm": _small(qk_norm="head", rope=Rope(1e4, 4)),
        "olmo2": _small(kv_heads=2, qk_norm="full", rope=Rope(1e4, 4), scale=0.3),
        "nanochat": _small(
            qk_norm="head", weightless=True, rotate_first=True, rope=Rope(1e4, 4)
        ),
        "norm_last": _small(qk_norm="head", rotate_first=True, rope=Rope(1e4, 4)),
        "l2": _small(qk_norm="l2", scale=3.0, gate="head", softplus=True),
        "phi": _small(kv_heads=2, qk_norm="layer", norm_bias=True, rope=Rope(1e4, 2)),
        "cohere": _small(
            kv_heads=2, qk_norm="layer", own_weights=True, rope=Rope(1e4, 4)
        ),
        "own_weights": _small(
            qk_norm="layer", own_weights=True, norm_bias=True, rope=Rope(1e4, 4)
        ),
        "head_weights": _small(qk_norm="head", own_weights=True, rope=Rope(1e4, 4)),
        "layer_last": _small(
            qk_norm="layer", weightless=True, rotate_first=True, rope=Rope(1e4, 4)
        ),
        "alibi": _small(heads=6, kv_heads=6, alibi=True),
        "alibi_window": _small(
            heads=4, kv_heads=2, alibi=True, window=3, scale=0.3, gate="head"
        ),
        "alibi_scores": _small(
            kv_heads=2, alibi=True, window=4, sinks=True, softcap=2.0, rope=Rope(1e4, 4)
        ),
        "one_kv": _small(kv_heads=2, value="k", qk_norm="head", rope=Rope(1e4, 4)),
        "one_kv_full": _small(
            value="k",
            qk_norm="full",
            window=3,
            bias=True,
            kernel=2,
            rope=Rope(1e4, 4),
        ),
        "one_kv_plain": _small(value="k", sinks=True, bias=True, bias_except="kv"),
        "gemma3n": _small(kv_heads=2, qk_norm="head", v_norm=True, scale=1.0),
        "one_kv_norms": _small(value="k", v_norm=True, rope=Rope(1e4, 4)),
        "gated": _small(gate="head"),
        "channel_gate": _small(
            kv_heads=2, gate="channel", bias=True, bias_except="k gate"
        ),
        "softcap": _small(softcap=1.5, scale=1.0, window=3, rope=Rope(1e4, 4)),
        "sinks": _small(kv_heads=2, sinks=True, rope=Rope(1e4, 4)),
        "sinks_window": _small(sinks=True, softcap=2.0, window=3, value_dim=6),
        "differential": _small(kv_heads=2, differential=0.3, rope=Rope(1e4, 4)),
        "value_dim": _small(kv_heads=2, value_dim=2, gate="channel", softplus=True),
        "convolved": _small(kernel=3),
        # Without a rotation the bias of k adds the same to a whole row: no change.
        "biases": _small(bias=True, out_bias=True, rope=Rope(1e4, 4)),
        "everything": _small(
            kv_heads=2,
            kernel=3,
            rope=Rope(1e3, 2),
            window=4,
            qk_norm="head",
            gate="head",
            bias=True,
            out_bias=True,
        ),
        "every_score": _small(
            kv_heads=2,
            value_dim=6,
            window=4,
            qk_norm="full",
            v_norm=True,
            scale=0.7,
            softcap=2.0,
            sinks=True,
            gate="channel",
            rope=Rope(1e3, 2),
            bias=True,
        ),
    },
    shared=(
        *("everything", "biases", "every_score", "differential", "channel_gate"),
        *("one_kv", "own_weights", "alibi_window", "shift"),
    ),
    twin=twin,
    known=known,
    feature_twin=feature_twin,
    uses=(
        "SA-3(heads = 4, kv_heads = 2, qk_norm = true)",
        "SA-1(heads = 2, window = 5)",
        "SA-2(heads = 2)",
        "SA-3(heads = 4, kv_heads = 2, softcap = 5, scale = 1/4, sinks = true, "
        "window = 6)",
        "SA-1(heads = 2, qk_norm = full, gate = channel, value_dim = 8)",
        "SA-3(heads = 4, kv_heads = 2, gate = true, q_bias = true, v_bias = true)",
        "SA-3(heads = 4, kv_heads = 2, differential = 0.8)",
        "SA-1(heads = 2, rope_scaling = yarn, rope_factor = 4, rope_context = 64)",
        "SA-1(heads = 2, rope_pairs = adjacent, rope_scaling = linear, rope_factor = "
        "2)",
        "SA-1(heads = 2, rope_fraction = 1/2, rope_spread = head)",
        "SA-1(heads = 2, rope_scaling = llama3, rope_factor = 4, rope_context = 64)",
        "SA-1(heads = 2, qk_norm = head, weightless = true, rotate_first = true)",
        "SA-3(heads = 4, alibi = true, window = 9)",
        "SA-1(heads = 2, qk_norm = layer)",
        "SA-3(heads = 4, kv_heads = 2, v_norm = true, window = 6)",
        "SA-1(heads = 2, qk_norm = layer, norm_bias = false, own_weights = true)",
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
        ("SA-1(qk_norm = true, gate = false)", 64, {"qk_norm": "head", "gate": ""}),
        ("SA-1(qk_norm = full, gate = channel)", 64, {"gate": "channel"}),
        ("SA-1(scale = 1/64, softcap = 50)", 64, {"scale": 1 / 64, "softcap": 50.0}),
        ("SA-1(heads = 2, differential = 0.5)", 64, {"differential": 0.5}),
        ("SA-1(value_dim = 64, heads = 1)", 64, {"value_dim": 0}),
        ("SA-1(alibi = true)", 64, {"alibi": True, "rope": None}),
        ("SA-1(value = k)", 64, {"value": "k"}),
        ("SA-1(qk_norm = layer)", 64, {"norm_bias": True}),
        ("SA-1(qk_norm = layer, weightless = true)", 64, {"norm_bias": False}),
    ),
    realises=(
        (
            "groups = [q, k, v, gate] | "
            "token = low_rank; nonlinear = softmax; channel = grouped",
            {"gate": "head"},
        ),
    ),
)
