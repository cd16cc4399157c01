"""Cases of plain MLPs."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.mlp.operator import Mlp
from starc.operators.mlp.options import ACTIVATIONS
from starc.reference.cases import WIDTH, Cases, Known


def _small(activation: str, **options: Any) -> Mlp:
    return Mlp(width=WIDTH, hidden=24, activation=activation, **options)


TWINS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_erf": F.gelu,
    "relu": F.relu,
    "relu2": lambda x: F.relu(x) ** 2,
}


def twin(
    op: Mlp, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    return TWINS[op.activation](f["up"])


def known() -> Known:
    """The square of what is positive."""
    up = torch.tensor([[[-2.0, 3.0], [0.5, 0.0]]]).double()
    y = torch.tensor([[[0.0, 9.0], [0.25, 0.0]]]).double()
    return Known(Mlp(width=2, hidden=2, activation="relu2"), {"up": up}, {}, y)


CASES = Cases(
    instances={
        **{name.removeprefix("gelu_"): _small(name) for name in ACTIVATIONS[1:]},
        "shift": _small("relu2", shift=True),
        "": _small("gelu", bias=True, out_bias=True),
    },
    shared=("",),
    twin=twin,
    known=known,
    uses=("MLP", "MLP(activation = relu2, shift = true)", "MLP(activation = gelu_erf)"),
    resolved=(
        ("MLP", 768, {"hidden": 3072, "activation": "gelu"}),
        ("MLP(hidden = 13)", 64, {"hidden": 13}),
        ("MLP(expand = 8/3)", 768, {"hidden": 2048}),
    ),
    realises=(
        (
            "groups = [up] | token = diagonal; nonlinear = relu2; channel = dense",
            {"activation": "relu2"},
        ),
        (
            "groups = [up]; token = shift | "
            "token = diagonal; nonlinear = relu2; channel = dense",
            {"shift": True},
        ),
    ),
)
