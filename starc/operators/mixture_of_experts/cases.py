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
    y = torch.zeros_like(f["up"])
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
    size = op.experts // op.groups_of_experts
    counted = 1 if op.scores == "softmax" else 2
    groups = [sorted(choice[i : i + size]) for i in range(0, op.experts, size)]
    best = sorted(range(len(groups)), key=lambda g: -sum(groups[g][-counted:]))
    kept = [e for e in range(op.experts) if e // size in best[: op.keep]]
    chosen = sorted(kept, key=lambda e: -choice[e])[: op.top]
    total = scores[chosen].sum() if op.normalised else 1.0
    activations: dict[str, Callable[[Tensor], Tensor]] = {
        "silu": F.silu,
        "relu": F.relu,
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
    }
    activation = activations[op.activation]
    for e in chosen:
        part = slice(e * op.hidden, (e + 1) * op.hidden)
        if op.gated:
            value = activation(f["gate"][part]) * f["up"][part]
        else:
            value = activation(f["up"][part])
        y[part] = op.scale * scores[e] / total * value


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
    },
    shared=("", "ungated"),
    twin=twin,
    chooses=True,
    uses=(
        "MoE(experts = 4, hidden = 12)",
        "MoE(experts = 8, top = 3, hidden = 8, scores = sigmoid, groups = 4, keep = 2)",
        "MoE(experts = 3, hidden = 8, gate = false, balance = loss)",
    ),
    resolved=(
        ("MoE", 768, {"experts": 8, "top": 2, "hidden": 2048, "activation": "silu"}),
        ("MoE(expand = 1/2, experts = 64, top = 8)", 768, {"hidden": 384}),
        ("MoE(scale = 2.5)", 64, {"scale": 2.5}),
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
    ),
)
