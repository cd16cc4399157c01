from torch import Tensor, nn


class LayerEmbeddings(nn.Module):
    """Of each token a vector for each layer that reads one, as in Gemma 3n.

    (norm(proj(x) / sqrt(D)) + sqrt(C) table[token]) / sqrt(2), x the stream at first.
    """

    def __init__(self, config: Config, layers: int, channels: int, vocab: int) -> None:
        super().__init__()
        self.channels = channels
        self.table = nn.Embedding(vocab, layers * channels)
        self.proj = nn.Linear(config.width, layers * channels, bias=False)
        self.norm = nn.RMSNorm(channels, config.eps)

    def forward(self, tokens: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        each = (-1, self.channels)  # of a layer
        made = (self.proj(x) * x.shape[-1] ** -0.5).type_as(x).unflatten(-1, each)
        rows = (self.table(tokens) * self.channels**0.5).unflatten(-1, each)
        return ((self.norm(made) + rows) * 0.5**0.5).unbind(-2)  # (B, T, C) each
