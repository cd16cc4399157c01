"""A folder or a file that a person named: its configuration, and where weights are."""

from pathlib import Path

from starc.artefacts import ArtefactError
from starc.folders import Folder
from starc.values import dataclass
from starc.zoo.error import ZooError
from starc.zoo.family import Reading
from starc.zoo.reading import read
from starc.zoo.spelling import model_name

CONFIGURATION = "config.json"


@dataclass(frozen=True)
class Opened:
    """folder: where the weights would be. dtype: of the checkpoint, if it says so."""

    folder: Folder
    reading: Reading
    name: str
    origin: str
    dtype: str


_KINDS = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
}


def open_configuration(path: Path) -> Opened:
    """Of a folder, or of a `config.json` alone. Raises ZooError, OSError."""
    whole = path.is_dir()
    folder = Folder(path if whole else path.parent)
    file = CONFIGURATION if whole else path.name
    try:
        config = folder.read_json(file)
    except ArtefactError as error:
        raise ZooError(str(error)) from None
    try:
        reading = read(config)
    except ZooError as error:
        raise ZooError(f"{folder.path / file}: {error.what}", error.lines) from None
    named = folder.path.resolve().name if whole else ""
    dtype = config.get("dtype") or config.get("torch_dtype")
    return Opened(
        folder,
        reading,
        model_name(named, reading.family.name),
        "".join(c if c.isascii() and c.isprintable() else "?" for c in named[:60]),
        _KINDS.get(dtype, "F32") if isinstance(dtype, str) else "F32",
    )
