"""What two candidates have in common, for a Gaussian process of scikit-learn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

if TYPE_CHECKING:
    from numpy import ndarray

BOUNDS = (1e-5, 1e2)
"""Of a weight."""


class Linear(Kernel):  # type: ignore[misc]
    """A sum of linear kernels, one of each run of columns, each with its weight.

    weights: (parts,), what is learned. ends: first and one behind the last column of
    each part. scikit-learn's own sum of products of kernels says the same, and takes
    ten times as long.
    """

    def __init__(
        self, weights: Sequence[float], ends: Sequence[tuple[int, int]]
    ) -> None:
        self.weights, self.ends = weights, ends

    @property
    def hyperparameter_weights(self) -> Hyperparameter:
        return Hyperparameter("weights", "numeric", BOUNDS, len(self.ends))

    def __call__(
        self, X: "ndarray", Y: "ndarray | None" = None, eval_gradient: bool = False
    ) -> "ndarray | tuple[ndarray, ndarray]":
        """(X, Y); with the gradient by the logarithms of the weights, (X, X, parts)."""
        other = X if Y is None else Y
        parts = [
            weight * (X[:, first:last] @ other[:, first:last].T)
            for weight, (first, last) in self._parts()
        ]
        total: ndarray = np.sum(parts, axis=0)
        return (total, np.stack(parts, axis=-1)) if eval_gradient else total

    def diag(self, X: "ndarray") -> "ndarray":
        found: ndarray = np.sum(
            [w * (X[:, a:b] ** 2).sum(axis=1) for w, (a, b) in self._parts()], axis=0
        )
        return found

    def is_stationary(self) -> bool:
        return False

    def _parts(self) -> list[tuple[float, tuple[int, int]]]:
        # of one part scikit-learn makes the weight a number
        weights = np.atleast_1d(np.asarray(self.weights, float))
        return list(zip(weights.tolist(), self.ends, strict=True))
