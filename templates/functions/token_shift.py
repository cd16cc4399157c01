import torch
from torch import Tensor


def token_shift(
    u: Tensor, last: Tensor | None, cu_seqlens: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What leads from each token back to the one before it, u_{t-1} - u_t, and the last
    token of each sequence, which is kept.

    u (B, T, D); last (S, 1, D): of each sequence the token before these; None: zeros.
    """
    if last is None:
        rows = u.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
        last = u.new_zeros(rows, 1, u.shape[2])
    if cu_seqlens is None:
        seen = torch.cat([last.type_as(u), u], 1)
        return seen[:, :-1] - u, seen[:, -1:].to(last.dtype, copy=True)
    seen = torch.cat([last[:, 0].type_as(u), u[0]])  # (S + T, D)
    starts, ends = cu_seqlens[:-1], cu_seqlens[1:]
    token = torch.arange(u.shape[1], device=u.device)
    owner = torch.searchsorted(ends[:-1], token, right=True)  # its sequence
    first, rows = token == starts[owner], last.shape[0]
    before = seen[torch.where(first, owner, rows + token - 1)]
    none = torch.arange(rows, device=u.device)  # of a sequence without tokens
    kept = torch.where(ends > starts, rows + ends - 1, none)
    return before - u, seen[kept][:, None].type_as(last)
