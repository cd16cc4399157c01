"""Norms over the last axis."""

import torch
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight (arXiv 1910.07467)."""
    return x / torch.sqrt(torch.mean(x**2, dim=-1, keepdim=True) + eps) * weight


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias (arXiv 1607.06450)."""
    centred = x - torch.mean(x, dim=-1, keepdim=True)
    variance = torch.mean(centred**2, dim=-1, keepdim=True)
    return centred / torch.sqrt(variance + eps) * weight + bias
