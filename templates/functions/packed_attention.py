import torch
from torch import Tensor


def packed_attention(
    attention: Any, q: Tensor, k: Tensor, v: Tensor, packed: Packed, *window: int
) -> Tensor:
    """Softmax attention of each sequence alone: q (1, H, T, K), and k, v with what the
    sequences have in a cache, of which a window leaves window - 1 tokens."""
    parts, first = [], 0
    for start, stop, past in packed.spans:
        kept = min(past, window[0] - 1) if window else past
        end = first + kept + stop - start
        own = q[:, :, start:stop], k[:, :, first:end], v[:, :, first:end]
        parts.append(attention(*own, past, *window))
        first = end
    return torch.cat(parts, dim=2)
