"""A Gaussian process on features of architectures, with its own uncertainty.

Mean zero, and a linear and a squared exponential part: costs and shares act nearly in
sum, and what they do together is smooth. All weights are chosen by the likelihood of
what was measured, noise too, which is that of the seed of a training.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starc.evolve.surrogate.features import Features

if TYPE_CHECKING:
    from numpy import ndarray

FEWEST = 8
"""Measured candidates below which nothing is learned."""

SMALL = 1e-9
"""Spread below which a feature, or a measure, is a constant."""


@dataclass
class Columns:
    """Which features are seen, and how they are scaled: those that vary among the ones
    that are learned from, to mean 0, and each group to a total variance of 1, so that
    289 pairs of classes do not outweigh 5 costs."""

    names: tuple[str, ...]
    center: "ndarray"
    scale: "ndarray"

    @classmethod
    def of(cls, known: Sequence[Features]) -> "Columns":
        import numpy as np

        names = sorted({name for one in known for name in one})
        table = np.array([[one.get(name, 0.0) for name in names] for one in known])
        spread = table.std(axis=0)
        kept = [at for at, one in enumerate(spread) if one > SMALL]
        groups = [names[at].partition(" ")[0] for at in kept]
        sizes = np.array([groups.count(group) for group in groups], float)
        return cls(
            tuple(names[at] for at in kept),
            table.mean(axis=0)[kept],
            spread[kept] * np.sqrt(sizes),
        )

    def table(self, some: Sequence[Features]) -> "ndarray":
        """(candidates, features)"""
        import numpy as np

        rows = [[one.get(name, 0.0) for name in self.names] for one in some]
        found = np.array(rows, float).reshape(len(some), len(self.names))
        scaled: ndarray = (found - self.center) / self.scale
        return scaled


class Regression:
    """Of one measure. `learn` says whether there is anything to learn from.

    One thread: sums in another order have other last bits, and a run that is resumed
    elsewhere would choose other children.
    """

    def __init__(self) -> None:
        self._process: Any = None
        self._center = self._spread = 0.0

    def learn(self, table: "ndarray", values: Sequence[float]) -> bool:
        import numpy as np
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import (
            RBF,
            ConstantKernel,
            DotProduct,
            WhiteKernel,
        )
        from threadpoolctl import threadpool_limits

        found = np.array(values, float)
        self._center, self._spread = float(found.mean()), float(found.std())
        if self._spread < SMALL * max(1.0, abs(self._center)) or not table.shape[1]:
            self._process = None
            return False
        bounds = (1e-4, 1e3)
        linear = DotProduct(sigma_0=1.0, sigma_0_bounds="fixed")
        smooth = RBF(2.0, (0.2, 20.0))
        kernel = (
            ConstantKernel(1.0, bounds) * linear
            + ConstantKernel(0.5, bounds) * smooth
            + WhiteKernel(0.1, (1e-4, 1.0))
        )
        self._process = GaussianProcessRegressor(kernel, alpha=1e-8, random_state=0)
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # a weight at its bound
            self._process.fit(table, (found - self._center) / self._spread)
        return True

    def predict(self, table: "ndarray") -> "tuple[ndarray, ndarray]":
        """Means and deviations, (candidates,) each; of what a measurement would say."""
        import numpy as np

        if self._process is None:
            return np.full(len(table), self._center), np.zeros(len(table))
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            means, deviations = self._process.predict(table, return_std=True)
        return self._center + self._spread * means, self._spread * deviations
