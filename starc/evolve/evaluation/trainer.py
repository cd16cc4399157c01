"""Training for comparison: the paper's recipe, the same data in the same order for all.

AdamW 0.9/0.95, decay on matrices, gradients clipped at 1, warm-up and cosine, all from
starc/training. A rung stops on the way, at its share of the steps of one schedule, and
leaves a checkpoint; the next goes on as if nothing had happened, to the bit on a CPU.
"""

import json
import math
from collections import deque
from dataclasses import dataclass, field

import torch

from starc.artefacts import real, string
from starc.evolve.evaluation import data, inheritance
from starc.evolve.evaluation.failure import Ended, failed
from starc.evolve.evaluation.rungs import is_last, loss_label, steps
from starc.evolve.evaluation.subject import Subject
from starc.evolve.storage.kept import OPTIMIZER, RECIPE, WEIGHTS
from starc.folders import Folder
from starc.ir.nodes import Model
from starc.training import checkpoint
from starc.training.recipe import LOOK, NARROW, VALIDATION_BATCHES
from starc.training.run import Run, begin
from starc.training.settings import Settings, TrainingError

PROGRESS = "training.json"

LARGEST_KEPT = 64 * 2**20
"""Bytes of a file of tensors that every candidate keeps; larger ones are left out."""

RISE = 1.0
"""Nats above its start at which a loss has diverged."""


@dataclass
class History:
    """made_by: digest of all that decides the training. losses: by rung's label.
    inherited: share of the elements of all tensors."""

    made_by: str
    losses: dict[str, float] = field(default_factory=dict)
    inherited: float = 0.0

    def write(self, folder: Folder) -> None:
        folder.write(PROGRESS, json.dumps(vars(self), indent=2) + "\n")

    @staticmethod
    def read(folder: Folder) -> "History | None":
        try:
            found = folder.read_json(PROGRESS)
            losses = found["losses"].items()
            return History(
                string(found["made_by"], "made_by"),
                {name: real(loss, "losses", -1e300, 1e300) for name, loss in losses},
                real(found["inherited"], "inherited", 0, 1),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def train(subject: Subject, rung: int, made_by: str) -> dict[str, float]:
    """Trains to the end of a rung: `loss`, `loss_at_*`, `learning_rate`.

    `subject.model` is the trained model then. Raises Ended where every learning rate
    diverges, TrainingError where text and model do not go together.
    """
    spec = subject.spec
    history = History(made_by)
    run = _resumed(subject, rung, history)
    if run is None:
        run = _begun(subject, history)
    for later in range(rung + 1):
        _advance(subject, run, steps(spec, later))
        name = loss_label(spec, later)
        if name not in history.losses:
            history.losses[name] = _validate(subject, run)
    loss = history.losses[loss_label(spec, rung)]
    _keep(subject, run, rung, history)
    subject.model = run.model
    rate = run.settings.learning_rate
    subject.log.info("loss %.4f at step %d, rate %g", loss, run.step, rate)
    found = {**history.losses, "loss": loss, "learning_rate": rate}
    return found | ({"inherited": history.inherited} if subject.parents else {})


def train_again(subject: Subject, learning_rate: float) -> float:
    """The loss of a whole training with the next seed; its model is not kept.

    Raises Ended where it diverges.
    """
    text = data.load(subject.spec)
    recipe = settings(subject, learning_rate)
    again = begin(subject.module, recipe.changed({"seed": recipe.seed + 1}), text)
    of, _ = inheritance.parents(subject.inside, subject.parents)
    if of:
        _inherits(subject, again, inheritance.model_of(subject.source), of)
    _advance(subject, again, recipe.steps)
    loss = _validate(subject, again)
    subject.log.info("loss %.4f with the next seed", loss)
    return loss


def learning_rates(subject: Subject) -> tuple[float, ...]:
    """The grid at this candidate's width."""
    trainer = subject.spec.trainer
    width = subject.module.Config().width
    scale = trainer.base_width / width if trainer.base_width else 1.0
    return tuple(rate * scale for rate in trainer.learning_rates)


def dtype(subject: Subject) -> str:
    """Of matrix products. "auto" is bf16 where it is faster: see NARROW."""
    asked = subject.spec.trainer.dtype
    narrow = subject.module.Config().width < NARROW
    on_cpu = subject.device.type == "cpu"
    return "float32" if asked == "auto" and on_cpu and narrow else asked


def settings(subject: Subject, learning_rate: float) -> Settings:
    trainer = subject.spec.trainer
    return Settings(
        steps=trainer.steps,
        data=subject.spec.data,
        batch=trainer.batch,
        context=trainer.context,
        learning_rate=learning_rate,
        warmup=trainer.warmup,
        seed=trainer.seed,
        device=str(subject.device),
        compile=trainer.compile,
        dtype=dtype(subject),
        weight_decay=trainer.weight_decay,
    )


def start(subject: Subject, learning_rate: float) -> Run:
    """A run before its first step."""
    text = data.load(subject.spec)
    return begin(subject.module, settings(subject, learning_rate), text)


def _begun(subject: Subject, history: History) -> Run:
    """The best of the grid at the end of the first rung."""
    spec = subject.spec
    best: tuple[float, Run] | None = None
    reason = ""
    of, lost = inheritance.parents(subject.inside, subject.parents)
    model = inheritance.model_of(subject.source) if of else None
    for why in lost:
        subject.log.info("%s", why)
    for rate in learning_rates(subject):
        run = start(subject, rate)
        if model is not None:
            history.inherited = _inherits(subject, run, model, of)
        try:
            _advance(subject, run, steps(spec, 0))
            loss = _validate(subject, run)
        except Ended as end:
            reason = str(end)
            subject.log.info("rate %g: %s", rate, reason)
            continue
        subject.log.info("rate %g: loss %.4f at step %d", rate, loss, run.step)
        if best is None or loss < best[0]:
            best = loss, run
    if best is None:
        raise failed(reason)
    history.losses[loss_label(spec, 0)] = best[0]
    return best[1]


def _inherits(
    subject: Subject, run: Run, model: Model, of: list[inheritance.Parent]
) -> float:
    """Which share. The run is where it would be after as large a share of the steps
    that are spared, before the first rung: its text and its rate go on from there."""
    taken, share = inheritance.inherit(run.model.state_dict(), model, of)
    run.model.load_state_dict(taken, strict=False)
    run.step = int(inheritance.SPARED * share * steps(subject.spec, 0))
    names = " and ".join(str(parent.id) for parent in of)
    subject.log.info("inherits %.2f of %s, from step %d", share, names, run.step)
    return share


def _resumed(subject: Subject, rung: int, history: History) -> Run | None:
    """Where an earlier rung stopped; None where there is nothing to go on from."""
    known = History.read(subject.inside)
    if known is None or known.made_by != history.made_by:
        return None
    try:
        stored = checkpoint.load(subject.inside)
        if stored.step > steps(subject.spec, rung):
            return None
        rate = stored.settings.learning_rate
        grid = learning_rates(subject)
        if rate not in grid or stored.settings != settings(subject, rate):
            raise TrainingError("the checkpoint is of another recipe")
        run = begin(subject.module, stored.settings, data.load(subject.spec), stored)
    except TrainingError as error:
        subject.log.info("starts over: %s", error)
        return None
    reached = [steps(subject.spec, r) <= stored.step for r in range(rung + 1)]
    names = [loss_label(subject.spec, r) for r in range(rung + 1)]
    for name, done in zip(names, reached, strict=True):
        if done and name in known.losses:
            history.losses[name] = known.losses[name]
    history.inherited = known.inherited
    subject.log.info("goes on after step %d", run.step)
    return run


def _advance(subject: Subject, run: Run, target: int) -> None:
    """Steps up to `target`. Raises Ended if the loss is no number or only rises."""
    with subject.timed("train"):
        first: list[float] = []
        recent: deque[float] = deque(maxlen=2 * LOOK)
        waiting: list[torch.Tensor] = []
        while run.step < target:
            waiting.append(run.take_step())
            if len(waiting) < LOOK and run.step < target:
                continue
            losses = torch.stack(waiting).tolist()
            waiting = []
            for step, loss in enumerate(losses, run.step - len(losses) + 1):
                if not math.isfinite(loss):
                    raise failed(f"diverged: step {step}: loss is {loss}")
            first = first or losses[:1]
            recent.extend(losses)
            mean = math.fsum(recent) / len(recent)
            if len(recent) == recent.maxlen and mean > first[0] + RISE:
                raise failed(
                    f"diverged: step {run.step}: loss {mean:.2f}, from {first[0]:.2f}"
                )


def _validate(subject: Subject, run: Run) -> float:
    with subject.timed("validate"):
        loss = run.validation_loss(VALIDATION_BATCHES)
    if not math.isfinite(loss):
        raise failed(f"diverged: step {run.step}: held-out loss is {loss}")
    return loss


def _keep(subject: Subject, run: Run, rung: int, history: History) -> None:
    """A checkpoint for the next rung; after the last its parts, if not too large."""
    folder = subject.inside
    try:
        if not is_last(subject.spec, rung):
            run.save(folder)
            history.write(folder)
            return
    except TrainingError as error:
        raise failed(f"diverged: {error}") from None
    last = run.checkpoint()
    for name, tensors in ((WEIGHTS, last.model), (OPTIMIZER, last.optimizer)):
        if sum(tensor.nbytes for tensor in tensors.values()) <= LARGEST_KEPT:
            checkpoint.save_tensors(folder, name, tensors)
    folder.write(RECIPE, checkpoint.state_of(last))
    history.write(folder)
    folder.remove(checkpoint.NAME)
