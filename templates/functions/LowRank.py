import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LowRank(nn.Module):
    """Products of thin matrices, as wide as each group of a projection (LoRA, arXiv
    2106.09685): what a layer has of its own beside weights that others use too.

    one: all groups are made of the same `rank` numbers, else each of its own.
    """

    def __init__(self, width: int, rank: int, sizes: list[int], one: bool) -> None:
        super().__init__()
        self.sizes, self.one = sizes, one
        self.down = nn.Linear(width, rank if one else rank * len(sizes), bias=False)
        self.up = nn.Parameter(torch.empty(sum(sizes), rank))

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.up)

    def forward(self, u: Tensor, *groups: int) -> Tensor:
        """(B, T, sizes of these groups, or of all) of u (B, T, D)."""
        ups, low = self.up.split(self.sizes), self.down(u)
        if self.one and not groups:
            return F.linear(low, self.up)
        parts = [low] * len(ups) if self.one else low.chunk(len(ups), dim=-1)
        chosen = groups or range(len(ups))
        return torch.cat([F.linear(parts[i], ups[i]) for i in chosen], dim=-1)
