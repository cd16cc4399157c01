"""All states h_t = a_t * h_{t-1} + b_t, of any number of tokens.

a, b (B, L, ...)    first (B, ...)        returns (B, L + 1, ...), from first on
"""

import torch
from torch import Tensor

from kernels.state_scan import _states_scan


def _states(a: Tensor, b: Tensor, first: Tensor) -> Tensor:
    return _states_scan(a, torch.cat((first.unsqueeze(1), b), 1))
