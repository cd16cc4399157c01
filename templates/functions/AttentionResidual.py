import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AttentionResidual(nn.Module):
    """What a layer reads of streams: a sum of all, with weights that are a softmax of
    their products with a learned query, each normed (arXiv 2603.15031).
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
        p = F.linear(self.norm(x), self.query).softmax(0)  # (N, B, T, 1)
        return (p * x).sum(0)
