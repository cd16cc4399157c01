"""Where a candidate comes from, and what each step changed."""

from collections.abc import Mapping
from typing import Any

from starc.evolve.report.designs import Design
from starc.evolve.report.read import Entry
from starc.genome.text import GENE_NAMES
from starc.ir.compare import describe_changes

MOST = 40
"""Lines of one comparison that are kept."""


def words(change: Any) -> str:
    """What mutation or repair did, from however it was recorded."""
    if not isinstance(change, Mapping):
        return str(change)
    for key in ("words", "text", "description"):
        if isinstance(change.get(key), str):
            return str(change[key])
    by = str(change.get("by") or change.get("what") or change.get("kind") or "")
    said = f"{by}: " if by else ""
    if "position" in change and "gene" in change:
        gene = change["gene"]
        known = isinstance(gene, int) and 1 <= gene <= len(GENE_NAMES)
        name = GENE_NAMES[gene - 1] if known else f"gene {gene}"
        old, new = change.get("old"), change.get("new")
        said += f"LIV {change['position']}, {name}: {old} to {new}"
        return f"{said} ({change['why']})" if change.get("why") else said
    rest = {key: v for key, v in change.items() if key not in ("by", "what", "kind")}
    return said + ", ".join(f"{key} {value}" for key, value in rest.items())


def is_repair(change: Any) -> bool:
    """Whether repair made this change, and not mutation or crossover."""
    if not isinstance(change, Mapping):
        return "repair" in str(change).lower()
    by = " ".join(str(change.get(key, "")) for key in ("by", "what", "kind", "step"))
    return "repair" in by.lower()


def differences(
    entry: Entry, designs: Mapping[int, Design]
) -> list[tuple[int, list[str]]]:
    """In words, what makes the candidate of each of its parents."""
    own = designs.get(entry.id)
    found = []
    for parent in entry.parents:
        other = designs.get(parent)
        if own is None or other is None:
            continue
        lines = describe_changes(other.model, own.model)
        lines = [line for line in lines if ": named " not in line]  # labels only
        if len(lines) > MOST:
            lines = [*lines[:MOST], f"and {len(lines) - MOST} more"]
        found.append((parent, lines))
    return found


def ancestors(id: int, entries: Mapping[int, Entry]) -> list[int]:
    """The candidate and all it descends from, youngest first."""
    found: dict[int, None] = {}
    open_ = [id]
    while open_:
        here = open_.pop()
        if here in found or here not in entries:
            continue
        found[here] = None
        open_.extend(entries[here].parents)
    return sorted(found, reverse=True)
