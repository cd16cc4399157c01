"""What `trainer = real(inherit = true)` does to the order of candidates.

    python -m benchmarks.inheritance [--generations 5] [--resume]

A search whose children start from their parents' tensors; then each of its children is
trained from the start, as a search without it would have done. How far do the two agree
on which is better, and what did inheriting save? A child that inherits all is trained
for half the steps. Results: benchmarks/results/inheritance.json.
"""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from scipy import stats

from benchmarks import evolve
from starc.evolve.evaluation.inheritance import SPARED
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.spec import Spec
from starc.evolve.report.proxies import interval
from starc.evolve.storage.rows import Row
from starc.evolve.workers.local import Local
from starc.folders import Folder

RESULTS = evolve.ROOT / "benchmarks" / "results" / "inheritance.json"
LABEL = "bits_per_byte"


def from_the_start(rows: list[Row], spec: Spec, folder: Path) -> dict[int, Outcome]:
    """The same candidates without parents; what an earlier call left is not redone."""
    folder.mkdir(parents=True, exist_ok=True)
    alone = replace(spec, trainer=replace(spec.trainer, inherit=False))
    team = Local(alone, Folder(folder.resolve()), evolve.PROCESSES, 1)
    try:
        for row in rows:
            team.submit(row.id, row.candidate, 0)
        return dict(team.completed())
    finally:
        team.close()


def agreement(one: list[float], other: list[float]) -> dict[str, Any]:
    """Spearman's rho with its 95 % interval, and Kendall's tau."""
    rho = float(stats.spearmanr(one, other).statistic)
    tau = float(stats.kendalltau(one, other).statistic)
    low, high = interval(rho, len(one))
    return {"spearman": rho, "low": low, "high": high, "kendall": tau}


def main() -> None:
    parser = evolve.arguments(__doc__, "inheritance", "shallow.star", ("real",))
    parser.set_defaults(generations=5)
    given = parser.parse_args()
    wanted = evolve.spec(given)
    trainer = replace(wanted.trainer, inherit=True)
    spec = replace(wanted, trainer=trainer, surrogate=False)
    run = evolve.run(spec, given.folder / "run", given.resume)
    children = [row for row in run.rows if row.parents and row.legal]
    found = {row.id: row.outcome for row in children if row.outcome}
    start = from_the_start(children, spec, given.folder / "alone")
    ids = [id for id in found if found[id].status == start[id].status == "ok"]
    inherited, alone = ([f[id].measures[LABEL] for id in ids] for f in (found, start))
    shares = [found[id].measures["inherited"] for id in ids]
    result: dict[str, Any] = {
        "date": date.today().isoformat(),
        "candidates": len(ids),
        "steps": spec.trainer.steps,
        "inherited": median(shares),
        "steps_saved": SPARED * sum(shares) / len(shares),
        "bits_less": median(b - a for a, b in zip(inherited, alone, strict=True)),
        "ranking": agreement(inherited, alone),
        "values": {"inherited": inherited, "alone": alone},
    }
    print(json.dumps(result, indent=2))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
