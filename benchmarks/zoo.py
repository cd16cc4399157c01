"""Emitted models of public families against transformers, on a CPU.

    python -m benchmarks.zoo [--threads 1] [--rounds 5] [--tokens 24] [--clock wall]

One small configuration of each family that `starc import` reads: four layers or so,
random weights, converted as `starc convert` does; in float32 and eager, theirs with
sdpa and its own cache. Logits are compared first, of a prompt and of tokens after it,
and the two sides take turns. Prefill is a prompt of 512 tokens into an empty cache,
decode one token after it, train a forward and backward pass over 512 tokens. A ratio is
theirs / ours of the medians of one run; more than 1 is for the emitted model. `low` and
`high` are the quartiles of the ratios of single rounds: what a ratio may be by chance.
Peak is what a training pass has in tensors at most, beside what was there before; it is
counted, not measured. On a loaded machine take `--threads 1 --clock cpu`, processor
time. Where a prompt takes theirs a second, which goes token by token then, there is one
round. Writes benchmarks/results/zoo.json after each family, with the load; families
that are named are measured anew, the others stay as they are there.
"""

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from transformers import DynamicCache

from benchmarks import cpu, lfm2, machine
from starc.folders import Folder
from starc.source import Source
from starc.zoo.checkpoint import opened
from starc.zoo.convert import Conversion
from starc.zoo.families import NAMES, family
from starc.zoo.reading import read
from starc.zoo.spelling import source
from tests.zoo.imported import checkpoint_of

RESULTS = Path(__file__).parent / "results" / "zoo.json"
PARTS = ("prefill", "decode", "train", "peak")
VOCAB, PROMPT, COMPARED, SAME = 8192, 512, 160, 1e-4
SLOW = 1.0
"""Seconds of a prompt from which on one pass is enough: theirs goes token by token."""

SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "n_embd"), 256),
    **dict.fromkeys(("num_hidden_layers", "n_layer"), 4),
    **dict.fromkeys(("num_attention_heads", "n_head"), 8),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 2048),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads", "num_heads"), 8),
    **dict.fromkeys(("mamba_d_state", "ssm_state_size", "state_size"), 16),
    **dict.fromkeys(("mamba_n_groups", "n_groups"), 1),
    **dict.fromkeys(("sliding_window", "attention_window_size"), 128),
    **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), None),
    "vocab_size": VOCAB,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "intermediate_size": 768,
    "shared_intermediate_size": 768,
    "query_pre_attn_scalar": 32,
    "mamba_head_dim": 64,
    "mamba_d_ssm": 512,
    **dict.fromkeys(("n_routed_experts", "num_experts", "num_local_experts"), 8),
    **dict.fromkeys(("n_group", "topk_group", "first_k_dense_replace"), 1),
    **dict.fromkeys(("qk_nope_head_dim", "v_head_dim"), 32),
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 256,
    "q_lora_rank": 96,
    "kv_lora_rank": 64,
    "qk_rope_head_dim": 16,
}
"""By the fields that families have."""

FULL, SLIDING, LINEAR = "full_attention", "sliding_attention", "linear_attention"
OWN: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1, 3]},
    "dots1": {"n_shared_experts": 1},
    "deepseek_v2": {"num_key_value_heads": 8, "head_dim": 16},
    "deepseek_v3": {"num_key_value_heads": 8, "head_dim": 16},
    "gemma3n_text": {
        "layer_types": [SLIDING, FULL] * 2,
        "num_kv_shared_layers": 2,
        "vocab_size_per_layer_input": VOCAB,
        "hidden_size_per_layer_input": 32,
    },
    "granitemoehybrid": {"num_local_experts": 0, "layer_types": [LINEAR, FULL] * 2},
    "jamba": {"num_experts": 1, "attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2": {"layer_types": ["conv", FULL] * 2, "block_auto_adjust_ff_dim": False},
    "lfm2_moe": {"layer_types": ["conv", FULL] * 2, "num_dense_layers": 1},
    "lfm3": {"layer_types": ["conv", FULL, "conv", SLIDING]},
    "mamba2": {"head_dim": 64},
    "kimi_linear": {
        "layer_types": [LINEAR, FULL] * 2,
        "num_key_value_heads": 8,
    },
    "zamba2": {
        "head_dim": 64,
        "layers_block_type": [LINEAR, "hybrid"] * 2,
        "n_mamba_heads": 8,
        "num_key_value_heads": 8,
        "adapter_rank": 16,
    },
    "nemotron_h": {"layers_block_type": [LINEAR, "mlp", FULL, "mlp"]},
    "xlstm": {"use_cache": False},  # else it writes over what its gradients need
}
"""What else a family needs to have all of its layers in four."""

Sides = dict[str, Callable[[], object]]


def configuration(name: str) -> dict[str, Any]:
    """A small one, as a file would hold it."""
    known = {*family(name).fields, "bos_token_id", "eos_token_id", "pad_token_id"}
    sizes = {field: value for field, value in SIZES.items() if field in known}
    return {"model_type": name, **sizes, **OWN.get(name, {})}


def of_transformers(config: dict[str, Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        made = transformers.AutoConfig.from_pretrained(folder)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(made)
    return model.float().eval()


def of_starc(config: dict[str, Any], theirs: Any) -> lfm2.Emitted:
    """The emitted model with the weights of theirs."""
    reading = read(config)
    text = source(reading, reading.family.name)
    conversion = Conversion(reading, Source("m.star", text))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        save_file(checkpoint_of(theirs), folder / "model.safetensors")
        with opened(Folder(folder)) as there:
            conversion.forward(there, folder / "ours.safetensors")
        weights = load_file(folder / "ours.safetensors")
    model = lfm2.emitted(text)
    model.load_state_dict(weights)
    return model


def train(model: nn.Module, tokens: Tensor) -> None:
    """Forward and backward over all tokens, without an optimizer."""
    found = model(tokens)
    logits = found if isinstance(found, Tensor) else found.logits
    targets = tokens[:, 1:].flatten()
    nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), targets).backward()
    model.zero_grad(set_to_none=True)


def peak_megabytes(call: Callable[[], object]) -> float:
    """What a call has in tensors at most, beside what was there before."""
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        call()
    results: Any = found.profiler
    changes: list[tuple[int, int]] = [
        (event.start_ns(), event.nbytes())
        for event in results.kineto_results.events()
        if event.name() == "[memory]"
    ]
    most: int = max(accumulate(size for _, size in sorted(changes)))
    return most / 2**20


def in_turns(rounds: Iterable[Sides], now: Callable[[], float]) -> dict[str, float]:
    """The medians of each side in milliseconds; theirs / ours, and its quartiles."""
    times = [
        {side: 1e3 * machine.timed(call, now) for side, call in calls.items()}
        for calls in rounds
    ]
    ours, theirs = (
        statistics.median(one[side] for one in times) for side in ("ours", "theirs")
    )
    each = [one["theirs"] / one["ours"] for one in times]
    low, _, high = statistics.quantiles(each * 2, n=4)
    numbers = {"ratio": theirs / ours, "low": low, "high": high}
    found = {"ours_ms": ours, "theirs_ms": theirs, **numbers}
    return {key: round(value, 2) for key, value in found.items()}


class Theirs(cpu.Theirs):
    """RecurrentGemma does not give its cache back: it fills the one that it is given,
    and keeps states in its layers."""

    def prefill(self, tokens: Tensor, more: int) -> Tensor:
        config: Any = self.model.config
        if config.model_type != "recurrent_gemma":
            return super().prefill(tokens, more)
        self.cache = DynamicCache(config=config)
        return self.step(tokens)[:, -1:]


def check_same(ours: cpu.Ours, theirs: Any, tokens: Tensor) -> None:
    """At once, and of tokens behind a prompt; theirs at once, for not every family's
    steps are what it computes of a whole sequence."""
    expected = theirs(tokens, use_cache=False).logits
    found = [ours.prefill(tokens[:, :-4], 4)]
    found += [ours.step(token) for token in tokens[:, -4:].split(1, dim=1)]
    pairs = (ours.model(tokens), expected), (torch.cat(found, 1), expected[:, -5:])
    for one, other in pairs:
        error = float((one - other).abs().max() / other.abs().max())
        if not error <= SAME:
            raise SystemExit(f"not the same model: logits differ by {error:.1e}")


def measure(name: str, rounds: int, steps: int, now: Callable[[], float]) -> Any:
    """Of each side the medians in milliseconds and the peak, and the ratios."""
    config = configuration(name)
    other = of_transformers(config)
    model = of_starc(config, other)
    ours, theirs = cpu.Ours(model), Theirs(other)
    tokens = torch.randint(VOCAB, (1, PROMPT))
    found: dict[str, Any] = {}
    with torch.no_grad():
        check_same(ours, other, tokens[:, :COMPARED])
        start = now()
        theirs.prefill(tokens, steps)
        rounds = rounds if now() - start < SLOW else 1
        prompts: Sides = {
            "ours": partial(ours.prefill, tokens, steps),
            "theirs": partial(theirs.prefill, tokens, steps),
        }
        found["prefill"] = in_turns([prompts] * rounds, now)
        found["decode"] = in_turns(
            [
                {"ours": partial(ours.step, one), "theirs": partial(theirs.step, one)}
                for one in torch.randint(VOCAB, (steps, 1, 1))
            ],
            now,
        )
    ours.cache = theirs.cache = None
    passes: Sides = {
        "ours": partial(train, model, tokens),
        "theirs": partial(train, other, tokens),
    }
    peaks = {side: peak_megabytes(call) for side, call in passes.items()}
    found["train"] = in_turns([passes] * rounds, now)
    found["peak"] = {f"{side}_mb": round(value, 1) for side, value in peaks.items()}
    found["peak"]["ratio"] = round(peaks["theirs"] / peaks["ours"], 2)
    found["load"] = machine.facts()["load"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="passes on each side")
    parser.add_argument("--tokens", type=int, default=24, help="decoded on each side")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("names", nargs="*", help="families; all where none is named")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    now = time.perf_counter if given.clock == "wall" else time.process_time
    said = {key: value for key, value in vars(given).items() if key != "names"}
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"families": {}}
    found: dict[str, Any] = {"machine": machine.facts() | said}
    found["families"] = before["families"] if given.names else {}
    for name in given.names or NAMES:
        one = measure(name, given.rounds, given.tokens, now)
        found["families"] |= {name: one}
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(row(name, one), flush=True)


def row(name: str, one: dict[str, Any]) -> str:
    """A line of the table in docs/benchmarks.md: the ratios."""
    return f"| `{name}` | {' | '.join(cell(one[part]) for part in PARTS)} |"


def cell(found: dict[str, float]) -> str:
    """A ratio, with `~` where it is below 1 and may be so by chance."""
    return f"{found['ratio']:.2f}{' ~' if by_chance(found) else ''}"


def by_chance(found: dict[str, float]) -> bool:
    """Below 1, and a quarter of the single rounds or more is not."""
    return found["ratio"] < 1 <= found.get("high", 0)


if __name__ == "__main__":
    main()
