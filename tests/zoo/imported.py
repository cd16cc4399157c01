"""Configurations and weights of transformers, imported and converted to a model."""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers.core_model_loading import revert_weight_conversion

from starc.backend import render as rendering
from starc.backend.plan import Plan
from starc.folders import Folder
from starc.source import Source
from starc.zoo.checkpoint import opened
from starc.zoo.convert import Conversion
from starc.zoo.reading import read
from starc.zoo.rows import unused
from starc.zoo.spelling import source
from tests.emitted.helpers import load


@dataclass(frozen=True)
class Imported:
    """text: the source. model: emitted, with the weights that starc converted."""

    text: str
    model: Any
    conversion: Conversion


def as_json(config: Any, whole: bool) -> Any:
    """A configuration as a file holds it; whole: fields at their defaults too."""
    return json.loads(config.to_json_string(use_diff=not whole))


def from_json(config: dict[str, Any]) -> Any:
    """The configuration that transformers makes of a file that holds this."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        return transformers.AutoConfig.from_pretrained(folder)


def checkpoint_of(model: Any) -> dict[str, Tensor]:
    """Its tensors as `save_pretrained` writes them: a tied head is left out, and of a
    block that several layers have all but the first."""
    tied = model.config.tie_word_embeddings
    left_out = ("lm_head.weight", "embed_out.weight") if tied else ()
    tensors: dict[str, Tensor] = {}
    held: set[tuple[int, tuple[int, ...]]] = set()
    for name, tensor in published(model).items():
        place = tensor.data_ptr(), tuple(tensor.shape)
        if name not in left_out and place not in held:
            tensors[name] = tensor.contiguous()
            held.add(place)
    return tensors


def published(model: Any) -> dict[str, Tensor]:
    """Its tensors by the names of files; what transformers does not take back itself.

    Of delta rules it divides the convolution into thirds, whatever the widths of q, k
    and v, and of layers without them it renames norms and MLPs too.
    """
    kind = model.config.model_type
    if kind not in ("olmo_hybrid", "kimi_linear"):
        found: dict[str, Tensor] = revert_weight_conversion(model, model.state_dict())
        return found
    tensors = {}
    for name, tensor in revert_weight_conversion(model, model.state_dict()).items():
        name = re.sub(r"block_sparse_moe\.(gate|up|down)_proj", r"mlp.\1_proj", name)
        if "conv1d" not in name:
            tensors[name] = tensor
    for name, tensor in model.state_dict().items():
        layer, _, rest = name.partition(".conv1d.weight")
        if layer != name and not rest:
            parts = [model.get_parameter(f"{layer}.{g}_proj.weight") for g in "qkv"]
            split = tensor.split([len(part) for part in parts])
            for g, taps in zip("qkv", split, strict=True):
                tensors[f"{layer}.{g}_conv1d.weight"] = taps
    for depth, layer in enumerate(model.config.layer_types):
        wrong = f"model.layers.{depth}.feedforward_layer_norm.weight"
        if layer == "full_attention" and wrong in tensors:
            right = wrong.replace("feedforward_layer_norm", "post_attention_layernorm")
            tensors[right] = tensors.pop(wrong)
    return tensors


def imported(config: Any, theirs: dict[str, Tensor], folder: Path) -> Imported:
    """config: JSON. theirs: of their checkpoint, in any dtype; ours has the same.

    Both are in the folder, as `model.safetensors` and `ours.safetensors`.
    """
    reading = read(config)
    text = source(reading, "m")
    conversion = Conversion(reading, Source("m.star", text))
    assert not [r.theirs for r in conversion.rows if unused(reading, r.theirs)]
    save_file(theirs, folder / "model.safetensors")
    with opened(Folder(folder)) as tensors:
        conversion.forward(tensors, folder / "ours.safetensors")
    model = emitted(conversion.plan)
    model.load_state_dict(load_file(folder / "ours.safetensors"))
    return Imported(text, model.eval(), conversion)


def converted_back(conversion: Conversion, folder: Path) -> dict[str, Tensor]:
    """Their tensors, made of `ours.safetensors`, whose dtype all of them have."""
    with opened(Folder(folder), "ours.safetensors") as tensors:
        kind = next(iter(tensors.values())).kind
        conversion.backward(tensors, folder / "back.safetensors", kind)
    return load_file(folder / "back.safetensors")


def emitted(plan: Plan) -> Any:
    """A new model of the emitted file, in float64. Without Triton: there is no GPU."""
    with mock.patch.object(rendering, "tidy", lambda text: text):  # black's time
        text = rendering.render(plan)
    return getattr(load(text), plan.model)().to(torch.float64)
