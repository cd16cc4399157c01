"""A run on disk: safetensors and JSON, replaced as a whole, never pickled."""

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from starc.artefacts import (
    ArtefactError,
    integer,
    open_inside,
    read_json,
    real,
    string,
)
from starc.training.settings import MOST, Settings, TrainingError

NAME = "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name; steps done, seconds spent on them, digest of the text."""

    model: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    settings: Settings
    step: int
    seconds: float
    digest: str


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes folder/checkpoint: there is a whole one on disk at any moment."""
    new, old = folder / f".{NAME}.new", folder / f".{NAME}.old"
    for leftover in (new, old if exists(folder) else new):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True)
    save_file(_plain(checkpoint.model), new / "model.safetensors")
    save_file(_plain(checkpoint.optimizer), new / "optimizer.safetensors")
    state = {
        "step": checkpoint.step,
        "seconds": round(checkpoint.seconds, 3),
        "data_sha256": checkpoint.digest,
        "settings": asdict(checkpoint.settings),
    }
    (new / "training.json").write_text(json.dumps(state, indent=2) + "\n")
    for file in new.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    if (folder / NAME).exists():
        (folder / NAME).rename(old)
    new.rename(folder / NAME)
    shutil.rmtree(old, ignore_errors=True)


def exists(folder: Path) -> bool:
    return (folder / NAME).is_dir()


def load(folder: Path) -> Checkpoint:
    """The last one. Raises TrainingError if there is none or it cannot be read."""
    path = folder / NAME
    if not path.is_dir():  # the machine stopped between two renames
        path = folder / f".{NAME}.old"
    try:
        state = read_json(folder, f"{path.name}/training.json")
        if not isinstance(state, dict):
            raise ArtefactError("training.json is no object")
        return Checkpoint(
            _tensors(folder, f"{path.name}/model.safetensors"),
            _tensors(folder, f"{path.name}/optimizer.safetensors"),
            Settings.read(state["settings"]),
            integer(state["step"], "step", 0, MOST),
            real(state["seconds"], "seconds", 0, 1e12),
            _digest(state["data_sha256"]),
        )
    except FileNotFoundError:
        raise TrainingError(f"{folder}: no checkpoint to resume from") from None
    except KeyError as error:
        raise TrainingError(f"{path}: damaged checkpoint: no {error}") from error
    except (ValueError, OSError, SafetensorError) as error:
        raise TrainingError(f"{path}: damaged checkpoint: {error}") from error


def _tensors(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """Of the very file that was opened. safetensors checks its header by its size."""
    handle = open_inside(folder, name)
    try:
        return load_file(f"/dev/fd/{handle}")
    finally:
        os.close(handle)


def _digest(found: Any) -> str:
    if not re.fullmatch("[0-9a-f]{64}", string(found, "data_sha256")):
        raise ArtefactError("data_sha256 is no sha256 in hex")
    return str(found)


def _plain(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
