"""Cases of the gated short convolution; its twin is torch's own convolution."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.gated_conv.operator import GatedConv
from starc.reference.cases import WIDTH, Cases, Known, causal_conv, ones
from starc.reference.kernel_cases import KernelCases


def twin(
    op: GatedConv, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    b, c = f["b"], f["c"]
    if op.sigmoid_gates:
        b, c = b.sigmoid(), c.sigmoid()
    return c * causal_conv(b * f["x"], p["filter"], p.get("filter_bias"))


def known() -> Known:
    """The convolution of a pulse is the filter, the last tap that of the same token."""
    pulse = torch.zeros(1, 4, 2, dtype=torch.float64)
    pulse[:, 0] = 1
    taps = torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 1.0]]).double()
    return Known(
        GatedConv(width=2, inner=2, taps=3),
        {"b": ones(1, 4, 2), "c": 3 * ones(1, 4, 2), "x": pulse},
        {"filter": taps},
        torch.tensor([[[12.0, 3], [6, 0], [3, 0], [0, 0]]]).double(),
    )


CASES = Cases(
    instances={
        "": GatedConv(width=WIDTH, inner=WIDTH),
        "wide": GatedConv(width=WIDTH, inner=24, taps=7, sigmoid_gates=True),
        "biases": GatedConv(
            width=WIDTH, inner=8, taps=2, filter_bias=True, bias=True, out_bias=True
        ),
    },
    shared=("biases",),
    twin=twin,
    known=known,
    uses=(
        "GConv-1",
        "GConv-1(kernel = 7, gates = sigmoid, filter_bias = true, out_bias = true)",
    ),
    resolved=(
        ("GConv-1", 64, {"inner": 64, "taps": 3, "sigmoid_gates": False}),
        ("GConv-1(kernel = 7, expand = 1.5)", 64, {"inner": 96, "taps": 7}),
    ),
    realises=(
        (
            "groups = [b, c, x]; filter = explicit(kernel = 4) | "
            "token = toeplitz; channel = diagonal",
            {"taps": 4},
        ),
    ),
    kernel=KernelCases(
        name="gated_conv",
        shapes=lambda b, t, c, n: [*[(b, t, c)] * 3, (c, 3), (c,), (b, 2, c)],
        timed=(0, 1, 2),
        state=5,
        wide=(3, 4),
    ),
)
