"""How long one waits in the playground, in a headless chromium.

    make playground && python -m benchmarks.playground [--turns 5]

`first`: from opening the page, of this machine, in a browser that has seen nothing,
to the first emitted file; `ratio` is over a page that loads Pyodide and nothing else.
`later`: from a key to the emitted file; `ratio` is over the same compilations in Python
on this machine. On a machine that others load, `chrt -r 1 python -m ...` lets the
browser go first. Writes benchmarks/results/playground.json.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from starc import compiler
from tools.playground import build, pack, serve

RESULTS = Path(__file__).parent / "results" / "playground.json"
EXAMPLE = "tiny_hybrid.star"


def here(count: int) -> list[float]:
    """Milliseconds of the same compilations without a browser."""
    text, times = pack.examples()[EXAMPLE], []
    for turn in range(count):
        changed = text.replace("kernel = 3", f"kernel = {turn % 7 + 4}")
        start = time.perf_counter()
        compiler.compile(changed, EXAMPLE)
        times.append(1000 * (time.perf_counter() - start))
    return times[count // 2 :]  # the first ones read templates


def measured(turns: int, chromium: str) -> dict[str, Any]:
    serving = serve.server(build.FOLDER / build.PAGE)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{serving.server_port}/"
    command = ["node", "test/time.mjs", address, chromium, str(turns)]
    run = subprocess.run(command, cwd=build.FOLDER, capture_output=True, text=True)
    serving.shutdown()
    if run.returncode:
        sys.exit(f"benchmarks.playground: {run.stderr[-2000:]}")
    seen: dict[str, list[float]] = json.loads(run.stdout)
    python = median(here(40))
    first, later = seen["first"], seen["later"]
    return {
        "pyodide_s": round(median(seen["bare"]) / 1000, 2),
        "first_s": round(median(first) / 1000, 2),
        "first_worst_s": round(max(first) / 1000, 2),
        "first_ratio": round(median(first) / median(seen["bare"]), 2),
        "later_ms": round(median(later), 1),
        "later_p95_ms": round(quantiles(later, n=20)[-1], 1),
        "later_worst_ms": round(max(later), 1),
        "later_ratio": round(median(later) / python, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--turns", type=int, default=5, help="browsers of each kind")
    turns = parser.parse_args().turns
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("benchmarks.playground: no chromium: apt-get install chromium")
    if not (build.FOLDER / build.PAGE / "index.html").exists():
        sys.exit("benchmarks.playground: nothing is built yet: make playground")
    result = {
        "turns": turns,
        "first_in_line": os.sched_getscheduler(0) != os.SCHED_OTHER,
        "load": round(os.getloadavg()[0], 1),
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        **measured(turns, chromium),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
