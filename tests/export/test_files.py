"""What `starc export` writes, and what it refuses: one clear error, nothing written."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from starc import compiler, passes
from starc.backend.render import render
from starc.export import hf
from starc.export.architecture import Architecture
from starc.export.drawn import Drawn
from starc.export.error import ExportError
from starc.export.remote import Folder
from starc.source import Source
from tests.emitted.helpers import load
from tests.emitted.small import SMALL, emitted
from tests.export.full_disk import full_after
from tests.sampled import sampled

MODEL = Architecture.of(Source("lfm2.star", SMALL["lfm2"]))
NAMES = {
    "README.md",
    "config.json",
    "configuration_lfm2.py",
    "generation_config.json",
    "lfm2.star",
    "model.safetensors",
    "modeling_lfm2.py",
}


def weights() -> dict[str, Tensor]:
    """New ones, as the emitted file draws them."""
    torch.manual_seed(0)
    module = load(compiler.compile(MODEL.source, kernels="none"))
    found: dict[str, Tensor] = module.Model().state_dict()
    return found


def tokenizer(folder: Path, tokens: int, config: object = None) -> Path:
    folder.mkdir()
    vocab = {f"t{i}": i for i in range(tokens)}
    table = {"model": {"type": "WordLevel", "vocab": vocab}, "added_tokens": []}
    (folder / "tokenizer.json").write_text(json.dumps(table))
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "stranger.py").write_text("raise SystemExit")
    return folder


def test_files_of_a_folder(tmp_path: Path) -> None:
    """And those of its tokenizer, whose special tokens generation stops at."""
    made = tokenizer(tmp_path / "t", 61, {"eos_token": "t2", "pad_token": "no"})
    hf.export(MODEL, tmp_path / "out", tokenizer=made, remote_code=True)
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == NAMES | {"tokenizer.json", "tokenizer_config.json"}
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert generation["eos_token_id"] == 2 and "pad_token_id" not in generation
    card = (tmp_path / "out" / "README.md").read_text()
    assert 'target_modules = ["bcx_proj", "out_proj"' in card
    assert f"{sum(w.numel() for w in weights().values()):,}" in card


def test_a_card_says_who_serves_it_and_which_liv_they_lack() -> None:
    assert "vLLM and SGLang serve models" in hf.serving(MODEL)
    assert "`conv_0` is a gated conv. `generate`" in hf.serving(MODEL)
    text = SMALL["transformer_pp_125m"]
    attention = Architecture.of(Source("a.star", text))
    assert "a public family, which is exported without code" in hf.serving(attention)


def test_new_weights_are_those_of_the_emitted_file(tmp_path: Path) -> None:
    """Drawn module by module, the same for a seed; written under a module at a time."""
    hf.export(MODEL, tmp_path / "a", seed=3, remote_code=True)
    hf.export(MODEL, tmp_path / "b", seed=3, remote_code=True)
    hf.export(MODEL, tmp_path / "c", seed=4, remote_code=True)
    one, two, other = (load_file(tmp_path / n / "model.safetensors") for n in "abc")
    expected = weights()
    assert {f"model.{name}" for name in expected} == one.keys()
    for name, tensor in expected.items():
        found = one[f"model.{name}"]
        assert found.shape == tensor.shape and torch.equal(found, two[f"model.{name}"])
        assert float(found.std()) == pytest.approx(float(tensor.std()), rel=0.3)
    key = "model.embedding.weight"
    assert not torch.equal(one[key], other[key])


def test_no_more_than_a_module_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: bytes of the tensors held while each block is written."""
    drawn = Drawn(MODEL, 0)
    largest = max(
        sum(t.nbytes for t in module.parameters(recurse=False))
        for module in drawn.model.modules()
    )
    most = 0
    for output in drawn.outputs().values():
        for block in output.blocks:
            held = sum(t.nbytes for t in drawn.held.values()) + block.nbytes
            most = max(most, held)
            assert all(p.is_meta for p in drawn.model.parameters())
    assert largest <= most <= 1.2 * largest


def test_weights_of_a_file(tmp_path: Path) -> None:
    made = weights()
    save_file(made, tmp_path / "w.safetensors")
    hf.export(MODEL, tmp_path / "out", tmp_path / "w.safetensors", remote_code=True)
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert all(torch.equal(found[f"model.{n}"], t) for n, t in made.items())


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _bent(path: Path) -> None:
    save_file(weights() | {"norm.weight": torch.ones(7)}, path)


def _foreign(path: Path) -> None:
    save_file({"wte": torch.ones(2)}, path)


def _whole_numbers(path: Path) -> None:
    save_file(weights() | {"norm.weight": torch.ones(32, dtype=torch.int32)}, path)


def _text(path: Path) -> None:
    path.write_text("no weights, but a text")


WRONG = {
    _cut: "cut off",
    _bent: "norm.weight: is [7], not [32]",
    _foreign: "embedding.weight: is not there",
    _whole_numbers: "norm.weight: is I32",
    _text: "its header is longer than it",
}


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
def test_wrong_weights(spoil: object, tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file(weights(), file)
    spoil(file)  # type: ignore[operator]
    said = WRONG[spoil]  # type: ignore[index]
    with pytest.raises(ExportError) as error:
        hf.export(MODEL, tmp_path / "out", file)
    assert said in str(error.value) and str(file) in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"\x80")
    with pytest.raises(ExportError, match="run code when they are read"):
        hf.export(MODEL, tmp_path / "out", tmp_path / "w.bin")


def test_a_folder_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="is there already"):
        hf.export(MODEL, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_a_tokenizer_larger_than_the_vocabulary(tmp_path: Path) -> None:
    made = tokenizer(tmp_path / "t", 62)
    with pytest.raises(
        ExportError, match="up to number 61, and the model a vocab of 61"
    ):
        hf.export(MODEL, tmp_path / "out", tokenizer=made, remote_code=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": {"vocab": {"a": "b"}}}'])
def test_a_folder_without_a_tokenizer(text: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(ExportError, match="tokenizer.json"):
        hf.export(MODEL, tmp_path / "out", tokenizer=tmp_path)


@pytest.mark.parametrize("count", [0, 1_000, 4_000, 30_000])
@pytest.mark.parametrize("remote", [False, True])
def test_a_full_disk(remote: bool, count: int, tmp_path: Path) -> None:
    """Whichever file does not fit: it is named as in the folder that was asked for."""
    with full_after(count, tmp_path / "out"):
        hf.export(MODEL, tmp_path / "out", remote_code=remote)


def test_names_that_transformers_takes_for_others() -> None:
    text = SMALL["lfm2"].replace("model lfm2", "model my_minimax")
    folder = Folder(Architecture.of(Source("x.star", text)))
    modeling = folder.files("float32", {})["modeling_my_minimax.py"]
    assert "_supports_default_dynamic_cache" in modeling
    compile(modeling, "modeling", "exec")


@pytest.mark.parametrize("name", sampled(sorted(SMALL), ("lfm2", "gemma3n")))
def test_every_name_of_a_modeling_file_is_there(name: str, tmp_path: Path) -> None:
    """Its imports are some of the emitted file's; with the kernels in Triton. Numbers
    that it reads are some of the configuration's."""
    made = Folder(Architecture.of(Source(f"{name}.star", SMALL[name])))
    files = made.files("float32", {})
    for file, text in files.items():
        if file.endswith(".py"):
            (tmp_path / file).write_text(text)
    read = re.findall(r"\bconfig\.(\w+)", files[f"modeling_{name}.py"])
    configuration = files[f"configuration_{name}.py"]
    fields = re.findall(r'^ +"?(\w+)"?:', configuration, re.MULTILINE)
    assert {*read} - {"get_text_config"} <= {*fields}
    rules = ["--isolated", "--select", "F", "--ignore", "F401", "--quiet"]
    call = [sys.executable, "-m", "ruff", "check", *rules, str(tmp_path)]
    found = subprocess.run(call, capture_output=True, text=True)
    assert not found.returncode, found.stdout


def test_states_are_named_as_transformers_does() -> None:
    found = {
        name: [s.layer_type for s in Architecture.of(Source("x", SMALL[name])).states()]
        for name in ("griffin", "kv_sharing", "local_attention", "star_genome")
    }
    assert found["griffin"][:3] == ["linear_attention"] * 2 + ["sliding_attention"]
    assert set(found["local_attention"]) == {"hybrid_sliding"}
    assert set(found["kv_sharing"]) == {"full_attention"}
    assert found["star_genome"][0] == "hybrid"


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_card_tells_linear_layers_from_other_matrices(name: str) -> None:
    """What LoRA may be asked to reach, and what it cannot."""
    found = Architecture.of(Source("x", SMALL[name]))
    made: Any = emitted(name).module.Model()
    linear, others = set(), set()
    for path, module in made.named_modules():
        own = path.split(".")[-1]
        if isinstance(module, nn.Linear):
            linear.add(own)
            continue
        for key, parameter in module.named_parameters(recurse=False):
            if parameter.dim() > 1:
                others.add(own if key == "weight" else key)
    assert set(found.projections()) == linear - {"head"}
    assert set(found.other_matrices()) == others - {"embedding", "positions", "table"}


def test_a_graph_of_decoding_reads_a_length_that_is_a_tensor() -> None:
    """What starc export --to onnx traces: else torch.export asks for the number."""
    model = passes.run(compiler.to_ir(SMALL["lfm2"]))
    for traced in (False, True):
        plan = compiler.plan_of(model, "lfm2.star", kernels="none", traced=traced)
        assert ("isinstance(state.length, Tensor)" in render(plan)) == traced
