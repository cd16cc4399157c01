"""Cases of gated linear units."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.glu.operator import Glu
from starc.reference.cases import WIDTH, Cases


def _small(activation: str) -> Glu:
    return Glu(width=WIDTH, hidden=24, activation=activation)


def twin(
    op: Glu, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    activation: Callable[[Tensor], Tensor] = {
        "silu": F.silu,
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
        "relu": F.relu,
        "sigmoid": torch.sigmoid,
    }[op.activation]
    return activation(f["gate"]) * f["up"]


CASES = Cases(
    instances={
        "": _small("silu"),
        **{name: _small(name) for name in ("gelu", "relu", "sigmoid")},
    },
    shared=("",),
    twin=twin,
    uses=("GMemless", "GMemless(activation = gelu)", "GMemless(activation = relu)"),
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
