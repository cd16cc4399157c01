import torch
from torch import Tensor


def visible_tokens(
    q: Tensor, k: Tensor, length: int | Tensor, packed: Packed | None
) -> Tensor:
    """(T, S), True where one of the last T tokens, q, may read one of the S of k.

    A length on the GPU comes with one token, and a whole buffer, empty behind it.
    Packed sequences read nothing of each other.
    """
    if packed is not None:
        blocks = [
            torch.ones(stop - start, past + stop - start, device=q.device).tril(past)
            for start, stop, past in packed.spans
        ]
        return torch.block_diag(*blocks).bool()
    if isinstance(length, Tensor):
        seen = torch.arange(k.shape[2], device=k.device) <= length[:, None]
        return seen[:, None, None]  # (B or 1, 1, 1, S)
    tokens, keys = q.shape[2], k.shape[2]
    seen = torch.ones(tokens, keys, dtype=torch.bool, device=q.device)
    return seen.tril(keys - tokens)
