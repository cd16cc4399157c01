import torch
from torch import Tensor


def distances(q: Tensor, k: Tensor, length: int | Tensor) -> Tensor:
    """(T, S): how many tokens before each of q one of k stands, where q may read it.

    (B or 1, 1, 1, S) of single tokens behind a length on the GPU.
    """
    tokens, keys = q.shape[2], k.shape[2]
    key = torch.arange(keys, device=q.device)
    if isinstance(length, Tensor):
        return (length[:, None, None, None] - key) % keys
    if tokens == 1:  # of a ring buffer, token p stands in slot p % size
        return (length - key)[None] % keys
    return torch.arange(keys - tokens, keys, device=q.device)[:, None] - key
