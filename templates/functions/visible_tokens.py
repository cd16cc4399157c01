import torch
from torch import Tensor


def visible_tokens(q: Tensor, k: Tensor, state: State) -> Tensor:
    """(T, S), True where one of the last T tokens, q, may read one of the S of k.

    A length on the GPU comes with one token, and a whole buffer, empty behind it.
    """
    if isinstance(state.length, Tensor):
        seen = torch.arange(k.shape[2], device=k.device) <= state.length[:, None]
        return seen[:, None, None]  # (B or 1, 1, 1, S)
    tokens, keys = q.shape[2], k.shape[2]
    seen = torch.ones(tokens, keys, dtype=torch.bool, device=q.device)
    return seen.tril(keys - tokens)
