from torch import Tensor

from kernels.grouped_linear import grouped_sum


class ExpertsBack(ExpertWeights):
    """A linear map for each expert, and the sum of what those of a token give."""

    def forward(self, y: Tensor, ends: Tensor, order: Tensor, p: Tensor) -> Tensor:
        """Rows (N, in), of the choices in this order, to tokens (B, T, out): each
        times p (B, T, top)."""
        return grouped_sum(y, self.weight, ends, order, p)
