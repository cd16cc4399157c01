"""How long an editor waits for the language server, in a file of 1,000 LIVs.

    python -m benchmarks.editor [--edits 200]

Edits are made as they are typed, a character at a time, at random places over the whole
file: lines that are right, a LIV's name (unknown until it is whole), and lines that are
no syntax while they are typed, or of which a bracket or a brace is missing. After each
the mistakes of the whole text are computed, as `starc lsp` does, in process; then what
an editor asks besides. Both clocks are read: on a machine that others load, `cpu` is
what it takes, and `wall` what one waits there. `ratio` is the processor time over that
of Python's own parser for a text of as many lines, measured in turn, so that it can be
read on another machine. Writes benchmarks/results/editor.json.
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
from statistics import median
from typing import Any

from starc.lsp import hints, hover, outline, tokens
from starc.lsp.completion import completions
from starc.lsp.document import Document

RESULTS = Path(__file__).parent / "results" / "editor.json"
LIVS = 1000


def program() -> str:
    lines = []
    for number in range(LIVS // 4):
        lines += [f"a{number}: GQA(heads = 16, kv_heads = 4)", "SwiGLU"]
        lines += [f"GQA(heads = 16, kv_heads = 4)   k, v from a{number}", "SwiGLU"]
    body = "".join(f"  {line}\n" for line in lines)
    return f"model big {{\n  width = 1024\n}}\n\nbackbone {{\n{body}}}\n"


TYPED = {
    "right": ("ShortConv(kernel = ", "16)", True),
    "name": ("", "ShortConv", False),
    "syntax": ("ShortConv ker", "nel = 4 from", False),
    "bracket": ("ShortConv", "(kernel = 4", False),
    "brace": ("", "2 x { MHA", False),
}
"""Kind of edit: what stands there, what is typed behind it, whether its bracket is
closed meanwhile."""


def edits(text: str, kind: str, count: int) -> Iterator[str]:
    """Texts, a character later each; then at another place."""
    rng = random.Random(kind)
    starts = [i + 1 for i, sign in enumerate(text) if sign == "\n"][5:-2]
    there, typed, closed = TYPED[kind]
    while count > 0:
        place = rng.choice(starts)
        for end in range(1, len(typed) + 1)[:count]:
            put = there + typed[:end].rstrip(")") + ")" * closed
            yield f"{text[:place]}  {put}\n{text[place:]}"
            count -= 1


class Times:
    """Of one kind of work, in seconds."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def add(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.cpu.append(time.process_time() - cpu)
        self.wall.append(time.perf_counter() - wall)

    def shown(self, unit: float) -> dict[str, float]:
        """Milliseconds; `unit` in seconds."""
        found = {"ratio": round(median(self.cpu) / unit, 1)}
        for name, times in ("cpu", self.cpu), ("wall", self.wall):
            found[f"{name}_median"] = round(1000 * median(times), 1)
            found[f"{name}_worst"] = round(1000 * max(times), 1)
        return found


def mistakes(text: str) -> object:
    return Document("big.star", text).diagnostics


def measured(count: int) -> dict[str, Any]:
    text, found = program(), {kind: Times() for kind in TYPED}
    python, base = (
        "\n".join(f"a_{n} = f(heads=16, kv_heads=4)" for n in range(LIVS)),
        Times(),
    )
    for once in ("=", text):  # as the server does when it starts, and a file is opened
        mistakes(once)
    for kind, times in found.items():
        for edited in edits(text, kind, count):
            times.add(partial(mistakes, edited))
            base.add(partial(ast.parse, python))
    at = text.index("GQA")
    asked: dict[str, Callable[[Document], object]] = {
        "completion": lambda d: completions(d, at),
        "hover": lambda d: hover.hover(d, at),
        "inlay hints": hints.hints,
        "semantic tokens": tokens.tokens,
        "symbols": outline.symbols,
    }
    for name, ask in asked.items():
        found[name] = Times()
        for _ in range(max(count // 16, 3)):
            document = Document("a", text)
            assert not document.diagnostics
            found[name].add(partial(ask, document))
    unit = median(base.cpu)
    return {name: times.shown(unit) for name, times in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--edits", type=int, default=200, help="of each kind")
    given = parser.parse_args()
    gc.set_threshold(100_000, 50, 50)  # as the command does
    result = {
        "livs": LIVS,
        "edits": given.edits,
        "load": round(os.getloadavg()[0], 1),
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "milliseconds": measured(given.edits),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
