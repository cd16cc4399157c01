import torch
from torch import nn


class ExpertWeights(nn.Module):
    """The matrix of a linear map for each expert."""

    def __init__(self, experts: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.weight = nn.Parameter(torch.empty(experts, out_features, in_features))
