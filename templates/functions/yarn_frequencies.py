import torch
from torch import Tensor


def yarn_frequencies(
    frequencies: Tensor, factor: float, start: float, end: float
) -> Tensor:
    """Pairs behind `end` turn slower by factor, from `start` on in part (YaRN, arXiv
    2309.00071)."""
    pair = torch.arange(len(frequencies), device=frequencies.device)
    pair = pair.to(frequencies.dtype)
    slowed = ((pair - start) / (end - start)).clamp(0, 1)
    return (1 - slowed) * frequencies + slowed * frequencies / factor
