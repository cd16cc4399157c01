"""Exported folders against the emitted file and transformers' own classes, on a CPU.

    python -m benchmarks.export [--rounds 9] [--tokens 32] [--clock cpu] [--memory]

Three models of one source with the same weights, in float32 and eager: the emitted
file, the folder that `starc export --remote-code` writes, and the one without code,
which is of transformers' own class. They take turns; logits are compared first. Forward
is a prompt of 128 tokens without a cache, decode one token after it, train a forward
and backward pass over it. A ratio is the median over the rounds of the other / the
exported of that round; less than 1 is against the exported folder. On a loaded machine
processor time is the better clock. `--memory` exports new weights of LFM2-1.2B's size
in another process and says how much more memory that had at most than an export of a
tiny model. Writes benchmarks/results/export.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from benchmarks import lfm2, machine
from benchmarks.zoo import train
from starc.export import hf
from starc.export.architecture import Architecture
from starc.source import Source

RESULTS = Path(__file__).parent / "results" / "export.json"
EXAMPLES = Path(__file__).parent.parent / "examples"
VOCAB, PROMPT, SAME = 32_768, 128, 1e-4
PARTS = ("forward", "decode", "train")
AGAINST = ("emitted", "theirs")

HEAD = f"width = 768; vocab = {VOCAB}; context = 1024"
SOURCES = {
    "lfm2": f"""
model lfm2_like {{ {HEAD}; norm = rms(eps = 1e-5) }}
liv attn = GQA(heads = 12, kv_heads = 4, qk_norm = true)
liv mlp  = SwiGLU(hidden = 2048)
backbone {{ 4 x {{ ShortConv; mlp; ShortConv; mlp; attn; mlp }} }}
""",
    "llama": f"""
model llama_like {{ {HEAD} }}
backbone {{ 12 x {{ GQA(heads = 12, kv_heads = 4); SwiGLU(hidden = 2048) }} }}
""",
    "mamba2": f"""
model mamba2_like {{ {HEAD} }}
backbone {{ 24 x {{ Mamba-2(heads = 24, head_dim = 64, states = 128) }} }}
""",
}
"""By the family that each is recognised as."""


class Side:
    """One of the models; both conventions of caches."""

    def __init__(self, model: Any, emitted: bool) -> None:
        self.model, self.emitted = model.eval(), emitted
        self.cache: Any = None

    def logits(self, tokens: Tensor) -> Tensor:
        if self.emitted:
            found: Tensor = self.model(tokens)
            return found
        logits: Tensor = self.model(tokens, use_cache=False).logits
        return logits

    def start(self, tokens: Tensor, more: int) -> None:
        """A cache that holds the prompt."""
        if self.emitted:
            self.cache = self.model.new_cache(1, tokens.shape[1] + more)
            self.model(tokens, self.cache)
        else:
            self.cache = self.model(tokens, use_cache=True).cache

    def step(self, token: Tensor) -> None:
        if self.emitted:
            self.model(token, self.cache)
        else:
            self.model(token, cache=self.cache, use_cache=True)


def sides(text: str) -> dict[str, Side]:
    model = lfm2.emitted(text)
    architecture = Architecture.of(Source("m.star", text))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        weights = folder / "w.safetensors"
        save_file(model.state_dict(), weights)
        found = {"emitted": Side(model, True)}
        for name, code in (("exported", True), ("theirs", False)):
            hf.export(architecture, folder / name, weights, remote_code=code)
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder / name, trust_remote_code=code, dtype=torch.float32
            )
            found[name] = Side(loaded, False)
    return found


def in_turns(
    calls: dict[str, Callable[[], object]], rounds: int, now: Callable[[], float]
) -> dict[str, float]:
    """Medians in milliseconds, and of the ratios within a round. Who begins changes."""
    names = [*calls]
    for name in names:  # not counted: what is done once
        calls[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(rounds):
        turn = round_ % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(machine.timed(calls[name], now))
    found = {f"{n}_ms": round(1e3 * statistics.median(t), 3) for n, t in times.items()}
    for other in AGAINST:
        pairs = zip(times[other], times["exported"], strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        found[f"{other}_ratio"] = round(ratio, 3)
    return found


def measure(text: str, rounds: int, steps: int, now: Callable[[], float]) -> Any:
    there = sides(text)
    tokens = torch.randint(VOCAB, (1, PROMPT), generator=torch.manual_seed(0))
    with torch.no_grad():
        expected = there["emitted"].logits(tokens)
        for name, side in there.items():
            error = float((side.logits(tokens) - expected).abs().max())
            if not error <= SAME * float(expected.abs().max()):
                raise SystemExit(f"{name}: logits differ by {error:.1e}")

        def each(
            call: Callable[[Side], object],
        ) -> dict[str, Callable[[], object]]:
            return {name: lambda s=s: call(s) for name, s in there.items()}  # type: ignore[misc]

        found = {"forward": in_turns(each(lambda s: s.logits(tokens)), rounds, now)}
        for side in there.values():
            side.start(tokens, steps + 1)
        token = tokens[:, :1]
        found["decode"] = in_turns(each(lambda s: s.step(token)), steps, now)
    found["train"] = in_turns(each(lambda s: passed(s.model, tokens)), rounds, now)
    return found


def passed(model: nn.Module, tokens: Tensor) -> None:
    train(model, tokens)


def memory() -> dict[str, Any]:
    """Of an export of new weights of LFM2-1.2B's size, in megabytes. Linux."""
    big = Architecture.of(
        Source("lfm2_1b.star", (EXAMPLES / "lfm2_1b.star").read_text("utf-8"))
    )
    shapes = big.shapes().values()
    sizes = [4 * torch.Size(shape).numel() for shape in shapes]
    found: dict[str, Any] = {"parameters": sum(sizes) // 4}
    found["largest_mb"] = round(max(sizes) / 2**20, 1)
    for form, more in (("without_code", ()), ("with_code", ("--remote-code",))):
        base, peak = (most("tiny_hybrid", more), most("lfm2_1b", more))
        found[form] = {"peak_mb": round(peak - base, 1), "base_mb": round(base, 1)}
        found[form]["of_largest"] = round((peak - base) / found["largest_mb"], 2)
    return found


def most(example: str, more: tuple[str, ...]) -> float:
    """Megabytes of a process that exports it, at most."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "starc", "export", *more]
            + [str(EXAMPLES / f"{example}.star"), f"{folder}/out"],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{example}: the export failed")
    return used.ru_maxrss / 1024


def row(name: str, part: str, one: dict[str, float]) -> str:
    """A line of the table in docs/benchmarks.md."""
    times = " | ".join(f"{one[f'{n}_ms']:.1f} ms" for n in ("exported", *AGAINST))
    ratios = " | ".join(f"{one[f'{other}_ratio']:.2f}" for other in AGAINST)
    return f"| {name}, {part} | {times} | {ratios} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=32, help="decoded on each side")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--memory", action="store_true", help="this part alone")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    now = time.perf_counter if given.clock == "wall" else time.process_time
    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if given.memory:
        found["memory"] = memory() | {"load": machine.facts()["load"]}
        print(found["memory"])
    else:
        found["machine"] = machine.facts() | vars(given)
        found["families"] = {}
        for name, text in SOURCES.items():
            one = measure(text, given.rounds, given.tokens, now)
            found["families"][name] = one
            for part in PARTS:
                print(row(name, part, one[part]), flush=True)
        found["machine"]["load_after"] = machine.facts()["load"]
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
