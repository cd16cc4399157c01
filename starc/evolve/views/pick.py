"""One candidate, taken out of a run: its text, its model, weights and a card."""

import shutil
from pathlib import Path

import starc
from starc import compiler
from starc.evolve.problem import objectives
from starc.evolve.problem.architecture import genome_text
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.database import CANDIDATES, Database
from starc.evolve.storage.rows import Row
from starc.evolve.storage.run_error import RunError
from starc.evolve.views import units
from starc.evolve.views.front import members
from starc.files import write_text

WEIGHTS = "weights.safetensors"


def pick(database: Database, id: int, folder: Path) -> list[Path]:
    """Writes the candidate into `folder`, and says what it wrote. RunError, OSError."""
    rows = database.candidates("WHERE c.id = ?", id)
    if not rows:
        raise RunError(f"{database.path.parent} has no candidate {id}")
    (row,) = rows
    if not row.source:
        why = row.outcome.reason if row.outcome else ""
        raise RunError(f"candidate {id} describes no architecture: {why}")
    spec = database.spec()
    on_front = id in {one.id for one in members(database)}
    folder.mkdir(parents=True, exist_ok=True)
    star = folder / f"{spec.name}_{id}.star"
    written = [star, folder / "model.py", folder / "card.md"]
    write_text(star, row.source)
    write_text(folder / "model.py", compiler.compile(row.source, star.name))
    weights = database.path.parent / CANDIDATES / str(id) / WEIGHTS
    if weights.is_file():
        shutil.copyfile(weights, folder / WEIGHTS)
        written.append(folder / WEIGHTS)
    write_text(folder / "card.md", card(row, spec, on_front, weights.is_file()))
    return written


def card(row: Row, spec: Spec, on_front: bool, weights: bool) -> str:
    """What it is, what was measured and how, and where it comes from; Markdown."""
    name = f"{spec.name}_{row.id}"
    lines = [f"# {name}", ""]
    place = "on the front" if on_front else "not on the front"
    lines += [
        f"Candidate {row.id} of a search by starc {starc.__version__}, {place}; "
        f"born in generation {row.generation} by {_born(row)}.",
        "",
        f"`{name}.star` describes it, `model.py` is the model"
        + (
            f", `{WEIGHTS}` its weights after the search's training."
            if weights
            else "."
        ),
        "",
        "## Measured",
        "",
    ]
    outcome = row.outcome
    if outcome is None or outcome.status != "ok":
        said = "not yet" if outcome is None else f"{outcome.status}: {outcome.reason}"
        lines += [f"Its evaluation: {said}.", ""]
    measures = outcome.measures if outcome else {}
    if measures:
        goals = {goal.label: goal for goal in spec.objectives}
        lines += ["| measure | value | |", "|---|---|---|"]
        for label, number in sorted(measures.items(), key=lambda m: m[0] not in goals):
            found = objectives.find(label.partition("(")[0])
            text = units.value(number, found.unit if found else "")
            wanted = {"min": "minimized", "max": "maximized", "": ""}
            goal = goals.get(label)
            lines.append(
                f"| {label} | {text} | {wanted[goal.direction if goal else '']} |"
            )
        lines.append("")
    lines += ["## How", "", _recipe(spec), ""]
    lines += ["## Genome", "", f"`{genome_text(row.candidate, spec)}`", ""]
    if row.changes:
        lines += ["## What made it of its parents", ""]
        lines += [f"- {change['by']}: {change['words']}" for change in row.changes]
        lines.append("")
    return "\n".join(lines)


def _born(row: Row) -> str:
    kind, _, name = row.origin.partition(":")
    if kind == "seed":
        return f"hand: it is the seed {name}"
    if not row.parents:
        return "lot"
    return f"{kind} of {' and '.join(f'candidate {p}' for p in row.parents)}"


def _recipe(spec: Spec) -> str:
    trainer = spec.trainer
    if trainer.kind == "simulated":
        return (
            "Losses are simulated: a function of the genome, for tests of the search."
        )
    rates = ", ".join(f"{rate:g}" for rate in trainer.learning_rates)
    text = spec.data or "the sources of the standard library of Python"
    return (
        f"{trainer.steps} steps of {trainer.batch} sequences of {trainer.context} "
        f"tokens from {text}, learning rate {rates}, seed {trainer.seed}: the same "
        "data in the same order for all."
    )
