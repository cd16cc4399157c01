"""Documents that stand one after the other: where each ends, and a row of them.

An end token stands behind every document. It is learned, as the last token of each, and
nothing is learned across it, nor is anything seen.
"""

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from starc.artefacts import parse_json
from starc.files import require_plain
from starc.training.settings import TrainingError

SUFFIX = ".jsonl"
END = 255
"""Behind each text of a .jsonl file: a byte that UTF-8 never has."""

NOT_LEARNED = -100
"""As a target: the next token is of another document."""


def read(path: Path) -> bytes:
    """The texts of a .jsonl file with END behind each. TrainingError, OSError."""
    return b"".join(text + bytes([END]) for text in texts(path))


def texts(path: Path) -> Iterator[bytes]:
    """Those of a .jsonl file, a line `{"text": ...}` each.

    Empty lines and empty texts are left out. Raises TrainingError, OSError.
    """
    require_plain(path)
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            text = parse_json(line.decode())["text"].encode()
        except (ValueError, KeyError, TypeError, AttributeError):
            wanted = '{"text": "..."}, in UTF-8'
            raise TrainingError(f"{path}:{number}: the line is not {wanted}") from None
        if text:
            yield text


def packed(window: Tensor, end: int) -> tuple[Tensor, Tensor, Tensor]:
    """Windows (B, T + 1) as one row (1, B T): its tokens, borders, and targets (B T).

    A document ends behind each `end`, and at the end of its window.
    """
    tokens, targets = window[:, :-1], window[:, 1:]
    last = tokens == end
    targets = targets.masked_fill(last, NOT_LEARNED)
    last[:, -1] = True
    stops = last.flatten().nonzero().flatten() + 1
    borders = torch.cat((stops.new_zeros(1), stops))
    return tokens.flatten()[None], borders, targets.flatten()


def require(module: ModuleType, compiled: bool) -> None:
    """Raises TrainingError unless the model can be trained on packed documents."""
    if compiled:
        raise TrainingError(
            "documents of every length would each be compiled anew: --compile is for "
            "text without ends of documents"
        )
    if "cu_seqlens" not in signature(module.Model.forward).parameters:
        raise TrainingError(
            f"{module.__file__}: it takes no cu_seqlens, so documents cannot be kept "
            "apart: compile it anew, or train on text without ends of documents"
        )
