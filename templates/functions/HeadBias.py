import torch
from torch import Tensor, nn


class HeadBias(nn.Module):
    """A learned number beside each logit of a head that is the embedding."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.vocab))

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)

    def forward(self, logits: Tensor) -> Tensor:
        return logits + self.weight
