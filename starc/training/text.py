"""The bytes a run learns from, and which of them a step sees."""

import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch

from starc.training.settings import TrainingError

VALIDATION = 0.05
"""Of the text, at its end; at most a megabyte."""

_NOT_SOURCE = {"site-packages", "dist-packages", "test", "tests", "__pycache__"}


@dataclass(frozen=True)
class Text:
    """Training and validation bytes as uint8, and a digest of both."""

    training: torch.Tensor
    validation: torch.Tensor
    digest: str

    def batch(self, batch: int, context: int) -> torch.Tensor:
        """Windows from anywhere in the training text: (batch, context + 1), int64.

        Drawn with torch's global generator; the trainer seeds it for every step.
        """
        ends = len(self.training) - context
        return _windows(self.training, torch.randint(ends, (batch,)), context)

    def held_out(self, batch: int, context: int, count: int) -> Iterator[torch.Tensor]:
        """At most `count` batches, spread evenly over the validation text."""
        ends = len(self.validation) - context
        starts = torch.linspace(0, ends - 1, min(batch * count, ends)).long()
        for some in torch.split(starts, batch):
            yield _windows(self.validation, some, context)


def read(data: str, context: int) -> Text:
    """The text of a file, of all files of a folder, of stdin, or Python's library.

    Raises TrainingError if there is too little of it, OSError.
    """
    if data == "-":
        raw = sys.stdin.buffer.read()
    elif data == "":
        raw = _folder(Path(sysconfig.get_paths()["stdlib"]), "*.py")
    elif Path(data).is_dir():
        raw = _folder(Path(data), "*")
    else:
        raw = Path(data).read_bytes()
    held_out = max(min(int(len(raw) * VALIDATION), 1 << 20), context + 1)
    if len(raw) < held_out + context + 1:
        least = 2 * (context + 1)
        raise TrainingError(
            f"{len(raw)} bytes of text are too few for a context of {context}: "
            f"{least} are needed"
        )
    everything = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
    split = len(raw) - held_out
    return Text(everything[:split], everything[split:], sha256(raw).hexdigest())


def _folder(folder: Path, pattern: str) -> bytes:
    """All files below, hidden ones left out, in an order that only names decide.

    Names are hashed, so that the end of the text is like the rest of it.
    """
    found = {}
    for path in folder.rglob(pattern):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if not hidden and not _NOT_SOURCE & set(name.parts) and path.is_file():
            found[sha256(name.as_posix().encode()).hexdigest()] = path
    return b"".join(found[key].read_bytes() for key in sorted(found))


def _windows(text: torch.Tensor, starts: torch.Tensor, context: int) -> torch.Tensor:
    return text[starts[:, None] + torch.arange(context + 1)].long()
