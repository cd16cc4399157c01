"""Several models under one recipe, at equal tokens, several seeds; resumable.

Of one seed all models see the same windows in the same order. A result is a file of
its own, named by the digest of all that decides it, so that nothing is trained twice.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from starc import __version__, compiler
from starc.artefacts import integer, one_of, real, string
from starc.folders import Folder
from starc.source import Source
from starc.training import device, emitted, text
from starc.training.recipe import LOOK, NARROW, VALIDATION_BATCHES
from starc.training.run import Run, begin
from starc.training.settings import Settings, TrainingError
from starc.training.stop import Stop
from starc.training.text import Text

CACHE_DTYPE = torch.bfloat16
"""Of values in the cache, as the paper counts; recurrent states stay float32."""

Tell = Callable[[str, int, int], None]
"""Name of the model, its seed, and the steps that were just taken."""


@dataclass(frozen=True)
class Entry:
    """A model to be compared: `source` is its file, emitted at `path`."""

    name: str
    digest: str
    path: Path
    source: bytes
    context: int

    def module(self) -> ModuleType:
        """Raises TrainingError."""
        return emitted.of_source(self.source, self.path)

    def cache(self, tokens: int) -> int | None:
        """Bytes of the model's own cache of one sequence, CACHE_DTYPE; None: it has
        none, as of a file that was edited. Nothing is allocated."""
        with torch.device("meta"):
            model = self.module().Model()
        new_cache = getattr(model, "new_cache", None)
        return new_cache and int(new_cache(1, tokens, dtype=CACHE_DTYPE).nbytes)


@dataclass(frozen=True)
class Result:
    """Of one model and seed. status: ok, or diverged, which `reason` explains.

    loss: held out, in nats a token. seconds: of training alone, by the clock.
    """

    name: str
    digest: str
    seed: int
    status: str = "ok"
    reason: str = ""
    loss: float = math.nan
    bits_per_byte: float | None = None
    parameters: int = 0
    tokens: int = 0
    seconds: float = 0.0


def entry(name: str, given: Source, folder: Path) -> Entry:
    """A .star text, or an emitted .py one, ready to be trained. Raises StarError."""
    digest = sha256(given.text.encode()).hexdigest()
    models, file = Folder.of(folder) / "models", f"{digest[:16]}.py"
    is_emitted = given.name.endswith(".py")
    source = (given.text if is_emitted else compiler.compile(given)).encode()
    models.make()
    models.write(file, source)
    path = models.path / file
    context = emitted.of_source(source, path).Config().context
    return Entry(name, digest, path, source, context)


def compare(
    entries: Sequence[Entry],
    recipe: Settings,
    seeds: Sequence[int],
    folder: Path,
    tell: Tell,
) -> Iterator[Result]:
    """Results as they come, known ones at once; fewer of them after a signal.

    `recipe`: all but the seed. Seed by seed, so that an early end leaves every model
    with about as many. Raises TrainingError where text and models do not go together.
    """
    assert recipe.steps and recipe.context
    read = text.read(recipe.data, recipe.context)
    where = device.choose(recipe.device)
    results = Folder.of(folder) / "results"
    with Stop() as stop:
        for seed in seeds:
            for one in entries:
                decided = recipe.changed({"seed": seed, "device": str(where)})
                file = f"{_key(one, decided, read)}.json"
                found = _known(results, file, one.name)
                if found is not None:
                    tell(one.name, seed, recipe.steps)
                else:
                    found = _train(one, decided, read, stop, tell)
                    if found is None:
                        return
                    results.make()
                    results.write(file, json.dumps(asdict(found), indent=2) + "\n")
                yield found


def _key(one: Entry, settings: Settings, read: Text) -> str:
    """Of all that decides a result."""
    decided = {**asdict(settings), "model": one.digest, "text": read.digest}
    for name in ("data", "save", "minutes"):
        decided.pop(name)
    found = json.dumps([decided, __version__], sort_keys=True)
    return sha256(found.encode()).hexdigest()[:32]


def _known(results: Folder, file: str, name: str) -> Result | None:
    with suppress(OSError, ValueError, TypeError):
        return _result({**results.read_json(file), "name": name})
    return None


def _result(found: dict[str, Any]) -> Result:
    """Raises ArtefactError, TypeError where `compare` did not write it."""
    one_of(found.get("status"), "status", ("ok", "diverged"))
    for field in fields(Result):
        value = found.get(field.name, field.default)
        if field.type in (int, "int"):
            integer(value, field.name, 0, 2**63 - 1)
        elif field.type in (str, "str"):
            string(value, field.name)
        elif value is not None and not (value != value):
            real(value, field.name, 0, 1e300)
    return Result(**found)


def _train(
    one: Entry, settings: Settings, read: Text, stop: Stop, tell: Tell
) -> Result | None:
    """None after a signal."""
    module = one.module()
    if settings.context > module.Config().context:
        raise TrainingError(
            f"{one.name}: its context is {module.Config().context}, "
            f"windows of {settings.context} do not fit; choose a smaller --context"
        )
    if module.Config().width < NARROW and settings.device == "cpu":
        settings = settings.changed({"dtype": "float32"})
    run = begin(module, settings, read)
    found = Result(
        one.name,
        one.digest,
        settings.seed,
        parameters=sum(p.numel() for p in run.model.parameters()),
        tokens=settings.steps * settings.batch * settings.context,
    )
    seconds, reason = _steps(run, one, stop, tell)
    if stop.signal:
        return None
    loss = math.nan if reason else run.validation_loss(VALIDATION_BATCHES)
    if not math.isfinite(loss):
        reason = reason or f"the held-out loss is {loss}"
        return Result(**{**asdict(found), "status": "diverged", "reason": reason})
    bits = read.bytes_a_token and loss / math.log(2) / read.bytes_a_token
    measured = {"loss": loss, "bits_per_byte": bits, "seconds": seconds}
    return Result(**{**asdict(found), **measured})


def _steps(run: Run, one: Entry, stop: Stop, tell: Tell) -> tuple[float, str]:
    """Trains to the end or a signal: seconds, and how it diverged or ""."""
    began = time.monotonic()
    waiting: list[torch.Tensor] = []
    while run.step < run.settings.steps and not stop.signal:
        waiting.append(run.take_step())
        if len(waiting) < LOOK and run.step < run.settings.steps:
            continue
        finite = bool(torch.stack(waiting).isfinite().all())
        tell(one.name, run.settings.seed, len(waiting))
        waiting = []
        if not finite:
            left = run.settings.steps - run.step
            tell(one.name, run.settings.seed, left)
            return 0.0, f"the loss is no number at step {run.step}"
    return time.monotonic() - began, ""
