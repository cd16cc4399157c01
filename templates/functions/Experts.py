from torch import Tensor

from kernels.grouped_linear import grouped_linear


class Experts(ExpertWeights):
    """A linear map for each expert."""

    def forward(self, x: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
        """Tokens (M, in) to their experts' (N, out): row n is made of token rows[n],
        and those of expert e end before ends[e]."""
        return grouped_linear(x, self.weight, ends, rows)
