"""Speed and memory of the emitted model, one candidate at a time on this machine."""

import fcntl
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from starc.evolve.evaluation import static, trainer
from starc.evolve.evaluation.memory import Peak
from starc.evolve.evaluation.subject import Subject
from starc.training import device

LOCK = Path(tempfile.gettempdir()) / f"starc-timing-{os.getuid()}.lock"
"""Held while something is timed: one at a time on a machine, whatever the run."""

SECONDS = 2.0
"""For the repetitions of one measurement, after one that warms up."""

REPETITIONS = 7
NEW_TOKENS = 64


def measures(subject: Subject, asked: Sequence[static.Asked]) -> dict[str, float]:
    """The timed measures `asked` for, by label.

    No two candidates are timed at once on one machine; training of others goes on
    beside it, unless the search has one worker.
    """
    found: dict[str, float] = {}
    if not asked:
        return found
    with alone(), subject.timed("timing"):
        by_context: dict[int, dict[str, float]] = {}
        for one in asked:
            if one.name == "train_rate":
                found[one.label] = train_rate(subject)
                continue
            default = subject.module.Config().context
            tokens = static.context(one.arguments, default)
            if tokens not in by_context:
                by_context[tokens] = inference(subject, tokens)
            found[one.label] = by_context[tokens][one.name]
    return found


def inference(subject: Subject, tokens: int) -> dict[str, float]:
    """Everything that reading `tokens` and writing a few more tells, batch 1."""
    with torch.inference_mode(), Peak(subject.device) as peak:
        model, prompt = prepared(subject, tokens)
        peak.begin_use()
        _decode(model, prompt, 4)
        peak.end_use()
        firsts = _repeated(lambda: _first_token(model, prompt))
        news = _decode(model, prompt, NEW_TOKENS)
    found = _told(_quantile(firsts, 0.5), tokens, news)
    return found | {"peak_memory": float(peak.nbytes)}


def prepared(subject: Subject, tokens: int) -> tuple[Any, torch.Tensor]:
    """An untrained model as it decodes, and a prompt for it, (1, tokens)."""
    dtype = device.dtype(subject.device, trainer.dtype(subject))
    model = subject.new_model().to(dtype).eval()
    generator = torch.Generator().manual_seed(0)
    prompt = torch.randint(model.config.vocab, (1, tokens), generator=generator)
    return model, prompt.to(subject.device)


def once(model: Any, prompt: torch.Tensor) -> dict[str, float]:
    """Reads the prompt once and writes NEW_TOKENS more; see `inference`."""
    with torch.inference_mode():
        first = _first_token(model, prompt)
        news = _decode(model, prompt, NEW_TOKENS)
    return _told(first, prompt.shape[1], news)


def _told(first: float, tokens: int, news: Sequence[float]) -> dict[str, float]:
    return {
        "time_to_first_token": first,
        "prefill_rate": tokens / first,
        "token_p50": _quantile(news, 0.5),
        "token_p95": _quantile(news, 0.95),
    }


def train_rate(subject: Subject) -> float:
    """Tokens a second of whole steps of the recipe, after two that warm up."""
    run = trainer.start(subject, trainer.learning_rates(subject)[0])
    run.take_step()

    def step() -> float:
        began = _now(subject.device)
        run.take_step()
        return _now(subject.device) - began

    seconds = _quantile(_repeated(step), 0.5)
    return run.settings.batch * run.settings.context / seconds


def _first_token(model: Any, prompt: torch.Tensor) -> float:
    began = _now(prompt.device)
    cache = model.new_cache(1, prompt.shape[1] + 1)
    model(prompt, cache, last_only=True).argmax(-1)
    return _now(prompt.device) - began


def _decode(model: Any, prompt: torch.Tensor, count: int) -> list[float]:
    """Seconds of each of `count` tokens that follow the prompt."""
    cache = model.new_cache(1, prompt.shape[1] + count)
    token = model(prompt, cache, last_only=True).argmax(-1)
    seconds = []
    for _ in range(count):
        began = _now(prompt.device)
        token = model(token, cache).argmax(-1)
        seconds.append(_now(prompt.device) - began)
    return seconds


def _repeated(once: Callable[[], float]) -> list[float]:
    """Seconds of several calls after one that warms up."""
    once()
    began = time.perf_counter()
    found = [once()]
    while len(found) < REPETITIONS and time.perf_counter() - began < SECONDS:
        found.append(once())
    return found


def _quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _now(where: torch.device) -> float:
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    return time.perf_counter()


@contextmanager
def alone() -> Iterator[None]:
    """Waits until no other worker on this machine measures time."""
    with LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file lets go
