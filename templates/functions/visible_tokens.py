import torch
from torch import Tensor


def visible_tokens(q: Tensor, k: Tensor, length: int | Tensor) -> Tensor:
    """(T, S), True where one of the last T tokens, q, may read one of the S of k.

    A length on the GPU comes with one token, and a whole buffer that is empty behind it.
    """
    if isinstance(length, Tensor):
        return torch.arange(k.shape[2], device=k.device)[None] <= length
    tokens, keys = q.shape[2], k.shape[2]
    seen = torch.ones(tokens, keys, dtype=torch.bool, device=q.device)
    return seen.tril(keys - tokens)
