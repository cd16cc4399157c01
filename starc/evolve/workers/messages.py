"""What the owner of a process and the process say to each other, over a socket.

JSON that is checked, and tokens as bytes: whatever else writes to the socket, such as a
candidate, is refused and never run.
"""

import json
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starc.artefacts import ArtefactError, parse_json, string
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.folders import Folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starc.training.text import Text

LARGEST = 1 << 24
"""Bytes of JSON that may be said at once."""


Parents = tuple[int, ...]
"""Candidates of whom another inherits: the names of their folders, beside its own."""


@dataclass(frozen=True)
class Data:
    """A text's tokens, as they travel: who passes them on needs no torch.

    about: what else a Text says. arrays: the training and the validation tokens.
    """

    about: dict[str, Any]
    arrays: "tuple[NDArray[Any], NDArray[Any]]"

    @classmethod
    def of(cls, text: "Text") -> "Data":
        about = {"digest": text.digest, "vocab": text.vocab, "end": text.end}
        about["bytes_a_token"] = text.bytes_a_token
        return cls(about, (text.training.numpy(), text.validation.numpy()))


@dataclass(frozen=True)
class Setting:
    """The first message. memory: bytes of data that the process may have. owner: the
    process that it ends with. text: the data, where it cannot read them itself."""

    spec: Spec
    threads: int
    memory: int
    owner: int
    text: "Text | None" = None


@dataclass(frozen=True)
class Question:
    """Every other message of the owner: what to evaluate, and where."""

    candidate: Candidate
    rung: int
    folder: Folder
    parents: Parents = ()


def tell(
    connection: "Connection[Any, Any]", setting: Setting, data: Data | None = None
) -> None:
    """The first message; `data` become its text. Raises OSError where nobody is
    there."""
    found: dict[str, Any] = {**vars(setting), "spec": setting.spec.to_json()}
    found["text"] = None if data is None else data.about
    _say(connection, found)
    for array in () if data is None else data.arrays:
        _say(connection, {"dtype": array.dtype.name, "bytes": array.nbytes})
        connection.send_bytes(array.data)


def received(connection: "Connection[Any, Any]") -> Setting:
    """What `tell` sent. Raises OSError, EOFError, ValueError."""
    found = _hear(connection)
    about = found.pop("text", None)
    text = None if about is None else _text(connection, about)
    return Setting(**{**found, "spec": Spec.from_json(found["spec"]), "text": text})


def ask(connection: "Connection[Any, Any]", question: Question) -> None:
    """Raises OSError where nobody is there."""
    folder = question.folder
    found = {
        "candidate": question.candidate.to_json(),
        "rung": question.rung,
        "folder": [str(folder.root), *folder.parts],
        "parents": question.parents,
    }
    _say(connection, found)


def asked(connection: "Connection[Any, Any]") -> Question:
    """What `ask` sent. Raises OSError, EOFError, ValueError."""
    found = _hear(connection)
    root, *parts = found["folder"]
    candidate = Candidate.from_json(found["candidate"])
    place, parents = Folder(Path(root), tuple(parts)), tuple(found["parents"])
    return Question(candidate, found["rung"], place, parents)


def answer(connection: "Connection[Any, Any]", outcome: Outcome | None) -> None:
    """What came of a candidate; None: the process is ready for the first one."""
    _say(connection, None if outcome is None else outcome.to_json())


def heard(connection: "Connection[Any, Any]") -> Outcome | None:
    """What `answer` sent. OSError, EOFError, ValueError: it was something else."""
    found = _hear(connection)
    return None if found is None else Outcome.of(found)


def _say(connection: "Connection[Any, Any]", message: object) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _hear(connection: "Connection[Any, Any]") -> Any:
    return parse_json(connection.recv_bytes(LARGEST).decode())


def _text(connection: "Connection[Any, Any]", about: dict[str, Any]) -> "Text":
    import torch

    from starc.training.text import Text
    from starc.training.tokens import TYPES

    def tensor() -> torch.Tensor:
        found = _hear(connection)
        if string(found["dtype"], "dtype") not in TYPES:
            raise ArtefactError("dtype is none of tokens")
        buffer = bytearray(found["bytes"])
        connection.recv_bytes_into(buffer)
        return torch.frombuffer(buffer, dtype=getattr(torch, found["dtype"]))

    return Text(tensor(), tensor(), **about)
