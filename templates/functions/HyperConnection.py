import torch
import torch.nn.functional as F
from torch import Tensor, nn


class HyperConnection(nn.Module):
    """What a layer reads of N streams, and what its answer is to each of them
    (arXiv 2409.19606): learned weights, and more that are made of the streams.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        n = config.streams
        self.alpha = nn.Parameter(torch.empty(n, n + 1))
        self.beta = nn.Parameter(torch.empty(n))
        self.norm = nn.RMSNorm(config.width, config.eps)
        self.dynamic = nn.Parameter(torch.empty(n + 2, config.width))
        self.scale = nn.Parameter(torch.empty(2))  # of what is made for alpha and beta

    @torch.no_grad()
    def reset_parameters(self) -> None:
        chance = torch.rand_like(self.beta)
        nn.init.zeros_(self.alpha)
        self.alpha[:, 0] = chance == chance.max()  # it reads one of them
        nn.init.ones_(self.beta)
        nn.init.zeros_(self.dynamic)  # at first it is the plain residual
        nn.init.constant_(self.scale, 0.01)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is read (B, T, D), the streams without the answer (N, B, T, D), and the
        factors of it (N, B, T, 1), of streams x (N, B, T, D)."""
        made = torch.tanh(F.linear(self.norm(x), self.dynamic))  # (N, B, T, N + 2)
        alpha = self.alpha[:, None, None] + self.scale[0] * made[..., :-1]
        beta = self.beta[:, None, None, None] + self.scale[1] * made[..., -1:]
        mixed = alpha.movedim(0, -1) @ x.movedim(0, -2)  # (B, T, N + 1, D)
        u, *others = mixed.type_as(x).unbind(-2)
        return u, x + torch.stack(others), beta
