"""Cases of mixtures of experts; the twin takes a token and an expert at a time."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.mixture_of_experts.operator import MixtureOfExperts
from starc.reference.cases import WIDTH, Cases


def twin(
    op: MixtureOfExperts, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    y = f["up"].new_zeros(*f["up"].shape[:2], op.inner + _weighted(op))
    for b in range(y.shape[0]):
        for t in range(y.shape[1]):
            _token(op, {name: x[b, t] for name, x in f.items()}, p, y[b, t])
    return y


def _token(
    op: MixtureOfExperts, f: Mapping[str, Tensor], p: Mapping[str, Tensor], y: Tensor
) -> None:
    scores = f["router"].softmax(0) if op.scores == "softmax" else f["router"].sigmoid()
    choice = scores.tolist()
    if op.balance == "bias":
        choice = (scores + p["balance"]).tolist()
    size = op.choices // op.groups_of_experts
    counted = 1 if op.scores == "softmax" else 2
    groups = [sorted(choice[i : i + size]) for i in range(0, op.choices, size)]
    best = sorted(range(len(groups)), key=lambda g: -sum(groups[g][-counted:]))
    kept = [e for e in range(op.choices) if e // size in best[: op.keep]]
    chosen = sorted(kept, key=lambda e: -choice[e])[: op.top]
    shares = _weights(op, f["router"], scores, chosen)
    for e, share in zip(chosen, shares, strict=True):
        if _weighted(op):  # for biases on the way back, and what stays as it is
            y[op.inner + e] = share
        if e >= op.experts:
            continue
        part = slice(e * op.hidden, (e + 1) * op.hidden)
        gate = f["gate"][part] if op.gated else None
        y[part] = share * _unit(op, gate, f["up"][part])


def _weighted(op: MixtureOfExperts) -> int:
    """How many weights follow the channels of the experts."""
    return op.choices if op.out_bias or op.zero else 0


def _weights(
    op: MixtureOfExperts, router: Tensor, scores: Tensor, chosen: list[int]
) -> Tensor:
    found = scores[chosen]
    if op.near:
        shares, left = [], list(range(op.choices))
        for e in chosen:
            best = float(router[e].detach())
            larger = [max(abs(float(x)), best) for x in router.detach()]
            near = [n for n in left if best - router[n] <= op.near * larger[n]]
            shares.append(router[near].softmax(0)[near.index(e)])
            left.remove(e)
        found = torch.stack(shares)
    if op.normalised:
        found = found / (found.sum() + (op.sum_eps if op.scores == "sigmoid" else 0))
    return op.scale * found


def _unit(op: MixtureOfExperts, gate: Tensor | None, up: Tensor) -> Tensor:
    activations: dict[str, Callable[[Tensor], Tensor]] = {
        "silu": lambda x: x * (op.alpha * x).sigmoid(),
        "relu": F.relu,
        "relu2": lambda x: F.relu(x).square(),
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
        "gelu_erf": F.gelu,
    }
    if gate is None:
        return activations[op.activation](up)
    if op.limit:
        gate, up = gate.clamp(max=op.limit), up.clamp(-op.limit, op.limit)
    return activations[op.activation](gate) * (up + op.up_offset)


def _small(**numbers: object) -> MixtureOfExperts:
    given = {"hidden": 5, "experts": 4, "top": 2, **numbers}
    return MixtureOfExperts(width=WIDTH, **given)  # type: ignore[arg-type]


CASES = Cases(
    instances={
        "": _small(),
        "loss": _small(balance="loss", normalised=False, scale=1.5),
        "sigmoid": _small(scores="sigmoid", activation="gelu"),
        "groups": _small(
            experts=8, top=3, groups_of_experts=4, keep=2, scores="sigmoid"
        ),
        "softmax groups": _small(experts=6, groups_of_experts=3, keep=2),
        "ungated": _small(gated=False, activation="relu", balance="none"),
        "all": _small(experts=2, top=2, balance="none"),
        "relu2": _small(gated=False, activation="relu2", scores="sigmoid"),
        "gelu_erf": _small(activation="gelu_erf", bias=True),
        "limits": _small(
            **{"limit": 0.8, "alpha": 1.702, "up_offset": 1.0, "balance": "none"},
            **{"bias": True, "out_bias": True},
        ),
        "router_bias": _small(bias_except="router", scores="sigmoid", sum_eps=0.5),
        "latent": _small(latent=7, gated=False, activation="relu2"),
        "latent_biases": _small(
            latent=7, bias=True, out_bias=True, bias_except="router", balance="loss"
        ),
        "zero": _small(zero=2, top=3, scores="sigmoid"),
        "zero_biases": _small(
            **{"experts": 3, "zero": 3, "groups_of_experts": 2, "keep": 1},
            **{"bias": True, "out_bias": True, "balance": "loss"},
        ),
        "near": _small(near=0.9, balance="none", normalised=False, experts=6, top=3),
    },
    shared=("", "ungated", "limits", "latent", "zero"),
    twin=twin,
    chooses=True,
    uses=(
        "MoE(experts = 4, hidden = 12)",
        "MoE(experts = 8, top = 3, hidden = 8, scores = sigmoid, groups = 4, keep = 2)",
        "MoE(experts = 3, hidden = 8, gate = false, balance = loss)",
        "MoE(experts = 3, zero = 2, hidden = 8, out_bias = true)",
        "MoE(hidden = 8, latent = 12, activation = relu2, gate = false)",
        "MoE(hidden = 8, limit = 7, up_offset = 1, bias = true, out_bias = true)",
    ),
    resolved=(
        ("MoE", 768, {"experts": 8, "top": 2, "hidden": 2048, "activation": "silu"}),
        ("MoE(expand = 1/2, experts = 64, top = 8)", 768, {"hidden": 384}),
        ("MoE(scale = 2.5)", 64, {"scale": 2.5}),
        ("MoE(latent = 16)", 64, {"latent": 16, "hidden": 176}),
        ("MoE(experts = 4, zero = 4, top = 8)", 64, {"zero": 4, "top": 8}),
        ("MoE(router_bias = true)", 64, {"bias": False, "bias_except": "router"}),
    ),
    realises=(
        (
            "groups = [router, gate, up] | token = diagonal; "
            "sparsity = routed(experts = 16, top = 4); nonlinear = swish; "
            "channel = dense",
            {"activation": "silu", "experts": 16, "top": 4},
        ),
        (
            "groups = [router, up] | token = diagonal; sparsity = routed; "
            "nonlinear = relu; channel = dense",
            {"activation": "relu", "gated": False},
        ),
        (
            "groups = [router, up]; channel = [dense, latent(rank = 8)] | "
            "token = diagonal; sparsity = routed; nonlinear = relu2; channel = dense",
            {"activation": "relu2", "gated": False, "latent": 8},
        ),
    ),
)
