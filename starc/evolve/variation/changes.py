"""What variation and repair did to a candidate, as data and in words."""

from typing import Any

from starc.evolve.problem.candidate import Value
from starc.genome import Change as GeneChange
from starc.genome import Classes
from starc.genome.text import GENE_NAMES

Change = dict[str, Any]
Changes = tuple[Change, ...]
"""JSON-ready. Each has `by` ([block] crossover, mutation or repair) and `words`."""


def gene(
    by: str, position: int, which: int, old: int, new: int, classes: Classes
) -> Change:
    """One of the five genes of a LIV, `which` from 1."""
    shown = [_class(value, classes) if which == 1 else value for value in (old, new)]
    return {
        "by": by,
        "position": position,
        "gene": which,
        "old": old,
        "new": new,
        "words": f"LIV {position}: {GENE_NAMES[which - 1]} {shown[0]} -> {shown[1]}",
    }


def repaired(change: GeneChange, classes: Classes) -> Change:
    found = gene(
        "repair", change.position, change.gene, change.old, change.new, classes
    )
    return found | {"words": f"{found['words']}, since {change.why}"}


def parameter(
    by: str,
    position: int,
    name: str,
    old: Value | None,
    new: Value | None,
    why: str = "",
) -> Change:
    """An opened parameter of a LIV; None: as its class has it by default."""
    words = f"LIV {position}: {name} {_printed(old)} -> {_printed(new)}"
    return {
        "by": by,
        "position": position,
        "parameter": name,
        "old": old,
        "new": new,
        "words": f"{words}, since {why}" if why else words,
    }


def model(
    by: str, name: str, old: Value | None, new: Value | None, why: str = ""
) -> Change:
    """A gene of the model block; None: as the file has it."""
    now = "as in the file" if new is None else new
    words = f"model: {name} {_printed(old)} -> {now}"
    return {
        "by": by,
        "model": name,
        "old": old,
        "new": new,
        "words": f"{words}, since {why}" if why else words,
    }


def inserted(position: int, name: str) -> Change:
    words = f"LIV {position}: {name} inserted"
    return {"by": "mutation", "position": position, "inserted": name, "words": words}


def deleted(position: int, name: str) -> Change:
    words = f"LIV {position}: {name} deleted"
    return {"by": "mutation", "position": position, "deleted": name, "words": words}


def crossed(cuts: tuple[tuple[int, int], ...]) -> Change:
    """Where the parents were cut: places in the first and in the second."""
    places = ", ".join(str(a) if a == b else f"{a} and {b}" for a, b in cuts)
    return {
        "by": "crossover",
        "cuts": [list(c) for c in cuts],
        "words": f"cut at {places}",
    }


def exchanged(positions: list[int]) -> Change:
    """Which LIVs of a child came from the second parent."""
    runs: list[list[int]] = []
    for position in positions:
        if runs and runs[-1][-1] == position - 1:
            runs[-1][1:] = [position]
        else:
            runs.append([position])
    places = ", ".join("-".join(map(str, run)) for run in runs)
    return {
        "by": "crossover",
        "second": positions,
        "words": f"of the second parent: LIV {places}",
    }


def block(position: int, length: int, count: int) -> Change:
    """A motif that so many of the population have."""
    last = position + length - 1
    return {
        "by": "block crossover",
        "position": position,
        "length": length,
        "words": f"LIV {position}-{last}: a motif of {count} candidates",
    }


def sharing(position: int, kind: str, other: int | None) -> Change:
    """A LIV that now shares its `kind`, weights or features, with another, or not."""
    now = "shared no more" if other is None else f"shared with LIV {other}"
    return {
        "by": "mutation",
        "position": position,
        "shares": kind,
        "with": other,
        "words": f"LIV {position}: {kind} {now}",
    }


def _class(code: int, classes: Classes) -> str:
    return classes[code].name if code in classes else str(code)


def _printed(value: Value | None) -> str:
    return "default" if value is None else str(value)
