import torch
from torch import Tensor, nn


class StaticHyperConnection(nn.Module):
    """What a layer reads of N streams, and what its answer is to each of them
    (arXiv 2409.19606): learned weights.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        n = config.streams
        self.alpha = nn.Parameter(torch.empty(n, n + 1))
        self.beta = nn.Parameter(torch.empty(n))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        chance = torch.rand_like(self.beta)
        nn.init.zeros_(self.alpha)
        self.alpha[:, 0] = chance == chance.max()  # it reads one of them
        nn.init.ones_(self.beta)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is read (B, T, D), the streams without the answer (N, B, T, D), and the
        factors of it (N, 1, 1, 1), of streams x (N, B, T, D)."""
        mixed = (self.alpha.T @ x.flatten(1)).unflatten(-1, x.shape[1:])
        return mixed[0].type_as(x), x + mixed[1:], self.beta[:, None, None, None]
