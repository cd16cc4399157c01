"""A tokenizer of Hugging Face, from its `tokenizer.json`. Needs tokenizers."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from starc.export import tokenizer as folders
from starc.export.error import ExportError
from starc.training.settings import TrainingError

NAME = "tokenizer.json"
PIECE = 1 << 20
"""Bytes of text that are encoded at once, and on to the end of a line."""


@dataclass(frozen=True)
class Tokenizer:
    """vocab: its largest token + 1. end: the token behind a document, which is the
    `eos_token` of `tokenizer_config.json` beside it; None without."""

    path: Path
    inner: Any
    digest: str
    vocab: int
    end: int | None

    def encode(self, text: bytes, where: str) -> torch.Tensor:
        """The tokens of a text, without special ones. TrainingError: no UTF-8."""
        found: list[int] = []
        for piece in _pieces(text):
            try:
                said = piece.decode()
            except UnicodeDecodeError as error:
                raise TrainingError(
                    f"{where}: no UTF-8, which {self.path} reads: {error.reason} near "
                    f"{piece[error.start : error.start + 8]!r}"
                ) from None
            found += self.inner.encode(said, add_special_tokens=False).ids
        return torch.tensor(found, dtype=torch.int32)

    def decode(self, tokens: list[int]) -> str:
        return str(self.inner.decode(tokens))


def read(name: str) -> Tokenizer:
    """Of a tokenizer.json, or of the folder that it is in. TrainingError, OSError."""
    path = Path(name)
    if path.is_dir():
        path = path / NAME
    if path.name != NAME:
        raise TrainingError(f"{path}: the file of a tokenizer is called {NAME}")
    if not path.exists():
        raise FileNotFoundError(2, "No such file or directory", str(path))
    try:
        found = folders.read(path.parent, 2**31)
    except ExportError as error:
        raise TrainingError(str(error)) from None
    try:
        from tokenizers import Tokenizer as Inner
    except ImportError:
        raise TrainingError(
            "--tokenizer needs tokenizers: pip install 'starc[tokenizers]'"
        ) from None
    raw = found.files[NAME]
    try:
        inner = Inner.from_str(raw.decode())
    except Exception as error:  # of a type of its own
        raise TrainingError(f"{path}: no tokenizer: {error}") from None
    vocab = max(inner.get_vocab(with_added_tokens=True).values(), default=0) + 1
    end = found.ids.get("eos_token_id")
    return Tokenizer(path, inner, sha256(raw).hexdigest(), vocab, end)


def _pieces(text: bytes) -> Iterator[bytes]:
    """Of about a megabyte, cut behind ends of lines, where no token goes across."""
    start = 0
    while start < len(text):
        stop = text.find(b"\n", start + PIECE) + 1 or len(text)
        yield text[start:stop]
        start = stop
