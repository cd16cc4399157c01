"""Rotary positions."""

import math

from starc.values import dataclass


@dataclass(frozen=True)
class Scaling:
    """Slower frequencies, for sequences longer than those of training.

    kind: "linear" all by `factor`. "llama3" and "yarn" those of pairs that turn less
    than `slow` times in `context` tokens, not those that turn more than `fast` times;
    between the two llama3 mixes by turns, yarn (arXiv 2309.00071) by the number of the
    pair, from and to whole numbers where `whole`.
    """

    kind: str
    factor: float
    context: int = 0
    slow: float = 1.0
    fast: float = 4.0
    whole: bool = False


@dataclass(frozen=True)
class Rope:
    """Rotary positions (arXiv 2104.09864). `dims` channels of each head are turned.

    Pair i of `spread` channels, (i, i + spread / 2), (2 i, 2 i + 1) where `adjacent`,
    turns by theta ** (-2 i / spread) radians a token, for i < dims / 2; others stay.
    spread: 0 means dims. amplitude: factor of all channels of a head.
    """

    theta: float
    dims: int
    spread: int = 0
    adjacent: bool = False
    amplitude: float = 1.0
    scaling: Scaling | None = None

    @property
    def pairs_of(self) -> int:
        """The channels among which the frequencies are spread."""
        return self.spread or self.dims

    @property
    def plain(self) -> bool:
        """What the kernel does: halves as pairs, frequencies of the turned channels."""
        return self == Rope(self.theta, self.dims)

    @property
    def ramp(self) -> tuple[float, float]:
        """Of yarn: the last pair that turns as before, the first that is slowed."""
        assert self.scaling is not None
        s, spread = self.scaling, self.pairs_of
        ends = [
            spread
            * math.log(s.context / (turns * math.tau))
            / (2 * math.log(self.theta))
            for turns in (s.fast, s.slow)
        ]
        if s.whole:
            ends = [math.floor(ends[0]), math.ceil(ends[1])]
        first, last = max(ends[0], 0.0), min(ends[1], spread - 1.0)
        return float(first), float(last) if first != last else last + 0.001
