import torch
from torch import Tensor


def distances(
    q: Tensor,
    k: Tensor,
    length: int | Tensor,
    window: int | None,
    packed: Packed | None,
) -> Tensor:
    """(T, S): how many tokens before each of q one of k stands, where q may read it.

    (B or 1, 1, 1, S) of single tokens behind a length on the GPU.
    """
    tokens, keys = q.shape[2], k.shape[2]
    if packed is not None:
        places, behind = [], 0
        for start, stop, past in packed.spans:
            kept = past if window is None else min(past, window - 1)  # in the cache
            end = behind + kept + stop - start
            places.append(torch.arange(behind + kept, end, device=q.device))
            behind = end
        return torch.cat(places)[:, None] - torch.arange(keys, device=q.device)
    key = torch.arange(keys, device=q.device)
    if isinstance(length, Tensor):
        return (length[:, None, None, None] - key) % keys
    if tokens == 1:  # of a ring buffer, token p stands in slot p % size
        return (length - key)[None] % keys
    return torch.arange(keys - tokens, keys, device=q.device)[:, None] - key
