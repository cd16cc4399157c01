"""The emitted LFM2-350M on a GPU, and transformers': a token, a training step."""

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starc.backend.vendor import kernel_text, with_siblings

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "lfm2_350m.py"
Row = dict[str, Any]


def source() -> str:
    """The emitted file, made without the compiler's libraries: golden and kernels."""
    golden = GOLDEN.read_text().rstrip("\n")
    names = sorted(path.stem for path in (ROOT / "kernels").glob("*.py"))
    used = [name for name in names if re.search(rf"\b{name}\w*\(", golden)]
    return "\n\n\n".join([golden, *map(kernel_text, with_siblings(used))]) + "\n"


def emitted(device: str = "cuda") -> nn.Module:
    """The emitted LFM2-350M with random weights in bfloat16."""
    path = ROOT / "build" / "lfm2_350m.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(source())
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    with torch.device(device):
        model: nn.Module = module.Model()
    return model.to(torch.bfloat16)


def of_transformers(device: str = "cuda") -> nn.Module:
    """Lfm2ForCausalLM of the same shape, with random weights."""
    from transformers import Lfm2Config, Lfm2ForCausalLM

    attention = {2, 5, 8, 10, 12, 14}
    config = Lfm2Config(
        vocab_size=65_536,
        hidden_size=1024,
        intermediate_size=4608,
        num_hidden_layers=16,
        num_attention_heads=16,
        num_key_value_heads=8,
        block_auto_adjust_ff_dim=False,
        layer_types=["full_attention" if n in attention else "conv" for n in range(16)],
        attn_implementation="sdpa",
    )
    with torch.device(device):
        model: nn.Module = Lfm2ForCausalLM(config)
    return model.to(torch.bfloat16)


def decode(machine: Any, timer: Any, more: int = 32) -> list[Row]:
    """A token at batch 1: `more` tokens' time, that of the prompt taken off."""
    model = emitted().eval()
    prompt = torch.randint(0, 1000, (1, 16), device="cuda")

    def ours(tokens: int) -> Tensor:
        return model.generate(prompt, tokens, temperature=0.0)

    ms = _token(ours, timer, more)
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    alike = _graph_alike(prompt)
    floor = 1e3 * weights / machine.bytes_per_second
    peers: Row = {}
    try:
        other = of_transformers().eval()

        def theirs(tokens: int) -> Tensor:
            return other.generate(
                prompt, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False
            )

        slower = _token(theirs, timer, more)
        peers["transformers eager"] = {
            "ms": slower,
            "speedup": slower / ms,
            "asked": 5,
        }
    except Exception as problem:  # theirs, not ours: said in the result
        peers["transformers eager"] = {"missing": f"{problem!r}"[:200]}
    row = _row("LFM2-350M, one token", "decode", ms, floor, 1.5, peers)
    return [row | {"graph_gives_plain_tokens": alike}]


@torch.no_grad()
def _graph_alike(prompt: Tensor, more: int = 32) -> bool:
    """Whether replays of a CUDA graph give the tokens that calls give, in float32."""
    model = emitted(prompt.device.type).float()
    tokens, cache = prompt, model.new_cache(1, prompt.shape[1] + more)
    new = tokens
    for _ in range(more):
        new = model(new, cache)[:, -1:].argmax(dim=-1)
        tokens = torch.cat((tokens, new), dim=1)
    return torch.equal(tokens, model.generate(prompt, more, temperature=0.0))


def _token(generate: Callable[[int], Tensor], timer: Any, more: int) -> float:
    long = timer.milliseconds(lambda: generate(8 + more))
    short = timer.milliseconds(lambda: generate(8))
    return (long - short) / more


def training(machine: Any, timer: Any, batch: int = 8, length: int = 4096) -> list[Row]:
    """Forward and backward of 8 x 4096 tokens, both compiled; and their peak memory.

    The floor is 6 operations a parameter and token at the measured matmul rate.
    """
    tokens = torch.randint(0, 65_536, (batch, length), device="cuda")

    def step(model: nn.Module, logits: Callable[[Tensor], Tensor]) -> tuple[float, int]:
        def run() -> None:
            out = logits(tokens)[:, :-1].flatten(0, 1)
            F.cross_entropy(out, tokens[:, 1:].flatten()).backward()
            model.zero_grad(set_to_none=True)

        torch.cuda.reset_peak_memory_stats()
        ms = timer.milliseconds(run)
        return ms, torch.cuda.max_memory_allocated()

    model = emitted().train()
    parameters = sum(p.numel() for p in model.parameters())
    ms, peak = step(model, torch.compile(model))
    floor = 1e3 * 6 * parameters * batch * length / machine.flops_per_second
    del model
    torch.cuda.empty_cache()
    peers: Row = {}
    try:
        other = of_transformers().train()
        compiled = torch.compile(other)
        slower, memory = step(
            other, lambda tokens: compiled(tokens, use_cache=False).logits
        )
        peers["transformers compiled"] = {
            "ms": slower,
            "speedup": slower / ms,
            "asked": 1.2,
            "peak_bytes": memory,
        }
    except Exception as problem:  # theirs, not ours: said in the result
        peers["transformers compiled"] = {"missing": f"{problem!r}"[:200]}
    row = _row("LFM2-350M, 8 x 4096", "training", ms, floor, None, peers)
    return [row | {"peak_bytes": peak}]


def _row(
    name: str, kind: str, ms: float, floor: float, asked: float | None, peers: Row
) -> Row:
    return {
        "kernel": name,
        "pass": kind,
        "ms": ms,
        "floor_ms": floor,
        "ratio": ms / floor,
        "asked": asked,
        "reached": asked is None or ms / floor <= asked,
        "peers": peers,
    }
