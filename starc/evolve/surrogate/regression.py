"""A Gaussian process on features of architectures, with its own uncertainty.

Mean zero, a linear part of each group of features, and a squared exponential part of
all: costs and shares act nearly in sum, and what they do together is smooth. The weight
of each part is chosen by the likelihood of what was measured, so that a group that says
nothing is not heard; that of the noise too, which is that of the seed of a training.
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
    289 pairs of classes do not outweigh 17 classes."""

    names: tuple[str, ...]
    center: "ndarray"
    scale: "ndarray"

    @property
    def ends(self) -> list[tuple[int, int]]:
        """Of each group the first column and one behind the last: see Linear."""
        groups = [_group(name) for name in self.names]
        return [
            (groups.index(group), groups.index(group) + groups.count(group))
            for group in dict.fromkeys(groups)
        ]

    @classmethod
    def of(cls, known: Sequence[Features]) -> "Columns":
        import numpy as np

        names = sorted({name for one in known for name in one}, key=_in_groups)
        table = np.array([[one.get(name, 0.0) for name in names] for one in known])
        spread = table.std(axis=0)
        kept = [at for at, one in enumerate(spread) if one > SMALL]
        groups = [_group(names[at]) for at in kept]
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


def _group(name: str) -> str:
    return name.partition(" ")[0]


def _in_groups(name: str) -> tuple[str, str]:
    return _group(name), name


class Regression:
    """Of one measure. `learn` says whether there is anything to learn from.

    One thread: sums in another order have other last bits, and a run that is resumed
    elsewhere would choose other children.
    """

    def __init__(self) -> None:
        self._process: Any = None
        self._center = self._spread = 0.0

    def learn(
        self, columns: Columns, table: "ndarray", values: Sequence[float]
    ) -> bool:
        """table: (candidates, features), of `columns`."""
        import numpy as np
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
        from threadpoolctl import threadpool_limits

        from starc.evolve.surrogate.kernel import Linear

        found = np.array(values, float)
        self._center, self._spread = float(found.mean()), float(found.std())
        if self._spread < SMALL * max(1.0, abs(self._center)) or not table.shape[1]:
            self._process = None
            return False
        kernel = (
            Linear((0.3,) * len(columns.ends), columns.ends)
            + ConstantKernel(0.3, (1e-4, 1e2)) * RBF(2.0, (1.0, 20.0))
            + WhiteKernel(0.1, (1e-3, 1.0))
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
