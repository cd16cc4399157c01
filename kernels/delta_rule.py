"""What the kernels of the delta rule share: `gated_delta` and `channel_delta`.

    S_t = (I - beta_t k_t k_t^T) diag(a_t) S_{t-1} + beta_t k_t v_t^T
    y_t = q_t S_t

In chunks of Q tokens (the WY form). What token i writes is u_i = beta_i (v_i - what
the state holds for k_i), and that state is S_0 plus what the tokens before i wrote:

    (I + tril(beta K, -1)) u = beta (v - (k * start) S_0)
    y = (q * start) S_0 + tril(R) u        S_Q = diag(start_Q) S_0 + (k * end)^T u

where K and R are k k^T and q k^T, each pair with the decays between its tokens; start
are the decays from the start of the chunk through a token, end those after it. Where
the length of k is at most 1 and beta at most 2, I - beta k k^T enlarges nothing. So
no entry of the inverse of this triangular system is above 2, and substitution is
stable; powers of tril(beta K, -1), as a series would take, grow to 10^18.
Source: Yang et al., arXiv 2406.06484, section 3, and 2412.06464, section 3.3.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.chunks import _chunk_join, _chunk_split
from kernels.sequences import _seq_apart, _seq_count

_DeltaPairs = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]


def _delta_plain(
    pairs: _DeltaPairs,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log: Tensor,
    beta: Tensor,
    state: Tensor | None,
    cu_seqlens: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """y and the last state, in plain PyTorch.

    log (B, L, H, 1 or N). pairs(q, k, log), of chunks (B, K, heads, Q, ...), are K and
    R (B, K, H, Q, Q), R zero above its diagonal, start and end (B, K, H, Q, 1 or N).
    """
    dtype = torch.promote_types(q.dtype, torch.float32)
    if state is None:
        size = (v.shape[2], k.shape[3], v.shape[3])
        state = q.new_zeros((_seq_count(q, cu_seqlens), *size), dtype=dtype)
    if cu_seqlens is not None:
        return _seq_apart(
            lambda q, k, v, log, beta, state: _delta_plain(
                pairs, q, k, v, log, beta, state, None
            ),
            (q, k, v, log, beta),
            state,
            cu_seqlens,
        )
    if not q.shape[1]:
        return v.clone(), state
    with torch.autocast(q.device.type, enabled=False):  # it would round to bfloat16
        inputs = [z.to(dtype) for z in (q, k, v, log, beta, state)]
        if q.shape[1] == 1:
            y, last = _delta_step(*inputs)
        else:
            y, last = _delta_chunks(pairs, *inputs)
    return y.to(v.dtype), last


def _delta_step(
    q: Tensor, k: Tensor, v: Tensor, log: Tensor, beta: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """One token: the state decays, is asked for k, and is told the difference."""
    q, k = (_delta_repeat(z, v.shape[2]).transpose(1, 2) for z in (q, k))
    state = state * log[:, 0].exp().unsqueeze(3)
    told = (v.transpose(1, 2) - k @ state) * beta.transpose(1, 2).unsqueeze(3)
    last = torch.addcmul(state, k.transpose(2, 3), told)  # (B, H, N, P)
    return (q @ last).transpose(1, 2), last


def _delta_repeat(x: Tensor, heads: int) -> Tensor:
    """x (B, L, G, ...) for each of H heads."""
    each = heads // x.shape[2]
    return x if each == 1 else x.repeat_interleave(each, 2)


def _delta_chunks(
    pairs: _DeltaPairs,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log: Tensor,
    beta: Tensor,
    state: Tensor,
) -> tuple[Tensor, Tensor]:
    """All tokens, in K chunks of Q."""
    length, heads, width = v.shape[1:]
    # padded tokens keep the state and write nothing; (B, K, heads, Q, ...)
    q, k, v, log, beta = (
        _chunk_split(z, 32).transpose(2, 3).contiguous()
        for z in (q, k, v, log, beta.unsqueeze(3))
    )
    keys, reads, start, end = pairs(q, k, log)
    q, k = (_delta_repeat(z, heads) for z in (q, k))
    system = torch.cat((v, k * start), 4) * beta
    system = torch.linalg.solve_triangular(
        keys * beta, system, upper=False, unitriangular=True
    )
    told, known = system[..., :width], system[..., width:]
    keep = start[:, :, :, -1].unsqueeze(4)  # (B, K, H, 1 or N, 1)
    adds = (k * end).transpose(3, 4)  # (B, K, H, N, Q)
    if torch.compiler.is_compiling():
        factor = keep * torch.eye(k.shape[4], dtype=k.dtype, device=k.device)
        starts = _delta_states(factor - adds @ known, adds @ told, state)
        starts, state = starts[:, :-1], starts[:, -1]
        told = told - known @ starts
    else:
        old, new = [], []
        for u, w, add, kept in zip(
            *(z.unbind(1) for z in (told, known, adds, keep)), strict=True
        ):
            old.append(state)
            new.append(u - w @ state)
            state = torch.addcmul(add @ new[-1], kept, state)
        starts, told = torch.stack(old, 1), torch.stack(new, 1)
    y = (q * start) @ starts + reads @ told
    return _chunk_join(y.transpose(2, 3), length), state


def _delta_states(a: Tensor, b: Tensor, first: Tensor, levels: int = 2) -> Tensor:
    """All S_t = a_t S_{t-1} + b_t in one graph for any length, a matrix a step.

    a (B, K, H, N, N)    b (B, K, H, N, P)    first (B, H, N, P)
    returns (B, K + 1, H, N, P), from first on

    As state_scan.py does with factors: twice groups of 8 steps become one, and what is
    left, K / 64, is one triangular system.
    """
    steps, size = b.shape[1], b.shape[3]
    if not levels:
        t = torch.arange(steps, device=b.device)
        after = (t[:, None] == t + 1)[:, None, :, None]  # (to, 1, from, 1)
        system = a.transpose(1, 2).unsqueeze(4) * after  # (B, H, to, N, from, N)
        system = system.flatten(4, 5).flatten(2, 3)
        b = torch.cat((b[:, :1] + a[:, :1] @ first.unsqueeze(1), b[:, 1:]), 1)
        states = torch.linalg.solve_triangular(
            -system, b.transpose(1, 2).flatten(2, 3), upper=False, unitriangular=True
        )
        states = torch.unflatten(states, 2, (steps, size)).transpose(1, 2)
        return torch.cat((first.unsqueeze(1), states), 1)
    # At least two groups: torch.compile makes a single one a case of its own.
    groups = (steps + 14) // 8
    a, b = (
        torch.unflatten(
            F.pad(z, (0, 0) * (z.dim() - 2) + (0, 8 * groups - steps)), 1, (groups, 8)
        )
        for z in (a, b)
    )
    factor, more = a[:, :, 0], b[:, :, 0]  # what a group makes of the state before it
    for n in range(1, 8):
        factor, more = a[:, :, n] @ factor, a[:, :, n] @ more + b[:, :, n]
    state = _delta_states(factor, more, first, levels - 1)[:, :-1]
    states = []
    for n in range(8):
        state = a[:, :, n] @ state + b[:, :, n]
        states.append(state)
    joined = torch.stack(states, 2).flatten(1, 2)
    joined = joined.index_select(1, torch.arange(steps, device=b.device))
    return torch.cat((first.unsqueeze(1), joined), 1)
