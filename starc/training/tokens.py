"""Files of tokens: .npy arrays, and raw .bin files as nanoGPT writes them."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy
import torch

from starc.artefacts import ArtefactError, integer
from starc.files import require_plain
from starc.folders import Folder
from starc.training.settings import TrainingError

SUFFIXES = (".npy", ".bin")
TYPES = ("uint8", "uint16", "uint32", "int32", "int64")


@dataclass(frozen=True)
class Tokens:
    """`vocab`: the largest token + 1. `end`: the one behind each document, if any. The
    array stays on disk until it is read."""

    tokens: torch.Tensor
    digest: str
    vocab: int
    bytes_a_token: float | None
    end: int | None = None


def read(path: Path) -> Tokens:
    """The tokens of a file; OSError, TrainingError where it does not hold any.

    A .bin file is little-endian uint16 unless `NAME.bin.json` beside it says otherwise:
    {"dtype": "uint32", "bytes": 1234, "end": 0}, also beside a .npy file. `bytes`, the
    length of the text that was tokenized, is what bits per byte need; `end` the token
    behind each document, where these are to be kept apart.
    """
    require_plain(path)
    about = _about(path)
    dtype = about.get("dtype", "uint16")
    if dtype not in TYPES:
        raise TrainingError(f"{path}.json: dtype is one of {', '.join(TYPES)}")
    try:
        if path.suffix == ".npy":
            array = numpy.lib.format.open_memmap(path, mode="c")
        else:
            array = numpy.memmap(path, numpy.dtype(dtype).newbyteorder("<"), "c")
    except OSError:
        raise
    except Exception as error:  # numpy reads headers as Python: SyntaxError, TokenError
        raise TrainingError(f"{path}: no array of tokens: {error}") from None
    if array.ndim != 1 or array.dtype.name not in TYPES:
        raise TrainingError(
            f"{path}: tokens are one row of {', '.join(TYPES)}, not "
            f"{array.ndim} dimensions of {array.dtype}"
        )
    if len(array) and array.min() < 0:
        raise TrainingError(f"{path}: negative numbers are no tokens")
    digest, end = sha256(array.view(numpy.uint8).data).hexdigest(), about.get("end")
    if end is not None:
        if not (array == end).any():
            raise TrainingError(f"{path}.json: no token is {end}, which `end` says")
        digest = sha256(f"{digest} {end}".encode()).hexdigest()
    return Tokens(
        torch.from_numpy(array),
        digest,
        int(array.max()) + 1 if len(array) else 1,
        about["bytes"] / max(len(array), 1) if "bytes" in about else None,
        end,
    )


def _about(path: Path) -> dict[str, Any]:
    """What the JSON file beside it says; nothing where there is none."""
    beside = path.with_name(path.name + ".json")
    try:
        about = Folder(beside.parent).read_json(beside.name)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise TrainingError(str(error)) from None
    if not isinstance(about, dict):
        raise TrainingError(f"{beside}: not an object with `dtype`, `bytes`, `end`")
    try:
        integer(about.get("bytes", 1), "bytes", 1, 2**63 - 1)
        integer(about.get("end", 0), "end", 0, 2**32 - 1)
    except ArtefactError as error:
        raise TrainingError(f"{beside}: {error}") from None
    return dict(about)
