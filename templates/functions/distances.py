import torch
from torch import Tensor


def distances(q: Tensor, k: Tensor, state: State) -> Tensor:
    """(T, S): how many tokens before each of q one of k stands, where q may read it."""
    tokens, keys, length = q.shape[2], k.shape[2], state.length
    key = torch.arange(keys, device=q.device)
    if isinstance(length, Tensor):
        return (length[:, None, None, None] - key) % keys  # (B or 1, 1, 1, S)
    if tokens == 1:  # of a ring buffer, token p stands in slot p % size
        return (length - key)[None] % keys
    return torch.arange(keys - tokens, keys, device=q.device)[:, None] - key
