"""What the page's charts are drawn from, JSON-ready."""

from collections.abc import Mapping, Sequence
from typing import Any

from starc.draw import palette
from starc.evolve.problem.architecture import genome_text
from starc.evolve.report import expense, failures, frequencies, lineage
from starc.evolve.report.designs import Design
from starc.evolve.report.measures import Axis
from starc.evolve.report.picks import Pick
from starc.evolve.report.proxies import Proxy
from starc.evolve.report.read import Run
from starc.evolve.storage.rows import Row

ARCS = ("weights", "features", "again")
MANY = 2_000
"""Candidates, of more of which those that would lie on one another are drawn once."""


def chart_data(
    run: Run,
    designs: Mapping[int, Design],
    axes: Sequence[Axis],
    quality: Axis | None,
    picks: Sequence[Pick],
    proxies: Sequence[Proxy],
) -> dict[str, Any]:
    """Everything; a number is never not finite, a text is never HTML."""
    names = sorted({name for d in designs.values() for name in d.names})
    return {
        "axes": axes_data(axes),
        "quality": quality.label if quality else None,
        "names": names,
        "many": MANY,
        "palette": {"kinds": palette.KINDS, "light": palette.LIGHT},
        "candidates": [_candidate(run, e, designs, axes, names) for e in run.entries],
        "generations": [
            {
                "number": g.number,
                "population": g.population,
                "front": g.front,
                "hypervolume": g.hypervolume,
            }
            for g in run.generations
        ],
        "picks": [{"id": pick.id, "rule": pick.rule} for pick in picks],
        "classes": frequencies.classes(run, designs),
        "genes": [*frequencies.genes(run), *frequencies.opened(run)],
        "sharing": frequencies.sharing(run, designs),
        "proxies": [
            {
                "name": proxy.name,
                "unit": proxy.unit,
                "kind": proxy.kind,
                "spearman": proxy.spearman,
                "low": proxy.low,
                "high": proxy.high,
                "kendall": proxy.kendall,
                "points": proxy.points,
            }
            for proxy in proxies
        ],
        "statuses": failures.statuses(run),
        "seconds": expense.by_generation(run),
    }


def axes_data(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """What the charts draw measures by."""
    return [
        {
            "label": axis.label,
            "unit": axis.unit,
            "direction": axis.direction,
            "objective": axis.objective,
            "scale": axis.scale.kind,
            "grain": axis.scale.grain,
        }
        for axis in axes
    ]


def _candidate(
    run: Run,
    entry: Row,
    designs: Mapping[int, Design],
    axes: Sequence[Axis],
    names: Sequence[str],
) -> dict[str, Any]:
    own = designs.get(entry.id)
    return {
        "id": entry.id,
        "generation": entry.generation,
        "origin": entry.origin,
        "parents": entry.parents,
        "status": entry.status,
        "reason": entry.outcome.reason if entry.outcome else "",
        "genome": genome_text(entry.candidate, run.spec),
        "model": [f"{name} = {value}" for name, value in entry.candidate.model],
        "values": [entry.measure(axis.label) for axis in axes],
        "valid": entry.valid_before_repair,
        "changes": [
            [lineage.words(change), lineage.is_repair(change)]
            for change in entry.changes
        ],
        "differences": lineage.differences(entry, designs),
        "livs": _livs(own, names) if own else None,
        "arcs": _arcs(own) if own else [],
    }


def _livs(design: Design, names: Sequence[str]) -> list[list[Any]]:
    return [
        [names.index(name), column.boxes[0].kind, int(column.differential)]
        for name, column in zip(design.names, design.columns, strict=True)
    ]


def _arcs(design: Design) -> list[list[Any]]:
    return [[a.source, a.target, ARCS.index(a.kind), a.taken] for a in design.arcs]
