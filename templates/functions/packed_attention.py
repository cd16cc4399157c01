import torch
from torch import Tensor


def packed_attention(
    attention: Any, q: Tensor, k: Tensor, v: Tensor, packed: Packed, *window: int
) -> Tensor:
    """Softmax attention of each sequence alone: q (1, H, T, K), and k, v with what the
    sequences have in a cache, of which a window leaves window - 1 tokens."""
    new = [stop - start for start, stop, _ in packed.spans]
    kept = [min(past, window[0] - 1) if window else past for _, _, past in packed.spans]
    keys = [n + past for n, past in zip(new, kept, strict=True)]
    states = [State(length=n) for n in kept]
    own = zip(q.split(new, dim=2), k.split(keys, dim=2), v.split(keys, dim=2), states)
    return torch.cat([attention(*each, *window) for each in own], dim=2)
