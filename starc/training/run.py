"""A run from settings to a trained model."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from starc.folders import Folder
from starc.training import (
    checkpoint,
    curve,
    device,
    documents,
    emitted,
    optimizer,
    text,
)
from starc.training.progress import Display
from starc.training.settings import Settings, TrainingError
from starc.training.stop import Stop

CONTEXT = 256
"""Tokens of a training window, unless asked or the model's own context is shorter."""


@dataclass
class Run:
    """`model` is the emitted one, `trained` what computes: itself, or it compiled.

    Each step seeds torch by its number, so that its windows and whatever else is drawn
    depend on nothing that came before: a resumed run sees what it would have seen.
    """

    settings: Settings
    model: Any
    trained: Callable[..., torch.Tensor]
    text: text.Text
    optimizer: torch.optim.AdamW
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    loads: list[torch.Tensor] = field(default_factory=list)
    points: list[curve.Point] = field(default_factory=list)

    @property
    def progress(self) -> float:
        """Of the whole run: 1 when the first of its two limits is reached."""
        steps, minutes = self.settings.steps, self.settings.minutes
        by_steps = self.step / steps if steps else 0.0
        by_time = self.seconds / (60 * minutes) if minutes else 0.0
        return max(by_steps, by_time)

    def train(self, folder: Path, display: Display, stop: Stop) -> None:
        """Steps until the end or a signal, checkpoints on the way and then.

        At each checkpoint the loss of held-out text is measured too; see curve.py.
        Raises TrainingError if the loss is no longer a number.
        """
        began = time.monotonic() - self.seconds
        display.note = self.busiest
        self.points = curve.read(Folder.of(folder), self.step) if self.step else []
        losses: list[torch.Tensor] = []
        saved = self.seconds
        while self.progress < 1 and not stop.signal:
            loss = self.take_step()
            self.seconds = time.monotonic() - began
            display.add(self.step, loss, self.progress)
            losses.append(loss)
            late = self.seconds - saved >= 60 * self.settings.save_minutes > 0
            if self.step % self.settings.save == 0 or late:
                self._measure(folder, losses)
                self.save(folder)
                losses, saved = [], self.seconds
        if losses:
            self._measure(folder, losses)
        self.save(folder)

    def _measure(self, folder: Path, losses: list[torch.Tensor]) -> None:
        """A point of the curve; losses: of the steps since the one before."""
        training = torch.stack(losses).double().mean().item()
        point = curve.Point(self.step, training, self.validation_loss())
        self.points.append(point)
        curve.write(Folder.of(folder), self.points)

    def save(self, folder: Folder | Path) -> None:
        """Writes a checkpoint. Raises TrainingError rather than keep a broken model."""
        now = self.checkpoint()
        if not all(w.isfinite().all() for w in now.model.values()):
            raise TrainingError(
                f"step {self.step}: weights are no longer finite; try a lower --lr"
            )
        checkpoint.save(folder, now)

    def checkpoint(self) -> checkpoint.Checkpoint:
        """The run as it is, to go on from."""
        return checkpoint.Checkpoint(
            self.model.state_dict(),
            optimizer.tensors(self.model, self.optimizer),
            self.settings,
            self.step,
            self.seconds,
            self.text.digest,
        )

    def _count(self, loads: list[torch.Tensor]) -> None:
        """Adds to the tokens that the experts have had; see `busiest`."""
        if self.loads:
            loads = [sum_ + load for sum_, load in zip(self.loads, loads, strict=True)]
        self.loads = loads

    def busiest(self) -> str:
        """How much more than an equal share the busiest expert had since this was last
        asked, of the mixture where it is most; "" without experts."""
        loads, self.loads = self.loads, []
        if not loads:
            return ""
        most = max(float(load.max() / load.float().mean()) for load in loads)
        return f"   busiest expert {most:.1f} x"

    def validation_loss(self, batches: int = 8) -> float:
        """In nats a token, over at most so many batches that no step has seen."""
        size, context = self.settings.batch, self.settings.context
        self.model.eval()  # what is measured is not counted as training
        try:
            with torch.no_grad():
                losses = [
                    self._loss(window.to(self.device)).item()
                    for window in self.text.held_out(size, context, batches)
                ]
        finally:
            self.model.train()
        return math.fsum(losses) / len(losses)

    def take_step(self) -> torch.Tensor:
        """Forward, backward and update; the loss of the tokens that it was made from.

        A step of several batches holds the activations of one at a time. The update
        also follows the terms that operators add, which are no measure of the model.
        """
        settings = self.settings
        torch.manual_seed((settings.seed * 0x9E3779B97F4A7C15 + self.step) % 2**63)
        share = optimizer.rate(self.progress, self.step, settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = share * settings.learning_rate
        loss = torch.zeros((), device=self.device)
        windows = self.text.batch(
            settings.batch * settings.accumulate, settings.context
        )
        for window in windows.split(settings.batch):
            part = self._loss(window.to(self.device)) / settings.accumulate
            more = emitted.auxiliary(self.model) / settings.accumulate
            torch.autograd.backward(part + more)
            loss += part.detach()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._count(emitted.after_step(self.model))
        self.step += 1
        return loss

    def _loss(self, window: torch.Tensor) -> torch.Tensor:
        """Of each token from those before it, in its document where there are any."""
        if self.text.end is not None:
            tokens, borders, targets = documents.packed(window, self.text.end)
            with device.precision(self.device, self.settings.dtype):
                logits = self.trained(tokens, cu_seqlens=borders)
            losses = F.cross_entropy(logits[0].float(), targets, reduction="sum")
            return losses / (targets >= 0).sum().clamp(min=1)
        with device.precision(self.device, self.settings.dtype):
            logits = self.trained(window[:, :-1])
        return F.cross_entropy(logits.float().flatten(0, 1), window[:, 1:].flatten())


def prepare(
    model_file: Path, settings: Settings, stored: checkpoint.Checkpoint | None = None
) -> Run:
    """A run at its start, or where the `stored` one stopped.

    Raises TrainingError where model, text and checkpoint do not go together.
    """
    module = emitted.load(model_file)
    context = settings.context or min(module.Config().context, CONTEXT)
    settings = settings.changed({"context": context})
    read = text.read(*(settings.data, context, settings.held_out, settings.tokenizer))
    return begin(module, settings, read, stored)


def begin(
    module: ModuleType,
    settings: Settings,
    read: text.Text,
    stored: checkpoint.Checkpoint | None = None,
) -> Run:
    """A run of an emitted module on a text that has been read. Raises TrainingError."""
    vocab = module.Config().vocab
    if vocab < read.vocab:
        what = "bytes" if read.vocab == 256 else f"tokens up to {read.vocab - 1}"
        raise TrainingError(
            f"{module.__file__}: a vocabulary of {vocab} cannot hold {what}; "
            f"training needs vocab = {read.vocab} or more"
        )
    if read.end is not None:
        documents.require(module, settings.compile)
    where = device.choose(settings.device)
    torch.manual_seed(settings.seed)
    model = module.Model().to(where)
    adam = optimizer.make(model, settings.learning_rate, settings.weight_decay)
    trained = torch.compile(model) if settings.compile else model
    run = Run(settings, model, trained, read, adam, where)
    if stored is not None:
        _resume(run, stored)
    return run


def _resume(run: Run, stored: checkpoint.Checkpoint) -> None:
    if stored.digest != run.text.digest:
        raise TrainingError("the text is not the one that the run began with")
    try:
        run.model.load_state_dict(stored.model)
    except RuntimeError:
        raise TrainingError("the checkpoint is of another model") from None
    optimizer.restore(run.model, run.optimizer, stored.optimizer)
    run.step, run.seconds = stored.step, stored.seconds
