"""RG-LRU, the real-gated linear recurrent unit of Griffin, for each channel.

    r_t = sigmoid(recurrence_gate_t)    i_t = sigmoid(input_gate_t)
    log a_t = -8 * softplus(decay) * r_t
    h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * x_t)
    y_t = h_t, or h_t * gelu(output_gate_t) with an output gate (gelu by tanh)

    x and the gates, which are logits, (B, T, D)    decay (D)    state (B, D) or None
    returns y (B, T, D) in the dtype of x, and the last h as state (B, D)

The slope of the square root is at most 1000, as the authors have it: arXiv
2402.19427, equations 1 to 4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.plain.recurrence import _recurrence, _recurrence_start
from kernels.plain.sequences import _seq_apart


def rg_lru(
    x: Tensor,
    input_gate: Tensor,
    recurrence_gate: Tensor,
    decay: Tensor,
    state: Tensor | None = None,
    output_gate: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return all y and the last h."""
    if state is None:
        state = _recurrence_start(x, cu_seqlens, x.shape[2])
    if cu_seqlens is not None:
        return _seq_apart(
            lambda x, i, r, o, state: rg_lru(x, i, r, decay, state, o),
            (x, input_gate, recurrence_gate, output_gate),
            state,
            cu_seqlens,
        )
    wide = torch.promote_types(x.dtype, torch.float32)
    log_a = -8 * F.softplus(decay.to(wide)) * recurrence_gate.to(wide).sigmoid()
    rest = -(2 * log_a).expm1()  # 1 - a^2, exact where a rounds to 1
    scale = rest.detach().sqrt()
    slope = (0.5 / scale).clamp(max=1000.0)
    scale = scale + slope * (rest - rest.detach())  # its value, and that gradient
    h, last = _recurrence(log_a.exp(), scale * input_gate.to(wide).sigmoid() * x, state)
    h = h.to(x.dtype)
    if output_gate is not None:
        h = h * F.gelu(output_gate, approximate="tanh")
    return h, last
