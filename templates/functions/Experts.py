import torch
from torch import Tensor, nn

from kernels.grouped_linear import grouped_linear


class Experts(nn.Module):
    """A linear map for each expert."""

    def __init__(self, experts: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.weight = nn.Parameter(torch.empty(experts, out_features, in_features))

    def forward(self, x: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """Tokens (M, in) to their experts' (N, out): row n is made of token rows[n],
        and those of expert e end before ends[e]."""
        return grouped_linear(x, self.weight, ends, rows)
