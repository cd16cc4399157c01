import torch
from torch import Tensor, nn


class Streams(nn.Module):
    """Makes several streams of what enters, and one of them before the head."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        others, width = range(config.streams - 1), config.width
        made = (nn.Linear(width, width, bias=False) for _ in others)
        self.opening = nn.ModuleList(made)
        made = (nn.Linear(width, width, bias=False) for _ in others)
        self.closing = nn.ModuleList(made)

    def open(self, x: Tensor) -> Tensor:
        """(N, B, T, D): x, and projections of it that are as large."""
        return torch.stack([x, *(as_large(proj(x), x) for proj in self.opening)])

    def close(self, x: Tensor) -> Tensor:
        """(B, T, D): the mean of the first stream and of projections of the others."""
        first, *others = x
        pairs = zip(self.closing, others, strict=True)
        made = [as_large(proj(other), first) for proj, other in pairs]
        return torch.stack([first, *made]).mean(0)


def as_large(y: Tensor, x: Tensor) -> Tensor:
    """y with the root mean square of x; its own counts as 0.003 at least."""
    size = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * x.shape[-1] ** -0.5
    return y * size * y.square().mean(-1, keepdim=True).clamp(min=1e-5).rsqrt()
