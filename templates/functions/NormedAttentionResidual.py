import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NormedAttentionResidual(nn.Module):
    """What a layer reads of streams, each normed: a sum of all, with weights that are a
    softmax of their products with a learned query (arXiv 2603.15031, as Inkling has it).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(config.width, config.eps, elementwise_affine=False)
        self.query = nn.Parameter(torch.empty(1, config.width))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        nn.init.zeros_(self.query)  # at first it is their mean

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) of streams x (N, B, T, D)."""
        x = self.norm(x)
        return (F.linear(x, self.query).softmax(0) * x).sum(0)  # of N
