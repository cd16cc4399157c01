"""A Hugging Face folder. Needs numpy, and torch where weights are to be drawn."""

from pathlib import Path

from starc.export import tokenizer as tokenizers
from starc.export import weights
from starc.export.architecture import Architecture
from starc.export.card import card
from starc.export.folder import new_folder
from starc.export.remote import TRANSFORMERS, Folder, dtype_of, tensor_name
from starc.zoo.arrays import write


def export(
    architecture: Architecture,
    folder: Path,
    weights_file: Path | None = None,
    tokenizer: Path | None = None,
    seed: int = 0,
) -> None:
    """Writes the folder, whole or not at all. Raises ExportError, OSError.

    Weights are those of the file, by the emitted model's names, or new ones.
    """
    found = None
    if tokenizer is not None:
        found = tokenizers.read(tokenizer, architecture.model.vocab)
    form = Folder(architecture)
    with (
        new_folder(folder) as written,
        weights.of(architecture, weights_file, seed) as outputs,
    ):
        write(
            written / "model.safetensors",
            {tensor_name(name): output for name, output in outputs.items()},
        )
        texts = form.files(dtype_of(outputs), found.ids if found else {})
        texts["README.md"] = card(architecture, _call(form), LOAD, NOTES)
        for name, text in texts.items():
            (written / name).write_text(text, "utf-8")
        for name, data in (found.files if found else {}).items():
            (written / name).write_bytes(data)


def _call(form: Folder) -> str:
    return f"starc export {form.module}.star {form.module} --to hf --remote-code"


LOAD = """\
```python
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
```

`folder` is this one. Its modeling file runs as code: read it, and pin the revision that
you have read."""

NOTES = [
    f"Written for transformers {TRANSFORMERS}: `generate` (greedy, sampling, beams), "
    "PEFT, TRL, Trainer, lm-eval and torchao.",
    "Padded rows: tokens that `attention_mask` leaves out are not computed, wherever "
    "they stand, so that a row's answer does not depend on its neighbours.",
    "Packed rows: `cu_seq_lens_q`, or `position_ids` that begin again; each sequence "
    "is computed alone.",
    "The cache is a `DynamicCache` with a layer for each layer here that keeps "
    "something. It cannot be cropped, so that assisted generation is refused.",
    "Decays and step sizes stay in float32 when the model is loaded in 16 bits.",
]
