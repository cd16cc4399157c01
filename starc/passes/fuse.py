"""fuse: compute features that read one thing by one multiplication."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from starc.ir.nodes import Liv, Model
from starc.ir.operator import Operator
from starc.passes.rebuild import changed, map_livs


def fuse(model: Model) -> Model:
    """One projection for all groups of an owner that the same LIVs read alike.

    Each is as large as it can be while every user of the weights either computes all of
    it from one input, or one source, or nothing of it. Branches of a parallel are
    multiplied apart: what one of them is called and made of is then its own affair.
    """
    shared = frozenset(model.shared)
    part_of = _parts(model, shared)
    whole: dict[int, tuple[tuple[str, ...], ...]] = {}  # by identity of the operator

    def one(liv: Liv) -> Liv:
        label = liv.label
        if label not in shared and _is_alone(liv):
            projections = whole.get(id(liv.operator))
            if projections is None:
                projections = _whole(liv.operator)
                whole[id(liv.operator)] = projections
        else:
            parts: dict[tuple[int, str], list[str]] = {}
            for f in liv.features:
                if not f.borrowed:  # -1: a copy of its own, all that reads one input
                    part = part_of.get((f.weights, f.group), -1)
                    parts.setdefault((part, f.input), []).append(f.group)
            projections = tuple(_apart(liv.operator, parts.values()))
        if projections == liv.projections:
            return liv
        return changed(liv, projections=projections)

    return map_livs(model, one)


def _whole(operator: Operator) -> tuple[tuple[str, ...], ...]:
    return tuple(_apart(operator, ([group.name for group in operator.groups],)))


def _apart(operator: Operator, parts: Iterable[list[str]]) -> Iterator[tuple[str, ...]]:
    """The parts, each stack of projections alone, and each of a mixture of its own, the
    others by what they are of, and those that add a bias apart from those that do not.
    """
    groups = operator.groups_by_name
    for part in parts:
        alone = [n for n in part if groups[n].stack or operator.shifted(groups[n])]
        yield from ((name,) for name in alone)
        alike: dict[tuple[str, bool], list[str]] = {}
        for name in part:
            if name not in alone:
                kind = groups[name].source, operator.biased(name)
                alike.setdefault(kind, []).append(name)
        yield from map(tuple, alike.values())


def _is_alone(liv: Liv) -> bool:
    """All features are computed here, with weights and from an input of its own."""
    label = liv.label
    for feature in liv.features:
        if feature.weights != label or feature.input != label:
            return False
    return bool(liv.features)


def _parts(model: Model, shared: frozenset[str]) -> dict[tuple[str, str], int]:
    """(shared owner, group) -> a number, one for groups that are read alike."""
    found: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    if shared:
        for liv in model.livs():
            for f in liv.features:
                if f.weights in shared and not f.borrowed:
                    found[f.weights, f.group].add((liv.label, f.input))
    numbers: dict[tuple[str, frozenset[tuple[str, str]]], int] = {}
    return {
        (label, group): numbers.setdefault((label, frozenset(readers)), len(numbers))
        for (label, group), readers in found.items()
    }
