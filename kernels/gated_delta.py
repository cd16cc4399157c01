"""The gated delta rule: a state that decays, and replaces what it holds for a key.

    S_t = exp(log_decay_t) S_{t-1}
    S_t = S_t + k_t (beta_t (v_t - k_t S_t))^T        S (B, H, N, P)
    y_t = q_t S_t

    q, k (B, L, G, N), each shared by the H / G heads of its group    v (B, L, H, P)
    log_decay (B, L, H), not positive, or None: no decay    beta (B, L, H)
    returns y (B, L, H, P) in v's dtype and the last S as state

The lengths of k must not pass 1, nor beta 2, or the state may grow without bound.
With cu_seqlens, S sequences packed as kernels/sequences.py says, states are
(S, H, N, P).

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. Inside a chunk the pairs of tokens are a masked matrix, of which k k^T and
q k^T are shared by a group; kernels/delta_rule.py has the formulas, and
kernels/delta_tiles.py those on a GPU. No exponent is ever positive.
Source: Yang et al., arXiv 2412.06464.
"""

import torch
from torch import Tensor

from kernels.delta_rule import _delta_plain
from kernels.delta_tiles import _delta_tiles, _delta_why_not
from kernels.dispatch import kernels_for


def gated_delta(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    beta: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state."""
    log = torch.zeros_like(beta) if log_decay is None else log_decay
    tensors = (q, k, v, log, beta, state)
    if kernels_for("gated_delta", *tensors, why_not=_delta_why_not(q, v)):
        return _delta_tiles(*tensors, cu_seqlens)
    return _delta_plain(
        _gated_delta_pairs, q, k, v, log.unsqueeze(3), beta, state, cu_seqlens
    )


def _gated_delta_pairs(
    q: Tensor, k: Tensor, log: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One decay for a head: a matrix of decays, times products of a whole group."""
    chunk, groups, log = q.shape[3], q.shape[2], log.squeeze(4)
    ones = torch.ones(chunk, chunk, dtype=torch.bool, device=q.device)
    span = log.unsqueeze(4).expand(*log.shape, chunk)  # (K, B, H, Q, Q)
    span = span.masked_fill(~ones.tril(-1), 0).cumsum(3)
    decay = span.masked_fill(~ones.tril(), -torch.inf).exp()
    grouped = torch.unflatten(decay, 2, (groups, -1))
    turned = k.transpose(3, 4)
    keys, reads = ((grouped * (z @ turned).unsqueeze(3)).flatten(2, 3) for z in (k, q))
    start, end = log.cumsum(3).exp(), decay[:, :, :, -1]
    return keys, reads, start.unsqueeze(4), end.unsqueeze(4)
