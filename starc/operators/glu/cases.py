"""Cases of gated linear units."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.glu.operator import Glu
from starc.operators.glu.options import ACTIVATIONS
from starc.reference.cases import WIDTH, Cases


def _small(activation: str, **options: Any) -> Glu:
    return Glu(width=WIDTH, hidden=24, activation=activation, **options)


def twin(
    op: Glu, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    activation: Callable[[Tensor], Tensor] = {
        "silu": F.silu,
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
        "gelu_erf": F.gelu,
        "relu": F.relu,
        "relu2": lambda x: F.relu(x).square(),
        "sigmoid": torch.sigmoid,
    }[op.activation]
    gate, up = f["gate"], f["up"]
    if op.activation_sparsity:
        # The normal quantile by torch; the deviation from moments.
        share = torch.tensor(op.activation_sparsity, dtype=torch.float64)
        below = torch.special.ndtri(share)
        mean = gate.mean(-1, keepdim=True)
        deviation = (gate.square().mean(-1, keepdim=True) - mean.square()).sqrt()
        gate = (gate - mean - below * deviation).clamp(min=0)
    if op.limit:
        gate, up = gate.clamp(max=op.limit), up.clamp(-op.limit, op.limit)
    up = (up + op.up_offset) * (f["share"].sigmoid() if op.share else 1.0)
    if op.alpha != 1:
        return gate * (op.alpha * gate).sigmoid() * up
    return activation(gate) * up


CASES = Cases(
    instances={
        "": _small("silu"),
        **{name: _small(name) for name in ACTIVATIONS[1:]},
        "limit": _small("silu", limit=0.8),
        "share": _small("silu", share=True),
        "sparse": _small("gelu", activation_sparsity=0.7),
        "sparse_limit": _small("silu", activation_sparsity=0.3, limit=0.5, alpha=2.0),
        "limit_of_relu": _small("relu", limit=0.8, up_offset=0.5),
        "gpt_oss": _small("silu", limit=1.5, alpha=1.702, up_offset=1.0),
    },
    shared=("", "gpt_oss", "sparse"),
    twin=twin,
    uses=(
        "GMemless",
        "GMemless(activation = gelu)",
        "GMemless(activation = relu)",
        "GMemless(share = true)",
        "GMemless(activation = gelu, activation_sparsity = 0.95)",
        "GMemless(limit = 7, alpha = 1.702, up_offset = 1)",
    ),
    resolved=(
        ("GMemless", 768, {"hidden": 2048, "activation": "silu"}),
        ("GMemless", 2048, {"hidden": 5464}),
        ("GMemless", 64, {"hidden": 176}),
        ("GMemless(expand = 4)", 768, {"hidden": 3072}),
        ("GMemless(hidden = 4608)", 1024, {"hidden": 4608}),
        ("GMemless(hidden = 13)", 64, {"hidden": 13}),
    ),
    realises=(
        (
            "groups = [gate, up] | "
            "token = diagonal; nonlinear = swish; channel = dense",
            {"activation": "silu"},
        ),
        (
            "groups = [gate, up] | token = diagonal; nonlinear = gelu; channel = dense",
            {"activation": "gelu"},
        ),
    ),
)
