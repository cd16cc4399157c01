"""A Hugging Face folder of a public family: its own configuration and tensor names, so
that nothing in it is code."""

from pathlib import Path

from starc import __version__, files
from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.export.remote import TRANSFORMERS, as_json
from starc.zoo.arrays import Output, write
from starc.zoo.checkpoint import opened, place
from starc.zoo.convert import Conversion
from starc.zoo.error import ZooError
from starc.zoo.families import family
from starc.zoo.recognition import Recognised, recognise

DRAWN = ".drawn.safetensors"
"""New weights by the emitted model's names, for as long as a folder is made of them."""


def recognised(architecture: Architecture) -> Recognised:
    """Raises ZooError, with what the nearest family lacks."""
    return recognise(architecture.model)


def texts(
    architecture: Architecture, found: Recognised, dtype: str, ids: dict[str, int]
) -> dict[str, str]:
    """Name -> text of all files but the weights, the card and the tokenizer."""
    config = {
        **found.config,
        **ids,
        "dtype": dtype,
        "transformers_version": TRANSFORMERS,
        "starc_version": __version__,
    }
    generation = {
        "_from_model_config": True,
        **ids,
        "transformers_version": TRANSFORMERS,
    }
    return {
        "config.json": as_json(config),
        "generation_config.json": as_json(generation),
        f"{architecture.name}.star": architecture.source.text,
    }


def write_weights(
    architecture: Architecture,
    found: Recognised,
    outputs: dict[str, Output],
    weights: Path | None,
    path: Path,
) -> None:
    """By the family's names: of the file, or of the outputs. ExportError, OSError."""
    drawn = path.with_name(DRAWN)
    try:
        if weights is None:
            with files.hidden(drawn, path):
                write(drawn, outputs)
        folder, name = place(weights or drawn)
        with opened(folder, name) as entries:
            conversion = Conversion(found.reading, architecture.source)
            conversion.backward(entries, path)
    except ZooError as error:
        raise ExportError(str(error)) from None
    finally:
        drawn.unlink(missing_ok=True)


def title(found: Recognised) -> str:
    return family(found.family).title
