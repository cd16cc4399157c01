"""What could not be built, trained or kept, and what repair had to change."""

import re
from collections import Counter
from typing import Any

from starc.evolve.evaluation.failure import kind
from starc.evolve.report.lineage import is_repair
from starc.evolve.report.read import Run
from starc.evolve.variation.changes import Change
from starc.genome.text import GENE_NAMES


def by_reason(run: Run) -> list[dict[str, Any]]:
    """Candidates that are not ok, grouped: numbers in a reason do not tell apart."""
    groups: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for entry in run.entries:
        if entry.outcome and entry.status != "ok":
            first = entry.outcome.reason.strip().split("\n")[0] or "no reason given"
            key = entry.status, kind(first)
            groups.setdefault(key, []).append((entry.id, first))
    ranked = sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1])))
    return [
        {
            "status": status,
            "reason": found[0][1],
            "count": len(found),
            "ids": [id for id, _ in found],
        }
        for (status, _), found in ranked
    ]


def statuses(run: Run) -> list[dict[str, Any]]:
    """How many candidates of each generation had which status, and which were invalid
    before repair, as a share."""
    found = []
    for number in sorted({entry.generation for entry in run.entries}):
        own = [entry for entry in run.entries if entry.generation == number]
        invalid = sum(not entry.valid_before_repair for entry in own)
        found.append(
            {
                "number": number,
                "counts": dict(Counter(entry.status for entry in own)),
                "count": len(own),
                "invalid": invalid / len(own),
            }
        )
    return found


def by_origin(run: Run) -> list[dict[str, Any]]:
    """How candidates of each origin fared."""
    found = []
    groups: dict[str, list[Any]] = {}
    for entry in run.entries:
        groups.setdefault(entry.origin.partition(":")[0], []).append(entry)
    fronts = {id for generation in run.generations for id in generation.front}
    last = {id for g in run.generations[-1:] for id in g.front}
    for origin, own in groups.items():
        found.append(
            {
                "origin": origin,
                "count": len(own),
                "invalid": sum(not entry.valid_before_repair for entry in own),
                "ok": sum(entry.status == "ok" for entry in own),
                "fronts": sum(entry.id in fronts for entry in own),
                "front": sum(entry.id in last for entry in own),
            }
        )
    return found


def repairs(run: Run) -> list[dict[str, Any]]:
    """What repair changed, by gene and reason; most frequent first."""
    count: Counter[tuple[str, str]] = Counter()
    members: dict[tuple[str, str], set[int]] = {}
    for entry in run.entries:
        for change in entry.changes:
            if is_repair(change):
                key = _kind(change)
                count[key] += 1
                members.setdefault(key, set()).add(entry.id)
    return [
        {"gene": gene, "why": why, "count": times, "members": len(members[gene, why])}
        for (gene, why), times in count.most_common()
    ]


def _kind(change: Change) -> tuple[str, str]:
    """What was changed, and why, numbers left out."""
    gene = change.get("gene")
    known = isinstance(gene, int) and 1 <= gene <= len(GENE_NAMES)
    other = change.get("parameter") or change.get("model", "")
    name = GENE_NAMES[gene - 1] if known and gene else other
    why = str(change.get("words", "")).partition(", since ")[2]
    return str(name), re.sub(r"(?<![\w-])\d+", "#", why)


def tried(run: Run) -> dict[str, int]:
    """What was drawn for all places of all generations: `tried`, of these `invalid`
    before repair, `seen as genome` or `seen as function` before and so drawn again."""
    total: Counter[str] = Counter()
    for proposed in run.proposals.values():
        total.update({k: v for k, v in proposed.items() if isinstance(v, int)})
    return dict(total)
