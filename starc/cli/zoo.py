"""import, convert, weights and zoo: public models in and out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from starc.cli import streams
from starc.cli.failure import WRONG_INPUT, Failure, needs
from starc.cli.options import (
    File,
    Json,
    Output,
    input_argument,
    input_option,
    is_written,
    option,
    output_option,
)
from starc.cli.streams import STANDARD, read_source

if TYPE_CHECKING:
    from starc.source import Source
    from starc.zoo.opening import Opened

Public = Annotated[
    str,
    input_argument(
        "PATH", "A Hugging Face folder, or its config.json alone; never a network."
    ),
]


def import_(
    path: Public,
    output: Output = STANDARD,
    weights: Annotated[
        str | None,
        option(metavar="OUT", help="Convert the weights too.", callback=is_written),
    ] = None,
) -> None:
    """Write the .star source of a public model, from its configuration.

    What cannot be said exactly is refused with the fields that say it.
    """
    from starc.source import Source
    from starc.zoo.error import ZooError
    from starc.zoo.spelling import source

    found = _opened(path)
    try:
        text = source(found.reading, found.name, found.origin)
    except ZooError as error:
        raise Failure(f"{path}: {error}", WRONG_INPUT) from None
    if weights is not None:
        _convert(found, Source(f"{found.name}.star", text), weights)
    streams.write(output, text)


def convert(
    path: Annotated[
        str,
        input_argument(
            "PATH", "A Hugging Face folder; with --reverse weights of FILE's model."
        ),
    ],
    file: File,
    output: Annotated[str, output_option("OUT", "The safetensors to write.")],
    reverse: Annotated[
        str | None,
        input_option(
            "CONFIG", "Back to the names of this folder, or of this config.json."
        ),
    ] = None,
) -> None:
    """Convert a checkpoint to the weights of the model of FILE, or back.

    Tensors are moved a few rows at a time, bit for bit; what holds a constant of the
    configuration is told.
    """
    source = read_source(file)
    if reverse is None:
        _convert(_opened(path), source, output)
        return
    needs("numpy", "torch", "weights need")
    from starc.zoo import checkpoint
    from starc.zoo.convert import Conversion
    from starc.zoo.error import ZooError

    found = _opened(reverse)
    try:
        conversion = Conversion(found.reading, source)
        folder, name = checkpoint.place(Path(path))
        with checkpoint.opened(folder, name) as ours:
            conversion.backward(ours, _file(output), found.dtype)
    except ZooError as error:
        raise Failure(str(error), WRONG_INPUT) from None
    _tell(found.reading.folds)


def weights(file: File, json: Json = False) -> None:
    """Print what each tensor of the compiled model of FILE is made of."""
    from starc.zoo.weights import as_text
    from starc.zoo.weights import weights as made_of

    found = made_of(read_source(file))
    if json:
        streams.say_json([one.as_json() for one in found])
    else:
        streams.say(as_text(found))


def zoo(json: Json = False) -> None:
    """List the public families: which are imported and exported, what others lack."""
    from starc.zoo.table import as_text, entries

    if json:
        streams.say_json([entry.as_json() for entry in entries()])
    else:
        streams.say(as_text())


def _opened(path: str) -> "Opened":
    from starc.zoo.error import ZooError
    from starc.zoo.opening import open_configuration

    try:
        return open_configuration(Path(path))
    except ZooError as error:
        raise Failure(str(error), WRONG_INPUT) from None


def _convert(found: "Opened", source: "Source", output: str) -> None:
    needs("numpy", "torch", "weights need")
    from starc.zoo.checkpoint import opened
    from starc.zoo.convert import Conversion
    from starc.zoo.error import ZooError

    try:
        conversion = Conversion(found.reading, source)
        with opened(found.folder) as theirs:
            conversion.forward(theirs, _file(output))
    except ZooError as error:
        raise Failure(str(error), WRONG_INPUT) from None
    _tell(found.reading.folds)


def _file(output: str) -> Path:
    if output == STANDARD:
        raise Failure("-o needs the name of a file: weights are not printed")
    path = Path(output)
    if path.exists() and not path.is_file():
        raise Failure(f"{output}: This is no plain file, and weights need one")
    return path


def _tell(folds: tuple[str, ...]) -> None:
    for one in folds:
        streams.tell(f"folded into the weights: {one}")
