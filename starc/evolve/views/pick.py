"""One candidate, taken out of a run: its text, its model, weights and a card."""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import starc
from starc import compiler
from starc.evolve.problem import objectives
from starc.evolve.problem.architecture import genome_text
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.database import CANDIDATES, Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.kept import OPTIMIZER, RECIPE, WEIGHTS
from starc.evolve.storage.rows import Row
from starc.evolve.views import units
from starc.evolve.views.front import members
from starc.files import replaced, write_text
from starc.folders import Folder
from starc.printable import markdown

CHECKPOINT = {
    "model.safetensors": WEIGHTS,
    "optimizer.safetensors": OPTIMIZER,
    "training.json": RECIPE,
}
"""Files of a checkpoint of `starc train`, and of a candidate that has been trained."""


def pick(
    database: Database, id: int, folder: Path, checkpoint: bool = False
) -> list[Path]:
    """Writes the candidate into `folder`, and says what it wrote. RunError, OSError.

    checkpoint: also its training, with which `starc train --resume` goes on.
    """
    row, spec = row_of(database, id), database.spec()
    on_front = id in {one.id for one in members(database)}
    star = folder / f"{spec.name}_{id}.star"
    model = compiler.compile(row.source, star.name)
    with ExitStack() as stack:  # all is opened before anything is written
        found = _kept(database.path.parent, id, stack)
        weights = found.get(WEIGHTS)
        if checkpoint:
            _require_checkpoint(found, id, folder)
        folder.mkdir(parents=True, exist_ok=True)
        written = [star, folder / "model.py", folder / "card.md"]
        write_text(star, row.source)
        write_text(folder / "model.py", model)
        if weights:
            _copy(weights, folder / WEIGHTS)
            written.append(folder / WEIGHTS)
        if checkpoint:
            written.append(_copy_checkpoint(found, folder))
        write_text(folder / "card.md", card(row, spec, on_front, weights is not None))
    return written


def _require_checkpoint(found: dict[str, BinaryIO], id: int, folder: Path) -> None:
    """RunError where there is nothing to go on from, or a run to lose."""
    absent = [name for name in CHECKPOINT.values() if name not in found]
    if absent:
        raise RunError(
            f"candidate {id} has no {absent[0]}, so its training cannot go on: it was "
            "not trained to the end, or this is larger than a search keeps"
        )
    if os.path.lexists(folder / "checkpoint"):
        raise RunError(f"{folder} holds a run: -o is another folder")


def _copy_checkpoint(found: dict[str, BinaryIO], folder: Path) -> Path:
    """Whole or not at all."""
    with TemporaryDirectory(prefix=".checkpoint.", dir=folder) as name:
        new = Path(name, "checkpoint")
        new.mkdir()
        for copy, kept in CHECKPOINT.items():
            _copy(found[kept], new / copy)
        return new.rename(folder / "checkpoint")


def row_of(database: Database, id: int) -> Row:
    """A candidate that describes an architecture. RunError where there is none."""
    rows = database.candidates("WHERE c.id = ?", id)
    if not rows:
        raise RunError(f"{database.path.parent} has no candidate {id}")
    (row,) = rows
    if not row.source:
        why = row.outcome.reason if row.outcome else ""
        raise RunError(f"candidate {id} describes no architecture: {why}")
    return row


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
        said = (
            "not yet"
            if outcome is None
            else f"{outcome.status}: {markdown(outcome.reason)}"
        )
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
            direction = wanted[goal.direction if goal else ""]
            lines.append(f"| {markdown(label)} | {text} | {direction} |")
        lines.append("")
    lines += ["## How", "", _recipe(spec), ""]
    lines += ["## Genome", "", f"`{genome_text(row.candidate, spec)}`", ""]
    if row.changes:
        lines += ["## What made it of its parents", ""]
        lines += [
            f"- {markdown(change['by'])}: {markdown(change['words'])}"
            for change in row.changes
        ]
        lines.append("")
    return "\n".join(lines)


def _kept(run: Path, id: int, stack: ExitStack) -> dict[str, BinaryIO]:
    """What is kept of a candidate's training, opened through no link. OSError."""
    found: dict[str, BinaryIO] = {}
    for name in CHECKPOINT.values():
        try:
            handle = Folder(run).open(f"{CANDIDATES}/{id}/{name}")
        except FileNotFoundError:
            continue
        found[name] = stack.enter_context(os.fdopen(handle, "rb"))
    return found


def _copy(kept: BinaryIO, copy: Path) -> None:
    """Never for more eyes than the file itself."""
    kept.seek(0)
    mode = os.fstat(kept.fileno()).st_mode & 0o777
    with replaced(copy) as beside, beside.open("wb") as target:
        os.fchmod(target.fileno(), os.fstat(target.fileno()).st_mode & mode)
        shutil.copyfileobj(kept, target)


def _born(row: Row) -> str:
    kind, _, name = row.origin.partition(":")
    if kind == "seed":
        return f"hand: it is the seed {markdown(name)}"
    if not row.parents:
        return "lot"
    return f"{markdown(kind)} of {' and '.join(f'candidate {p}' for p in row.parents)}"


def _recipe(spec: Spec) -> str:
    trainer = spec.trainer
    if trainer.kind == "simulated":
        return (
            "Losses are simulated: a function of the genome, for tests of the search."
        )
    rates = ", ".join(f"{rate:g}" for rate in trainer.learning_rates)
    text = markdown(spec.data) or "the sources of the standard library of Python"
    return (
        f"{trainer.steps} steps of {trainer.batch} sequences of {trainer.context} "
        f"tokens from {text}, learning rate {rates}, seed {trainer.seed}: the same "
        "data in the same order for all."
    )
