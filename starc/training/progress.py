"""What a person sees of a run: a bar on a terminal, a line now and then everywhere."""

import resource
import sys
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from starc.printable import lines

REFRESH = 0.25
"""Seconds between looks at the loss; each one waits for the GPU."""


class Display:
    """Loss (of the last steps, in nats a byte), tokens a second, time left."""

    LINES = 12

    def __init__(self, console: Console, tokens_a_step: int, progress: float) -> None:
        self.console = console
        self.tokens_a_step = tokens_a_step
        self.bar = Progress(
            TextColumn("step {task.fields[step]:>6}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TextColumn("{task.fields[speed]:,.0f} tokens/s"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.task = self.bar.add_task(
            "", total=1.0, step=0, loss=float("nan"), speed=0.0
        )
        self.bar.update(self.task, completed=progress)
        self.loss = float("nan")
        self._waiting: list[torch.Tensor] = []
        self._looked = time.monotonic()
        self._speed = 0.0
        self._told = progress
        self._looks = 0
        self.note: Callable[[], str] = str  # what else a line says

    def __enter__(self) -> "Display":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def add(self, step: int, loss: torch.Tensor, progress: float) -> None:
        """One step is done; `loss` is looked at when it is time to."""
        self._waiting.append(loss)
        now = time.monotonic()
        if now - self._looked >= REFRESH or progress >= 1:
            self._look(now)
            self.bar.update(
                self.task,
                completed=min(progress, 1.0),
                step=step,
                loss=self.loss,
                speed=self._speed,
            )
        due = progress - self._told >= 1 / self.LINES or progress >= 1
        if due and not self._waiting:
            self._told = progress
            line = f"step {step:>6}   loss {self.loss:.3f}   "
            self.say(line + f"{self._speed:>9,.0f} tokens/s" + self.note())

    def say(self, text: str) -> None:
        self.console.print(lines(text), markup=False)

    def _look(self, now: float) -> None:
        losses = torch.stack(self._waiting).tolist()
        speed = len(losses) * self.tokens_a_step / max(now - self._looked, 1e-9)
        self._speed = 0.8 * self._speed + 0.2 * speed if self._speed else speed
        for loss in losses:
            fresh = self.loss != self.loss  # not a number yet
            self.loss = loss if fresh else 0.9 * self.loss + 0.1 * loss
        self._waiting, self._looked = [], now
        self._looks += 1
        if self._looks == 2:  # the first has what is done once
            used = f"{most_memory() / 2**20:,.0f} MiB in use at most"
            self.say(f"{speed:,.0f} tokens/s, {used}")


def most_memory() -> int:
    """Bytes that this process has had at once so far: of the GPU, where one is used."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
