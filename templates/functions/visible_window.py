import torch
from torch import Tensor

from templates.functions.visible_tokens import visible_tokens


def visible_window(
    q: Tensor, k: Tensor, length: int | Tensor, window: int, packed: Packed | None
) -> Tensor:
    """(T, S), the same of tokens that see themselves and the window - 1 before them."""
    if packed is not None:
        blocks = []
        for start, stop, past in packed.spans:
            kept = min(past, window - 1)  # in the ring buffer
            seen = torch.ones(stop - start, kept + stop - start, device=q.device)
            blocks.append(seen.tril(kept).triu(kept - window + 1))
        return torch.block_diag(*blocks).bool()
    seen = visible_tokens(q, k, length, None)
    if q.shape[2] == 1:  # a ring buffer, in any order, holds no more than it may see
        return seen
    return seen.triu(k.shape[2] - q.shape[2] - window + 1)
