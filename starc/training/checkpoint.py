"""A run on disk: safetensors and JSON, replaced as a whole, never pickled."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from starc.artefacts import ArtefactError, integer, real, string
from starc.folders import Folder
from starc.training.settings import MOST, Settings, TrainingError

NAME = "checkpoint"
NEW, OLD = f".{NAME}.new", f".{NAME}.old"
MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "training.json"


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name; steps done, seconds spent on them, digest of the text."""

    model: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    settings: Settings
    step: int
    seconds: float
    digest: str


def save(place: Folder | Path, checkpoint: Checkpoint) -> None:
    """Writes checkpoint/ there: there is a whole one on disk at any moment. OSError."""
    folder = Folder.of(place)
    for leftover in (NEW, OLD if folder.holds(NAME) else NEW):
        folder.remove(leftover)
    new = folder / NEW
    new.make()
    save_tensors(new, MODEL, checkpoint.model, durable=True)
    save_tensors(new, OPTIMIZER, checkpoint.optimizer, durable=True)
    new.write(STATE, state_of(checkpoint), durable=True)
    if folder.holds(NAME):
        folder.rename(NAME, OLD)
    else:
        folder.remove(NAME)  # a link, say
    folder.rename(NEW, NAME)
    folder.remove(OLD)


def state_of(checkpoint: Checkpoint) -> str:
    """All but the tensors, as JSON."""
    state = {
        "step": checkpoint.step,
        "seconds": round(checkpoint.seconds, 3),
        "data_sha256": checkpoint.digest,
        "settings": asdict(checkpoint.settings),
    }
    return json.dumps(state, indent=2) + "\n"


def exists(folder: Path) -> bool:
    return (folder / NAME).is_dir()


def load(place: Folder | Path) -> Checkpoint:
    """The last one. Raises TrainingError if there is none or it cannot be read."""
    folder = Folder.of(place, make=False)
    name = NAME if (folder.path / NAME).is_dir() else OLD  # between two renames
    path, inside = folder.path / name, folder / name
    try:
        state = inside.read_json(STATE)
        if not isinstance(state, dict):
            raise ArtefactError(f"{STATE} is no object")
        return Checkpoint(
            load_tensors(inside, MODEL),
            load_tensors(inside, OPTIMIZER),
            Settings.read(state["settings"]),
            integer(state["step"], "step", 0, MOST),
            real(state["seconds"], "seconds", 0, 1e12),
            _digest(state["data_sha256"]),
        )
    except FileNotFoundError:
        raise TrainingError(f"{folder.path}: no checkpoint to resume from") from None
    except KeyError as error:
        raise TrainingError(f"{path}: damaged checkpoint: no {error}") from error
    except (ValueError, OSError, SafetensorError, RuntimeError) as error:
        raise TrainingError(f"{path}: damaged checkpoint: {error}") from error


def save_tensors(
    folder: Folder, name: str, tensors: dict[str, torch.Tensor], durable: bool = False
) -> None:
    """A safetensors file, whole or not at all. OSError names it, of a full disk too."""
    plain = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
    try:
        with folder.replaced(name, durable) as path:
            save_file(plain, path)
    except SafetensorError as error:
        found = re.search(r"\(os error (\d+)\)|code: (\d+)", str(error))
        if found is None:
            raise
        number = int(found[1] or found[2])
        where = str(folder.path / name)
        raise OSError(number, os.strerror(number), where) from error


def load_tensors(folder: Folder, name: str) -> dict[str, torch.Tensor]:
    """Of the very file that was opened, into which they stay mapped. OSError.

    safetensors checks its header by its size. RuntimeError where it says to be larger
    than any memory.
    """
    handle = folder.open(name)
    try:
        return load_file(f"/dev/fd/{handle}")
    finally:
        os.close(handle)


def _digest(found: Any) -> str:
    if not re.fullmatch("[0-9a-f]{64}", string(found, "data_sha256")):
        raise ArtefactError("data_sha256 is no sha256 in hex")
    return str(found)
