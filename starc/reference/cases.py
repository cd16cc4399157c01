"""What tests try of an operator: `cases.py` of its folder, read by every sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc import operators
from starc.ir.operator import Operator
from starc.reference.kernel_cases import KernelCases

WIDTH = 16
"""Of the residual stream of all instances."""

Tensors = Mapping[str, Tensor]
Twin = Callable[[Any, Tensors, Tensors, float], Tensor]
FeatureTwin = Callable[[Any, str, Tensor, Tensors, float], Tensor]


def unfinished(
    operator: Operator, group: str, feature: Tensor, tensors: Tensors, eps: float
) -> Tensor:
    return feature


@dataclass(frozen=True)
class Known:
    """What an operator must give for numbers so simple that paper is enough.

    y: (batch, length, channels); `finished`: with what comes after T(x) v.
    """

    operator: Operator
    features: Tensors
    tensors: Tensors
    y: Tensor
    finished: bool = True


@dataclass(frozen=True, kw_only=True)
class Cases:
    """An operator's cases, each as small as it can be.

    instances: operators by what is special about them, "" for the plain one.
    chooses: rounding may change what a token chooses, and then all that it becomes.
    shared: the names of those that are tried in every form of sharing.
    twin: y of an instance, its features by group (batch, length, channels), its tensors
        and the model's eps: in other steps than `reference.py`, a token at a time or by
        a function of torch.
    feature_twin: the same of `finish_feature`, where the reference has one.
    uses: LIVs of a stream of 32 channels as the language writes them, the first in
        every form of sharing.
    known: makes what is known in closed form.
    kernel: its kernel, if there is one of its name.
    resolved: LIVs as written, the width, and numbers of the operator that follow.
    realises: what a featurizer and a LIV say, "|" between them, and what of the
        operator follows.
    """

    instances: Mapping[str, Operator]
    shared: tuple[str, ...]
    twin: Twin
    uses: tuple[str, ...]
    feature_twin: FeatureTwin = unfinished
    known: Callable[[], Known] | None = None
    kernel: KernelCases | None = None
    chooses: bool = False
    resolved: tuple[tuple[str, int, Mapping[str, object]], ...] = ()
    realises: tuple[tuple[str, Mapping[str, object]], ...] = ()


def cases_of(kind: str) -> Cases:
    """Of an operator's kind."""
    found: Cases = operators.part(kind, "cases").CASES
    return found


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.float64)


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """torch's own convolution of x (batch, length, channels), taps (channels, taps)."""
    padded = F.pad(x.transpose(1, 2), (weight.shape[1] - 1, 0))
    return F.conv1d(padded, weight[:, None], bias, groups=len(weight)).transpose(1, 2)
