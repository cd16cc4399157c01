"""Training on the tokens of a Hugging Face tokenizer."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from starc.training import checkpoint, text
from starc.training.run import prepare
from starc.training.settings import TrainingError
from tests.training.test_run import SETTINGS, STUB, train

pytest.importorskip("tokenizers")

WORDS = [*"abcdefgh", "ab", "cd"]
"""Numbers 0 to 9; then a space, an end of a line, and the end of a document."""


def tokenizer(folder: Path, end: bool = True) -> Path:
    """Letters, and pairs of them."""
    vocab = {word: i for i, word in enumerate([*WORDS, " ", "\n"])}
    table = {
        "version": "1.0",
        "model": {"type": "BPE", "vocab": vocab, "merges": [["a", "b"], ["c", "d"]]},
        "added_tokens": [
            {"id": 12, "content": "<end>", "special": True, "single_word": False}
            | {"lstrip": False, "rstrip": False, "normalized": False}
        ],
    }
    (folder / "tokenizer.json").write_text(json.dumps(table))
    if end:
        config = {"eos_token": "<end>"}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder / "tokenizer.json"


def test_text_as_tokens(tmp_path: Path) -> None:
    made = tokenizer(tmp_path)
    (tmp_path / "a.txt").write_text("abcd ef\n" * 20)
    read = text.read(str(tmp_path / "a.txt"), 4, by=str(made))
    whole = torch.cat([read.training, read.validation])
    assert whole[:6].tolist() == [8, 9, 10, 4, 5, 11]
    assert read.vocab == 13 and read.end is None
    assert read.bytes_a_token == pytest.approx(8 / 6)
    assert read.by is not None and read.by.decode(whole[:6].tolist()).count("ab") == 1
    other = text.read(str(tmp_path / "a.txt"), 4)
    assert other.digest != read.digest and other.vocab == 256


def test_long_text_is_cut_where_lines_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = str(tokenizer(tmp_path))
    (tmp_path / "a.txt").write_text("abcd ef\n" * 20)
    whole = text.read(str(tmp_path / "a.txt"), 4, by=made)
    monkeypatch.setattr("starc.training.tokenizer.PIECE", 3)
    parts = text.read(str(tmp_path / "a.txt"), 4, by=made)
    assert parts.digest == whole.digest


def test_documents_end_with_the_token_of_the_tokenizer(tmp_path: Path) -> None:
    made = tokenizer(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "abcd"}\n{"text": "ef"}\n' * 9)
    read = text.read(str(tmp_path / "a.jsonl"), 4, by=str(made))
    whole = torch.cat([read.training, read.validation])
    assert read.end == 12 and whole[:6].tolist() == [8, 9, 12, 4, 5, 12]
    assert read.bytes_a_token == pytest.approx(6 / 6)


def test_a_resumed_run_has_its_tokenizer(tmp_path: Path) -> None:
    """And the same losses as one that was never stopped."""
    made = tokenizer(tmp_path)
    (tmp_path / "a.txt").write_text("abcd ef\ngh ab\n" * 40)
    settings = replace(SETTINGS, data=str(tmp_path / "a.txt"), tokenizer=str(made))
    whole = train(prepare(STUB, settings), tmp_path / "whole")
    train(prepare(STUB, replace(settings, steps=5)), tmp_path / "run")
    stored = checkpoint.load(tmp_path / "run")
    again = stored.settings.changed({"steps": settings.steps})
    assert again.tokenizer == str(made)
    run = prepare(STUB, again, stored)
    assert run.text.by is not None and len(train(run, tmp_path / "run")) == 7
    assert whole


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    made = tokenizer(tmp_path, end=False)
    (tmp_path / "a.jsonl").write_text('{"text": "abcd"}\n')
    (tmp_path / "b.txt").write_bytes(b"abc\n" * 9 + b"\xff\xfe")
    (tmp_path / "c.bin").write_bytes(bytes(100))

    def refused(name: str, by: Path, said: str) -> None:
        with pytest.raises(TrainingError, match=said):
            text.read(str(tmp_path / name), 4, by=str(by))

    refused("a.jsonl", made, "has to name an eos_token")
    refused("b.txt", made, "no UTF-8, which .*tokenizer.json reads")
    refused("c.bin", made, "of tokens already")
    refused("b.txt", tmp_path / "b.txt", "is called tokenizer.json")
    with pytest.raises(FileNotFoundError):
        text.read(str(tmp_path / "b.txt"), 4, by=str(tmp_path / "no" / made.name))
    made.write_text('{"model": {"type": "none", "vocab": {"a": 0}}}')
    refused("b.txt", made, "no tokenizer: ")
    made.write_text("[")
    refused("b.txt", made, "no JSON")


def test_a_vocabulary_that_is_too_small(tmp_path: Path) -> None:
    """The stand-in model knows 256 tokens."""
    made = tokenizer(tmp_path)
    table = json.loads(made.read_text())
    table["model"]["vocab"] |= {f"a{i}": 13 + i for i in range(300)}
    made.write_text(json.dumps(table))
    (tmp_path / "a.txt").write_text("abcd ef\n" * 20)
    settings = replace(SETTINGS, data=str(tmp_path / "a.txt"), tokenizer=str(made))
    with pytest.raises(TrainingError, match="vocab = 313 or more"):
        prepare(STUB, settings)
