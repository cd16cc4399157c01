"""The oracle: the IR executed in float64, every T(x) built as a dense matrix.

Slow and plain on purpose, O(length^2 x channels), for lengths up to about 40. Nothing
here is shared with `kernels/` or the emitted code: no scan, no chunk, no fused
projection. What it computes is what the docstrings of `operators/*/operator.py` say.

    weights = random_weights(model, torch.Generator().manual_seed(0))
    logits = execute(model, weights, tokens)

A tensor's key is (label of its LIV, its name): see `tensors`.
"""

from starc.ir.tensors import tensors
from starc.reference.model import auxiliary_loss, execute, mixing_matrix
from starc.reference.weights import random_weights

__all__ = [
    "auxiliary_loss",
    "execute",
    "mixing_matrix",
    "random_weights",
    "tensors",
]
