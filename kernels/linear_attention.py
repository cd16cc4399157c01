"""Causal linear attention: softmax attention with a feature map in place of exp.

    S_t = sum_{j <= t} k_j v_j^T        z_t = sum_{j <= t} k_j
    y_t = q_t S_t / (q_t . z_t + 1e-6)        with normalize=False: q_t S_t / sqrt(N)

    q (B, L, H, N)    k (B, L, G, N)    v (B, L, G, P), each k, v for H / G heads
    returns y (B, L, H, P) in q's dtype and the next state (B, G, N, P + 1): S and z

The feature map, which must not be negative if y is normalized, has been applied to q
and k. Everything is computed in float32 (float64 for float64), the state too; None
means zeros. A column of ones beside v makes z a part of S. Chunks of 64 tokens: a
masked 64 x 64 matrix inside, states between. Source: Katharopoulos et al. 2020,
arXiv 2006.16236, equations 9 to 12 and 18 to 20.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    state: Tensor | None = None,
    normalize: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return y and the next state."""
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        size = (*k.shape[::2], k.shape[3], v.shape[3] + 1)
        state = q.new_zeros(size, dtype=dtype)
    wide = torch.unflatten(q.to(dtype), 2, (k.shape[2], -1))  # (B, L, G, H/G, N)
    k, v = k.to(dtype), F.pad(v.to(dtype), (0, 1), value=1.0)
    with torch.autocast(q.device.type, enabled=False):  # it would round to bfloat16
        if q.shape[1] == 1:
            last = state + k[:, 0].unsqueeze(3) * v[:, 0].unsqueeze(2)  # (B, G, N, P+1)
            y = (wide[:, 0] @ last).unsqueeze(1)  # (B, 1, G, H/G, P+1)
        else:
            y, last = _linear_attention_chunks(wide, k, v, state)
    y = y.flatten(2, 3)  # (B, L, H, P + 1)
    if normalize:
        y = y[..., :-1] / (y[..., -1:] + 1e-6)
    else:
        y = y[..., :-1] * q.shape[3] ** -0.5
    return y.to(q.dtype), last


def _linear_attention_chunks(
    q: Tensor, k: Tensor, v: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Letters: K chunks of Q tokens, R query heads for each k and v."""
    length, repeat = q.shape[1], q.shape[3]
    chunk = 64
    pad = -length % chunk
    if pad:  # padded keys are zeros: they add nothing to S and z
        q = F.pad(q, (0, 0, 0, 0, 0, 0, 0, pad))
        k, v = (F.pad(x, (0, 0, 0, 0, 0, pad)) for x in (k, v))
    k = torch.unflatten(k, 1, (-1, chunk)).transpose(2, 3)  # (B, K, G, Q, N)
    v = torch.unflatten(v, 1, (-1, chunk)).transpose(2, 3)  # (B, K, G, Q, P + 1)
    q = torch.unflatten(q, 1, (-1, chunk)).permute(0, 1, 3, 4, 2, 5).flatten(3, 4)
    future = torch.ones(chunk, chunk, dtype=torch.bool, device=q.device).triu(1)
    scores = q @ k.transpose(3, 4)  # (B, K, G, RQ, Q)
    scores = scores.masked_fill(future.repeat(repeat, 1), 0)
    states = torch.cat([state.to(q.dtype).unsqueeze(1), k.transpose(3, 4) @ v], 1)
    states = states.cumsum(1)  # (B, K + 1, G, N, P + 1)
    y = scores @ v + q @ states[:, :-1]  # (B, K, G, RQ, P + 1)
    y = torch.unflatten(y, 3, (repeat, chunk)).permute(0, 1, 4, 2, 3, 5).flatten(1, 2)
    return y[:, :length], states[:, -1].clone()
