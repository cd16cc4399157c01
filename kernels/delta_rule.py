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
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.chunks import _chunk_join, _chunk_split
from kernels.dispatch import autograd
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

    log (B, L, H, 1 or N). pairs(q, k, log), of chunks (K, B, heads, Q, ...), are K and
    R (K, B, H, Q, Q), R zero above its diagonal, start and end (K, B, H, Q, 1 or N).
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
    length, heads = v.shape[1:3]
    # padded tokens keep the state and write nothing; (K, B, heads, Q, ...)
    q, k, v, log, beta = (
        _chunk_split(z, 32).permute(1, 0, 3, 2, 4).contiguous()
        for z in (q, k, v, log, beta.unsqueeze(3))
    )
    keys, reads, start, end = pairs(q, k, log)
    q, k = (_delta_repeat(z, heads) for z in (q, k))
    keep = start[:, :, :, -1].unsqueeze(4)  # (K, B, H, 1 or N, 1)
    inputs = (q * start, k * start, k * end, v, beta, keys.tril(-1), reads, keep)
    if torch.compiler.is_compiling():
        y, state = _delta_graph(*inputs, state)
    else:
        y, state = _delta_walk(*inputs, state)
    return _chunk_join(y.permute(1, 0, 3, 2, 4), length), state


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
    """y and the last state, from chunk to chunk; (K, B, H, ...) as below, state too."""
    inputs = (asks, knows, adds, v, beta, keys, reads, keep)
    y, last = autograd(
        _DeltaChunks, *(z.flatten(1, 2) for z in inputs), state.flatten(0, 1)
    )
    return y.view(v.shape), last.view(state.shape)


class _DeltaChunks(torch.autograd.Function):
    """From chunk to chunk. asks, knows, adds (K, B H, Q, N): q and k times start, and
    k times end; v (.., P), beta (.., 1), keys, below the diagonal, and reads (.., Q),
    keep (K, B H, 1 or N, 1), state (B H, N, P). Saves all states, u, and v less what
    each state held.
    """

    @staticmethod
    def forward(
        ctx: Any,
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
        ones = torch.eye(v.shape[2], dtype=v.dtype, device=v.device)
        inverse = torch.linalg.solve_triangular(
            keys * beta, ones.expand_as(keys), upper=False, unitriangular=True
        )
        solve = inverse * beta.transpose(2, 3)
        starts = state.new_empty((v.shape[0] + 1, *state.shape))
        starts[0] = state
        beyond, u = torch.empty_like(v), torch.empty_like(v)
        for n, state in enumerate(starts[:-1]):
            torch.baddbmm(v[n], knows[n], state, alpha=-1, out=beyond[n])
            torch.bmm(solve[n], beyond[n], out=u[n])
            add = adds[n].transpose(1, 2)
            torch.baddbmm(state * keep[n], add, u[n], out=starts[n + 1])
        y = asks @ starts[:-1]
        y += reads @ u
        ctx.save_for_backward(
            asks, knows, adds, beta, keys, reads, keep, inverse, starts, beyond, u
        )
        return y, starts[-1].clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, dlast: Tensor) -> tuple[Tensor, ...]:
        """z, below, is the gradient of beta (v - (k * start) S_0)."""
        asks, knows, adds, beta, keys, reads, keep, inverse, starts, beyond, u = (
            ctx.saved_tensors
        )
        with torch.autocast(dy.device.type, enabled=False):
            z, du = torch.empty_like(dy), reads.transpose(2, 3) @ dy
            ends, dkeep = torch.empty_like(starts), torch.empty_like(
                starts[1:, ..., :1]
            )
            ends[-1] = dlast
            for n in reversed(range(dy.shape[0])):
                end = ends[n + 1]
                torch.sum(end * starts[n], 2, keepdim=True, out=dkeep[n])
                du[n].baddbmm_(adds[n], end)
                torch.bmm(inverse[n].transpose(1, 2), du[n], out=z[n])
                ask, know = (each[n].transpose(1, 2) for each in (asks, knows))
                torch.baddbmm(end * keep[n], ask, dy[n], out=ends[n])
                ends[n].baddbmm_(know, z[n] * beta[n], alpha=-1)
            turned, less = starts[:-1].transpose(2, 3), z * -beta
            dbeta = (z * (beyond - keys @ u)).sum(3, keepdim=True)
            return (
                dy @ turned,
                less @ turned,
                u @ ends[1:].transpose(2, 3),
                z * beta,
                dbeta,
                less @ u.transpose(2, 3),
                dy @ u.transpose(2, 3),
                dkeep.sum_to_size(keep.shape),
                ends[0],
            )


def _delta_graph(
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
    """The same for a graph, where the number of chunks is a symbol: a chunk, as a step,
    is one matrix for the state.
    """
    system = torch.linalg.solve_triangular(
        keys * beta, torch.cat((v, knows), 4) * beta, upper=False, unitriangular=True
    )
    told, known = system.split((v.shape[4], knows.shape[4]), 4)
    adds = adds.transpose(3, 4)  # (K, B, H, N, Q)
    factor = keep * torch.eye(adds.shape[3], dtype=v.dtype, device=v.device)
    a, b = factor - adds @ known, adds @ told
    starts = _delta_states(a.transpose(0, 1), b.transpose(0, 1), state).transpose(0, 1)
    y = asks @ starts[:-1] + reads @ (told - known @ starts[:-1])
    return y, starts[-1]


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
