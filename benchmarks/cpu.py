"""An emitted LFM2-like model against transformers' Lfm2ForCausalLM, on a CPU.

    python -m benchmarks.cpu [--threads 2] [--rounds 15] [--tokens 64] [--wait passive]

Both are plain eager PyTorch with the same weights, without autograd; theirs with its
own cache and sdpa attention. The two sides take turns, prompt by prompt and token by
token, so that a busy machine slows both; a ratio is theirs / ours of the medians of one
run. Prefill is a prompt of 512 tokens into an empty cache, with the logits of its last
token; decode is one token after it. `most` is the ratio of a decoder that does nothing
but read the weights once. On a machine that others load, threads that spin while they
wait take the processor from those that they wait for, and a step takes ten times as
long: `--wait active` is for one where nothing else runs, and `--threads 1 --clock cpu`,
processor time, for a loaded one. `fastest` is theirs / ours of the shortest times,
which other processes disturb least. Writes benchmarks/results/cpu_<kind>.json, one for
each kind of processor: PyTorch multiplies differently with AMX and without.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import lfm2, machine

RESULTS = Path(__file__).parent / "results"
PROMPT = 512
SAME = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
"""Largest difference of logits over their largest value."""


class Ours:
    def __init__(self, model: lfm2.Emitted) -> None:
        self.model = model

    def prefill(self, tokens: Tensor, more: int) -> Tensor:
        self.cache = self.model.new_cache(tokens.shape[0], tokens.shape[1] + more)
        logits: Tensor = self.model(tokens, self.cache, last_only=True)
        return logits

    def step(self, token: Tensor) -> Tensor:
        logits: Tensor = self.model(token, self.cache)
        return logits


class Theirs:
    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def prefill(self, tokens: Tensor, more: int) -> Tensor:
        out = self.model(tokens, use_cache=True, logits_to_keep=1)
        self.cache = out.cache
        logits: Tensor = out.logits
        return logits

    def step(self, token: Tensor) -> Tensor:
        out = self.model(token, cache=self.cache, use_cache=True)
        logits: Tensor = out.logits
        return logits


def check_same(ours: Ours, theirs: Theirs, tokens: Tensor, dtype: torch.dtype) -> None:
    """Of all tokens of a prompt at once, and of tokens after a prompt."""
    pairs = [(ours.model(tokens), theirs.model(tokens, use_cache=False).logits)]
    start = tokens[:, :-4]
    pairs.append((ours.prefill(start, 4), theirs.prefill(start, 4)))
    for token in tokens[:, -4:].split(1, dim=1):
        pairs.append((ours.step(token), theirs.step(token)))
    for one, other in pairs:
        error = (one.float() - other.float()).abs().max() / other.float().abs().max()
        if not error <= SAME[dtype]:
            raise SystemExit(f"not the same model: logits differ by {error:.1e}")


def measure(
    dtype: torch.dtype, rounds: int, tokens: int, now: Callable[[], float]
) -> dict[str, Any]:
    """Medians in milliseconds and the ratios, in one type of weights."""
    torch.manual_seed(0)
    model = lfm2.emitted()
    ours, theirs = Ours(model.to(dtype)), Theirs(lfm2.of_transformers(model).to(dtype))
    prompt = torch.randint(lfm2.VOCAB, (1, PROMPT))
    check_same(ours, theirs, prompt, dtype)
    weights = [weight.detach() for weight in model.parameters()]
    found: dict[str, Any] = {
        "weights_megabytes": round(sum(weight.nbytes for weight in weights) / 1e6, 1)
    }
    prompts: list[dict[str, Callable[[], object]]] = [
        {
            "ours": partial(ours.prefill, prompt, tokens),
            "theirs": partial(theirs.prefill, prompt, tokens),
        }
    ]
    found["prefill"] = in_turns(prompts * rounds, now)
    found["decode"] = in_turns(
        [
            {
                "ours": partial(ours.step, token),
                "theirs": partial(theirs.step, token),
                "weights": partial(machine.read, weights),
            }
            for token in torch.randint(lfm2.VOCAB, (tokens, 1, 1))
        ],
        now,
    )
    decode = found["decode"]
    decode["most"] = round(decode["theirs_ms"] / decode["weights_ms"], 2)
    return found


def in_turns(
    rounds: list[dict[str, Callable[[], object]]], now: Callable[[], float]
) -> dict[str, float]:
    """Medians of the calls of each name, and theirs / ours."""
    times: dict[str, list[float]] = {}
    for calls in rounds:
        for name, call in calls.items():
            times.setdefault(name, []).append(1e3 * machine.timed(call, now))
    middle = {name: statistics.median(values) for name, values in times.items()}
    found = {f"{name}_ms": round(value, 2) for name, value in middle.items()}
    found["ratio"] = round(middle["theirs"] / middle["ours"], 2)
    return found | {"fastest": round(min(times["theirs"]) / min(times["ours"]), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15, help="prompts on each side")
    parser.add_argument("--tokens", type=int, default=64, help="decoded on each side")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--wait", choices=("active", "passive"), default="passive")
    given = parser.parse_args()
    if os.environ.get("OMP_WAIT_POLICY") != given.wait:  # read when OpenMP starts
        os.environ["OMP_WAIT_POLICY"] = given.wait
        os.execv(
            sys.executable, [sys.executable, "-m", "benchmarks.cpu", *sys.argv[1:]]
        )
    torch.set_num_threads(given.threads)
    now = time.perf_counter if given.clock == "wall" else time.process_time
    found: dict[str, Any] = {"machine": machine.facts() | vars(given)}
    found["copy_gigabytes_per_second"] = round(machine.copy_gigabytes_per_second(), 1)
    print(f"{found['machine']['processor']}, {found['machine']['kind']}")
    print(f"{'':10}{'':9}{'starc':>10}{'transformers':>14}{'ratio':>7}{'fastest':>9}")
    with torch.no_grad():
        for dtype in torch.float32, torch.bfloat16:
            name = str(dtype).removeprefix("torch.")
            found[name] = measure(dtype, given.rounds, given.tokens, now)
            for what in "prefill", "decode":
                line = found[name][what]
                print(
                    f"{name:10}{what:9}{line['ours_ms']:7.1f} ms"
                    f"{line['theirs_ms']:11.1f} ms{line['ratio']:7.2f}"
                    f"{line['fastest']:9.2f}"
                )
            most = found[name]["decode"]["most"]
            read = found[name]["decode"]["weights_ms"]
            print(f"{name:10}weights{read:9.1f} ms{'':14}{most:7.2f} at most")
    found["machine"]["load_after"] = machine.facts()["load"]
    print(f"copy: {found['copy_gigabytes_per_second']} GB/s; {found['machine']}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"cpu_{found['machine']['kind']}.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
