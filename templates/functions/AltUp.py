import torch
from torch import Tensor, nn


class AltUp(nn.Module):
    """Predicts streams before layers that compute the first, and corrects them behind
    (arXiv 2301.13310, as Gemma 3n has it).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        n = config.streams
        self.streams = n
        self.norm = nn.RMSNorm(config.width, config.eps)
        self.router = nn.Linear(config.width, n, bias=False)
        self.prediction = nn.Linear(n, n * n, bias=False)
        self.correction = nn.Linear(n, n, bias=False)

    def route(self, x: Tensor) -> Tensor:
        """(B, T, N) of one stream."""
        return torch.tanh(self.router(self.norm(x) / x.shape[-1]))

    def predict(self, x: Tensor) -> Tensor:
        """X + M X for streams X (N, B, T, D), M (N, N) of each token's first stream."""
        m = self.prediction(self.route(x[0])).unflatten(-1, (self.streams, -1))
        return x + (m @ x.movedim(0, 2)).movedim(2, 0)

    def correct(self, predicted: Tensor, x: Tensor) -> Tensor:
        """All streams, each by its part of what the layers did to the first."""
        parts = 1 + self.correction(self.route(x)).movedim(-1, 0)[..., None]
        return predicted + parts * (x - predicted[0])
