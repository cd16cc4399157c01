"""What is evaluated: an emitted model, where it runs, and by whose rules."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.folders import Folder


@dataclass
class Subject:
    """module: the emitted file, with `Model` and `Config`. source: its .star text.

    model: the trained one, once there is one. seconds: by stage. A user's own measure
    gets this whole object. `inside`: the folder as the search itself opens it.
    parents: folders beside it, whose tensors it inherits.
    """

    candidate: Candidate
    spec: Spec
    inside: Folder
    source: str
    module: ModuleType
    device: torch.device
    log: logging.Logger
    seconds: dict[str, float] = field(default_factory=dict)
    model: Any = None
    parents: tuple[int, ...] = ()

    def new_model(self, seed: int = 0, **changes: int) -> Any:
        """An untrained model on the device; `changes` to its Config: `vocab = 16`."""
        torch.manual_seed(seed)
        config = replace(self.module.Config(), **changes)
        return self.module.Model(config).to(self.device)

    @property
    def folder(self) -> Path:
        return self.inside.path

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time of the block to `seconds`."""
        began = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - began
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
