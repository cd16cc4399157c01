"""Rotary positions."""

from starc.values import dataclass


@dataclass(frozen=True)
class Rope:
    """Rotary positions (arXiv 2104.09864). `dims` channels of each head are turned."""

    theta: float
    dims: int
