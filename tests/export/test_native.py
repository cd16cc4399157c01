"""Folders of public families: transformers' own classes give the emitted logits."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from starc import passes
from starc.cli import zoo
from starc.compiler import to_ir
from starc.export import hf
from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.reference import random_weights
from starc.source import Source
from tests.emitted.helpers import emit
from tests.emitted.small import SMALL
from tests.export.folders import ids
from tests.sampled import sampled

CLASSES = {
    "tiny_hybrid": "Lfm2ForCausalLM",
    "lfm2_350m": "Lfm2ForCausalLM",
    "mamba2": "Mamba2ForCausalLM",
    "transformer_pp_125m": "LlamaForCausalLM",
    "falcon_h1": "FalconH1ForCausalLM",
    "codestral_mamba": "Mamba2ForCausalLM",
}
FEW = sampled(CLASSES, ["tiny_hybrid"])


def architecture(name: str) -> Architecture:
    return Architecture.of(Source(f"{name}.star", SMALL[name]))


@torch.no_grad()
@pytest.mark.parametrize("name", FEW)
def test_logits_of_their_class(name: str, tmp_path: Path) -> None:
    emitted = emit(to_ir(SMALL[name]))
    weights = random_weights(emitted.ir, torch.Generator().manual_seed(0))
    plain = emitted.model(weights, torch.float32).eval()
    save_file(plain.state_dict(), tmp_path / "w.safetensors")
    folder = tmp_path / "out"
    hf.export(architecture(name), folder, tmp_path / "w.safetensors")
    assert not [*folder.glob("*.py")]
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert type(model).__name__ == CLASSES[name]
    x = ids(model, 2, 9)
    torch.testing.assert_close(model(x).logits, plain(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", FEW)
def test_a_folder_comes_back(name: str, tmp_path: Path) -> None:
    """An export is imported and exported again: the same tensors and fields."""
    hf.export(architecture(name), tmp_path / "a")
    star, weights = tmp_path / "b.star", tmp_path / "b.safetensors"
    zoo.import_(str(tmp_path / "a"), str(star), str(weights))
    again = Architecture.of(Source(star.name, star.read_text()))
    hf.export(again, tmp_path / "b", weights)
    one, two = (load_file(tmp_path / n / "model.safetensors") for n in "ab")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[n], two[n]) for n in one)
    first, second = ((tmp_path / n / "config.json").read_text() for n in "ab")
    assert json.loads(first) == json.loads(second)


def test_weights_of_a_folder_with_its_code(tmp_path: Path) -> None:
    """They have the modeling file's names, and are taken."""
    hf.export(architecture("griffin"), tmp_path / "a")
    weights = tmp_path / "a" / "model.safetensors"
    hf.export(architecture("griffin"), tmp_path / "b", weights)
    one, two = (load_file(tmp_path / n / "model.safetensors") for n in "ab")
    assert one.keys() == two.keys() and all(torch.equal(one[n], two[n]) for n in one)


def test_new_weights_are_those_of_the_other_form(tmp_path: Path) -> None:
    hf.export(architecture("tiny_hybrid"), tmp_path / "a")
    hf.export(architecture("tiny_hybrid"), tmp_path / "b", remote_code=True)
    one, two = (load_file(tmp_path / n / "model.safetensors") for n in "ab")
    theirs, ours = "layers.0.feed_forward.w", "blocks.0.mlp_1.gate_up_proj.weight"
    both = torch.cat([one[f"model.{theirs}{i}.weight"] for i in (1, 3)])
    assert torch.equal(both, two[f"model.{ours}"])
    assert {p.name for p in (tmp_path / "a").iterdir()} == {
        *("README.md", "config.json", "generation_config.json"),
        *("model.safetensors", "tiny_hybrid.star"),
    }


def test_what_no_family_has_is_said(tmp_path: Path) -> None:
    said = hf.export(architecture("griffin"), tmp_path / "out")
    assert "No family of `starc zoo` has this architecture" in said
    assert "auto_map" in json.loads((tmp_path / "out" / "config.json").read_text())


def test_wrong_weights_leave_nothing(tmp_path: Path) -> None:
    save_file({"wte": torch.ones(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ExportError, match="weights of another model"):
        hf.export(architecture("mamba2"), tmp_path / "out", tmp_path / "w.safetensors")
    save_file({"model.wte": torch.ones(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ExportError, match="starc import"):
        hf.export(architecture("mamba2"), tmp_path / "out", tmp_path / "w.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_the_ir_that_is_asked_is_that_of_the_source() -> None:
    found = architecture("mamba2")
    assert found.model == passes.run(to_ir(SMALL["mamba2"], "mamba2.star"))
