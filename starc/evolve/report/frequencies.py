"""Classes, genes and sharing over the generations, in the populations that survived."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from starc.draw.picture import FEATURES, WEIGHTS
from starc.evolve.report.designs import Design, average
from starc.evolve.report.read import Run
from starc.genome.text import GENE_NAMES

MOST = 5
"""Values of a gene that are shown one by one."""


def classes(run: Run, designs: Mapping[int, Design]) -> dict[str, Any]:
    """For each class its share of all LIVs, a number a generation; most used first.

    `kinds`: the kind of operator that each class has.
    """
    counts = []
    kinds: dict[str, str] = {}
    for generation in run.generations:
        count: Counter[str] = Counter()
        for id in generation.population:
            if id in designs:
                count.update(designs[id].names)
                for column, name in zip(
                    designs[id].columns, designs[id].names, strict=True
                ):
                    kinds.setdefault(name, column.boxes[0].kind)
        counts.append(count)
    total: Counter[str] = Counter()
    for count in counts:
        total.update({k: v / max(count.total(), 1) for k, v in count.items()})
    names = [name for name, _ in total.most_common()]
    shares = {
        name: [count[name] / max(count.total(), 1) for count in counts]
        for name in names
    }
    return {"shares": shares, "kinds": kinds}


def genes(run: Run) -> list[dict[str, Any]]:
    """For genes 2 to 5 the share of LIVs with each value, a number a generation."""
    found = []
    for gene in range(2, 6):
        counts = []
        for generation in run.generations:
            counts.append(
                Counter(
                    liv[gene - 1]
                    for id in generation.population
                    if id in run.by_id
                    for liv in run.by_id[id].candidate.genome
                )
            )
        values = sorted({value for count in counts for value in count})
        shares = {
            str(v): [count[v] / max(count.total(), 1) for count in counts]
            for v in values[:MOST]
        }
        if len(values) > MOST:
            shares["others"] = [
                sum(count[v] for v in values[MOST:]) / max(count.total(), 1)
                for count in counts
            ]
        name = f"gene {gene}: {GENE_NAMES[gene - 1]}"
        found.append({"name": name, "shares": shares})
    return found


def opened(run: Run) -> list[dict[str, Any]]:
    """The parameters and model settings that the search opened: shares of values."""
    found: dict[str, list[Counter[str]]] = {}
    for at, generation in enumerate(run.generations):
        for id in generation.population:
            if id not in run.by_id:
                continue
            candidate = run.by_id[id].candidate
            pairs = [("model", pair) for pair in candidate.model]
            for of_liv in candidate.parameters:
                pairs += [("LIVs", pair) for pair in of_liv]
            for owner, (name, value) in pairs:
                counts = found.setdefault(
                    f"{owner}: {name}", [Counter() for _ in run.generations]
                )
                counts[at][str(value)] += 1
    return [
        {
            "name": name,
            "shares": {
                value: [c[value] / max(c.total(), 1) for c in counts]
                for value in sorted({v for count in counts for v in count})
            },
        }
        for name, counts in sorted(found.items())
    ]


def sharing(run: Run, designs: Mapping[int, Design]) -> list[dict[str, float]]:
    """What the members of each generation share, on average over its population.

    weights, features: share of LIVs that take them from another one. groups: owners
    that others take from. distance: LIVs between both ends. sharing: members with any.
    """
    found = []
    for generation in run.generations:
        own = [designs[id] for id in generation.population if id in designs]
        arcs = [arc for design in own for arc in design.arcs]
        found.append(
            {
                "number": generation.number,
                "weights": average([_share(design, WEIGHTS) for design in own]),
                "features": average([_share(design, FEATURES) for design in own]),
                "groups": average(
                    [len({(a.source, a.kind) for a in d.arcs}) for d in own]
                ),
                "distance": average([abs(a.target - a.source) for a in arcs]),
                "sharing": average([float(bool(design.arcs)) for design in own]),
            }
        )
    return found


def pairs(designs: Mapping[int, Design], ids: tuple[int, ...]) -> list[dict[str, Any]]:
    """Which classes share what, over the designs `ids`; most frequent first."""
    count: Counter[tuple[str, str]] = Counter()
    members: dict[tuple[str, str], set[int]] = {}
    distances: dict[tuple[str, str], list[int]] = {}
    for id in ids:
        for arc in designs[id].arcs if id in designs else ():
            key = (designs[id].names[arc.target], arc.taken)
            count[key] += 1
            members.setdefault(key, set()).add(id)
            distances.setdefault(key, []).append(abs(arc.target - arc.source))
    return [
        {
            "class": key[0],
            "taken": key[1],
            "count": times,
            "members": len(members[key]),
            "distance": average(distances[key]),
        }
        for key, times in count.most_common()
    ]


def _share(design: Design, kind: str) -> float:
    takers = {arc.target for arc in design.arcs if arc.kind == kind}
    return len(takers) / max(len(design.columns), 1)
