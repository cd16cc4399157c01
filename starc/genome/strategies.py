"""What the strategy genes (3 and 5) stand for. The only place that says so.

STAR publishes gene 3 (none, or all weights). Its lists for gene 5 were not found, so
the lists below are ours [A]. One rule made them: of every featurizer at least one group
is never borrowed. Weights that two LIVs share are then always read by both, and gene 3
is never made silent by gene 5.
"""

from functools import cache

Groups = tuple[str, ...]

NONE = 1
"""The strategy, in both kinds of sharing, of a LIV that shares nothing."""

ALL_WEIGHTS = 2

WEIGHT_STRATEGIES: dict[int, str] = {
    NONE: "no weights shared",
    ALL_WEIGHTS: "all weights of the featurizer shared",
}

_KEYS_AND_VALUES: tuple[Groups, ...] = (("k", "v"), ("k",), ("v",))
_B_AND_C: tuple[Groups, ...] = (("b", "c"), ("b",), ("c",))
_GATE: tuple[Groups, ...] = (("gate",),)

FEATURE_STRATEGIES: dict[Groups, tuple[Groups, ...]] = {
    ("q", "k", "v"): _KEYS_AND_VALUES,
    ("b", "c", "x"): _B_AND_C,
    ("z", "x", "b", "c", "dt"): _B_AND_C,
    ("gate", "up"): _GATE,
    ("gate", "x"): _GATE,
}
"""For a featurizer's groups: what a follower borrows with strategy 2, 3, 4, ... .

A user's featurizer may list its groups in another order, or have the optional ones of
an operator (`gate` of attention) or not (`z` of a scan): the same strategies hold.
"""

_OPTIONAL = ("z", "gate")


@cache
def feature_strategies(groups: Groups) -> tuple[Groups, ...]:
    """What each strategy from 2 on borrows; empty: no features are shared."""
    for known, strategies in FEATURE_STRATEGIES.items():
        if {*known} == {*groups}:
            return strategies
    for known, strategies in FEATURE_STRATEGIES.items():
        if {*known} - {*_OPTIONAL} == {*groups} - {*_OPTIONAL}:
            return strategies
    return ()


def last_feature_strategy(groups: Groups) -> int:
    """The highest legal gene 5."""
    return NONE + len(feature_strategies(groups))


def borrowed_groups(groups: Groups, strategy: int) -> Groups:
    """What a follower with this gene 5 takes over, in the featurizer's order."""
    return feature_strategies(groups)[strategy - 2] if strategy != NONE else ()


def strategy_that_borrows(groups: Groups, borrowed: Groups) -> int | None:
    """The gene 5 of a follower that borrows exactly these groups, in any order."""
    for strategy, borrows in enumerate(feature_strategies(groups), start=2):
        if set(borrows) == set(borrowed):
            return strategy
    return None
