"""A mixture of experts against a dense layer that does as much work, on a CPU.

    python -m benchmarks.experts [--tokens 2048] [--grouped]

The mixture takes 8 of 64 experts; the dense layer is one gated linear unit with the
channels of 8. A training step is forward and backward of both, in turn, to weights and
input, as of a layer in a model; a decode step is one token. Counted are seconds of the
processor, in one thread, so that what else runs on the machine matters little: of two
threads one spins while it waits for the other. bfloat16 is measured where the processor
has instructions for it. `--grouped` measures, and writes beside the rest, what the
same training step takes with torch's grouped product instead of one for each expert.
Writes benchmarks/results/experts.json: medians, and ratios
within a round.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks import machine
from starc import compiler
from starc.training.emitted import of_source

RESULTS = Path(__file__).parent / "results" / "experts.json"
WIDTH, HIDDEN, EXPERTS, TOP = 1024, 256, 64, 8
WANTED = 1.3
ROUNDS = 7
WITH_BFLOAT16 = ("amx", "avx512_bf16")


def layer(liv: str, dtype: torch.dtype, grouped: bool = False) -> Any:
    """The emitted class of one LIV. grouped: by torch's grouped product."""
    text = f"model m {{ width = {WIDTH} }}\nbackbone {{ it: {liv} }}"
    module: Any = of_source(compiler.compile(text).encode(), Path("model.py"))
    if grouped:
        module._grouped_is_faster = lambda x: True
    return module.Model().to(dtype).it


def step(module: Any, x: torch.Tensor) -> Callable[[], object]:
    def run() -> None:
        module.zero_grad()
        module(x).sum().backward()

    return run


def rounds(calls: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Seconds of each call, in turn, after a round that does not count."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(ROUNDS + 1):
        for name, call in calls.items():
            seconds = machine.timed(call, time.process_time)
            if number:
                found[name].append(seconds)
    return found


def compared(mixture: list[float], dense: list[float]) -> dict[str, float]:
    ratios = [m / d for m, d in zip(mixture, dense, strict=True)]
    return {
        "mixture_ms": round(1e3 * statistics.median(mixture), 3),
        "dense_ms": round(1e3 * statistics.median(dense), 3),
        "ratio": round(statistics.median(ratios), 3),
    }


MIXTURE = f"MoE(experts = {EXPERTS}, top = {TOP}, hidden = {HIDDEN})"


def by_grouped_product(dtype: torch.dtype, tokens: int) -> dict[str, float]:
    """A training step of the mixture, and of one that has the same weights."""
    torch.manual_seed(0)
    ours, other = layer(MIXTURE, dtype), layer(MIXTURE, dtype, grouped=True)
    other.load_state_dict(ours.state_dict())
    x = torch.randn(1, tokens, WIDTH, dtype=dtype, requires_grad=True)
    torch.testing.assert_close(ours(x), other(x), rtol=1e-3, atol=1e-3)
    found = rounds({"ours": step(ours, x), "other": step(other, x)})
    each = zip(found["other"], found["ours"], strict=True)
    return {
        "ours_ms": round(1e3 * statistics.median(found["ours"]), 3),
        "grouped_ms": round(1e3 * statistics.median(found["other"]), 3),
        "ratio": round(statistics.median(other / ours for other, ours in each), 3),
    }


def measured(dtype: torch.dtype, tokens: int) -> dict[str, Any]:
    torch.manual_seed(0)
    mixture = layer(MIXTURE, dtype)
    dense = layer(f"SwiGLU(hidden = {TOP * HIDDEN})", dtype)
    x = torch.randn(1, tokens, WIDTH, dtype=dtype, requires_grad=True)
    found = rounds({"mixture": step(mixture, x), "dense": step(dense, x)})
    one = x[:, :1]
    with torch.no_grad():
        decoded = rounds({"mixture": lambda: mixture(one), "dense": lambda: dense(one)})
    return {
        "training_step": compared(found["mixture"], found["dense"]),
        "one_token": compared(decoded["mixture"], decoded["dense"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--grouped", action="store_true")
    given = parser.parse_args()
    tokens = given.tokens
    torch.set_num_threads(1)
    dtypes = [torch.float32]
    if machine.kind() in WITH_BFLOAT16:
        dtypes.append(torch.bfloat16)
    if given.grouped:
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
        found["grouped_product"] = {
            "load": machine.facts()["load"],
            **{_name(dtype): by_grouped_product(dtype, tokens) for dtype in dtypes},
        }
        write(found)
        return
    found = {
        "machine": machine.facts(),
        "shape": {
            "width": WIDTH,
            "hidden": HIDDEN,
            "experts": EXPERTS,
            "top": TOP,
            "tokens": tokens,
        },
        "wanted": WANTED,
        **{_name(dtype): measured(dtype, tokens) for dtype in dtypes},
    }
    write(found)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def write(found: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
