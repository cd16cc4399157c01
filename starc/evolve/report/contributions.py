"""What each variation operator brought to the front."""

from dataclasses import dataclass

from starc.evolve.report.growth import ends, growth, measured
from starc.evolve.report.read import Run
from starc.evolve.storage.rows import Row
from starc.evolve.variation.changes import Change


@dataclass
class Contribution:
    """Of one operator. A candidate that several made counts for each of them.

    children: candidates that it took part in; fronts: of these on the front when their
    generation ended, front: on the last one. gain: hypervolume that they added when
    they were measured, of a child in equal parts to the operators that made it; in the
    unit of the report's hypervolume. share: of what all added.
    """

    operator: str
    children: int = 0
    fronts: int = 0
    front: int = 0
    gain: float = 0.0
    share: float = 0.0


def contributions(run: Run) -> list[Contribution]:
    """Those that took part in any candidate, the largest gain first."""
    fronts = {id for generation in run.generations for id in generation.front}
    last = {id for generation in run.generations[-1:] for id in generation.front}
    gains = _gains(run)
    found: dict[str, Contribution] = {}
    for entry in run.entries:
        names = operators(entry)
        for name in names:
            one = found.setdefault(name, Contribution(name))
            one.children += 1
            one.fronts += entry.id in fronts
            one.front += entry.id in last
            one.gain += gains.get(entry.id, 0.0) / len(names)
    total = sum(one.gain for one in found.values())
    for one in found.values():
        one.share = one.gain / total if total else 0.0
    return sorted(found.values(), key=lambda one: (-one.gain, one.operator))


def operators(entry: Row) -> list[str]:
    """What made a candidate, each once: `crossover`, `mutation of a class`, ...; of
    first members, and of what random search draws, how they came about."""
    kind = entry.origin.partition(":")[0]
    made = [_operator(change) for change in entry.changes]
    if kind == "mutation" and made:  # which, the changes say
        return [*dict.fromkeys(made)]
    return [*dict.fromkeys([kind, *made])]


def _operator(change: Change) -> str:
    by = str(change.get("by", ""))
    if by != "mutation":
        return by
    if "shares" in change or change.get("gene") in (2, 3, 4, 5):
        return "mutation of who shares"
    for key, what in (
        ("gene", "a class"),
        ("parameter", "a parameter"),
        ("model", "the model block"),
        ("inserted", "the depth"),
        ("deleted", "the depth"),
    ):
        if key in change:
            return f"mutation of {what}"
    return by


def _gains(run: Run) -> dict[int, float]:
    """What each candidate added to the hypervolume of those before it, by id."""
    found = measured(run)
    if not found:
        return {}
    first = min(run.by_id[one.id].generation for one in found)
    born = [one for one in found if run.by_id[one.id].generation == first]
    gains, volume = {}, 0.0
    for id, after in growth(found, run.spec, *ends(born, run.spec)):
        gains[id], volume = max(0.0, after - volume), after
    return gains
