import torch
from torch import Tensor, nn


class BiasedExperts(Experts):
    """A linear map and a bias for each expert."""

    def __init__(self, experts: int, in_features: int, out_features: int) -> None:
        super().__init__(experts, in_features, out_features)
        self.bias = nn.Parameter(torch.empty(experts, out_features))

    def forward(self, x: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """Tokens (M, in) to their experts' (N, out): row n is made of token rows[n],
        and those of expert e end before ends[e]."""
        y = super().forward(x, ends, rows)
        return y + expert_biases(self.bias, ends, rows).type_as(y)
