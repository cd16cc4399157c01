"""How long an editor waits for the language server, in a file of 1,000 LIVs.

    python -m benchmarks.editor [--edits 40] [--clock wall]

Edits are made as they are typed, a character at a time, at places over the whole file:
a LIV's name (unknown until it is whole), a parameter (no syntax until it is whole) and
its number. After each the mistakes of the whole text are computed, as `starc lsp` does,
in process; then what an editor asks besides. `ratio` is the time over that of Python's
own parser for a text of as many lines, measured in turn, so that it can be read on
another machine. On a machine that others load, `--clock cpu` counts processor time.
Writes benchmarks/results/editor.json.
"""

import argparse
import ast
import gc
import json
import os
import platform
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from starc.lsp import hints, hover, outline, tokens
from starc.lsp.completion import completions
from starc.lsp.document import Document

RESULTS = Path(__file__).parent / "results" / "editor.json"
LIVS = 1000
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def program() -> str:
    lines = []
    for number in range(LIVS // 4):
        lines += [f"a{number}: GQA(heads = 16, kv_heads = 4)", "SwiGLU"]
        lines += [f"GQA(heads = 16, kv_heads = 4)   k, v from a{number}", "SwiGLU"]
    body = "".join(f"  {line}\n" for line in lines)
    return f"model big {{\n  width = 1024\n}}\n\nbackbone {{\n{body}}}\n"


TYPED = {
    "name": "ShortConv",
    "parameter": "ShortConv(kernel = 4)",
    "number": "ShortConv(kernel = 16)",
}
"""What is typed; of the last only the digits."""


def edits(text: str, typed: str, count: int) -> Iterator[tuple[str, int]]:
    """Texts and where the cursor stands, a character later each."""
    rng = random.Random(typed)
    starts = [i + 1 for i, sign in enumerate(text) if sign == "\n"][5:-2]
    first = len("ShortConv(kernel = 1") if typed.endswith("16)") else 1
    while count > 0:
        place = rng.choice(starts)
        for end in range(first, len(typed) + 1)[:count]:
            put = f"  {typed[:end]}"
            yield f"{text[:place]}{put}\n{text[place:]}", place + len(put)
            count -= 1


def mistakes(text: str) -> object:
    return Document("big.star", text).diagnostics


def measured(count: int, now: Callable[[], float]) -> dict[str, Any]:
    text, found = program(), {}
    python = "\n".join(f"a_{n} = f(heads=16, kv_heads=4)" for n in range(LIVS))
    assert Document("big.star", text + "(").diagnostics  # makes what is made once
    base: list[float] = []
    for name, typed in TYPED.items():
        times: list[float] = []
        for edited, _ in edits(text, typed, count):
            times.append(_seconds(now, partial(mistakes, edited)))
            base.append(_seconds(now, lambda: ast.parse(python)))
        found[name] = times
    at = text.index("GQA")
    asked: dict[str, Callable[[Document], object]] = {
        "completion": lambda d: completions(d, at),
        "hover": lambda d: hover.hover(d, at),
        "inlay hints": hints.hints,
        "semantic tokens": tokens.tokens,
        "symbols": outline.symbols,
    }
    for name, ask in asked.items():
        found[name] = []
        for _ in range(max(count // 4, 3)):
            document = Document("a", text)
            assert not document.diagnostics
            found[name].append(_seconds(now, partial(ask, document)))
    unit = median(base)
    return {
        name: {
            "median_ms": round(1000 * median(times), 1),
            "p95_ms": round(1000 * quantiles(times, n=20)[-1], 1),
            "ratio": round(median(times) / unit, 1),
        }
        for name, times in found.items()
    }


def _seconds(now: Callable[[], float], work: Callable[[], object]) -> float:
    start = now()
    work()
    return now() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--edits", type=int, default=40, help="of each kind")
    parser.add_argument("--clock", choices=[*CLOCKS], default="wall")
    given = parser.parse_args()
    gc.set_threshold(100_000, 50, 50)  # as the command does
    result = {
        "livs": LIVS,
        "edits": given.edits,
        "clock": given.clock,
        "load": round(os.getloadavg()[0], 1),
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "times": measured(given.edits, CLOCKS[given.clock]),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
