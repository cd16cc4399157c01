"""A Hugging Face folder: of a public family where one has the architecture, else with
its own modeling file. Needs numpy, and torch where weights are to be drawn."""

from pathlib import Path

from starc.export import native, remote, weights
from starc.export import tokenizer as tokenizers
from starc.export.architecture import Architecture
from starc.export.card import card
from starc.export.folder import new_folder
from starc.zoo.arrays import write
from starc.zoo.error import ZooError
from starc.zoo.recognition import Recognised


def export(
    architecture: Architecture,
    folder: Path,
    weights_file: Path | None = None,
    tokenizer: Path | None = None,
    seed: int = 0,
    remote_code: bool = False,
) -> str:
    """Writes the folder, whole or not at all, and says of which form it is.

    Weights are those of the file, by the emitted model's names, or new ones.
    remote_code: with a modeling file, even where a family has the architecture. Raises
    ExportError, OSError.
    """
    found = None
    if tokenizer is not None:
        found = tokenizers.read(tokenizer, architecture.model.vocab)
    ids = found.ids if found else {}
    family: Recognised | None = None
    said = "with its modeling file, as was asked"
    if not remote_code:
        try:
            family = native.recognised(architecture)
            said = f"as {native.title(family)}, without code"
        except ZooError as error:
            said = f"with its modeling file. {error}"
    with (
        new_folder(folder) as written,
        weights.of(architecture, weights_file, seed) as outputs,
    ):
        dtype = remote.dtype_of(outputs)
        file = written / remote.WEIGHTS
        if family is None:
            form = remote.Folder(architecture)
            renamed = {remote.tensor_name(n): one for n, one in outputs.items()}
            write(file, renamed)
            texts = form.files(dtype, ids)
            load, notes = LOAD_REMOTE, [*NOTES_REMOTE, serving(architecture)]
        else:
            native.write_weights(architecture, family, outputs, weights_file, file)
            texts = native.texts(architecture, family, dtype, ids)
            load, notes = LOAD, [f"The configuration is {native.title(family)}'s."]
        call = f"starc export {architecture.name}.star {architecture.name}"
        call += " --remote-code" if remote_code else ""
        texts["README.md"] = card(architecture, call, load, notes)
        for name, text in texts.items():
            (written / name).write_text(text, "utf-8")
        for name, data in (found.files if found else {}).items():
            (written / name).write_bytes(data)
    return said


def serving(architecture: Architecture) -> str:
    """Why engines that replace the attention of a model do not serve a folder with a
    modeling file, by the LIV, and what does."""
    engines = "vLLM and SGLang serve models of transformers whose mixers are attention"
    way = "`generate` and `transformers serve` take it."
    for liv in architecture.mixers():
        if liv.operator.kind != "attention":
            kind = liv.operator.kind.replace("_", " ")
            return f"{engines}; `{liv.label}` is a {kind}. {way}"
    return (
        f"{engines}, and put their own in its place; here the modeling file computes "
        "it. They know the architecture of a public family, which is exported without "
        f"code. {way}"
    )


LOAD = """\
```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(folder)
```

`folder` is this one; nothing in it is code."""

LOAD_REMOTE = """\
```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
```

`folder` is this one. Its modeling file runs as code: read it, and pin the revision that
you have read."""

NOTES_REMOTE = [
    f"Written for transformers {remote.TRANSFORMERS}: `generate` (greedy, sampling, "
    "beams), PEFT, TRL, Trainer, lm-eval and torchao.",
    "Padded rows: tokens that `attention_mask` leaves out are not computed, wherever "
    "they stand, so that a row's answer does not depend on its neighbours.",
    "Packed rows: `cu_seq_lens_q`, or `position_ids` that begin again; each sequence "
    "is computed alone.",
    "The cache is a `DynamicCache` with a layer for each layer here that keeps "
    "something. It cannot be cropped, so that assisted generation is refused.",
    "Decays and step sizes stay in float32 when the model is loaded in 16 bits.",
]
