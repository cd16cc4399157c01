"""GGUF: gguf's reader finds what llama.cpp's converter names, and the engine, where it
is installed, goes on with the tokens of the emitted model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from starc.compiler import to_ir
from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.reference import random_weights
from starc.source import Source
from tests.emitted.helpers import emit
from tests.emitted.small import SMALL
from tests.export.full_disk import full_after

gguf = pytest.importorskip("gguf")

HEAD = "width = 64; vocab = 96; context = 64"
ATTENTION = "GQA(heads = 4, kv_heads = 2"

LLAMA = f"""
model llama {{ {HEAD}; tied = false }}
backbone {{ 2 x {{ {ATTENTION}); SwiGLU(hidden = 96) }} }}
"""
MODELS = {
    "llama": LLAMA,
    "llama_31": LLAMA.replace(
        "tied",
        "positions = rope(theta = 500000, scaling = llama3, factor = 8, context = 16, "
        "slow = 1, fast = 4); tied",
    ),
    "llama_biases": LLAMA.replace(
        "kv_heads = 2", "kv_heads = 2, bias = true, out_bias = true"
    ),
    "qwen2": LLAMA.replace("kv_heads = 2", "kv_heads = 2, bias = true"),
    "qwen3": LLAMA.replace(
        "kv_heads = 2", "kv_heads = 2, head_dim = 32, qk_norm = true"
    ),
    "lfm2": SMALL["lfm2_350m"],
    "mamba": SMALL["mamba"],
    "mamba2": SMALL["mamba2"],
    "gemma2": SMALL["gemma2"].replace("scale = 1/16", "scale = 1/4"),
    "olmo2": f"""
model olmo2 {{ {HEAD}; placement = post }}
backbone {{ 2 x {{ {ATTENTION}, qk_norm = full); SwiGLU(hidden = 96) }} }}
""",
    "olmo3": f"""
model olmo3 {{ {HEAD}; placement = post }}
backbone {{
  3 x {{ {ATTENTION}, qk_norm = full, window = 4); SwiGLU(hidden = 96) }}
  {ATTENTION}, qk_norm = full); SwiGLU(hidden = 96)
}}
""",
    "gemma": f"""
model gemma {{ {HEAD}; embedding_scale = sqrt_width }}
backbone {{ 2 x {{ {ATTENTION}); GeGLU(hidden = 96) }} }}
""",
    "gemma3": f"""
model gemma3 {{ {HEAD}; embedding_scale = sqrt_width; placement = sandwich;
                positions = rope(theta = 1e6) }}
liv near = {ATTENTION}, scale = 1/4, qk_norm = true, rope_theta = 1e4, window = 4)
backbone {{
  5 x {{ near; GeGLU(hidden = 96) }}
  {ATTENTION}, scale = 1/4, qk_norm = true); GeGLU(hidden = 96)
}}
""",
    "falcon_mamba": f"""
model falcon_mamba {{ {HEAD} }}
backbone {{ 2 x {{ Mamba-1(kernel = 4, norm_eps = 1e-5, norms = weightless) }} }}
""",
}
NAMES = {
    "llama": [
        *("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output"),
        *("ffn_norm", "ffn_gate", "ffn_up", "ffn_down"),
    ],
    "mamba2": [
        *("attn_norm", "ssm_in", "ssm_conv1d", "ssm_norm", "ssm_out"),
        *("ssm_a", "ssm_d", "ssm_dt.bias", "ssm_conv1d.bias"),
    ],
}
"""Of a layer, as llama.cpp's converter wrote them for such a model."""


def architecture(name: str, text: str = "") -> Architecture:
    return Architecture.of(Source(f"{name}.star", text or MODELS[name]))


def weights(name: str, file: Path) -> Any:
    """Such that every number matters; the emitted model that has them."""
    emitted = emit(to_ir(MODELS[name]))
    drawn = random_weights(emitted.ir, torch.Generator().manual_seed(0))
    model = emitted.model(drawn, torch.float32).eval()
    save_file(model.state_dict(), file)
    return model


def written(name: str, folder: Path, file: Path | None = None) -> Path:
    from starc.export import gguf

    out = folder / "m.gguf"
    gguf.export(architecture(name), out, file, 0)
    return out


@pytest.mark.parametrize("count", [0, 1_000, 4_000, 60_000])
def test_a_full_disk(count: int, tmp_path: Path) -> None:
    """Also where what it is made from does not fit."""
    with full_after(count, tmp_path / "m.gguf"):
        written("llama", tmp_path)


@pytest.mark.parametrize("name", ["llama", "mamba2"])
def test_names_of_tensors_and_metadata(name: str, tmp_path: Path) -> None:
    reader = gguf.GGUFReader(written(name, tmp_path))
    layers = {
        f"blk.{i}.{one if one in ('ssm_a', 'ssm_d') or '.' in one else f'{one}.weight'}"
        for i in range(2)
        for one in NAMES[name]
    }
    around = {"token_embd.weight", "output_norm.weight"}
    around |= {"output.weight"} if name == "llama" else set()
    assert {tensor.name for tensor in reader.tensors} == layers | around
    said = {key: field.contents() for key, field in reader.fields.items()}
    model = architecture(name).model
    assert said["general.architecture"] == name
    assert said["tokenizer.ggml.model"] == "none"
    assert said[f"{name}.vocab_size"] == model.vocab
    assert said[f"{name}.block_count"] == 2
    assert said[f"{name}.context_length"] == model.context
    if name == "llama":
        assert said["llama.attention.head_count"] == 4
        assert said["llama.attention.head_count_kv"] == 2
        assert said["llama.rope.dimension_count"] == 16
    else:
        assert said["mamba2.ssm.group_count"] == 1
        assert said["mamba2.ssm.inner_size"] == 128


def test_numbers_of_tensors(tmp_path: Path) -> None:
    """Rows of q by pairs that turn; rates, not their logarithms; else as they were."""
    model = weights("llama", tmp_path / "w.safetensors")
    reader = gguf.GGUFReader(written("llama", tmp_path, tmp_path / "w.safetensors"))
    found = {tensor.name: tensor.data for tensor in reader.tensors}
    state = {name: one.numpy() for name, one in model.state_dict().items()}
    np.testing.assert_array_equal(found["token_embd.weight"], state["embedding.weight"])
    qkv = next(one for name, one in state.items() if name.endswith("qkv_proj.weight"))
    halves = qkv[:16]  # of the first head
    beside = np.stack((halves[:8], halves[8:]), axis=1).reshape(16, -1)
    np.testing.assert_array_equal(found["blk.0.attn_q.weight"][:16], beside)
    np.testing.assert_array_equal(found["blk.0.attn_v.weight"], qkv[-32:])

    model = weights("mamba2", tmp_path / "w.safetensors")
    reader = gguf.GGUFReader(written("mamba2", tmp_path, tmp_path / "w.safetensors"))
    found = {tensor.name: tensor.data for tensor in reader.tensors}
    logs = next(one for n, one in model.state_dict().items() if n.endswith("a_log"))
    np.testing.assert_allclose(
        found["blk.0.ssm_a"][:, 0], -np.exp(logs.numpy()), rtol=1e-6
    )


def test_16_bits_stay_16_bits(tmp_path: Path) -> None:
    """Matrices as they are; what the engine reads in float32 alone, in that."""
    model = weights("mamba2", tmp_path / "w.safetensors").bfloat16()
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    reader = gguf.GGUFReader(written("mamba2", tmp_path, tmp_path / "w.safetensors"))
    kinds = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
    assert kinds["blk.0.ssm_in.weight"] == kinds["token_embd.weight"] == "BF16"
    assert kinds["blk.0.ssm_a"] == kinds["blk.0.ssm_conv1d.weight"] == "F32"
    assert kinds["blk.1.attn_norm.weight"] == "F32"


REFUSED = {
    "no family": (SMALL["griffin"], "llama.cpp computes no such architecture"),
    "another family": (SMALL["gpt2"], "GPT-2 is not written as GGUF; these are"),
    "window": (
        LLAMA.replace("kv_heads = 2", "kv_heads = 2, window = 8"),
        "attn_0: window is 8, there 0",
    ),
    "biases": (
        MODELS["qwen3"].replace("qk_norm", "bias = true, out_bias = true, qk_norm"),
        "attn_0: out_bias is true, there false",
    ),
    "part of a head": (
        LLAMA.replace("tied", "positions = rope(fraction = 1/2); tied"),
        "rope turns 8 channels of a head, there all",
    ),
    "scores": (SMALL["gemma2"], "scale is 0.0625, there 1 / sqrt\\(16\\)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_the_liv_and_a_way_out(what: str, tmp_path: Path) -> None:
    from starc.export import gguf

    text, said = REFUSED[what]
    with pytest.raises(ExportError, match=said) as refused:
        gguf.export(architecture("m", text), tmp_path / "m.gguf", None, 0)
    assert "--to hf" in str(refused.value)
    assert not [*tmp_path.iterdir()]


def test_wrong_weights_leave_nothing(tmp_path: Path) -> None:
    save_file({"wte": torch.ones(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ExportError, match="weights of another model"):
        written("llama", tmp_path, tmp_path / "w.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_engine_goes_on_with_the_same_tokens(name: str, tmp_path: Path) -> None:
    """And its logits of a prompt are those of the emitted model."""
    engine = pytest.importorskip("llama_cpp", reason="make test-llama-cpp builds it")
    model = weights(name, tmp_path / "w.safetensors")
    out = written(name, tmp_path, tmp_path / "w.safetensors")
    llama = engine.Llama(
        str(out), n_ctx=64, n_threads=1, logits_all=True, verbose=False
    )
    vocab = architecture(name).model.vocab
    prompt = torch.randint(1, vocab, (1, 9), generator=torch.manual_seed(0))
    llama.eval(prompt[0].tolist())
    found = torch.from_numpy(llama.scores[:9].copy())
    expected = model(prompt)[0]
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3 * scale)
    expected = model.generate(prompt, 12, temperature=0).tokens[0, 9:].tolist()
    made: list[int] = []
    for _ in range(12):
        made.append(int(np.argmax(llama.scores[llama.n_tokens - 1])))
        llama.eval(made[-1:])
    assert made == expected
