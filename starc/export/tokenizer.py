"""A folder with a tokenizer: what of it goes along, and its special tokens."""

from pathlib import Path
from typing import Any

from starc.artefacts import ArtefactError
from starc.export.error import ExportError
from starc.folders import Folder
from starc.values import dataclass

LARGEST = 1 << 28
"""Bytes of a file; those of the largest vocabularies have a tenth of it."""

FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model"),
    "chat_template.jinja",
)
"""What transformers reads, and nothing else of the folder."""

SPECIAL = ("bos_token", "eos_token", "pad_token")


@dataclass(frozen=True)
class Tokenizer:
    """files: name -> content. ids: of the special tokens that it has."""

    files: dict[str, bytes]
    ids: dict[str, int]


def read(path: Path, vocab: int) -> Tokenizer:
    """Raises ExportError where its tokens do not fit a vocabulary; OSError."""
    folder = Folder(path)
    files: dict[str, bytes] = {}
    for name in FILES:
        try:
            files[name] = folder.read(name, LARGEST)
        except FileNotFoundError:
            continue
        except ArtefactError as error:
            raise ExportError(str(error)) from None
    if "tokenizer.json" not in files:
        raise ExportError(f"{path}: tokenizer.json is not there, and is needed")
    tokens = _tokens(_json(path, "tokenizer.json", files), path / "tokenizer.json")
    largest = max(tokens.values(), default=-1)
    if largest >= vocab:
        raise ExportError(
            f"{path / 'tokenizer.json'}: has tokens up to number {largest}, and the "
            f"model a vocab of {vocab}: set vocab = {largest + 1} or more in its source"
        )
    config = _json(path, "tokenizer_config.json", files)
    ids = {}
    for name in SPECIAL:
        token = config.get(name)
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str) and token in tokens:
            ids[f"{name}_id"] = tokens[token]
    return Tokenizer(files, ids)


def _json(path: Path, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    import json

    try:
        found = json.loads(files.get(name, b"{}").decode())
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{path / name}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ExportError(f"{path / name}: no JSON object")
    return found


def _tokens(table: dict[str, Any], where: Path) -> dict[str, int]:
    """Token -> number, of the model's vocabulary and of what was added."""
    model = table.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    found: dict[str, Any] = {}
    if isinstance(vocab, dict):
        found |= vocab
    elif isinstance(vocab, list):  # of a unigram model: token and score
        found |= {str(one): i for i, one in enumerate(vocab)}
        found |= {str(one[0]): i for i, one in enumerate(vocab) if one}
    else:
        raise ExportError(f"{where}: model.vocab is not there")
    for one in table.get("added_tokens") or []:
        if not isinstance(one, dict) or not isinstance(one.get("content"), str):
            raise ExportError(f"{where}: added_tokens has an entry without content")
        found[one["content"]] = one.get("id")
    if not all(type(number) is int and number >= 0 for number in found.values()):
        raise ExportError(f"{where}: a token has no number")
    return found
