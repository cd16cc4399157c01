import math

from torch import Tensor


def llama3_frequencies(
    frequencies: Tensor, factor: float, trained: int, slow: float, fast: float
) -> Tensor:
    """Pairs of few turns in `trained` tokens turn slower by factor, between the two in
    part."""
    turns = trained * frequencies / math.tau
    kept = ((turns - slow) / (fast - slow)).clamp(0, 1)
    return kept * frequencies + (1 - kept) * frequencies / factor
