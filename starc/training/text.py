"""The bytes or tokens a run learns from, and which of them a step sees."""

import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch

from starc.files import require_plain
from starc.training import documents, tokenizer, tokens
from starc.training.settings import TrainingError

LARGEST_STDIN = 1 << 30
"""Bytes. A file says how large it is; what comes through a pipe may have no end."""

VALIDATION = 0.05
"""Of the text, at its end; at most a mega-token."""

_NOT_SOURCE = {"site-packages", "dist-packages", "test", "tests", "__pycache__"}


@dataclass(frozen=True)
class Text:
    """Training and validation tokens as unsigned integers, and a digest of both.

    vocab: what a model needs to hold them. bytes_a_token: of the text they stand for;
    None where nobody said. end: the token behind each document, where there are any.
    by: what made tokens of the text, if anything did.
    """

    training: torch.Tensor
    validation: torch.Tensor
    digest: str
    vocab: int = 256
    bytes_a_token: float | None = 1.0
    end: int | None = None
    by: tokenizer.Tokenizer | None = None

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


def read(data: str, context: int, share: float = 0.0, by: str = "") -> Text:
    """The text of a file, of all files of a folder, of stdin, or Python's library.

    A file `.npy` or `.bin` holds tokens (starc/training/tokens.py), `.jsonl` documents
    (starc/training/documents.py), all others bytes. share: of it that is held out. by:
    a tokenizer.json, for what is not tokens already. Raises TrainingError if there is
    too little of it, OSError.
    """
    made = tokenizer.read(by) if by else None
    if Path(data).suffix in tokens.SUFFIXES:
        if made is not None:
            raise TrainingError(f"{data}: is of tokens already, and takes no tokenizer")
        found = tokens.read(Path(data))
        whole, digest = found.tokens, found.digest
        vocab, bytes_a_token, end = found.vocab, found.bytes_a_token, found.end
    elif made is not None:
        whole, digest, bytes_a_token, end = _tokenized(data, made)
        vocab = made.vocab
    else:
        in_lines = Path(data).suffix == documents.SUFFIX
        raw = documents.read(Path(data)) if in_lines else _bytes(data)
        whole = torch.frombuffer(bytearray(raw or b"\0"), dtype=torch.uint8)
        whole, digest = whole[: len(raw)], sha256(raw).hexdigest()
        vocab, bytes_a_token, end = 256, 1.0, None
        if in_lines:
            ends = raw.count(documents.END)
            bytes_a_token, end = 1 - ends / max(len(raw), 1), documents.END
    split = len(whole) - held_out(len(whole), context, share)
    if split < context + 1:
        what = "bytes" if vocab == 256 and bytes_a_token == 1.0 else "tokens"
        raise TrainingError(
            f"{len(whole)} {what} of text are too few for a context of {context}: "
            f"{2 * (context + 1)} are needed"
        )
    return Text(whole[:split], whole[split:], digest, vocab, bytes_a_token, end, made)


def _tokenized(
    data: str, by: tokenizer.Tokenizer
) -> tuple[torch.Tensor, str, float, int | None]:
    """Tokens, their digest, bytes of text a token, and the end of documents."""
    if Path(data).suffix != documents.SUFFIX:
        raw = _bytes(data)
        whole, size, end = by.encode(raw, data or "Python's library"), len(raw), None
    else:
        end = by.end
        if end is None:
            raise TrainingError(
                f"{data}: holds documents, and {by.path} no end for them: "
                "tokenizer_config.json beside it has to name an eos_token of it"
            )
        last, parts, size = torch.tensor([end], dtype=torch.int32), [], 0
        for text in documents.texts(Path(data)):
            parts += [by.encode(text, data), last]
            size += len(text)
        whole = torch.cat(parts) if parts else last[:0]
    digest = sha256(
        f"{sha256(whole.numpy().tobytes()).hexdigest()} {by.digest}".encode()
    )
    return whole, digest.hexdigest(), size / max(len(whole), 1), end


def held_out(length: int, context: int, share: float = 0.0) -> int:
    """Tokens at the end of a text that no step sees."""
    if share:
        return max(int(length * share), context + 1)
    return max(min(int(length * VALIDATION), 1 << 20), context + 1)


def _bytes(data: str) -> bytes:
    if data == "-":
        found = sys.stdin.buffer.read(LARGEST_STDIN + 1)
        if len(found) > LARGEST_STDIN:
            most = f"more than {LARGEST_STDIN:,} bytes of text"
            raise TrainingError(f"stdin: {most}: write them to a file")
        return found
    if data == "":
        return _folder(Path(sysconfig.get_paths()["stdlib"]), "*.py")
    if Path(data).is_dir():
        return _folder(Path(data), "*")
    require_plain(Path(data))
    return Path(data).read_bytes()


def _folder(folder: Path, pattern: str) -> bytes:
    """All files below, in an order that only names decide.

    Hidden ones are left out, and links that lead out of the folder.

    Names are hashed, so that the end of the text is like the rest of it.
    """
    found = {}
    for path in folder.rglob(pattern):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        out = path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())
        left_out = hidden or out or _NOT_SOURCE & set(name.parts)
        if not left_out and path.is_file():
            found[sha256(name.as_posix().encode()).hexdigest()] = path
    return b"".join(found[key].read_bytes() for key in sorted(found))


def _windows(text: torch.Tensor, starts: torch.Tensor, context: int) -> torch.Tensor:
    return text[starts[:, None] + torch.arange(context + 1)].long()
