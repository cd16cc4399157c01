"""export: compiled models in the forms that other people's tools read."""

from pathlib import Path
from typing import Annotated

from starc.choices import EXPORTS
from starc.cli import streams
from starc.cli.failure import WRONG_INPUT, Failure, needs
from starc.cli.options import (
    SEEDS,
    File,
    argument,
    input_option,
    number,
    one_of,
    option,
)
from starc.cli.streams import STANDARD, read_source


def export(
    file: File,
    out: Annotated[
        str, argument("OUT", "The file to write, or the folder, a new one.")
    ],
    to: Annotated[str, one_of(EXPORTS, "--to", "For whom.")] = "hf",
    weights: Annotated[
        str | None,
        input_option(
            "SAFETENSORS", "Of the compiled model; without, new ones are drawn."
        ),
    ] = None,
    tokenizer: Annotated[
        str | None, input_option("FOLDER", "With a tokenizer.json; it goes along.")
    ] = None,
    remote_code: Annotated[
        bool,
        option("--remote-code", help="With its modeling file, for trust_remote_code."),
    ] = False,
    seed: Annotated[int, number("Of new weights.", 0, SEEDS)] = 0,
) -> None:
    """Write the model of FILE for other tools.

    hf: a folder for transformers and what builds on it. Of a public family, where one
    has the architecture, and without code then. torch-export: a .pt2 file that runs
    without Python. onnx: graphs of a prompt and of the token behind it, and their
    weights. gguf: a file for llama.cpp, where it computes the architecture.
    """
    needs("numpy", "torch", "weights need")
    from starc.export import hf
    from starc.export.architecture import Architecture
    from starc.export.error import ExportError

    if out == STANDARD:
        raise Failure("OUT needs the name of a file or a folder: it is not printed")
    if to != "hf" and (tokenizer or remote_code):
        raise Failure(f"--to {to} takes neither --tokenizer nor --remote-code")
    if weights is None:
        needs("torch", "torch")
    architecture = Architecture.of(read_source(file))
    try:
        given = Path(weights) if weights else None
        if to == "torch-export":
            needs("torch", "torch")
            from starc.export import torch_export

            said = torch_export.export(architecture, Path(out), given, seed)
        elif to == "onnx":
            needs("torch", "torch")
            needs("onnxscript", "onnx")
            from starc.export import onnx

            said = onnx.export(architecture, Path(out), given, seed)
        elif to == "gguf":
            needs("gguf", "gguf")
            from starc.export import gguf

            said = gguf.export(architecture, Path(out), given, seed)
        else:
            folder = Path(tokenizer) if tokenizer else None
            said = hf.export(architecture, Path(out), given, folder, seed, remote_code)
    except ExportError as error:
        raise Failure(str(error), WRONG_INPUT) from None
    streams.tell(f"{out}: {said}")
