"""Where a candidate comes from, and what each step changed."""

from collections.abc import Mapping

from starc.evolve.report.designs import Design
from starc.evolve.storage.rows import Row
from starc.evolve.variation.changes import Change
from starc.ir.compare import describe_changes

MOST = 40
"""Lines of one comparison that are kept."""


def words(change: Change) -> str:
    """What crossover, mutation or repair did."""
    return f"{change.get('by', '')}: {change.get('words', '')}"


def is_repair(change: Change) -> bool:
    """Whether repair made this change, and not crossover or mutation."""
    return change.get("by") == "repair"


def differences(
    entry: Row, designs: Mapping[int, Design]
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


def ancestors(id: int, entries: Mapping[int, Row]) -> list[int]:
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
