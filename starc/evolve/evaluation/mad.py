"""The MAD tasks on a candidate: each trained from nothing, then asked what is new."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from starc.evolve.evaluation import trainer
from starc.evolve.evaluation.failure import failed
from starc.evolve.evaluation.mad_tasks import IGNORED, TASKS, Sizes, Task
from starc.evolve.evaluation.subject import Subject
from starc.evolve.problem.objectives import MAD_TASKS
from starc.training import optimizer
from starc.training.emitted import auxiliary

ASKED = 256
"""Sequences that the share of right answers is taken of."""

LENGTH = 128


def measures(subject: Subject, names: Sequence[str]) -> dict[str, float]:
    """`mad_*` and `mad`, as far as `names` needs them. Raises Ended."""
    every = "mad" in names
    tasks = [task for task in MAD_TASKS if every or f"mad_{task}" in names]
    found = {}
    with subject.timed("mad"):
        for task in tasks:
            found[f"mad_{task}"] = share_right(subject, task)
            subject.log.info("mad %s: %.4f", task, found[f"mad_{task}"])
    if every:
        found["mad"] = math.fsum(found.values()) / len(found)
    return found


def share_right(subject: Subject, name: str) -> float:
    """Trains on the task `name` at each learning rate of the grid: 0 to 1, of the
    answers of the best to sequences never seen.

    The best has the least loss at the end. No batch comes twice, so that is a loss on
    what is new already, and the sequences asked decide nothing. Raises Ended where
    every rate diverges.
    """
    task, sizes = TASKS[name], _sizes(subject)
    best: tuple[float, nn.Module] | None = None
    for rate in trainer.learning_rates(subject):
        learner = _learner(subject, task, sizes)
        loss = _taught(subject, learner, task, sizes, rate)
        subject.log.info("mad %s: rate %g: loss %.4f", name, rate, loss)
        if math.isfinite(loss) and (best is None or loss < best[0]):
            best = loss, learner
    if best is None:
        raise failed(f"diverged: MAD task {name}: loss is {loss}")
    with torch.no_grad():
        return _right(subject, best[1], task, sizes)


def _taught(
    subject: Subject, learner: nn.Module, task: Task, sizes: Sizes, rate: float
) -> float:
    """Trains in place: the mean loss of the last tenth of the steps."""
    recipe = subject.spec.trainer
    adam = optimizer.make(learner, rate, recipe.weight_decay)
    losses: deque[Tensor] = deque(maxlen=max(1, recipe.mad_steps // 10))
    for step in range(recipe.mad_steps):
        inputs, answers = _batch(subject, task, sizes, recipe.batch, step + 1)
        share = optimizer.rate(step / recipe.mad_steps, step, 0)
        for group in adam.param_groups:
            group["lr"] = share * rate
        logits = learner(inputs)
        loss = F.cross_entropy(
            logits.flatten(0, 1), answers.flatten(), ignore_index=IGNORED
        )
        torch.autograd.backward(loss + auxiliary(learner))
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        adam.step()
        adam.zero_grad()
        losses.append(loss.detach())
    return float(torch.stack([*losses]).mean())


def _right(subject: Subject, learner: nn.Module, task: Task, sizes: Sizes) -> float:
    right = total = 0
    batch = subject.spec.trainer.batch
    for number in range(math.ceil(ASKED / batch)):
        inputs, answers = _batch(subject, task, sizes, batch, -1 - number)
        asked = answers != IGNORED
        right += int((learner(inputs).argmax(-1) == answers)[asked].sum())
        total += int(asked.sum())
    return right / max(total, 1)


def _sizes(subject: Subject) -> Sizes:
    return Sizes(min(LENGTH, subject.module.Config().context))


def _batch(
    subject: Subject, task: Task, sizes: Sizes, count: int, number: int
) -> tuple[Tensor, Tensor]:
    """The same for every candidate; negative numbers are never trained on."""
    seed = (subject.spec.trainer.seed * 1_000_003 + number) % 2**63
    generator = torch.Generator().manual_seed(seed)
    inputs, answers = task.make(generator, count, sizes)
    return inputs.to(subject.device), answers.to(subject.device)


def _learner(subject: Subject, task: Task, sizes: Sizes) -> nn.Module:
    model = subject.new_model(subject.spec.trainer.seed, vocab=task.vocab(sizes))
    if not task.aggregated:
        plain: nn.Module = model
        return plain
    length = task.make(torch.Generator(), 1, sizes)[0].shape[1]
    return Aggregated(model, length).to(subject.device)


class Aggregated(nn.Module):
    """All tokens from the output at the last place, by a small decoder."""

    def __init__(self, model: Any, length: int) -> None:
        super().__init__()
        self.model = model
        width = model.config.width
        self.positions = nn.Parameter(torch.randn(length, width) * 0.5)
        self.decoder = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, model.config.vocab),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        last = self.model.hidden(tokens)[:, -1]  # (B, D)
        logits: Tensor = self.decoder(last[:, None] + self.positions)
        return logits
