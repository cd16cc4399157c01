"""The delta rule whose state decays channel by channel (KDA).

    S_t = diag(exp(log_decay_t)) S_{t-1}
    S_t = S_t + k_t (beta_t (v_t - k_t S_t))^T        S (B, H, N, P)
    y_t = q_t S_t

    q, k (B, L, G, N), each shared by the H / G heads of its group    v (B, L, H, P)
    log_decay (B, L, H, N), not positive    beta (B, L, H)
    returns y (B, L, H, P) in v's dtype and the last S as state

The lengths of k must not pass 1, nor beta 2, or the state may grow without bound.
With cu_seqlens, S sequences packed as kernels/sequences.py says, states are
(S, H, N, P).

Everything is computed in float32 (float64 for float64), the state too; None means
zeros. For every pair of tokens of a chunk there is one power of two by which they lie
in two blocks side by side; where these meet their decays are split, so that one
product serves all pairs of two blocks, and no exponent is ever positive.
kernels/delta_rule.py has the formulas, kernels/delta_tiles.py those on a
GPU. Source: Kimi Linear, arXiv 2510.26692.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.delta_rule import _delta_plain, _delta_repeat
from kernels.delta_tiles import _delta_tiles, _delta_why_not
from kernels.dispatch import kernels_for


def channel_delta(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor,
    beta: Tensor,
    state: Tensor | None = None,
    *,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return y and the last state."""
    tensors = (q, k, v, log_decay, beta, state)
    if kernels_for("channel_delta", *tensors, why_not=_delta_why_not(q, v)):
        return _delta_tiles(*tensors, cu_seqlens)
    return _delta_plain(
        _channel_delta_pairs, q, k, v, log_decay, beta, state, cu_seqlens
    )


def _channel_delta_pairs(
    q: Tensor, k: Tensor, log: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """From single tokens to the chunk: two blocks and what lies between make one."""
    q, k = (_delta_repeat(z, log.shape[2]) for z in (q, k))
    start, chunk = log.exp(), q.shape[3]
    end, asks = torch.ones_like(start), torch.stack((k, q))  # (2, K, B, H, Q, N)
    pairs = (asks * k).sum(5)[..., None, None]  # (2, K, B, H, blocks, size, size)
    for size in (1, 2, 4, 8, 16):
        halves = (chunk // size // 2, 2, size)
        later = torch.unflatten(asks * start, 4, halves)[..., 1, :, :]
        earlier = torch.unflatten(k * end, 3, halves)[..., 0, :, :]
        left, right = torch.unflatten(pairs, 4, halves[:2]).unbind(5)
        below = torch.cat((later @ earlier.transpose(-1, -2), right), -1)
        pairs = torch.cat((F.pad(left, (0, size)), below), -2)
        starts, ends = (torch.unflatten(z, 3, halves).unbind(4) for z in (start, end))
        whole = [z[..., -1:, :] for z in starts]  # decays of whole blocks
        start = torch.stack((starts[0], starts[1] * whole[0]), 4).flatten(3, 5)
        end = torch.stack((ends[0] * whole[1], ends[1]), 4).flatten(3, 5)
    keys, reads = pairs.squeeze(4).unbind()
    return keys, reads, start, end
