"""Documents packed in one row against the same documents in padded rows, on a CPU.

    python -m benchmarks.packed [--tokens 2048]

Lengths are log-normal, as those of web texts are: half of them under 200 tokens, a
seventh above 540, none above 1,024. A step is forward and backward over all of them:
as one row with `cu_seqlens`, as rows filled up on the right to the longest, and as rows
with `pads` on the left. Last, a call that asks for none of it against its embedding,
blocks and head called one by one, 16 tokens without gradients. Writes
benchmarks/results/packed.json: medians of tokens of documents a second, and of ratios
within a round.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks import machine
from starc import compiler
from starc.training.emitted import of_source

RESULTS = Path(__file__).parent / "results" / "packed.json"
SETTINGS = "model m { width = 256; vocab = 4096; context = 1024 }"
MODELS = {
    "attention": "4 x { GQA(heads = 4, kv_heads = 2); SwiGLU }",
    "hybrid": "2 x { ShortConv; SwiGLU; GQA(heads = 4, kv_heads = 2); SwiGLU }",
    "ssd": "4 x { SSD(head_dim = 64, states = 64) }",
}
HALF, SPREAD, LONGEST = 200, 1.0, 1024
ROUNDS = 5
PAIRS = 500

Steps = dict[str, Callable[[], torch.Tensor]]


def lengths(tokens: int) -> list[int]:
    """Of documents, until there are so many tokens."""
    random, found = Random(0), list[int]()
    while sum(found) < tokens:
        drawn = random.lognormvariate(math.log(HALF), SPREAD)
        found.append(max(1, min(round(drawn), LONGEST, tokens - sum(found))))
    return found


def steps(model: Any, documents: list[int]) -> Steps:
    """Logits of all, in the three ways."""
    row = torch.randint(model.config.vocab, (1, sum(documents)))
    borders = torch.tensor([0, *accumulate(documents)])
    filled = torch.zeros(len(documents), max(documents), dtype=row.dtype)
    left = filled.clone()
    for index, document in enumerate(row[0].split(documents)):
        filled[index, : len(document)] = document
        left[index, -len(document) :] = document
    pads = filled.shape[1] - torch.tensor(documents)
    return {
        "packed": lambda: model(row, cu_seqlens=borders),
        "filled": lambda: model(filled),
        "pads": lambda: model(left, pads=pads),
    }


def nothing_asked(model: Any) -> float:
    """What it costs that a call may be asked for sequences: the ratio of the times."""
    tokens = torch.randint(model.config.vocab, (1, 16))

    def apart() -> torch.Tensor:
        x = model.embedding(tokens)
        for block in model.blocks:
            x = block(x)
        return F.linear(model.norm(x), model.embedding.weight)

    with torch.no_grad():
        assert torch.equal(apart(), model(tokens))
        pairs = [
            machine.timed(lambda: model(tokens)) / machine.timed(apart)
            for _ in range(PAIRS)
        ]
    return round(statistics.median(pairs[PAIRS // 10 :]), 3)


def both_ways(step: Callable[[], torch.Tensor]) -> None:
    step().sum().backward()


def measured(name: str, documents: list[int]) -> dict[str, Any]:
    torch.manual_seed(0)
    text = f"{SETTINGS}\nbackbone {{ {MODELS[name]} }}"
    model = of_source(compiler.compile(text).encode(), Path("model.py")).Model()
    seconds: dict[str, list[float]] = {}
    for number in range(ROUNDS + 1):  # the first does not count
        for way, step in steps(model, documents).items():
            model.zero_grad()
            took = machine.timed(partial(both_ways, step))
            if number:
                seconds.setdefault(way, []).append(took)
    rates = {way: sum(documents) / statistics.median(s) for way, s in seconds.items()}
    found: dict[str, Any] = {f"{way}_tokens_s": round(r) for way, r in rates.items()}
    for way in ("filled", "pads"):
        ratios = [a / b for a, b in zip(seconds[way], seconds["packed"], strict=True)]
        found[f"packed_over_{way}"] = round(statistics.median(ratios), 2)
    found["nothing_asked"] = nothing_asked(model)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=2048)
    documents = lengths(parser.parse_args().tokens)
    found = {
        "documents": len(documents),
        "tokens": sum(documents),
        "padding": round(1 - sum(documents) / (len(documents) * max(documents)), 2),
        "models": {name: measured(name, documents) for name in MODELS},
        "machine": machine.facts(),
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
