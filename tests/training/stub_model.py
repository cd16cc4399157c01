"""Stands in for an emitted model: its interface, and a layer that learns pairs."""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Config:
    vocab: int = 256
    context: int = 32


class Model(nn.Module):
    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()
        self.embedding = nn.Embedding(self.config.vocab, 32)
        self.norm = nn.RMSNorm(32)
        self.dropout = nn.Dropout(0.1)  # so that a resumed run needs its random state
        self.head = nn.Linear(32, self.config.vocab)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.norm(self.embedding(tokens)))
        logits: torch.Tensor = self.head(x)
        return logits

    @torch.inference_mode()
    def generate(
        self,
        tokens: torch.Tensor,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        for _ in range(max_new_tokens):
            share = (self(tokens)[:, -1] / temperature).softmax(-1)
            drawn = torch.multinomial(share, 1, generator=generator)
            tokens = torch.cat([tokens, drawn], 1)
        return tokens
