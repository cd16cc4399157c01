import torch
from torch import Tensor


def slopes(heads: int, like: Tensor) -> Tensor:
    """(H): of ALiBi, 2^(-8 / n), 2^(-16 / n), ... for n heads, a power of two; heads
    beyond it have every second slope of twice as many (arXiv 2108.12409)."""
    n = 2 ** (heads.bit_length() - 1)
    head = torch.arange(1, heads + 1, device=like.device, dtype=like.dtype)
    beyond = 4 / n * (1 - 2 * (head - n))
    return torch.exp2(torch.where(head <= n, -8 / n * head, beyond))
