"""SwiGLU and its kin: the gate of a gated linear unit, after its one projection.

    y = silu(gate) * up        or gelu (by tanh), relu, sigmoid instead of silu

    gate_up (..., 2 F): gate, then up        returns y (..., F) in its dtype

Source: arXiv 2002.05202.
"""

import torch.nn.functional as F
from torch import Tensor


def swiglu(gate_up: Tensor, activation: str = "silu") -> Tensor:
    """activation(gate) * up, of both side by side."""
    gate, up = gate_up.chunk(2, dim=-1)
    if activation == "gelu":
        return F.gelu(gate, approximate="tanh") * up
    if activation == "silu":
        return F.silu(gate) * up
    return (gate.relu() if activation == "relu" else gate.sigmoid()) * up
