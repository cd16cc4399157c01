"""What successive halving would have stopped, where in truth everything was trained.

    python -m benchmarks.evolve_halving [--generations 4] [--resume]

The search of benchmarks/shallow.star with rungs, and `keep = 1`, so that every
candidate is trained to the end. Then each rung is asked whom it would have stopped, as
the search itself asks, generation by generation, for several shares that go on: which
members of the true front these are, and how much of its hypervolume the rest has. It is
one search that was not halved: with halving, later generations had other parents.
Results: benchmarks/results/evolve_halving.json.
"""

import json
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from benchmarks import evolve
from starc.evolve.evaluation.rungs import steps
from starc.evolve.problem.spec import Spec
from starc.evolve.report.read import Run, read
from starc.evolve.report.rungs import agreements
from starc.evolve.selection.halving import promoted
from starc.evolve.selection.ranking import Scored, front, hypervolume, placed, score
from starc.evolve.storage.rows import Row

RESULTS = evolve.ROOT / "benchmarks" / "results" / "evolve_halving.json"
RUNGS = (0.125, 0.25, 0.5, 1.0)
KEPT = (0.25, 0.5, 0.75)
RIVALS = ("generation", "all")


def replayed(run: Run, rung: int, keep: float, rivals: str) -> dict[str, Any]:
    """Whom one rung would have stopped, and what that costs and saves.

    rivals: as of the trainer, whom it compares with.

    wrongly: how many of these would have gone on by their last front ranks.
    """
    spec = replace(run.spec, trainer=replace(run.spec.trainer, keep=keep))
    going: set[int] = set()
    deserving: set[int] = set()
    for generation in run.generations:
        rows = [e for e in run.evaluated if e.generation == generation.number]
        before = {e.id for e in run.evaluated if e.generation < generation.number}
        for at, chosen in ((rung, going), (len(RUNGS) - 1, deserving)):
            of_all = run.rungs[at] if rivals == "all" else {}
            earlier = {id: of_all[id] for id in before & of_all.keys()}
            chosen |= promoted(rows, run.rungs[at], rung, spec, earlier)[0]
    final = [_final(entry, spec) for entry in run.evaluated]
    best = front(final)
    lost = [one.id for one in best if one.id not in going]
    rest = front([one for one in final if one.id in going])
    ended = len(run.evaluated) - len(going)
    share = run.spec.trainer.rungs[rung]
    return {
        "rung": rung,
        "steps": steps(spec, rung),
        "keep": keep,
        "rivals": rivals,
        "stopped": ended,
        "wrongly": len(deserving - going),
        "front": [one.id for one in best],
        "front_stopped": lost,
        "hypervolume_kept": _volume(rest, run, spec) / _volume(best, run, spec),
        "steps_saved": (1 - share) * ended / len(run.evaluated),
    }


def _final(entry: Row, spec: Spec) -> Scored:
    assert entry.outcome is not None
    return score(entry.id, entry.rung or 0, entry.outcome, spec)


def _volume(found: list[Scored], run: Run, spec: Spec) -> float:
    """From ideal and nadir of the first generation, as the search has it."""
    reference = run.generations[0].statistics["reference"]
    ideal, nadir = (placed(reference[end], spec) for end in ("ideal", "nadir"))
    return hypervolume([placed(one.values, spec) for one in found], ideal, nadir)


def tables(found: dict[str, Any]) -> list[str]:
    """The rows of docs/evolve.md."""
    rows = []
    for one in found["ranking"]:
        reached = f"{one['share'] * found['recipe']['steps']:.0f} | {one['count']}"
        between = f"{one['low']:.2f} to {one['high']:.2f}"
        rank = f"{one['spearman']:.2f} | {between} | {one['kendall']:.2f}"
        rows.append(f"| {reached} | {rank} | {one['seen']} of {one['front']} |")
    for one in found["halving"]:
        lost = f"{len(one['front_stopped'])} of {len(one['front'])}"
        rows.append(
            f"| `{one['rivals']}` | {one['steps']} | {one['keep']:.0%} | "
            f"{one['stopped']} | {one['wrongly']} | {lost} | "
            f"{one['hypervolume_kept']:.3f} | {one['steps_saved']:.0%} |"
        )
    return rows


def main() -> None:
    parser = evolve.arguments(__doc__, "evolve_halving", "shallow.star")
    parser.set_defaults(generations=4)
    given = parser.parse_args()
    wanted = evolve.spec(given)
    trainer = replace(wanted.trainer, rungs=RUNGS, keep=1.0)
    evolve.run(replace(wanted, trainer=trainer), given.folder, given.resume)
    run = read(given.folder)
    ranking = [asdict(found) for found in agreements(run)]
    halving = [
        replayed(run, rung, keep, rivals)
        for rivals in RIVALS
        for rung in range(len(RUNGS) - 1)
        for keep in KEPT
    ]
    print(f"{'steps':>6}{'candidates':>12}{'Spearman':>10}{'95 %':>16}{'Kendall':>9}")
    for one in ranking:
        if one["spearman"] is None:
            print(f"{steps(run.spec, one['rung']):>6}{one['count']:>12}  too few")
            continue
        interval = f"{one['low']:+.2f} to {one['high']:+.2f}"
        line = f"{steps(run.spec, one['rung']):>6}{one['count']:>12}"
        print(f"{line}{one['spearman']:>+10.2f}{interval:>16}{one['kendall']:>+9.2f}")
    print(
        f"\n{'rivals':>11}{'steps':>6}{'keep':>6}{'stopped':>9}{'wrongly':>9}", end=""
    )
    print(f"{'of the front':>14}", end="")
    print(f"{'hypervolume kept':>18}{'steps saved':>13}")
    for one in halving:
        lost = f"{len(one['front_stopped'])} of {len(one['front'])}"
        line = f"{one['rivals']:>11}{one['steps']:>6}{one['keep']:>6.0%}"
        line += f"{one['stopped']:>9}"
        line += f"{one['wrongly']:>9}{lost:>14}"
        print(f"{line}{one['hypervolume_kept']:>18.3f}{one['steps_saved']:>13.0%}")
    if given.trainer != "real":
        print("simulated training: nothing is written to benchmarks/results")
        return
    found = {
        "date": date.today().isoformat(),
        "candidates": len(run.evaluated),
        "recipe": {
            "steps": trainer.steps,
            "batch": trainer.batch,
            "context": trainer.context,
            "population": run.spec.population,
            "generations": run.spec.generations,
        },
        "ranking": ranking,
        "halving": halving,
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(f"written to {RESULTS.relative_to(evolve.ROOT)}")


if __name__ == "__main__":
    main()
