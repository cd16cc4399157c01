"""Rows of q and k in another order: rotations that turn other pairs of channels.

Ours turns channel i with channel i + n / 2 of the first n of each head. Where theirs
turns others, the rows of the projections are sorted: the same function, bit for bit.
"""

from collections.abc import Callable, Sequence

from starc.zoo.rope import head_channels
from starc.zoo.tensor import Made, Names
from starc.zoo.values import Values

Order = Callable[[Values], Sequence[int]]

NEIGHBOURS = "rows of q and k are sorted: theirs turns neighbouring channels"
SPREAD = "rows of q and k are sorted: the channels that turn stand first"


def neighbours(turned: Callable[[Values], int] = head_channels) -> Order:
    """Channels 2i and 2i + 1 are a pair, among the first `turned`."""

    def order(values: Values) -> list[int]:
        first, channels = turned(values), head_channels(values)
        return [*range(0, first, 2), *range(1, first, 2), *range(first, channels)]

    return order


def spread(turned: Callable[[Values], int]) -> Order:
    """Channels i and i + half of the whole head are a pair, `turned` of them in all."""

    def order(values: Values) -> list[int]:
        pairs, channels = turned(values) // 2, head_channels(values)
        half = channels // 2
        rest = (*range(pairs, half), *range(half + pairs, channels))
        return [*range(pairs), *range(half, half + pairs), *rest]

    return order


def sorted_rows(names: Names, order: Order, why: str) -> Names:
    """The names with the rows of q, k, and of their norms, in this order."""
    heads = {
        "q.*": "num_attention_heads",
        "k.*": "num_key_value_heads",
        "q_norm": "",
        "k_norm": "",
    }
    found = dict(names)
    for theirs, ours in names.items():
        if isinstance(ours, str) and ours in heads:
            rows = _by_head(heads[ours], order)
            found[theirs] = Made(ours, order=rows, folds=why)
    return found


def _by_head(count: str, order: Order) -> Order:
    def rows(values: Values) -> list[int]:
        one = order(values)
        heads = values[count] if count else 1
        return [head * len(one) + row for head in range(heads) for row in one]

    return rows
