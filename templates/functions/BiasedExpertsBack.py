import torch
from torch import Tensor, nn


class BiasedExpertsBack(ExpertsBack):
    """A linear map and a bias for each expert, and the sum of what those of a token
    give."""

    def __init__(self, experts: int, in_features: int, out_features: int) -> None:
        super().__init__(experts, in_features, out_features)
        self.bias = nn.Parameter(torch.empty(experts, out_features))

    def forward(self, y: Tensor, ends: Tensor, order: Tensor, p: Tensor) -> Tensor:
        """Rows (N, in), of the choices in this order, to tokens (B, T, out): each
        times p (B, T, top)."""
        bias = expert_biases(self.bias, ends, order)[order.argsort().view_as(p)]
        y = super().forward(y, ends, order, p)
        return y + (p[..., None, :].type_as(y) @ bias.type_as(y)).squeeze(-2)
