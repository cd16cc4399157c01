"""The delta rules' walk from chunk to chunk; kernels/delta_rule.py has the formulas."""

import torch
from torch import Tensor


def _delta_walk(
    asks: Tensor,
    knows: Tensor,
    adds: Tensor,
    v: Tensor,
    beta: Tensor,
    keys: Tensor,
    reads: Tensor,
    keep: Tensor,
    state: Tensor,
) -> tuple[Tensor, Tensor]:
    """y and the last state. asks, knows, adds (K, B, H, Q, N): q and k times start, and
    k times end; v (.., P), beta (.., 1), keys, below the diagonal, and reads (.., Q),
    keep (K, B, H, 1 or N, 1), state (B, H, N, P).
    """
    system = torch.linalg.solve_triangular(
        keys * beta, torch.cat((v, knows), 4) * beta, upper=False, unitriangular=True
    )
    told, known = system.split((v.shape[4], knows.shape[4]), 4)
    starts, written = [], []
    for n in range(v.shape[0]):
        starts.append(state)
        written.append(told[n] - known[n] @ state)
        add = adds[n].transpose(2, 3) @ written[n]
        state = torch.addcmul(add, keep[n], state)
    return asks @ torch.stack(starts) + reads @ torch.stack(written), state
